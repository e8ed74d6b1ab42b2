"""Where a request comes from, also behind proxies that are trusted to say so."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

IPV6_PREFIX: Final = 64
"""What one customer has of IPv6: its addresses count as one."""
HOPS_MAX: Final = 16


def parse_networks(text: str) -> tuple[Network, ...]:
    """
    Addresses and networks with commas between them: `10.0.0.7, 10.1.0.0/16`.

    Raises:
        ValueError: One is neither.
    """
    return tuple(ipaddress.ip_network(one.strip()) for one in text.split(",") if one.strip())


class Origins:
    """
    Says where requests come from, as one text for who counts as one.

    Args:
        trusted: Proxies whose X-Forwarded-For is believed; nobody else's is.
    """

    def __init__(self, trusted: Sequence[Network] = ()) -> None:
        self._trusted = tuple(trusted)

    def of(self, peer: str, forwarded_for: bytes = b"") -> str:
        """
        The origin of a request from *peer* with that X-Forwarded-For.

        Each trusted proxy adds at the right who spoke to it, so the first from the right that
        is not trusted is the client; what stands left of it, the client may have made up.
        """
        if not self._trusted:
            return _counted(peer)
        origin = peer
        hops = forwarded_for.decode("latin-1").rsplit(",", HOPS_MAX)[::-1] if forwarded_for else []
        for hop in hops[:HOPS_MAX]:
            if not self._is_trusted(origin):
                break
            said = _parsed(hop.strip())
            if said is None:
                break
            origin = str(said)
        return _counted(origin)

    def _is_trusted(self, text: str) -> bool:
        address = _parsed(text)
        return address is not None and any(address in network for network in self._trusted)


def _parsed(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


@lru_cache(maxsize=4096)
def _counted(text: str) -> str:
    address = _parsed(text)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
    return text if address is None else str(address)
