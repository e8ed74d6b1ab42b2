"""Somebody who vouches for certificates, for as long as a test runs."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey, password: bytes = b"") -> bytes:
    """The key as its file holds it."""
    way: KeySerializationEncryption = (
        BestAvailableEncryption(password) if password else NoEncryption()
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, way)


@attrs.frozen
class Issued:
    """A certificate and its key, for 127.0.0.1."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Put them where a gateway finds them, each at once, in place of what is there."""
        paths = folder / "exchange.pem", folder / "exchange-key.pem"
        contents = self.certificate.public_bytes(Encoding.PEM), key_pem(self.key)
        for path, content in zip(paths, contents, strict=True):
            beside = path.with_suffix(".new")
            beside.write_bytes(content)
            beside.replace(path)
        return paths


class Authority:
    """Signs certificates; clients trust it by its file."""

    def __init__(self, folder: Path) -> None:
        self._key = _key()
        self.folder = folder
        own = self._certificate("authority", self._key, days=(-1, 3650), is_authority=True)
        self.file = folder / "ca.pem"
        self.file.write_bytes(own.public_bytes(Encoding.PEM))

    def issue(self, *, days: tuple[float, float] = (-1, 365)) -> Issued:
        """A new certificate, which counts between *days* from now."""
        key = _key()
        return Issued(self._certificate("exchange", key, days=days, is_authority=False), key)

    def _certificate(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        *,
        days: tuple[float, float],
        is_authority: bool,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        since, until = (now + timedelta(days=one) for one in days)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name("authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(since)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False
            )
            .add_extension(_usage(is_authority), critical=True)
        )
        if not is_authority:
            here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(
                x509.SubjectAlternativeName([here, x509.DNSName("localhost")]), critical=False
            )
        return builder.sign(self._key, SHA256())


def _usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
