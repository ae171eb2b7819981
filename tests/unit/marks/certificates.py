"""Certificate chains made on the spot: a signing certificate under an authority of its own, which may say where to ask for revocations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from animatic.marks.reading import Anchors

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class Chain:
    """Files of a chain: leaf and authority, the leaf alone, and the leaf's key; and what they were made of."""

    cert: Path
    leaf: Path
    key: Path
    signing: x509.Certificate
    authority: x509.Certificate
    authority_key: ec.EllipticCurvePrivateKey

    @property
    def anchors(self) -> Anchors:
        return Anchors.load(self.cert, None)


def make_chain(
    folder: Path,
    name: str = "Studio",
    *,
    ends: timedelta = timedelta(days=30),
    key: Key | None = None,
    responder: str | None = None,
    revoked_at: str | None = None,
    usage: ObjectIdentifier = ExtendedKeyUsageOID.EMAIL_PROTECTION,
    under: Chain | None = None,
) -> Chain:
    """Write a chain whose certificates began a year ago and end in ``ends`` (negative: they have expired).

    ``responder`` and ``revoked_at``: addresses of an OCSP responder and of a list of revoked certificates, named by the leaf.
    ``under``: a chain whose authority issues the leaf.
    """
    authority = under.authority_key if under else ec.generate_private_key(ec.SECP256R1())
    leaf = key or ec.generate_private_key(ec.SECP256R1())
    root_name, leaf_name = under.authority.subject if under else _name(f"{name} CA"), _name(name)
    root = (
        _begun(root_name, root_name, authority, max(ends, timedelta(days=30)) if ends > timedelta(0) else ends)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority.public_key()), critical=False)
        .sign(authority, hashes.SHA256())
    )
    unsigned = (
        _begun(leaf_name, root_name, leaf, ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=usage == ExtendedKeyUsageOID.TIME_STAMPING)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(leaf.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
    )
    if responder is not None:
        access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(responder))
        unsigned = unsigned.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    if revoked_at is not None:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(revoked_at)], None, None, None)
        unsigned = unsigned.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    signing = unsigned.sign(authority, hashes.SHA256())
    folder.mkdir(parents=True, exist_ok=True)
    chain = Chain(folder / "chain.pem", folder / "leaf.pem", folder / "key.pem", signing, root, authority)
    chain.cert.write_bytes(signing.public_bytes(Encoding.PEM) + root.public_bytes(Encoding.PEM))
    chain.leaf.write_bytes(signing.public_bytes(Encoding.PEM))
    chain.key.write_bytes(leaf.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return chain


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"), x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _begun(subject: x509.Name, issuer: x509.Name, key: Key, ends: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=365))
        .not_valid_after(now + ends)
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
