"""Spec and parameters to a frozen plan: shots, edges, requests, prices, fingerprints, and why. Pure; `plan` prints it, `run` executes it."""

from animatic.plan.build import build_plan, destination_of
from animatic.plan.check import Examination, check_declaration, examine, find_pipeline
from animatic.plan.codec import plan_from_json, plan_to_json
from animatic.plan.difference import diff_plans
from animatic.plan.fingerprint import base_of, filled, fingerprint_of
from animatic.plan.mermaid import mermaid
from animatic.plan.model import Cut, FileInput, Frame, Input, Plan, Request, Reuse, ShotInput, Step, UrlInput, field_name
from animatic.plan.runs import new_run_id
from animatic.plan.selection import select
from animatic.plan.svg import svg
from animatic.plan.totals import expected_minutes

__all__ = [
    "Cut",
    "Examination",
    "FileInput",
    "Frame",
    "Input",
    "Plan",
    "Request",
    "Reuse",
    "ShotInput",
    "Step",
    "UrlInput",
    "base_of",
    "build_plan",
    "check_declaration",
    "destination_of",
    "diff_plans",
    "examine",
    "expected_minutes",
    "field_name",
    "filled",
    "find_pipeline",
    "fingerprint_of",
    "mermaid",
    "new_run_id",
    "plan_from_json",
    "plan_to_json",
    "select",
    "svg",
]
