"""The typed declaration: what a pipelines file says, with every structural mistake in it."""

from animatic.spec.declare import declare, load_declaration
from animatic.spec.model import (
    CutSpec,
    Declaration,
    Defaults,
    FallbackSpec,
    MatrixSpec,
    ParamSpec,
    PipelineSpec,
    ScheduleSpec,
    ShotSpec,
)
from animatic.spec.params import coerce_params

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
