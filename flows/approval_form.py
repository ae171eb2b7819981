"""The form by which a suspended run asks persons in the Prefect UI: what it says, its fields, and what they mean once it is sent.

One shot that waits has plain fields; several have each their own, behind a number, and may be left for later.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from prefect.input import RunInput
from pydantic import Field, create_model

from animatic.engine.questions import Question

APPROVE = "approve"
ANOTHER = "make another take"
LATER = "decide later"
MAX_PROMPT = 20_000
UNNAMED = "Prefect UI"
"""Who has decided where the form was sent without a name: Prefect does not know its users."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Which fields of a form are about which question."""

    prefix: str
    step: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a person said in a form about one shot. ``take`` None: that which goes on where nobody picks."""

    step: str
    question: datetime
    another: bool
    take: int | None
    prompt: str | None
    note: str | None
    by: str


def form_of(questions: Sequence[Question], description: str) -> type[RunInput]:
    """Return the form for these questions; ``description`` is Markdown."""
    several = len(questions) > 1
    fields: dict[str, Any] = {}
    for question, asked in zip(questions, asked_of(questions), strict=True):
        fields |= _fields_of(question, asked.prefix, several=several)
    fields["note"] = (str, Field(default="", title="Note", description="Why; kept in the manifest."))
    fields["name"] = (str, Field(default="", title="Your name", description="Who decides; kept in the manifest."))
    model: type[RunInput] = create_model("Approval", __base__=RunInput, **fields)
    model._description = description  # noqa: SLF001 (as `with_initial_data` sets it; that takes no titles)
    return model


def asked_of(questions: Sequence[Question]) -> list[Asked]:
    """Return which fields are about which question."""
    several = len(questions) > 1
    return [
        Asked(prefix=f"shot_{number}_" if several else "", step=question.step.key, at=question.asked.at)
        for number, question in enumerate(questions, start=1)
    ]


def _fields_of(question: Question, prefix: str, *, several: bool) -> dict[str, Any]:
    shot = f"{question.step.key}: " if several else ""
    choices: Any = Literal[(APPROVE, ANOTHER, *((LATER,) if several else ()))]
    fields: dict[str, Any] = {
        f"{prefix}decision": (choices, Field(title=_title(f"{shot}decision"), description=_sentence(question.following.text))),
    }
    if len(question.takes) > 1:
        numbers: Any = Literal[tuple(str(number) for number in question.takes)]
        text = "The take to approve."
        fields[f"{prefix}take"] = (numbers, Field(default=str(question.asked.take), title=_title(f"{shot}take"), description=text))
    if "prompt" in question.step.request.body:
        text = "Another prompt, for another take. Empty: the same prompt once more."
        fields[f"{prefix}prompt"] = (str, Field(default="", max_length=MAX_PROMPT, title=_title(f"{shot}new prompt"), description=text))
    return fields


def _title(text: str) -> str:
    """Return a field's title: a shot's id is left as it is."""
    return text if ": " in text else f"{text[0].upper()}{text[1:]}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def written(asked: Sequence[Asked]) -> str:
    """Return which fields are about which question, as it is kept at the server beside the form."""
    return json.dumps([{"prefix": one.prefix, "step": one.step, "at": one.at.isoformat()} for one in asked])


def answers_in(questions: str, response: str) -> list[Answer]:
    """Return what was said in a form: ``questions`` as ``written`` gave it, ``response`` as the server keeps it."""
    values: Mapping[str, Any] = json.loads(response)
    found = []
    for one in json.loads(questions):
        prefix = one["prefix"]
        decision = values.get(f"{prefix}decision")
        if decision not in {APPROVE, ANOTHER}:
            continue
        take = values.get(f"{prefix}take")
        found.append(
            Answer(
                step=one["step"],
                question=datetime.fromisoformat(one["at"]),
                another=decision == ANOTHER,
                take=int(take) if take else None,
                prompt=_text(values.get(f"{prefix}prompt")),
                note=_text(values.get("note")),
                by=_text(values.get("name")) or UNNAMED,
            )
        )
    return found


def _text(value: Any) -> str | None:
    return (str(value).strip() or None) if value is not None else None
