"""Run as a program: the doctor as a user who is not root, perhaps without room to write."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import tempfile

from pmstore.cli.application import application
from pmstore.cli.checkup import examine_urls
from pmstore.clock import system_clock

NOBODY = 65534


def main(room: str, *words: str) -> None:
    """Doctor what *words* say; *room* is `full` for a disk that takes no byte more."""
    # Everything is imported before: root's interpreter may be out of reach afterwards.
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(examine_urls([f"file:{folder}"], clock=system_clock))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    if room == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    application(["doctor", *words])


if __name__ == "__main__":
    main(*sys.argv[1:])
