"""Time stamps: signatures that an authority stamped outlive their certificate, and nothing is lost where none answers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from animatic.errors import UsageError
from animatic.marks import Marked
from animatic.marks.reading import Anchors, Credentials, credentials_of
from animatic.marks.signing import Signer
from animatic.marks.timestamps import StampService, TimeStampError
from tests.unit.marks.authorities import StampAuthority, served
from tests.unit.marks.certificates import Chain, make_chain
from tests.unit.marks.test_marks import FILES, MARK


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[StampAuthority]:
    authority = StampAuthority(tmp_path / "clock")
    with served(authority):
        yield authority


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return make_chain(tmp_path / "studio")


def load(chain: Chain, authority: StampAuthority, *, anchors: Path | None = None, pauses: list[float] | None = None) -> Signer:
    paused = pauses if pauses is not None else []
    return Signer.load(chain.cert, chain.key, stamps=StampService(authority.url, sleep=paused.append), stamp_anchors=anchors)


def signed(folder: Path, signer: Signer, name: str = "still.png") -> tuple[Path, Marked]:
    target = folder / f"signed-{name}"
    return target, signer.sign(FILES[name](folder / name), target, MARK, "image/png" if name.endswith(".png") else "video/mp4")


def read(path: Path, chain: Chain, authority: StampAuthority | None) -> Credentials:
    return credentials_of(path, "image/png", Anchors.load(chain.cert, authority.chain.cert if authority else None))


def test_a_signature_is_stamped_and_says_by_whom(tmp_path: Path, chain: Chain, authority: StampAuthority) -> None:
    path, marked = signed(tmp_path, load(chain, authority, anchors=authority.chain.cert))

    assert (marked.how, marked.stamped, marked.unstamped) == ("signed", True, None)
    found = read(path, chain, authority)
    assert (found.trusted, found.problems) == (True, ())
    assert found.stamp is not None
    assert (found.stamp.authority, found.stamp.trusted) == ("Clock", True)
    unvouched = read(path, chain, None)
    assert unvouched.stamp is not None
    assert (unvouched.trusted, unvouched.problems, unvouched.stamp.trusted) == (True, (), False)
    other = Anchors.load(chain.cert, make_chain(tmp_path / "other").cert)
    stamp = credentials_of(path, "image/png", other).stamp
    assert stamp is not None
    assert not stamp.trusted


def test_certificates_that_vouch_for_time_stamps_vouch_for_no_signature(tmp_path: Path, chain: Chain, authority: StampAuthority) -> None:
    path, _ = signed(tmp_path, load(chain, authority))
    assert not credentials_of(path, "image/png", Anchors(stamping=chain.cert.read_bytes())).trusted


def test_a_stamped_signature_outlives_its_certificate(tmp_path: Path, authority: StampAuthority) -> None:
    chain = make_chain(tmp_path / "studio", ends=timedelta(seconds=2))
    path, _ = signed(tmp_path, load(chain, authority))
    while read(path, chain, None).problems == ():
        pass

    assert (read(path, chain, authority).trusted, read(path, chain, authority).problems) == (True, ())
    assert read(path, chain, None).problems == (
        "its certificate has expired, and nobody vouches for Clock, who stamped it (ANIMATIC_C2PA_TSA_CERT)",
    )


def test_a_service_that_does_not_stamp_ends_a_run_before_it_begins(chain: Chain, authority: StampAuthority) -> None:
    pauses: list[float] = []
    authority.status = 503
    with pytest.raises(TimeStampError, match="answers 503") as error:
        load(chain, authority, pauses=pauses)
    assert error.value.exit_code == 6
    assert (len(authority.asked), len(pauses)) == (2, 1)


def test_nobody_at_the_address_is_said(chain: Chain) -> None:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{place.getsockname()[1]}/stamps?key=secret"
    with pytest.raises(TimeStampError, match="does not answer") as error:
        Signer.load(chain.cert, chain.key, stamps=StampService(url, sleep=lambda _: None))
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("answer", [b"", b"hello", b"0\x03\x02\x01\x02"])
def test_what_is_no_time_stamp_is_not_taken_for_one(
    chain: Chain, authority: StampAuthority, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setattr(authority, "answer", lambda path, question: answer)
    with pytest.raises(TimeStampError, match="is no time stamp"):
        load(chain, authority)


@pytest.mark.parametrize(("ends", "ahead", "reason"), [(30, 400, "is no time stamp"), (5, 10, "do not hold")])
def test_a_stamp_of_a_time_when_a_certificate_did_not_hold_is_refused(
    tmp_path: Path, authority: StampAuthority, ends: int, ahead: int, reason: str
) -> None:
    authority.ahead = timedelta(days=ahead)
    with pytest.raises(TimeStampError, match=reason):
        load(make_chain(tmp_path / "studio", ends=timedelta(days=ends)), authority)


def test_an_authority_that_is_not_trusted_here_is_named_before_anything_is_signed(
    tmp_path: Path, chain: Chain, authority: StampAuthority
) -> None:
    with pytest.raises(UsageError, match="do not vouch for Clock"):
        load(chain, authority, anchors=make_chain(tmp_path / "other").cert)


def test_where_the_service_fails_meanwhile_a_file_is_signed_without(tmp_path: Path, chain: Chain, authority: StampAuthority) -> None:
    signer = load(chain, authority)
    authority.status, before = 500, len(authority.asked)

    path, marked = signed(tmp_path, signer)

    assert (marked.how, marked.stamped) == ("signed", False)
    assert marked.unstamped is not None
    assert "answers 500" in marked.unstamped
    assert (read(path, chain, authority).trusted, read(path, chain, authority).stamp) == (True, None)
    assert len(authority.asked) == before + 2
    for name in ("again", "back"):
        (tmp_path / name).mkdir()
    signed(tmp_path / "again", signer)
    assert len(authority.asked) == before + 3, "a service that is away is not waited for at every file"
    authority.status = 200
    assert signed(tmp_path / "back", signer)[1].stamped


def test_an_authority_is_asked_through_the_proxy(chain: Chain, authority: StampAuthority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", authority.url)
    Signer.load(chain.cert, chain.key, stamps=StampService("http://clock.example/stamps"))
    assert authority.asked == ["http://clock.example/stamps"]
