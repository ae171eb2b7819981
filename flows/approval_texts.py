"""Writes what a suspended run asks, for the Prefect UI: the artifact with a picture of each take, and what stands above the form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from animatic.engine.approvals import moment
from animatic.engine.deliver import file_name
from animatic.engine.questions import Question, following_all
from animatic.engine.run import Run
from animatic.flows.artifacts import public_address
from animatic.flows.pictures import picture_of
from animatic.flows.tables import text_of
from animatic.manifest import Manifest
from animatic.money import dollars
from animatic.plan import Step
from animatic.spec.shots import numeral

ARTIFACT_SIDE = 480
"""Pixels of the longer side of a picture: about 25 kB each."""
FORM_SIDE = 120
FORM_COLUMNS = 3
MAX_PICTURES = 24
"""Beyond these, takes are named with their links alone."""
DECIDE = "**Decide** with *Resume* at the top of the run, which opens a form, or in a terminal:"
"""What says in the artifact that the run waits, and goes once it does not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What is asked of persons, as the UI is to show it."""

    questions: tuple[Question, ...]
    headline: str
    """One line: how many shots wait, and what approving them pays."""
    artifact: str
    form: str
    page: str | None
    """Where a browser finds the page of the run."""
    picture: str | None
    """Where a browser finds a picture of the first take that is asked about."""


async def request_of(run: Run, questions: Sequence[Question], remarks: Sequence[str]) -> Request:
    """Return the texts for these questions. ``remarks``: what came of answers that could not be followed. Raises StorageError."""
    headline = _headline(run, questions)
    return Request(
        questions=tuple(questions),
        headline=headline,
        artifact=await _artifact(run, questions, headline, remarks),
        form=await _form(run, questions, headline, remarks),
        page=public_address(run, "index.html"),
        picture=next((link for question in questions for link in _still_links(run, question)), None),
    )


def _headline(run: Run, questions: Sequence[Question]) -> str:
    waits = f"{questions[0].step.key} waits" if len(questions) == 1 else f"{len(questions)} shots wait"
    return f"{waits} for approval: {following_all(run, questions).text}"


async def _artifact(run: Run, questions: Sequence[Question], headline: str, remarks: Sequence[str]) -> str:
    lines = [f"# {'SIMULATED · ' if run.simulated else ''}{text_of(headline)}", "", *_noted(remarks)]
    for question in questions:
        says = question.following.text
        lines += [f"## {_named(question)}", "", f"{says[0].upper()}{says[1:]}. {_until(question)}".strip(), "", _prompt(question), ""]
        lines += await _takes(run, question)
    lines += [
        DECIDE,
        "",
        *(f"- `animatic approve {run.plan.run_id} {question.step.key}`" + _pick(question) for question in questions),
        *(f'- `animatic reject {run.plan.run_id} {question.step.key} --prompt "..."`: another take is made' for question in questions[:1]),
        "",
    ]
    return "\n".join(lines)


async def _form(run: Run, questions: Sequence[Question], headline: str, remarks: Sequence[str]) -> str:
    """Return what stands above the fields: V1 gives it little room, so that takes stand side by side."""
    lines = [f"**{'SIMULATED · ' if run.simulated else ''}{text_of(headline)}**", "", *_noted(remarks)]
    for question in questions:
        if len(questions) > 1:
            lines += [f"**{_named(question)}**: {question.following.text}.", ""]
        lines += [line for line in (_until(question), _prompt(question)) if line for line in (line, "")]
        takes = list(question.takes.items())[:MAX_PICTURES]
        for place in range(0, len(takes), FORM_COLUMNS):
            row = takes[place : place + FORM_COLUMNS]
            pictures = [await picture_of(run, step.key, FORM_SIDE) for _, step in row]
            head = [_linked(run, number, step) for number, step in row]
            cells = [f"![take {number}]({picture})" if picture else "" for (number, _), picture in zip(row, pictures, strict=True)]
            lines += [f"| {' | '.join(head)} |", f"|{'---|' * len(row)}", f"| {' | '.join(cells)} |", ""]
    return "\n".join(lines)


def _noted(remarks: Sequence[str]) -> Iterator[str]:
    for remark in remarks:
        yield f"> {text_of(remark)}"
        yield ""


def _named(question: Question) -> str:
    step = question.step
    return f"{step.numeral} {text_of(step.key)}" + (f" · {text_of(step.title)}" if step.title else "")


def _until(question: Question) -> str:
    asked = question.asked
    if asked.until is None:
        return ""
    then = f"take {asked.take} goes on" if asked.on_timeout == "first" else "the run stops"
    return f"Decide until {moment(asked.until)}: then {then}."


def _prompt(question: Question) -> str:
    prompt = question.step.request.body.get("prompt")
    return f"Prompt: *{text_of(str(prompt))}*" if prompt else ""


def _pick(question: Question) -> str:
    return " (`--take N` for another take)" if len(question.takes) > 1 else ""


async def _takes(run: Run, question: Question) -> list[str]:
    lines: list[str] = []
    for place, (number, step) in enumerate(question.takes.items()):
        take = run.takes[step.key]
        lines += [f"{_linked(run, number, step)} · {dollars(take.usd, unknown='price unknown')}", ""]
        picture = await picture_of(run, step.key, ARTIFACT_SIDE) if place < MAX_PICTURES else None
        if picture:
            lines += [f"![{text_of(step.key)}, take {number}]({picture})", ""]
    return lines


def _linked(run: Run, number: int, step: Step) -> str:
    file = file_name(step, "." + run.takes[step.key].clip.key.rpartition(".")[2])
    address = public_address(run, file)
    return f"[take {number}]({address})" if address else f"take {number}"


def _still_links(run: Run, question: Question) -> Iterator[str]:
    for step in question.takes.values():
        if run.takes[step.key].thumbnail and (link := public_address(run, file_name(step, ".thumbnail.jpg"))):
            yield link


def no_longer_asking(text: str, headline: str, instead: str) -> str:
    """Return what a run asked, once it has ended without an answer. Pictures and commands stay: they still help to decide in a terminal."""
    body = text.partition("\n")[2]
    return f"# {text_of(headline)}\n{body}".replace(DECIDE, instead)


def decided_markdown(run: Run, manifest: Manifest | None) -> str:
    """Return what became of the questions of a run that has gone on: who decided what, and when."""
    lines = [f"# {'SIMULATED · ' if run.simulated else ''}{text_of(run.plan.pipeline)}: approvals", ""]
    shots = manifest.shots if manifest else ()
    highest = max((shot.number for shot in shots), default=0)
    for shot in shots:
        said = shot.decision
        if said is not None:
            what = f"take {said.take} approved by {text_of(said.by or 'somebody')} at {moment(said.at)}"
            name = f"{numeral(shot.number, highest)} {text_of(shot.key or shot.id)}"
            lines.append(f"- **{name}**: {what}" + (f": {text_of(said.note)}" if said.note else ""))
    return "\n".join([*lines, ""])
