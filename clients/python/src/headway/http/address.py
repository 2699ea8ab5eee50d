"""Where a server is."""

from __future__ import annotations

import os
import re
import ssl
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

__all__ = ["Address", "server_address", "token_of"]

_DEFAULT = "http://127.0.0.1:4323"
_HOST = re.compile(r"[A-Za-z0-9_.:%~-]+\Z")
_PATH = "/%:@!$&'()*+,;="
"""Signs of a path that are sent as they are, beside letters and digits."""
_SENDABLE = re.compile(r"[\x21-\x7e]+\Z")


@dataclass(frozen=True, slots=True)
class Address:
    """A server's address, read once. ``tls`` is ``None`` for plain HTTP."""

    host: str
    port: int
    prefix: str
    tls: ssl.SSLContext | None

    @property
    def url(self) -> str:
        """The address as text, for people."""
        scheme = "http" if self.tls is None else "https"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}{self.prefix}"

    @property
    def authority(self) -> str:
        """What the header ``Host`` says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (80 if self.tls is None else 443) else f"{host}:{self.port}"


def server_address(url: str | None, tls: ssl.SSLContext | None = None) -> Address:
    """The address of a server: ``url``, else the variable ``HEADWAY_URL``, else this machine's.

    What an address of a browser may have beyond ASCII is written as it is sent.

    :raises ValueError: for what is no ``http://`` or ``https://`` address.
    """
    text = url or os.environ.get("HEADWAY_URL") or _DEFAULT
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("the server's address must be like http://127.0.0.1:4323")
    if parts.username is not None:
        raise ValueError("the server's address must not carry a name or a password: give `token`")
    secure = parts.scheme == "https"
    context = (tls or ssl.create_default_context()) if secure else None
    port = (443 if secure else 80) if parts.port is None else parts.port
    if port == 0:
        raise ValueError("the server's address must not have the port 0: say the one that it listens on")
    return Address(_host(parts.hostname), port, quote(parts.path.rstrip("/"), safe=_PATH), context)


def _host(name: str) -> str:
    try:
        host = name if name.isascii() and len(name) < 64 else name.encode("idna").decode("ascii")
    except UnicodeError:
        host = ""
    if not _HOST.match(host):
        raise ValueError(f"`{name[:100]}` is no name of a host")
    return host


def token_of(token: str | None) -> str | None:
    """A token that a header can carry; ``None`` for what is none.

    :raises ValueError: for one with other signs, such as the end of a line. It is not repeated.
    """
    if token is None or _SENDABLE.match(token):
        return token
    raise ValueError("the token has signs that no header can carry, such as a space or the end of a line")
