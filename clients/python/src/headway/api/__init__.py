"""Asking: jobs and batches, made, looked at and commanded.

`calls` says which request each question is; `blocking` and `aio` send them.
"""
