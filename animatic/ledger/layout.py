"""Where each record lies: keys below the destination, the same in a folder and in a bucket. Part of the contract."""

from __future__ import annotations

import re
from datetime import date, datetime
from urllib.parse import quote

ROOT = ".animatic/"
SUBMISSIONS = f"{ROOT}submissions/"
SELECTIONS = f"{ROOT}selections/"
RUNS = f"{ROOT}runs/"
JOURNAL_KEY = re.compile(r"/(\d{4}-\d\d-\d\d)/(\d{12})-[0-9a-f]{1,16}-\d{3,}\.json$")
NUMBERED_KEY = re.compile(r"/(\d{6,})\.json$")


def attempt_folder(fingerprint: str, attempt: int) -> str:
    """Return the folder of one submission, ending in ``/``; it holds intended, submitted, settled and doubt."""
    return f"{SUBMISSIONS}{fingerprint[:2]}/{fingerprint}/{attempt:03}/"


def claim_key(job_id: str) -> str:
    """Return the key of the claim on a job."""
    return f"{ROOT}claims/{quote(job_id, safe='')}.json"


def take_folder(fingerprint: str) -> str:
    """Return the folder of a take, ending in ``/``: take.json, and its clip and thumbnail beside it."""
    return f"{ROOT}takes/{fingerprint[:2]}/{fingerprint}/"


def take_key(fingerprint: str) -> str:
    """Return the key of the record of a take."""
    return f"{take_folder(fingerprint)}take.json"


def journal_folder(day: date) -> str:
    """Return the folder of all submissions intended on that day (UTC), ending in ``/``."""
    return f"{ROOT}journal/{day.isoformat()}/"


def journal_key(intended_at: datetime, fingerprint: str, attempt: int) -> str:
    """Return the key of a submission's line in the journal. It follows from the intent, so that anyone can complete it."""
    return f"{journal_folder(intended_at.date())}{intended_at:%H%M%S%f}-{fingerprint[:16]}-{attempt:03}.json"


def journal_time(key: str) -> datetime | None:
    """Return when (UTC) the submission of that journal key was intended; None for a file that is not one of ours (``.DS_Store``)."""
    match = JOURNAL_KEY.search(key)
    return datetime.strptime(f"{match[1]} {match[2]} +0000", "%Y-%m-%d %H%M%S%f %z") if match else None


def asset_folder(host: str, sha256: str) -> str:
    """Return the folder of what is known of one content uploaded to one Krea, ending in ``/``; ``host`` may carry a port."""
    return f"{ROOT}assets/{quote(host, safe='')}/{sha256}/"


def selection_folder(base: str) -> str:
    """Return the folder of the takes chosen for one shot, ending in ``/``."""
    return f"{SELECTIONS}{base}/"


def run_key(run_id: str) -> str:
    """Return the key of a run's plan."""
    return f"{RUNS}{run_id}.json"


def numbered(folder: str, number: int) -> str:
    """Return the key of the n-th record of a series."""
    return f"{folder}{number:06}.json"


def number_of(key: str) -> int | None:
    """Return which record of its series the key names; None for a file that is not one of ours."""
    match = NUMBERED_KEY.search(key)
    return int(match[1]) if match else None


def spending_key(day: date) -> str:
    """Return the key of the sums of a past day."""
    return f"{ROOT}spending/{day.isoformat()}.json"
