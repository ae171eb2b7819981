"""What is expected of jobs of every kind, and which results and types of jobs speak against them. Nothing here may crash on a new kind."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from animatic.catalog import Catalog
from animatic.catalog.model import YIELDS, Yield, yields
from animatic.engine.expectation import Learned, Result, expectation_of, gives_other, has_other_type
from animatic.ledger import Intent, SentInput
from tests.unit.ledger.ledger_samples import NOON

NOTHING_LEARNED = Learned(types={})
LENGTHS = Learned(types={}, keeps_length=True)
GIVEN: dict[Yield, Result] = {
    "video": Result(mime="video/mp4", kind="video", width=16, height=9, duration=6.0, picture=b""),
    "image": Result(mime="image/png", kind="image", width=9, height=9, picture=b""),
    "audio": Result(mime="audio/mpeg", kind="audio", duration=6.0),
    "3d": Result(mime="model/gltf-binary", kind="3d"),
}


def intent(model: str, request: dict[str, Any] | None = None, *fields: str) -> Intent:
    entry = Catalog.load().find(model)
    assert entry is not None
    inputs = tuple(SentInput(field=field, origin="url", url="https://krea.ai/x", sent_as="https://krea.ai/x") for field in fields)
    return Intent(
        fingerprint="f",
        attempt=1,
        token="0" * 32,
        model=model,
        endpoint=entry.endpoint,
        pipeline="coast",
        step="dawn",
        run_id="20261121T120000Z-4f3a",
        intended_at=NOON,
        deadline=NOON,
        usd=None,
        request=request or {},
        inputs=inputs,
        host="h",
        pid=1,
        started="s",
    )


MODELS: dict[Yield, Intent] = {
    "video": intent("xai/grok-video"),
    "image": intent("google/nano-banana-pro"),
    "audio": intent("elevenlabs/tts"),
    "3d": intent("meshy/meshy-7", {}, "image_urls[0]"),
}


@pytest.mark.parametrize("due", YIELDS)
@pytest.mark.parametrize("given", YIELDS)
def test_a_result_of_another_kind_is_another_s(due: Yield, given: Yield) -> None:
    assert gives_other((GIVEN[given],), MODELS[due], NOTHING_LEARNED) is (due != given)


@pytest.mark.parametrize(
    ("model", "field", "made"),
    [("topaz/astra", "video_url", "video"), ("topaz/bloom-enhance", "image_url", "image"), ("topaz/astra", "", None)],
)
def test_an_enhancer_gives_back_what_it_took(model: str, field: str, made: Yield | None) -> None:
    submitted = intent(model, {}, *filter(None, [field]))
    assert expectation_of(submitted.endpoint, {}, submitted.inputs).kind == made


def test_every_route_of_the_catalogue_has_an_expectation_that_is_true_of_it() -> None:
    for model in Catalog.load().models():
        source = next((name for name in ("video_url", "image_url") if model.kind == "enhance" and name in model.fields), None)
        submitted = intent(model.name, {}, *filter(None, [source]))
        assert expectation_of(submitted.endpoint, {}, submitted.inputs).kind == yields(model)


@pytest.mark.parametrize(("milliseconds", "other"), [(6000, False), (6500, False), (12_000, True)])
def test_the_length_of_music_is_compared_where_the_model_keeps_to_it(milliseconds: int, other: bool) -> None:
    submitted = intent("elevenlabs/music", {"music_length_ms": milliseconds})
    assert gives_other((GIVEN["audio"],), submitted, LENGTHS) is other
    assert gives_other((GIVEN["audio"],), submitted, NOTHING_LEARNED) is False


@pytest.mark.parametrize(
    ("due", "job_type", "other"),
    [
        ("audio", "externalAudio", False),
        ("audio", "externalVideo", True),
        ("video", "externalAudio", True),
        ("image", "external3d", True),
        ("3d", "externalImage", False),  # made of pictures: nobody knows what such a job is called
        ("3d", "external3d", False),
        ("video", "kling", False),
    ],
)
def test_a_type_that_names_another_kind_speaks_against_a_job_but_not_of_a_mesh(due: Yield, job_type: str, other: bool) -> None:
    assert has_other_type(job_type, MODELS[due], NOTHING_LEARNED) is other


def test_types_that_were_learned_tell_meshes_apart_as_well() -> None:
    learned = Learned(types={MODELS["3d"].media_fields: frozenset({"external3d"})})
    assert has_other_type("externalImage", MODELS["3d"], learned)


def test_every_result_is_tried() -> None:
    assert set(GIVEN) == set(MODELS) == set(get_args(Yield))
