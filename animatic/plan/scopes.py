"""What templates see: scopes of names (``params``, ``matrix``, ...), and the error of one that sees no such thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class TemplateError(Exception):
    """A template that does not parse or cannot be rendered; ``hint`` says what to write instead."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Names(dict[str, Any]):
    """The names of one scope (``params``, ``matrix``, ...): ``params.items`` is the parameter, never a method of dict."""

    __slots__ = ("label",)

    def __init__(self, label: str, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.label = label

    def missing(self, name: str) -> TemplateError | None:
        """Explain a name that is not there, where more is known than which ones are."""
        del name
        return None


class Unseen(Names):
    """A scope that the file declares, and templates of this place do not see."""

    __slots__ = ("_hint", "_why")

    def __init__(self, label: str, why: str, hint: str) -> None:
        super().__init__(label, {})
        self._why = why
        self._hint = hint

    def missing(self, name: str) -> TemplateError | None:
        """Say why the name is not there, though it is declared."""
        return TemplateError(f"{self.label}.{name} is not seen here: {self._why}", self._hint)


Scopes = Mapping[str, Names]


def scopes(
    *, params: Mapping[str, Any], run: Mapping[str, Any], matrix: Mapping[str, Any] | None = None, shot: Mapping[str, Any] | None = None
) -> dict[str, Names]:
    """Return what templates see; the other scopes are there (and empty) where there is none, so that a mistake names them."""
    return {
        "params": Names("params", params),
        "matrix": Names("matrix", matrix or {}),
        "cast": Names("cast", {}),
        "run": Names("run", run),
        "shot": Names("shot", shot or {}),
        "shots": Names("shots", {}),
    }
