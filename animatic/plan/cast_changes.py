"""Says what differs in the cast of two requests: whose sheet changed, who is new, who is gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, assert_never

from animatic.plan.model import FileInput, Input, Request, ShotInput, UrlInput, shot_of
from animatic.redact import bare_url

SHEET_CHANGED = "'s sheet changed"
"""Behind the name of a member."""


def cast_changes(old: Request, new: Request, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield ``mara's sheet changed``, ``cast: kiosk is new``; nothing where the members show what they showed.

    ``before`` and ``after`` hold the fingerprints of the shots that sheets are made by, as far as they are known.
    """
    had, has = _pictures(old), _pictures(new)
    for member in {**had, **has}:
        if member not in had:
            yield f"cast: {member} is new"
        elif member not in has:
            yield f"cast: {member} is gone"
        else:
            yield from _sheet(member, had[member], has[member], before, after)
    kept = [member for member in had if member in has]
    if kept != [member for member in has if member in had]:
        yield f"cast: its order is {', '.join(has)}"


def without_cast(request: Request) -> dict[str, Any]:
    """Return the body without the items that the cast filled."""
    filled = {item.path[:2] for item in request.inputs if item.member is not None}
    body = dict(request.body)
    for name in {str(path[0]) for path in filled}:
        items = [value for index, value in enumerate(body[name]) if (name, index) not in filled]
        if items:
            body[name] = items
        else:
            del body[name]
    return body


def _pictures(request: Request) -> dict[str, list[Input]]:
    """Return the pictures of each member, in the order of the body."""
    found: dict[str, list[Input]] = {}
    for item in request.inputs:
        if item.member is not None:
            found.setdefault(item.member, []).append(item)
    return found


def _sheet(member: str, old: list[Input], new: list[Input], before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    called = [[_name(item) for item in items] for items in (old, new)]
    if called[0] != called[1]:
        yield f"{member}{SHEET_CHANGED}: {', '.join(called[0])} -> {', '.join(called[1])}"
    elif any(_differs(one, other, before, after) for one, other in zip(old, new, strict=True)):
        yield f"{member}{SHEET_CHANGED}"


def _differs(old: Input, new: Input, before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    if isinstance(old, FileInput) and isinstance(new, FileInput):
        return old.sha256 != new.sha256
    if isinstance(old, ShotInput) and isinstance(new, ShotInput) and old.step in before and new.step in after:
        return before[old.step] != after[new.step]
    return False


def _name(item: Input) -> str:
    match item:
        case ShotInput():
            return shot_of(item.step) if item.frame is None else f"{shot_of(item.step)} (frame {item.frame})"
        case FileInput():
            return item.written
        case UrlInput():
            return bare_url(item.url)
        case _:
            assert_never(item)
