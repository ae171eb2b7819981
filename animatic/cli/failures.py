"""How a command line tells what ended it: in one voice for people on standard error, as one object for programs on standard output."""

from __future__ import annotations

import sys
from typing import Any

import click

from animatic.cli.advice import completed
from animatic.cli.output import color_on, say, show_problems, terminal_width
from animatic.columns import paint, wrapped
from animatic.errors import AnimaticError, DeclarationError, UsageError
from animatic.suggest import did_you_mean, nearest

_ERROR = "error:"
_INDENT = " " * 6
MAX_NAMES = 12
"""Options or verbs that a hint lists where none is like the one that was written."""


def from_click(error: click.ClickException) -> UsageError:
    """Return what click found wrong with the command line, in the words of all other mistakes."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context is not None else "animatic"
    usage = f"usage: {command} {' '.join(context.command.collect_usage_pieces(context))}" if context is not None else None
    match error:
        case click.exceptions.NoSuchCommand():
            return no_such_verb(str(error.command_name))
        case click.exceptions.NoSuchOption():
            name = error.option_name
            known = [flag for option in context.command.params for flag in option.opts if flag.startswith("--")] if context else []
            hint = did_you_mean(name, known) if nearest(name, known) else f"`{command} --help` lists its options"
            return UsageError(f"{command} has no option {name!r}", hint=hint)
        case click.MissingParameter():
            missing = error.param.make_metavar(context) if error.param is not None and context is not None else "an argument"
            return UsageError(f"{command} lacks {missing}", hint=usage)
        case click.BadParameter() if error.param is not None:
            name = (
                error.param.opts[0]
                if isinstance(error.param, click.Option)
                else error.param.make_metavar(context or click.Context(click.Command("")))
            )
            return UsageError(f"{name}: {_lowered(error.message)}", hint=_choices(error.param, str(error.message)))
        case click.BadOptionUsage():
            return UsageError(_lowered(error.message), hint=usage)
        case _:
            return UsageError(_lowered(error.format_message()), hint=usage)


def no_such_verb(name: str) -> UsageError:
    """Return the error for a verb that there is not, with the nearest one as a command to paste."""
    from animatic.cli.main import VERBS

    close = nearest(name, VERBS)
    hint = f"did you mean {' or '.join(f'`animatic {verb}`' for verb in close)}?" if close else "`animatic --help` lists the verbs"
    return UsageError(f"there is no verb {name!r}", hint=hint)


def _choices(parameter: click.Parameter, message: str) -> str | None:
    """Return the nearest choice to what was written, where the parameter has choices."""
    if not isinstance(parameter.type, click.Choice):
        return None
    written = message.partition("'")[2].partition("'")[0]
    close = nearest(written, [str(choice) for choice in parameter.type.choices])
    return f"did you mean {' or '.join(close)}?" if close else None


def _lowered(message: str) -> str:
    """Return click's sentence as ours are written: it begins small and has no full stop."""
    text = message.strip().removesuffix(".")
    return text[:1].lower() + text[1:]


def show_error(error: AnimaticError) -> None:
    """Tell a person what ended the command, as the mistakes of a file are told."""
    if isinstance(error, DeclarationError):
        show_problems(error.problems, texts=error.texts)
        return
    width = terminal_width(sys.stderr)
    first, *rest = completed(error.message).splitlines() or [""]
    lines = wrapped(f"{_ERROR} {first}", width, hanging=_INDENT)
    lines[0] = paint(_ERROR, "red", color=color_on(sys.stderr)) + lines[0].removeprefix(_ERROR)
    for line in (*rest, *completed(error.hint or "").splitlines()):
        lines += wrapped(line.strip(), width, indent=_INDENT)
    say("\n".join(lines))


def as_object(error: AnimaticError) -> dict[str, Any]:
    """Return the failure for programs: ``{"code", "exit_code", "message", "hint", "problems"}``."""
    problems: list[dict[str, Any]] = []
    if isinstance(error, DeclarationError):
        from animatic.source import problems_json

        problems = [{**problem, "hint": problem["hint"] and completed(problem["hint"])} for problem in problems_json(error.problems)]
    return {
        "code": error.code,
        "exit_code": error.exit_code,
        "message": completed(error.message),
        "hint": completed(error.hint) if error.hint else None,
        "problems": problems,
    }
