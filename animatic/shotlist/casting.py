"""Who is in the shots of a list: names become members of the cast, with the list's words for them and the images that are told."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from animatic.errors import Place, Problem
from animatic.shotlist.grid import Cell
from animatic.shotlist.identities import Identities
from animatic.shotlist.mentions import Folders
from animatic.shotlist.model import ListedMember
from animatic.spec.shots import MAX_ID_LENGTH, usable_name
from animatic.suggest import did_you_mean

_BETWEEN = re.compile(r"[,;/&+\n]")
JOINED = "; "
"""Between the names of one cell, as they are written."""


def names_in(text: str) -> list[str]:
    """Return the names in one cell: ``Mara, Jonas & Kai``."""
    return [name for part in _BETWEEN.split(text) if (name := " ".join(part.split()))]


def _key(name: str) -> str:
    """Return what makes two names those of one member: ``Mara`` and ``MARA``."""
    return (usable_name(name)[:MAX_ID_LENGTH] or name).casefold()


@dataclass(kw_only=True)
class People:
    """The members that the shots of a list take. ``told`` says which images show whom, by name."""

    told: Mapping[str, Sequence[str]]
    identities: Identities
    folders: Folders
    problems: list[Problem]
    _members: dict[str, tuple[str, str, Place]] = field(default_factory=dict)

    def taken(self, text: str, cell: Cell) -> list[str]:
        """Return the ids of the members that a cell names, each once. A name without a letter of a to z goes by its number."""
        found: dict[str, None] = {}
        for name in names_in(text):
            usable = usable_name(name)[:MAX_ID_LENGTH] or f"member-{len(self._members) + 1}"
            known, _, _ = self._members.setdefault(_key(name), (usable, name, cell.place))
            found[known] = None
        return list(found)

    def shows(self, shot: str, text: str) -> bool:
        """Tell whether a shot is an image of somebody whom its own cell names: a sheet does not start from itself."""
        return any(shot in self._images(name) for name in names_in(text))

    def members(self, header: Cell) -> tuple[ListedMember, ...]:
        """Return all members, in the order in which shots name them. Images of somebody whom no shot takes are a problem."""
        for name in self.told:
            if _key(name) not in self._members:
                known = [text for _, text, _ in self._members.values()]
                hint = did_you_mean(name, known) if known else "no column of the list is the cast"
                self.problems.append(Problem(f"--cast: no shot takes '{name}'", header.place, hint=hint, code="cast"))
        return tuple(
            ListedMember(name=name, text=text, images=tuple(self._images(text)), place=place)
            for name, text, place in self._members.values()
        )

    def _images(self, name: str) -> list[str]:
        """Return the images of a member: shots by their ids, files by their paths."""
        images = [image for told, given in self.told.items() if _key(told) == _key(name) for image in given]
        return [self.identities.meant(image) or self.folders.path(image) for image in images]
