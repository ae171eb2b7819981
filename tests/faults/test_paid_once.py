"""Runs that are killed, frozen, cancelled, given another token or another clock, or that share an account: each shot is paid for once.

Where it cannot be, both jobs are named. All is seen from outside, through processes, exit codes, doubts, manifests and Krea's bill.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from animatic.prefect.server import ensure
from tests.faults.accounts import ASKS_A_PERSON, Desk, billed, manifest_of, manifests, prompt, spent, statement
from tests.faults.harness import KILLED, Ended, finish, start_simulator
from tests.faults.krea_jobs import Answer, Course, Post
from tests.faults.krea_server import serve
from tests.faults.test_strange_answers import one

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with serve() as krea:
        yield Desk(folder=tmp_path, deliver=str(tmp_path / "out"), krea=krea)


@pytest.fixture
def command(desk: Desk) -> Desk:
    """The same for ``animatic run`` itself."""
    desk.environment["PREFECT_API_URL"] = ensure(Path(os.environ["TEST_PREFECT_HOME"])).api_url
    return desk


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.02)


def learn(desk: Desk) -> int:
    """Make a shot without trouble, so that what the model's jobs are and give is known. Returns how many submissions that took."""
    desk.declare(one().replace("one", "first"))
    assert desk.render().code == 0
    return len(desk.krea.posts)


def kill_when_sent(desk: Desk, *, after: float = 0.2, **environment: str) -> None:
    """Kill a run a moment after its submission has arrived."""
    before = len(desk.krea.posts)
    process = desk.start(**environment)
    desk.krea.await_posts(before + 1)
    time.sleep(after)
    process.kill()
    assert finish(process).code == KILLED


async def delivered_once(desk: Desk, ended: Ended, *, posts: int = 1) -> None:
    assert ended.code == 0, ended
    said = await statement(desk)
    assert said.wrong == []
    assert (len(desk.krea.posts), len(desk.krea.ours())) == (posts, 1)
    assert said.doubts == []
    assert spent(desk) == pytest.approx(billed(desk))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(after=6.0, job_after=5.5), id="after the grace, within the time of a POST"),
        pytest.param(Answer(after=0.5, job_after=0.1), id="before it was killed", marks=pytest.mark.slow),
        pytest.param(Answer(after=30.0, job_after=6.5), id="when nobody waits for it any more", marks=pytest.mark.slow),
    ],
)
async def test_a_job_made_for_a_run_that_was_killed_is_the_next_runs(desk: Desk, answer: Answer) -> None:
    desk.krea.answers = [answer]
    desk.declare(one())
    kill_when_sent(desk)
    await delivered_once(desk, desk.render())


@pytest.mark.slow
@pytest.mark.parametrize("killed", [True, False], ids=["killed", "ended by itself"])
async def test_a_cancel_that_krea_ignores_leaves_the_job_to_the_next_run(desk: Desk, killed: bool) -> None:
    desk.krea.course = Course(seconds=18, cancels=False)
    desk.declare(one("timeout: 2, retries: 2"))
    if killed:
        kill_when_sent(desk, after=3.5)
    ended = desk.render()
    while ended.code == 4 and len(desk.krea.posts) == 1 and not desk.krea.ours():
        ended = desk.render()
    await delivered_once(desk, desk.render() if ended.code == 4 else ended)


@pytest.mark.slow
async def test_no_fallback_begins_while_a_cancelled_job_lives(desk: Desk) -> None:
    desk.krea.course = Course(seconds=16, cancels=False)
    desk.declare(one("timeout: 2, retries: 0, fallback: [{model: kling/kling-2.5, resolution: null, duration: 5}]"))
    ended = desk.render()
    assert ended.code == 4, ended
    desk.krea.await_idle()
    await delivered_once(desk, desk.render())


@pytest.mark.slow
async def test_a_run_ended_with_cancel_jobs_that_krea_ignores(command: Desk) -> None:
    command.krea.course = Course(seconds=25, cancels=False)
    command.declare(one())
    process = command.start(command=(sys.executable, "-m", "animatic", "run", "--cancel-jobs"))
    command.krea.await_posts(1)
    await anyio.sleep(2)
    process.terminate()
    ended = finish(process)
    assert ended.code == 130, ended
    await delivered_once(command, command.cli("run"))


@pytest.mark.parametrize(
    "after",
    [pytest.param(0.2, id="before the answer"), pytest.param(1.5, id="while the job runs", marks=pytest.mark.slow)],
)
async def test_silence_of_another_account_proves_nothing(desk: Desk, after: float) -> None:
    desk.krea.course = Course(seconds=3)
    desk.declare(one())
    kill_when_sent(desk, after=after, KREA_API_TOKEN="first")
    ended = desk.render(KREA_API_TOKEN="second")
    assert ended.code == ASKS_A_PERSON, ended
    assert len(desk.krea.posts) == 1
    assert {doubt["shot"] for doubt in desk.doubts(KREA_API_TOKEN="second")} <= {"dawn"}
    desk.environment["KREA_API_TOKEN"] = "first"
    await delivered_once(desk, desk.render())


@pytest.mark.slow
async def test_the_simulator_in_the_place_of_krea_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with start_simulator(tmp_path, anonymous=False) as simulator, serve() as krea:
        desk = Desk(folder=tmp_path, deliver=str(tmp_path / "out"), krea=krea)
        desk.declare(one())
        ended = desk.render(KREA_API_URL=simulator.url)
        assert ended.code == 2, ended
        assert "simulat" in ended.lines[-1]["error"]
        assert [
            entry.key for entry in await desk.storage.list("") if "submission" in entry.key or entry.key.endswith("manifest.json")
        ] == []
        await delivered_once(desk, desk.render())


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [-90, 90])
async def test_a_clock_that_steps_while_a_submission_is_on_its_way(desk: Desk, seconds: int) -> None:
    steps = desk.folder / "clock"

    def step_and_lose(_post: Post) -> Answer:
        steps.write_text(str(seconds))
        return Answer(status="dropped", after=0.4, job_after=0.6)

    desk.krea.decide = step_and_lose
    desk.declare(one())
    await delivered_once(desk, desk.render("--clock", str(steps)))


@pytest.mark.slow
async def test_two_jobs_after_a_run_was_frozen_for_longer_than_a_submission_may_take_are_both_named(desk: Desk) -> None:
    """Frozen with its POST on the way, until another run has given it up after all the time that it may take, and paid."""
    desk.environment |= {"ANIMATIC_POST_SECONDS": "1", "ANIMATIC_GRACE_SECONDS": "1"}
    desk.krea.answers = [Answer(after=75.0, job_after=75.0)]
    desk.declare(one())
    frozen = desk.start()
    try:
        desk.krea.await_posts(1)
        frozen.send_signal(signal.SIGSTOP)
        ended = desk.render()
        assert ended.code == 0, ended
        until(lambda: len(desk.krea.ours()) == 2, 100)
    finally:
        frozen.send_signal(signal.SIGCONT)
    assert finish(frozen).code == 0
    said = await statement(desk)
    assert said.wrong == []
    assert said.kinds == ["stray"]
    assert spent(desk) == pytest.approx(0.20)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [2, 3], ids=["of the same length", "of another length"])
async def test_two_destinations_with_one_account_take_nothing_from_each_other(desk: Desk, seconds: int) -> None:
    """One loses the answer to a submission that made no job, while the other makes its shot."""
    other = Desk(folder=desk.folder / "other", deliver=str(desk.folder / "other" / "out"), krea=desk.krea)
    other.folder.mkdir()
    other.declare(one().replace("duration: 2", f"duration: {seconds}").replace("one / dawn", "other / dawn"))
    known = learn(desk)
    desk.declare(one())
    desk.krea.answers = [Answer(status=500, after=1.0, job_after=None)]
    first = desk.start()
    desk.krea.await_posts(known + 1)
    assert other.render().code == 0
    ended = finish(first)
    theirs = next(job for job in desk.krea.ours() if job.prompt == "other / dawn")
    if ended.code == ASKS_A_PERSON:
        assert theirs.id in {candidate["job_id"] for doubt in desk.doubts() for candidate in doubt["candidates"]}
        return
    assert ended.code == 0, ended
    shot = (await manifest_of(desk, ended.run_id))["shots"][0]
    if shot["job_id"] == theirs.id:
        assert (seconds, shot["how"], bool(shot["evidence"])) == (2, "evidence", True), (
            "it cannot be the shot's, or nobody was told of the doubt"
        )


@pytest.mark.parametrize(
    ("named", "seconds"),
    [
        pytest.param("externalVideo", 2, id="alike", marks=pytest.mark.slow),
        pytest.param("externalImage", 2, id="another type"),
        pytest.param("externalVideo", 4, id="another length", marks=pytest.mark.slow),
    ],
)
async def test_a_lone_job_of_another_program_is_taken_only_where_nothing_speaks_against_it(desk: Desk, named: str, seconds: int) -> None:
    known = learn(desk)
    desk.krea.answers = [Answer(status=500, after=0.1, job_after=None)]
    desk.declare(one())
    process = desk.start()
    desk.krea.await_posts(known + 1)
    await anyio.sleep(0.3)
    foreign = desk.krea.make_foreign(named=named, seconds=seconds)
    ended = finish(process)
    if ended.code == ASKS_A_PERSON:
        assert named == "externalVideo"
        return
    assert ended.code == 0, ended
    assert (await statement(desk)).wrong == []
    shot = (await manifest_of(desk, ended.run_id))["shots"][0]
    assert (shot["job_id"] != foreign.id) or (named, seconds, shot["how"], bool(shot["evidence"])) == ("externalVideo", 2, "evidence", True)


@pytest.mark.slow
async def test_two_retakes_at_once_with_different_changes_are_two_takes(command: Desk) -> None:
    command.declare(one())
    assert command.cli("run").code == 0
    words = ("retake", "one", "dawn", "--prompt")
    both = [command.start(command=(sys.executable, "-m", "animatic", *words, wish)) for wish in ("one / dawn X", "one / dawn Y")]
    ended = [finish(process) for process in both]
    assert [end.code for end in ended] == [0, 0], ended
    command.krea.await_idle()
    assert sorted(job.prompt for job in command.krea.ours()) == [prompt("one", "dawn"), "one / dawn X", "one / dawn Y"]
    for end, wish in zip(ended, ("one / dawn X", "one / dawn Y"), strict=True):
        shots = [shot for shot in await shots_of(command) if shot == (wish, wish)]
        assert len(shots) == 1, (end, wish)


async def shots_of(desk: Desk) -> list[tuple[str, str]]:
    """What the manifests say was asked for, and what the job that they name was asked for."""
    shots = [shot for manifest in await manifests(desk) for shot in manifest["shots"]]
    return [(shot["request"]["prompt"], desk.krea.find(shot["job_id"]).prompt) for shot in shots]
