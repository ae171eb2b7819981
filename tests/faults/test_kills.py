"""SIGKILL while several submissions are on their way, each answered half a second later: nothing is paid twice in silence, nothing is lost.

Every sixth answer takes longer than the next process needs to start, and its job may come to be only then.
A person may be asked; how often is printed. Whoever answers knows Krea's bill, so that the questions are proved as well.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from animatic.prefect.server import ensure
from tests.faults.accounts import ASKS_A_PERSON, Desk, prompt, statement
from tests.faults.harness import KILLED, Ended
from tests.faults.krea_jobs import Answer
from tests.faults.krea_server import serve

pytest_plugins = ["tests.s3server"]
pytestmark = pytest.mark.anyio

PATIENCE = {
    "ANIMATIC_SUBMIT_AT_ONCE": "8",
    "ANIMATIC_GRACE_SECONDS": "1",
    "ANIMATIC_POST_SECONDS": "5",
    "ANIMATIC_POLL_SECONDS": "0.2",
}
"""A submission is answered after half a second, some after four: both lie within the time of a POST."""
CLI = (sys.executable, "-m", "animatic", "run")


@pytest.fixture
def desk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Desk]:
    deliver, environment = str(tmp_path / "out"), dict(PATIENCE)
    if getattr(request, "param", "folder") == "s3":
        s3 = request.getfixturevalue("s3")
        deliver, environment = f"{s3.url}/boards", environment | s3.environment
    with serve() as krea:
        yield Desk(folder=tmp_path, deliver=deliver, krea=krea, environment=environment)


def board(name: str, shots: int, *, chained: bool = True) -> str:
    """Shots of four lengths; every fourth goes on from the one before it."""
    lines = []
    for number in range(shots):
        chain = f", start_image: s{number - 1}" if chained and number % 4 == 3 else ""
        lines.append(f"      - {{id: s{number}, prompt: '{prompt(name, f's{number}')}', duration: {1 + number % 4}{chain}}}\n")
    return f"  {name}:\n    shots:\n{''.join(lines)}"


def kill_after_a_post(desk: Desk, seconds: float, *, through_the_cli: bool = False) -> Ended:
    """Start a run and end it so many seconds after its first submission has arrived, however long that takes; or let it end by itself."""
    before = len(desk.krea.posts)
    process = desk.start(command=CLI) if through_the_cli else desk.start()
    while len(desk.krea.posts) == before and process.poll() is None:
        time.sleep(0.005)
    return desk.end_within(process, seconds)


def slow(dice: random.Random) -> Answer:
    """An answer that the next process does not find there yet."""
    return Answer(after=4.0, job_after=dice.uniform(1.0, 3.9))


async def storm(desk: Desk, kills: int, *, seed: int, shots: int = 12, through_the_cli: bool = False) -> None:
    """Kill runs at random moments, four or five times a storyboard, and let each storyboard come to its end."""
    dice = random.Random(seed)
    desk.longest = 400.0  # a storyboard on a machine where much else goes on
    desk.krea.decide = lambda post: slow(dice) if post.number % 6 == 0 else None
    boards = 0
    while desk.kills < kills:
        boards += 1
        desk.declare(board(f"board-{seed}-{boards}", shots))
        for _ in range(min(dice.choice((4, 5)), kills - desk.kills)):
            ended = kill_after_a_post(desk, dice.uniform(0.0, 1.6), through_the_cli=through_the_cli)
            assert ended.code in {0, KILLED, ASKS_A_PERSON}, ended
            if ended.code == ASKS_A_PERSON:
                assert desk.decide() == []
        desk.render_to_the_end()
    assert (await statement(desk)).wrong == []
    twice = len(desk.krea.ours()) - shots * boards
    print(  # noqa: T201
        f"\n{desk.kills} kills over {boards} storyboards of {shots} shots: {len(desk.krea.posts)} submissions, {desk.questions} questions, "
        f"{twice} jobs billed beside another, each of them named"
    )


@pytest.mark.parametrize("at_once", [3, pytest.param(8, marks=pytest.mark.slow)])
async def test_so_many_submissions_and_no_more_are_on_their_way_at_once(desk: Desk, at_once: int) -> None:
    desk.krea.answer = Answer(after=1.0)
    desk.declare(board("many", 12, chained=False))
    assert desk.render(ANIMATIC_SUBMIT_AT_ONCE=str(at_once)).code == 0
    arrived = [post.at for post in desk.krea.posts]
    assert max(sum(at <= moment < at + 1.0 for at in arrived) for moment in arrived) == at_once


@pytest.mark.timeout(120)
async def test_runs_that_are_killed_with_submissions_on_their_way_pay_for_nothing_in_silence(desk: Desk) -> None:
    await storm(desk, 3, seed=1, shots=6)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [2, 3, 5, 6])
@pytest.mark.parametrize("desk", ["folder", "s3"], indirect=True)
async def test_twenty_kills_each(desk: Desk, seed: int) -> None:
    await storm(desk, 20, seed=seed)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("desk", ["folder", "s3"], indirect=True)
async def test_twenty_kills_each_of_the_command_itself(desk: Desk) -> None:
    desk.environment |= {"PREFECT_API_URL": ensure(Path(os.environ["TEST_PREFECT_HOME"])).api_url}
    await storm(desk, 20, seed=4, through_the_cli=True)
