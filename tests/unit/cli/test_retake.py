"""``retake``: which fields change, and what is announced before anything is paid."""

from __future__ import annotations

import pytest

from animatic.cli.retake import _changes
from animatic.errors import UsageError


def test_fields_are_read_as_yaml_would() -> None:
    changes = _changes("Dusk", ("duration=8", "seed=null", "aspect_ratio=16:9", "loop=true", "style=a=b"))
    assert changes == {"prompt": "Dusk", "duration": 8, "seed": None, "aspect_ratio": "16:9", "loop": True, "style": "a=b"}
    assert _changes(None, ()) == {}


@pytest.mark.parametrize(
    ("prompt", "fields", "said"),
    [
        (None, ("duration",), "--set 'duration' is not of the form field=value"),
        (None, ("=8",), "is not of the form"),
        (None, ("seed=1", "seed=2"), "--set seed is given twice"),
        ("Dusk", ("prompt=Dawn",), "the prompt is given twice"),
    ],
)
def test_what_cannot_be_read_is_refused(prompt: str | None, fields: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        _changes(prompt, fields)
