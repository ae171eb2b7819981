"""Makes signed copies of takes, each once: a later delivery, and a repair, give the same bytes without another signature."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from animatic.ledger import Take
from animatic.ledger.signatures import SignatureRecord
from animatic.marks import Mark, Marked
from animatic.marks.difference import difference
from animatic.marks.model import Pieces, Span
from animatic.marks.signing import Signer
from animatic.marks.write import write_pieces

RECIPE_LENGTH = 32


def recipe_of(signer: Signer, take: Take, mark: Mark, parts: Sequence[tuple[Take, str]]) -> str:
    """Return what tells a signed copy of a take from others: a hash of its bytes, its mark, who signs, and of what it was made."""
    made_of = [(part.fingerprint, part.clip.sha256, relation) for part, relation in parts]
    text = json.dumps([take.clip.sha256, asdict(mark), signer.identity, made_of])
    return hashlib.sha256(text.encode()).hexdigest()[:RECIPE_LENGTH]


def signature_record(take: Take, recipe: str, marked: Marked, unsigned: Path, signed: Path, made_at: datetime) -> SignatureRecord:
    """Return what a signed copy is known by, and made again from."""
    pieces = difference(unsigned, signed)
    return SignatureRecord(
        fingerprint=take.fingerprint,
        recipe=recipe,
        sha256=marked.sha256,
        size=marked.size,
        stamped=marked.stamped,
        pieces=tuple((one.start, one.end) if isinstance(one, Span) else base64.b64encode(one).decode() for one in pieces),
        made_at=made_at,
    )


def signed_again(record: SignatureRecord, unsigned: Path, target: Path) -> Marked | None:
    """Write a signed copy from its record and the marked file; None where that gives other bytes than were delivered."""
    pieces: Pieces = [base64.b64decode(one) if isinstance(one, str) else Span(*one) for one in record.pieces]
    size = unsigned.stat().st_size
    if any(isinstance(one, Span) and not 0 <= one.start <= one.end <= size for one in pieces):
        return None
    written = write_pieces(unsigned, target, pieces)
    if written.sha256 != record.sha256:
        target.unlink()
        return None
    return Marked(written.sha256, written.size, "signed", stamped=record.stamped)
