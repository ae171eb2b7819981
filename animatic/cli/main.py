"""Defines the ``animatic`` command: imports a verb only when it is called, and turns every error into its exit code in one place."""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import keyword
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from animatic import __version__, proxies
from animatic.cli.advice import GIVEN, given_on
from animatic.cli.failures import as_object, from_click, show_error
from animatic.cli.output import is_unicode, keep_traceback, leave_unread, open_nowhere, print_json, say
from animatic.errors import AnimaticError, InterruptedRunError, StorageError, UsageError
from animatic.redact import redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

VERBS = {
    "validate": "Report every mistake in the pipelines file, with its line",
    "plan": "Show what a run would generate or reuse, why, and what it would cost",
    "preview": "Show a storyboard for free: a timed reel of slates, and the sheet to print",
    "models": "List the models, or show the fields, limits and prices of one",
    "schema": "Print the JSON Schema of pipelines files, for editors",
    "fix": "Rewrite retired field names and unquoted templates",
    "new": "Write a small pipelines file to start from",
    "import": "Make a pipelines file of a shot list (CSV or TSV)",
    "run": "Generate what has no take yet, and deliver clips, reel and manifest",
    "resume": "Continue a crashed, interrupted or failed run",
    "retake": "Generate a new take of one shot",
    "deploy": "Create or update the Prefect deployments of the pipelines",
    "serve": "Deploy the pipelines and execute their runs in this process, without a work pool",
    "runs": "List runs with their state and cost, newest first",
    "status": "Show the state of every shot of a run",
    "watch": "Follow a run live until it ends",
    "export": "Write a pipeline as a shot list, with state, take, price and file",
    "takes": "List the takes of a shot",
    "use": "Select the take of a shot to use",
    "lock": "Keep the take of a shot, whatever changes in or above it",
    "review": "List the shots that wait for approval",
    "approve": "Approve a shot that waits, or pick one of its takes",
    "reject": "Reject a shot that waits, and make another take of it",
    "doubts": "List submissions in doubt, and jobs that were paid and are in no take",
    "adopt": "Resolve an in-doubt submission to a Krea job",
    "resubmit": "Resolve an in-doubt submission as never accepted, or its result as lost: the next run sends it again",
    "verify": "Check hashes, marks and takes of everything that a run delivered",
    "spend": "Show what was paid, by day, pipeline, model or shot",
    "forecast": "Show what the schedules will cost in the coming days",
    "up": "Start a local Prefect server with UI, the simulator and all deployments",
    "doctor": "Check everything that a run depends on",
    "simulate": "Start the simulator alone",
    "webhook": "Receive Krea's callbacks for the runs of this and other machines",
    "down": "Stop the local Prefect server",
}
"""Every verb with the first line of its help, in the order in which people meet them. Each is a function in a module, both of its name."""
PAYING = {"run", "resume", "retake", "reject"}
"""Verbs that may have submitted something when an error of ours ends them."""
NEVER_EMPTY = {
    *("--file", "--deliver", "--profile", "--params-file", "--out", "--plan", "--run", "--map", "--model", "--cast", "--pipeline"),
    *("--pool", "--git", "--branch", "--git-token-block", "--pull", "--include", "--notify"),
}
"""Options that name a file, a place or a thing."""
MAX_ERROR_TEXT = 300
"""Characters of an unexpected error's text that are shown; the file with the details has all of it."""


def command_of(verb: str) -> click.Command:
    """Import a verb and return its command. A verb that is a word of Python's has an underscore there: ``import`` is ``import_``."""
    name = f"{verb}_" if keyword.iskeyword(verb) else verb
    command = getattr(importlib.import_module(f"animatic.cli.{name}"), name)
    assert isinstance(command, click.Command)
    return command


class OutputClosedError(Exception):
    """The reader of our output left. Click takes the broken pipe itself for an error of ours and exits with 1."""


class Verbs(click.Group):
    """A group whose commands are imported when they are called. Listing them imports none."""

    def make_context(self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any) -> click.Context:
        """Parse the command line, and print the help where that is asked for."""
        with _telling_closed_output():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb."""
        with _telling_closed_output():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the table."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb; None if there is no such verb."""
        del ctx
        return command_of(cmd_name) if cmd_name in VERBS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs from the table."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@contextlib.contextmanager
def _telling_closed_output() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise OutputClosedError from None


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="animatic")
def cli() -> None:
    """Generate video from storyboards declared in YAML: through the Krea API, as Prefect flows, never silently paying twice."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a verb and exit with its code. No traceback reaches the user; those of unexpected errors go to a file."""
    proxies.prepare()
    _open_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    GIVEN.set(given_on(words))
    try:
        sys.exit(_written(_run(words), words))
    except (BrokenPipeError, OutputClosedError):
        leave_unread()
        sys.exit(0)


def _open_streams() -> None:
    """Put a stream that nobody reads in the place of one that was closed before we began, as daemons have it.

    Where the locale knows ASCII alone, what it cannot write becomes a question mark: a prompt in another script is no reason to fail. (On
    standard error Python writes it as an escape by itself.)
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open_nowhere())
    if isinstance(sys.stdout, io.TextIOWrapper) and not is_unicode(sys.stdout):
        sys.stdout.reconfigure(errors="replace")


def _run(words: list[str]) -> int:
    """Run a verb, show the error that ended it, and return its exit code."""
    try:
        _refuse_empty(words)
        code = cli.main(args=words, prog_name="animatic", standalone_mode=False)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except (BrokenPipeError, OutputClosedError):
        raise
    except click.exceptions.NoArgsIsHelpError as asked:
        say(asked.ctx.get_help() if asked.ctx else "")
        return asked.exit_code
    except Exception as error:  # noqa: BLE001 (the last resort is an error of ours, kept for a report)
        return _failed(_as_ours(error, words), words)
    except KeyboardInterrupt:
        return _failed(InterruptedRunError("interrupted: this command had submitted nothing"), words)
    return code if isinstance(code, int) else 0


def _refuse_empty(words: Sequence[str]) -> None:
    """Raise UsageError for an option that names nothing: what a variable that is not set leaves would be taken for no option at all."""
    for word, value in pairwise((*words, "-")):
        name, equals, _ = word.partition("=")
        if name in NEVER_EMPTY and (word == f"{name}=" if equals else value == ""):
            raise UsageError(f"{name} is empty", hint="name something, or leave the option out; a variable may not be set")


def _written(code: int, words: Sequence[str]) -> int:
    """Write what is still to be printed, and return the exit code: that of a full disk, where it takes no more and nothing else failed.

    Left to Python, the rest would be tried once more at the very end, with a message of its own and another exit code.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        leave_unread()
        return code or _failed(_as_ours(error, words), ())
    return code


def _as_ours(error: Exception, words: Sequence[str]) -> AnimaticError:
    """Return what ended the command as one of our errors."""
    match error:
        case AnimaticError():
            return error
        case click.ClickException():
            return from_click(error)
        case click.Abort():
            return InterruptedRunError("interrupted: this command had submitted nothing")
        case OSError(errno=errno.ENOSPC):
            return StorageError("cannot write the output: no space left on the device")
        case _:
            from animatic.prefect.misconfigured import settings_error

            if mistake := settings_error(error):
                return mistake
            hint = f"the traceback, for a report, is in {keep_traceback(error)}"
            paying = words[:1] and words[0] in PAYING
            more = "\nwhat was submitted is in the ledger and not lost: `animatic resume` takes it up" if paying else ""
            return AnimaticError(f"animatic itself failed: {_described(error)}", hint=hint + more)


def _failed(error: AnimaticError, words: Sequence[str]) -> int:
    """Tell what ended the command, as it was asked for, and return the exit code."""
    show_error(error)
    if "--json" in words:
        try:
            print_json({"error": as_object(error)})
        except BrokenPipeError:
            raise
        except OSError:  # a full disk takes no word about the full disk either
            leave_unread()
    return error.exit_code


def _described(error: Exception) -> str:
    """Return the type and the text of an error on one line, without secrets."""
    text = " ".join(redact(str(error)).split())
    short = text if len(text) <= MAX_ERROR_TEXT else f"{text[: MAX_ERROR_TEXT - 1]}…"
    return f"{type(error).__name__}: {short}" if short else type(error).__name__
