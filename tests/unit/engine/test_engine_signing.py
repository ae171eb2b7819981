"""A pipeline that signs what it delivers: before anything is paid, clip by clip, the reel with its clips, and what `verify` says of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from animatic.engine.history import find_run
from animatic.engine.verify import Verified, verify_run
from animatic.errors import UsageError
from animatic.marks.signing import credentials_of
from tests.present import present
from tests.unit.engine.studio import CHAIN, Studio
from tests.unit.marks.certificates import Chain, make_chain

pytestmark = pytest.mark.anyio
SIGN = "provenance: {c2pa: sign}\n    cut: {}"


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return make_chain(tmp_path / "certificates")


@pytest.fixture
async def signed(studio: Studio, chain: Chain) -> Studio:
    studio.settings = {"c2pa_cert": chain.cert, "c2pa_key": chain.key}
    studio.declare(CHAIN, pipeline=SIGN)
    assert await studio.render() is None
    return studio


async def verified(studio: Studio, anchors: Path | None) -> Verified:
    run = await find_run(studio.run.plan.run_id, studio.destinations)
    return await verify_run(run, present(await run.manifest()), anchors=anchors)


async def test_clips_and_reel_are_signed_with_what_they_were_made_of(signed: Studio, chain: Chain) -> None:
    folder = signed.out / signed.run.prefix
    ingredients = {
        name: credentials_of(folder / name, "video/mp4", chain.cert).ingredients for name in ("01-dawn.mp4", "02-surf.mp4", "reel.mp4")
    }
    assert ingredients == {"01-dawn.mp4": 0, "02-surf.mp4": 1, "reel.mp4": 2}
    manifest = signed.run.manifest.to_json()
    assert manifest["provenance"]["c2pa"] == "signed"
    assert {shot["clip"]["origin"] for shot in manifest["shots"]} == {"signed"}
    found = await verified(signed, chain.cert)
    assert (found.findings, found.signed, found.signers) == ([], 3, {"Studio": True})


async def test_a_resumed_run_takes_its_own_signed_files_for_its_own(signed: Studio) -> None:
    assert await signed.render(signed.run.plan) is None
    assert signed.state("surf") == "delivered"
    assert (await verified(signed, None)).findings == []


async def test_a_signature_that_is_gone_or_broken_is_named(signed: Studio, chain: Chain) -> None:
    folder = signed.out / signed.run.prefix
    data = (folder / "01-dawn.mp4").read_bytes()
    (folder / "01-dawn.mp4").write_bytes(data.replace(bytes.fromhex("d8fec3d61b0e483c92975828877ec481"), bytes(16)))
    reel = bytearray((folder / "reel.mp4").read_bytes())
    reel[-400] ^= 1
    (folder / "reel.mp4").write_bytes(reel)
    found = await verified(signed, chain.cert)
    details = {finding.file: finding.detail for finding in found.findings if finding.check == "signature"}
    assert details == {"01-dawn.mp4": "its signature is gone", "reel.mp4": "its bytes are not those that were signed"}


async def test_nothing_is_paid_where_nothing_could_be_signed(studio: Studio, tmp_path: Path) -> None:
    expired = make_chain(tmp_path / "expired", ends=timedelta(days=-1))
    studio.settings = {"c2pa_cert": expired.cert, "c2pa_key": expired.key}
    studio.declare(CHAIN, pipeline=SIGN)
    with pytest.raises(UsageError, match="not valid at time of signing"):
        await studio.render()
    assert studio.krea.posts == []
