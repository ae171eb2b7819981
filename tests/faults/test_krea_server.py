"""The stand-in itself: as strict as Krea's document, one job list for each token, jobs that come when they are told to, and a true bill."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.faults.krea_jobs import Answer, Course
from tests.faults.krea_server import StandIn, serve

ROUTE = "/generate/video/xai/grok-video"
BODY = {"prompt": "a dawn", "duration": 2, "resolution": "480p"}


@pytest.fixture
def krea() -> Iterator[StandIn]:
    with serve(StandIn(answer=Answer(after=0.0, job_after=0.0), course=Course(seconds=0.2))) as stand_in:
        yield stand_in


def client(krea: StandIn, token: str = "test") -> httpx.Client:
    return httpx.Client(base_url=krea.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (ROUTE, {"prompt": "x", "startImage": None}, 400),
        (ROUTE, {"prompt": "x", "duration": "2"}, 400),
        (ROUTE, {"duration": 2}, 400),
        (ROUTE, ["x"], 400),
        ("/generate/video/xai/grok-video-9", BODY, 404),
    ],
)
def test_what_the_document_does_not_allow_is_refused_and_not_billed(krea: StandIn, path: str, body: object, status: int) -> None:
    with client(krea) as http:
        assert http.post(path, json=body).status_code == status
    assert (krea.posts, krea.jobs) == ([], [])


def test_nobody_sees_anything_without_a_token_or_of_another_account(krea: StandIn) -> None:
    with client(krea) as http, client(krea, "other") as other:
        job = http.post(ROUTE, json=BODY).json()["job_id"]
        assert httpx.get(f"{krea.url}/jobs", trust_env=False).status_code == 401
        assert [item["job_id"] for item in http.get("/jobs").json()["items"]] == [job]
        assert other.get("/jobs").json() == {"items": [], "next_cursor": None}
        assert other.get(f"/jobs/{job}").status_code == other.delete(f"/jobs/{job}").status_code == 404


@pytest.mark.parametrize("status", [502, "dropped"])
def test_a_job_comes_when_it_is_told_to_although_its_answer_was_lost(krea: StandIn, status: int | str) -> None:
    krea.answers = [Answer(status="dropped" if status == "dropped" else 502, after=0.0, job_after=0.3)]
    with client(krea) as http:
        try:
            assert http.post(ROUTE, json=BODY).status_code == status
        except httpx.RemoteProtocolError:
            assert status == "dropped"
        assert http.get("/jobs").json()["items"] == []
        krea.await_idle()
        (item,) = http.get("/jobs").json()["items"]
        (job,) = krea.ours()
        assert (item["job_id"], item["status"], job.post) == (job.id, "completed", krea.posts[0])
        clip = http.get(item["result"]["urls"][0])
    assert clip.content.endswith(job.id.encode())
    assert clip.content[4:8] == b"ftyp"


@pytest.mark.parametrize(("cancels", "billed"), [(True, 0), (False, 1)])
def test_a_cancel_is_heeded_or_not(krea: StandIn, cancels: bool, billed: int) -> None:
    krea.course = Course(seconds=0.3, cancels=cancels)
    with client(krea) as http:
        job = http.post(ROUTE, json=BODY).json()["job_id"]
        assert http.delete(f"/jobs/{job}").status_code == 200
    krea.await_idle()
    assert len(krea.ours()) == billed


def test_pages_of_the_list_hold_every_job_once(krea: StandIn) -> None:
    for _ in range(7):
        krea.make_foreign()
    time.sleep(0.02)
    with client(krea) as http:
        seen, cursor = [], None
        while True:
            page = http.get("/jobs", params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
            seen += [item["job_id"] for item in page["items"]]
            if (cursor := page["next_cursor"]) is None:
                break
    assert seen == [job.id for job in sorted(krea.jobs, key=lambda job: -job.created)]
    assert krea.ours() == [], "another program's jobs are none of ours"
