"""Watching: the live state of jobs, over connections that come and go.

`session` decides, without I/O, and is held to the shared corpus of cases; `feed` makes changes of what it
tells; `blocking` and `aio` run it for a ``for`` and for an ``async for``.
"""
