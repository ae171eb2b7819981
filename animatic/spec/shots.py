"""Decode the shots of a pipeline: our own keys are typed, all others are fields of the model's request, which the catalogue checks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from animatic.catalog.model import KINDS
from animatic.errors import KeyPath, Problem
from animatic.source import Document
from animatic.source.lines import LOOKS_LIKE_A_SPACE, equals_sign
from animatic.spec.cast import decode_cast_list
from animatic.spec.keys import FALLBACK_NOT, SHARED, SHOT
from animatic.spec.model import FallbackSpec, ShotSpec
from animatic.spec.qc import decode_qc
from animatic.spec.section import Section, describe
from animatic.spec.takes import decode_approve, decode_pick, decode_takes
from animatic.suggest import closest

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\Z")
MAX_ID_LENGTH = 100
_FOREIGN_SPACE = re.compile(rf"([A-Za-z_]\w*:)([{LOOKS_LIKE_A_SPACE}])")
_GLUED_DASH = re.compile(r"-[A-Za-z_]")
_OURS = frozenset(SHOT.known)
_OURS_BUT_ID = _OURS - {"id"}
_NOT_KNOWN = frozenset(SHOT.advice)
_CUT_TEXT = re.compile(
    r"""(?:^[ ]*(?:-[ ]+)?(?P<key>(?:negative_)?prompt|title|scene|description):[ ]+(?!["'|>\#])[^\n\r]*?
        |[{,][ ]*(?P<in_braces>(?:negative_)?prompt|title|scene):[ ]+(?!["'|>\#])[^\n\r,{}\[\]]*?)
        (?<=\S)(?P<rest>[ ]+\#(?![ \#\r\n])[^\n\r]*)""",
    re.MULTILINE | re.VERBOSE,
)
_QUOTED_PROMPT = re.compile(r"^[ ]*(?:-[ ]+)?(?:negative_)?prompt:[ ]+(?P<open>[“”„‘’«])[^\n\r]*[“”‘’»][ ]*$", re.MULTILINE)
_DOLLAR = re.compile(r"""^[^#\n\r]*?:[ ]+["']?\$(?=\{\{)""", re.MULTILINE)
_OPENING_QUOTES = "“”„‘’«"
_EXAMPLE = "write '- id: dawn', with the prompt and the other fields on lines below"


def decode_shots(pipeline: Section, name: str) -> tuple[ShotSpec, ...]:
    """Read ``shots`` of a pipeline. A shot whose id cannot be used goes by its number (``#3``), so that the rest of it is still checked."""
    written = pipeline.values.get("shots")
    if not isinstance(written, list) or not written:
        if written:
            glued = next((key for key in written if _GLUED_DASH.match(key)), None) if isinstance(written, dict) else None
            hint = f"a space is missing behind the '-': write '- {glued[1:]}: ...'" if glued else _EXAMPLE
            pipeline.wrong("shots", "a list", hint=hint)
        else:
            state = "the list of shots is empty" if "shots" in pipeline.values else "there are no shots"
            pipeline.note(state, "shots", key=True, hint=f"a storyboard needs one at least: {_EXAMPLE}", code="empty")
        return ()
    shots: list[ShotSpec] = []
    first: dict[str, int] = {}
    base: KeyPath = (*pipeline.path, "shots")
    for index, values in enumerate(written):
        if not isinstance(values, dict):
            _not_a_mapping(pipeline, index, values)
            continue
        identity = _identity(pipeline, index, values, first)
        if None in values.values():
            Section(pipeline.document, values, (*base, index), f"shot '{identity}' of '{name}'", pipeline.problems).check_empty(_OURS)
        if _NOT_KNOWN.isdisjoint(values) and _OURS_BUT_ID.isdisjoint(values):
            # Most shots of a long storyboard: an id and fields.
            fields = values.copy()
            fields.pop("id", None)
            shots.append(ShotSpec(id=identity, path=(*base, index), fields=fields))
        else:
            section = Section(pipeline.document, values, (*base, index), f"shot '{identity}' of '{name}'", pipeline.problems)
            shots.append(_decode(section, identity))
    return tuple(shots)


def check_name(
    section: Section, name: str, what: str, *path: str | int, key: bool = False, why: str = "it becomes part of file names: "
) -> bool:
    """Note a name that cannot be part of a file name: ids of shots and names of pipelines become some."""
    if _ID.match(name) and len(name) <= MAX_ID_LENGTH:
        return True
    if len(name) > MAX_ID_LENGTH:
        section.note(f"{what} is too long: {len(name)} characters", *path, key=key, hint=f"use {MAX_ID_LENGTH} at most", code="name")
        return False
    usable = usable_name(name)
    hint = f"{why}use letters, digits, '-' and '_', and start with a letter or a digit"
    section.note(f"'{name}' cannot be {what}", *path, key=key, hint=f"{hint}, as in {usable}" if usable else hint, code="name")
    return False


def numeral(number: int, count: int) -> str:
    """Return the number of one of ``count`` shots as files are named: ``07``, and from 100 on ``007``, so that names sort by it."""
    return f"{number:0{max(2, len(str(count)))}d}"


def usable_name(name: str) -> str:
    """Return a name as it may stand: ``SC-010-SH-020`` for ``SC 010 / SH 020``; empty where no letter or digit of it can be used.

    A name that may stand as it is comes back as it is, unless it is too long.
    """
    return re.sub(r"[^A-Za-z0-9_-]+", "-", _in_ascii(name)).strip("-_") if not _ID.match(name) else name


def _in_ascii(name: str) -> str:
    """Return a name without its accents: ``unter`` for ``ünter``."""
    apart = unicodedata.normalize("NFKD", name.replace("ß", "ss").replace("ø", "o").replace("Ø", "O").replace("ł", "l"))
    return "".join(character for character in apart if not unicodedata.combining(character))


def _identity(pipeline: Section, index: int, values: Mapping[str, Any], first: dict[str, int]) -> str:
    fallback = f"#{index + 1}"
    value = values.get("id")
    if not isinstance(value, str):
        if value is None and "name" in values:
            return fallback  # the advice on 'name' says it all
        if value is None:
            pipeline.note(f"shot {index + 1} has no id", "shots", index, hint="add 'id: dawn', with a name of your own", code="missing-id")
        else:
            hint = pipeline.quoting(value, "shots", index, "id")
            pipeline.note(
                f"the id of shot {index + 1} must be text, and it is {describe(value)}", "shots", index, "id", hint=hint, code="type"
            )
        return fallback
    if not _ID.match(value) or len(value) > MAX_ID_LENGTH:
        check_name(pipeline, value, "the id of a shot", "shots", index, "id")
        return fallback
    other = first.setdefault(value.lower(), index)
    if other == index:
        return value
    earlier = pipeline.values["shots"][other]["id"]
    same = earlier == value
    pipeline.note(
        f"the id '{value}' is used twice" if same else f"the ids '{earlier}' and '{value}' differ only in case",
        "shots",
        index,
        "id",
        hint="give each shot an id of its own" if same else "they would share a file on macOS and Windows: rename one",
        code="duplicate-id",
        related=((pipeline.document.place((*pipeline.path, "shots", other, "id")), f"'{earlier}' is here first"),),
    )
    return f"{value}{fallback}" if same else value


def _not_a_mapping(pipeline: Section, index: int, value: Any) -> None:
    hint = _EXAMPLE
    if isinstance(value, str) and (foreign := _FOREIGN_SPACE.match(value)):
        hint = f"behind '{foreign[1]}' stands U+{ord(foreign[2]):04X}, which only looks like a space: replace it by an ordinary one"
    elif isinstance(value, str) and (pair := equals_sign(value)):
        hint = f"write '- {pair[0]}: {pair[1]}'"
    elif isinstance(value, str) and (match := re.match(r"([A-Za-z_]\w*):(\S+)", value)):
        hint = f"a space is missing behind the colon: write '- {match[1]}: {match[2]}'"
    elif isinstance(value, str) and _ID.match(value):
        hint = f"write '- id: {value}', with its prompt and other fields on lines below"
    pipeline.note(f"shot {index + 1} must be a mapping, and it is {describe(value)}", "shots", index, hint=hint, code="type")


def _decode(section: Section, identity: str) -> ShotSpec:
    values = section.values
    for key in values:
        if key in _NOT_KNOWN:
            section.unknown_key(key, SHOT)
    pick = decode_pick(section)
    extra_body = section.mapping("extra_body", hint="write 'extra_body: {name: value}'") or {}
    section.below("extra_body", extra_body, f"{section.label}, extra_body").check_empty(null="sends null")
    approving = decode_approve(section, pick)
    return ShotSpec(
        id=identity,
        path=section.path,
        fields={key: value for key, value in values.items() if key not in _OURS and key not in _NOT_KNOWN},
        scene=section.text("scene"),
        title=section.text("title"),
        line=section.text("line"),
        kind=section.choice("kind", KINDS),
        model=section.text("model"),
        cast=decode_cast_list(section),
        qc=decode_qc(section),
        when=_when(section),
        fallback=tuple(decode_fallbacks(section)),
        retries=section.whole("retries", minimum=0),
        timeout=section.seconds("timeout", minimum=1),
        extra_body=extra_body,
        takes=decode_takes(section),
        pick=pick,
        approve=approving.wanted,
        approve_within=approving.within,
        on_timeout=approving.on_timeout,
    )


def _when(section: Section) -> Any:
    value = section.values.get("when")
    if isinstance(value, (str, bool)) or "when" not in section.values:
        return value
    section.wrong("when", "a condition", hint="write 'when: \"{{ params.long }}\"'")
    return None


def decode_fallbacks(section: Section) -> list[FallbackSpec]:
    """Read ``fallback`` of a shot, or of what a profile says of a kind."""
    found: list[FallbackSpec] = []
    example = "write 'fallback: [{model: kling/kling-2.5, duration: 5}]'"
    for index, values in section.mappings("fallback", hint=example):
        entry = Section(
            section.document, values, (*section.path, "fallback", index), f"{section.label}, fallback {index + 1}", section.problems
        )
        for key in FALLBACK_NOT:
            if key in values:
                entry.note(f"a fallback has no '{key}' of its own", key, key=True, hint="remove it: the shot's counts", code="unknown-key")
        entry.check_empty(_OURS)
        model = entry.text("model")
        if model is None and "model" not in values:
            meant = next((key for key in values if closest(key, SHARED) == "model"), None)
            if meant is None:
                entry.note("the model is missing", hint=example, code="missing-model")
            else:
                entry.note(f"unknown key '{meant}'", meant, key=True, hint="did you mean 'model'?", code="unknown-key")
        if model is not None:
            found.append(FallbackSpec(model=model, fields=_fields(values), path=entry.path, cast=decode_cast_list(entry)))
    return found


def _fields(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in {"model", "cast"} and key not in FALLBACK_NOT}


def check_prompts(document: Document) -> Iterator[Problem]:
    """Yield a warning for every prompt that looks like more or less than what would be sent."""
    text = document.text
    if " #" in text:
        for match in _CUT_TEXT.finditer(text):
            lost, key = match["rest"].strip(), match["key"] or match["in_braces"]
            yield Problem(
                f"the {key.removeprefix('negative_')} ends here: YAML takes the rest of the line for a comment",
                document.positions.place(match.start("rest") + len(match["rest"]) - len(match["rest"].lstrip()), len(lost)),
                hint=f"quote the {key.removeprefix('negative_')} if this belongs to it, or put a space behind the '#' if it does not",
                severity="warning",
                code="prompt",
            )
    for match in _DOLLAR.finditer(text) if "${{" in text else ():
        yield Problem(
            "the '$' is part of the text: it does not belong to the template behind it",
            document.positions.place(match.end() - 1),
            hint="remove it, or put it elsewhere: templates are written {{ params.NAME }}",
            severity="warning",
            code="template",
        )
    for match in _QUOTED_PROMPT.finditer(text) if any(quote in text for quote in _OPENING_QUOTES) else ():
        yield Problem(
            f"the quotes {match['open']} are part of the prompt: YAML knows only straight ones",
            document.positions.place(match.start("open"), 1),
            hint="remove them, or write straight quotes",
            severity="warning",
            code="prompt",
        )
