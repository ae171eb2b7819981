"""A pipeline that signs what it delivers: before anything is paid, clip by clip, the reel with its clips, and what `verify` says of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from animatic.catalog import Catalog
from animatic.engine.history import find_run
from animatic.engine.locking import find_shots, lock
from animatic.engine.plan_run import PlanOptions, pipeline_named
from animatic.engine.restore import restore
from animatic.engine.run import Run
from animatic.engine.verify import Verified, verify_run
from animatic.errors import UsageError
from animatic.files import sha256_of
from animatic.marks import read_mark
from animatic.marks.reading import NO_ANCHORS, Anchors, credentials_of
from animatic.marks.revocation import Revocations
from animatic.marks.signing import Signer
from animatic.marks.timestamps import TimeStampError
from tests.present import present
from tests.unit.engine.studio import CHAIN, Studio
from tests.unit.marks.authorities import RevocationAuthority, StampAuthority, served
from tests.unit.marks.certificates import Chain, make_chain

pytestmark = pytest.mark.anyio
SIGN = "provenance: {c2pa: sign}\n    cut: {}"
STAMPED = "provenance: {c2pa: sign, timestamp: URL}\n    cut: {}"


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return make_chain(tmp_path / "certificates")


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StampAuthority]:
    monkeypatch.setattr("animatic.marks.timestamps.PAUSE_SECONDS", 0.0)
    authority = StampAuthority(tmp_path / "clock")
    with served(authority):
        yield authority


@pytest.fixture
async def signed(studio: Studio, chain: Chain) -> Studio:
    studio.settings = {"c2pa_cert": chain.cert, "c2pa_key": chain.key}
    studio.declare(CHAIN, pipeline=SIGN)
    assert await studio.render() is None
    return studio


async def verified(studio: Studio, anchors: Anchors = NO_ANCHORS) -> Verified:
    run = await find_run(studio.run.plan.run_id, studio.destinations)
    return await verify_run(run, present(await run.manifest()), anchors=anchors)


async def test_clips_and_reel_are_signed_with_what_they_were_made_of(signed: Studio, chain: Chain) -> None:
    folder = signed.out / signed.run.prefix
    ingredients = {
        name: credentials_of(folder / name, "video/mp4", chain.anchors).ingredients for name in ("01-dawn.mp4", "02-surf.mp4", "reel.mp4")
    }
    assert ingredients == {"01-dawn.mp4": 0, "02-surf.mp4": 1, "reel.mp4": 2}
    manifest = signed.run.manifest.to_json()
    assert manifest["provenance"]["c2pa"] == "signed"
    assert {shot["clip"]["origin"] for shot in manifest["shots"]} == {"signed"}
    found = await verified(signed, chain.anchors)
    assert (found.findings, found.signed, found.signers) == ([], 3, {"Studio": True})


async def test_a_resumed_run_takes_its_own_signed_files_for_its_own(signed: Studio) -> None:
    assert await signed.render(signed.run.plan) is None
    assert signed.state("surf") == "delivered"
    assert (await verified(signed)).findings == []


async def test_a_signature_that_is_gone_or_broken_is_named(signed: Studio, chain: Chain) -> None:
    folder = signed.out / signed.run.prefix
    data = (folder / "01-dawn.mp4").read_bytes()
    (folder / "01-dawn.mp4").write_bytes(data.replace(bytes.fromhex("d8fec3d61b0e483c92975828877ec481"), bytes(16)))
    reel = bytearray((folder / "reel.mp4").read_bytes())
    reel[-400] ^= 1
    (folder / "reel.mp4").write_bytes(reel)
    found = await verified(signed, chain.anchors)
    details = {finding.file: finding.detail for finding in found.findings if finding.check == "signature"}
    assert details == {"01-dawn.mp4": "its signature is gone", "reel.mp4": "its bytes are not those that were signed"}


async def test_nothing_is_paid_where_nothing_could_be_signed(studio: Studio, tmp_path: Path) -> None:
    expired = make_chain(tmp_path / "expired", ends=timedelta(days=-1))
    studio.settings = {"c2pa_cert": expired.cert, "c2pa_key": expired.key}
    studio.declare(CHAIN, pipeline=SIGN)
    with pytest.raises(UsageError, match="not valid at time of signing"):
        await studio.render()
    assert studio.krea.posts == []


async def test_what_somebody_else_signed_is_named_where_certificates_are_known(signed: Studio, tmp_path: Path, chain: Chain) -> None:
    """The clip is signed anew by a stranger, and the manifest has its hash: all but the signer is as it should be."""
    folder, stranger = signed.out / signed.run.prefix, make_chain(tmp_path / "stranger", "Stranger")
    clip, copy = folder / "01-dawn.mp4", tmp_path / "copy.mp4"
    mark = present(read_mark(clip, "video/mp4"))
    other = Signer.load(stranger.cert, stranger.key).sign(clip, copy, mark, "video/mp4")
    text = (folder / "manifest.json").read_text().replace(sha256_of(clip), other.sha256)
    (folder / "manifest.json").write_text(text.replace(f'"size": {clip.stat().st_size}', f'"size": {other.size}'))
    clip.write_bytes(copy.read_bytes())
    findings = (await verified(signed, chain.anchors)).findings
    assert [(finding.check, finding.file) for finding in findings] == [("signature", "01-dawn.mp4")]
    assert "signed by Stranger" in findings[0].detail
    assert (await verified(signed)).findings == [], "without certificates there is nobody to trust"


async def test_a_take_is_signed_once_for_all_runs(signed: Studio) -> None:
    before = {name: (signed.out / signed.run.prefix / name).read_bytes() for name in ("01-dawn.mp4", "02-surf.mp4")}
    assert await signed.render() is None
    assert len(signed.runs) == 2
    for name, data in before.items():
        assert (signed.out / signed.run.prefix / name).read_bytes() == data


async def test_another_certificate_signs_anew(signed: Studio, tmp_path: Path) -> None:
    before = (signed.out / signed.run.prefix / "01-dawn.mp4").read_bytes()
    other = make_chain(tmp_path / "renewed", "Renewed")
    signed.settings = {"c2pa_cert": other.cert, "c2pa_key": other.key}
    assert await signed.render() is None
    after = signed.out / signed.run.prefix / "01-dawn.mp4"
    assert after.read_bytes() != before
    assert credentials_of(after, "video/mp4", other.anchors).signer == "Renewed"


async def test_a_damaged_signed_clip_is_restored_with_its_signature(signed: Studio, chain: Chain) -> None:
    folder = signed.out / signed.run.prefix
    before = {name: (folder / name).read_bytes() for name in ("01-dawn.mp4", "02-surf.mp4")}
    data = bytearray(before["01-dawn.mp4"])
    data[-300] ^= 1
    (folder / "01-dawn.mp4").write_bytes(data)
    (folder / "02-surf.mp4").unlink()
    run = await find_run(signed.run.plan.run_id, signed.destinations)
    manifest = present(await run.manifest())

    found = await verify_run(run, manifest, anchors=chain.anchors)
    assert {finding.check for finding in found.findings} == {"hash", "mark", "signature", "missing"}
    await restore(run, manifest, found)

    assert found.ok
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert (await verified(signed, chain.anchors)).findings == []


async def test_a_certificate_that_was_revoked_is_named_and_no_repair_hides_it(studio: Studio, tmp_path: Path) -> None:
    authority = RevocationAuthority()
    with served(authority):
        authority.chain = chain = make_chain(tmp_path / "certificates", responder=f"{authority.url}/responder")
        studio.settings = {"c2pa_cert": chain.cert, "c2pa_key": chain.key}
        studio.declare(CHAIN, pipeline=SIGN)
        assert await studio.render() is None
        authority.revoked_at = datetime.now(UTC) - timedelta(days=1)
        clip = studio.out / studio.run.prefix / "01-dawn.mp4"
        clip.write_bytes(clip.read_bytes() + b"\0")
        run = await find_run(studio.run.plan.run_id, studio.destinations)
        manifest = present(await run.manifest())

        found = await verify_run(run, manifest, anchors=chain.anchors, revocations=Revocations())
        await restore(run, manifest, found)

        assert {finding.file for finding in found.findings if finding.check == "signature" and not finding.restored} == {
            "01-dawn.mp4",
            "02-surf.mp4",
            "reel.mp4",
        }
        posts = len(studio.krea.posts)
        with pytest.raises(UsageError, match="was revoked on"):
            await studio.render(await studio.plan(fresh=True))
        assert len(studio.krea.posts) == posts


async def test_nothing_is_paid_where_nobody_stamps(studio: Studio, chain: Chain, clock: StampAuthority) -> None:
    clock.status = 503
    studio.settings = {"c2pa_cert": chain.cert, "c2pa_key": chain.key}
    studio.declare(CHAIN, pipeline=STAMPED.replace("URL", clock.url))
    with pytest.raises(TimeStampError, match="answers 503"):
        await studio.render()
    assert studio.krea.posts == []


async def test_a_paid_take_is_delivered_without_its_stamp_and_stamped_by_a_later_run(
    studio: Studio, chain: Chain, clock: StampAuthority
) -> None:
    studio.settings = {"c2pa_cert": chain.cert, "c2pa_key": chain.key}
    studio.declare(CHAIN, pipeline=STAMPED.replace("URL", clock.url))

    def away(run: Run) -> Run:
        clock.status = 500
        return run

    assert await studio.render(before=away) is None
    manifest = studio.run.manifest.to_json()
    assert [shot["clip"]["time_stamped"] for shot in manifest["shots"]] == [False, False]
    assert all(shot["note"].startswith("signed without a time stamp: ") for shot in manifest["shots"])
    assert any(note.startswith("signed without a time stamp: ") for note in manifest["reel"]["notes"])
    anchors = Anchors.load(chain.cert, clock.chain.cert)
    found = await verified(studio, anchors)
    assert (found.findings, found.signed, found.stamped, len(found.notes)) == ([], 3, 0, 3)

    clock.status, posts = 200, len(studio.krea.posts)
    assert await studio.render() is None
    assert len(studio.krea.posts) == posts
    found = await verified(studio, anchors)
    assert (found.findings, found.signed, found.stamped, found.stampers, found.notes) == ([], 3, 3, {"Clock": True}, [])
    assert [shot["clip"]["time_stamped"] for shot in studio.run.manifest.to_json()["shots"]] == [True, True]


async def test_a_locked_take_is_not_signed_with_a_clip_that_it_was_not_made_from(studio: Studio, chain: Chain) -> None:
    studio.settings = {"c2pa_cert": chain.cert, "c2pa_key": chain.key}
    studio.declare(CHAIN)
    assert await studio.render() is None
    shots = await find_shots(
        studio.declaration, pipeline_named(studio.declaration, None), {}, Catalog.load(), PlanOptions(), "surf", timing=studio.timing()
    )
    await lock(shots, by="mara", note=None)
    studio.declare(CHAIN.replace("Rooftops at dawn", "Noon"), pipeline=SIGN)
    assert await studio.render() is None
    folder = studio.out / studio.run.prefix
    assert credentials_of(folder / "02-surf.mp4", "video/mp4", chain.anchors).ingredients == 0
