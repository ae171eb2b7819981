"""Turns a declaration and parameters into a frozen plan: shots, edges, requests, prices, fingerprints.

Reads the pipelines file's folder and reference files, and writes nothing; `plan` prints the plan, `run` executes it.

The names below are loaded when they are first used: `validate` needs a third of them, and it is run on every save. They stand here twice,
for type checkers and for Python.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from animatic.plan.build import build_plan as build_plan
    from animatic.plan.check import Examination as Examination
    from animatic.plan.check import check_declaration as check_declaration
    from animatic.plan.check import examine as examine
    from animatic.plan.check import find_pipeline as find_pipeline
    from animatic.plan.destinations import destination_of as destination_of
    from animatic.plan.destinations import destinations_of as destinations_of
    from animatic.plan.difference import diff_plans as diff_plans
    from animatic.plan.difference import step_changes as step_changes
    from animatic.plan.draw import as_mermaid as as_mermaid
    from animatic.plan.draw import as_svg as as_svg
    from animatic.plan.draw import edge_labels as edge_labels
    from animatic.plan.fingerprint import base_of as base_of
    from animatic.plan.fingerprint import filled as filled
    from animatic.plan.fingerprint import fingerprint_of as fingerprint_of
    from animatic.plan.labels import params_text as params_text
    from animatic.plan.labels import pipeline_text as pipeline_text
    from animatic.plan.model import FileInput as FileInput
    from animatic.plan.model import Frame as Frame
    from animatic.plan.model import Input as Input
    from animatic.plan.model import Plan as Plan
    from animatic.plan.model import Request as Request
    from animatic.plan.model import Reuse as Reuse
    from animatic.plan.model import ShotInput as ShotInput
    from animatic.plan.model import Step as Step
    from animatic.plan.model import UrlInput as UrlInput
    from animatic.plan.model import counted as counted
    from animatic.plan.model import new_run_id as new_run_id
    from animatic.plan.model import shot_of as shot_of
    from animatic.plan.model import without_take as without_take
    from animatic.plan.printed import render_plan as render_plan
    from animatic.plan.report import NOTHING_FURTHER as NOTHING_FURTHER
    from animatic.plan.report import Further as Further
    from animatic.plan.report import Limit as Limit
    from animatic.plan.report import expected_minutes as expected_minutes
    from animatic.plan.report import minutes_from as minutes_from
    from animatic.plan.report import price_of_run as price_of_run
    from animatic.plan.report import to_pay as to_pay
    from animatic.plan.saved import plan_from_json as plan_from_json
    from animatic.plan.saved import plan_to_json as plan_to_json
    from animatic.plan.select import dependents as dependents
    from animatic.plan.select import reachable as reachable
    from animatic.plan.select import select as select
    from animatic.plan.slates import slate_of as slate_of

_NAMES = {
    "build": "build_plan",
    "check": "Examination check_declaration examine find_pipeline",
    "destinations": "destination_of destinations_of",
    "difference": "diff_plans step_changes",
    "draw": "as_mermaid as_svg edge_labels",
    "fingerprint": "base_of filled fingerprint_of",
    "labels": "params_text pipeline_text",
    "model": "FileInput Frame Input Plan Request Reuse ShotInput Step UrlInput counted new_run_id shot_of without_take",
    "printed": "render_plan",
    "report": "NOTHING_FURTHER Further Limit expected_minutes minutes_from price_of_run to_pay",
    "saved": "plan_from_json plan_to_json",
    "select": "dependents reachable select",
    "slates": "slate_of",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_MODULES)
