"""Answers and results that Krea, or what stands before it, was seen to give, and what a run makes of them.

Seen from outside: exit codes, manifest, doubts and spending, against Krea's bill.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.accounts import Desk, billed, manifest_of, manifests, prompt, spent, statement
from tests.faults.harness import KILLED
from tests.faults.krea_jobs import Answer, Course, Job, Post, now
from tests.faults.krea_server import serve

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

DONE, WRONG, MONEY, FAILED, ASKS, AWAY = 0, 2, 3, 4, 5, 6
SHORT = {"ANIMATIC_POST_SECONDS": "1", "ANIMATIC_GRACE_SECONDS": "0.5"}
LOST = Answer(status=502, after=0.2, job_after=0.8)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with serve() as krea:
        yield Desk(folder=tmp_path, deliver=str(tmp_path / "out"), krea=krea)


def one(shot: str = "", *, pipeline: str = "") -> str:
    """A pipeline of one shot of two seconds: 0.10 USD."""
    more = f", {shot}" if shot else ""
    keys = f"    {pipeline}\n" if pipeline else ""
    return f"  one:\n{keys}    shots: [{{id: dawn, prompt: '{prompt('one', 'dawn')}', duration: 2{more}}}]\n"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What Krea does, and what has to come of it. The grace is 1.5 s, a POST may take 6 s."""

    answers: tuple[Answer, ...] = ()
    usual: Answer = field(default_factory=Answer)
    course: Course = field(default_factory=Course)
    listed_after: float = 0.0
    patience: dict[str, str] = field(default_factory=dict)
    shot: str = ""
    pipeline: str = ""
    runs: tuple[set[int], ...] = ({DONE},)
    """Exit codes that are right for one run after the other."""
    billed: int | None = 1
    """None: any number, as long as each is named."""
    posts: int | None = None
    """At most so many in all."""
    doubts: tuple[str, ...] | None = ()
    how: str | None = None
    """How the manifest says that the clip's job became known."""


CASES = {
    # An answer that is lost proves nothing: the job may come to be afterwards.
    "502, the job comes within the grace": Case(answers=(LOST,), how="evidence", posts=1),
    "500, the job was there before": Case(answers=(Answer(status=500, job_after=0.0),), how="evidence", posts=1),
    "dropped, the job comes within the grace": Case(answers=(Answer(status="dropped", after=0.2, job_after=1.0),), how="evidence", posts=1),
    "504, the job comes within four times the grace": Case(
        answers=(Answer(status=504, after=0.2, job_after=4.0),), how="evidence", posts=1
    ),
    "502, the job comes after all the time of a POST": Case(
        answers=(Answer(status=502, after=0.2, job_after=5.0),), patience=SHORT, billed=None, doubts=("stray",)
    ),
    # Refusals behind which there is a job all the same.
    "302 with a job": Case(
        answers=(Answer(status=302, location="/elsewhere"),), runs=({DONE, WRONG, ASKS}, {DONE}), billed=None, doubts=None
    ),
    "429 with a job": Case(answers=(Answer(status=429),), billed=None, doubts=None),
    # Lost answers have an end, and heed the budget.
    "always 500, never a job": Case(
        usual=Answer(status=500, after=0.1, job_after=None), shot="retries: 1", runs=({ASKS, AWAY},), billed=0, posts=2, doubts=None
    ),
    "always 500 with a job, which is listed long after": Case(
        usual=Answer(status=500, after=0.1, job_after=0.1),
        listed_after=8.0,
        patience=SHORT,
        pipeline="budget_usd: 0.20",
        runs=({MONEY, ASKS, AWAY},),
        billed=None,
        posts=2,
        doubts=None,
    ),
    # Results that are not where they are looked for first, or not yet.
    "a nested result": Case(course=Course(result="nested"), posts=1),
    "a result of objects": Case(course=Course(result="objects"), posts=1),
    "a thumbnail before the clip": Case(course=Course(result="thumbnail-first"), posts=1),
    "an address that is gone before the clip's": Case(course=Course(result="gone-first"), posts=1),
    "a result that is there a second later": Case(course=Course(result_after=1.0), posts=1),
    "no result": Case(course=Course(result="empty"), runs=({ASKS}, {ASKS}), posts=1, doubts=("unclear_result",)),
    "a failed job": Case(course=Course(ending="failed"), shot="retries: 0", runs=({FAILED},), billed=0, posts=1),
}
QUICK = {"502, the job comes within the grace"}


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in CASES])
async def test_what_a_run_makes_of(desk: Desk, name: str) -> None:
    case, krea = CASES[name], desk.krea
    krea.answers, krea.answer, krea.course, krea.listed_after = list(case.answers), case.usual, case.course, case.listed_after
    desk.environment |= case.patience
    desk.declare(one(case.shot, pipeline=case.pipeline))
    for codes in case.runs:
        ended = desk.render()
        assert ended.code in codes, ended
    krea.await_idle()
    krea.listed_after = 0.0
    said = await statement(desk)
    assert said.wrong == []
    assert case.billed in {None, len(krea.ours())}
    assert case.posts is None or len(krea.posts) <= case.posts
    assert spent(desk) >= billed(desk) - 1e-6, "spending leaves out what was billed"
    if case.doubts is not None:
        assert tuple(said.kinds) == case.doubts
    if case.how is not None:
        shot = (await manifest_of(desk))["shots"][0]
        assert (shot["how"], bool(shot["evidence"])) == (case.how, case.how == "evidence")


async def test_a_job_that_came_too_late_is_named_in_doubts_and_manifest(desk: Desk) -> None:
    """It was given up and paid for again, and came while the run went on: both jobs are told of."""
    desk.environment |= SHORT
    desk.krea.answers = [Answer(status=502, after=0.1, job_after=4.0)]
    desk.krea.courses = [Course(), Course(seconds=7)]
    desk.declare(one())
    ended = desk.render()
    assert ended.code == DONE, ended
    said = await statement(desk)
    assert (said.wrong, said.kinds, len(desk.krea.posts)) == ([], ["stray"], 2)
    shot, strays = next((manifest["shots"][0], manifest["stray_jobs"]) for manifest in await manifests(desk))
    (late,) = {job.id for job in desk.krea.ours()} - {shot["job_id"]}
    assert [(stray["job_id"], stray["usd"]) for stray in strays] == [(late, pytest.approx(0.10))]
    assert said.named == {late}
    assert said.doubts[0]["usd"] == pytest.approx(0.10)
    assert spent(desk) == pytest.approx(0.20)


async def test_late_jobs_that_nobody_can_tell_apart_are_spent_and_named(desk: Desk) -> None:
    """``spend`` says so without ``doubts`` having been asked before, and again while Krea is away."""
    desk.environment |= SHORT
    desk.krea.answer, desk.krea.listed_after = Answer(status=502, after=0.1, job_after=0.1), 1000.0
    shots = "".join(f"      - {{id: {name}, prompt: '{prompt('two', name)}', duration: 2, retries: 0}}\n" for name in ("dawn", "dusk"))
    desk.declare(f"  two:\n    shots:\n{shots}")
    ended = desk.render()
    assert ended.code in {ASKS, AWAY}, ended
    assert len(desk.krea.posts) == 2
    desk.krea.await_idle()
    assert spent(desk) == 0
    desk.krea.listed_after = 0.0
    assert spent(desk) == pytest.approx(0.20)
    assert spent(desk, KREA_API_URL="http://127.0.0.1:9", ANIMATIC_OUTAGE_SECONDS="1") == pytest.approx(0.20)
    said = await statement(desk)
    assert (said.wrong, said.named) == ([], {job.id for job in desk.krea.ours()})
    # What the next run makes of them counts once.
    desk.krea.answer = Answer()
    desk.render_to_the_end()
    assert (await statement(desk)).wrong == []
    assert spent(desk) == pytest.approx(billed(desk))


@pytest.mark.slow
async def test_a_job_that_came_too_late_is_not_taken_for_another_shot(desk: Desk) -> None:
    """The first shot was given up and made again; its job turns up while the second one looks for its own, which never comes."""
    desk.environment |= SHORT
    krea = desk.krea

    def answer(post: Post) -> Answer:
        if post.number == 3:  # only now Krea makes the job of the first submission
            late = krea.posts[0]
            krea.add(Job(account=late.token, path=late.path, body=late.body, created=now() + 0.3, course=Course(), post=late))
        return [Answer(status=502, after=0.1, job_after=None), Answer(), Answer(status=500, after=0.1, job_after=None), Answer()][
            post.number - 1
        ]

    krea.decide = answer
    shots = "".join(f"      - {{id: {name}, prompt: '{prompt('two', name)}', duration: 2}}\n" for name in ("dawn", "dusk"))
    desk.declare(f"  two:\n    concurrency: 1\n    shots:\n{shots}")
    ended = desk.render()
    first, again, second = [post.prompt for post in krea.posts[:3]]  # which shot comes first is left to chance
    assert (first, {first, second}) == (again, {prompt("two", name) for name in ("dawn", "dusk")})
    assert (await statement(desk)).wrong == [], ended
    assert ended.code in {DONE, ASKS, AWAY}


@pytest.mark.slow
async def test_a_file_that_cannot_be_had_fails_its_shot_and_not_the_run(desk: Desk) -> None:
    desk.krea.courses = [Course(file=500)]
    shots = "".join(f"      - {{id: {name}, prompt: '{prompt('two', name)}', duration: 2}}\n" for name in ("dawn", "dusk"))
    desk.declare(f"  two:\n    shots:\n{shots}")
    ended = desk.render(ANIMATIC_OUTAGE_SECONDS="2")
    assert ended.code == FAILED, ended
    manifest = await manifest_of(desk)
    states = sorted(shot["state"] for shot in manifest["shots"])
    assert states == ["delivered", "failed"]
    (failed,) = [shot for shot in manifest["shots"] if shot["state"] == "failed"]
    unfetched = [job.id for job in desk.krea.jobs if job.course.file == 500]
    assert [attempt["job_id"] for attempt in failed["attempts"]] == unfetched
    (stray,) = (await statement(desk)).doubts
    assert (stray["kind"], stray["job_id"], stray["shot"], stray["usd"]) == ("stray", unfetched[0], failed["id"], pytest.approx(0.10))
    assert "animatic resume" in stray["reason"]
    for job in desk.krea.jobs:
        job.course = Course()
    assert desk.render().code == DONE
    assert len(desk.krea.posts) == 2
    said = await statement(desk)
    assert (said.wrong, said.doubts) == ([], [])


async def test_the_job_of_a_run_that_ended_before_is_named_until_the_next_one_takes_it_up(desk: Desk) -> None:
    desk.declare(one())
    desk.krea.answer, desk.krea.course = Answer(after=0.1), Course(seconds=9, result="empty")
    process = desk.start()
    desk.krea.await_posts(1)
    ended = desk.end_within(process, 2)
    assert ended.code == KILLED, ended
    for reason in ("animatic resume", "was not fetched"):
        (doubt,) = desk.doubts()
        assert (doubt["kind"], doubt["job_id"], doubt["usd"]) == ("stray", desk.krea.jobs[0].id, pytest.approx(0.10))
        assert reason in doubt["reason"]
        desk.krea.await_idle()
    # Whether its result is understood is for the next run to say.
    assert desk.render().code == ASKS
    assert [doubt["kind"] for doubt in desk.doubts()] == ["unclear_result"]
    desk.krea.jobs[0].course = Course()
    assert desk.render().code == DONE
    assert desk.doubts() == []
    assert len(desk.krea.posts) == 1


@pytest.mark.slow
async def test_the_address_of_a_result_that_has_expired_is_not_sent_on(desk: Desk) -> None:
    desk.krea.course = Course(file_lives=1.5)
    first = f"- {{id: dawn, prompt: '{prompt('two', 'dawn')}', duration: 2}}"
    desk.declare(f"  two:\n    shots:\n      {first}\n")
    assert desk.render().code == DONE
    desk.krea.jobs[0].course = Course(file_lives=0.0)
    desk.declare(
        f"  two:\n    shots:\n      {first}\n      - {{id: dusk, prompt: '{prompt('two', 'dusk')}', duration: 2, edit_video: dawn}}\n"
    )
    assert desk.render().code == DONE
    (sent,) = [post.body["edit_video"] for post in desk.krea.posts if "edit_video" in post.body]
    assert sent.startswith(f"{desk.krea.url}/files/asset-"), sent
    assert (await statement(desk)).wrong == []
