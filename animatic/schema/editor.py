"""JSON Schema (draft-07) of a whole pipelines file, for editors: completion and checks of every field by the shot's model.

A shot whose model is written takes that model's fields; one whose model comes from defaults takes any field of its kind, with the loosest
limits. Fields may be templates (``"{{ params.length }}"``) where numbers or choices are due, and null (it drops a default). Nothing is
required of a shot but its id, since defaults may supply the rest, which `animatic validate` checks. The output depends on the catalogue
alone and shares definitions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from animatic.catalog.model import KINDS, Field, Model
from animatic.catalog.store import Catalog
from animatic.catalog.types import rules_of
from animatic.schema.fields import DRAFT, limits_schema, loosest_fields, remarks
from animatic.schema.skeleton import DEFINITIONS, FALLBACK, FALLBACKS, SHOT, file_schema
from animatic.spec.keys import SHOT as SHOT_LEVEL

Schema = dict[str, Any]

_TEMPLATE: Schema = {"$ref": "#/definitions/template"}


def schema_text(catalog: Catalog) -> str:
    """Return the schema as the text of its file."""
    return json.dumps(declaration_schema(catalog), indent=1, ensure_ascii=False) + "\n"


def declaration_schema(catalog: Catalog) -> Schema:
    """Return the schema of a pipelines file."""
    pool = _Pool()
    models = [model for model in catalog.models() if not model.withdrawn] + [model for model in catalog.models() if model.withdrawn]
    by_model = {model.name: pool.add_all(_own(model.fields)) for model in models}
    by_kind: dict[str, Schema] = {
        kind: pool.add_all(_own(loosest_fields(model for model in models if model.kind == kind))) for kind in KINDS
    }
    definitions = {
        **DEFINITIONS,
        "model": {"anyOf": [_model_names(models), _TEMPLATE]},
        **{f"model {kind}": {"anyOf": [_model_names(m for m in models if m.kind == kind), _TEMPLATE]} for kind in KINDS},
        "shot": _shot(by_model, by_kind),
        "fallback": _fallback(by_model),
        "defaults": _shared(by_kind, "Defaults by kind.", "Defaults of every {kind} shot; its own values win."),
        "profile": _shared(by_kind, "Values by kind that win.", "Wins over defaults and {kind} shots; null drops a field.", FALLBACKS),
        **pool.definitions,
    }
    return {
        "$schema": DRAFT,
        "title": "animatic pipelines",
        "description": f"Storyboard pipelines; models as of {catalog.date} ({catalog.origin}).",
        **file_schema(),
        "definitions": definitions,
    }


def value_schema(field: Field, *, droppable: bool = False) -> Schema:
    """Return what may be written for a field: its values, a template, a reference where media is due, null where that drops it."""
    notes = remarks(field)
    if field.media is not None:
        core: Schema = {"$ref": f"#/definitions/reference {field.media}"}
    elif field.one_of:
        core = {"anyOf": [value_schema(branch) for branch in field.one_of]}
    else:
        core = _core(field)
    options = [core]
    if core and core != {"type": "string"}:  # text without limits may be a template anyway
        options.append(_TEMPLATE)
    if core and (field.nullable or droppable):
        options.append({"type": "null"})
    if len(options) == 1:
        return {**notes, **core} if "$ref" not in core else core
    return {**notes, "anyOf": options}


def _core(field: Field) -> Schema:
    if field.enum is not None:
        return {"enum": list(field.enum)}
    out: Schema = {**rules_of(field.type).schema, **limits_schema(field)}
    if field.items is not None:
        out["items"] = value_schema(field.items)
    if field.properties is not None:
        out["properties"] = {name: value_schema(child) for name, child in field.properties.items()}
        required = [name for name, child in field.properties.items() if child.required]
        if required:
            out["required"] = required
    return out


class _Pool:
    """Definitions of fields, each written once however many models share it: ``duration``, ``duration 2``, ..."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}
        self._known: dict[str, str] = {}
        self._count: dict[str, int] = {}

    def add_all(self, fields: Mapping[str, Field]) -> Schema:
        return {name: self._add(name, field) for name, field in fields.items()}

    def _add(self, name: str, field: Field) -> Schema:
        schema = value_schema(field, droppable=True)
        key = name + json.dumps(schema, sort_keys=True)
        if key not in self._known:
            number = self._count[name] = self._count.get(name, 0) + 1
            self._known[key] = f"field {name}" if number == 1 else f"field {name} {number}"
            self.definitions[self._known[key]] = schema
        return {"$ref": f"#/definitions/{self._known[key]}"}


def _own(fields: Mapping[str, Field]) -> dict[str, Field]:
    """Leave out body fields that clash with a shot's own keys; they are written under extra_body."""
    return {name: field for name, field in fields.items() if name not in SHOT_LEVEL.known}


def _shot(by_model: Mapping[str, Schema], by_kind: Mapping[str, Schema]) -> Schema:
    free: Schema = {"anyOf": [{"not": {"required": ["model"]}}, {"properties": {"model": _TEMPLATE}}]}
    by_default = [
        {"if": {"allOf": [free, {"properties": {"kind": {"const": kind}}, "required": ["kind"]}]}, "then": _closed(SHOT, by_kind[kind])}
        for kind in KINDS
    ]
    video = {"if": {"allOf": [free, {"not": {"required": ["kind"]}}]}, "then": _closed(SHOT, by_kind["video"])}
    return {
        "type": "object",
        "description": "One intended piece of footage, or a still. Keys that are not ours are fields of the model's request.",
        "required": ["id"],
        "properties": SHOT,
        "allOf": [*_by_model(SHOT, by_model), *by_default, video],
    }


def _fallback(by_model: Mapping[str, Schema]) -> Schema:
    return {
        "type": "object",
        "description": "Another model for the shot, with the fields that differ; null drops one.",
        "required": ["model"],
        "properties": FALLBACK,
        "allOf": _by_model(FALLBACK, by_model),
    }


def _shared(by_kind: Mapping[str, Schema], description: str, of_kind: str, own: Schema | None = None) -> Schema:
    """Return values that are set for all shots of a kind. ``of_kind`` describes those of one ``{kind}``, ``own`` are keys of ours."""
    kinds = {
        kind: {
            "type": "object",
            "description": of_kind.format(kind=kind),
            "properties": {"model": {"$ref": f"#/definitions/model {kind}"}, "cast": SHOT["cast"], **(own or {}), **by_kind[kind]},
            "additionalProperties": False,
        }
        for kind in KINDS
    }
    return {"type": "object", "description": description, "properties": kinds, "additionalProperties": False}


def _by_model(own: Schema, by_model: Mapping[str, Schema]) -> list[Schema]:
    return [
        {"if": {"properties": {"model": _exactly(name)}, "required": ["model"]}, "then": _closed(own, fields)}
        for name, fields in by_model.items()
    ]


def _exactly(name: str) -> Schema:
    """Return a schema that this model's name alone fulfils.

    While completing, editors take a name that a ``const`` begins with for that const; the pattern keeps them from it.
    """
    return {"const": name, "pattern": "^" + name.replace(".", r"\.") + "$"}


def _closed(own: Schema, fields: Schema) -> Schema:
    """Return the keys of a mapping that may hold our keys and a model's fields and nothing else."""
    return {"properties": {**dict.fromkeys(own, True), **fields}, "additionalProperties": False}


def _model_names(models: Iterable[Model]) -> Schema:
    listed = list(models)
    return {"enum": [model.name for model in listed], "enumDescriptions": [_about(model) for model in listed]}


def _about(model: Model) -> str:
    return f"{model.title} ({model.kind}, {model.withdrawn})" if model.withdrawn else f"{model.title} ({model.kind})"
