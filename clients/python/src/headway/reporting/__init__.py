"""Reporting: what a worker says about its job, without ever waiting for it.

`session` decides what is sent and when, without I/O; `reporter` runs it under a thread, `aio` under an
asyncio task; `spool` keeps what was not acknowledged over a crash of the worker.
"""
