"""Adds to a shot that has several takes a step for each further one. Nothing depends on those: the take that counts goes on.

All takes of a shot have its base in common and differ in their number, so that each is made, paid for and reused by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from animatic.catalog import Catalog, check_body
from animatic.errors import Problem, UsageError
from animatic.plan.fingerprint import base_of, fingerprint_of
from animatic.plan.model import Plan, Request, Step, take_key, without_take

SEED = "seed"


def further_takes(step: Step, requests: tuple[Request, ...], *, new: bool) -> Iterator[Step]:
    """Yield the steps of the takes that a shot has beside the one that counts; ``requests`` as they are declared.

    They are the takes 1 to N, so that a run finds those of the runs before; where the shot is made anew, those that follow the new one.
    """
    first = step.take if new else 1
    for number in range(first, first + step.takes):
        if number != step.take and step.takes > 1:
            yield take_beside(step, number, counted_up(requests, number))


def take_beside(main: Step, number: int, requests: tuple[Request, ...]) -> Step:
    """Return the step of one take of a shot beside the one that counts."""
    return replace(
        main,
        key=take_key(main.key, number),
        take=number,
        fingerprint=fingerprint_of(main.base, number),
        requests=requests,
        notes=(),
        further=True,
    )


def counted_up(requests: tuple[Request, ...], take: int, *, by: int = 1) -> tuple[Request, ...]:
    """Return the requests of one take of several: a seed that is set counts up, or all takes would be the same. ``by`` -1 undoes that."""
    return tuple(
        replace(request, body={**request.body, SEED: request.body[SEED] + by * (take - 1)}) if _has_seed(request) and take > 1 else request
        for request in requests
    )


def spare_take(main: Step, number: int) -> Step:
    """Return the step of one more take of a shot, which its checks have asked for: one attempt, and the shot is whole without it."""
    return replace(take_beside(main, number, counted_up(main.requests, number - main.take + 1)), retries=0, spare=True)


def with_steps_beside(plan: Plan, added: Iterable[Step]) -> Plan:
    """Return the plan with further takes, each behind the others of its shot."""
    beside: defaultdict[str, list[Step]] = defaultdict(list)
    for step in added:
        beside[without_take(step.key)].append(step)
    steps: list[Step] = []
    for step, following in zip(plan.steps, (*plan.steps[1:], None), strict=True):
        steps.append(step)
        root = without_take(step.key)
        if following is None or without_take(following.key) != root:
            steps += beside[root]
    return replace(plan, steps=tuple(steps))


def repicked(
    plan: Plan, picks: Mapping[str, int], current_take: Callable[[str], int], locked: Mapping[str, tuple[Step, ...]] | None = None
) -> Plan:
    """Return the plan with other takes of some shots in the place of those that count; ``picks`` are their numbers by base.

    ``locked`` holds what stands in the place of shots that are locked, by step key: their steps, whatever is picked above them.
    What depends on them is another request then, whose own take is that which ``current_take`` tells for its base. Raises UsageError where
    that cannot be told of a shot: its request was changed for this run alone.
    """
    before = {step.key: step.fingerprint for step in plan.steps}
    beside: defaultdict[str, list[Step]] = defaultdict(list)
    for step in plan.steps:
        if step.further:
            beside[without_take(step.key)].append(step)
    prints: dict[str, str] = {}
    steps: list[Step] = []
    for step in plan.shots:
        stands = (step, *beside[step.key]) if step.locked is not None else ()
        if stands := (locked or {}).get(step.key, stands):
            prints |= {other.key: other.fingerprint for other in stands}
            steps += stands
            continue
        written = counted_up(step.requests, step.take, by=-1) if step.takes > 1 else step.requests
        moved = any(prints[need] != before[need] for need in step.depends_on)
        salt = _salt(plan, step)
        if moved and base_of(written[0], before, salt) != step.base:
            raise UsageError(
                f"another take was picked, and shot {step.key!r} was changed for run {plan.run_id} alone",
                hint=f"make it from the picked take with `animatic run {plan.pipeline}`",
            )
        base = base_of(written[0], prints, salt) if moved else step.base
        take = current_take(base) if moved else picks.get(base, step.take)
        if take == step.take and not moved:
            same = [step, *beside[step.key]]
        else:
            requests = counted_up(written, take) if step.takes > 1 else written
            main = replace(step, base=base, take=take, fingerprint=fingerprint_of(base, take), requests=requests)
            others = further_takes(main, written, new=False) if moved else _exchanged(step, beside[step.key], take)
            same = [main, *others]
        prints |= {other.key: other.fingerprint for other in same}
        steps += same
    return replace(plan, steps=tuple(steps))


def _exchanged(main: Step, beside: Sequence[Step], take: int) -> list[Step]:
    """Return the takes that lie beside the one that counts once another one does: that which has counted until then among them."""
    picked = next((other for other in beside if other.take == take), None)
    # What was made because of it takes its place in every respect: one of the two was planned, and paid for as such.
    spare = main.takes == 1 if picked is None else picked.spare
    set_aside = replace(main, key=take_key(main.key, main.take), notes=(), further=True, spare=spare)
    return sorted((set_aside, *(other for other in beside if other.take != take)), key=lambda step: step.take)


def _salt(plan: Plan, step: Step) -> dict[str, str] | None:
    match plan.reuse:
        case "always":
            return None
        case "run":
            return {"run": plan.run_id}
        case "never":
            return {"run": plan.run_id, "step": step.key}
        case _:
            assert_never(plan.reuse)


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
