"""Asks authorities whether certificates were revoked: the responder (OCSP) that a certificate names, else the list (CRL) that it names.

An answer counts only where its authority signed it and it is of these days. A certificate that names neither is asked nowhere, as are
authorities that signed themselves: who trusts them decides that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from animatic.marks.exchange import UnansweredError, exchange

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, ocsp

OCSP_REQUEST: Final = "application/ocsp-request"
SKEW: Final = timedelta(minutes=5)
"""By how much clocks may differ."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """What is known of one certificate of a chain. ``revoked_at``: since when it does not hold; ``unasked``: why nobody could be asked."""

    name: str
    revoked_at: datetime | None = None
    unasked: str | None = None

    @property
    def note(self) -> str | None:
        """What is not known, in words."""
        return f"whether the certificate of {self.name} was revoked could not be asked: {self.unasked}" if self.unasked else None


class Revocations:
    """Asks for each certificate once, however many files it signed."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._known: dict[bytes, Status] = {}
        self._lock = threading.Lock()

    def of(self, chain: Sequence[Certificate]) -> tuple[Status, ...]:
        """Return what is known of a chain, its signing certificate first."""
        with self._lock:
            return tuple(self._of(one, chain[at + 1] if at + 1 < len(chain) else None) for at, one in enumerate(chain))

    def _of(self, one: Certificate, issuer: Certificate | None) -> Status:
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 (few runs sign)

        key = one.fingerprint(SHA256())
        if key not in self._known:
            self._known[key] = self._asked(one, issuer)
        return self._known[key]

    def _asked(self, one: Certificate, issuer: Certificate | None) -> Status:
        name, responders, lists = _name(one), _responders(one), _lists(one)
        if one.issuer == one.subject or not (responders or lists):
            return Status(name=name)
        if issuer is None:
            return Status(name=name, unasked="the certificate of its authority is not known")
        reasons: list[str] = []
        for ask, addresses in ((_by_responder, responders), (_by_list, lists)):
            for address in addresses:
                try:
                    return Status(name=name, revoked_at=ask(address, one, issuer, self._clock()))
                except (UnansweredError, ValueError) as error:
                    reasons.append(str(error))
        return Status(name=name, unasked="; ".join(reasons))


def _by_responder(url: str, one: Certificate, issuer: Certificate, now: datetime) -> datetime | None:
    from cryptography.hazmat.primitives.hashes import SHA1  # noqa: PLC0415 (few runs sign)
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415
    from cryptography.x509 import ocsp  # noqa: PLC0415

    # SHA-1 names the authority here, it protects nothing; every responder knows it.
    question = ocsp.OCSPRequestBuilder().add_certificate(one, issuer, SHA1()).build()  # noqa: S303
    answer = ocsp.load_der_ocsp_response(exchange(url, question.public_bytes(Encoding.DER), OCSP_REQUEST))
    if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise UnansweredError(f"{url} answers {answer.response_status.name.lower()}")
    _check_signer(url, answer, issuer)
    for single in answer.responses:
        if single.serial_number == one.serial_number and single.issuer_key_hash == question.issuer_key_hash:
            _check_age(url, single.this_update_utc, single.next_update_utc, now)
            if single.certificate_status is ocsp.OCSPCertStatus.UNKNOWN:
                break
            return single.revocation_time_utc if single.certificate_status is ocsp.OCSPCertStatus.REVOKED else None
    raise UnansweredError(f"{url} does not know it")


def _check_signer(url: str, answer: ocsp.OCSPResponse, issuer: Certificate) -> None:
    """See that the authority signed an answer, or somebody whom it lets answer."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 (few runs sign)
    from cryptography.x509 import ExtendedKeyUsage, ExtensionNotFound  # noqa: PLC0415
    from cryptography.x509.oid import ExtendedKeyUsageOID  # noqa: PLC0415

    for signer in (issuer, *answer.certificates):
        try:
            if signer != issuer:
                signer.verify_directly_issued_by(issuer)
                if ExtendedKeyUsageOID.OCSP_SIGNING not in signer.extensions.get_extension_for_class(ExtendedKeyUsage).value:
                    continue
            _prove(signer.public_key(), answer)
        except (InvalidSignature, ExtensionNotFound, ValueError, TypeError):
            continue
        return
    raise UnansweredError(f"{url} answers with a signature that is not its authority's")


def _prove(key: Any, answer: ocsp.OCSPResponse) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa  # noqa: PLC0415 (few runs sign)

    signed, proof, digest = answer.tbs_response_bytes, answer.signature, answer.signature_hash_algorithm
    if isinstance(key, rsa.RSAPublicKey) and digest is not None:
        key.verify(proof, signed, padding.PKCS1v15(), digest)
    elif isinstance(key, ec.EllipticCurvePublicKey) and digest is not None:
        key.verify(proof, signed, ec.ECDSA(digest))
    else:
        key.verify(proof, signed)


def _by_list(url: str, one: Certificate, issuer: Certificate, now: datetime) -> datetime | None:
    from cryptography import x509  # noqa: PLC0415 (few runs sign)

    data = exchange(url)
    listed = x509.load_pem_x509_crl(data) if data.startswith(b"-----BEGIN") else x509.load_der_x509_crl(data)
    if listed.issuer != issuer.subject or not listed.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]  # keys of authorities sign
        raise UnansweredError(f"{url} answers with a list that is not its authority's")
    _check_age(url, listed.last_update_utc, listed.next_update_utc, now)
    found = listed.get_revoked_certificate_by_serial_number(one.serial_number)
    return found.revocation_date_utc if found is not None else None


def _check_age(url: str, since: datetime, until: datetime | None, now: datetime) -> None:
    if since > now + SKEW or (until is not None and until < now - SKEW):
        raise UnansweredError(f"{url} answers with what was true on {since:%Y-%m-%d}, not today")


def _responders(one: Certificate) -> list[str]:
    from cryptography import x509  # noqa: PLC0415 (few runs sign)
    from cryptography.x509.oid import AuthorityInformationAccessOID  # noqa: PLC0415

    try:
        access = one.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return _addresses(entry.access_location for entry in access if entry.access_method == AuthorityInformationAccessOID.OCSP)


def _lists(one: Certificate) -> list[str]:
    from cryptography import x509  # noqa: PLC0415 (few runs sign)

    try:
        points = one.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return _addresses(name for point in points for name in point.full_name or ())


def _addresses(names: Any) -> list[str]:
    """Return what can be asked over HTTP: directories are not."""
    return [str(name.value) for name in names if str(name.value).startswith(("http://", "https://"))]


def _name(one: Certificate) -> str:
    from cryptography.x509.oid import NameOID  # noqa: PLC0415 (few runs sign)

    names = one.subject.get_attributes_for_oid(NameOID.COMMON_NAME) or list(one.subject)
    return str(names[0].value) if names else f"number {one.serial_number:x}"
