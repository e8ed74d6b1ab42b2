"""Asks processes over HTTP how they are; blocking, for a thread."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Final

import msgspec

from pmengine.gateways.http.answers import ReadinessView
from pmengine.gateways.http.problems import ProblemDetails
from pmengine.gateways.http.vitals import Vitals

ASK_S_MAX: Final = 2.0


def ask_process(url: str) -> Vitals | None:
    """What a process says of its health, None if it does not answer."""
    try:
        with urllib.request.urlopen(f"{url}/ready", timeout=ASK_S_MAX) as answer:
            return _decoded(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return _decoded(error.read())
    except (OSError, HTTPException, ValueError):
        return None


def _decoded(content: bytes) -> Vitals | None:
    try:
        return msgspec.json.decode(content, type=Vitals)
    except msgspec.DecodeError:
        return None


def ask_exchange(url: str, certificate: Path | None) -> tuple[bool, str]:
    """
    Whether an exchange of one process takes orders, with the reason.

    Args:
        certificate: What it shows, if it speaks TLS.
    """
    try:
        trust = None if certificate is None else _trust_in(certificate)
        asked = urllib.request.urlopen(f"{url}/ready", timeout=ASK_S_MAX, context=trust)
        with asked as answer:
            return True, msgspec.json.decode(answer.read(), type=ReadinessView).reason
    except urllib.error.HTTPError as error:
        with error:
            try:
                return False, msgspec.json.decode(error.read(), type=ProblemDetails).detail
            except (msgspec.DecodeError, OSError):
                return False, f"{url} answers {error.code}"
    except OSError as error:
        reason = getattr(error, "reason", error)
        text = getattr(reason, "strerror", None) or reason
        return False, f"nobody answers at {url} (API_HOST, API_PORT): {text}"
    except (HTTPException, msgspec.DecodeError):
        return False, f"what answers at {url} is no exchange (API_HOST, API_PORT)"


def _trust_in(certificate: Path) -> ssl.SSLContext:
    """Trusts this one certificate, by whatever name it is reached and whoever vouches for it."""
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname = False
    trust.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    trust.load_verify_locations(certificate)
    return trust
