"""SIGKILL at every named crash point and at random moments: nothing is paid twice, no clip is lost, and few questions are asked.

The processes are real, the simulator is a process of its own that outlives them and keeps the bill, and the destination is a folder or S3.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from animatic.engine.crashpoints import NAMES
from tests.faults.harness import KILLED, Ended, Set, lost_clips, start_simulator
from tests.krea_double import still_bytes

pytest_plugins = ["tests.s3server"]
pytestmark = pytest.mark.anyio

ONLY_WHEN_CANCELLING = {"before-cancelled", "after-cancelled"}
ONLY_WITH_FURTHER_TAKES = {"after-selected"}
ONLY_WITH_CHECKS = {"before-chosen", "after-chosen"}
AT_THE_END = {"before-reel", "after-reel", "before-manifest", "after-manifest"}
MAKING = [name for name in NAMES if name not in ONLY_WHEN_CANCELLING | ONLY_WITH_FURTHER_TAKES | ONLY_WITH_CHECKS | AT_THE_END]
# A process that dies after the answer leaves a job for the next one to adopt.
MAKING.remove("after-submitted")
MAKING.append("after-submitted")
ASKS_A_PERSON = 5
MORE_TRIES = 6
"""Runs in which a point was not passed."""


def storyboard(name: str, shots: int = 4, more_lost: int = 0) -> str:
    """A chain, some shots beside it, and longer ones whose every answer is lost after it was accepted. No two requests are the same."""
    lines = [
        f"- {{id: ref, prompt: Harbour of {name}, duration: 2, start_image: ref.png}}",
        f"- {{id: dawn, prompt: Dawn of {name}, duration: 2}}",
        f"- {{id: surf, prompt: Surf of {name}, duration: 2, start_image: dawn}}",
        f"- {{id: lost, prompt: 'Gulls of {name} [sim: lost]', duration: 4}}",
        *(f"- {{id: s{number}, prompt: Shot {number} of {name}, duration: 2}}" for number in range(4, shots)),
        *(f"- {{id: lost{number}, prompt: 'Terns {number} of {name} [sim: lost]', duration: 4}}" for number in range(more_lost)),
    ]
    return f"  {name}:\n    concurrency: 2\n    shots:\n" + "".join(f"      {line}\n" for line in lines) + "    cut: {}\n"


@pytest.fixture
def stage(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Set]:
    where = getattr(request, "param", "folder")
    deliver, environment = str(tmp_path / "out"), {}
    if where == "s3":
        s3 = request.getfixturevalue("s3")
        deliver, environment = f"{s3.url}/boards", s3.environment
    (tmp_path / "ref.png").write_bytes(still_bytes())
    with start_simulator(tmp_path) as simulator:
        yield Set(folder=tmp_path, deliver=deliver, simulator=simulator, environment=environment)


def _prompt_of(board: str, shot: str) -> str:
    named = {"ref": "Harbour of {}", "dawn": "Dawn of {}", "surf": "Surf of {}", "lost": "Gulls of {} [sim: lost]"}
    further = f"Terns {shot.removeprefix('lost')} of {{}} [sim: lost]" if shot.startswith("lost") else f"Shot {shot[1:]} of {{}}"
    return named.get(shot, further).format(board)


def rest(stage: Set, ended: Ended, *, resume: bool) -> Ended:
    """Take the work up again, as `resume` or as a plain second run."""
    if resume and ended.run_id:
        ended = stage.render("--run", ended.run_id)
        if not too_early_to_resume(ended):
            return ended
    return stage.render()


def too_early_to_resume(ended: Ended) -> bool:
    """Whether a process died before its run was written down: then nothing was sent either, and there is nothing to resume."""
    return ended.code == 2 and "there is no run" in ended.output


@pytest.mark.timeout(300)
async def test_killed_at_every_point_one_after_the_other_a_storyboard_is_paid_for_once(stage: Set) -> None:
    shots, more_lost = 18, 0
    stage.declare(storyboard("coast", shots))
    for point in [*MAKING, *sorted(AT_THE_END)]:
        while (ended := stage.kill_at(point)).code != KILLED:
            assert ended.code in {0, ASKS_A_PERSON}, ended
            assert more_lost < MORE_TRIES, f"{point} was not reached: {ended}"
            # A question (which of two jobs is whose, of shots that look alike) ends a run when all the rest is made: new shots are needed.
            stage.decide(partial(_prompt_of, "coast"))
            shots, more_lost = shots + 6, more_lost + 1
            stage.declare(storyboard("coast", shots, more_lost))
    ended = stage.render()
    assert ended.code == 0, ended
    assert stage.billed_twice() == {}
    assert len(stage.billing()) == shots + more_lost
    assert await lost_clips(stage.storage, f"coast/{ended.run_id}") == []
    assert stage.kills >= 20
    print(f"\n{stage.kills} kills, {len(stage.billing())} takes billed once each")  # noqa: T201


@pytest.mark.timeout(120)
@pytest.mark.parametrize("point", sorted(ONLY_WITH_FURTHER_TAKES | {"after-take"}))
async def test_killed_between_a_further_take_and_its_choice_the_resumed_run_chooses_it(stage: Set, point: str) -> None:
    stage.declare("  coast:\n    shots: [{id: dawn, prompt: Dawn, duration: 2}]\n")
    assert stage.render().code == 0
    ended = stage.kill_at(point, "--fresh")
    assert ended.code == KILLED
    assert stage.render("--run", str(ended.run_id)).code == 0
    again = stage.render()
    assert again.lines[-1]["shots"] == {"dawn": "reused"}
    assert await lost_clips(stage.storage, f"coast/{again.run_id}") == []
    assert len(stage.billing()) == 2
    assert "01-dawn.mp4" in {entry.key.rpartition("/")[2] for entry in await stage.storage.list(f"coast/{again.run_id}/")}


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("point", "resume"),
    [
        ("after-answer:2", True),
        ("after-chosen", False),
        *(
            pytest.param(point, resume, marks=pytest.mark.slow)
            for point in ("after-take", "before-intended:2", "after-intended:2", "after-take:2", "before-chosen")
            for resume in (True, False)
        ),
        pytest.param("after-answer:2", False, marks=pytest.mark.slow),
        pytest.param("after-chosen", True, marks=pytest.mark.slow),
    ],
)
async def test_killed_around_a_further_take_that_checks_asked_for_it_is_paid_for_once(stage: Set, point: str, *, resume: bool) -> None:
    surf = "{id: surf, prompt: Surf, start_image: dawn, duration: 2}"
    stage.declare(
        f"  coast:\n    shots:\n      - {{id: dawn, prompt: 'Dawn [sim: black once]', duration: 2, qc: retake}}\n      - {surf}\n"
    )
    ended = stage.kill_at(point)
    assert ended.code == KILLED
    ended = rest(stage, ended, resume=resume)
    assert ended.code == 0, ended
    again = stage.render()
    assert again.lines[-1]["shots"] == {"dawn": "reused", "dawn#1": "reused", "surf": "reused"}
    assert await lost_clips(stage.storage, f"coast/{again.run_id}") == []
    assert len(stage.billing()) == 3


@pytest.mark.timeout(120)
@pytest.mark.parametrize("point", sorted(ONLY_WHEN_CANCELLING))
async def test_killed_while_cancelling_a_job_that_took_too_long_nothing_is_billed_unseen(stage: Set, point: str) -> None:
    stage.declare("  coast:\n    shots: [{id: dawn, prompt: 'Dawn [sim: slow 60 once]', duration: 2, timeout: 1, retries: 0}]\n")
    ended = stage.kill_at(point)
    assert ended.code == KILLED
    for _ in range(3):
        ended = stage.render()
        if ended.code == 0:
            break
        assert ended.code == 4, ended  # the shot says that it was cancelled; the next run makes it
    assert ended.code == 0
    stage.await_idle()
    assert len(stage.billing()) == 1


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("stage", ["folder", "s3"], indirect=True)
async def test_three_hundred_kills(stage: Set) -> None:
    """Half of them here, half on the other kind of destination."""
    dice = random.Random(7)
    wanted, asked, boards = 150, 0, 0
    points = itertools.cycle(
        [*MAKING, *sorted(AT_THE_END), *(f"{point}:2" for point in MAKING if "adopted" not in point and "run" not in point)]
    )
    while stage.kills < wanted:
        boards += 1
        name = f"board-{boards}"
        stage.declare(storyboard(name, shots=6))
        ended = stage.kill_at(next(points))
        for _ in range(5):
            resume = ["--run", ended.run_id] if ended.run_id and dice.random() < 0.5 else []
            at_a_point = dice.random() < 0.5
            ended = stage.kill_at(next(points), *resume) if at_a_point else stage.kill_after(dice.uniform(0.4, 2.5), *resume)
            asked += stage.decide(partial(_prompt_of, name)) if ended.code == ASKS_A_PERSON else 0
            assert ended.code in {0, KILLED, ASKS_A_PERSON} or too_early_to_resume(ended), ended
        ended = rest(stage, ended, resume=dice.random() < 0.5)
        while ended.code == ASKS_A_PERSON:
            asked += stage.decide(partial(_prompt_of, name))
            ended = rest(stage, ended, resume=True)
        assert ended.code == 0, ended
        assert await lost_clips(stage.storage, f"{name}/{ended.run_id}") == []
    assert stage.billed_twice() == {}
    assert len(stage.billing()) == 6 * boards
    print(  # noqa: T201
        f"\n{stage.kills} kills over {boards} storyboards: {len(stage.billing())} takes, none billed twice, no clip lost, {asked} questions"
    )
