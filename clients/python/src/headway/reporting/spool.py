"""Reports on disk until they are acknowledged, so that they outlive a crash of the worker.

One file for each reporter: lines are appended as reports are made and as answers come, and the file is
written anew, with what still waits, when it has grown beyond its bound or everything was answered. What was
appended survives the end of the process, also by ``kill -9``; the file is not forced to the disk, so that a
crash of the whole machine may lose the last seconds.

**Invariants:** a file belongs to the process that holds its lock; a file is removed only when nothing waits
in it. No token is ever in it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from weakref import WeakSet

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no such locks
    fcntl = None  # type: ignore[assignment]

from .journal import Restored, restore

__all__ = ["Spool", "claim", "orphans"]

_ENDING = ".jsonl"
_REPORTERS = 16
"""Reporters on one job that can have a spool at the same time, on one machine."""
_OPEN: WeakSet[Spool] = WeakSet()


class Spool:
    """A locked file of lines."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        _OPEN.add(self)

    def read(self) -> Restored | None:
        """What an earlier run left in it; ``None`` when it holds nothing that can be read."""
        with open(self._descriptor, encoding="utf-8", errors="replace", closefd=False) as lines:
            lines.seek(0)
            return restore(lines)

    def append(self, lines: Iterable[str]) -> None:
        """Writes lines at the end, each whole or not at all unless the machine fails.

        :raises OSError: when the disk does not take them.
        """
        self.size += _write(self._descriptor, lines)

    def rewrite(self, lines: Iterable[str]) -> None:
        """Replaces everything, at once.

        :raises OSError: when the disk does not take it; the old lines then stay.
        """
        fresh = self.path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _lock(descriptor)
            size = _write(descriptor, lines)
            fresh.rename(self.path)
        except BaseException:
            os.close(descriptor)
            with suppress(OSError):
                fresh.unlink()
            raise
        os.close(self._descriptor)
        self._descriptor, self.size = descriptor, size

    def remove(self) -> None:
        """Takes the file away: nothing waits in it."""
        with suppress(OSError):
            self.path.unlink()
        self.close()

    def set_aside(self) -> None:
        """Keeps what cannot be read, such as that of a newer version, under another name."""
        with suppress(OSError):
            self.path.rename(self.path.with_suffix(".unreadable"))

    def close(self) -> None:
        """Lets the file go as it is, for the next run."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def claim(folder: Path, job: str, url: str) -> Spool:
    """A spool for a job of a server: the one that an earlier run left, or a new one.

    :raises OSError: when the folder or a file in it cannot be used.
    """
    if fcntl is None:  # pragma: no cover - Windows
        raise OSError("a spool needs a POSIX system")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in range(_REPORTERS):
        spool = _open(folder / f"{_name(job, url)}.{number}{_ENDING}", create=True)
        if spool is not None:
            return spool
    raise OSError(f"{_REPORTERS} reporters hold a spool for this job already")


def orphans(folder: Path) -> list[Spool]:
    """The spools that nobody holds any more."""
    found = []
    if fcntl is not None and folder.is_dir():
        for path in sorted(folder.glob(f"*{_ENDING}")):
            spool = _open(path, create=False)
            if spool is not None:
                found.append(spool)
    return found


def _name(job: str, url: str) -> str:
    """A file's name for a job of a server: what people may read of it, and a sum that tells them apart."""
    plain = re.sub(r"[^a-z0-9_-]", "-", job.lower())[:80]
    return f"{plain}-{hashlib.sha256(f'{url} {job}'.encode()).hexdigest()[:12]}"


def _open(path: Path, *, create: bool) -> Spool | None:
    """The spool of this path, ``None`` when somebody holds it or took it away."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | (os.O_CREAT if create else 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileNotFoundError:
        return None
    try:
        _lock(descriptor)
        # Whoever held it may have removed or replaced it while it was being locked.
        if os.path.samestat(os.stat(path), os.fstat(descriptor)):
            return Spool(path, descriptor)
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return _open(path, create=True) if create and not path.exists() else None


def _lock(descriptor: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _write(descriptor: int, lines: Iterable[str]) -> int:
    """Writes lines; how many bytes they have."""
    text = "".join(f"{line}\n" for line in lines).encode()
    size = len(text)
    while text:
        text = text[os.write(descriptor, text) :]
    return size


def _forked() -> None:
    """A lock is held as long as any process has its file open: a child lets go of its parent's."""
    for spool in list(_OPEN):
        spool.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
