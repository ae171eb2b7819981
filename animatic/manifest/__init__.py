"""Records what came out of a run: the manifest for programs, the page for people."""

from animatic.manifest.builder import ManifestBuilder, ShotChanges, ShotEntry
from animatic.manifest.model import (
    Attempt,
    Clip,
    Cost,
    Failure,
    Input,
    Manifest,
    PrefectRun,
    Provenance,
    Reel,
    ReelShot,
    Shot,
    StrayJob,
    read_manifest,
)
from animatic.manifest.page import render_page

__all__ = [
    "Attempt",
    "Clip",
    "Cost",
    "Failure",
    "Input",
    "Manifest",
    "ManifestBuilder",
    "PrefectRun",
    "Provenance",
    "Reel",
    "ReelShot",
    "Shot",
    "ShotChanges",
    "ShotEntry",
    "StrayJob",
    "read_manifest",
    "render_page",
]
