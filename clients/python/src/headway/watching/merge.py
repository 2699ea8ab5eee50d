"""Merge patches: RFC 7396."""

from __future__ import annotations

from typing import Any

__all__ = ["merge"]


def merge(document: Any, patch: Any) -> Any:  # noqa: ANN401 - JSON is anything
    """``document`` with ``patch`` applied.

    A member that is null goes, an object is merged, everything else is replaced. Neither is changed; parts
    that the patch does not touch are the same objects as before.
    """
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged
