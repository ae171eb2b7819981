"""Ids of the shots of a list: as they are numbered there, made fit for file names where that is needed, each once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from animatic.errors import Place, Problem
from animatic.shotlist.grid import Cell
from animatic.spec.shots import MAX_ID_LENGTH, usable_name

_PARTED = re.compile(r"\s*[/|\\]\s*")
"""What stands between the numbers of a scene and a shot."""
_NUMBERED_BY = 10
"""Shots without numbers are 010, 020, ..., so that others fit between them."""


@dataclass(kw_only=True)
class Identities:
    """Gives every row its id, and knows which were given. Problems go to the list that it was made with."""

    problems: list[Problem]
    _places: dict[str, tuple[str, Place]] = field(default_factory=dict)
    _ids: dict[tuple[str, str], str] = field(default_factory=dict)
    _given: int = 0
    _scene: str = ""

    def listed(self, cell: Cell, text: str, variant: str = "") -> str | None:
        """Return the id for a number as it is listed; None with a problem where it cannot be one."""
        written = text.strip()
        if not written:
            self.problems.append(
                Problem("this row has no id", cell.place, hint="give it a number of its own, or empty the whole row", code="missing-id")
            )
            return None
        found = usable_name(_PARTED.sub("_", f"{variant}/{written}" if variant else written))
        if not found or len(found) > MAX_ID_LENGTH:
            what = (
                f"has {len(found)} characters, {MAX_ID_LENGTH} at most are possible" if found else "has no letter of a to z, and no digit"
            )
            self.problems.append(
                Problem(
                    f"'{written}' cannot be the id of a shot: it {what}",
                    cell.place,
                    hint="write a short number, SC010_SH020, or have all shots numbered with --number",
                    code="name",
                )
            )
            return None
        return found if self._is_new(found, written, cell.place) and self._keep(found, written, variant) else None

    def composed(self, scene: str, number: str, cell: Cell) -> str | None:
        """Return ``SC010_SH020`` for scene and shot as they are numbered; a scene that is left empty is that of the row above."""
        self._scene = scene.strip() or self._scene
        if not number.strip():
            return self.listed(cell, "")
        parts = [f"{sign}{text}" if re.match(r"\d", text) else text for sign, text in (("SC", self._scene), ("SH", number.strip())) if text]
        return self.listed(cell, "_".join(parts))

    def numbered(self, written: str = "", variant: str = "") -> str:
        """Return the next number, for a list that has none, or none that can be used: references go by what is written."""
        self._given += 1
        found = f"{self._given * _NUMBERED_BY:03}"
        self._keep(found, written.strip() or found, variant)
        return found

    def meant(self, text: str, variant: str = "") -> str | None:
        """Return the id of the shot that a reference means as it is listed; None where it means none."""
        name = text.strip().casefold()
        return self._ids.get((variant, name)) or self._ids.get(("", name))

    def _keep(self, found: str, written: str, variant: str) -> bool:
        for name in (written, found):
            self._ids.setdefault((variant, name.casefold()), found)
        return True

    def _is_new(self, found: str, written: str, place: Place) -> bool:
        earlier = self._places.setdefault(found.casefold(), (written, place))
        if earlier[1] is place:
            return True
        same = earlier[0] == written
        self.problems.append(
            Problem(
                f"the id '{written}' is used twice" if same else f"the ids '{earlier[0]}' and '{written}' would both be {found}",
                place,
                hint="give each shot an id of its own",
                code="duplicate-id",
                related=((earlier[1], f"'{earlier[0]}' is here first"),),
            )
        )
        return False
