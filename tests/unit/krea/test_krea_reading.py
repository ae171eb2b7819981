"""Reading is repeated with back-off until patience runs out, and tells absence, refusal and outage apart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import anyio
import httpx
import pytest

from animatic.errors import AnimaticError, BadMediaError, KreaRefusedError, KreaUnreachableError, OutOfCreditsError, UsageError
from animatic.krea import KreaClient
from animatic.settings import Patience
from tests.unit.krea.conftest import FakeKrea, Time

pytestmark = pytest.mark.anyio
Make = Callable[..., KreaClient]


@pytest.mark.parametrize(
    "failure",
    [
        httpx.Response(500),
        httpx.Response(503, text="upstream"),
        httpx.Response(524, html="<title>late</title>"),
        httpx.Response(408),
        httpx.Response(425),
        httpx.Response(429, json={"error": "busy"}),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("closed"),
        httpx.PoolTimeout("full"),
        httpx.Response(200, html="<title>Sign in to the airport</title>"),
        httpx.Response(200, content=b'{"job_id": "a", "st'),
        httpx.Response(200, json={"status": "queued"}),
    ],
    ids=str,
)
async def test_passing_failures_are_retried(krea: FakeKrea, client: KreaClient, failure: httpx.Response | Exception) -> None:
    krea.add("a")
    krea.script += [failure, failure]
    async with client:
        job = await client.job("a")
    assert job is not None
    assert job.id == "a"
    assert len(krea.requests) == 3


async def test_delays_grow_and_heed_the_server(krea: FakeKrea, time: Time, client: KreaClient) -> None:
    krea.add("a")
    krea.script += [httpx.Response(500)] * 4 + [httpx.Response(429, headers={"Retry-After": "17"})]
    async with client:
        await client.job("a")
    for nap, most in zip(time.naps, (0.5, 1, 2, 4, 17), strict=True):
        assert most / 2 <= nap <= most
    assert time.naps[-1] == 17


async def test_a_long_outage_ends_as_unreachable(krea: FakeKrea, time: Time, client: KreaClient) -> None:
    krea.down_until = 1e9
    async with client:
        with pytest.raises(KreaUnreachableError) as caught:
            await client.job("a")
    assert 60 <= time.seconds <= 61
    assert "60 s" in caught.value.message
    assert caught.value.exit_code == 6


async def test_a_refused_token_is_not_retried(krea: FakeKrea, client: KreaClient) -> None:
    krea.script.append(httpx.Response(401, json={"message": "Unauthorized"}))
    async with client:
        with pytest.raises(KreaRefusedError):
            await client.job("a")
    assert len(krea.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(("times", "refused"), [(1, False), (2, False), (3, True)])
async def test_a_token_that_was_good_a_moment_ago_is_tried_again(
    krea: FakeKrea, client: KreaClient, status: int, times: int, refused: bool
) -> None:
    """A gateway that turns one request away must not end a run of a hundred paid jobs."""
    krea.add("a")
    krea.script += [httpx.Response(200, json=krea.body("a")), *[httpx.Response(status, html="<title>Just a moment...</title>")] * times]
    async with client:
        await client.job("a")
        if refused:
            with pytest.raises(KreaRefusedError):
                await client.job("a")
        else:
            assert await client.job("a") is not None
    assert len(krea.requests) == 1 + min(times, 3) + (not refused)


async def test_an_unusable_address_is_not_retried(krea: FakeKrea, time: Time, client: KreaClient) -> None:
    krea.script.append(httpx.UnsupportedProtocol("x"))
    async with client:
        with pytest.raises(KreaUnreachableError):
            await client.job("a")
    assert time.naps == []


async def test_a_redirected_api_is_a_wrong_setting(krea: FakeKrea, client: KreaClient) -> None:
    krea.script.append(httpx.Response(301, headers={"location": "https://www.krea.test/"}))
    async with client:
        with pytest.raises(UsageError, match="KREA_API_URL"):
            _ = [job async for job in client.jobs(limit=1)]


SENSELESS = [
    httpx.Response(302, headers={"location": "https://elsewhere.test/"}),
    httpx.Response(308, headers={"location": "/jobs/a/"}),
    httpx.Response(400, json={"error": "bad id"}),
    httpx.Response(405),
    httpx.Response(409, json={"error": "conflict"}),
    httpx.Response(422, json={"error": "content policy violation"}),
    httpx.Response(200, json={"job_id": "b", "status": "completed", "result": {"urls": ["https://gen.krea.test/b.mp4"]}}),
    httpx.Response(200, json={"job_id": "b", "status": "failed"}),
]
"""Answers about a job that was paid for which say nothing about it."""


@pytest.mark.parametrize("answer", SENSELESS, ids=lambda answer: f"{answer.status_code}-{answer.content[:40]!r}")
async def test_an_answer_that_says_nothing_about_a_job_is_asked_for_again(
    krea: FakeKrea, client: KreaClient, answer: httpx.Response
) -> None:
    krea.add("a", seconds=0)
    krea.script += [answer, answer]
    async with client:
        job = await client.job("a")
    assert job is not None
    assert (job.id, job.urls) == ("a", ("https://gen.krea.test/a.mp4?sig=1",))
    assert {request.url.host for request in krea.requests} == {"krea.test"}


@pytest.mark.parametrize("answer", SENSELESS, ids=lambda answer: f"{answer.status_code}-{answer.content[:40]!r}")
async def test_one_that_always_comes_is_an_outage_and_judges_no_request(krea: FakeKrea, client: KreaClient, answer: httpx.Response) -> None:
    krea.script += [answer] * 200
    async with client:
        with pytest.raises(KreaUnreachableError):
            await client.job("a")


async def test_the_list_in_which_jobs_are_looked_for_judges_no_request_either(krea: FakeKrea, time: Time, client: KreaClient) -> None:
    krea.add("a")
    krea.script += [httpx.Response(302), httpx.Response(400, json={"error": "bad cursor"})]
    async with client:
        assert [job.id async for job in client.jobs(since=time.now() - timedelta(minutes=1))] == ["a"]


async def test_the_spelling_of_an_id_is_not_another_job(krea: FakeKrea, client: KreaClient) -> None:
    krea.script.append(httpx.Response(200, json={"job_id": "A-1", "status": "queued"}))
    async with client:
        job = await client.job("a-1")
    assert job is not None
    assert job.id == "a-1"


async def test_a_job_that_is_gone_is_unknown(krea: FakeKrea, client: KreaClient) -> None:
    krea.script.append(httpx.Response(410, json={"error": "model_unavailable", "message": "gone"}))
    async with client:
        assert await client.job("a") is None
    assert len(krea.requests) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(402, json={"error": "insufficient balance"}), OutOfCreditsError),
        (httpx.Response(402, json={"error": "upgrade your plan"}), KreaRefusedError),
        (httpx.Response(403, json={"error": "content policy violation"}), KreaRefusedError),
        (httpx.Response(403, json={"error": "forbidden"}), KreaRefusedError),
    ],
)
async def test_who_may_not_see_a_job_is_told_so_at_once(
    krea: FakeKrea, client: KreaClient, answer: httpx.Response, kind: type[AnimaticError]
) -> None:
    krea.script.append(answer)
    async with client:
        with pytest.raises(kind):
            await client.job("a")
    assert len(krea.requests) == 1


async def test_an_unknown_job_is_none(krea: FakeKrea, client: KreaClient) -> None:
    async with client:
        assert await client.job("nobody") is None
    assert len(krea.requests) == 1


async def test_a_young_job_that_is_not_found_is_asked_for_again(krea: FakeKrea, time: Time, client: KreaClient) -> None:
    krea.add("a")
    krea.script += [httpx.Response(404)] * 3
    async with client:
        job = await client.job("a", created_at=time.now())
    assert job is not None
    assert len(krea.requests) == 4


async def test_an_old_job_that_is_not_found_is_not_asked_for_again(krea: FakeKrea, time: Time, client: KreaClient) -> None:
    async with client:
        assert await client.job("a", created_at=time.now() - timedelta(minutes=1)) is None
    assert len(krea.requests) == 1


async def test_job_ids_cannot_leave_their_place_in_the_path(krea: FakeKrea, client: KreaClient) -> None:
    async with client:
        await client.job("../assets?x=1")
    assert krea.requests[0].url.raw_path == b"/jobs/..%2Fassets%3Fx%3D1"


async def test_jobs_are_paged_newest_first(krea: FakeKrea, time: Time, client: KreaClient) -> None:
    for number in range(25):
        krea.add(f"j{number}")
        time.seconds += 1
    async with client:
        found = [job.id async for job in client.jobs(limit=10)]
    assert found == [f"j{number}" for number in reversed(range(25))]
    assert krea.counts["list"] == 3


async def test_jobs_stop_at_those_created_before_since(krea: FakeKrea, time: Time, client: KreaClient) -> None:
    for number in range(25):
        krea.add(f"j{number}")
        time.seconds += 1
    async with client:
        found = [job.id async for job in client.jobs(since=krea.created_at("j18"), limit=10)]
    assert found == [f"j{number}" for number in reversed(range(18, 25))]
    assert krea.counts["list"] == 1


async def test_a_cursor_that_repeats_itself_ends_the_list(krea: FakeKrea, client: KreaClient) -> None:
    page = {"items": [{"job_id": "a", "status": "queued"}], "next_cursor": "same"}
    krea.script += [httpx.Response(200, json=page)] * 5
    async with client:
        assert [job.id async for job in client.jobs()] == ["a", "a"]


@pytest.mark.parametrize(("status", "cancelled"), [(200, True), (204, True), (404, False), (409, False), (400, False)])
async def test_cancelling_says_whether_krea_took_it(krea: FakeKrea, client: KreaClient, status: int, cancelled: bool) -> None:
    krea.script.append(httpx.Response(status))
    async with client:
        assert await client.cancel("a") is cancelled
    assert krea.requests[0].method == "DELETE"


async def test_assets_can_be_gone(krea: FakeKrea, client: KreaClient) -> None:
    krea.script += [httpx.Response(200, json={"id": "a", "image_url": "https://krea.test/a.png"}), httpx.Response(404)]
    async with client:
        found = await client.asset("a")
        assert found is not None
        assert found.url == "https://krea.test/a.png"
        assert await client.asset("a") is None


async def test_the_openapi_document_must_be_one(krea: FakeKrea, time: Time, client: KreaClient) -> None:
    krea.script += [httpx.Response(200, json={"error": "x"}), httpx.Response(200, json={"paths": {"/jobs": {}}})]
    async with client:
        assert await client.fetch_openapi() == {"paths": {"/jobs": {}}}
    assert len(time.naps) == 1


async def test_the_clock_offset_narrows_with_every_answer(krea: FakeKrea, time: Time, client: KreaClient) -> None:
    krea.add("a", seconds=1000)
    ahead = timedelta(seconds=42.3)

    def answer(_: httpx.Request) -> httpx.Response:
        date = (time.now() + ahead).strftime("%a, %d %b %Y %H:%M:%S GMT")
        return httpx.Response(200, json=krea.body("a"), headers={"Date": date})

    async with client:
        assert client.clock_offset == timedelta(0)
        for _ in range(20):
            krea.script.append(answer)
            await client.job("a")
            time.seconds += 0.37
    assert abs(client.clock_offset - ahead) < timedelta(seconds=0.2)


async def test_a_clock_that_is_set_is_followed(krea: FakeKrea, time: Time, client: KreaClient) -> None:
    krea.add("a", seconds=1000)
    async with client:
        for offset in (3600, -3600):
            date = (time.now() + timedelta(seconds=offset)).strftime("%a, %d %b %Y %H:%M:%S GMT")
            krea.script.append(httpx.Response(200, json=krea.body("a"), headers={"Date": date}))
            await client.job("a")
    assert abs(client.clock_offset - timedelta(seconds=-3600)) <= timedelta(seconds=1)


async def test_a_burst_never_floods_the_connection_pool(client_for: Make) -> None:
    running, most = 0, 0

    async def handler(request: httpx.Request) -> httpx.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await anyio.sleep(0.001)
        running -= 1
        return httpx.Response(200, json={"job_id": request.url.path[-3:], "status": "queued"})

    async with client_for(handler) as client, anyio.create_task_group() as group:
        for number in range(200):
            group.start_soon(client.job, f"{number:03}")
    assert most <= 16


async def test_an_enormous_answer_is_not_read_to_its_end(client_for: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("animatic.krea.session.MAX_ANSWER_BYTES", 1000)
    async with client_for(lambda _: httpx.Response(200, content=b"[" + b" " * 5000), patience=Patience(outage=1)) as client:
        with pytest.raises(KreaUnreachableError):
            await client.job("a")


async def test_the_token_stays_on_the_apis_own_origin(client_for: Make, tmp_path: Path) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.path == "/own":
            return httpx.Response(302, headers={"location": "https://cdn.other.test/file.mp4"})
        return httpx.Response(200, content=b"x", headers={"content-type": "video/mp4"})

    async with client_for(handler) as client:
        for url in (
            "https://krea.test/own",
            "https://gen.krea.ai/a.mp4",
            "http://krea.test/a.mp4",
            "https://krea.test:8443/a",
            "https://krea.test.evil.test/a",
        ):
            await client.download(url, tmp_path / "a.mp4")
    assert [str(request.url) for request in seen if "authorization" in request.headers] == ["https://krea.test/own"]


async def test_a_refused_upload_is_bad_media(krea: FakeKrea, client: KreaClient, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"x")
    krea.script.append(httpx.Response(400, json={"error": "Invalid file type"}))
    async with client:
        with pytest.raises(BadMediaError, match="Invalid file type"):
            await client.upload(file, mime="image/png", description="d")
