"""The command group: finds verbs late, so that ``validate`` never waits for Prefect, and maps every error to its exit code in one place."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

import click

from animatic import __version__
from animatic.errors import AnimaticError, DeclarationError

if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS = {
    "validate": ("animatic.cli.declare", "every mistake of the declaration, with its line"),
    "plan": ("animatic.cli.declare", "what a run would make or reuse, why, and the price"),
    "models": ("animatic.cli.declare", "the catalogue: fields, limits, prices"),
    "schema": ("animatic.cli.declare", "JSON Schema of pipelines files, for editors"),
    "fix": ("animatic.cli.declare", "rewrite retired names and unquoted templates"),
    "new": ("animatic.cli.declare", "a small pipelines file to start from"),
    "run": ("animatic.cli.perform", "make what is not made yet, and deliver it"),
    "resume": ("animatic.cli.perform", "take up what a crashed or failed run left"),
    "retake": ("animatic.cli.retake", "a new take of one shot, and what hangs on it"),
    "deploy": ("animatic.cli.deploy", "bring Prefect deployments in step with the file"),
    "serve": ("animatic.cli.deploy", "serve the pipelines' deployments from this process"),
    "runs": ("animatic.cli.inspect", "list runs: what came of them, what they cost"),
    "status": ("animatic.cli.inspect", "where each shot of a run is"),
    "watch": ("animatic.cli.watch", "follow a run until it ends"),
    "takes": ("animatic.cli.choose", "list the takes of a shot"),
    "use": ("animatic.cli.choose", "say which take of a shot counts"),
    "doubts": ("animatic.cli.decide", "submissions that may or may not have been accepted"),
    "adopt": ("animatic.cli.decide", "say which job a doubtful submission became"),
    "resubmit": ("animatic.cli.decide", "say that no job is it: send it again"),
    "spend": ("animatic.cli.money", "what was paid, by day, pipeline, model or shot"),
    "up": ("animatic.cli.up", "server, UI, simulator and deployments on this machine"),
    "doctor": ("animatic.cli.doctor", "check everything that a run depends on"),
    "simulate": ("animatic.cli.local", "run the simulator alone"),
    "down": ("animatic.cli.local", "end the local Prefect server"),
}
"""Where each verb lives, and what it does in a few words: listing the verbs imports none of them."""
INTERNAL_ERROR = 1
INTERRUPTED = 130


class Verbs(click.Group):
    """A group whose commands are imported when they are called (or listed)."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order people meet them."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb; None if there is no such verb."""
        del ctx
        if cmd_name not in VERBS:
            return None
        command = getattr(importlib.import_module(VERBS[cmd_name][0]), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs from the table."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, short) for name, (_, short) in VERBS.items()])


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="animatic")
def cli() -> None:
    """Storyboards declared in YAML, rendered through the Krea API as Prefect flows, never paid for twice."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a verb and exit with its code. No traceback reaches the user; of our own errors the details go to a file."""
    try:
        code = cli.main(args=None if arguments is None else list(arguments), prog_name="animatic", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Exit as leaving:
        sys.exit(leaving.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted; what was submitted is in the ledger")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output left (``| head``): nobody is there to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except DeclarationError as error:
        from animatic.cli.problems import show_problems

        show_problems(error.problems, error.texts)
        sys.exit(error.exit_code)
    except AnimaticError as error:
        _say(f"error: {error.message}", error.hint)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 (the last resort: an error of ours, kept for a report)
        from animatic.cli.problems import keep_traceback

        _say(f"error: animatic itself failed: {type(error).__name__}", f"details, for a report: {keep_traceback(error)}")
        sys.exit(INTERNAL_ERROR)


def _say(*lines: str | None) -> None:
    for line in lines:
        if line:
            print(line if line.startswith(("error", "interrupted")) else f"  {line}", file=sys.stderr)
