"""The limits of jobs that all runs of a Prefect server share: against a server that is scripted, and a real one."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

from animatic.flows.slots import AWAY_SECONDS, LEASE_SECONDS, RENEW_SECONDS, PrefectSlots
from animatic.prefect.job_limits import LimitNow, limits_text
from animatic.prefect.server import LocalServer
from tests.flows.deploying import ANIMATIC
from tests.present import present


@dataclass
class Server:
    """What a Prefect server says of limits: how many slots there are, which leases it knows, and whether it answers at all."""

    limits: dict[str, int] = field(default_factory=dict)
    leases: dict[uuid.UUID, str] = field(default_factory=dict)
    away: bool = False
    renewed: list[uuid.UUID] = field(default_factory=list)
    looks: int = 0

    def _answer(self) -> None:
        if self.away:
            raise httpx.ConnectError("connection refused")

    async def read_global_concurrency_limit_by_name(self, name: str) -> Any:
        self.looks += 1
        self._answer()
        if name not in self.limits:
            raise ObjectNotFound(http_exc=_refusal(404))
        return type("Limit", (), {"active": True})()

    async def increment_concurrency_slots_with_lease(self, *, names: list[str], slots: int, **_: Any) -> httpx.Response:
        await asyncio.sleep(0)
        self._answer()
        [name] = names
        if name not in self.limits:
            return httpx.Response(200, json={"lease_id": str(uuid.uuid4()), "limits": []})
        if self.limits[name] < slots:
            raise _refusal(422, "Slots requested is greater than the limit")
        if sum(held == name for held in self.leases.values()) >= self.limits[name]:
            raise _refusal(423)
        lease = uuid.uuid4()
        self.leases[lease] = name
        return httpx.Response(200, json={"lease_id": str(lease), "limits": [{"name": name}]})

    async def renew_concurrency_lease(self, lease: uuid.UUID, _seconds: float) -> None:
        self._answer()
        if lease not in self.leases:
            raise _refusal(410)
        self.renewed.append(lease)

    async def release_concurrency_slots_with_lease(self, lease: uuid.UUID) -> None:
        self._answer()
        self.leases.pop(lease, None)


def _refusal(status: int, detail: str = "") -> PrefectHTTPStatusError:
    request = httpx.Request("POST", "http://server/api")
    response = httpx.Response(status, json={"detail": detail}, request=request)
    return PrefectHTTPStatusError(f"{status}", request=request, response=response)


class Clock:
    """A clock that a test moves, and a keeper's pauses that last until it does."""

    def __init__(self) -> None:
        self.now = 0.0
        self._paused: list[asyncio.Future[None]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, _seconds: float) -> None:
        paused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._paused.append(paused)
        await paused

    async def pass_by(self, seconds: float) -> None:
        """Let time go by; a keeper that pauses goes on."""
        self.now += seconds
        for paused in self._paused:
            if not paused.done():
                paused.set_result(None)
        self._paused.clear()
        await settle()


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Opened:
    slots: PrefectSlots
    clock: Clock
    told: list[str]


def opened(server: Server, *, simulated: bool = False) -> Opened:
    clock = Clock()
    told: list[str] = []
    client: Any = server
    slots = PrefectSlots(client, simulated=simulated, holder=None, tell=told.append, clock=clock, sleep=clock.sleep)
    return Opened(slots, clock, told)


@pytest.mark.anyio
async def test_jobs_of_a_kind_with_a_limit_of_its_own_are_counted_apart() -> None:
    server = Server(limits={"krea-jobs": 1, "krea-jobs-image": 2})
    run = opened(server)
    assert await run.slots.take("video") is not None
    assert await run.slots.take("audio") is None  # counted with the videos
    assert await run.slots.take("image") is not None
    assert await run.slots.take("image") is not None
    assert await run.slots.take("image") is None
    assert sorted(server.leases.values()) == ["krea-jobs", "krea-jobs-image", "krea-jobs-image"]


@pytest.mark.anyio
async def test_a_rehearsal_takes_no_slot_of_real_runs() -> None:
    server = Server(limits={"krea-jobs": 1})
    assert await opened(server, simulated=True).slots.limits("video") is False
    server.limits["simulated-krea-jobs"] = 1
    assert await opened(server, simulated=True).slots.take("video") is not None
    assert await opened(server).slots.take("video") is not None


@pytest.mark.anyio
async def test_without_a_limit_nothing_is_asked_for_each_job() -> None:
    server = Server()
    run = opened(server)
    for _ in range(100):
        assert await run.slots.limits("video") is False
    assert server.looks == 2


@pytest.mark.anyio
async def test_a_limit_that_is_made_or_deleted_while_runs_go_on_counts_soon() -> None:
    server = Server()
    run = opened(server)
    assert await run.slots.limits("video") is False
    server.limits["krea-jobs"] = 0
    await run.clock.pass_by(31)
    assert await run.slots.limits("video") is True
    assert await run.slots.take("video") is None  # 0: somebody halts what is new
    del server.limits["krea-jobs"]
    assert await run.slots.take("video") is not None
    assert await run.slots.limits("video") is False
    assert run.told == []


@pytest.mark.anyio
async def test_a_slot_that_ran_out_while_the_server_was_away_is_asked_for_again_and_the_job_goes_on() -> None:
    server = Server(limits={"krea-jobs": 1})
    run = opened(server)
    keeping = asyncio.create_task(run.slots.keep())
    slot = present(await run.slots.take("video"))
    [lease] = server.leases
    await settle()
    await run.clock.pass_by(RENEW_SECONDS)
    assert server.renewed == [lease]
    server.away = True
    for _ in range(6):
        await run.clock.pass_by(RENEW_SECONDS)
    server.away = False
    server.leases.clear()  # it has run out
    other = opened(server)
    taken = present(await other.slots.take("video"))
    await run.clock.pass_by(RENEW_SECONDS)
    assert len(server.leases) == 1  # another was quicker
    taken.give_back()
    await settle()
    await run.clock.pass_by(RENEW_SECONDS)
    assert len(server.leases) == 1  # now it is counted again
    slot.give_back()
    await settle()
    assert server.leases == {}
    assert not keeping.done()
    keeping.cancel()


def test_a_lost_renewal_or_two_lose_no_slot() -> None:
    assert LEASE_SECONDS >= 60
    assert 3 * RENEW_SECONDS < LEASE_SECONDS


@pytest.mark.anyio
async def test_a_server_that_is_away_halts_what_is_new_for_a_moment_and_no_longer() -> None:
    server = Server(limits={"krea-jobs": 5})
    run = opened(server)
    assert await run.slots.limits("video") is True
    server.away = True
    assert await run.slots.take("video") is None
    await run.clock.pass_by(AWAY_SECONDS + 1)
    slots = [present(await run.slots.take("video")) for _ in range(3)]
    assert run.told == ["the shared limit of jobs has not answered for 30 s: going on without it"]
    server.away = False
    keeping = asyncio.create_task(run.slots.keep())
    await settle()
    await run.clock.pass_by(RENEW_SECONDS)
    assert run.told[1:] == ["the shared limit of jobs answers again"]
    assert len(server.leases) == 3  # what runs is counted as soon as it can be
    for slot in slots:
        slot.give_back()
    await settle()
    assert server.leases == {}
    keeping.cancel()


@pytest.mark.anyio
async def test_a_server_that_never_answered_is_no_limit_and_that_is_said_once() -> None:
    server = Server(away=True)
    run = opened(server)
    for _ in range(50):
        assert await run.slots.limits("video") is False
    assert run.told == ["the server does not say whether jobs are limited: going on without a shared limit"]


@pytest.mark.anyio
async def test_a_slot_that_was_granted_to_a_run_that_stopped_meanwhile_goes_back() -> None:
    server = Server(limits={"krea-jobs": 1})
    run = opened(server)
    await run.slots.limits("video")
    asking = asyncio.create_task(run.slots.take("video"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking.cancel()
    await settle()
    await run.slots.close()
    assert asking.cancelled()
    assert server.leases == {}


@pytest.mark.anyio
async def test_a_slot_that_is_left_is_renewed_no_longer() -> None:
    server = Server(limits={"krea-jobs": 1})
    run = opened(server)
    keeping = asyncio.create_task(run.slots.keep())
    present(await run.slots.take("video")).leave()
    await settle()
    await run.clock.pass_by(RENEW_SECONDS)
    assert len(server.leases) == 1
    assert server.renewed == []
    keeping.cancel()


# Against a real server

SHOTS = 3


@pytest.fixture
def limited(animatic: Callable[..., Any], prefect_server: LocalServer, tmp_path: Path) -> Iterator[httpx.Client]:
    """A pipelines file of sounds, as other tests share the server and make none; what limits there are is taken away at the end."""
    (tmp_path / "pipelines.yaml").write_text(
        "version: 1\ndeliver: ./out\ndefaults: {audio: {model: elevenlabs/music}}\npipelines:\n"
        + "".join(
            f"  {name}:\n    shots:\n" + "".join(f"      - {{id: s{n}, kind: audio, prompt: {name} {n}}}\n" for n in range(SHOTS))
            for name in ("first", "second")
        )
    )
    with httpx.Client(base_url=prefect_server.api_url, timeout=30) as http:
        remove_limits(http)
        yield http
        remove_limits(http)


def remove_limits(http: httpx.Client) -> None:
    for name in limits_of(http):
        http.delete(f"/v2/concurrency_limits/{name}")


def limits_of(http: httpx.Client) -> dict[str, int]:
    there = http.post("/v2/concurrency_limits/filter", json={}).json()
    return {item["name"]: item["limit"] for item in there if "krea-jobs" in item["name"]}


def test_deploying_makes_changes_and_removes_limits(animatic: Callable[..., Any], limited: httpx.Client) -> None:
    dry = animatic("deploy", "--max-jobs", "12", "--max-jobs", "image=20", "--dry-run")
    assert dry.code == 0, dry.err
    assert "+ krea-jobs  at most 12 jobs at once" in dry.out
    assert limits_of(limited) == {}
    assert animatic("deploy", "--max-jobs", "12", "--max-jobs", "image=20", "--pool", "limited").code == 0
    assert limits_of(limited) == {
        "krea-jobs": 12, "krea-jobs-image": 20, "simulated-krea-jobs": 12, "simulated-krea-jobs-image": 20
    }  # fmt: skip
    again = animatic("deploy", "--max-jobs", "8", "--max-jobs", "image=20", "--pool", "limited", "--json")
    changes = {item["name"]: (item["change"], item["details"]) for item in json.loads(again.out) if "limit" in item}
    assert changes == {
        "krea-jobs": ("changed", ["at most 8 jobs at once (was 12)"]),
        "krea-jobs-image": ("unchanged", ["at most 20 image jobs at once"]),
    }
    checked = animatic("doctor", "--simulate", "--pool", "limited", "--json")
    found = {item["subject"]: item for item in json.loads(checked.out)}
    assert re.fullmatch(r"at most 8 jobs at once \(\d run\), 20 image jobs \(\d run\)", found["job limit"]["message"])
    assert animatic("deploy", "--max-jobs", "none", "--pool", "limited").code == 0
    assert limits_of(limited) == {"krea-jobs-image": 20, "simulated-krea-jobs-image": 20}  # what is not named stays
    limited.delete("/v2/concurrency_limits/krea-jobs-image")
    checked = animatic("doctor", "--simulate", "--pool", "limited", "--json")
    found = {item["subject"]: item for item in json.loads(checked.out)}
    assert found["job limit"]["state"] == "warning"
    assert "`animatic deploy --max-jobs 12`" in found["job limit"]["message"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("0", "--max-jobs '0' is not of the form N, KIND=N or KIND=none"),
        ("many", "is not of the form"),
        ("movie=3", "there is no kind 'movie'"),
        ("image=", "is not of the form"),
        ("=3", "there is no kind ''"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_before_anything_is_written(
    animatic: Callable[..., Any], limited: httpx.Client, given: str, said: str
) -> None:
    ended = animatic("deploy", "--max-jobs", given)
    assert ended.code == 2
    assert said in ended.err
    assert limits_of(limited) == {}


def test_two_runs_from_terminals_share_the_limit_of_their_server(
    limited: httpx.Client, prefect_server: LocalServer, krea: Callable[..., Any], tmp_path: Path
) -> None:
    limited.post("/v2/concurrency_limits/", json={"name": "krea-jobs-audio", "limit": 1}).raise_for_status()
    real = krea(image_seconds=1.5, jitter=0)
    environment = os.environ | {
        "PREFECT_API_URL": prefect_server.api_url,
        "ANIMATIC_POLL_SECONDS": "0.3",
        "KREA_API_URL": real.url,
        "KREA_API_TOKEN": "token-of-two-runs",
    }
    runs = [
        subprocess.Popen([*ANIMATIC, "run", name, "--json"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for name in ("first", "second")
    ]
    ended = [run.communicate(timeout=100) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], [err.decode()[-2000:] for _, err in ended]
    jobs = httpx.get(f"{real.url}/jobs?limit=100", headers={"Authorization": "Bearer token-of-two-runs"}).json()["items"]
    assert len(jobs) == 2 * SHOTS
    spans = sorted((job["created_at"], job["completed_at"]) for job in jobs)
    assert all(ended <= began for (_, ended), (began, _) in itertools.pairwise(spans)), spans
    assert limited.get("/v2/concurrency_limits/krea-jobs-audio").json()["active_slots"] == 0


def test_one_job_is_said_in_the_singular() -> None:
    limits = (LimitNow(kind=None, most=1, running=0), LimitNow(kind="image", most=20, running=1))
    assert limits_text(limits) == "at most 1 job at once (0 run), 20 image jobs (1 run)"
