"""A key-value bucket of NATS JetStream, written only over what its writer has seen."""

from __future__ import annotations

import base64
from typing import Final

import attrs

from pmstore import LimitExceeded, StoreUnavailable
from pmstore_nats.config import NatsConfig
from pmstore_nats.connection import WRONG_LAST_SEQUENCE, Connection, Message, message_of

ATTEMPTS_MAX: Final = 1000
"""How often a change is tried again because another was faster."""

_EXPECTED: Final = "Nats-Expected-Last-Subject-Sequence"
_OPERATION: Final = "KV-Operation"
_NOW: Final = "clock.now"
"""No name has this key: keys of names have no dot."""
_HEADERS_BYTES: Final = 512


@attrs.frozen
class Value:
    """What stands under a name; `revision` is 0 if nothing ever did, `data` None if it is gone."""

    revision: int = 0
    data: bytes | None = None


class Bucket:
    """
    Values by name; a name is in the key in base64url.

    Args:
        config: Which server.
        name: The bucket's; JetStream calls its stream `KV_<name>`.
    """

    def __init__(self, config: NatsConfig, name: str) -> None:
        self.name = name
        self._stream = f"KV_{name}"
        self._subject = f"$KV.{name}."
        self._connection = Connection(config)

    async def open(self) -> None:
        """
        Connect, and make the bucket if it is not there.

        Raises:
            StoreUnavailable: Nobody answers, or there is no JetStream.
        """
        try:
            await self._connection.api(
                f"STREAM.CREATE.{self._stream}",
                {
                    "name": self._stream,
                    "subjects": [f"{self._subject}>"],
                    "retention": "limits",
                    "storage": "file",
                    "discard": "new",
                    "max_msgs_per_subject": 1,
                    "max_consumers": -1,
                    "max_msgs": -1,
                    "max_bytes": -1,
                    "max_age": 0,
                    "num_replicas": 1,
                    # What tools for buckets expect of one.
                    "allow_rollup_hdrs": True,
                    "deny_delete": True,
                },
            )
        except BaseException:
            await self._connection.close()
            raise

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    async def get(self, name: str) -> Value:
        """What stands under *name*; one round trip."""
        message = await self._last(_key(name))
        if message is None:
            return Value()
        is_gone = message.headers.get(_OPERATION) in ("DEL", "PURGE")
        return Value(message.seq, None if is_gone else message.data)

    async def put(self, name: str, data: bytes, seen: Value) -> bool:
        """
        Write *data* over what was *seen*; False if something else stands there by now.

        Raises:
            StoreUnavailable: No answer: perhaps it was written.
            LimitExceeded: It is more than the server takes.
        """
        most = (await self._connection.client()).max_payload - _HEADERS_BYTES
        if len(data) > most:
            raise LimitExceeded(f"{self.name} {name}: {len(data)} bytes; this server takes {most}")
        return await self._publish(_key(name), data, {_EXPECTED: str(seen.revision)})

    async def remove(self, name: str, seen: Value) -> bool:
        """Let nothing stand under *name*; False and errors as for `put`."""
        headers = {_EXPECTED: str(seen.revision), _OPERATION: "DEL"}
        return await self._publish(_key(name), b"", headers)

    async def names(self) -> list[str]:
        """The names that ever had a value, sorted."""
        asked = {"subjects_filter": f"{self._subject}>"}
        said = await self._connection.api(f"STREAM.INFO.{self._stream}", asked)
        keys = [one.removeprefix(self._subject) for one in said["state"].get("subjects") or ()]
        return sorted(_name(key) for key in keys if "." not in key)

    async def now_ms(self) -> int:
        """
        The server's time in epoch milliseconds; two round trips.

        It says it of a message that is written to ask for it.
        """
        await self._publish(_NOW, b"{}", {})
        # Another's question may stand there already: then it is later.
        asked = await self._last(_NOW)
        if asked is None:
            raise StoreUnavailable(f"{self.name}: the server does not say the time")
        return asked.time_ms

    async def _publish(self, key: str, data: bytes, headers: dict[str, str]) -> bool:
        subject = self._subject + key
        said = await self._connection.request(subject, data, headers=headers, writes=True)
        error = said.get("error")
        if error is not None and error.get("err_code") != WRONG_LAST_SEQUENCE:
            raise self._connection.refused(error)
        return error is None

    async def _last(self, key: str) -> Message | None:
        which = {"last_by_subj": self._subject + key}
        said = await self._connection.api(f"STREAM.MSG.GET.{self._stream}", which)
        return message_of(said["message"]) if said else None


def _key(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).rstrip(b"=").decode()


def _name(key: str) -> str:
    return base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)).decode(errors="backslashreplace")
