"""Authorities on this machine, over HTTP: one that stamps the time (RFC 3161), one that says which certificates were revoked."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.unit.marks.certificates import Chain, make_chain


class Authority:
    """A service at ``url``. ``asked``: the paths of its questions; ``status``: what it answers in place of 200."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.status = 200

    def answer(self, path: str, question: bytes) -> bytes:
        raise NotImplementedError


class StampAuthority(Authority):
    """Stamps what it is asked to, at the time of this machine, moved by ``ahead``."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.chain = make_chain(folder, "Clock", usage=ExtendedKeyUsageOID.TIME_STAMPING)
        self.ahead = timedelta(0)

    def answer(self, path: str, question: bytes) -> bytes:
        version, imprint, *rest = _items(_items(question)[0][1])
        assert version == (2, b"\1")
        given = [_der(tag, content) for tag, content in rest if tag == 2]  # the number that the answer must repeat
        return _der(0x30, _der(0x30, _integer(0)), self._token(_der(*imprint), given))

    def _token(self, imprint: bytes, nonce: list[bytes]) -> bytes:
        """Return a signed time stamp: CMS around the time, the hash and the number that were asked for."""
        at = (datetime.now(UTC) + self.ahead).strftime("%Y%m%d%H%M%SZ").encode()
        info = _der(0x30, _integer(1), _oid("1.2.3.4.1"), imprint, _integer(secrets.randbits(60)), _der(0x18, at), *nonce)
        held = self.chain.signing.public_bytes(Encoding.DER)
        attributes = (
            _der(0x30, _oid(_CONTENT_TYPE), _der(0x31, _oid(_TIME_STAMP))),
            _der(0x30, _oid(_DIGEST), _der(0x31, _der(4, sha256(info).digest()))),
            _der(0x30, _oid(_SIGNING_CERTIFICATE), _der(0x31, _der(0x30, _der(0x30, _der(0x30, _der(4, sha256(held).digest())))))),
        )
        signed = b"".join(sorted(attributes))
        key = load_pem_private_key(self.chain.key.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        algorithm = _der(0x30, _oid(_SHA256))
        who = _der(0x30, self.chain.signing.issuer.public_bytes(), _integer(self.chain.signing.serial_number))
        proof = _der(4, key.sign(_der(0x31, signed), ec.ECDSA(hashes.SHA256())))
        signer = _der(0x30, _integer(1), who, algorithm, _der(0xA0, signed), _der(0x30, _oid(_ECDSA_SHA256)), proof)
        certificates = held + self.chain.authority.public_bytes(Encoding.DER)
        content = _der(0x30, _oid(_TIME_STAMP), _der(0xA0, _der(4, info)))
        return _der(
            0x30,
            _oid(_SIGNED_DATA),
            _der(0xA0, _der(0x30, _integer(3), _der(0x31, algorithm), content, _der(0xA0, certificates), _der(0x31, signer))),
        )


class RevocationAuthority(Authority):
    """Answers for one chain, by OCSP and with a list. ``revoked_at``: since when its leaf is revoked, None while it is not."""

    chain: Chain
    revoked_at: datetime | None = None
    age: timedelta = timedelta(0)
    """How old its answers are."""
    delegate: Chain | None = None
    """Whose leaf signs its answers."""
    signed_by: Chain | None = None
    """Whose authority signs its answers, where that is not its own."""

    def answer(self, path: str, question: bytes) -> bytes:
        since = datetime.now(UTC) - self.age - timedelta(minutes=1)
        signer = self.signed_by or self.chain
        key = signer.authority_key
        if path == "/list":
            listed = x509.CertificateRevocationListBuilder().issuer_name(self.chain.authority.subject)
            listed = listed.last_update(since).next_update(since + timedelta(days=1))
            if self.revoked_at is not None:
                one = x509.RevokedCertificateBuilder().serial_number(self.chain.signing.serial_number).revocation_date(self.revoked_at)
                listed = listed.add_revoked_certificate(one.build())
            return listed.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
        asked = ocsp.load_der_ocsp_request(question)
        known = asked.serial_number == self.chain.signing.serial_number
        assert known
        answer = ocsp.OCSPResponseBuilder().add_response(
            cert=self.chain.signing,
            issuer=self.chain.authority,
            algorithm=hashes.SHA1(),
            cert_status=ocsp.OCSPCertStatus.REVOKED if self.revoked_at else ocsp.OCSPCertStatus.GOOD,
            this_update=since,
            next_update=since + timedelta(days=1),
            revocation_time=self.revoked_at,
            revocation_reason=x509.ReasonFlags.key_compromise if self.revoked_at else None,
        )
        if self.delegate is not None:  # a responder of its own, whose certificate comes with the answer
            answer = answer.certificates([self.delegate.signing])
            responder, held = self.delegate.signing, load_pem_private_key(self.delegate.key.read_bytes(), None)
            assert isinstance(held, ec.EllipticCurvePrivateKey)
            key = held
        else:
            responder = signer.authority
        signed = answer.responder_id(ocsp.OCSPResponderEncoding.HASH, responder).sign(key, hashes.SHA256())
        return signed.public_bytes(Encoding.DER)


@contextmanager
def served(authority: Authority) -> Iterator[None]:
    """Let an authority answer on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            authority.asked.append(self.path)
            question = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = authority.answer(self.path, question) if authority.status == 200 else b""
            self.send_response(authority.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST  # noqa: N815 (the name that the server calls)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        authority.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


_SHA256, _ECDSA_SHA256 = "2.16.840.1.101.3.4.2.1", "1.2.840.10045.4.3.2"
_SIGNED_DATA, _CONTENT_TYPE, _DIGEST = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_TIME_STAMP, _SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.1.4", "1.2.840.113549.1.9.16.2.47"


def _der(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size) + content


def _integer(number: int) -> bytes:
    return _der(2, number.to_bytes(number.bit_length() // 8 + 1))


def _oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    found = bytearray([first * 40 + second])
    for number in rest:
        part = [number & 0x7F]
        while number := number >> 7:
            part.insert(0, number & 0x7F | 0x80)
        found += bytes(part)
    return _der(6, bytes(found))


def _items(data: bytes) -> list[tuple[int, bytes]]:
    """Return tag and content of each element of a sequence's content."""
    found, at = [], 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size]), at + size
        found.append((tag, data[at : at + length]))
        at += length
    return found
