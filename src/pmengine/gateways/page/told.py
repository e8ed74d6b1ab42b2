"""What the page is told of its exchange, `/page.json`, and what browsers let it do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import attrs
import msgspec

from pmengine.gateways.page.files import PageFile


@attrs.frozen(kw_only=True)
class WebPage:
    """
    The page as a gateway serves it.

    Args:
        files: By their paths.
        auth: How callers may show who they are: `off`, `jwt`, `keys`.
        user_feed: Where `/user` is, a path of the same origin or a WebSocket URL; None if no
            browser can reach it.
    """

    files: Mapping[str, PageFile]
    auth: Sequence[str]
    user_feed: str | None

    def told(self) -> bytes:
        """The body of `/page.json`."""
        return msgspec.json.encode({"auth": list(self.auth), "user_feed": self.user_feed})

    def policy(self) -> bytes:
        """What a browser may do with the page (CSP): nothing with any other address."""
        connect = "'self'"
        url = urlsplit(self.user_feed or "")
        if url.netloc:
            connect += f" {url.scheme}://{url.netloc}"
        return (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            f"font-src 'self'; connect-src {connect}; manifest-src 'self'; "
            "require-trusted-types-for 'script'; trusted-types 'none'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ).encode()


def is_feed_address(text: str) -> bool:
    """Whether *text* says where a feed is: a path, or a `ws` or `wss` URL without a name in it."""
    if not text.isascii() or any(sign in " \t\r\n;,'\"\\<>" for sign in text):
        return False
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        return False
    if not url.scheme:
        return text.startswith("/") and not url.netloc
    is_socket = url.scheme in ("ws", "wss") and port != 0
    return is_socket and bool(url.hostname) and "@" not in url.netloc
