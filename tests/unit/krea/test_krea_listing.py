"""Krea's job list proves that a job does not exist only where all of it was seen: in any order, of any page size, to its end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from animatic.errors import KreaUnreachableError
from animatic.krea import KreaClient
from tests.unit.krea.conftest import EPOCH

pytestmark = pytest.mark.anyio
Make = Callable[..., KreaClient]
NOON = EPOCH


def item(name: str, seconds: float, **fields: Any) -> dict[str, Any]:
    return {"job_id": name, "status": "completed", "created_at": (NOON + timedelta(seconds=seconds)).isoformat(), **fields}


def paging(*pages: list[Any], cursors: list[Any] | None = None) -> Callable[[httpx.Request], httpx.Response]:
    """Answer with one page after another, whatever cursor is asked for; after the last one there is none."""
    left = list(enumerate(pages))
    given = [*(cursors or [f"cursor-{number}" for number in range(1, len(pages))]), None]

    def handler(_: httpx.Request) -> httpx.Response:
        number, page = left.pop(0)
        return httpx.Response(200, json={"items": page, "next_cursor": given[number]})

    return handler


async def ids(client: KreaClient, *, since: float = 0, complete: bool = True) -> list[str]:
    async with client:
        return [job.id async for job in client.jobs(since=NOON + timedelta(seconds=since), complete=complete)]


@pytest.mark.parametrize(
    "pages",
    [
        [[item("o1", -9000), item("o2", -5000)], [item("o3", -400), item("ours", 5)]],
        [[item("o1", -9000)], [item("o2", -5000)], [item("ours", 5)]],
        [[item("o1", -5000), item("o2", -5000)], [item("ours", 5)]],
        [[item("o1", -400), item("new", 7), item("o2", -9000)], [item("ours", 5)]],
        [[], [item("ours", 5)]],
        [[item("o1", -30), item("o2", -20), item("o3", -10)], [item("ours", 5)]],
        [[item("new", 50), item("o1", -15), item("new-2", 30), item("o2", -40)], [item("ours", 5)]],
    ],
    ids=[
        "oldest first",
        "one a page",
        "all at one time",
        "no order",
        "an empty page",
        "oldest first, close together",
        "jitter near the edge",
    ],
)
async def test_the_list_is_read_on_where_it_does_not_go_from_new_to_old(client_for: Make, pages: list[list[Any]]) -> None:
    assert "ours" in await ids(client_for(paging(*pages)))


async def test_small_steps_back_do_not_make_the_whole_history_be_read(client_for: Make) -> None:
    first = [item("new", 5), item("a", 3), item("b", 4), item("c", -100)]
    assert await ids(client_for(paging(first, []))) == ["new", "a", "b"]
    handler = paging(first)  # a second page would be asked for in vain
    assert await ids(client_for(handler), since=4.5) == ["new"]


async def test_a_full_last_page_of_the_oldest_jobs_is_not_the_end(client_for: Make) -> None:
    page = [item("o1", -9000), item("o2", -5000), item("o3", -400)]
    async with client_for(paging(page)) as client:
        with pytest.raises(KreaUnreachableError, match="a page is full"):
            _ = [job async for job in client.jobs(since=NOON, limit=3, complete=True)]
    async with client_for(paging(page)) as client:
        assert [job async for job in client.jobs(since=NOON, limit=4, complete=True)] == []


@pytest.mark.parametrize("cursor", [1764244800000, 12.5, "12"])
async def test_a_cursor_may_be_a_number(client_for: Make, cursor: Any) -> None:
    assert await ids(client_for(paging([item("new", 9)], [item("ours", 5)], cursors=[cursor]))) == ["new", "ours"]


@pytest.mark.parametrize("cursor", [{"before": "x"}, ["x"], True])
async def test_a_cursor_that_cannot_be_read_is_no_end(client_for: Make, cursor: Any) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"items": [item("new", 9)], "next_cursor": cursor})

    with pytest.raises(KreaUnreachableError):
        await ids(client_for(handler))


@pytest.mark.parametrize("cursors", [["a"], ["a", "b"]])
async def test_a_list_that_leads_in_a_circle_proves_nothing(client_for: Make, cursors: list[str]) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        at = request.url.params.get("cursor")
        following = cursors[(cursors.index(at) + 1) % len(cursors)] if at else cursors[0]
        return httpx.Response(200, json={"items": [item("new", 9)], "next_cursor": following})

    with pytest.raises(KreaUnreachableError, match="circle"):
        await ids(client_for(handler))
    assert set(await ids(client_for(handler), complete=False)) == {"new"}


@pytest.mark.parametrize(
    ("entry", "readable"),
    [
        ({"jobId": "ours", "createdAt": "2026-11-21T10:00:05Z"}, False),
        ({"job_id": 7, "created_at": (NOON + timedelta(seconds=5)).isoformat()}, False),
        ({"job_id": "a b", "created_at": None}, False),
        (None, False),
        ({"job_id": None, "created_at": (NOON - timedelta(hours=1)).isoformat()}, True),
    ],
)
async def test_an_entry_without_a_job_id_may_be_the_job_that_is_looked_for(client_for: Make, entry: Any, readable: bool) -> None:
    page = [item("new", 9), entry]
    assert await ids(client_for(paging(page)), complete=False) == ["new"]
    if readable:
        assert await ids(client_for(paging(page))) == ["new"]
    else:
        with pytest.raises(KreaUnreachableError, match="without a job id"):
            await ids(client_for(paging(page)))


HOUR = 3600


def teach(client: KreaClient, *, answered_after: float) -> None:
    """A job of before, dated an hour early, whose answer took so long."""
    client.job_clock.made("known", earliest=NOON - timedelta(seconds=60), latest=NOON - timedelta(seconds=60 - answered_after))


async def test_a_list_by_another_clock_is_read_as_far_as_the_job_may_stand(client_for: Make) -> None:
    client = client_for(paging([item("known", -60 - HOUR), item("o1", -70 - HOUR)], [item("ours", -80 - HOUR)], [item("o2", -9000)]))
    teach(client, answered_after=90)
    assert await ids(client) == ["known", "o1", "ours"]


async def test_an_entry_that_cannot_be_read_counts_by_the_clock_of_the_list(client_for: Make) -> None:
    unreadable = {"created_at": (NOON - timedelta(seconds=HOUR - 20)).isoformat()}
    client = client_for(paging([unreadable, item("known", -60 - HOUR)]))
    teach(client, answered_after=1)
    with pytest.raises(KreaUnreachableError, match="without a job id"):
        await ids(client)
