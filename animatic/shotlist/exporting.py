"""Make a table of a pipeline: what its file says of each shot, the comments beside it, and how it came out.

What `importing` made of a list comes back as it was; the columns have our names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from typing import Any

from animatic.catalog import Catalog
from animatic.plan.model import Plan, ShotInput, Step, UrlInput
from animatic.shotlist.casting import JOINED, names_in
from animatic.shotlist.guarding import guarded
from animatic.shotlist.model import DEFAULT_MODELS
from animatic.shotlist.names import LISTED, OURS, RUN_COLUMNS, VARIANT, guessed
from animatic.shotlist.remarks import comments_of
from animatic.shotlist.values import cell_of
from animatic.shotlist.writing import unescaped
from animatic.spec.model import PipelineSpec, ShotSpec
from animatic.spec.shots import MAX_ID_LENGTH, usable_name

_ORDER = ("id", VARIANT, "scene", "title", "prompt", "line", "cast", "kind", "model", "duration")
_ALWAYS = ("id", "prompt")
_TO_QUOTE = frozenset(',;\t"\n\r|')


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a shot came out: a word for its state, the number of the take that counts, what that cost, and where its file is."""

    state: str
    take: int | None = None
    usd: Decimal | None = None
    file: str = ""


@dataclass(kw_only=True)
class _Line:
    """One row: cells of fields, then of comments, both by column."""

    fields: dict[str, Any]
    remarks: dict[str, str] = field(default_factory=dict)
    model: str = ""
    outcome: Outcome


def table(spec: PipelineSpec, plan: Plan, outcomes: Mapping[str, Outcome], catalog: Catalog) -> list[list[str]]:
    """Return the header and a row for each shot, once for each variant. ``outcomes`` by step key; a shot without one is planned."""
    remarks = comments_of(spec.document, (*spec.path, "shots"))
    places = {shot.id: number for number, shot in enumerate(spec.shots)}
    lines = [_line(step, spec, places[step.shot], remarks, outcomes) for step in plan.storyboard if not step.further]
    columns = [name for name in dict.fromkeys((*_ORDER, *_merged(line.fields for line in lines))) if _is_used(name, lines)]
    kept = _merged(line.remarks for line in lines)
    headers = {name: _header(name, columns, lines, catalog) for name in kept}
    apart = [name for name in kept if headers[name] not in columns]
    rows = [[*(guarded(name) for name in columns), *(guarded(headers[name]) for name in apart), *RUN_COLUMNS]]
    for line in lines:
        ours = [_cell(line.fields.get(name, line.remarks.get(name))) for name in columns]
        rows.append([*ours, *(_cell(line.remarks.get(name)) for name in apart), *_run_cells(line.outcome)])
    return rows


def _merged(lines: Iterable[Iterable[str]]) -> list[str]:
    """Return all names, in an order in which each line has its own, if there is one."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    names: dict[str, None] = {}
    for line in lines:
        before: str | None = None
        for name in line:
            names[name] = None
            sorter.add(name, *([before] if before is not None else []))
            before = name
    try:
        return list(sorter.static_order())
    except CycleError:
        return list(names)


def as_text(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    """Return rows as text, by RFC 4180 with a line end of one character; what other delimiters would part is in quotes too."""
    return "".join(delimiter.join(_quoted(cell, delimiter) for cell in row) + "\n" for row in rows)


def _quoted(cell: str, delimiter: str) -> str:
    plain = not (_TO_QUOTE & set(cell) or delimiter in cell or cell != cell.strip())
    return cell if plain else '"' + cell.replace('"', '""') + '"'


def _line(
    step: Step, spec: PipelineSpec, index: int, remarks: Sequence[Sequence[tuple[str, str]]], outcomes: Mapping[str, Outcome]
) -> _Line:
    line = _Line(
        fields=dict(_fields(step, spec.shots[index], spec)),
        model=step.request.model,
        outcome=outcomes.get(step.key) or Outcome(state="planned", usd=step.request.price.usd),
    )
    for name, text in remarks[index] if index < len(remarks) else ():
        line.remarks[name] = f"{line.remarks[name]}\n{text}" if name in line.remarks else text
    return line


def _fields(step: Step, shot: ShotSpec, spec: PipelineSpec) -> Iterator[tuple[str, Any]]:
    """Yield what the file says of a shot, templates filled in, and the plain values that it has from defaults."""
    written = spec.document.data
    for part in shot.path:
        written = written[part]
    yield "id", step.shot
    if step.variant_name:
        yield VARIANT, step.variant_name
    for name, value in written.items():
        if name == "cast":
            yield name, JOINED.join(_called(member, spec) for member in step.cast) or None
        elif name in {"scene", "title", "line"}:
            yield name, getattr(step, name)
        elif name in step.request.body:
            yield name, _sent(name, value, step)
        elif name != "id":
            yield name, value
    yield from _from_defaults(step, written)


def _from_defaults(step: Step, written: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Yield what defaults give a shot: the list may be read where those are not. A model that `import` chooses goes without saying."""
    if "model" not in written and step.request.model != DEFAULT_MODELS.get(step.kind):
        yield "model", step.request.model
    for name, value in step.request.body.items():
        if name not in written and isinstance(value, str | int | float):
            yield name, value


def _called(name: str, spec: PipelineSpec) -> str:
    """Return how a list calls a member: by the words for it, where its name was made of them."""
    member = spec.cast.get(name)
    words = unescaped(member.prompt) if member is not None and member.prompt is not None else name
    made_of = usable_name(words)[:MAX_ID_LENGTH] in {name, ""}
    return words if made_of and names_in(words) == [words] else name


def _sent(name: str, written: Any, step: Step) -> Any:
    """Return the value of a request's field, with references as a list names them; no more items than the shot names itself."""
    value = step.request.body[name]
    if isinstance(value, list):
        own = len(written) if isinstance(written, list) else len(value)
        return [_reference((name, index), item, step) for index, item in enumerate(value[:own])]
    return _reference((name,), value, step)


def _reference(path: tuple[str | int, ...], value: Any, step: Step) -> Any:
    given = next((given for given in step.request.inputs if given.path == path), None)
    if given is None:
        return value
    if isinstance(given, ShotInput):
        shot = given.step.rpartition("/")[2]
        return shot if given.frame in {None, "last"} else {"shot": shot, "frame": given.frame}
    return given.url if isinstance(given, UrlInput) else given.written


def _header(name: str, columns: Collection[str], lines: Sequence[_Line], catalog: Catalog) -> str:
    """Return the header under which a comment is read as that comment again."""
    if name in RUN_COLUMNS or name == VARIANT or name.endswith(LISTED) or name in OURS:
        return name + LISTED
    fields = {known for model in catalog.models() for known in model.fields}
    if name in fields:
        theirs = [catalog.find(line.model) for line in lines if name in line.remarks]
        return name + LISTED if any(model is None or name in model.fields for model in theirs) else name
    meant = guessed(name)
    return name if meant in columns or meant not in OURS | fields else name + LISTED


def _is_used(name: str, lines: Sequence[_Line]) -> bool:
    return name in _ALWAYS or any(line.fields.get(name) is not None for line in lines)


def _cell(value: Any) -> str:
    """Return a cell that no spreadsheet computes; numbers are no formulas."""
    if value is None:
        return ""
    return cell_of(value) if isinstance(value, int | float) else guarded(cell_of(value))


def _run_cells(outcome: Outcome) -> list[str]:
    price = "" if outcome.usd is None else f"{outcome.usd.normalize():f}"
    return [outcome.state, "" if outcome.take is None else str(outcome.take), price, guarded(outcome.file)]
