"""Write docs/reference.md from the code: keys, commands, environment, exit codes, manifest.

Run it as ``python tools/write_reference.py``; a test tells when it has to be run again.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import click

from animatic import errors
from animatic.cli.main import VERBS, cli
from animatic.manifest import model, parts
from animatic.settings import Patience
from animatic.spec import keys

TARGET = Path(__file__).resolve().parents[1] / "docs" / "reference.md"
HEAD = """# Reference

Written by `python tools/write_reference.py` from the code; do not edit. The fields of each model are in `animatic models NAME`, the whole
language as a JSON Schema for editors in `animatic schema`.
"""
LEVELS = (
    ("file", keys.FILE),
    ("file: `budget`", keys.BUDGET),
    ("pipeline", keys.PIPELINE),
    ("file or pipeline: a member of `cast`", keys.MEMBER),
    ("pipeline: a param", keys.PARAM),
    ("pipeline: a schedule", keys.SCHEDULE),
    ("file or pipeline: `deliver`, as a mapping", keys.DELIVER),
    ("pipeline: `cut`, and each of `cuts`", keys.CUT),
    ("cut: an entry of `shots`", keys.CUT_SHOT),
    ("cut: `sound`", keys.SOUND),
    ("cut: `bed` of its `sound`", keys.BED),
    ("cut: a `voice` of its `sound`", keys.VOICE),
    ("shot (besides the fields of its model)", keys.SHOT),
)
ENVIRONMENT = {
    "KREA_API_TOKEN": (
        "Bearer token of krea.ai/settings/api-tokens; `KREA_API_KEY` is read too. "
        "Scheduled runs also look for a Prefect Secret block `krea-api-token`."
    ),
    "KREA_API_URL": "Base URL of Krea (default `https://api.krea.ai`); the simulator's is refused.",
    "ANIMATIC_HOME": (
        "Where local state lives: the local Prefect server, the simulator, refreshed prices (default: the platform's user state folder)."
    ),
    "ANIMATIC_FILE": "The pipelines file, where `--file` is not given (default `pipelines.yaml`).",
    "ANIMATIC_WEBHOOK_URL": (
        "Public base URL of the webhook receiver (default: none, Krea is polled): that of `animatic webhook` where one answers there, "
        "else of the run itself."
    ),
    "ANIMATIC_WEBHOOK_PORT": "Port on which `animatic webhook`, or else a run, listens on this machine (default 8484).",
    "ANIMATIC_PUBLIC_URL": (
        "Where browsers can read the destination, for links in the Prefect UI: a distribution before the bucket, or a file server."
    ),
    "ANIMATIC_C2PA_CERT": "File (PEM) with the certificate chain for `provenance: {c2pa: sign}`, the signing certificate first.",
    "ANIMATIC_C2PA_KEY": "File (PEM, PKCS#8, no password) with the key of that certificate.",
    "ANIMATIC_C2PA_TSA_CERT": "File (PEM) with certificates of authorities whose time stamps are trusted (`provenance: {timestamp: ...}`).",
    "ANIMATIC_SUBMIT_AT_ONCE": "Submissions on their way to Krea at the same time, per process (1 to 64, default 8).",
    "ANIMATIC_FOLLOW": "Set for a worker: render whatever the file says, deployed or not (`animatic deploy --follow`).",
    "ANIMATIC_SIMULATOR_URL": "Set by `animatic up` for its own runs: they go to its simulator.",
    "ANIMATIC_AWS_BLOCK": "Name of an `AwsCredentials` block of prefect-aws, for workers without S3 credentials of their own.",
    "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY": (
        "HTTP proxies for Krea, S3 and a Prefect server elsewhere, small letters too; services on this machine are asked directly. "
        "`NO_PROXY` takes names (with all below them), addresses, ranges (`10.0.0.0/8`) and ports. SOCKS is not supported."
    ),
    "AWS_*": "As boto3 reads them, `AWS_ENDPOINT_URL_S3` included.",
    "PREFECT_*": "As Prefect reads them. Without `PREFECT_API_URL` a local server is started, and kept for the next run.",
    "NO_COLOR": "No color on the terminal.",
}
PATIENCE = {
    "grace": "ANIMATIC_GRACE_SECONDS",
    "poll": "ANIMATIC_POLL_SECONDS",
    "post": "ANIMATIC_POST_SECONDS",
    "get": "ANIMATIC_GET_SECONDS",
    "outage": "ANIMATIC_OUTAGE_SECONDS",
}
RECORDS = (
    model.Manifest,
    model.Cost,
    model.Source,
    model.PrefectRun,
    model.Shot,
    parts.Attempt,
    model.Input,
    model.Clip,
    parts.Failure,
    model.StrayJob,
)


def reference() -> str:
    """Return the page."""
    parts = [HEAD, "## Keys of a pipelines file\n", *_keys(), "\n## Commands\n", *_commands(), "\n## Environment\n", *_environment()]
    parts += ["\n## Exit codes\n", *_exit_codes(), f"\n## manifest.json (version {model.VERSION})\n", *_records()]
    return "\n".join(parts) + "\n"


def _keys() -> Iterator[str]:
    yield "| level | keys |\n|---|---|"
    for name, level in LEVELS:
        yield f"| {name} | {' '.join(f'`{key}`' for key in level.known)} |"


def _commands() -> Iterator[str]:
    context = click.Context(cli, info_name="animatic")
    for verb in VERBS:
        command = cli.get_command(context, verb)
        assert command is not None
        inner = click.Context(command, info_name=verb, parent=context)
        usage = " ".join(command.collect_usage_pieces(inner)).removeprefix("[OPTIONS]").strip()
        yield f"### animatic {f'{verb} {usage}'.strip()}\n"
        yield _plain(command.help) + "\n"
        options = [
            record
            for parameter in command.get_params(inner)
            if isinstance(parameter, click.Option) and (record := parameter.get_help_record(inner)) and "--help" not in record[0]
        ]
        if options:
            yield "| option | |\n|---|---|"
            yield from (f"| `{_cell(name)}` | {_cell(text)} |" for name, text in options)
            yield ""


def _environment() -> Iterator[str]:
    yield "| variable | meaning |\n|---|---|"
    yield from (f"| `{name}` | {text} |" for name, text in ENVIRONMENT.items())
    texts = _field_texts(Patience)
    for field, variable in PATIENCE.items():
        yield f"| `{variable}` | Seconds. {texts[field]} (default {getattr(Patience(), field):g}) |"


def _exit_codes() -> Iterator[str]:
    meanings: dict[int, list[str]] = {0: ["All shots are delivered, or there was nothing to do."]}
    found = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.AnimaticError)]
    for kind in sorted(found, key=lambda kind: (kind.exit_code, len(kind.__mro__), kind.__name__)):
        if kind.__bases__ == (errors.AnimaticError,) or kind is errors.AnimaticError:
            meanings.setdefault(kind.exit_code, []).append(_plain(kind.__doc__).split(". ")[0].rstrip(".") + ".")
    meanings[4] = ["The run ended with shots that failed or were skipped; the others are delivered, and the manifest says which."]
    meanings[1] = ["An error of animatic itself; the message names a file with the traceback."]
    yield "| code | meaning |\n|---|---|"
    yield from (f"| {code} | {' '.join(texts)} |" for code, texts in sorted(meanings.items()))


def _records() -> Iterator[str]:
    for record in RECORDS:
        texts = _field_texts(record)
        yield f"### {record.__name__}\n\n{_plain(record.__doc__)}\n\n| field | type | |\n|---|---|---|"
        for name, field in record.model_fields.items():
            yield f"| `{field.alias or name}` | {_cell(_type(field.annotation))} | {_cell(texts.get(name, ''))} |"
        yield ""


def _field_texts(kind: type) -> dict[str, str]:
    """Return the string that stands below each field."""
    pattern = re.compile(r'^    (\w+): [^\n]*\n    """(.+?)"""', re.MULTILINE | re.DOTALL)
    return {name: _plain(text) for name, text in pattern.findall(inspect.getsource(kind))}


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, UnionType}:
        return " or ".join(_type(argument) for argument in arguments)
    if origin is Literal:
        return ", ".join(f"`{argument}`" for argument in arguments)
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    if annotation is type(None):
        return "null"
    names = {
        "str": "text",
        "int": "number",
        "float": "number",
        "Decimal": "number",
        "bool": "true or false",
        "datetime": "time",
        "Mapping": "object",
    }
    name = getattr(origin or annotation, "__name__", str(annotation))
    return names.get(name, name)


def _plain(text: str | None) -> str:
    return " ".join((text or "").replace("``", "`").split())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
