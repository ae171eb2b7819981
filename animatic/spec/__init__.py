"""Decode pipelines files into a typed declaration, with every structural mistake in them."""

from animatic.spec.cut_model import CutSpec
from animatic.spec.declare import declare, load_declaration
from animatic.spec.model import Declaration, Defaults, FallbackSpec, MatrixSpec, ParamSpec, PipelineSpec, ScheduleSpec, ShotSpec
from animatic.spec.values import coerce_params

__all__ = [
    "CutSpec",
    "Declaration",
    "Defaults",
    "FallbackSpec",
    "MatrixSpec",
    "ParamSpec",
    "PipelineSpec",
    "ScheduleSpec",
    "ShotSpec",
    "coerce_params",
    "declare",
    "load_declaration",
]
