"""Run as a program: a stream's writer in a process of its own, driven by lines on its input."""

from __future__ import annotations

import asyncio
import sys

from pmstore.backends.file import FileStream
from pmstore.models.position import Position


async def main(folder: str) -> None:
    """Answer each line with one: `append TEXT` by the id, `trim POSITION` by `done`."""
    async with FileStream(folder, segment_bytes_max=1024) as stream:
        print("open", flush=True)
        for line in iter(sys.stdin.readline, ""):
            verb, _, text = line.strip().partition(" ")
            if verb == "append":
                print(await stream.append([text.encode()]), flush=True)
            else:
                await stream.trim(Position.parse(text))
                print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
