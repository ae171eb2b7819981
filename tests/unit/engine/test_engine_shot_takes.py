"""The takes of a shot: also those of what it was before its request changed, and going back to one of them."""

from __future__ import annotations

import pytest

from animatic.catalog import Catalog
from animatic.cli.options import Asked
from animatic.cli.takes import _facts, _row
from animatic.cli.use import _lines, _select_take
from animatic.engine.plan_run import PlanOptions, pipeline_named
from animatic.engine.retaking import plan_retake
from animatic.engine.shot_takes import KnownTake, list_all_takes, select_take
from animatic.errors import UsageError
from tests.present import present
from tests.unit.engine.studio import CHAIN, Studio

pytestmark = pytest.mark.anyio
PARAMS = "params: {city: {type: string, default: %s}}"
CITY = '- {id: dawn, title: The town, prompt: "Dawn in {{ params.city }}", duration: 4}'


async def all_takes(studio: Studio, shot: str = "dawn") -> tuple[KnownTake, ...]:
    plan = await studio.plan()
    return await list_all_takes(studio.ledger, plan, plan.step(shot))


async def use(studio: Studio, name: str, shot: str = "dawn") -> int:
    plan = await studio.plan()
    return await select_take(studio.ledger, plan, plan.step(shot), name)


def delivered(studio: Studio, key: str = "dawn") -> tuple[str, str]:
    """State and content of what the last run delivered for a shot."""
    record = studio.run.manifest.shot(key).record
    return record.state, present(record.clip).sha256


async def test_a_clip_of_an_earlier_request_is_listed_with_what_changed_and_can_be_used_again(studio: Studio) -> None:
    studio.declare(CHAIN)
    assert await studio.render() is None
    first = delivered(studio)[1]
    studio.declare(CHAIN.replace("Rooftops at dawn", "Rooftops at noon"))
    assert await studio.render() is None
    now, earlier = await all_takes(studio)
    assert (now.number, now.current, now.changes) == (1, True, ())
    assert (earlier.number, earlier.current) == (None, False)
    assert earlier.changes == ("prompt 'Rooftops at dawn' -> 'Rooftops at noon'",)
    surf = (await all_takes(studio, "surf"))[1]
    assert surf.changes == ("what it starts from",)
    paid = studio.krea.counts["post"]
    number = await use(studio, earlier.name)
    assert number == 2
    assert await use(studio, earlier.fingerprint) == 2, "it is one of the shot's takes now"
    assert [known.name for known in await all_takes(studio)] == ["1", "2"], "and is listed once"
    assert await studio.render() is None
    assert delivered(studio) == ("reused", first)
    assert studio.krea.counts["post"] == paid + 1, "surf starts from another picture"
    shot = studio.run.manifest.shot("dawn").record
    assert (shot.request["prompt"], shot.take) == ("Rooftops at dawn", 2)


async def test_what_a_choice_costs_is_said_and_the_take_has_a_number_afterwards(studio: Studio) -> None:
    studio.declare(CHAIN)
    assert await studio.render() is None
    studio.declare(CHAIN.replace("Rooftops at dawn", "Rooftops at noon"))
    assert await studio.render() is None
    name = (await all_takes(studio))[1].name
    found = await _select_take("coast", "dawn", name, Asked(), (studio.folder / "pipelines.yaml",), None, simulated=False)
    assert (found.number, found.to_make) == (2, ("surf",))
    assert _lines("dawn", name, found)[:2] == [
        f"take {name} of dawn is used from now on, as take 2",
        "  to be made from it, $0.20: surf",
    ]


async def test_new_takes_never_get_the_number_of_a_clip_that_was_taken_up(studio: Studio) -> None:
    studio.declare()
    assert await studio.render() is None
    studio.declare(CHAIN.partition("\n")[0].replace("Rooftops at dawn", "Rooftops at noon"))
    assert await studio.render() is None
    assert await use(studio, (await all_takes(studio))[1].name) == 2
    spec = pipeline_named(studio.declaration, None)
    again = await plan_retake(studio.declaration, spec, {}, Catalog.load(), PlanOptions(), shot="dawn", changes={}, timing=studio.timing())
    assert again.number == 3
    assert (await studio.plan(fresh=True)).step("dawn").take == 3
    assert await again.record()
    paid = studio.krea.counts["post"]
    assert await studio.render(again.plan) is None
    assert studio.krea.counts["post"] == paid + 1


async def test_a_clip_that_a_retake_kept_can_be_retaken(studio: Studio) -> None:
    studio.declare(CHAIN)
    assert await studio.render() is None
    spec = pipeline_named(studio.declaration, None)
    kept = await plan_retake(
        studio.declaration,
        spec,
        {},
        Catalog.load(),
        PlanOptions(),
        shot="dawn",
        changes={},
        keep_downstream=True,
        timing=studio.timing(),
    )
    assert await kept.record()
    assert await studio.render(kept.plan) is None
    again = await plan_retake(studio.declaration, spec, {}, Catalog.load(), PlanOptions(), shot="surf", changes={}, timing=studio.timing())
    assert again.number == 2


async def test_takes_say_params_title_and_times(studio: Studio) -> None:
    studio.declare(CITY, pipeline=PARAMS % "Lisbon")
    assert await studio.render() is None
    studio.declare(CITY, pipeline=PARAMS % "Porto")
    assert await studio.render() is None
    step = await studio.step()
    now, earlier = await all_takes(studio)
    assert (dict(present(now.params)), dict(present(earlier.params))) == ({"city": "Porto"}, {"city": "Lisbon"})
    facts = _facts(step, earlier)
    assert (facts["take"], facts["earlier"], facts["title"], facts["usd"]) == (earlier.name, True, "The town", 0.2)
    assert facts["submitted_at"] < facts["completed_at"] <= facts["made_at"]
    row = _row(earlier)
    assert ("city=Lisbon" in row, row[-1]) == (True, "prompt 'Dawn in Lisbon' -> 'Dawn in Porto'")


async def test_a_take_that_is_not_there_is_answered_with_those_that_are(studio: Studio) -> None:
    studio.declare()
    assert await studio.render() is None
    studio.declare(CHAIN.partition("\n")[0].replace("Rooftops at dawn", "Rooftops at noon"))
    assert await studio.render() is None
    name = (await all_takes(studio))[1].name
    for wrong in ("7", "ffffffff"):
        with pytest.raises(UsageError, match=f"has no take {wrong}") as answered:
            await use(studio, wrong)
        assert answered.value.hint == f"delivered takes: 1, {name}"
