"""Signs files with content credentials (C2PA), by the library of the extra ``animatic[c2pa]``, and has signatures stamped where asked.

The credentials say that a model created the file, which one, and of what it was made: what its maker had signed already is its parent, the
clips of a reel and what a shot starts from are ingredients.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from animatic.errors import UsageError
from animatic.files import writing_whole
from animatic.marks.certificates import CERTIFICATE, PRIVATE_KEY, chain_in, chain_of, read_pem
from animatic.marks.model import Mark
from animatic.marks.reading import SIGNING, STAMPING, Anchors, context, library, read_credentials, with_revocations
from animatic.marks.revocation import Revocations
from animatic.marks.timestamps import StampService, TimeStampError
from animatic.marks.write import Marked
from animatic.redact import bare_url

SIGNABLE = frozenset(
    {
        "video/mp4",
        "video/quicktime",
        "audio/mp4",
        "audio/mpeg",
        "audio/wav",
        "image/png",
        "image/jpeg",
        "image/webp",
        "image/heic",
        "image/avif",
    }
)
"""MIME types of files that can carry credentials."""
_ALGORITHMS = ("es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519")
_SAMPLE = "image/png"

Relation = Literal["parentOf", "componentOf", "inputTo"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ingredient:
    """A file of which another was made: it with marks (``parentOf``), what plays it (``componentOf``) or began with it (``inputTo``)."""

    path: Path
    mime: str
    title: str
    relation: Relation


_Opened = Sequence[tuple[Ingredient, Any]]


class Signer:
    """A certificate chain and its key, proved to work, and the service that stamps signatures, if there is one.

    ``notes``: what could not be found out about the certificates.
    """

    def __init__(self, cert: bytes, key: bytes, algorithm: str, stamps: StampService | None = None) -> None:
        self._cert = cert
        self._key = key
        self._algorithm = algorithm
        self._stamps = stamps
        self.notes: tuple[str, ...] = ()

    @classmethod
    def load(
        cls,
        cert: Path | None,
        key: Path | None,
        *,
        stamps: StampService | None = None,
        stamp_anchors: Path | None = None,
        revocations: Revocations | None = None,
    ) -> Signer:
        """Read chain and key (PEM) as ``prove`` does, and ask whether a certificate was revoked, and for a time stamp.

        Raises UsageError, and TimeStampError where ``stamps`` gives none.
        """
        signer, sample = cls.prove(cert, key, stamps=stamps)
        signer.ask(sample, revocations or Revocations(), Anchors.load(cert, stamp_anchors))
        return signer

    @classmethod
    def prove(cls, cert: Path | None, key: Path | None, *, stamps: StampService | None = None) -> tuple[Signer, io.BytesIO]:
        """Read chain and key (PEM), and prove by signing a small picture, which is returned, too, that they fit, are complete and valid.

        Nobody is asked anything. Raises UsageError.
        """
        library("'provenance: {c2pa: sign}'")
        chain, secret = _named(SIGNING, cert, CERTIFICATE), _named("ANIMATIC_C2PA_KEY", key, PRIVATE_KEY)
        reasons: list[str] = []
        for algorithm in _ALGORITHMS:
            signer = cls(chain, secret, algorithm, stamps)
            try:
                sample = signer._signed_sample(None)
            except Exception as error:  # noqa: BLE001 - the library has an exception of its own for each reason
                reasons.append(str(error).removeprefix("Signature: "))
                continue
            _check_chain(sample, chain)
            return signer, sample
        other = [reason for reason in reasons if "unsupported private key algorithm" not in reason and "wrong" not in reason.lower()]
        raise UsageError(
            f"ANIMATIC_C2PA_CERT and ANIMATIC_C2PA_KEY cannot sign: {(other or reasons)[0]}",
            hint="the chain is PEM, the signing certificate first; the key is that certificate's, PKCS#8, without a password",
        )

    def ask(self, sample: io.BytesIO, revocations: Revocations, anchors: Anchors) -> None:
        """Ask the authorities of a sample's chain, and the time stamp service if there is one. Raises UsageError, TimeStampError."""
        self.notes = _check_revocations(sample, self._cert, revocations)
        if self._stamps is not None:
            self._check_stamps(self._stamps, anchors)

    @property
    def identity(self) -> str:
        """What tells signatures of this chain and time stamp service from those of others: a hash."""
        return hashlib.sha256(self._cert + (self._stamps.url.encode() if self._stamps else b"")).hexdigest()

    @property
    def stamps(self) -> bool:
        """Whether signatures are to be time-stamped."""
        return self._stamps is not None

    def sign(self, source: Path, target: Path, mark: Mark, mime: str, ingredients: Sequence[Ingredient] = ()) -> Marked:
        """Write a signed copy of a file; returns its hash, and whether its signature is stamped.

        Where the time stamp service fails meanwhile, the file is signed without: what was paid for is delivered.
        Raises UsageError where the certificate has expired meanwhile, and OSError.
        """
        with writing_whole(target) as part, ExitStack() as stack:
            reader, writer = stack.enter_context(source.open("rb")), stack.enter_context(part.open("w+b"))
            opened = [(one, stack.enter_context(one.path.open("rb"))) for one in ingredients]
            unstamped = None
            try:
                if self._stamps is not None:
                    unstamped = self._signed_with_stamp(self._stamps, reader, writer, mark, mime, opened)
                if self._stamps is None or unstamped is not None:
                    self._sign(None, reader, writer, mark, mime, opened)
            except OSError:
                raise
            except Exception as error:
                raise UsageError(
                    f"{source.name} cannot be signed: {error}",
                    hint="see the certificate of ANIMATIC_C2PA_CERT; then run again: nothing is paid twice",
                ) from error
            writer.flush()
            writer.seek(0)
            digest = hashlib.file_digest(writer, "sha256").hexdigest()
            stamped = None if self._stamps is None else unstamped is None
            return Marked(digest, part.stat().st_size, "signed", stamped=stamped, unstamped=unstamped)

    def _signed_with_stamp(
        self, stamps: StampService, source: Any, target: Any, mark: Mark, mime: str, ingredients: _Opened = ()
    ) -> str | None:
        """Sign with a time stamp; returns why that could not be, with all files at their beginning again."""
        with stamps.opened() as question:
            try:
                self._sign(question.address, source, target, mark, mime, ingredients)
            except Exception as error:  # noqa: BLE001 - whether it was the time stamp shows when it is left out
                target.seek(0)
                target.truncate()
                for file in (source, *(file for _, file in ingredients)):
                    file.seek(0)
                return question.failure or f"what {bare_url(stamps.url)} answers is no time stamp: {error}"
        return None

    def _sign(self, stamps_at: str | None, source: Any, target: Any, mark: Mark, mime: str, ingredients: _Opened = ()) -> None:
        c2pa = library("signing")
        info = c2pa.C2paSignerInfo(self._algorithm, self._cert, self._key, stamps_at)
        parent = any(one.relation == "parentOf" for one, _ in ingredients)
        name, _, version = mark.software.partition(" ")
        action = {"action": "c2pa.created", "digitalSourceType": mark.source_type, "softwareAgent": {"name": mark.model}}
        definition = {
            "claim_generator_info": [{"name": name, "version": version}],
            "title": f"{mark.pipeline} / {mark.shot}",
            "format": mime,
            # What was opened with its own credentials was created by who signed those.
            "assertions": [] if parent else [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
        }
        with c2pa.Signer.from_info(info) as signer, context(c2pa) as settings, c2pa.Builder(definition, context=settings) as builder:
            if parent:
                builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
            for one, file in ingredients:
                builder.add_ingredient({"title": one.title, "relationship": one.relation}, one.mime, file)
            builder.sign(signer, mime, source, target)

    def _signed_sample(self, stamps: StampService | None) -> io.BytesIO:
        """Sign a small picture. Raises TimeStampError where it is to be stamped and is not."""
        from PIL import Image  # noqa: PLC0415

        sample, signed = io.BytesIO(), io.BytesIO()
        Image.new("RGB", (8, 8)).save(sample, "PNG")
        sample.seek(0)
        mark = Mark(run="proof", pipeline="proof", shot="proof", model="none", simulated=True, software="animatic 0")
        if stamps is None:
            self._sign(None, sample, signed, mark, _SAMPLE)
        elif (unstamped := self._signed_with_stamp(stamps, sample, signed, mark, _SAMPLE)) is not None:
            raise TimeStampError(
                f"signatures cannot be time-stamped: {unstamped}",
                hint="nothing was sent; see the address in 'provenance: {timestamp: ...}' and the network, or leave it out",
            )
        signed.seek(0)
        return signed

    def _check_stamps(self, stamps: StampService, anchors: Anchors) -> None:
        """Have a sample stamped, so that a service that does not is known before anything is paid."""
        found = read_credentials(self._signed_sample(stamps), _SAMPLE, anchors)
        signing = chain_in(SIGNING, self._cert)[0]
        if found.problems or found.stamp is None or not signing.not_valid_before_utc <= found.stamp.at <= signing.not_valid_after_utc:
            reason = "; ".join(found.problems) or (f"they say {found.stamp.at:%Y-%m-%d %H:%M} UTC" if found.stamp else "there are none")
            raise TimeStampError(
                f"the time stamps of {bare_url(stamps.url)} do not hold: {reason}",
                hint="nothing was sent; name another service in 'provenance: {timestamp: ...}', or leave it out",
            )
        if anchors.stamping is not None and not found.stamp.trusted:
            raise UsageError(
                f"the certificates of {STAMPING} do not vouch for {found.stamp.authority}, who stamps at {bare_url(stamps.url)}",
                hint="put the certificate of the authority at the end of its chain into that file, or unset the variable",
            )


def _check_chain(sample: io.BytesIO, pem: bytes) -> None:
    """Refuse a chain that leads to no authority, or whose certificates do not belong together."""
    found = read_credentials(sample, _SAMPLE, Anchors(signing=pem))
    if found.problems:
        raise UsageError(f"{SIGNING} cannot sign: {'; '.join(found.problems)}")
    if not found.trusted:
        raise UsageError(
            f"the chain of {SIGNING} is not complete",
            hint="put the certificates of the authorities that issued it behind the signing certificate, in the same file; "
            "a certificate that signed itself is not enough",
        )


def _check_revocations(sample: io.BytesIO, pem: bytes, revocations: Revocations) -> tuple[str, ...]:
    """Refuse a chain of which a certificate was revoked; returns what could not be asked."""
    found = read_credentials(sample, _SAMPLE, Anchors(signing=pem))
    held = chain_in(SIGNING, pem)
    asked = with_revocations(found, revocations.of(chain_of(held[0], held[1:])))
    if asked.problems:
        raise UsageError(
            f"{SIGNING} cannot sign: {'; '.join(asked.problems)}",
            hint="nothing was sent; have a new certificate issued: nobody trusts what a revoked one signs",
        )
    return asked.notes


def _named(name: str, path: Path | None, kind: bytes) -> bytes:
    if path is None:
        raise UsageError(
            f"'provenance: {{c2pa: sign}}' needs {name}, which is not set",
            hint="set ANIMATIC_C2PA_CERT to a file with the certificate chain, ANIMATIC_C2PA_KEY to one with its key (both PEM)",
        )
    return read_pem(name, path, kind)
