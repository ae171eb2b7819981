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
    "validate": "animatic.cli.declare",
    "plan": "animatic.cli.declare",
    "models": "animatic.cli.declare",
    "schema": "animatic.cli.declare",
    "fix": "animatic.cli.declare",
    "new": "animatic.cli.declare",
    "run": "animatic.cli.perform",
    "resume": "animatic.cli.perform",
    "retake": "animatic.cli.retake",
    "deploy": "animatic.cli.deploy",
    "serve": "animatic.cli.deploy",
    "runs": "animatic.cli.inspect",
    "status": "animatic.cli.inspect",
    "watch": "animatic.cli.watch",
    "takes": "animatic.cli.choose",
    "use": "animatic.cli.choose",
    "doubts": "animatic.cli.decide",
    "adopt": "animatic.cli.decide",
    "resubmit": "animatic.cli.decide",
    "spend": "animatic.cli.money",
    "up": "animatic.cli.up",
    "doctor": "animatic.cli.doctor",
    "simulate": "animatic.cli.local",
    "down": "animatic.cli.local",
}
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
        command = getattr(importlib.import_module(VERBS[cmd_name]), cmd_name)
        assert isinstance(command, click.Command)
        return command


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
