"""Revoked certificates: asked for by OCSP and by lists, and what no authority answered is said, not taken for an answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from animatic.errors import UsageError
from animatic.marks.reading import Anchors, Credentials, credentials_of
from animatic.marks.revocation import Revocations
from animatic.marks.signing import Signer
from animatic.marks.timestamps import StampService
from tests.unit.marks.authorities import RevocationAuthority, StampAuthority, served
from tests.unit.marks.certificates import Chain, make_chain
from tests.unit.marks.test_marks import FILES, MARK, mime_of

YESTERDAY = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


@pytest.fixture
def authority() -> Iterator[RevocationAuthority]:
    authority = RevocationAuthority()
    with served(authority):
        yield authority


@pytest.fixture(params=["responder", "list"])
def chain(tmp_path: Path, authority: RevocationAuthority, request: pytest.FixtureRequest) -> Chain:
    """A chain whose signing certificate names the authority: its responder, or its list."""
    if request.param == "responder":
        authority.chain = make_chain(tmp_path / "studio", responder=f"{authority.url}/responder")
    else:
        authority.chain = make_chain(tmp_path / "studio", revoked_at=f"{authority.url}/list")
    return authority.chain


def signed(folder: Path, signer: Signer, name: str = "still.png") -> Path:
    source, target = FILES[name](folder / name), folder / f"signed-{name}"
    signer.sign(source, target, MARK, mime_of(source))
    return target


def read(path: Path, chain: Chain, *, stamping: Path | None = None, ours: bool = False) -> Credentials:
    return credentials_of(path, mime_of(path), Anchors.load(chain.cert, stamping), Revocations(), ours=ours)


@pytest.mark.parametrize("name", ["still.png", "still.jpg", "simple.webp", "index-first.mp4", "sound.wav", "sound.mp3", "old-tag.mp3"])
def test_a_revoked_certificate_is_named_in_every_kind_of_file(tmp_path: Path, authority: RevocationAuthority, name: str) -> None:
    authority.chain = chain = make_chain(tmp_path / "studio", responder=f"{authority.url}/responder")
    path = signed(tmp_path, Signer.load(chain.cert, chain.key), name)
    assert (read(path, chain).problems, read(path, chain).notes) == ((), ())

    authority.revoked_at = YESTERDAY

    assert read(path, chain).problems == (f"the certificate of Studio was revoked on {YESTERDAY:%Y-%m-%d}",)


def test_nothing_is_signed_under_a_revoked_certificate(chain: Chain, authority: RevocationAuthority) -> None:
    authority.revoked_at = YESTERDAY
    with pytest.raises(UsageError, match="certificate of Studio was revoked on") as error:
        Signer.load(chain.cert, chain.key)
    assert error.value.exit_code == 2


def test_one_question_serves_for_all_files(tmp_path: Path, chain: Chain, authority: RevocationAuthority) -> None:
    path, revocations = signed(tmp_path, Signer.load(chain.cert, chain.key)), Revocations()
    before = len(authority.asked)
    for _ in range(3):
        credentials_of(path, "image/png", chain.anchors, revocations)
    assert len(authority.asked) == before + 1


def test_an_authority_that_does_not_answer_is_said_and_stops_nothing(tmp_path: Path, chain: Chain, authority: RevocationAuthority) -> None:
    authority.status = 500
    signer = Signer.load(chain.cert, chain.key)
    assert len(signer.notes) == 1
    assert signer.notes[0].startswith("whether the certificate of Studio was revoked could not be asked: ")
    found = read(signed(tmp_path, signer), chain)
    assert (found.problems, found.notes) == ((), signer.notes)


def test_an_answer_counts_only_if_its_authority_signed_it_and_it_is_of_today(
    tmp_path: Path, chain: Chain, authority: RevocationAuthority
) -> None:
    authority.revoked_at = YESTERDAY
    authority.signed_by = make_chain(tmp_path / "other")
    assert "that is not its authority's" in Signer.load(chain.cert, chain.key).notes[0]
    authority.signed_by = None
    authority.age = timedelta(days=3)
    assert "not today" in Signer.load(chain.cert, chain.key).notes[0]


@pytest.mark.parametrize(
    ("issued", "usage", "counts"), [(True, "OCSP_SIGNING", True), (True, "EMAIL_PROTECTION", False), (False, "OCSP_SIGNING", False)]
)
def test_an_authority_may_let_another_answer(
    tmp_path: Path, authority: RevocationAuthority, issued: bool, usage: str, counts: bool
) -> None:
    authority.chain = chain = make_chain(tmp_path / "studio", responder=f"{authority.url}/responder")
    authority.delegate = make_chain(
        tmp_path / "delegate", "Delegate", usage=getattr(ExtendedKeyUsageOID, usage), under=chain if issued else None
    )
    assert (Signer.load(chain.cert, chain.key).notes == ()) is counts
    authority.revoked_at = YESTERDAY
    if counts:
        with pytest.raises(UsageError, match="was revoked on"):
            Signer.load(chain.cert, chain.key)
    else:
        assert "that is not its authority's" in Signer.load(chain.cert, chain.key).notes[0]


def test_the_list_is_asked_where_the_responder_does_not_answer(tmp_path: Path, authority: RevocationAuthority) -> None:
    chain = make_chain(tmp_path / "studio", responder="http://127.0.0.1:9/", revoked_at=f"{authority.url}/list")
    authority.chain, authority.revoked_at = chain, YESTERDAY
    with pytest.raises(UsageError, match="was revoked on"):
        Signer.load(chain.cert, chain.key)


def test_what_was_stamped_before_the_revocation_holds_on(tmp_path: Path, chain: Chain, authority: RevocationAuthority) -> None:
    clock = StampAuthority(tmp_path / "clock")
    with served(clock):
        path = signed(tmp_path, Signer.load(chain.cert, chain.key, stamps=StampService(clock.url)))
    authority.revoked_at = datetime.now(UTC) + timedelta(minutes=1)

    found = read(path, chain, stamping=clock.chain.cert)

    assert found.problems == ()
    assert "after it had signed: Clock stamped that" in found.notes[0]
    assert read(path, chain).problems, "a time stamp that nobody vouches for proves nothing"
    authority.revoked_at = YESTERDAY
    assert credentials_of(path, "image/png", Anchors.load(chain.cert, clock.chain.cert), Revocations()).problems


def test_addresses_in_certificates_of_strangers_are_not_asked(tmp_path: Path, chain: Chain, authority: RevocationAuthority) -> None:
    path = signed(tmp_path, Signer.load(chain.cert, chain.key))
    before, other = len(authority.asked), make_chain(tmp_path / "other")
    assert read(path, other).problems == ()
    assert len(authority.asked) == before
    authority.revoked_at = YESTERDAY
    assert read(path, other, ours=True).problems, "what the run is said to have signed is asked for all the same"
