"""The words of docs/design.md: each is a name of the code, and each room that the page lists is there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DESIGN = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return DESIGN.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


WORDS = re.findall(r"^\| ([^|]+?) \| .* \| `([\w.]+)` \|$", section("Words"), re.MULTILINE)


def test_the_glossary_is_found() -> None:
    assert len(WORDS) >= 28
    assert len(dict(WORDS)) == len(WORDS), "one word for one thing"


@pytest.mark.parametrize(("word", "name"), WORDS, ids=[word for word, _ in WORDS])
def test_every_word_of_the_glossary_is_a_name_of_the_code(word: str, name: str) -> None:
    module, _, attribute = name.rpartition(".")
    found = getattr(importlib.import_module(module), attribute)
    assert found.__module__ == module, f"{word}: {name} is only passed on there; it lives in {found.__module__}"


def test_every_path_that_the_page_names_exists() -> None:
    paths = set(re.findall(r"`((?:animatic|flows|tasks|tests|tools|docs)/[\w./]*)`", DESIGN))
    assert len(paths) > 20
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_every_room_is_on_the_page() -> None:
    rooms = {path.parent.name for path in (ROOT / "animatic").glob("*/__init__.py")}
    missing = [room for room in sorted(rooms) if not re.search(rf"\b{room}\b", section("Rooms"))]
    assert missing == []
