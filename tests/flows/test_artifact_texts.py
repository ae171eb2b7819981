"""What the Prefect UI shows of a run, as the Markdown that is sent there: the table of shots, the plan, the account of the end."""

from __future__ import annotations

import asyncio
import base64
import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from animatic.catalog import Catalog
from animatic.engine.plan_run import PlanOptions, plan_unread
from animatic.engine.progress import ProgressTracker
from animatic.flows.accounts import end_markdown, end_summary, missing_text, plan_markdown, plan_summary
from animatic.flows.pictures import storyboard_picture
from animatic.flows.tables import ShotView, headline, percent_ended, rows_in, settled_text, shots_markdown
from animatic.manifest import Cost, Failure, Manifest, Reel, Shot, render_page
from animatic.manifest.model import Source
from animatic.spec import load_declaration

TEXT = """
version: 1
deliver: ./out
defaults: {video: {model: xai/grok-video, resolution: 480p, duration: 2}}
pipelines:
  storm:
    budget_usd: 5
    shots:
      - {id: calm, title: "Before | after *all*", prompt: A calm sea}
      - {id: storm, prompt: A storm}
      - {id: after, prompt: The sea after it, start_image: storm}
      - {id: old, prompt: An old sea}
      - {id: home, prompt: Home, start_image: calm}
    cut: {}
"""
PICTURE = "data:image/jpeg;base64,AAAA"
RunOf = Callable[..., Any]


def cdn(name: str) -> str | None:
    return f"https://cdn.example/{name}"


def nowhere(_name: str) -> str | None:
    return None


@pytest.fixture
def run_of(tmp_path: Path) -> RunOf:
    def made(text: str = TEXT, *, simulated: bool = False) -> Any:
        path = tmp_path / "pipelines.yaml"
        path.write_text(text)
        declaration = load_declaration((path,))
        spec = next(iter(declaration.pipelines.values()))
        plan = plan_unread(declaration, spec, {}, Catalog.load(), PlanOptions(run_id="r1"))
        steps = {step.key: step for step in plan.steps}
        progress = ProgressTracker.of(dict.fromkeys(steps, "xai/grok-video"), clock=lambda: 100.0)
        address = lambda name: f"/out/storm/r1/{name}"  # noqa: E731 (as the run has it)
        return SimpleNamespace(plan=plan, steps=steps, progress=progress, simulated=simulated, address=address)

    return made


def cells(markdown: str) -> list[list[str]]:
    """The rows of the table, the head first and the rule left out."""
    lines = [line for line in markdown.splitlines() if line.startswith("|") and "---" not in line]
    return [[cell.strip().replace("\u00a0", " ") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def ended(run: Any) -> Any:
    change = run.progress.change
    change("calm", "delivered", job_id="j1", usd=Decimal("0.28"), billed=Decimal("0.28"))
    change("storm", "running", job_id="j2", usd=Decimal("0.30"))
    change("storm", "failed", "the job failed", usd=Decimal("0.30"), billed=Decimal(0))
    change("after", "skipped", "not made, because storm is missing")
    change("old", "reused", usd=Decimal("0.50"))
    change("home", "delivered", job_id="j3", usd=Decimal("0.12"), billed=Decimal("0.40"))
    return run


def test_the_bill_s_column_sums_to_the_bill_and_failed_shots_come_first(run_of: RunOf) -> None:
    run = ended(run_of())
    views = {"calm": ShotView(file="01-calm.mp4", picture=PICTURE, seconds=2.0), "home": ShotView(file="05-home.mp4", seconds=3.5)}
    text = shots_markdown(run, views, cdn, settled=True)
    head, *rows, total = cells(text)
    bill, shot = head.index("bill"), head.index("shot")
    assert rows[0][shot] == "**storm**"
    assert [row[0] for row in rows] == ["02", "01", "03", "04", "05"]
    figures = [Decimal(row[bill].removeprefix("$") or "0") for row in rows]
    assert rows[0][bill] == "$0.00"
    assert total[bill] == f"**${sum(figures)}**" == "**$0.68**"
    assert "3 of 5 shots are there: 2 delivered, 1 failed, 1 skipped, 1 reused; billed $0.68" in text.splitlines()[0]
    assert total[head.index("clip")] == "5.5 s"


def test_a_shot_that_waits_for_approval_is_not_called_delivered_and_is_paid(run_of: RunOf) -> None:
    run = ended(run_of())
    run.progress.change("home", "waiting", "waits for approval", job_id="j3", usd=Decimal("0.12"), billed=Decimal("0.40"))
    text = shots_markdown(run, {}, cdn, settled=True)
    head, *rows, total = cells(text)
    assert text.splitlines()[0].startswith("**2 of 5 shots are there: 1 delivered, 1 failed, 1 skipped, 1 reused, 1 waiting; billed $0.68")
    assert [row[head.index("shot")] for row in rows[:2]] == ["**storm**", "**home**"], "what a person has to do comes first"
    assert (rows[1][head.index("state")], rows[1][head.index("bill")], rows[1][-1]) == ("**! waiting**", "$0.40", "waits for approval")
    assert total[head.index("bill")] == "**$0.68**"


def test_a_long_remark_leaves_the_pictures_their_room(run_of: RunOf) -> None:
    run = ended(run_of())
    address = f"https://files.test/{'a' * 80}.html"
    run.progress.change("storm", "failed", f"{address} answers with text/html instead of the file, 3 times")
    text = shots_markdown(run, {"calm": ShotView(picture=PICTURE)}, cdn, settled=True)
    head, *rows, _ = [
        [cell.strip(" ") for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|") and "---" not in line
    ]
    assert head[1].count("\u00a0") >= 20, "the title of the column is as wide as pictures are to be"
    remark = rows[0][-1].replace("\\", "")
    assert remark.endswith("…")
    assert max(len(word) for word in re.split("[ \u200b]", remark)) <= 24
    assert rows_in(text)[0]["detail"].endswith("3 times"), "programs read all of it"
    assert "\u00a0" * 5 not in shots_markdown(run, {}, cdn, settled=True).splitlines()[2], "without pictures there is no column for them"


def test_what_a_shot_that_has_ended_may_be_billed_yet_is_set_aside(run_of: RunOf) -> None:
    run = ended(run_of())
    run.progress.change("home", "in doubt", "2 jobs at Krea could be it", billed=Decimal("0.12"), aside=Decimal("0.40"))
    run.progress.change("storm", "failed", "did not end", billed=Decimal(0), aside=Decimal("0.30"))
    text = shots_markdown(run, {}, cdn, settled=True)
    head, *rows, total = cells(text)
    assert text.splitlines()[0].endswith("billed $0.40, $0.70 set aside**")
    bills = {row[head.index("shot")]: row[head.index("bill")] for row in rows}
    assert (bills["**storm**"], bills["**home**"]) == ("($0.30)", "$0.12 ($0.40)")
    assert total[head.index("bill")] == "**$0.40**"


def test_several_takes_are_counted_as_takes_and_told_apart(run_of: RunOf) -> None:
    run = run_of(TEXT.replace("{id: old, prompt: An old sea}", "{id: old, prompt: An old sea, takes: 2}"))
    run.progress.change("old", "delivered")
    run.progress.change("old#2", "delivered")
    text = shots_markdown(run, {"old": ShotView(file="04-old.mp4")}, cdn, settled=True)
    head, *rows, total = cells(text)
    named = [row[head.index("shot")] for row in rows]
    assert [name for name in named if "old" in name] == ["[old](https://cdn.example/04-old.mp4) take 1", "**old** take 2"]
    assert not any("take" in name for name in named if "old" not in name), "one take has no number"
    assert total[head.index("shot")] == "6 takes"
    assert text.startswith("**2 of 6 takes are there: ")
    assert settled_text(text).headline.startswith("2 of 6 takes are there: ")
    assert plan_summary(run, None).startswith("6 takes, 6 to generate")
    assert plan_summary(run_of(), None).startswith("5 shots, 5 to generate")


def test_a_long_title_leaves_room_for_the_state_and_the_bill(run_of: RunOf) -> None:
    run = run_of(TEXT.replace('"Before | after *all*"', f'"{"海" * 60}"'))
    for markdown in (shots_markdown(run, {}, nowhere, settled=True), plan_markdown(run, None, picture=None)):
        assert f"**calm** {'海' * 15}…" in markdown
        assert "海" * 16 not in markdown


def test_the_plan_says_what_is_paid_for_and_not_there(run_of: RunOf) -> None:
    run = run_of()
    had = {step.key: SimpleNamespace(action="resume" if step.key == "storm" else "reuse") for step in run.plan.steps}
    assert plan_summary(run, had).startswith("5 shots, 1 paid for and to be fetched, $0.00")
    had["storm"] = SimpleNamespace(action="reuse")
    assert plan_summary(run, had).startswith("5 shots, all made before, $0.00")


def test_the_table_links_clips_shows_pictures_and_is_not_broken_by_titles(run_of: RunOf) -> None:
    run = ended(run_of())
    views = {"calm": ShotView(file="01-calm.mp4", picture=PICTURE, seconds=2.0)}
    _, *rows, _ = cells(shots_markdown(run, views, cdn, settled=True))
    calm = rows[1]
    assert calm[1] == f"![calm]({PICTURE})"
    assert calm[2] == r"[calm](https://cdn.example/01-calm.mp4) Before \| after \*all\*"
    assert len({len(row) for row in rows}) == 1
    _, *rows, _ = cells(shots_markdown(run, views, nowhere, settled=True))
    assert rows[1][2].startswith("**calm**")


def test_money_set_aside_is_no_bill_and_unknown_prices_are_counted(run_of: RunOf) -> None:
    run = run_of()
    run.progress.change("calm", "running", job_id="j1", usd=Decimal("0.28"))
    run.progress.change("home", "delivered", job_id="j2")
    text = shots_markdown(run, {}, cdn, settled=False)
    head, *rows, total = cells(text)
    assert (rows[0][head.index("bill")], rows[4][head.index("bill")], total[head.index("bill")]) == (
        "($0.28)",
        "unknown",
        "**$0.00** + 1 unknown",
    )
    assert headline(run.progress) == (
        "1 of 5 shots: 1 running, 3 pending, 1 delivered; billed $0.00 and 1 of unknown price, $0.28 set aside"
    )
    assert "would be billed" in headline(run.progress, simulated=True)
    assert percent_ended(run.progress) == 20


def test_programs_read_the_rows_back_from_the_same_text(run_of: RunOf) -> None:
    text = shots_markdown(ended(run_of()), {}, cdn, settled=False)
    rows = {row["shot"]: row for row in rows_in(text)}
    assert (rows["storm"]["state"], rows["storm"]["detail"]) == ("failed", "the job failed")
    assert (rows["calm"]["job"], rows["calm"]["usd"]) == ("j1", "0.28")
    assert rows_in("no data") == rows_in("[animatic]: data:!!!") == rows_in("[animatic]: data:AAAA") == []
    shown = [line for line in text.splitlines() if not line.startswith("[animatic]: ")]
    assert "j1" not in "\n".join(shown)


def test_a_table_of_very_many_shots_shows_those_that_need_attention_first(run_of: RunOf) -> None:
    shots = "\n".join(f"      - {{id: s{number}, prompt: A sea}}" for number in range(1200))
    run = run_of(TEXT[: TEXT.index("      - {id: calm")] + shots + "\n")
    run.progress.change("s1199", "failed", "moderation refused the prompt")
    text = shots_markdown(run, {}, cdn, settled=True)
    _, *rows, _ = cells(text)
    assert len(rows) == 1000
    assert rows[0][1] == "**s1199**"
    assert "200 more shots are not shown" in text


def test_what_a_killed_run_left_is_settled_from_its_text(run_of: RunOf) -> None:
    run = run_of(simulated=True)
    run.progress.change("calm", "delivered", job_id="j1", usd=Decimal("0.28"))
    run.progress.change("storm", "running", job_id="j2", usd=Decimal("0.30"))
    run.progress.change("old", "fetching", job_id="j3", usd=Decimal("0.10"))
    run.progress.change("home", "preparing")
    settled = settled_text(shots_markdown(run, {}, cdn, settled=False))
    _, *rows, _ = cells(settled.text)
    assert [row[2] for row in rows] == ["✓ delivered", "**✗ interrupted**", "- not started", "**✗ interrupted**", "- not started"]
    said = "1 of 5 shots are there: 1 delivered, 2 interrupted, 2 not started; would be billed $0.38, $0.30 set aside"
    assert (settled.headline, settled.percent) == (said, 20.0)
    assert settled.text.startswith(f"**{said}**")
    assert settled_text(settled.text) == settled


def test_the_plan_says_what_it_costs_where_it_goes_and_why_each_shot_is_made(run_of: RunOf) -> None:
    text = plan_markdown(run_of(simulated=True), None, picture=None)
    assert text.startswith("**SIMULATED: nothing is paid. 5 shots, 5 to generate, $0.50 of a budget of $5.00, about ")
    assert "Goes to `/out/storm/r1/`" in text
    head, *rows = cells(text)
    after = dict(zip(head, rows[2], strict=True))
    assert (after["#"], after["shot"], after["do"], after["length"], after["price"]) == ("03", "**after**", "run", "2 s", "$0.10")
    assert after["from"] == "storm (start\\_image: last frame)"


def manifest_of(*shots: Shot, **changes: Any) -> Manifest:
    cost = Cost(estimated_usd=None, billed_usd=Decimal("0.28"), reused_usd=Decimal("0.10"), unpriced=1)
    made = Manifest(
        pipeline="town", run_id="r1", state="partial", simulated=True, started_at=datetime.now(UTC), animatic="0",
        source=Source(file="pipelines.yaml", sha256="0"), cost=cost, shots=shots,
        reels=(Reel(key="reel.mp4", sha256="0", size=1, mime="video/mp4", file="reel.mp4"),),
    )  # fmt: skip
    return made.model_copy(update=changes)


DAWN = Shot(id="dawn", number=1, state="delivered", model="m", fingerprint="f", take=1)
SURF = Shot(id="surf", number=2, state="failed", model="m", fingerprint="g", take=1, error=Failure(code="x", message="the job\nfailed"))


def test_the_account_of_a_failed_run_names_the_shots_why_and_what_to_do() -> None:
    text = end_markdown(manifest_of(DAWN, SURF), address=cdn, location=lambda name: f"/out/{name}")
    assert text.startswith("# SIMULATED · town: partly delivered")
    assert "1 of 2 shots delivered (1 failed); would be billed $0.28 and 1 of unknown price. Reused clips were worth $0.10." in text
    assert cells(text)[1:] == [["02", "[surf](https://cdn.example/index.html#shot-2)", "the job failed"]]
    assert "Next: `animatic resume r1`" in text
    assert "- reel: [reel.mp4](https://cdn.example/reel.mp4)" in text
    assert "dawn" not in text
    local = end_markdown(manifest_of(DAWN, SURF), address=nowhere, location=lambda name: f"/out/{name}")
    assert "**surf**" in local
    assert "- manifest: `/out/manifest.json`" in local


def test_a_run_that_has_everything_says_so_without_next_steps() -> None:
    everything = manifest_of(DAWN, simulated=False, state="completed")
    assert end_summary(everything) == "1 shot delivered; billed $0.28 and 1 of unknown price"
    text = end_markdown(everything, address=nowhere, location=lambda name: f"/out/{name}")
    assert "Next" not in text
    assert "SIMULATED" not in text
    assert end_summary(manifest_of(replace_state(DAWN, "reused"), DAWN)).startswith("2 shots delivered (1 reused)")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"state": "in_doubt", "error": Failure(code="in_doubt", message="2 jobs"), "set_aside_usd": Decimal("0.10")},
            "`animatic doubts` shows",
        ),
        ({"state": "waiting", "doing": "waits for approval"}, "`animatic review r1` shows"),
        ({"state": "in_doubt", "error": Failure(code="unclear_result", message="no file")}, "`animatic resume r1` goes on"),
    ],
)
def test_what_a_person_has_to_decide_comes_before_going_on(changes: dict[str, Any], said: str) -> None:
    manifest = manifest_of(DAWN, SURF.model_copy(update={"error": None, **changes}), simulated=False)
    text = end_markdown(manifest, address=nowhere, location=str)
    assert f"Next: {said}" in text
    assert "`animatic resume r1` goes on" in text
    assert (", $0.10 set aside" in end_summary(manifest)) is ("set_aside_usd" in changes)


def replace_state(shot: Shot, state: str) -> Shot:
    return shot.model_copy(update={"state": state})


def test_every_gap_of_the_storyboard_s_sheet_says_why_it_is_one(run_of: RunOf) -> None:
    run = run_of()
    assert missing_text(ended(run)).splitlines() == [
        "Missing:", "", "- **02 storm**: failed: the job failed", "- **03 after**: skipped: not made, because storm is missing"
    ]  # fmt: skip
    for key in ("storm", "after"):
        run.progress.change(key, "delivered")
    assert missing_text(run) == ""


@pytest.mark.anyio
async def test_a_run_of_which_nothing_came_has_a_sheet_of_gaps(run_of: RunOf, tmp_path: Path) -> None:
    run = run_of()
    run.takes, run.workdir, run.gates = {}, tmp_path, SimpleNamespace(media=asyncio.Semaphore(1))
    picture = await storyboard_picture(run)
    assert picture is not None
    with Image.open(io.BytesIO(base64.b64decode(picture.partition(",")[2]))) as sheet:
        assert sheet.width > 300
    run.plan = replace(run.plan, steps=())
    assert await storyboard_picture(run) is None


def test_shots_stand_as_the_storyboard_has_them_and_links_lead_to_them_on_the_page(run_of: RunOf) -> None:
    run = run_of(TEXT.replace("- {id: calm", "- {id: first, prompt: Foam, start_image: home}\n      - {id: calm"))
    assert [step.shot for step in run.plan.steps][-1] == "first", "made last, and first in the storyboard"
    rows = cells(shots_markdown(run, {}, cdn, settled=False))[1:-1]
    assert [row[0] for row in rows] == ["01", "02", "03", "04", "05", "06"]
    assert [line[4:6] for line in missing_text(run).splitlines()[2:]] == ["01", "02", "03", "04", "05", "06"]
    failed = SURF.model_copy(update={"id": "foam", "key": "foam", "number": 1})
    manifest = manifest_of(DAWN.model_copy(update={"number": 2, "key": "dawn"}), failed)
    (link,) = re.findall(r"index\.html#([\w-]+)", end_markdown(manifest, address=cdn, location=str))
    assert f'id="{link}" data-is="failed" data-key="foam"' in render_page(manifest)
