"""``verify``: every way in which a delivered run may differ from what was made is named, and only that."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from animatic.engine.history import PastRun, find_run
from animatic.engine.restore import restore
from animatic.engine.verify import Verified, verify_run
from animatic.manifest import Manifest
from tests.present import present
from tests.unit.engine.studio import CHAIN, Studio

pytestmark = pytest.mark.anyio


@pytest.fixture
async def delivered(studio: Studio) -> Studio:
    studio.declare(CHAIN, pipeline="cut: {}")
    assert await studio.render() is None
    return studio


def folder(studio: Studio) -> Path:
    return studio.out / studio.run.prefix


async def looked_at(studio: Studio) -> tuple[PastRun, Manifest, Verified]:
    run = await find_run(studio.run.plan.run_id, studio.destinations)
    manifest = present(await run.manifest())
    return run, manifest, await verify_run(run, manifest, lambda _: None)


async def found_in(studio: Studio) -> list[tuple[str, str]]:
    _, _, found = await looked_at(studio)
    return [(finding.check, finding.file) for finding in found.findings]


def rewrite_manifest(studio: Studio, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder(studio) / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


async def test_a_run_as_it_was_delivered_has_no_findings(delivered: Studio) -> None:
    _, _, found = await looked_at(delivered)
    assert (found.findings, found.ok, found.marked, found.simulated) == ([], True, 3, False)
    assert found.files == 5, "two clips, the reel, two takes"


@pytest.mark.parametrize("name", ["01-dawn.mp4", "02-surf.mp4", "reel.mp4"])
async def test_one_changed_byte_is_named(delivered: Studio, name: str) -> None:
    path = folder(delivered) / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert await found_in(delivered) == [("hash", name)]


async def test_swapped_clips_are_named_with_whose_they_are(delivered: Studio) -> None:
    dawn, surf = folder(delivered) / "01-dawn.mp4", folder(delivered) / "02-surf.mp4"
    first, second = dawn.read_bytes(), surf.read_bytes()
    dawn.write_bytes(second)
    surf.write_bytes(first)
    _, _, found = await looked_at(delivered)
    swapped = [finding.detail for finding in found.findings if finding.check == "hash"]
    assert [detail.rpartition("/")[2] for detail in swapped] == ["02-surf.mp4", "01-dawn.mp4"]


async def test_clips_swapped_in_the_manifest_as_well_are_told_by_their_marks(delivered: Studio) -> None:
    def swap(manifest: dict[str, Any]) -> None:
        dawn, surf = manifest["shots"]
        dawn["clip"], surf["clip"] = surf["clip"], dawn["clip"]

    rewrite_manifest(delivered, swap)
    assert [check for check, _ in await found_in(delivered)] == ["take", "mark", "take", "mark"]


async def test_a_mark_that_was_stripped_is_named_even_if_the_manifest_knows_the_new_hash(delivered: Studio) -> None:
    take = next((delivered.out / ".animatic" / "takes").rglob("*.mp4"))
    fingerprint = take.parent.name
    manifest = json.loads((folder(delivered) / "manifest.json").read_text())
    shot = next(shot for shot in manifest["shots"] if shot["fingerprint"] == fingerprint)
    target = delivered.out / shot["clip"]["key"]
    shutil.copyfile(take, target)

    def know(data: dict[str, Any]) -> None:
        clip = next(one for one in data["shots"] if one["fingerprint"] == fingerprint)["clip"]
        clip["sha256"], clip["size"] = clip["original_sha256"], target.stat().st_size

    rewrite_manifest(delivered, know)
    assert await found_in(delivered) == [("mark", target.name)]


async def test_a_clip_that_is_gone_and_one_that_nobody_knows_are_named(delivered: Studio) -> None:
    (folder(delivered) / "01-dawn.mp4").rename(folder(delivered) / "best-of.mp4")
    assert await found_in(delivered) == [("missing", "01-dawn.mp4"), ("unnamed", "best-of.mp4")]


async def test_a_take_that_is_not_what_krea_sent_is_named(delivered: Studio) -> None:
    take = next((delivered.out / ".animatic" / "takes").rglob("*.mp4"))
    take.write_bytes(take.read_bytes()[:-1])
    assert await found_in(delivered) == [("take", str(take.relative_to(delivered.out)))]


async def test_a_simulated_run_never_passes_as_a_real_one(delivered: Studio) -> None:
    rewrite_manifest(delivered, lambda manifest: manifest.update(simulated=True))
    checks = await found_in(delivered)
    assert ("simulated", "manifest.json") in checks
    assert ("simulated", "01-dawn.mp4") in checks, "its mark says the opposite"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda data: data.update(run_id="20000101T000000Z-aaaaaa"), "manifest"),
        (lambda data: data.update(pipeline="other"), "manifest"),
        (lambda data: data["shots"][0].update(job_id="another"), "take"),
        (lambda data: data["shots"][0].update(fingerprint="0" * 64), "take"),
        (lambda data: data["shots"][0].update(model="kling/kling-2.5"), "mark"),
        (lambda data: data["shots"][0].update(key="extra", id="extra"), "manifest"),
    ],
)
async def test_a_manifest_that_was_edited_is_named(delivered: Studio, change: Callable[[dict[str, Any]], None], expected: str) -> None:
    rewrite_manifest(delivered, change)
    assert expected in {check for check, _ in await found_in(delivered)}


async def test_damaged_clips_are_restored_from_their_takes_and_nothing_else(delivered: Studio) -> None:
    clip, gone, reel = (folder(delivered) / name for name in ("01-dawn.mp4", "02-surf.mp4", "reel.mp4"))
    whole = clip.read_bytes()
    clip.write_bytes(whole[:-9])
    gone.unlink()
    reel.write_bytes(b"not a reel")
    run, manifest, found = await looked_at(delivered)

    await restore(run, manifest, found)

    assert {finding.file for finding in found.findings if finding.restored} == {"01-dawn.mp4", "02-surf.mp4"}
    assert not found.ok, "a reel is not copied from anywhere"
    assert clip.read_bytes() == whole
    assert {name for _, name in await found_in(delivered)} == {"reel.mp4"}


async def test_further_takes_are_checked_and_restored_like_those_that_count(studio: Studio) -> None:
    studio.declare("- {id: still, kind: image, prompt: A bottle, takes: 3}", pipeline="description: A bottle")
    assert await studio.render() is None
    first, second, third = (folder(studio) / name for name in ("01-still.png", "01-still.takes/2.png", "01-still.takes/3.png"))
    whole = second.read_bytes()
    second.write_bytes(whole[:-9])
    third.unlink()
    before = first.stat().st_mtime_ns
    run, manifest, found = await looked_at(studio)
    assert {finding.file for finding in found.findings} == {"01-still.takes/2.png", "01-still.takes/3.png"}
    await restore(run, manifest, found)
    assert found.ok
    assert (second.read_bytes(), first.stat().st_mtime_ns) == (whole, before), "what is whole is left alone"
    assert await found_in(studio) == []
    for take in (studio.out / ".animatic" / "takes").rglob("*.png"):
        if await studio.ledger.takes.get(take.parent.name) is not None and take.parent.name != (await studio.step("still")).fingerprint:
            take.write_bytes(b"damaged")
    assert {check for check, _ in await found_in(studio)} == {"take"}, "a further take may be picked one day"


async def test_nothing_is_restored_from_a_take_that_is_damaged_itself(delivered: Studio) -> None:
    for take in (delivered.out / ".animatic" / "takes").rglob("*.mp4"):
        take.write_bytes(take.read_bytes() + b"!")
    clip = folder(delivered) / "01-dawn.mp4"
    clip.write_bytes(b"damaged")
    run, manifest, found = await looked_at(delivered)

    await restore(run, manifest, found)

    assert clip.read_bytes() == b"damaged"
    assert not any(finding.restored for finding in found.findings)


async def test_a_folder_that_was_moved_as_a_whole_still_verifies(delivered: Studio, tmp_path: Path) -> None:
    moved = tmp_path / "moved" / "out"
    shutil.copytree(delivered.out, moved)
    delivered.folder = tmp_path / "moved"
    assert await found_in(delivered) == []
