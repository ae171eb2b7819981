"""Hands a refusal of a pull step on to the run that it was made for, which fails with the reason.

Prefect runs the step in a process of its own or in that of the run, and passes on the environment alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, MutableMapping

from animatic.errors import AnimaticError, UsageError

REFUSED = "ANIMATIC_PULL_REFUSED"
"""Holds the message of the refusal, and the hint."""


def refuse_run(error: AnimaticError, environment: MutableMapping[str, str] | None = None) -> None:
    """Have the run of this process, and of those that inherit its environment, fail with an error."""
    env = os.environ if environment is None else environment
    env[REFUSED] = json.dumps({"message": error.message, "hint": error.hint})


def let_run(environment: MutableMapping[str, str] | None = None) -> None:
    """Take back what an earlier pull of this process said: the declaration is there now."""
    (os.environ if environment is None else environment).pop(REFUSED, None)


def refusal(environment: Mapping[str, str] | None = None) -> AnimaticError | None:
    """Return why the declaration of this process's run was not pulled; None if it was, or was not to be."""
    text = (os.environ if environment is None else environment).get(REFUSED)
    if not text:
        return None
    told = json.loads(text)
    return UsageError(str(told["message"]), hint=told["hint"])
