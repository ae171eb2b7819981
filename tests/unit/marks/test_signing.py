"""Content credentials: chains that cannot sign are refused with the reason, signatures are read back, and what was changed is noticed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from animatic.errors import UsageError
from animatic.marks import read_mark, write_marked
from animatic.marks.reading import credentials_of
from animatic.marks.signing import SIGNABLE, Ingredient, Signer
from tests.unit.marks.certificates import Chain, Key, make_chain
from tests.unit.marks.test_marks import FILES, MARK, mime_of


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    return make_chain(tmp_path_factory.mktemp("chain"))


@pytest.fixture(scope="module")
def signer(chain: Chain) -> Signer:
    return Signer.load(chain.cert, chain.key)


@pytest.mark.parametrize("name", [name for name in FILES if Path(name).suffix not in {".webm", ".flac", ".ogg", ".glb"}])
def test_a_signed_file_keeps_its_mark_and_is_trusted_under_its_own_chain(tmp_path: Path, chain: Chain, signer: Signer, name: str) -> None:
    source, marked, signed = FILES[name](tmp_path / name), tmp_path / f"marked-{name}", tmp_path / f"signed-{name}"
    mime = mime_of(source)
    assert mime in SIGNABLE
    write_marked(source, marked, MARK, mime)

    assert signer.sign(marked, signed, MARK, mime).how == "signed"

    found = credentials_of(signed, mime, chain.anchors)
    assert (found.trusted, found.problems, found.signer) == (True, (), "Studio")
    assert read_mark(signed, mime) == MARK


def test_what_a_maker_signed_stays_as_parent_and_what_it_was_made_of_as_ingredients(tmp_path: Path, chain: Chain, signer: Signer) -> None:
    source, first, second = FILES["index-first.mp4"](tmp_path / "a.mp4"), tmp_path / "first.mp4", tmp_path / "second.mp4"
    signer.sign(source, first, MARK, "video/mp4")
    parts = [
        Ingredient(path=first, mime="video/mp4", title="dawn", relation="parentOf"),
        Ingredient(path=source, mime="video/mp4", title="surf", relation="componentOf"),
        Ingredient(path=first, mime="video/mp4", title="noir", relation="inputTo"),
    ]

    signer.sign(first, second, MARK, "video/mp4", parts)

    found = credentials_of(second, "video/mp4", chain.anchors)
    assert (found.trusted, found.problems, found.ingredients) == (True, (), 2)
    import c2pa  # type: ignore[import-untyped]

    with c2pa.Reader(second) as reader:
        written = reader.json()
    assert "c2pa.opened" in written
    assert written.count('"c2pa.created"') >= 1, "the parent's own credentials are in it"


def test_one_changed_byte_is_noticed(tmp_path: Path, chain: Chain, signer: Signer) -> None:
    signed = tmp_path / "signed.mp4"
    signer.sign(FILES["index-first.mp4"](tmp_path / "a.mp4"), signed, MARK, "video/mp4")
    data = bytearray(signed.read_bytes())
    data[-300] ^= 1
    signed.write_bytes(data)

    assert credentials_of(signed, "video/mp4", chain.anchors).problems == ("its bytes are not those that were signed",)


def test_somebody_elses_signature_is_not_trusted(tmp_path: Path, signer: Signer) -> None:
    signed = tmp_path / "signed.png"
    signer.sign(FILES["still.png"](tmp_path / "a.png"), signed, MARK, "image/png")

    found = credentials_of(signed, "image/png", make_chain(tmp_path / "other", "Other").anchors)
    assert (found.trusted, found.problems) == (False, ())
    assert not credentials_of(signed, "image/png").trusted


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP384R1()),
        lambda: rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate,
    ],
)
def test_the_kind_of_key_is_found_out(tmp_path: Path, make: Callable[[], Key]) -> None:
    chain = make_chain(tmp_path, key=make())
    Signer.load(chain.cert, chain.key)


def test_a_chain_that_cannot_sign_is_refused_with_the_reason(tmp_path: Path, chain: Chain) -> None:
    other = make_chain(tmp_path / "other")
    expired = make_chain(tmp_path / "expired", ends=timedelta(days=-1))
    (tmp_path / "text.pem").write_text("hello")
    for cert, key, reason in (
        (None, chain.key, "needs ANIMATIC_C2PA_CERT, which is not set"),
        (chain.cert, None, "needs ANIMATIC_C2PA_KEY, which is not set"),
        (tmp_path / "gone.pem", chain.key, "cannot be read: No such file"),
        (tmp_path / "text.pem", chain.key, "holds no certificate"),
        (chain.cert, chain.cert, "holds no private key"),
        (chain.cert, other.key, "does not match"),
        (expired.cert, expired.key, "not valid at time of signing"),
        (chain.leaf, chain.key, "the chain of ANIMATIC_C2PA_CERT is not complete"),
    ):
        with pytest.raises(UsageError, match=reason):
            Signer.load(cert, key)


def test_without_the_library_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, chain: Chain) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(UsageError, match="not installed") as error:
        Signer.load(chain.cert, chain.key)
    assert error.value.hint == "pip install 'animatic[c2pa]'"
