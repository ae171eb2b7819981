"""What a run shows of itself in the Prefect UI: the plan before the first cent, and the shot table at the end."""

from __future__ import annotations

from typing import Any

from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact

from animatic.takes.run import Run


async def publish_plan(run: Run) -> None:
    """Publish the plan: steps that have not started are not on the graph yet."""
    rows = [
        {
            "shot": step.key,
            "model": step.request.model,
            "after": ", ".join(step.depends_on),
            "seconds": step.request.duration,
            "usd": "unknown" if step.request.price.usd is None else f"{step.request.price.usd:f}",
            "take": step.take,
            "fingerprint": step.fingerprint[:12],
        }
        for step in run.plan.steps
    ]
    await acreate_table_artifact(table=rows, key=f"{_slug(run)}-plan", description=f"Plan of run {run.plan.run_id}{_simulated(run)}")


async def publish_end(run: Run, manifest: dict[str, Any]) -> None:
    """Publish what came of every shot, and where the record lies."""
    rows = [
        {
            "shot": shot["id"] if not shot.get("variant") else f"{shot['id']} {shot['variant']}",
            "state": shot["state"],
            "model": shot["model"],
            "job": shot["job_id"],
            "usd": shot["usd"],
            "clip": shot["clip"]["key"] if shot.get("clip") else None,
            "why": shot["error"]["message"] if shot.get("error") else "",
        }
        for shot in manifest["shots"]
    ]
    await acreate_table_artifact(table=rows, key=f"{_slug(run)}-shots", description=f"Shots of run {run.plan.run_id}{_simulated(run)}")
    cost = manifest["cost"]
    lines = [
        f"# {run.plan.pipeline}: {manifest['state']}{_simulated(run)}",
        f"- billed: **{cost['billed_usd']} USD**, reused: {cost['reused_usd']} USD, without a known price: {cost['unpriced']}",
        f"- manifest: `{run.address('manifest.json')}`",
        f"- page: `{run.address('index.html')}`",
    ]
    await acreate_markdown_artifact(markdown="\n".join(lines), key=f"{_slug(run)}-manifest", description="Where the record of the run lies")


def _slug(run: Run) -> str:
    return "".join(character if character.isalnum() else "-" for character in run.plan.pipeline.lower()).strip("-")


def _simulated(run: Run) -> str:
    return " (simulated)" if run.simulated else ""
