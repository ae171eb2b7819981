"""Jobs, lists and assets from every documented shape."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from animatic.krea import Job
from animatic.krea.wire import STATUSES, WireError, parse_asset, parse_job, parse_page

SEEN = datetime(2026, 11, 21, tzinfo=UTC)
BASE = "https://api.krea.ai"
URL = "https://gen.krea.ai/a.mp4?sig=1"


def job(**fields: Any) -> Job:
    return parse_job({"job_id": "j", "status": "completed", "created_at": "2026-11-21T10:00:00Z", **fields}, seen=SEEN, base=BASE)


@pytest.mark.parametrize(
    ("result", "urls"),
    [
        ({"urls": [URL, "https://x/b.mp4"]}, (URL, "https://x/b.mp4")),
        ({"urls": [{"type": "preview", "url": "https://x/p.png"}, {"type": "model", "url": URL}]}, (URL, "https://x/p.png")),
        ({"urls": {"video": URL, "mask": "https://x/m.mp4"}}, (URL, "https://x/m.mp4")),
        ({"urls": URL}, (URL,)),
        ({"video_url": URL, "thumbnail_url": "https://x/t.jpg", "width": 1280}, (URL,)),
        ({"image_url": URL}, (URL,)),
        ({"urls": [URL], "video_url": URL}, (URL,)),
        ([URL], (URL,)),
        ({"urls": []}, ()),
        ({"urls": ["not a url", 3, None]}, ()),
        ({}, ()),
        (None, ()),
        ("", ()),
    ],
)
def test_result_urls_are_found_in_every_shape(result: Any, urls: tuple[str, ...]) -> None:
    assert job(result=result).urls == urls


@pytest.mark.parametrize(
    ("result", "urls"),
    [
        ({"video": {"url": URL}}, (URL,)),
        ({"videos": [{"url": URL}]}, (URL,)),
        ({"output": {"assets": [{"files": {"mp4": URL}}]}}, (URL,)),
        ({"output": json.dumps({"video": {"url": URL}})}, (URL,)),
        (json.dumps([URL]), (URL,)),
        ({"video_url": f"  {URL}\n"}, (URL,)),
        ({"video_url": "/files/a.mp4"}, (f"{BASE}/files/a.mp4",)),
        ({"clip": "//gen.krea.ai/a.mp4"}, ("https://gen.krea.ai/a.mp4",)),
        ({"extra": "https://x/e.mp4", "urls": [URL]}, (URL, "https://x/e.mp4")),
        ({"preview_url": "https://x/p.mp4", "clip": URL}, (URL, "https://x/p.mp4")),
        ({"files": [{"type": "preview", "url": "https://x/p.mp4"}, {"type": "video", "url": URL}]}, (URL, "https://x/p.mp4")),
        ({"clip": URL, "thumbnail": {"url": "https://x/t.jpg"}, "poster": "https://x/p.jpg"}, (URL,)),
        ({"clip": URL, "input": {"start_image": "https://x/in.png"}}, (URL,)),
        ({"note": "see https://krea.ai/docs", "prompt": "/imagine a cat", "root": "/", "ratio": "16:9"}, ()),
        ({"urls": [f"{URL}&empty=#"]}, (f"{URL}&empty=#",)),
        ({"clip": "//[gen/a.mp4", "other": URL}, (URL,)),
        ({"output": "{broken", "more": "[" * 100_000}, ()),
        ({"urls": ["gen.krea.ai/a.mp4?sig=1"]}, ("https://gen.krea.ai/a.mp4?sig=1",)),
        ({"video": {"url": "127.0.0.1:8000/a.mp4"}}, ("https://127.0.0.1:8000/a.mp4",)),
        ({"video_url": "files/a.mp4?sig=1"}, (f"{BASE}/files/a.mp4?sig=1",)),
        ({"urls": ["https://x/my clip é.mp4?sig=1"]}, ("https://x/my%20clip%20é.mp4?sig=1",)),
        ({"text": f"Here it is: [clip](<{URL}>)"}, (URL,)),
        ({"urls": ["data:video/mp4;base64,AAAA\nBBBB"]}, ("data:video/mp4;base64,AAAA\nBBBB",)),
        (
            {"url": "x.example/guess.mp4", "preview_url": "https://x/p.mp4", "clip": URL},
            (URL, "https://x/p.mp4", "https://x.example/guess.mp4"),
        ),
        ({"model": "kling-2.5/pro", "mime": "video/mp4", "size": "1/2", "name": "a.b/c"}, ()),
        ({"prompt": "like https://x/reference.mp4", "negative_prompt": "https://x/no.mp4"}, ()),
        ({"urls": ["data:text/html;base64,AAAA", "file:///etc/passwd", "s3://bucket/a.mp4"]}, ()),
    ],
)
def test_addresses_are_found_anywhere_in_a_result(result: Any, urls: tuple[str, ...]) -> None:
    assert job(result=result).urls == urls


def test_a_result_that_is_nested_without_end_is_searched_to_a_depth() -> None:
    nested: Any = URL
    for _ in range(500):
        nested = [nested]
    assert job(result=nested).urls == ()


def test_an_address_without_a_host_is_none_where_the_base_is_not_known() -> None:
    assert parse_job({"job_id": "j", "status": "completed", "result": {"url": "/files/a.mp4"}}, seen=SEEN).urls == ()


def test_facts_of_the_result_are_kept() -> None:
    found = job(result={"video_url": URL, "thumbnail_url": "https://x/t.jpg", "duration": 5.0, "width": 1280, "height": 720, "fps": 24})
    assert found.facts == {"thumbnail_url": "https://x/t.jpg", "duration": 5.0, "width": 1280, "height": 720, "fps": 24}


@pytest.mark.parametrize("status", [status for status, ending in STATUSES.items() if ending is None])
def test_documented_pending_statuses_go_on(status: str) -> None:
    assert not job(status=status, result={}).terminal


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_documented_ends_are_terminal(status: str) -> None:
    assert job(status=status).ending == status
    assert job(status=status).terminal


@pytest.mark.parametrize(("written", "meant"), [("canceled", "cancelled"), ("COMPLETED", "completed"), (None, "unknown")])
def test_other_spellings_of_a_status_are_understood(written: Any, meant: str) -> None:
    assert job(status=written).status == meant


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"completed_at": "2026-11-21T10:01:00Z", "result": {"urls": [URL]}}, "completed"),
        ({"completed_at": "2026-11-21T10:01:00Z", "result": {}}, "succeeded"),
        ({"completed_at": None, "result": {"urls": [URL]}}, "succeeded"),
    ],
)
def test_a_job_with_a_result_and_an_end_is_completed_whatever_its_status_is_called(fields: dict[str, Any], status: str) -> None:
    assert job(status="succeeded", **fields).status == status


def test_an_unknown_status_is_pending() -> None:
    found = job(status="upscaling-7")
    assert not found.known
    assert not found.terminal


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"error": {"code": "E1", "message": "boom"}}, "E1", "boom"),
        ({"error": "boom"}, "", "boom"),
        ({"result": {"error": "boom"}}, "", "boom"),
        ({"result": {"error": {"message": "boom"}}}, "", "boom"),
        ({"message": "boom"}, "", "boom"),
        ({"result": {"message": "boom"}}, "", "boom"),
        ({"detail": [{"loc": ["body", "duration"], "msg": "too long"}]}, "", "duration: too long"),
    ],
)
def test_the_reason_of_a_failed_job_is_found_where_it_stands(fields: dict[str, Any], code: str, message: str) -> None:
    failed = job(status="failed", **fields)
    assert failed.error is not None
    assert (failed.error.code, failed.error.message) == (code, message)


def test_a_failed_job_without_a_reason_has_no_error() -> None:
    assert job(status="failed", result={}).error is None


def test_an_empty_error_object_of_a_running_job_is_no_error() -> None:
    assert job(status="processing", error={}).error is None


def test_moderation_is_recognised_only_where_nothing_came_of_the_job() -> None:
    assert job(status="failed", error={"code": "content_moderated", "message": "x"}).moderated
    assert not job(status="completed", error="safety filter adjusted the prompt", result={"urls": [URL]}).moderated


def test_secrets_in_reasons_are_taken_out() -> None:
    failed = job(status="failed", error="cannot fetch https://bucket.s3/x.png?X-Amz-Signature=abc")
    assert failed.error is not None
    assert "abc" not in failed.error.message
    assert "https://bucket.s3/x.png" in failed.error.message


@pytest.mark.parametrize("data", [None, [], "x", {}, {"job_id": ""}, {"job_id": 3}])
def test_an_answer_without_a_job_id_is_refused(data: Any) -> None:
    with pytest.raises(WireError):
        parse_job(data, seen=SEEN)


@pytest.mark.parametrize(
    "created",
    [
        None,
        "yesterday",
        17,
        True,
        1e300,
        float("nan"),
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "1970-01-01T00:00:00Z",
        "2026-11-21",
    ],
)
def test_a_missing_creation_time_is_when_it_was_seen(created: Any) -> None:
    found = job(created_at=created)
    assert (found.created_at, found.dated) == (SEEN, False)


@pytest.mark.parametrize("created", [1795255200, 1795255200000, 1795255200.0])
def test_a_time_may_be_a_number(created: float) -> None:
    found = job(created_at=created)
    assert (found.created_at, found.dated) == (datetime(2026, 11, 21, 10, tzinfo=UTC), True)


@pytest.mark.parametrize(
    ("said", "to_the_minute"),
    [
        ("2026-11-27T13:41Z", True),
        ("2026-11-27 13:41+00:00", True),
        ("2026-11-27T13:41", True),
        ("2026-11-27T13:41:00Z", False),
        ("2026-11-27T13:41:00.000Z", False),
        ("2026-11-27T13:41:07+05:30", False),
        (1795786860, False),
        (None, False),
    ],
)
def test_a_time_without_seconds_is_known_to_the_minute(said: Any, *, to_the_minute: bool) -> None:
    job = parse_job({"job_id": "j1", "status": "queued", "created_at": said}, seen=SEEN)
    assert (job.imprecision == timedelta(minutes=1)) is to_the_minute


def test_times_are_utc() -> None:
    assert job(created_at="2026-11-21T12:00:00+02:00").created_at == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert job(created_at="2026-11-21T10:00:00").created_at.tzinfo is UTC


@pytest.mark.parametrize("key", ["next_cursor", "nextCursor"])
def test_both_spellings_of_the_cursor_are_read(key: str) -> None:
    page = parse_page({"items": [{"job_id": "a", "status": "queued"}, {"status": "queued"}], key: "2026"}, seen=SEEN)
    assert [item.id for item in page.jobs] == ["a"]
    assert page.cursor == "2026"


def test_a_list_that_is_none_is_refused() -> None:
    with pytest.raises(WireError):
        parse_page({"error": "x"}, seen=SEEN)


def test_an_asset_needs_id_and_url() -> None:
    assert parse_asset({"id": "a", "image_url": URL, "mime_type": None, "size_bytes": None}).url == URL
    wrong: Any
    for wrong in ({"id": "a"}, {"image_url": URL}, {"id": "a", "image_url": "nope"}, []):
        with pytest.raises(WireError):
            parse_asset(wrong)


@pytest.mark.parametrize(
    "wrap", [lambda job: {"job": job}, lambda job: {"data": job}, lambda job: [job], lambda job: {"data": [], "job": job}]
)
def test_an_answer_in_an_envelope_is_read(wrap: Callable[[dict[str, Any]], Any]) -> None:
    inner = {"job_id": "j", "status": "completed", "result": {"urls": [URL]}}
    assert parse_job(wrap(inner), seen=SEEN).urls == (URL,)


def test_several_in_a_list_are_no_answer() -> None:
    with pytest.raises(WireError):
        parse_job([{"job_id": "j"}, {"job_id": "k"}], seen=SEEN)


@pytest.mark.parametrize(
    "shape", [{"asset": {"id": "a", "image_url": URL}}, {"data": {"id": "a", "url": URL}}, [{"id": "a", "image_url": URL}]]
)
def test_an_asset_in_an_envelope_is_read(shape: Any) -> None:
    assert parse_asset(shape).url == URL


def test_an_asset_s_address_without_a_host_is_that_of_the_api() -> None:
    assert parse_asset({"id": "a", "image_url": "/assets/a.png"}, base=BASE).url == f"{BASE}/assets/a.png"
    with pytest.raises(WireError):
        parse_asset({"id": "a", "image_url": "/assets/a.png"})
