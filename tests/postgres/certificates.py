"""An authority of our own, and a server's certificate from it, made by the program openssl."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

_NOBODY = 65_534


class Certificates(NamedTuple):
    """Files: the authority's certificate, the server's, the server's key."""

    authority: Path
    server: Path
    key: Path


def make_certificates(folder: Path) -> Certificates:
    """Make an authority and let it certify `localhost`."""
    folder.mkdir(parents=True)
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    new = ("-newkey", "rsa:2048", "-nodes", "-days", "2")
    _openssl(folder, "req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=ca")
    _openssl(folder, "req", *new[:3], "-keyout", "key", "-out", "request", "-subj", "/CN=localhost")
    _openssl(
        folder,
        *("x509", "-req", "-in", "request", "-days", "2", "-extfile", "names"),
        *("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", "crt"),
    )
    key = folder / "key"
    key.chmod(0o600)
    if os.geteuid() == 0 and not shutil.which("unshare"):
        # Then the server runs as nobody, and takes only a key of its own.
        os.chown(key, _NOBODY, _NOBODY)
    return Certificates(folder / "ca.crt", folder / "crt", key)


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
