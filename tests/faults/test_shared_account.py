"""Krea at its worst: another program makes jobs on the account all the time, or jobs come long after their answer was lost.

What a run takes for its own must be its own, or say by what evidence it was taken; and all that was billed is named.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.accounts import Desk, billed, manifests, prompt, spent, statement
from tests.faults.harness import KILLED
from tests.faults.krea_jobs import Answer, Post
from tests.faults.krea_server import serve
from tests.faults.test_kills import PATIENCE, board, kill_after_a_post

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]

TENTH = {
    "ANIMATIC_SUBMIT_AT_ONCE": "8",
    "ANIMATIC_GRACE_SECONDS": "1.5",
    "ANIMATIC_POST_SECONDS": "12",
    "ANIMATIC_POLL_SECONDS": "0.2",
}
"""A tenth of what holds by default."""
REAL = {"ANIMATIC_SUBMIT_AT_ONCE": "8"}
ENDS = {0, 4, 5, 6}
"""Exit codes of runs whose answers were lost again and again."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with serve() as krea:
        yield Desk(folder=tmp_path, deliver=str(tmp_path / "out"), krea=krea, environment=dict(PATIENCE))


async def among_neighbours(desk: Desk, kills: int, *, shots: int, named: str, seed: int) -> None:
    """Kill runs while another program makes a job every 0.3 s. What a type of our own jobs is was learned before."""
    dice = random.Random(seed)
    desk.declare(f"  first:\n    shots: [{{id: s0, prompt: '{prompt('first', 's0')}', duration: 2}}]\n")
    assert desk.render().code == 0
    boards = 0
    with desk.krea.neighbour(every=0.3, named=named):
        while desk.kills < kills:
            boards += 1
            desk.declare(board(f"board-{boards}", shots))
            for _ in range(min(3, kills - desk.kills)):
                ended = kill_after_a_post(desk, dice.uniform(0.0, 1.2))
                assert ended.code in {0, 5, KILLED}, ended
                assert desk.decide() == []
            desk.render_to_the_end()
    assert (await statement(desk)).wrong == []
    theirs = {job.id for job in desk.krea.jobs if job.post is None}
    taken = theirs & {shot["job_id"] for manifest in await manifests(desk) for shot in manifest["shots"]}
    if named != "externalVideo":
        assert taken == set()
    print(  # noqa: T201
        f"\n{desk.kills} kills among {len(theirs)} jobs of another program ({named}): "
        f"{desk.questions} questions, {len(taken)} jobs of the other program taken, each said to be by evidence"
    )


@pytest.mark.slow
@pytest.mark.parametrize("named", ["modifyVideo", "externalVideo"])
async def test_ten_kills_while_another_program_makes_jobs_all_the_time(desk: Desk, named: str) -> None:
    await among_neighbours(desk, 10, shots=8, named=named, seed=6)


async def late_creation(desk: Desk, *, shots: int, latest: float, kills: int, seed: int) -> None:
    """Half of the answers are lost at once, and each of their jobs comes up to ``latest`` seconds after."""
    dice = random.Random(seed)

    def lose(_post: Post) -> Answer | None:
        if dice.random() < 0.5:
            return None
        return Answer(status=dice.choice((502, 504, "dropped")), after=0.1, job_after=0.1 + dice.uniform(0.0, latest))

    desk.krea.decide = lose
    desk.declare(board("late", shots))
    for _ in range(kills):
        kill_after_a_post(desk, dice.uniform(0.0, latest / 2))
    for _ in range(8):
        ended = desk.render(timeout=60 * latest)
        assert ended.code in ENDS, ended
        assert desk.decide() == []
        if ended.code == 0:
            break
    desk.krea.decide = lambda _post: None
    desk.krea.await_idle()
    desk.render_to_the_end()
    assert (await statement(desk)).wrong == []
    assert spent(desk) >= billed(desk) - 1e-6, "spending leaves out what was billed"
    beside = len(desk.krea.ours()) - shots
    print(f"\n{shots} shots: {beside} jobs came too late and are named, {desk.questions} questions")  # noqa: T201


@pytest.mark.slow
@pytest.mark.parametrize(("kills", "latest"), [(0, 10.0), (3, 10.0), (0, 30.0)])
async def test_jobs_that_come_long_after_their_answer_was_lost_at_a_tenth_of_the_time(desk: Desk, kills: int, latest: float) -> None:
    """Those of the last case come after all the time for which anybody waits."""
    desk.environment |= TENTH
    await late_creation(desk, shots=8, latest=latest, kills=kills, seed=8)


@pytest.mark.slow
@pytest.mark.timeout(1500)
async def test_jobs_that_come_up_to_a_hundred_seconds_after_their_answer_was_lost(tmp_path: Path) -> None:
    """With the times that hold by default."""
    with serve() as krea:
        desk = Desk(folder=tmp_path, deliver=str(tmp_path / "out"), krea=krea, environment=dict(REAL), quick=False)
        await late_creation(desk, shots=3, latest=100.0, kills=1, seed=9)
