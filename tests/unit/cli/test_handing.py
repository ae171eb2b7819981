"""Runs that a decision lets go on: each is said to be what became of it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from animatic.cli import handing
from animatic.errors import PrefectError
from animatic.prefect.suspended import Resumed


def past(run_id: str) -> Any:
    return SimpleNamespace(plan=SimpleNamespace(run_id=run_id))


@pytest.mark.parametrize("ails", ["own", "other"])
def test_a_run_that_could_not_be_resumed_is_named_and_no_other_one(
    ails: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def hand_over(run: Any) -> Resumed:
        if run.plan.run_id == ails:
            raise PrefectError("the server does not answer")
        return cast("Resumed", SimpleNamespace(what="resumed", name="bold-fox", flow_run_id="1"))

    monkeypatch.setattr(handing, "hand_over", hand_over)
    monkeypatch.setattr(handing, "is_deployed", lambda _run: asyncio.sleep(0, result=True))
    monkeypatch.setattr(handing, "_others_served", lambda _run, _decided: asyncio.sleep(0, result=[past("other")]))
    resumed = asyncio.run(handing.hand_over_decided(past("own"), {"a"}))
    said = capsys.readouterr().err
    assert (resumed is None) is (ails == "own")
    assert f"animatic resume {ails}" in said
    assert said.count("animatic resume") == 1
