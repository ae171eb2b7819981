"""Locks: the take that counts stays whatever changes in or above its shot, nothing is paid for it, and what hangs on it stays as it is."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from animatic.catalog import Catalog
from animatic.engine.approvals import approve
from animatic.engine.changes import explain
from animatic.engine.decided import with_decisions
from animatic.engine.estimate import estimate
from animatic.engine.locking import Change, find_shots, lock, unlock
from animatic.engine.plan_run import PlanOptions, pipeline_named
from animatic.engine.retaking import plan_retake
from animatic.errors import ApprovalError, UsageError
from tests.unit.engine.conftest import Verb
from tests.unit.engine.studio import Studio

pytestmark = pytest.mark.anyio

NOIR = "\n      - {id: noir, prompt: Grain, start_image: surf, duration: 4}"


def shots(dawn: str = "Rooftops", surf: str = "Surf", more: str = "") -> str:
    return f"- {{id: dawn, prompt: {dawn}, duration: 4}}\n      - {{id: surf, prompt: {surf}, start_image: dawn, duration: 4{more}}}{NOIR}"


async def locked(studio: Studio, shot: str = "surf", *, off: bool = False, note: str | None = None, **options: Any) -> list[Change]:
    spec = pipeline_named(studio.declaration, None)
    params = options.pop("params", {})
    found = await find_shots(studio.declaration, spec, params, Catalog.load(), PlanOptions(**options), shot, timing=studio.timing())
    return await (unlock if off else lock)(found, by="mara", note=note)


def entry(studio: Studio, key: str) -> dict[str, Any]:
    found = json.loads((studio.out / studio.run.prefix / "manifest.json").read_text())["shots"]
    return next(shot for shot in found if (shot["key"] or shot["id"]) == key)


@pytest.fixture
async def film(studio: Studio) -> Studio:
    """Three shots, each from the last frame of the one before, all made."""
    studio.declare(shots())
    assert await studio.render() is None
    assert len(studio.krea.billed) == 3
    return studio


@pytest.mark.parametrize(
    ("dawn", "surf"), [("Noon", "Surf"), ("Rooftops", "Big surf"), ("Noon", "Big surf")], ids=["above it", "in it", "both"]
)
async def test_whatever_changes_the_take_stays_and_so_does_what_hangs_on_it(film: Studio, dawn: str, surf: str) -> None:
    before = {key: entry(film, key)["job_id"] for key in ("surf", "noir")}
    prints = {step.key: step.fingerprint for step in (await film.plan()).steps}
    await locked(film, note="final")
    film.declare(shots(dawn, surf))
    plan = await film.plan()
    assert {key: plan.step(key).fingerprint for key in before} == {key: prints[key] for key in before}
    due = ["dawn"] if dawn != "Rooftops" else []
    assert [step.key for step in (await estimate(plan, film.ledger)).to_pay] == due
    assert await film.render(plan) is None
    assert len(film.krea.billed) == 3 + len(due)
    assert {key: entry(film, key)["job_id"] for key in before} == before
    assert [entry(film, key)["locked"] for key in ("dawn", "surf", "noir")] == [False, True, False]
    assert (entry(film, "surf")["state"], entry(film, "surf")["request"]["prompt"]) == ("reused", "Surf")
    assert entry(film, "surf")["depends_on"] == ["dawn"]


async def test_plan_says_what_would_have_changed(film: Studio) -> None:
    await locked(film, note="final")
    film.declare(shots(dawn="Noon", surf="Big surf"))
    plan = await film.plan()
    told = (await explain(plan, await estimate(plan, film.ledger), film.ledger)).estimate.decisions["surf"]
    assert told.action == "reuse"
    assert told.reason.startswith("locked to take 1 by mara since ")
    assert told.reason.endswith("(final)")
    assert told.changes == ("prompt 'Surf' -> 'Big surf'",)
    film.declare(shots(dawn="Noon"))
    plan = await film.plan()
    told = (await explain(plan, await estimate(plan, film.ledger), film.ledger)).estimate.decisions["surf"]
    assert told.changes == ("what it starts from",)


async def test_without_the_lock_it_is_made_anew(film: Studio) -> None:
    await locked(film)
    film.declare(shots(surf="Big surf"))
    assert await film.render() is None
    assert len(film.krea.billed) == 3
    [off] = await locked(film, off=True, note="a new idea")
    assert (off.new, off.lock and off.lock.kind, off.lock and off.lock.note) == (True, "unlocked", "a new idea")
    plan = await film.plan()
    told = (await explain(plan, await estimate(plan, film.ledger), film.ledger)).estimate.decisions["surf"]
    assert (told.action, told.reason) == ("run", "not locked any more")
    assert await film.render() is None
    assert len(film.krea.billed) == 5
    assert entry(film, "surf")["locked"] is False
    [again] = await locked(film, off=True)
    assert not again.new


async def test_a_shot_above_it_that_fails_does_not_touch_it(film: Studio) -> None:
    await locked(film)
    film.declare(shots(dawn="Noon"))
    film.krea.answers = ["400"]
    assert await film.render() is not None
    assert [film.state(key) for key in ("dawn", "surf", "noir")] == ["failed", "reused", "reused"]


async def test_fresh_leaves_it_and_what_is_above_it_is_not_needed(film: Studio) -> None:
    await locked(film)
    plan = await film.plan(fresh=True)
    decided = (await explain(plan, await estimate(plan, film.ledger), film.ledger)).estimate
    assert [step.key for step in decided.to_pay] == ["dawn", "noir"]
    assert decided.decisions["surf"].changes == ("what it starts from",), "the new take of dawn"
    assert plan.step("surf").locked is not None
    assert (await film.plan(fresh=True, only="surf")).step("surf").fingerprint == plan.step("surf").fingerprint
    await locked(film, "dawn")
    again = await film.plan(fresh=True)
    told = (await explain(again, await estimate(again, film.ledger), film.ledger)).estimate.decisions
    assert (told["dawn"].changes, told["surf"].changes) == ((), ()), "to be made anew is no change"
    await locked(film, "dawn", off=True)
    film.declare(shots(dawn="'{{ run.id }}'"))
    only = await film.plan(only="surf")
    assert [step.key for step in only.steps] == ["surf"], "what is above a locked shot is not needed for it"
    both = await film.plan(only="dawn+")
    assert [step.key for step in both.steps] == ["dawn", "surf", "noir"]


async def test_a_take_that_an_edit_has_left_behind_can_still_be_locked(film: Studio) -> None:
    job = entry(film, "surf")["job_id"]
    film.declare(shots(dawn="Noon", surf="Big surf"))
    [change] = await locked(film)
    assert (change.new, change.changes) == (True, ("prompt 'Surf' -> 'Big surf'",))
    assert await film.render() is None
    assert entry(film, "surf")["job_id"] == job
    await locked(film, off=True)
    [again] = await locked(film)
    assert again.changes == ("prompt 'Surf' -> 'Big surf'",), "also where a run with the lock came between"


async def test_no_other_take_is_made_chosen_or_approved(film: Studio) -> None:
    await locked(film, note="final")
    spec = pipeline_named(film.declaration, None)
    with pytest.raises(UsageError, match=r"'surf' is locked to take 1 by mara .* no other take of it is made") as refused:
        await plan_retake(film.declaration, spec, {}, Catalog.load(), PlanOptions(), shot="surf", changes={}, timing=film.timing())
    assert refused.value.hint == "unlock it first: `animatic lock coast surf --off`"
    made = await plan_retake(film.declaration, spec, {}, Catalog.load(), PlanOptions(), shot="dawn", changes={}, timing=film.timing())
    assert not made.stale, "a new take above it leaves it alone, and all that hangs on it"


async def test_approving_another_take_of_a_locked_shot_is_refused(studio: Studio) -> None:
    still = "- {id: still, kind: image, prompt: A bottle, takes: 3, approve: true}"
    studio.declare(still + "\n      - {id: spin, prompt: Dolly, start_image: still, duration: 4}")
    assert isinstance(await studio.render(), ApprovalError)
    plan = studio.run.plan
    await locked(studio, "still")
    with pytest.raises(UsageError, match="'still' is locked to take 1 by mara: no other one is picked"):
        await approve(plan, studio.ledger, "still", take=2, by="jo", note=None)
    assert isinstance(await studio.render(await with_decisions(plan, studio.ledger, Catalog.load())), ApprovalError), (
        "to lock is not to approve"
    )
    await approve(plan, studio.ledger, "still", take=None, by="jo", note=None)
    assert await studio.render(await with_decisions(plan, studio.ledger, Catalog.load())) is None
    assert len(studio.krea.billed) == 4
    still_of_run = entry(studio, "still")
    assert (still_of_run["locked"], [take["take"] for take in still_of_run["takes"]]) == (True, [1, 2, 3])

    studio.declare(
        still.replace("takes: 3", "takes: 5").replace("A bottle", "A vase") + "\n      - {id: gulls, prompt: Gulls, duration: 4}"
    )
    assert [step.key for step in (await estimate(await studio.plan(), studio.ledger)).to_pay] == ["gulls"]


async def test_a_run_that_goes_on_keeps_what_was_locked_meanwhile(film: Studio) -> None:
    job = entry(film, "surf")["job_id"]
    film.declare(shots(dawn="Noon", surf="Big surf"))
    begun = await film.plan()
    film.declare(shots())
    await locked(film)
    resumed = await with_decisions(begun, film.ledger, Catalog.load())
    assert [step.key for step in (await estimate(resumed, film.ledger)).to_pay] == ["dawn"]
    assert await film.render(resumed) is None
    assert (entry(film, "surf")["job_id"], entry(film, "surf")["locked"]) == (job, True)
    await locked(film, off=True)
    later = await with_decisions(resumed, film.ledger, Catalog.load())
    assert later.step("surf").locked is None
    assert [step.fingerprint for step in later.steps] == [step.fingerprint for step in resumed.steps]


@pytest.mark.parametrize("what", ["record", "clip", "cut"])
async def test_a_locked_take_that_is_missing_is_told_before_anything_is_paid(film: Studio, what: str) -> None:
    take = await film.ledger.takes.get((await film.step("surf")).fingerprint)
    assert take is not None
    await locked(film)
    clip = film.out / take.clip.key
    match what:
        case "record":
            clip.with_name("take.json").unlink()
        case "clip":
            clip.unlink()
        case _:
            clip.write_bytes(clip.read_bytes()[:-1])
    film.declare(shots(dawn="Noon"))
    said = {"record": "its record is not at the destination any more", "clip": "its file .* is not there", "cut": "bytes instead of"}
    with pytest.raises(UsageError, match=f"'surf' of 'coast' is locked to take 1, and .*{said[what]}") as missing:
        await film.plan()
    assert "`animatic lock coast surf --off`" in (missing.value.hint or "")
    await locked(film, off=True)
    assert (await film.plan()).step("surf").locked is None


async def test_a_shot_that_is_something_else_now_is_told(film: Studio) -> None:
    await locked(film)
    film.declare(shots().replace("{id: surf, prompt: Surf, start_image: dawn, duration: 4}", "{id: surf, kind: image, prompt: Surf}"))
    with pytest.raises(UsageError, match="locked to take 1, which is a clip, and is now declared to be a still"):
        await film.plan()


async def test_variants_are_locked_together_or_one_by_one(studio: Studio) -> None:
    one = "- {id: spin, prompt: 'Dolly {{ matrix.language }}', duration: 4}"
    studio.declare(one, pipeline="matrix: {language: [en, de]}")
    with pytest.raises(UsageError, match="shots 'en/spin', 'de/spin' have no take yet"):
        await locked(studio, "spin")
    assert await studio.render() is None
    assert [change.step for change in await locked(studio, "spin")] == ["en/spin", "de/spin"]
    await locked(studio, "de/spin", off=True)
    studio.declare(one.replace("Dolly", "Crane"), pipeline="matrix: {language: [en, de]}")
    assert [step.key for step in (await estimate(await studio.plan(), studio.ledger)).to_pay] == ["de/spin"]
    with pytest.raises(UsageError, match="there is no shot 'fr/spin'"):
        await locked(studio, "fr/spin")


async def test_a_lock_holds_for_every_profile_unless_it_was_set_under_one(studio: Studio) -> None:
    profiles = "\nprofiles: {draft: {video: {model: bytedance/seedance-2-mini}}}\n"
    studio.declare(budget=profiles)
    assert await studio.render(await studio.plan(profile="draft")) is None
    await locked(studio, "dawn", profile="draft")
    assert [step.key for step in (await estimate(await studio.plan(), studio.ledger)).to_pay] == ["dawn"], "no draft in the final"
    assert await studio.render() is None
    final = (await studio.plan()).step("dawn").fingerprint
    await locked(studio, "dawn", profile="draft", off=True)
    await locked(studio, "dawn")
    assert (await studio.plan(profile="draft")).step("dawn").fingerprint == final
    await locked(studio, "dawn", profile="draft", off=True)
    assert (await studio.plan()).step("dawn").locked is None


@pytest.mark.parametrize("reuse", ["run", "never"])
async def test_it_stays_where_everything_else_is_made_anew(studio: Studio, reuse: str) -> None:
    studio.declare(shots(), pipeline=f"reuse: {reuse}")
    assert await studio.render() is None
    await locked(studio)
    job = entry(studio, "surf")["job_id"]
    plan = await studio.plan()
    assert [step.key for step in (await estimate(plan, studio.ledger)).to_pay] == ["dawn", "noir"]
    assert await studio.render(plan) is None
    assert (entry(studio, "surf")["job_id"], entry(studio, "surf")["locked"]) == (job, True)


async def test_of_two_people_who_lock_at_once_one_counts(film: Studio) -> None:
    both = await asyncio.gather(*(locked(film, note=note) for note in ("one", "two")))
    assert sorted(change.new for [change] in both) == [False, True]
    assert len({change.lock.note for [change] in both if change.lock}) == 1


async def test_the_verb_says_what_it_did(film: Studio, animatic: Verb) -> None:
    first = await animatic("lock", "surf", "--note", "final")
    assert (first.code, first.out) == (0, f"surf is locked to take 1, as run {film.run.plan.run_id} made it\n")
    again = await animatic("lock", "coast", "surf", "--json")
    [told] = json.loads(again.out)
    assert (told["locked"], told["new"], told["take"], told["note"]) == (True, False, 1, "final")
    plan = await animatic("plan", "coast")
    assert "locked to take 1 by " in plan.out
    for verb in (["use", "surf", "1"], ["retake", "surf", "--dry-run"]):
        refused = await animatic(*verb)
        assert refused.code == 2
        assert "`animatic lock coast surf --off`" in refused.err
    off = await animatic("lock", "surf", "--off")
    assert (off.code, off.out.startswith("surf is not locked any more")) == (0, True)
    twice = await animatic("lock", "surf", "--off")
    assert (twice.code, twice.out) == (0, "surf is not locked\n")
    assert (await animatic("lock", "nope")).code == 2
