"""A pipeline that signs, on a machine that cannot: every verb says so at the line that asks for it, before anything is sent."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.cli.conftest import GOOD, Verb
from tests.unit.marks.certificates import make_chain

SIGNED = GOOD.replace("    budget_usd: 1.00\n", "    budget_usd: 1.00\n    provenance:\n      label: AI\n      c2pa: sign\n")
LINE = "pipelines.yaml:11:13: "
UNSET = "'provenance: {c2pa: sign}' needs ANIMATIC_C2PA_CERT, which is not set"


@pytest.fixture(autouse=True)
def file(animatic: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANIMATIC_C2PA_CERT", raising=False)
    monkeypatch.delenv("ANIMATIC_C2PA_KEY", raising=False)
    Path("pipelines.yaml").write_text(SIGNED)


def test_plan_shows_what_it_would_do_and_refuses_with_the_line(animatic: Verb) -> None:
    said = animatic("plan", "--out", "plan.json")
    assert said.code == 2
    assert f"{LINE}error: {UNSET}" in said.err
    assert "set ANIMATIC_C2PA_CERT to a file" in said.err
    assert "Plan: 2 to make" in said.out
    assert not Path("plan.json").exists()
    told = json.loads(animatic("plan", "--json").out)
    assert (told["error"]["code"], told["error"]["problems"][0]["line"]) == ("declaration", 11)
    assert animatic("plan", "other").code == 0


def test_a_run_is_refused_before_anything_is_started(animatic: Verb) -> None:
    said = animatic("run", "--simulate")
    assert (said.code, f"{LINE}error: {UNSET}" in said.err, "Prefect" in said.err) == (2, True, False)
    assert not Path("out").exists()


def test_validate_warns_since_another_machine_may_sign(animatic: Verb) -> None:
    said = animatic("validate")
    assert (said.code, f"{LINE}warning: {UNSET}" in said.err) == (0, True)
    assert "warning" not in animatic("validate", "other").err


@pytest.mark.parametrize("ends", [1, -1])
def test_a_certificate_is_proved_without_asking_anybody(animatic: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: int) -> None:
    chain = make_chain(tmp_path / "certificates", ends=timedelta(days=ends))
    monkeypatch.setenv("ANIMATIC_C2PA_CERT", str(chain.cert))
    monkeypatch.setenv("ANIMATIC_C2PA_KEY", str(chain.key))
    said = animatic("plan")
    assert said.code == (0 if ends > 0 else 2)
    if ends < 0:
        assert f"{LINE}error: ANIMATIC_C2PA_CERT and ANIMATIC_C2PA_KEY cannot sign" in said.err
