"""Run as a program: a workload again and again, each time killed at the next barrier."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.file.disks import KillingDisk
from tests.file.workloads import run


def main(name: str, root: Path) -> None:
    """Leave a folder `<root>/<number>` and the acknowledgements for each barrier."""
    number = 0
    while True:
        number += 1
        folder = root / str(number) / "store"
        folder.mkdir(parents=True)
        # Forked before any thread or loop was made here: each child begins from nothing.
        child = os.fork()
        if not child:
            run_and_die(name, folder, number)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            if os.WEXITSTATUS(status):
                sys.exit(f"barrier {number}: the workload failed")
            print(number)
            return


def run_and_die(name: str, folder: Path, number: int) -> None:
    """Run the workload in this process and end it."""
    ledger = os.open(folder.parent / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    status = 1
    try:
        run(
            name,
            folder,
            KillingDisk(number),
            lambda line: (os.write(ledger, f"{line}\n".encode()), None)[1],
        )
        status = 0
    finally:
        os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
