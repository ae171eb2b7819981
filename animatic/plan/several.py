"""Adds to a shot that has several takes a step for each further one. Nothing depends on those: the take that counts goes on.

All takes of a shot have its base in common and differ in their number, so that each is made, paid for and reused by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from animatic.catalog import Catalog, check_body
from animatic.errors import Problem
from animatic.plan.fingerprint import fingerprint_of
from animatic.plan.model import Request, Step, take_key

SEED = "seed"


def further_takes(step: Step, requests: tuple[Request, ...], *, new: bool) -> Iterator[Step]:
    """Yield the steps of the takes that a shot has beside the one that counts; ``requests`` as they are declared.

    They are the takes 1 to N, so that a run finds those of the runs before; where the shot is made anew, those that follow the new one.
    """
    first = step.take if new else 1
    for number in range(first, first + step.takes):
        if number != step.take and step.takes > 1:
            yield replace(
                step,
                key=take_key(step.key, number),
                take=number,
                fingerprint=fingerprint_of(step.base, number),
                requests=counted_up(requests, number),
                notes=(),
                further=True,
            )


def counted_up(requests: tuple[Request, ...], take: int) -> tuple[Request, ...]:
    """Return the requests of one take of several: a seed that is set counts up, or all takes would be the same."""
    return tuple(
        replace(request, body={**request.body, SEED: request.body[SEED] + take - 1}) if _has_seed(request) and take > 1 else request
        for request in requests
    )


def seed_problems(steps: Iterable[Step], catalog: Catalog) -> tuple[Problem, ...]:
    """Return what is wrong with seeds that counted up beyond what their model takes."""
    found: list[Problem] = []
    for step in steps:
        for request in step.requests:
            model = catalog.find(request.model)
            if step.takes == 1 or not step.further or model is None or not _has_seed(request):
                continue
            findings = check_body(model, {SEED: request.body[SEED]}, catalog=catalog)
            found += [
                Problem(
                    f"shot {step.shot!r}: its seed counts up with its takes, and for take {step.take} {finding.message}",
                    step.place,
                    hint=f"write a seed that is smaller by {step.takes} or more",
                    code=finding.code,
                )
                for finding in findings
                if finding.severity == "error" and finding.path == (SEED,)
            ]
    return tuple(found)


def _has_seed(request: Request) -> bool:
    seed = request.body.get(SEED)
    return isinstance(seed, int | float) and not isinstance(seed, bool)
