"""Renders the lines of a variant's shots: what is spoken or written over them, which the templates of other shots may quote."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from animatic.plan.problems import ProblemCollector
from animatic.plan.scopes import Names, TemplateError
from animatic.plan.templates import TemplateContext, finalize
from animatic.spec.model import PipelineSpec, ShotSpec
from animatic.spec.section import is_template

_QUOTED = re.compile(r"\bshots\s*(?:\.|\[\s*['\"])\s*([\w-]+)")
_DEEPEST = 100
"""Lines of which each quotes the next."""
_JOIN = "join a list, as in {{ params.words | join(' ') }}"
_SAY = "one of them has to say the words itself"
_OWN = re.compile(r"\bshot\s*(?:\.|\[\s*['\"])\s*line\b")


class ShotNames(Names):
    """What templates see as ``shots``: each shot of the pipeline, with its line where it has one."""

    __slots__ = ("lines",)

    def __init__(self, shots: Iterable[str], lines: Mapping[str, str]) -> None:
        super().__init__("shots", dict.fromkeys(shots))
        self.lines = lines

    def __getitem__(self, name: str) -> Names:
        """Return what is seen of one shot."""
        line = self.lines.get(name)
        return Names(f"shots.{name}", {} if line is None else {"line": line})


def with_lines(spec: PipelineSpec, context: TemplateContext, problems: ProblemCollector) -> TemplateContext:
    """Return the context of a variant with the lines of its shots. Mistakes are reported.

    A line may quote other lines, whichever stands first in the file; one that comes out blank counts as none.
    """
    rendering = _Rendering(spec, context, problems)
    for shot in spec.shots:
        if shot.line is not None:
            rendering.render(shot, ())
    return rendering.context


class _Rendering:
    """The lines of one variant while they are made, each behind those that it quotes."""

    def __init__(self, spec: PipelineSpec, context: TemplateContext, problems: ProblemCollector) -> None:
        self._shots: Mapping[str, ShotSpec] = {shot.id: shot for shot in spec.shots}
        self._problems = problems
        self._done: set[str] = set()
        self._lines: dict[str, str] = {}
        self.context = replace(context, names={**context.names, "shots": ShotNames(self._shots, self._lines)}, lines=self._lines)

    def render(self, shot: ShotSpec, quoting: tuple[str, ...]) -> None:
        """Make the line of a shot; ``quoting`` are the shots whose lines wait for it."""
        text = shot.line
        if text is None or shot.id in self._done:
            return
        if mistake := _circle(shot, text, quoting):
            self._report(shot, *mistake)
            return
        for name in _QUOTED.findall(text) if is_template(text) else ():
            if name in self._shots:
                self.render(self._shots[name], (*quoting, shot.id))
        if shot.id not in self._done:  # else it quotes itself, which is reported
            self._done.add(shot.id)
            self._put(shot, text)

    def _put(self, shot: ShotSpec, text: str) -> None:
        """Render a line whose quotes are there."""
        try:
            rendered = self.context.for_shot(shot.id).render(text)
        except TemplateError as mistake:
            self._report(shot, mistake.message, mistake.hint)
            return
        if isinstance(rendered.value, list | dict):
            self._report(shot, f"it comes out as a {'list' if isinstance(rendered.value, list) else 'mapping'}, not as text", _JOIN)
        elif not rendered.known:
            self._stand_in(shot)
        elif line := str(finalize(rendered.value)).strip():
            self._lines[shot.id] = line

    def _report(self, shot: ShotSpec, message: str, hint: str | None) -> None:
        """Report a line that cannot be had, and let templates that quote it be: they would only say the same."""
        self._done.add(shot.id)
        self._problems.for_shot(shot).add(f"line: {message}", (*shot.path, "line"), code="template", hint=hint)
        self._stand_in(shot)

    def _stand_in(self, shot: ShotSpec) -> None:
        self._lines[shot.id] = shot.id
        self.context = replace(self.context, sample_lines=self.context.sample_lines | {shot.id})


def _circle(shot: ShotSpec, text: str, quoting: tuple[str, ...]) -> tuple[str, str] | None:
    """Return why a line would never be made, and what to do: it quotes itself, or what quotes it."""
    if quoting[-1:] == (shot.id,) or (is_template(text) and _OWN.search(text)):
        return "the line quotes itself", "write the words"
    if shot.id in quoting:
        return f"lines quote each other: {' → '.join((*quoting[quoting.index(shot.id) :], shot.id))}", _SAY
    if len(quoting) > _DEEPEST:
        return "lines quote lines that quote lines without end", _SAY
    return None
