"""Write a shot list as a pipelines file: every text safe, unknown columns as comments, and where each line comes from in the list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from animatic.errors import Place
from animatic.settings import SCHEMA_FILE
from animatic.shotlist.model import ListedMember, ListedShot, ListOptions
from animatic.shotlist.remarks import comment
from animatic.source.scalars import block, flow, quoted_text, scalar

_BRACE = re.compile(r"\{(?=[{%#])")
"""A brace that would open a template."""
_ESCAPE = "{{ '{' }}"
_PROSE = frozenset({"prompt", "negative_prompt", "line"})
"""Texts that are always in quotes: a colon or a hash in them, added later by hand, does no harm then."""
_IN_SHOT = 8
_SCHEMA_LINE = f"# yaml-language-server: $schema=./{SCHEMA_FILE}"


@dataclass(kw_only=True)
class Written:
    """The lines of a file, and the places in the list that they come from."""

    lines: list[str] = field(default_factory=list)
    origins: dict[int, Place] = field(default_factory=dict)
    """Line, counted from 1 -> place in the list."""

    def add(self, text: str, origin: Place | None = None) -> None:
        """Add a text of one or several lines."""
        for line in text.split("\n"):
            self.lines.append(line)
            if origin is not None:
                self.origins[len(self.lines)] = origin

    @property
    def text(self) -> str:
        """The file."""
        return "\n".join(self.lines) + "\n"


def escaped(value: Any) -> Any:
    """Return a value whose texts, rendered as templates, are those that were given."""
    if isinstance(value, str):
        return _BRACE.sub(_ESCAPE, value)
    if isinstance(value, Mapping):
        return {key: escaped(item) for key, item in value.items()}
    return [escaped(item) for item in value] if isinstance(value, list | tuple) else value


def write(
    shots: Iterable[ListedShot],
    pipeline: str,
    options: ListOptions,
    *,
    source: str,
    cast: Sequence[ListedMember] = (),
    schema: bool = False,
) -> Written:
    """Write the pipelines file of a list. ``source`` names the list in its head; ``schema``: the schema lies beside the file."""
    shots = tuple(shots)
    out = Written()
    if schema:
        out.add(_SCHEMA_LINE)
    out.add(f"# Made of {scalar(source)}. Columns that are no fields are comments beside their shot.")
    out.add("version: 1\n")
    _write_defaults(shots, options, out)
    out.add("deliver: ./out\n\npipelines:")
    out.add(f"  {scalar(pipeline)}:")
    _write_cast(cast, out)
    out.add("    shots:")
    for shot in shots:
        _write_shot(shot, out)
    if any(shot.kind == "video" for shot in shots):
        out.add("    cut: {}")
    return out


def _write_defaults(shots: Iterable[ListedShot], options: ListOptions, out: Written) -> None:
    """Write the models of the shots that name none."""
    kinds = list(dict.fromkeys(shot.kind for shot in shots if "model" not in shot.values and shot.kind in options.models))
    if kinds:
        out.add("\n".join(["defaults:", *(f"  {kind}:\n    model: {options.models[kind]}" for kind in kinds), ""]))


def _write_cast(cast: Sequence[ListedMember], out: Written) -> None:
    """Write who is in the shots: what shows them, and the words for them."""
    if cast:
        out.add("    cast:")
    for member in cast:
        out.add(f"      {scalar(member.name)}:", member.place)
        if member.images:
            out.add(f"        images: {flow(escaped(member.images))}", member.place)
        out.add(f"        prompt: {scalar(escaped(member.text))}", member.place)


def unescaped(text: str) -> str:
    """Return the text that ``escaped`` was given."""
    return text.replace(_ESCAPE, "{")


def _write_shot(shot: ListedShot, out: Written) -> None:
    cell = shot.cells.get("id")
    out.add(f"      - id: {scalar(shot.id)}", cell.place if cell is not None else shot.place)
    for name, value in shot.values.items():
        origin = shot.cells[name].place if name in shot.cells else shot.place
        out.add(f"{' ' * _IN_SHOT}{name}: {_shown(name, escaped(value))}", origin)
    for name, text in shot.remarks:
        out.add(f"{' ' * _IN_SHOT}{comment(name, text)}", shot.place)


def _shown(name: str, value: Any) -> str:
    if not isinstance(value, str):
        return flow(value)
    if "\n" in value:
        return block(value, _IN_SHOT)
    return quoted_text(value) if name in _PROSE else scalar(value)
