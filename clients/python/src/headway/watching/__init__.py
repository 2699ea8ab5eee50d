"""Watching: the live state of jobs, over connections that come and go.

`session` decides, without I/O, what becomes of the connection, and `stream` what its frames say; they are
held to the shared corpus of cases. `feed` makes changes of what they tell. `blocking` and `aio` run them for
a ``for`` and for an ``async for``, and are both a `face`.
"""
