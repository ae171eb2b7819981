"""Spec and parameters to a frozen plan: shots, edges, requests, prices, fingerprints, and why. Pure; `plan` prints it, `run` executes it.

The names below are loaded when they are first used: `validate` needs a third of them, and it is run on every save.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from animatic.plan.build import build_plan, destination_of
    from animatic.plan.check import Examination, check_declaration, examine, find_pipeline
    from animatic.plan.codec import plan_from_json, plan_to_json
    from animatic.plan.diff import diff_plans
    from animatic.plan.draw import as_mermaid, as_svg
    from animatic.plan.fingerprint import base_of, filled, fingerprint_of
    from animatic.plan.model import Cut, FileInput, Frame, Input, Plan, Request, Reuse, ShotInput, Step, UrlInput, field_name, new_run_id
    from animatic.plan.report import expected_minutes, minutes_from, render_plan, to_pay
    from animatic.plan.select import select

_HOMES = {
    "build": ("build_plan", "destination_of"),
    "check": ("Examination", "check_declaration", "examine", "find_pipeline"),
    "codec": ("plan_from_json", "plan_to_json"),
    "diff": ("diff_plans",),
    "fingerprint": ("base_of", "filled", "fingerprint_of"),
    "draw": ("as_mermaid", "as_svg"),
    "model": (
        "Cut",
        "FileInput",
        "Frame",
        "Input",
        "Plan",
        "Request",
        "Reuse",
        "ShotInput",
        "Step",
        "UrlInput",
        "field_name",
        "new_run_id",
    ),
    "report": ("expected_minutes", "minutes_from", "render_plan", "to_pay"),
    "select": ("select",),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

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
    "as_mermaid",
    "as_svg",
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
    "minutes_from",
    "new_run_id",
    "plan_from_json",
    "plan_to_json",
    "render_plan",
    "select",
    "to_pay",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
