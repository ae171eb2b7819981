"""Makes takes: plans a run, submits, resolves doubt, waits, fetches, delivers. Free of Prefect."""

from __future__ import annotations
