"""Measures what a declaration costs before anything runs: start-up, checking, planning."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import yaml

from animatic.catalog import Catalog
from animatic.catalog.refresh import save
from animatic.plan import Plan, as_svg, build_plan, examine, render_plan
from animatic.spec import load_declaration
from benchmarks.declarations import PROMPTS, write_declaration, write_prompts
from benchmarks.measure import call, command, in_turns
from benchmarks.tables import Results, Row

ANIMATIC = (sys.executable, "-c", "from animatic.cli import main; main()")
IMPORTS = (sys.executable, "-c", "import yaml, pydantic, jinja2, rich")
COMPOSE = (sys.executable, "-c", "import sys, yaml; yaml.compose(open(sys.argv[1]), Loader=yaml.CSafeLoader)")
ONE_MODEL = "xai/grok-video"


def small(folder: Path, rounds: int) -> Results:
    """Twenty shots against the bare imports; and against a catalogue of one model."""
    file = str(write_declaration(folder / "small.yaml", 20))
    found = in_turns(
        rounds,
        {
            "imports": command(IMPORTS),
            "validate": command([*ANIMATIC, "validate", "--file", file], env={"ANIMATIC_HOME": str(folder / "home")}),
            "one model": command([*ANIMATIC, "validate", "--file", file], env={"ANIMATIC_HOME": str(_home_of_one_model(folder / "one"))}),
            "help": command([*ANIMATIC, "--help"]),
        },
    )
    limit = found["imports"]
    return Results(
        title="Start-up: 20 shots",
        limit='python -c "import yaml, pydantic, jinja2, rich"',
        rows=(
            Row(what="animatic validate", cost=found["validate"], limit=limit, target="2 x"),
            Row(what="  with a catalogue of one model", cost=found["one model"], limit=limit),
            Row(what="animatic --help", cost=found["help"], limit=limit),
        ),
    )


def large(folder: Path, rounds: int, shots: int = 10_000) -> Results:
    """Ten thousand shots against PyYAML's C parser on the same file."""
    file = str(write_declaration(folder / "large.yaml", shots))
    env = {"ANIMATIC_HOME": str(folder / "home")}
    found = in_turns(
        rounds,
        {
            "compose": command([*COMPOSE, file]),
            "validate": command([*ANIMATIC, "validate", "--file", file], env=env),
            "plan": command([*ANIMATIC, "plan", "storyboard", "--file", file], env=env, cwd=folder),
        },
    )
    limit = found["compose"]
    size = Path(file).stat().st_size / 1e6
    return Results(
        title=f"Scale: {shots:,} shots, {size:.1f} MB of YAML",
        limit="a process in which PyYAML's C loader composes the same file",
        rows=(
            Row(what="animatic validate", cost=found["validate"], limit=limit, target="3 x"),
            Row(what="animatic plan", cost=found["plan"], limit=limit, target="10 s"),
        ),
    )


def planning(folder: Path, rounds: int, shots: int = 3_000) -> Results:
    """Check, plan and show a storyboard in this process, against PyYAML's C parser on the same text."""
    files = {name: write_prompts(folder / f"{name}.yaml", shots, prompt) for name, prompt in PROMPTS.items()}
    files["mistakes"] = write_prompts(folder / "mistakes.yaml", shots, PROMPTS["plain"], more=", durations: 3, resolution: 8k")
    catalog = Catalog.load()
    declared = {name: load_declaration((file,)) for name, file in files.items()}
    started = datetime(2026, 1, 31, tzinfo=UTC)

    def build() -> Plan:
        return build_plan(declared["names"], "storyboard", catalog, run_id="r", started=started)

    plan, text = build(), files["names"].read_text(encoding="utf-8")
    work: dict[str, Callable[[], object]] = {f"check: {name}": partial(examine, declared[name], catalog) for name in files}
    work |= {"plan": build, "report": partial(render_plan, plan), "SVG": partial(as_svg, plan)}
    found = in_turns(
        rounds, {"compose": call(lambda: yaml.compose(text, Loader=yaml.CSafeLoader))} | {name: call(do) for name, do in work.items()}
    )
    return Results(
        title=f"Planning: {shots:,} shots, already read",
        limit="PyYAML's C loader composes the same text",
        rows=tuple(Row(what=name, cost=found[name], limit=found["compose"]) for name in work),
    )


def _home_of_one_model(home: Path) -> Path:
    """Make a state folder whose refreshed catalogue holds one model."""
    catalog = Catalog.load()
    model = catalog.find(ONE_MODEL)
    assert model is not None
    save({model.name: model}, home, date=catalog.date)
    return home
