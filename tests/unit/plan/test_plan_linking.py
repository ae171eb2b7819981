"""References are linked wherever they stand; most of linking is tested through whole plans and in the golden cases."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from animatic.catalog import Catalog
from animatic.plan import FileInput, ShotInput, UrlInput
from animatic.plan.fitting import ReferenceSite
from animatic.plan.linking import ReferenceLinker
from animatic.plan.problems import ProblemCollector
from animatic.plan.resolve import ResolveOptions, resolve
from tests.unit.plan.plan_helpers import DeclarationOf

SOUND = b"ID3" + bytes(61)


def test_a_reference_that_is_in_no_request_is_linked_as_well(declaration_of: DeclarationOf, catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "score.mp3").write_bytes(SOUND)
    spec = declaration_of("t: {shots: [{id: a, prompt: A}]}").pipelines["t"]
    shots = {name: shot.draft for name, shot in resolve(spec, catalog, ResolveOptions(params={}, run={})).variants[0].shots.items()}
    problems = ProblemCollector(spec=spec)
    linker = ReferenceLinker(spec, hashing=True, certain=True)
    sound = ReferenceSite(path=("sound",), media="audio", origin=(*spec.path, "shots", 0, "id"))
    poster = ReferenceSite(path=("poster",), media="image", origin=sound.origin)

    assert linker.link("score.mp3", sound, shots, problems.for_pipeline()).input == FileInput(
        path=("sound",),
        media="audio",
        written="score.mp3",
        file=str(tmp_path / "score.mp3"),
        sha256=hashlib.sha256(SOUND).hexdigest(),
        size=len(SOUND),
    )
    url = "https://host.example/score.mp3"
    assert linker.link(url, sound, shots, problems.for_pipeline()).input == UrlInput(path=("sound",), media="audio", url=url)
    taken = linker.link({"shot": "a", "frame": "first"}, poster, shots, problems.for_pipeline())
    assert (taken.input, taken.shot) == (ShotInput(path=("poster",), media="image", step="a", frame="first"), "a")
    assert problems.problems(1) == ()

    assert linker.link("a", sound, shots, problems.for_pipeline()).input is None
    assert [problem.message for problem in problems.problems(1)] == ["pipeline 't': sound takes sound; shot 'a' is a clip"]


@pytest.mark.parametrize(("variants", "message"), [(1, "gone"), (2, "gone (in variant de)"), (3, "gone (in variant de)")])
def test_a_problem_names_its_variants_where_only_some_have_it(declaration_of: DeclarationOf, variants: int, message: str) -> None:
    spec = declaration_of("t: {shots: [{id: a, prompt: A}]}").pipelines["t"]
    problems = ProblemCollector(spec=spec)
    for _ in range(2):
        problems.for_variant("de").add("gone", spec.path, code="x")
    assert [problem.message for problem in problems.problems(variants)] == [message]
