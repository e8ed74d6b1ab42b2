"""Which distribution serves a scheme that several serve."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

PIN_PREFIX: Final = "PMSTORE_PIN_"


def environment_pins(environ: Mapping[str, str] | None = None, /) -> dict[str, str]:
    """
    The pins in the environment of the process, scheme in lower case -> distribution.

    Only the environment: whoever opens one store by its URL asks for no `.env`.
    """
    return {
        name.removeprefix(PIN_PREFIX).lower(): value
        for name, value in (os.environ if environ is None else environ).items()
        if name.startswith(PIN_PREFIX) and value
    }
