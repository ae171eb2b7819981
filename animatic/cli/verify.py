"""``verify``: proves that what a run delivered is what it made, file by file. Repairs nothing unless told."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.cli.lookup import destinations, newest_or_named, no_runs, warn_of_damage
from animatic.cli.options import deliver_option, file_option, json_option, only_simulated_option
from animatic.cli.output import count, print_json, say, tell, terminal_width
from animatic.columns import wrapped
from animatic.errors import UsageError
from animatic.settings import Settings

if TYPE_CHECKING:
    from animatic.engine.verify import Verified

NOT_AS_DELIVERED = 4
"""Exit code where something is not as it was delivered."""


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@click.option("--all", "everything", is_flag=True, help="Verify every run of the destinations.")
@click.option("--restore", "mend", is_flag=True, help="Copy clips that are damaged or gone from their takes into the run's folder again.")
@file_option
@deliver_option
@only_simulated_option
@json_option
def verify(
    run_id: str | None, everything: bool, mend: bool, files: tuple[Path, ...], deliver: str | None, simulate: bool, as_json: bool
) -> int:
    """Check hashes, marks and takes of everything that a run delivered.

    RUN is its id, or the beginning of it (default: the newest run). Exit code 4 where something is not as it was delivered.
    """
    if everything and run_id is not None:
        raise UsageError("--all verifies every run: leave out RUN")
    found = asyncio.run(_verify(run_id, files, deliver, everything=everything, mend=mend, simulate=simulate))
    ok = all(run.ok for run in found)
    if as_json:
        listed = [_as_json(run) for run in found]
        print_json({"ok": ok, "runs": listed} if everything else listed[0])
    else:
        for run in found:
            _show(run)
        if everything:
            damaged = sum(not run.ok for run in found)
            tell(f"{count(len(found), 'run')} verified, {f'{damaged} not as delivered' if damaged else 'all as delivered'}")
    return 0 if ok else NOT_AS_DELIVERED


async def _verify(
    run_id: str | None, files: tuple[Path, ...], deliver: str | None, *, everything: bool, mend: bool, simulate: bool
) -> list[Verified]:
    from animatic.engine.history import past_runs
    from animatic.engine.restore import restore
    from animatic.engine.verify import verify_run
    from animatic.marks.reading import Anchors
    from animatic.marks.revocation import Revocations

    settings = Settings.from_environment()
    anchors, revocations = Anchors.load(settings.c2pa_cert, settings.c2pa_tsa_cert), Revocations()
    if everything:
        where = destinations(files, deliver, simulate=simulate)
        runs = [(run, await run.manifest_if_whole()) for run in await past_runs(where, limit=sys.maxsize)]
        warn_of_damage(where)
        if not runs:
            raise no_runs()
    else:
        runs = [await newest_or_named(files, deliver, run_id, simulate=simulate)]
    found: list[Verified] = []
    for run, manifest in runs:
        if manifest is None:
            say(f"{run.plan.run_id}: it ended before it wrote a manifest; `animatic resume {run.plan.run_id}` goes on")
            continue
        verified = await verify_run(run, manifest, _tell_progress, anchors=anchors, revocations=revocations)
        if mend and not verified.ok:
            await restore(run, manifest, verified)
        found.append(verified)
    _tell_progress("")
    return found


def _tell_progress(name: str) -> None:
    """Show on a terminal which file is being read; an empty name takes the line away."""
    if sys.stderr.isatty():
        width = terminal_width(sys.stderr) or 80
        sys.stderr.write(f"\r\x1b[K{f'reading {name}'[: width - 1] if name else ''}")
        sys.stderr.flush()


def _show(run: Verified) -> None:
    bad = [finding for finding in run.findings if not finding.restored]
    state = f"{count(len(bad), 'finding')}" if bad else "as delivered"
    kind = ", SIMULATED: no model made this" if run.simulated else ""
    tell(f"{run.pipeline} {run.run_id}: {state}{kind}; {count(run.files, 'file')} read, {run.marked} with marks of origin")
    for signer, trusted in run.signers.items():
        tell(f"  signed by {signer}{'' if trusted else ', whom no certificate of ANIMATIC_C2PA_CERT vouches for'}")
    if run.signed:
        by = ", ".join(
            f"{name}{'' if trusted else ' (vouched for by none of ANIMATIC_C2PA_TSA_CERT)'}" for name, trusted in run.stampers.items()
        )
        tell(f"  {run.stamped} of {count(run.signed, 'signature')} time-stamped{f' by {by}' if by else ''}")
    for note in run.notes:
        tell("\n".join(wrapped(f"note: {note}", terminal_width(sys.stdout), indent="  ", hanging="    ")))
    for finding in run.findings:
        line = f"{finding.check}: {finding.file}: {finding.detail}{' (restored)' if finding.restored else ''}"
        tell("\n".join(wrapped(line, terminal_width(sys.stdout), indent="  ", hanging="    ")))
    if any(finding.shot is not None for finding in bad):
        tell(f"  `animatic verify {run.run_id} --restore` copies damaged clips from their takes again")


def _as_json(run: Verified) -> dict[str, Any]:
    return {
        "run": run.run_id,
        "pipeline": run.pipeline,
        "simulated": run.simulated,
        "ok": run.ok,
        "files": run.files,
        "bytes": run.size,
        "marked": run.marked,
        "signed": run.signed,
        "signers": [{"name": name, "trusted": trusted} for name, trusted in run.signers.items()],
        "time_stamped": run.stamped,
        "time_stamp_authorities": [{"name": name, "trusted": trusted} for name, trusted in run.stampers.items()],
        "notes": run.notes,
        "findings": [
            {"check": one.check, "file": one.file, "shot": one.shot, "detail": one.detail, "restored": one.restored} for one in run.findings
        ],
    }
