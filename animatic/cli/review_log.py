"""``review --log``: the log of every shot: who said or did what, when and why; as a table, as JSON, or for spreadsheets."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animatic.cli.lookup import declared, destinations, warn_of_damage
from animatic.cli.output import create_file, print_json, print_table, say
from animatic.columns import Cell, Column
from animatic.errors import UsageError

if TYPE_CHECKING:
    from animatic.engine.shot_logs import Logged

DELIMITERS = {"csv": ",", "tsv": "\t"}
COLUMNS = (
    Column(title="WHEN"),
    Column(title="PIPELINE", drop=3),
    Column(title="SHOT", least=8, keep_end=True),
    Column(title="WHAT"),
    Column(title="BY", drop=8),
    Column(title="TAKE", right=True, drop=6),
    Column(title="AT", right=True, drop=2),
    Column(title="PRIORITY", drop=4),
    Column(title="ISSUE", least=10, drop=1),
    Column(title="NOTE", least=16, drop=7),
    Column(title="RUN", drop=5),
)


def show_log(
    run_id: str | None, form: str | None, out: Path | None, files: tuple[Path, ...], deliver: str | None, *, simulate: bool, as_json: bool
) -> None:
    """Print the log of all shots, or of those of a run; ``form`` is a key of `DELIMITERS`, ``out`` a file for it."""
    if out is not None and form is None:
        raise UsageError("--out goes with --to", hint="write: `animatic review --log --to csv --out log.csv`")
    found = [_facts(logged) for logged in asyncio.run(_logs(run_id, files, deliver, simulate=simulate))]
    if form is not None:
        _export(found, form, out, as_json=as_json)
    elif as_json:
        print_json(found)
    elif found:
        print_table(COLUMNS, [_row(entry) for entry in found])
    else:
        print("nothing was said about any shot yet")


async def _logs(run_id: str | None, files: tuple[Path, ...], deliver: str | None, *, simulate: bool) -> list[Logged]:
    from animatic.engine.history import find_run
    from animatic.engine.shot_logs import all_logs

    where = destinations(files, deliver, simulate=simulate)
    if run_id is None:
        found = await all_logs(where, list(declared(files).pipelines))
    else:
        run = await find_run(run_id, where)
        where = (run.destination,)
        keys = {step.key for step in run.plan.shots}
        found = [logged for logged in await all_logs(where, [run.plan.pipeline]) if logged.remark.step in keys]
    warn_of_damage(where)
    return found


def _facts(logged: Logged) -> dict[str, Any]:
    """Return an entry for programs; what the manifest has of it is spelt as there."""
    said = logged.remark
    return {
        "at": said.at.isoformat(),
        "pipeline": said.pipeline,
        "shot": said.step,
        "what": said.what,
        "by": said.by,
        "take": said.take,
        "time_code": said.time_code,
        "issue": said.issue,
        "priority": said.priority,
        "note": said.note,
        "changes": dict(said.changes),
        "run_id": said.run_id,
        "profile": said.profile,
        "entered_by": said.entered_by,
        "simulated": logged.destination.simulated,
    }


def _row(entry: dict[str, Any]) -> tuple[Cell, ...]:
    from datetime import datetime

    return (
        f"{datetime.fromisoformat(entry['at']).astimezone():%Y-%m-%d %H:%M}",
        entry["pipeline"],
        entry["shot"],
        entry["what"] + (" (simulated)" if entry["simulated"] else ""),
        _plain(entry["by"]),
        "" if entry["take"] is None else str(entry["take"]),
        "" if entry["time_code"] is None else f"{entry['time_code']:g} s",
        entry["priority"] or "",
        _plain(entry["issue"]),
        _plain(entry["note"]) or "; ".join(f"{name} -> {value}" for name, value in entry["changes"].items()),
        entry["run_id"] or "",
    )


def _plain(text: str | None) -> str:
    """Return a text of somebody else on one line, without what a terminal would obey."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text or "").split())


def _export(found: list[dict[str, Any]], form: str, out: Path | None, *, as_json: bool) -> None:
    from animatic.shotlist.exporting import as_text
    from animatic.shotlist.guarding import guarded

    names = ["at", "pipeline", "shot", "what", "by", "take", "time_code", "issue", "priority", "note", "changes"]
    names += ["run_id", "profile", "entered_by", "simulated"]
    rows = [names, *([guarded(_cell(entry[name])) for name in names] for entry in found)]
    text = as_text(rows, DELIMITERS[form])
    if out is not None and not create_file(out, text, "the log"):
        raise UsageError(f"{out} is there already and was left alone", hint="write another file with --out")
    if as_json:
        print_json(
            {"format": form, "entries": len(found), "file": None if out is None else str(out), **({"text": text} if out is None else {})}
        )
    elif out is None:
        print(text, end="")
    if out is not None:
        say(f"wrote {out}")


def _cell(value: Any) -> str:
    if value is None or value == {}:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
