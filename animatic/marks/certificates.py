"""Reads certificates: those of PEM files that the environment names, and those that a file was signed with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from animatic.errors import UsageError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

CERTIFICATE, PRIVATE_KEY = b"CERTIFICATE", b"PRIVATE KEY"
LONGEST_CHAIN = 8
_LONG_TEXT = 0x59
"""CBOR: bytes follow, their number in the next two. Signatures list their certificates so."""
_LONG_SEQUENCE = b"\x30\x82"
"""DER: a sequence follows, its length in the next two bytes. Every certificate is one."""


def read_pem(name: str, path: Path, kind: bytes) -> bytes:
    """Return a PEM file that the variable ``name`` names. Raises UsageError where it cannot be read, or holds nothing of the kind."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{name} names {path}, which cannot be read: {error.strerror}") from None
    if b"-----BEGIN " not in data or kind + b"-----" not in data:
        raise UsageError(f"{name} names {path}, which holds no {kind.decode().lower()} in PEM")
    return data


def chain_in(name: str, pem: bytes) -> tuple[Certificate, ...]:
    """Return the certificates of the PEM text that the variable ``name`` names. Raises UsageError where one cannot be read."""
    from cryptography import x509  # noqa: PLC0415 (few runs sign)

    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise UsageError(f"{name} holds a certificate that cannot be read: {error}") from None


def certificates_in(store: bytes) -> Iterator[Certificate]:
    """Yield the certificates that a store of content credentials holds, of its own signature and of those of ingredients."""
    from cryptography import x509  # noqa: PLC0415 (few runs sign)

    at = store.find(_LONG_SEQUENCE)
    while at >= 0:
        length = int.from_bytes(store[at + 2 : at + 4]) + 4
        if at >= 3 and store[at - 3] == _LONG_TEXT and int.from_bytes(store[at - 2 : at]) == length:  # noqa: PLR2004 (a head of three bytes)
            try:
                yield x509.load_der_x509_certificate(store[at : at + length])
            except ValueError:
                pass  # something else that begins as certificates do
        at = store.find(_LONG_SEQUENCE, at + 2)


def chain_of(leaf: Certificate, known: Iterable[Certificate]) -> Sequence[Certificate]:
    """Return a certificate and those that issued it, one after the other, as far as they are known."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 (few runs sign)

    chain, others = [leaf], tuple(known)
    while chain[-1].issuer != chain[-1].subject and len(chain) < LONGEST_CHAIN:
        for other in others:
            try:
                chain[-1].verify_directly_issued_by(other)
            except (ValueError, TypeError, InvalidSignature):
                continue
            chain.append(other)
            break
        else:
            break
    return chain
