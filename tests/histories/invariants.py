"""What must hold of every history, by what Krea knows to be true and what people are told."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from animatic.errors import InDoubtError
from tests.histories.history import History
from tests.histories.krea import Job
from tests.histories.plans import PRICE


def violations(history: History) -> list[str]:
    """Return every rule that a history broke, each with the name of the rule before a colon."""
    if any(found.startswith("endless") for found in history.broken):
        return list(history.broken)
    whose = () if history.misled else (*_silent_bills(history), *_uncounted_bills(history), *_wrong_takes(history), *_hasty_posts(history))
    return [
        *dict.fromkeys(history.broken),
        *whose,
        *_impossible_takes(history),
        *_too_many_posts(history),
        *_needless_doubts(history),
        *_bad_ends(history),
    ]


def _silent_bills(history: History) -> list[str]:
    """Every job of ours that was billed is in a take, or named by doubts."""
    named = {job for doubt in history.doubts for job in doubt.jobs}
    in_takes = Counter(take.job_id for take in history.takes.values())
    silent = [job for job in history.krea.jobs if job.billed and not in_takes[job.id] and job.id not in named]
    return [
        f"silent: {job.id} of POST {job.post.number} ({job.post.fault or 'healthy'}, {job.fate.shape}) was billed, and nothing names it; "
        f"its submission: {history.reader.state(job.post.attempt)}"
        for job in silent
        if job.post is not None
    ]


def _uncounted_bills(history: History) -> list[str]:
    """What was spent, as people are told, is at least what Krea bills us."""
    assert history.spending is not None
    billed = [job for job in history.krea.jobs if job.billed and job.post is not None]
    told, due = history.spending.totals.usd, PRICE * len(billed)
    if told >= due:
        return []
    states = ", ".join(f"{job.id}: {history.reader.state(job.post.attempt)}" for job in billed if job.post)
    return [f"uncounted: {len(billed)} jobs of ours were billed, {due} USD, and {told} USD count as spent ({states})"]


def _impossible_takes(history: History) -> list[str]:
    """Two takes never share a job; its bytes are of its job, and it was paid for."""
    found = []
    jobs = {job.id: job for job in history.krea.jobs}
    for job_id, count in Counter(take.job_id for take in history.takes.values()).items():
        if count > 1:
            found.append(f"shared: {count} takes hold {job_id}")
    steps = {step.fingerprint: step for step in history.plan.steps}
    for fingerprint, take in history.takes.items():
        job, step = jobs[take.job_id], steps[fingerprint]
        content = history.storage.objects[take.clip.key].decode()
        if content.split()[2] != take.job_id:
            found.append(f"bytes: the take of {step.key} says {take.job_id}, and its clip is {content!r}")
        if not job.billed:
            found.append(f"unpaid: the take of {step.key} is {job.id}, which {job.end}")
    return found


def _wrong_takes(history: History) -> list[str]:
    """No take holds a stranger's job, or another shot's, unless nobody could have told."""
    found = []
    jobs = {job.id: job for job in history.krea.jobs}
    steps = {step.fingerprint: step for step in history.plan.steps}
    for fingerprint, take in history.takes.items():
        job, step = jobs[take.job_id], steps[fingerprint]
        if job.post is None:
            found += _adopted_a_stranger(history, job, step.key, (fingerprint, take.attempt))
        elif job.post.prompt != step.request.body["prompt"]:
            own = history.reader.read(f"{history.reader.folder(job.post.attempt)}submitted.json")
            named = any(job.id in doubt.jobs for doubt in history.doubts)
            late = named and own and own["how"] == "evidence" and own["job_id"] != job.id
            rule = "swapped turned away" if job.post.fault == "429-after" else "swapped late" if late else "swapped"
            found.append(f"{rule}: the take of {step.key} is {job.id}, which was made for {job.post.prompt!r}")
    return found


def _adopted_a_stranger(history: History, job: Job, shot: str, attempt: tuple[str, int]) -> list[str]:
    """A stranger's job may be taken only where nobody could have told: told as evidence, of a type that fits, and ours not to be seen."""
    reader = history.reader
    submitted = reader.read(f"{reader.folder(attempt)}submitted.json") or {}
    what = f"stranger: the take of {shot} is {job.id}, which another program made"
    if submitted.get("how") not in {"evidence", "person"} or not submitted.get("evidence"):
        return [f"{what}, and the record says {submitted.get('how')!r}"]
    posts = [post for post in history.krea.posts if post.attempt == attempt]
    # A job that was taken for another attempt of the same shot is nobody's candidate any more; whose of the two it is changes nothing.
    others = [folder for folder, intent in reader.submissions() if intent["fingerprint"] == attempt[0] and intent["attempt"] != attempt[1]]
    taken = {found["job_id"] for folder in others if (found := reader.read(f"{folder}submitted.json"))}
    ours = [post.job for post in posts if post.job is not None and post.job.id not in taken]
    # The list that was looked at is older than the record: answers and storage take their time, and a process may stand still for a while.
    faults = history.scenario.faults
    looked_at = _moment(history, submitted) - (60.0 if "reads-slow" in faults else 40.0 if "pause" in faults else 10.0)
    if any(mine.listed < looked_at for mine in ours):
        return [f"{what}, while {ours[0].id} of ours was to be seen"]
    grace = history.scenario.patience.grace
    # Who takes up what a dead process has left does not wait for an answer that nobody would hear.
    died = {ran.process.name: ran.ended for ran in history.runs if ran.end == "killed"}
    lost = {post.number: min(post.lost_at, died.get(post.process, math.inf)) for post in posts}
    if any(post.job in ours and post.job.listed < lost[post.number] + grace - 1.0 for post in posts if post.job is not None):
        return [f"{what}, and ours was listed within the grace"]
    endpoints = {post.endpoint for post in posts}
    known = {record["type"] for record in _answered(history, endpoints, before=_moment(history, submitted)) if record.get("type")}
    if job.type is not None and known and job.type not in known:
        return [f"{what}, although such jobs are of type {known}"]
    return []


def _answered(history: History, endpoints: set[str], *, before: float) -> list[dict[str, Any]]:
    """Return the submissions to these routes whose jobs Krea itself had named by then."""
    found = []
    for folder, intent in history.reader.submissions():
        submitted = history.reader.read(f"{folder}submitted.json")
        if intent["endpoint"] in endpoints and submitted and submitted["how"] == "answer" and _moment(history, submitted) < before:
            found.append(submitted)
    return found


def _moment(history: History, submitted: dict[str, Any]) -> float:
    """Return when a job was claimed, in virtual seconds: who dies behind the claim leaves the rest to the next one."""
    wanted = f"writes claim {submitted['job_id']} for "
    return next((at for at, _, text in history.trace if text.startswith(wanted)), 0.0)


def _hasty_posts(history: History) -> list[str]:
    """Nothing is sent again while there is a job of an earlier POST, made within its time-out and listed within the grace."""
    found = []
    patience, reader = history.scenario.patience, history.reader
    for post in history.krea.posts:
        for before in history.krea.posts[: post.number - 1]:
            job = before.job
            if job is None or before.attempt[0] != post.attempt[0] or before.verdict == "refused":
                continue
            if reader.was_given_up(before.attempt, job.id):
                continue
            in_time = job.created < before.at + patience.post and job.listed < job.created + patience.grace - 1.0
            lives = post.at < job.ends or job.billed
            submitted = reader.read(f"{reader.folder(before.attempt)}submitted.json")
            if in_time and lives and (submitted is None or submitted["job_id"] == job.id):
                found.append(f"hasty: POST {post.number} was sent although POST {before.number} had made {job.id}")
    return found


def _too_many_posts(history: History) -> list[str]:
    """For each shot and request, a run sends at most retries + 1 POSTs that may have been accepted; equal shots share their takes."""
    counts = Counter((post.process, post.run_id, post.prompt, post.endpoint) for post in history.krea.posts if post.verdict != "refused")
    shots = Counter(step.request.body["prompt"] for step in history.plan.steps)
    limit = history.scenario.retries + 1
    return [
        f"posts: run {run_id} of {process} sent {count} POSTs for {prompt!r} to {endpoint}, at most {limit * shots[prompt]} are allowed"
        for (process, run_id, prompt, endpoint), count in counts.items()
        if count > limit * shots[prompt]
    ]


def _needless_doubts(history: History) -> list[str]:
    """Nobody is asked about a submission whose job is known. Two processes may come to both conclusions at once: then neither asks."""
    asked = {ran.process.name for ran in history.runs if isinstance(ran.error, InDoubtError)}
    return [
        f"needless: {process} asks about a submission whose job is known ({key})"
        for process, key in history.doubted_although_known
        if process in asked
    ]


def _bad_ends(history: History) -> list[str]:
    """Every run ends, with an error that people can read or with all of its takes."""
    found = []
    missing = [step.key for step in history.plan.steps if step.fingerprint not in history.takes]
    for ran in history.runs:
        if ran.end in {"unexpected", "endless", ""}:
            found.append(f"end: run {ran.run_id} of {ran.process.name} ends {ran.end or 'never'}: {ran.error!r}")
        if ran.end == "well" and missing:
            found.append(f"undelivered: run {ran.run_id} ended well, and {', '.join(missing)} are not there")
    return found
