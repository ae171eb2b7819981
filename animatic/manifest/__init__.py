"""Records what came out of a run: the manifest for programs, the page for people."""

from animatic.manifest.builder import ManifestBuilder, ShotChanges, ShotEntry
from animatic.manifest.model import (
    Clip,
    Cost,
    Input,
    Manifest,
    PrefectRun,
    Provenance,
    Reel,
    ReelShot,
    Shot,
    StrayJob,
    TakeEntry,
)
from animatic.manifest.page import render_page
from animatic.manifest.parts import Attempt, Choice, Decision, Failure, Finding, LogEntry, Quality
from animatic.manifest.reading import read_manifest

__all__ = [
    "Attempt",
    "Choice",
    "Clip",
    "Cost",
    "Decision",
    "Failure",
    "Finding",
    "Input",
    "LogEntry",
    "Manifest",
    "ManifestBuilder",
    "PrefectRun",
    "Provenance",
    "Quality",
    "Reel",
    "ReelShot",
    "Shot",
    "ShotChanges",
    "ShotEntry",
    "StrayJob",
    "TakeEntry",
    "read_manifest",
    "render_page",
]
