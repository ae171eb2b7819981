"""A signed file is kept as its difference from the marked one: few bytes, and the same file again."""

from __future__ import annotations

from pathlib import Path

import pytest

from animatic.files import sha256_of
from animatic.marks import write_marked
from animatic.marks.difference import difference
from animatic.marks.signing import SIGNABLE, Ingredient, Signer
from animatic.marks.write import write_pieces
from tests.unit.marks.certificates import make_chain
from tests.unit.marks.test_marks import FILES, MARK, mime_of


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    chain = make_chain(tmp_path_factory.mktemp("chain"))
    return Signer.load(chain.cert, chain.key)


@pytest.mark.parametrize("name", [name for name in FILES if Path(name).suffix not in {".webm", ".flac", ".ogg", ".glb"}])
def test_the_signed_file_is_made_again_from_the_marked_one(tmp_path: Path, signer: Signer, name: str) -> None:
    source, marked, signed, again = FILES[name](tmp_path / name), tmp_path / "marked", tmp_path / "signed", tmp_path / "again"
    mime = mime_of(source)
    assert mime in SIGNABLE
    write_marked(source, marked, MARK, mime)
    signer.sign(marked, signed, MARK, mime, [Ingredient(path=source, mime=mime, title="dawn", relation="inputTo")])

    pieces = difference(marked, signed)

    assert write_pieces(marked, again, pieces).sha256 == sha256_of(signed)


def test_the_difference_of_a_long_file_is_short(tmp_path: Path, signer: Signer) -> None:
    """Media are padded where every player skips it, so that the file is as long as real ones are."""
    source, signed = FILES["index-first.mp4"](tmp_path / "a.mp4"), tmp_path / "signed.mp4"
    with source.open("ab") as file:
        file.write((8 + (4 << 20)).to_bytes(4) + b"free" + bytes(range(256)) * (4 << 12))
    signer.sign(source, signed, MARK, "video/mp4")
    pieces = difference(source, signed)
    assert sum(len(piece) for piece in pieces if isinstance(piece, bytes)) < 64 << 10


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"", b""), (b"", b"dawn"), (b"dawn", b""), (b"a" * 9000, b"a" * 4000), (bytes(range(256)) * 40, b"x" + bytes(range(256)) * 40)],
)
def test_any_two_files_have_a_difference(tmp_path: Path, before: bytes, after: bytes) -> None:
    old, new, again = tmp_path / "old", tmp_path / "new", tmp_path / "again"
    old.write_bytes(before)
    new.write_bytes(after)
    write_pieces(old, again, difference(old, new))
    assert again.read_bytes() == after
