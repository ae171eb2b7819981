"""Reads content credentials (C2PA) back: whether they hold, who signed, when that was stamped, and whether a certificate was revoked.

Needs the library of the extra ``animatic[c2pa]``.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animatic.errors import UsageError
from animatic.marks.certificates import CERTIFICATE, certificates_in, chain_in, chain_of, read_pem
from animatic.marks.credentials import store_of
from animatic.marks.revocation import Revocations, Status

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

INSTALL = "pip install 'animatic[c2pa]'"
SIGNING, STAMPING = "ANIMATIC_C2PA_CERT", "ANIMATIC_C2PA_TSA_CERT"
"""Variables that name certificates: of who signs, and of who stamps."""
_CERTIFICATE, _UNTRUSTED, _EXPIRED = "signingCredential.", "signingCredential.untrusted", "signingCredential.expired"
_STAMP_TRUSTED = "timeStamp.trusted"
_QUIET = {"builder": {"thumbnail": {"enabled": False}}, "verify": {"remote_manifest_fetch": False}}
"""Pictures of ingredients would make every file larger by those of all that it was made of; nothing is fetched but what we ask for."""
_TITLES: Mapping[str, str] = {
    _EXPIRED: "its certificate has expired",
    "signingCredential.ocsp.revoked": "its certificate was revoked",
    "signingCredential.invalid": "its certificate may not sign content",
    "claimSignature.mismatch": "its signature does not fit",
    "claimSignature.missing": "its signature is gone",
    "claimSignature.outsideValidity": "it was signed when its certificate did not hold",
    "assertion.dataHash.mismatch": "its bytes are not those that were signed",
    "assertion.bmffHash.mismatch": "its bytes are not those that were signed",
    "assertion.hashedURI.mismatch": "its credentials were changed",
    "ingredient.claimSignature.mismatch": "the credentials of an ingredient were changed",
    "timeStamp.mismatch": "its time stamp is of something else",
    "timeStamp.malformed": "its time stamp cannot be read",
    "timeStamp.outsideValidity": "it was stamped when the certificate of the time stamp did not hold",
}
"""What the codes of the specification mean for people; others are shown as they are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamp:
    """When something was signed, as an authority says, and whether that is trusted here: then the signature outlives its certificate."""

    at: datetime
    authority: str
    trusted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What the credentials of a file say. ``problems``: why they do not hold, in words; ``trusted``: signed under one of the anchors."""

    trusted: bool
    problems: tuple[str, ...]
    signer: str | None
    ingredients: int
    """How many files play in it or led to it."""
    stamp: Stamp | None = None
    serial: int | None = None
    """Number of the certificate that signed."""
    of_certificate: tuple[str, ...] = ()
    """Those of the problems that lie with the certificates, not with the file."""
    notes: tuple[str, ...] = ()
    """What could not be found out, or is worth knowing, and speaks against nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchors:
    """Certificates (PEM) under which signatures are trusted, and those under which time stamps are."""

    signing: bytes | None = None
    stamping: bytes | None = None

    @classmethod
    def load(cls, signing: Path | None, stamping: Path | None) -> Anchors:
        """Read them from files. Raises UsageError."""
        return cls(
            signing=read_pem(SIGNING, signing, CERTIFICATE) if signing is not None else None,
            stamping=read_pem(STAMPING, stamping, CERTIFICATE) if stamping is not None else None,
        )

    def settings(self) -> dict[str, Any]:
        """Return them as the library takes them."""
        trust: dict[str, Any] = {"user_anchors": self.signing.decode()} if self.signing is not None else {}
        if self.stamping is not None:
            trust["anchors"] = [{"trust_anchors": self.stamping.decode(), "trust_kind": "tsa", "trust_uri": STAMPING}]
        return {"trust": trust} if trust else {}


NO_ANCHORS = Anchors()


def library(why: str) -> Any:
    """Return the library. Raises UsageError, which says ``why`` it is needed and how to install it."""
    try:
        return importlib.import_module("c2pa")  # an extra of some size: native code that only those who sign have
    except ImportError:
        raise UsageError(f"{why} needs the library c2pa-python, which is not installed", hint=INSTALL) from None


def context(library: Any, anchors: Anchors = NO_ANCHORS) -> Any:
    """Return the settings under which the library works."""
    return library.Context(settings=library.Settings.from_dict({**_QUIET, **anchors.settings()}))


def credentials_of(
    path: Path, mime: str, anchors: Anchors = NO_ANCHORS, revocations: Revocations | None = None, *, ours: bool = False
) -> Credentials:
    """Read and prove the credentials of a file. Raises UsageError without the library.

    ``revocations`` asks whether certificates were revoked: of signatures that are trusted, and of those that are said to be ``ours``.
    Addresses in certificates of strangers are not asked.
    """
    with path.open("rb") as file:
        try:
            found = read_credentials(file, mime, anchors)
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the library says of a damaged file
            return Credentials(trusted=False, problems=(f"its credentials cannot be read: {error}",), signer=None, ingredients=0)
    chain = _chain(path, mime, found.serial, anchors)
    if found.trusted and anchors.stamping is not None:  # to the library all anchors are for both
        vouching = chain_in(SIGNING, anchors.signing) if anchors.signing is not None else ()
        found = replace(found, trusted=any(one in vouching for one in chain))
    if revocations is None or not (found.trusted or ours):
        return found
    return with_revocations(found, revocations.of(chain))


def read_credentials(file: Any, mime: str, anchors: Anchors = NO_ANCHORS) -> Credentials:
    """Read and prove the credentials of an open file. Raises whatever the library has against it."""
    c2pa = library("reading content credentials")
    with context(c2pa, anchors) as settings, c2pa.Reader(mime, file, context=settings) as reader:
        data, more, state = json.loads(reader.json()), json.loads(reader.crjson()), reader.get_validation_state()
    active = data["manifests"][data["active_manifest"]]
    codes = [str(status["code"]) for status in data.get("validation_status", ())]
    proved = {str(status["code"]) for status in data.get("validation_results", {}).get("activeManifest", {}).get("success", ())}
    signature: dict[str, Any] = next(
        (one.get("signature", {}) for one in more["manifests"] if one.get("label") == data["active_manifest"]), {}
    )
    stamp = _stamp(signature.get("timeStampInfo"), trusted=_STAMP_TRUSTED in proved)
    titles = dict(_TITLES)
    if stamp is not None and not stamp.trusted:
        titles[_EXPIRED] += f", and nobody vouches for {stamp.authority}, who stamped it ({STAMPING})"
    written = active.get("signature_info", {})
    return Credentials(
        trusted=state == "Trusted",
        problems=tuple(dict.fromkeys(titles.get(code, code) for code in codes if code != _UNTRUSTED)),
        of_certificate=tuple(
            dict.fromkeys(titles.get(code, code) for code in codes if code.startswith(_CERTIFICATE) and code != _UNTRUSTED)
        ),
        signer=written.get("common_name"),
        ingredients=sum(one.get("relationship") != "parentOf" for one in active.get("ingredients", ())),
        stamp=stamp,
        serial=int(written["cert_serial_number"]) if written.get("cert_serial_number") else None,
    )


def with_revocations(found: Credentials, statuses: Sequence[Status]) -> Credentials:
    """Return what is known of a signature together with what its authorities say of its certificates.

    What a trusted time stamp proves to be older than the revocation holds on.
    """
    revoked, notes = list[str](), list(found.notes)
    for status in statuses:
        if status.note is not None:
            notes.append(status.note)
        if status.revoked_at is None:
            continue
        said = f"the certificate of {status.name} was revoked on {status.revoked_at:%Y-%m-%d}"
        if found.stamp is not None and found.stamp.trusted and found.stamp.at < status.revoked_at:
            notes.append(f"{said}, after it had signed: {found.stamp.authority} stamped that on {found.stamp.at:%Y-%m-%d}")
        else:
            revoked.append(said)
    return replace(
        found,
        problems=(*found.problems, *revoked),
        of_certificate=(*found.of_certificate, *revoked),
        notes=tuple(dict.fromkeys(notes)),
    )


def _chain(path: Path, mime: str, serial: int | None, anchors: Anchors) -> Sequence[Certificate]:
    held = tuple(certificates_in(store_of(path, mime) or b""))
    leaf = next((one for one in held if one.serial_number == serial), None)
    return chain_of(leaf, (*held, *(chain_in(SIGNING, anchors.signing) if anchors.signing else ()))) if leaf is not None else ()


def _stamp(written: Any, *, trusted: bool) -> Stamp | None:
    if not isinstance(written, dict) or not isinstance(written.get("timestamp"), str):
        return None
    subject = written.get("certificateInfo", {}).get("subject", {})
    authority = str(subject.get("CN") or subject.get("O") or "an authority without a name")
    return Stamp(at=datetime.fromisoformat(written["timestamp"]), authority=authority, trusted=trusted)
