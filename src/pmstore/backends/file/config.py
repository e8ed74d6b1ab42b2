"""What a `file:` URL can say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from pmstore.backends.file.fsync_policy import FsyncPolicy


def _positive(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value <= 0:
        raise ValueError(f"{attribute.name} is {value}; expected more than 0")


@attrs.frozen(kw_only=True)
class FileConfig:
    """
    The parameters of `file:path?fsync=…`.

    Attributes:
        path: The folder of the streams (each has its own in it) or of the snapshots; the
            file of the audit log.
        fsync: `always` answers when the disk has it; `interval` and `never` answer before,
            and a loss of power may take what was answered last. Of streams and audit logs.
        fsync_interval_s: How long `interval` leaves bytes unsynced.
        segment_bytes_max: A stream's segment of that size is finished.
        rotate_bytes_max: An audit log of that size is put aside and compressed.
        readonly: Streams and audit logs are opened for reading only, beside a writer elsewhere.
    """

    path: Path
    fsync: FsyncPolicy = "always"
    fsync_interval_s: float = attrs.field(default=0.1, validator=_positive)
    segment_bytes_max: int = attrs.field(default=64 * 1024 * 1024, validator=_positive)
    rotate_bytes_max: int = attrs.field(default=32 * 1024 * 1024, validator=_positive)
    readonly: bool = False
