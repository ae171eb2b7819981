"""Signs files with content credentials (C2PA) and reads such signatures back: all that needs the library of the extra ``animatic[c2pa]``.

The credentials say that a model created the file, which one, and of what it was made: what its maker had signed already is its parent, the
clips of a reel and what a shot starts from are ingredients.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from animatic.errors import UsageError
from animatic.files import writing_whole
from animatic.marks.model import Mark
from animatic.marks.write import Marked

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
INSTALL = "pip install 'animatic[c2pa]'"
_ALGORITHMS = ("es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519")
_UNTRUSTED = "signingCredential.untrusted"
_QUIET = {"builder": {"thumbnail": {"enabled": False}}}
"""Pictures of ingredients would make every file larger by those of all that it was made of."""
_TITLES: Mapping[str, str] = {
    "signingCredential.expired": "its certificate has expired",
    "signingCredential.revoked": "its certificate was revoked",
    "signingCredential.invalid": "its certificate may not sign content",
    "claimSignature.mismatch": "its signature does not fit",
    "assertion.dataHash.mismatch": "its bytes are not those that were signed",
    "assertion.bmffHash.mismatch": "its bytes are not those that were signed",
    "assertion.hashedURI.mismatch": "its credentials were changed",
    "ingredient.claimSignature.mismatch": "the credentials of an ingredient were changed",
}
"""What the codes of the specification mean for people; others are shown as they are."""

Relation = Literal["parentOf", "componentOf", "inputTo"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ingredient:
    """A file of which another was made: it with marks (``parentOf``), what plays it (``componentOf``) or began with it (``inputTo``)."""

    path: Path
    mime: str
    title: str
    relation: Relation


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What the credentials of a file say. ``problems``: why they do not hold, in words; ``trusted``: signed under one of the anchors."""

    trusted: bool
    problems: tuple[str, ...]
    signer: str | None
    ingredients: int
    """How many files play in it or led to it."""


def library(why: str) -> Any:
    """Return the library. Raises UsageError, which says ``why`` it is needed and how to install it."""
    try:
        return importlib.import_module("c2pa")  # an extra of some size: native code that only those who sign have
    except ImportError:
        raise UsageError(f"{why} needs the library c2pa-python, which is not installed", hint=INSTALL) from None


class Signer:
    """A certificate chain and its key, proved to work."""

    def __init__(self, cert: bytes, key: bytes, algorithm: str) -> None:
        self._cert = cert
        self._key = key
        self._algorithm = algorithm

    @classmethod
    def load(cls, cert: Path | None, key: Path | None) -> Signer:
        """Read chain and key (PEM), and prove by signing a small picture that they fit, are complete and valid. Raises UsageError."""
        library("'provenance: {c2pa: sign}'")
        chain, secret = _pem("ANIMATIC_C2PA_CERT", cert, b"CERTIFICATE"), _pem("ANIMATIC_C2PA_KEY", key, b"PRIVATE KEY")
        reasons: list[str] = []
        for algorithm in _ALGORITHMS:
            signer = cls(chain, secret, algorithm)
            try:
                data = signer._signed_sample()
            except Exception as error:  # noqa: BLE001 - the library has an exception of its own for each reason
                reasons.append(str(error).removeprefix("Signature: "))
                continue
            signer._check_chain(data)
            return signer
        other = [reason for reason in reasons if "unsupported private key algorithm" not in reason and "wrong" not in reason.lower()]
        raise UsageError(
            f"ANIMATIC_C2PA_CERT and ANIMATIC_C2PA_KEY cannot sign: {(other or reasons)[0]}",
            hint="the chain is PEM, the signing certificate first; the key is that certificate's, PKCS#8, without a password",
        )

    def sign(self, source: Path, target: Path, mark: Mark, mime: str, ingredients: Sequence[Ingredient] = ()) -> Marked:
        """Write a signed copy of a file; returns its hash. Raises UsageError where the certificate has expired meanwhile, and OSError."""
        with writing_whole(target) as part, ExitStack() as stack:
            reader, writer = stack.enter_context(source.open("rb")), stack.enter_context(part.open("w+b"))
            opened = [(one, stack.enter_context(one.path.open("rb"))) for one in ingredients]
            try:
                self._sign(reader, writer, mark, mime, opened)
            except Exception as error:
                raise UsageError(
                    f"{source.name} cannot be signed: {error}",
                    hint="see the certificate of ANIMATIC_C2PA_CERT; then run again: nothing is paid twice",
                ) from error
            writer.flush()
            writer.seek(0)
            return Marked(hashlib.file_digest(writer, "sha256").hexdigest(), part.stat().st_size, "signed")

    def _sign(self, source: Any, target: Any, mark: Mark, mime: str, ingredients: Sequence[tuple[Ingredient, Any]] = ()) -> None:
        c2pa = library("signing")
        info = c2pa.C2paSignerInfo(self._algorithm, self._cert, self._key, None)
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
        with c2pa.Signer.from_info(info) as signer, _context(c2pa) as context, c2pa.Builder(definition, context=context) as builder:
            if parent:
                builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
            for one, file in ingredients:
                builder.add_ingredient({"title": one.title, "relationship": one.relation}, one.mime, file)
            builder.sign(signer, mime, source, target)

    def _signed_sample(self) -> io.BytesIO:
        from PIL import Image  # noqa: PLC0415

        sample, signed = io.BytesIO(), io.BytesIO()
        Image.new("RGB", (8, 8)).save(sample, "PNG")
        sample.seek(0)
        mark = Mark(run="proof", pipeline="proof", shot="proof", model="none", simulated=True, software="animatic 0")
        self._sign(sample, signed, mark, "image/png")
        return signed

    def _check_chain(self, sample: io.BytesIO) -> None:
        """Refuse a chain that does not lead to a certificate authority, or whose certificates do not belong together."""
        sample.seek(0)
        found = _read(sample, "image/png", self._cert)
        if found.problems:
            raise UsageError(f"ANIMATIC_C2PA_CERT cannot sign: {'; '.join(found.problems)}")
        if not found.trusted:
            raise UsageError(
                "the chain of ANIMATIC_C2PA_CERT is not complete",
                hint="put the certificates of the authorities that issued it behind the signing certificate, in the same file; "
                "a certificate that signed itself is not enough",
            )


def credentials_of(path: Path, mime: str, anchors: Path | None) -> Credentials:
    """Read and prove the credentials of a file. ``anchors``: certificates (PEM) under which a signature is trusted. Raises UsageError."""
    trusted = _pem("ANIMATIC_C2PA_CERT", anchors, b"CERTIFICATE") if anchors is not None else None
    with path.open("rb") as file:
        try:
            return _read(file, mime, trusted)
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the library says of a damaged file
            return Credentials(trusted=False, problems=(f"its credentials cannot be read: {error}",), signer=None, ingredients=0)


def _read(file: Any, mime: str, anchors: bytes | None) -> Credentials:
    c2pa = library("reading content credentials")
    trust = {"trust": {"user_anchors": anchors.decode()}} if anchors is not None else {}
    with _context(c2pa, **trust) as context, c2pa.Reader(mime, file, context=context) as reader:
        data = json.loads(reader.json())
        active = data["manifests"][data["active_manifest"]]
        codes = [str(status["code"]) for status in data.get("validation_status", ())]
        return Credentials(
            trusted=reader.get_validation_state() == "Trusted",
            problems=tuple(dict.fromkeys(_TITLES.get(code, code) for code in codes if code != _UNTRUSTED)),
            signer=active.get("signature_info", {}).get("common_name"),
            ingredients=sum(one.get("relationship") != "parentOf" for one in active.get("ingredients", ())),
        )


def _context(library: Any, **more: Any) -> Any:
    return library.Context(settings=library.Settings.from_dict({**_QUIET, **more}))


def _pem(name: str, path: Path | None, kind: bytes) -> bytes:
    if path is None:
        raise UsageError(
            f"'provenance: {{c2pa: sign}}' needs {name}, which is not set",
            hint="set ANIMATIC_C2PA_CERT to a file with the certificate chain, ANIMATIC_C2PA_KEY to one with its key (both PEM)",
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{name} names {path}, which cannot be read: {error.strerror}") from None
    if b"-----BEGIN " not in data or kind + b"-----" not in data:
        raise UsageError(f"{name} names {path}, which holds no {kind.decode().lower()} in PEM")
    return data
