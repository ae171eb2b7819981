"""Settings and faults: typed, checked, changeable."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from animatic.errors import UsageError
from animatic.simulator import Faults, SimulatorSettings
from animatic.simulator.__main__ import main
from animatic.simulator.settings import Fault


def test_settings_survive_json() -> None:
    settings = SimulatorSettings(tokens=("a",), faults=Faults(lost_after=0.5, seed=3), url_seconds=60)
    assert SimulatorSettings.from_json(settings.to_json()) == settings


def test_changing_one_fault_keeps_the_others() -> None:
    settings = SimulatorSettings(faults=Faults(lost_after=0.5)).changed({"concurrency": 2, "faults": {"failing_poll": 1}})
    assert (settings.concurrency, settings.faults.lost_after, settings.faults.failing_poll) == (2, 0.5, 1)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"speed": 1}, "unknown simulator setting: speed"),
        ({"faults": {"lost": 1}}, "unknown simulator setting: lost"),
        ({"faults": {"lost_after": 2}}, "probability"),
        ({"faults": {"slow_post": -1}}, "number from 0"),
        ({"concurrency": 0}, "at least 1"),
        ({"concurrency": "many"}, "number from 0"),
        ({"jitter": True}, "number from 0"),
        ({"anonymous": 1}, "anonymous is true or false"),
        ({"longest_side": 8}, "at least 64"),
        ({"result_shape": "list"}, "result_shape is one of"),
    ],
)
def test_mistakes_are_named(data: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        SimulatorSettings.from_json(data)


def test_every_fault_is_a_probability_a_number_of_seconds_or_the_seed() -> None:
    assert set(get_args(Fault)) == {item.name for item in fields(Faults)} - {"late_listing", "slow_post", "retry_after", "seed"}


def test_faults_in_seconds_may_exceed_one() -> None:
    assert Faults(late_listing=20, slow_post=5, retry_after=30).late_listing == 20


def test_wrong_options_end_before_anything_is_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", str(tmp_path), "--faults", '{"lost": 1}']) == 2
    assert "unknown simulator setting: lost" in capsys.readouterr().err
