"""Many submissions on their way at once: how fast, what is held back while an answer is lost, and how what a crash leaves is told apart."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from animatic.engine.compare import learned_of
from animatic.engine.decisions import list_doubts
from animatic.errors import InDoubtError, OverBudgetError
from animatic.ledger import SentInput, Submission
from animatic.plan import FileInput, Step
from tests import virtual_time
from tests.present import present
from tests.unit.engine.studio import Studio

pytestmark = pytest.mark.anyio

GROK = "/generate/video/xai/grok-video"


def shots(*lengths: int, extra: str = "") -> str:
    return "\n      ".join(f"- {{id: s{n}, prompt: Shot {n}, duration: {length}{extra}}}" for n, length in enumerate(lengths))


class Traffic:
    """When each POST left, by its prompt, and how many were on their way at once."""

    def __init__(self, studio: Studio) -> None:
        self.times: dict[str, list[float]] = {}
        self.now = self.most = 0
        studio.krea.on_post = self._left
        self._delay = studio.krea.answer_delay

    def _left(self, body: dict[str, Any]) -> None:
        self.times.setdefault(body["prompt"], []).append(virtual_time.monotonic())
        times = sorted(time for sent in self.times.values() for time in sent)
        self.most = max(self.most, sum(times[-1] - time < self._delay for time in times))


@pytest.mark.parametrize("at_once", [1, 8, 64])
async def test_so_many_submissions_are_on_their_way_at_once_and_no_more(studio: Studio, at_once: int) -> None:
    studio.declare(shots(*[4] * 20))
    studio.settings["submit_at_once"] = at_once
    studio.krea.answer_delay = 0.5
    traffic = Traffic(studio)
    assert await studio.render() is None
    times = [time for sent in traffic.times.values() for time in sent]
    assert len(times) == len(studio.krea.billed) == 20
    assert traffic.most == min(at_once, 20)
    assert max(times) - min(times) < 0.5 * 20 / at_once + 0.5


async def test_after_a_lost_answer_submissions_go_one_by_one_and_then_one_more_for_each_answer(studio: Studio) -> None:
    studio.declare(shots(*[4] * 12))
    studio.settings["submit_at_once"] = 4
    studio.krea.answers, studio.krea.answer_delay = ["500-after"], 0.5
    traffic = Traffic(studio)
    assert await studio.render() is None
    times = sorted(time for sent in traffic.times.values() for time in sent)
    after = [time for time in times if time > times[0] + 1]
    assert len(after) == 8
    volleys = sorted({round(time - after[0], 1) for time in after})
    assert [sum(abs(time - after[0] - volley) < 0.1 for time in after) for volley in volleys] == [1, 2, 4, 1]
    assert studio.krea.counts["post"] == 12


async def test_a_budget_holds_while_many_are_on_their_way(studio: Studio) -> None:
    studio.declare(shots(*[4] * 6), budget="budget: {per_day_usd: 0.7}\n")
    studio.krea.answer_delay = 2.0
    assert isinstance(await studio.render(), OverBudgetError)
    assert len(studio.krea.billed) == 3  # 0.2 each
    studio.declare(shots(*[5] * 6), pipeline="budget_usd: 2")
    assert await studio.render() is None


async def test_while_an_answer_is_lost_only_what_could_be_confused_with_it_waits(studio: Studio) -> None:
    studio.settings["submit_at_once"] = 1
    lengths = (4, 10, 4, 10, 4, 10)
    studio.declare(shots(*lengths))
    studio.krea.answers = ["500-after"]
    traffic = Traffic(studio)
    assert await studio.render() is None
    after = {int(prompt[-1]): sent[0] for prompt, sent in traffic.times.items()}
    lost = min(after, key=lambda number: after[number])
    waited = {number: time - after[lost] for number, time in after.items() if number != lost}
    grace = studio.patience.grace
    assert all((grace - 1 < time < grace + 3) if lengths[number] == lengths[lost] else time < 1 for number, time in waited.items())
    assert len(studio.krea.billed) == 6
    assert studio.run.manifest.shot(f"s{lost}").record.how == "evidence"


async def test_jobs_of_other_shots_that_are_made_meanwhile_confuse_nobody(studio: Studio) -> None:
    """Each of them is without an owner for the half second until its answer comes."""
    studio.declare(shots(*[4] * 30), pipeline="concurrency: 3")
    studio.krea.answers, studio.krea.answer_delay = ["accept", "500-after"], 0.5
    studio.krea.polls_until_end = 5
    assert await studio.render() is None
    assert len(studio.krea.billed) == studio.krea.counts["post"] == 30


def intents_of(studio: Studio) -> Iterator[Path]:
    yield from (studio.out / ".animatic" / "submissions").glob("*/*/001/intended.json")


async def leave(studio: Studio, *steps: Step, files: dict[str, SentInput] | None = None) -> None:
    """Leave the intents of a process that died while its submissions were on their way together."""
    plan = await studio.plan()
    async with studio.open(plan) as run:
        for step in steps:
            intent = await run.ledger.submissions.intend(
                fingerprint=step.fingerprint,
                attempt=1,
                model=step.request.model,
                endpoint=step.request.endpoint,
                pipeline="coast",
                step=step.key,
                run_id="20261121T000000Z-0000",
                usd=Decimal("0.2"),
                deadline_seconds=studio.patience.post + 60,
                request=step.request.body,
                inputs=(files[step.key],) if files else (),
                origin=run.client.origin,
                account=run.client.account,
            )
            assert intent is not None
    for path in intents_of(studio):
        record = json.loads(path.read_text())
        path.write_text(json.dumps(record | {"pid": 2**22 - 1, "started": f"{record['started'].rpartition(' ')[0]} 1"}))


async def test_what_a_crash_leaves_is_told_apart_by_the_lengths_of_the_results(studio: Studio) -> None:
    """Where the model keeps to the lengths that it is asked for, as its answered submissions show."""
    studio.krea.honest = True
    studio.declare(shots(6))
    assert await studio.render() is None
    studio.declare(shots(3, 5, 9))
    steps = (await studio.plan()).steps
    await leave(studio, *steps)
    made = {length: studio.krea.add(GROK, {"prompt": "of the dead", "duration": length}) for length in (9, 3, 5)}
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 1
    assert {key: take.job_id for key, take in studio.run.takes.items()} == {"s0": made[3].id, "s1": made[5].id, "s2": made[9].id}
    evidence = studio.run.manifest.shot("s2").record.evidence
    assert evidence is not None
    assert (evidence["mime"], evidence["duration"]) == ("video/mp4", 9.0)


async def test_lengths_prove_nothing_where_the_model_does_not_keep_them(studio: Studio) -> None:
    studio.declare(shots(6))
    assert await studio.render() is None  # half a second
    studio.declare(shots(3, 9))
    await leave(studio, *(await studio.plan()).steps)
    for _ in range(2):
        studio.krea.add(GROK, {"prompt": "of the dead", "duration": 4})
    assert isinstance(await studio.render(), InDoubtError)
    assert studio.krea.counts["post"] == 1
    doubts = await list_doubts(studio.destinations, timing=studio.timing())
    assert [(doubt.kind, doubt.submission.intent.step) for doubt in doubts] == [("lost_answer", "s0"), ("lost_answer", "s1")]


async def test_what_a_crash_leaves_is_told_apart_by_the_pictures_that_it_starts_from(studio: Studio) -> None:
    studio.krea.honest = True
    names = ("s0", "s1", "s2")
    across = np.tile(np.linspace(0, 120, 64), (48, 1))
    for name, levels in zip(names, (across, across[:, ::-1], np.abs(across - 60)), strict=True):
        Image.fromarray(levels.astype(np.uint8)).save(studio.folder / f"{name}.png")
    lines = (f"- {{id: {name}, prompt: Shot, duration: 4, start_image: ./{name}.png}}" for name in names)
    studio.declare("\n      ".join(lines))
    steps = (await studio.plan()).steps
    sent = {}
    for step in steps:
        given = step.request.inputs[0]
        assert isinstance(given, FileInput)
        sent[step.key] = SentInput(
            field="start_image", origin="file", path=given.written, sha256=given.sha256, sent_as=f"/files/{step.key}"
        )
        studio.krea.assets[step.key] = (studio.folder / f"{step.key}.png").read_bytes()
    await leave(studio, *steps, files=sent)
    made = {name: studio.krea.add(GROK, {"prompt": "x", "start_image": f"/files/{name}"}) for name in ("s2", "s1", "s0")}
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 0
    assert {key: take.job_id for key, take in studio.run.takes.items()} == {name: job.id for name, job in made.items()}
    evidence = studio.run.manifest.shot("s0").record.evidence
    assert evidence is not None
    assert evidence["likeness"] > 0.95


async def test_what_starts_from_no_picture_is_not_told_apart_by_pictures(studio: Studio) -> None:
    """Its clip may begin with anything: with what looks like the picture of another shot, too."""
    studio.krea.honest = True
    Image.fromarray(np.tile(np.linspace(0, 120, 64), (48, 1)).astype(np.uint8)).save(studio.folder / "s1.png")
    studio.declare("- {id: s0, prompt: Shot, duration: 4}\n      - {id: s1, prompt: Shot, duration: 4, start_image: ./s1.png}")
    plain, started = (await studio.plan()).steps
    given = started.request.inputs[0]
    assert isinstance(given, FileInput)
    sent = SentInput(field="start_image", origin="file", path=given.written, sha256=given.sha256, sent_as="/files/s1")
    studio.krea.assets["s1"] = (studio.folder / "s1.png").read_bytes()
    await leave(studio, started, files={"s1": sent})
    await leave(studio, plain)
    studio.krea.add(GROK, {"prompt": "x", "start_image": "/files/s1"})
    assert isinstance(await studio.render(), InDoubtError)
    assert studio.krea.counts["post"] == 0


async def test_what_nothing_tells_apart_waits_for_a_person_and_the_rest_goes_on(studio: Studio) -> None:
    studio.declare(shots(4, 4, 9))
    steps = (await studio.plan()).steps
    await leave(studio, *steps[:2])
    made = [studio.krea.add(GROK, {"prompt": "of the dead", "duration": 4}) for _ in range(2)]
    error = present(await studio.render())
    assert isinstance(error, InDoubtError)
    assert [studio.state(f"s{n}") for n in range(3)] == ["in_doubt", "in_doubt", "delivered"]
    assert studio.krea.counts["post"] == 1
    assert error.exit_code == 5
    doubts = await list_doubts(studio.destinations, timing=studio.timing())
    told = doubts[0].submission.doubt
    assert told is not None
    assert set(told.candidates) == {job.id for job in made}


async def test_what_failed_for_one_variant_is_not_tried_again_for_the_others(studio: Studio) -> None:
    studio.declare("- {id: dawn, prompt: Dawn, duration: 4, retries: 1}", pipeline="matrix: {language: [en, de, fr]}")
    studio.krea.ends = ["failed"] * 9
    assert await studio.render() is not None
    assert len(studio.krea.posts) == 2, "one attempt and one further, for all three"
    records = [studio.run.manifest.shot(f"{language}/dawn").record for language in ("en", "de", "fr")]
    assert [record.state for record in records] == ["failed"] * 3
    failed = [record.error.message for record in records if record.error]
    assert sum(message.startswith("the same request failed for ") for message in failed) == 2


async def test_all_who_search_at_once_learn_from_one_reading(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    readings = []
    async with studio.open(await studio.plan()) as run:
        model = run.plan.steps[0].request.model
        read = run.ledger.recent.answered

        async def counted(asked: str) -> tuple[Submission, ...]:
            readings.append(asked)
            await asyncio.sleep(0)
            found: tuple[Submission, ...] = await read(asked)
            return found

        monkeypatch.setattr(run.ledger.recent, "answered", counted)
        await asyncio.gather(*(learned_of(run, model) for _ in range(8)))
    assert readings == [model]
