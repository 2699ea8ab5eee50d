"""How reports are sent."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ReportOptions"]


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Bounds and paces. Times are seconds.

    :param queue_events: reports that wait at most.
    :param queue_bytes: bytes of JSON that wait at most; also about half of a spool's largest size.
    :param batch_events: reports of one request at most; the server takes 10,000.
    :param batch_bytes: bytes of one request at most; the server takes 1 MiB unless configured otherwise.
    :param interval: the shortest time between two requests, so that states of a fast worker come together.
    :param heartbeat: how long nothing is sent before the server is asked for commands; every second time
        the job is kept from looking stalled.
    :param request_timeout: how long one request may take in all.
    :param close_timeout: how long leaving a ``with`` block or the end of the program waits for the rest.
    """

    queue_events: int = 10_000
    queue_bytes: int = 8 * 1024 * 1024
    batch_events: int = 100
    batch_bytes: int = 900_000
    interval: float = 0.1
    heartbeat: float = 5.0
    request_timeout: float = 10.0
    close_timeout: float = 5.0

    def __post_init__(self) -> None:
        """Holds them against what makes sense.

        :raises ValueError: naming the first that does not.
        """
        for name in ("queue_events", "queue_bytes", "batch_events", "batch_bytes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("interval", "heartbeat", "request_timeout", "close_timeout"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be 0 or more")
        if self.batch_events > 10_000:
            raise ValueError("batch_events must be at most 10000: the server takes no more")
