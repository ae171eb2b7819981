"""Histories by seed: none breaks a rule. What fails prints its history, and the command that plays it again."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.histories import ALL, ALONE, Verdict, check_range, chunks, render
from tests.histories.gaps import KNOWN_GAPS, failures

SAMPLE, MANY = 400, 100_000
CHUNK, LARGE_CHUNK = 40, 500
ONCE_BROKEN = (
    547,  # a clock that was set far back hid a rival: its job was taken for another shot
    734,  # a job was taken for the wrong one of two submissions, and the other did not count as spent
    1213,  # a late job that was found between the last look at a budget and the submission
    1375,  # as 734, with a submission that was turned away
    3215,  # a stranger's job was taken for a shot and ended without a bill; the shot's own, made later, was billed and not counted
    200002,  # of two jobs one may be of a submission in doubt, the other only of one that was turned away: both were billed
    201791,  # a submission in doubt had an older job than any that was looked at for those that were given up
    202140,  # the job of a submission that was turned away was taken for one whose answer had been lost in the same run
    920089,  # of two given up submissions the later one got the job of the earlier one
    920266,  # a process died when it had taken a job by evidence: a further one was named nowhere
    300881,  # two processes of one run: the job of what was given up was found by the one, and not in the budget of the other
    14952,  # another run found the job of a lost answer, and saw it fail: it did not use up a retry here, so there was one POST too many
    24004,  # the job of a submission that had been given up came after the time of another POST, and was taken for another shot
    25497,  # one process took the job in the moment in which another asked a person
    34527,  # a clock was set between the reading of Krea's and the intent: the job was looked for in the wrong minutes
    49038,  # a stranger's job was taken although another one was there, which a second lost answer could have made as well
    200030,  # as 24004, of a submission for which a stranger's job had been taken, of another type
    202869,  # the job of a submission that was turned away was taken for one that had been given up
    306622,  # Krea's clock was known badly after a pause: the job of one that was turned away was made after the time that was looked at
    404242,  # a list that was older than the grace: a stranger's job was taken, and ours was to be seen by then
    409246,  # a clock was set back while a submission was turned away: its job was named nowhere
    803324,  # while the result of a stranger's job was fetched, an answer told that such jobs are of another type
    606117,  # as 14952: between two looks at the ledger the other run had seen the job fail
    520210,  # a stranger's job without a type was taken for a shot, and the shot's own, made later, for another one
    22736,  # as 520210: the shot's own was made later than the time of another POST
    308425,  # as 306622: a stranger's job was named in its place
)
SHOWN = 3


def told(broken: list[Verdict]) -> str:
    """Return the first histories that broke a rule, and the seeds of all."""
    shown = "\n\n".join(render(verdict) for verdict in broken[:SHOWN])
    return f"\n{shown}\n\nall seeds that broke a rule: {', '.join(str(verdict.seed) for verdict in broken)}"


@pytest.mark.parametrize("seeds", chunks(1, SAMPLE, CHUNK), ids=str)
def test_a_sample_of_histories(seeds: tuple[int, int]) -> None:
    broken = [verdict for verdict in check_range(seeds, ALL - KNOWN_GAPS) if failures(verdict.broken)]
    assert not broken, told(broken)


@pytest.mark.parametrize("seed", ONCE_BROKEN)
def test_a_history_that_broke_a_rule_once(seed: int) -> None:
    broken = [verdict for verdict in check_range((seed, seed + 1), ALONE - KNOWN_GAPS) if failures(verdict.broken)]
    assert not broken, told(broken)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seeds", chunks(SAMPLE + 1, MANY, LARGE_CHUNK), ids=str)
def test_many_histories(seeds: tuple[int, int]) -> None:
    broken = [verdict for verdict in check_range(seeds, ALL - KNOWN_GAPS) if failures(verdict.broken)]
    assert not broken, told(broken)


@pytest.mark.slow
def test_a_history_is_the_same_in_every_process() -> None:
    def played(hashes: str) -> str:
        command = [sys.executable, "-c", "from tests.histories import fingerprint_of_range as f; print(f((1, 60)))"]
        return subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": hashes}, check=True, capture_output=True, text=True).stdout

    assert played("1") == played("2") != ""
