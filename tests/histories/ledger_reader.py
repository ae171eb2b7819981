"""Reads the ledger as an outsider: the JSON of its records, by the names that the contract gives them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from animatic.plan import Plan
from tests.histories.krea import Post
from tests.histories.plans import PRICE
from tests.histories.scenario import Scenario

FREE = frozenset({"unsent", "failed", "cancelled", "moderated"})
"""Outcomes of submissions that cost nothing."""


@dataclass
class LedgerReader:
    """Looks into the objects of a storage, which is not told."""

    objects: Mapping[str, bytes]
    parsed: dict[str, Any] = field(default_factory=dict)

    def read(self, key: str) -> dict[str, Any] | None:
        """Return a record; they never change."""
        if key not in self.parsed:
            if key not in self.objects:
                return None
            self.parsed[key] = json.loads(self.objects[key])
        record: dict[str, Any] = self.parsed[key]
        return record

    def submissions(self) -> Iterable[tuple[str, dict[str, Any]]]:
        """Return the folder and the intent of every submission, by when it was written."""
        for key in list(self.objects):
            if key.startswith(".animatic/submissions/") and key.endswith("/intended.json"):
                intent = self.read(key)
                assert intent is not None
                yield key.removesuffix("intended.json"), intent

    def latest(self, plan: Plan, prompt: str) -> tuple[str, int]:
        """Return the submission that a POST was sent for: the last one of its take."""
        fingerprint = next(step.fingerprint for step in plan.steps if step.request.body["prompt"] == prompt)
        numbers = [intent["attempt"] for _, intent in self.submissions() if intent["fingerprint"] == fingerprint]
        return fingerprint, max(numbers, default=0)

    def folder(self, attempt: tuple[str, int]) -> str:
        """Return the folder of a submission."""
        return f".animatic/submissions/{attempt[0][:2]}/{attempt[0]}/{attempt[1]:03}/"

    def ending(self, folder: str) -> dict[str, Any] | None:
        """Return how a submission ended, as far as is known."""
        return self.read(f"{folder}corrected.json") or self.read(f"{folder}settled.json")

    def may_be_billed(self, folder: str) -> bool:
        """Whether the ledger counts a submission as spent."""
        settled = self.ending(folder)
        if settled is None:
            return True
        if settled["outcome"] == "never_arrived":
            return self.read(f"{folder}submitted.json") is not None
        return settled["outcome"] not in FREE and settled["usd"] not in {"0", 0}

    def was_given_up(self, attempt: tuple[str, int], job_id: str) -> bool:
        """Whether a person let the shot of a submission, or of the one that its job counts for, be submitted again."""
        claim = self.read(f".animatic/claims/{job_id}.json")
        folders = {self.folder(attempt), self.folder((claim["fingerprint"], claim["attempt"]) if claim else attempt)}
        given_up = ((self.read(f"{folder}settled.json") or {}).get("outcome") == "withdrawn" for folder in folders)
        return any(given_up) or any(self.read(f"{folder}withdrawn.json") is not None for folder in folders)

    def state(self, attempt: tuple[str, int]) -> str:
        """Return how far a submission came."""
        folder = self.folder(attempt)
        settled, submitted = self.ending(folder), self.read(f"{folder}submitted.json")
        doubt = "in doubt" if self.read(f"{folder}doubt.json") else "intended"
        told = settled["outcome"] if settled else "submitted" if submitted else doubt
        return f"{told} ({submitted['how']}: {submitted['job_id']})" if submitted else told

    def over_budget(self, scenario: Scenario, post: Post, posts: list[Post]) -> list[str]:
        """Return which budgets a POST that has just arrived breaks, by what the ledger says of those before it."""
        sent = {found.attempt: found for found in posts if found.verdict != "refused" or found.job is not None}
        this = self.read(f"{self.folder(post.attempt)}intended.json")
        if this is None:
            return [f"unintended: POST {post.number} was sent without an intent"]
        run_usd = day_usd = Decimal(0)
        written = {key: place for place, key in enumerate(self.objects)}
        intended = written[f"{self.folder(post.attempt)}intended.json"]
        for folder, intent in self.submissions():
            attempt = (intent["fingerprint"], intent["attempt"])
            if attempt not in sent:
                continue
            never = (self.read(f"{folder}settled.json") or {}).get("outcome") == "never_arrived"
            # A job that turns up after the last look at what was spent is nobody's fault.
            billed = self.may_be_billed(folder) and not (never and written.get(f"{folder}submitted.json", 0) > intended)
            # What never arrived stays reserved in the process that lost its answer, until its job is found and has cost nothing.
            reserved = never and self.read(f"{folder}corrected.json") is None and intent["pid"] == this["pid"]
            if intent["run_id"] == post.run_id and (billed or reserved):
                run_usd += PRICE
            if _day(intent) == _day(this) and billed:
                day_usd += PRICE
        found = []
        if scenario.budget is not None and run_usd > scenario.budget:
            found.append(f"budget: POST {post.number} brings run {post.run_id} to {run_usd} of {scenario.budget} USD")
        if scenario.per_day is not None and day_usd > scenario.per_day:
            found.append(f"budget: POST {post.number} brings the day to {day_usd} of {scenario.per_day} USD")
        return found

    def said(self, key: str) -> str:
        """Return a record in a few words."""
        record = json.loads(self.objects[key])
        parts = key.removeprefix(".animatic/").removesuffix(".json").split("/")
        match parts[0]:
            case "submissions":
                what = record.get("outcome") or record.get("job_id") or record.get("reason") or record.get("step")
                how = f" ({record['how']})" if "how" in record else ""
                return f"{parts[-1]} {parts[2][:6]}/{parts[3]}: {what}{how}"
            case "claims":
                return f"claim {record['job_id']} for {record['fingerprint'][:6]}/{record['attempt']:03} ({record['how']})"
            case _:
                return f"{parts[-1]} {record.get('fingerprint', '')[:6]}: {record.get('job_id', '')}"


def _day(intent: dict[str, Any]) -> str:
    return datetime.fromisoformat(intent["intended_at"]).date().isoformat()
