"""Shots while they are being resolved: mutable here, frozen as steps of the plan afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from animatic.catalog.model import Model
from animatic.errors import KeyPath
from animatic.plan.choosing import ModelDefaults, Yield
from animatic.plan.filling import MediaValue
from animatic.plan.model import Input
from animatic.plan.variants import Variant
from animatic.spec.model import FallbackSpec, ShotSpec


@dataclass(kw_only=True, slots=True)
class RequestDraft:
    """One request of a shot. ``origins`` says where the fields were written that neither the shot nor its fallback wrote."""

    shot: ShotSpec
    model: Model
    yields: Yield
    body: dict[str, Any]
    media: list[MediaValue]
    duration: float | None
    origins: Mapping[str, KeyPath]
    fallback: FallbackSpec | None = None
    inputs: list[Input] = field(default_factory=list)
    """What ``media`` turned out to be, once linked."""

    def origin(self, path: KeyPath) -> KeyPath:
        """Return the place in the document of a value of the body."""
        if self.fallback is not None and path[0] in self.fallback.fields:
            return (*self.fallback.path, *path)
        if path[0] in self.shot.fields:
            return (*self.shot.path, *path)
        return (*self.origins.get(str(path[0]), (*self.shot.path, path[0])), *path[1:])


@dataclass(kw_only=True, slots=True)
class Shot:
    """One shot in one variant. ``drafts`` is empty where its model is wrong or not known."""

    spec: ShotSpec
    number: int
    variant: Variant
    title: str | None = None
    kit: ModelDefaults | None = None
    left_out: bool = False
    """``when`` came out false."""
    drafts: list[RequestDraft] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    needs: dict[str, KeyPath] = field(default_factory=dict)
    """Ids of the shots that it refers to, with the place of the first reference."""

    @property
    def key(self) -> str:
        """The key of its step."""
        return self.variant.key(self.spec.id)
