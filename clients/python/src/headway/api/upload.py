"""A file on its way: read and sent piece by piece, never held whole."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..http.exchange import Request

__all__ = ["upload"]

_PIECE_BYTES = 64 * 1024


def upload(path: str, file: Path, options: Mapping[str, Any], key: str | None) -> Request:
    """The request that sends a file of items, JSONL or CSV in UTF-8, told apart by its name's ending.

    The options come first: the server reads the file as it comes.

    :raises OSError: when the file cannot be read.
    """
    boundary = secrets.token_hex(16)
    name = file.name.replace("\\", "_").replace('"', "_").replace("\r", "_").replace("\n", "_")
    first = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="options"\r\n'
        "Content-Type: application/json\r\n\r\n"
        f"{json.dumps(dict(options), ensure_ascii=False, allow_nan=False)}\r\n"
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    last = f"\r\n--{boundary}--\r\n".encode()
    size = file.stat().st_size
    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Content-Length": str(len(first) + size + len(last)),
    }
    if key is not None:
        headers["Idempotency-Key"] = key
    return Request("POST", path, _Pieces(first, file, size, last), headers)


class _Pieces:
    """The body, from the beginning each time that it is asked for."""

    def __init__(self, first: bytes, file: Path, size: int, last: bytes) -> None:
        self._parts = (first, file, size, last)

    def __iter__(self) -> Iterator[bytes]:
        first, file, size, last = self._parts
        yield first
        left = size
        with file.open("rb") as content:
            # What is appended meanwhile is not part of what was announced.
            while left and (piece := content.read(min(_PIECE_BYTES, left))):
                left -= len(piece)
                yield piece
        if left:
            raise OSError(f"{file.name} became shorter while it was sent")
        yield last
