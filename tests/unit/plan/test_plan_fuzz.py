"""Whatever is written, checking ends with problems that have a place, never with a traceback."""

from __future__ import annotations

import json
import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from animatic.catalog import Catalog
from animatic.errors import DeclarationError
from animatic.plan import examine
from animatic.source import load_text, render_problems
from animatic.spec import declare

CATALOG = Catalog.load()
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150"))
WORDS = st.sampled_from(
    [
        "a", "b", "c", "", " ", ".", "/", "refs/x.png", "http://", "https://h/x.png", "http://[", "data:,", "s3://b", "\x00",
        "x" * 5000, "{{", "{{ x }}",
        "{{ params.p }}", "{{ params.q }}", "{{ matrix.m }}", "{{ params }}",
        "{{ cast.a }}", "{{ cast[params.p] }}", "{{ shots.a.line }}", "{{ shot.line }}", "{{ [1] }}", "{% for %}", "{{ {} }}", "{{ 1/0 }}",
        "{{ ''.join }}", "xai/grok-video",
        "google/nano-banana-pro", "kling/kling-2.5", "topaz/bloom-enhance", "first", "true", "16:9", "${x}", "\ud83d\ude00",
    ]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats(allow_nan=False, allow_infinity=False) | WORDS
KEYS = st.sampled_from(
    [
        "shot", "frame", "file", "url", "id", "prompt", "duration", "model", "kind", "title", "when", "fallback", "start_image",
        "reference_images", "edit_video",
        "cast", "line", "images", "style", "strength",
        "image_urls", "style_images", "styles", "extra_body", "camera_control", "startImage", "aspect_ratio", "x",
    ]
)  # fmt: skip
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6)
MEMBERS = st.fixed_dictionaries({}, optional=dict.fromkeys(("images", "prompt", "style", "strength"), VALUES))
SHOTS = st.lists(
    st.fixed_dictionaries({"id": st.sampled_from("abcd")}).flatmap(
        lambda base: st.dictionaries(KEYS, VALUES, max_size=5).map(lambda more: {**more, **base})
    ),
    max_size=4,
)


@given(
    shots=SHOTS,
    default=VALUES,
    param=st.fixed_dictionaries({"type": st.sampled_from(["string", "integer", "boolean"])}),
    matrix=st.none() | st.dictionaries(st.sampled_from(["m", "n", "include", "exclude"]), VALUES, max_size=3),
    cut=st.none() | st.dictionaries(st.just("shots"), VALUES, max_size=1),
    cast=st.none() | st.dictionaries(st.sampled_from("abcm"), VALUES | MEMBERS, max_size=3),
)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_checking_never_fails_and_every_problem_has_a_place(
    shots: list[dict[str, Any]], default: Any, param: dict[str, Any], matrix: Any, cut: Any, cast: Any
) -> None:
    pipeline = {
        "params": {"p": param},
        "shots": shots,
        **({"matrix": matrix} if matrix is not None else {}),
        **({"cast": cast} if cast is not None else {}),
        **({"cut": cut} if cut is not None else {}),
    }
    defaults = {"video": {"model": "xai/grok-video", "resolution": default}}
    text = json.dumps({"version": 1, "defaults": defaults, "pipelines": {"one": pipeline}}, indent=1)
    try:
        document = load_text(text)
    except DeclarationError:
        return
    found = examine(declare([document]), CATALOG)
    assert all(problem.place is not None for problem in found.problems)
    render_problems(found.problems, [document])
