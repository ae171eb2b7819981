"""A run whose destination is a bucket delivers its reel with all that lies beside it, and exports timelines and bundles of it."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio
import pytest

from animatic.engine.export_reel import export_timeline
from animatic.engine.history import OpenDestination, PastRun, open_destination
from animatic.ledger import Ledger
from tests.s3server import S3
from tests.unit.engine.studio import ONE, Studio

pytest_plugins = ["tests.s3server"]
pytestmark = pytest.mark.anyio


async def test_a_reel_in_a_bucket_has_its_captions_and_its_timeline_and_is_reused(studio: Studio, s3: S3, tmp_path: Path) -> None:
    studio.declare(ONE.replace("duration: 4", "duration: 4, line: Who is there?"), pipeline="cut: {}")
    place = f"{s3.url}/films"
    for how in ("copied", "reused"):
        await studio.render(await studio.plan(deliver=place))
        reel = studio.run.manifest.to_json()["reel"]
        assert reel["how"] == how
        assert (reel["key"], reel["captions"]) == (f"{place}/{studio.run.prefix}/reel.mp4", [f"{place}/{studio.run.prefix}/reel.srt"])
        names = {item["Key"] for item in s3.client().list_objects_v2(Bucket=s3.bucket)["Contents"]}
        assert {f"films/{studio.run.prefix}/reel.{suffix}" for suffix in ("mp4", "otio", "srt")} <= names
    storage = open_destination(place, simulated=False)
    home = OpenDestination(deliver=place, simulated=False, storage=storage, ledger=Ledger(storage, clock=studio.clock))
    past = PastRun(destination=home, plan=studio.run.plan)
    await export_timeline(past, past.plan.cuts[0], tmp_path / "reel.otio", bundle=False)
    (clip,) = otio.adapters.read_from_file(str(tmp_path / "reel.otio")).find_clips()
    assert clip.media_reference.target_url == f"{place}/{studio.run.prefix}/01-dawn.mp4"
    await export_timeline(past, past.plan.cuts[0], tmp_path / "reel.otioz", bundle=True)
    (tmp_path / "unpacked").mkdir()
    bundled = otio.adapters.from_name("otioz").read_from_file(str(tmp_path / "reel.otioz"), extract_to_directory=str(tmp_path / "unpacked"))
    assert bundled.duration().to_frames() == reel["frames"]
    (media,) = (tmp_path / "unpacked").rglob("01-dawn.mp4")
    assert media.stat().st_size > 0
