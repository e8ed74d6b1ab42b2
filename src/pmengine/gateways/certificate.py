"""The certificate that gateways show (TLS), and its key; read anew when their files change."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, Final

import attrs
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from pmengine.gateways.watched_files import WatchedFiles
from pmstore.clock import Clock

FILE_BYTES_MAX: Final = 1024 * 1024
WARN_DAYS: Final = 14
_DAY_MS: Final = 86_400_000

_logger = structlog.get_logger("pmengine.tls")


class UnusableCertificate(Exception):
    """A certificate or key that cannot be used; the message says why, and nothing of the key."""


@attrs.frozen(kw_only=True, repr=False)
class Pair:
    """
    A certificate with those that vouch for it, and its key, both in PEM; it has no `repr`.

    `expires_at_ms` is in epoch milliseconds.
    """

    chain: bytes
    key: bytes
    expires_at_ms: int
    context: ssl.SSLContext


def read_pair(certificate: Path, key: Path, now_ms: int) -> Pair:
    """
    What the two files hold, ready to be shown.

    Raises:
        UnusableCertificate: One is missing, cannot be read or is something else, they do not
            belong together, or the certificate does not count now.
    """
    chain, secret = _content(certificate), _content(key)
    try:
        own = x509.load_pem_x509_certificates(chain)[0]
    except Exception:
        raise UnusableCertificate(f"{certificate} is no certificate in PEM") from None
    expires_at_ms = _check_time(certificate, own, now_ms)
    try:
        private: Any = load_pem_private_key(secret, None)
    except TypeError:
        raise UnusableCertificate(
            f"{key} asks for a password, and nobody is there to say it; store the key without "
            "one, for this user alone"
        ) from None
    except Exception:
        # The library's message would quote the file.
        raise UnusableCertificate(f"{key} is no private key in PEM") from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*form) != own.public_key().public_bytes(*form):
        raise UnusableCertificate(f"{key} is not the key of the certificate {certificate}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        raise UnusableCertificate(f"{certificate} cannot be used: {error}") from None
    return Pair(chain=chain, key=secret, expires_at_ms=expires_at_ms, context=context)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES_MAX)
    except OSError as error:
        raise UnusableCertificate(f"{path}: {error.strerror}") from None


def _check_time(path: Path, own: x509.Certificate, now_ms: int) -> int:
    since, until = own.not_valid_before_utc, own.not_valid_after_utc
    expires_at_ms = int(until.timestamp() * 1000)
    if expires_at_ms <= now_ms:
        raise UnusableCertificate(f"{path} expired on {until:%Y-%m-%d}: put a new one there")
    if since.timestamp() * 1000 > now_ms:
        raise UnusableCertificate(f"{path} does not count before {since:%Y-%m-%d %H:%M} UTC")
    return expires_at_ms


class Certificate:
    """
    The certificate of a gateway, as its files are when a client connects.

    Whoever renews it replaces both files; the next connection is shown the new one, and those
    that are open stay. While the files cannot be used the last good pair is shown, and the log
    says why.

    Args:
        clock: The time now in epoch milliseconds.
        now_s: Seconds that only grow.

    Raises:
        UnusableCertificate: As for `read_pair`.
    """

    def __init__(
        self,
        certificate: Path,
        key: Path,
        *,
        clock: Clock,
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        self._paths = (certificate, key)
        self._clock = clock
        self._files = WatchedFiles(self._paths, now_s)
        self._pair = read_pair(certificate, key, clock())
        self.context: Final = self._pair.context
        self.context.sni_callback = self._choose
        self._tell()

    def current(self) -> Pair:
        """What is shown to who connects now."""
        if self._files.have_changed():
            self._read_anew()
        return self._pair

    @property
    def expires_at_ms(self) -> int:
        """Until when it counts, in epoch milliseconds."""
        return self.current().expires_at_ms

    @property
    def warning(self) -> str:
        """That it expires soon, or has; empty if neither."""
        expires_at_ms = self.expires_at_ms
        days = (expires_at_ms - self._clock()) / _DAY_MS
        if days > WARN_DAYS:
            return ""
        on = f"{datetime.fromtimestamp(expires_at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
        if days <= 0:
            return f"the certificate expired on {on}"
        return f"the certificate expires in {int(days)} days, on {on}"

    def beside(self, readiness: tuple[bool, str]) -> tuple[bool, str]:
        """*readiness* with the warning, if there is one."""
        is_ready, reason = readiness
        return is_ready, "; ".join(filter(None, (reason, self.warning)))

    def numbers(self) -> Mapping[str, float]:
        """What is worth watching, by names of metrics."""
        return {"tls_certificate_expires_timestamp_seconds": self.expires_at_ms / 1000}

    def _read_anew(self) -> None:
        try:
            self._pair = read_pair(*self._paths, self._clock())
        except UnusableCertificate as error:
            _logger.error("certificate_not_taken", reason=str(error))
            return
        self._tell()

    def _tell(self) -> None:
        until = datetime.fromtimestamp(self._pair.expires_at_ms / 1000, UTC)
        _logger.info("certificate_shown", expires=until.isoformat())
        days = (self._pair.expires_at_ms - self._clock()) / _DAY_MS
        if days <= WARN_DAYS:
            _logger.warning("certificate_expires_soon", days=int(days))

    def _choose(self, handshake: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        """Called by OpenSSL when a client says hello, whether it names a server or not."""
        handshake.context = self.current().context
