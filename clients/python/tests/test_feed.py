"""What a watch tells, without a server."""

from __future__ import annotations

from typing import Any
from unittest import main

from headway.watching.feed import Change, Ended, Feed, StateChanged
from headway.watching.output import Connect
from headway.watching.selection import Selection
from headway.watching.session import Session, SessionOptions
from support.bounded import Bounded


class SelectorTest(Bounded):
    def setUp(self) -> None:
        selection = Selection("all", "true")
        self.session = Session(SessionOptions(["websocket"], sign_in=False))
        self.feed = Feed(self.session, selection)
        self.session.subscribe("watch", selection, 0)
        self.connection = 0
        self.changes()
        self.session.handle_open(self.connection, 0)

    def changes(self) -> list[Change]:
        """What there is to tell."""
        found: list[Change] = []
        while (output := self.session.poll_output()) is not None:
            if isinstance(output, Connect):
                self.connection = output.connection
            else:
                self.feed.take(output)
        while (change := self.feed.next()) is not None:
            found.append(change)
        return found

    def frame(self, **frame: Any) -> list[Change]:  # noqa: ANN401
        self.session.handle_frame(self.connection, frame, 0, 0.0)
        return self.changes()

    def live(self, job: str, offset: int, status: str) -> list[Change]:
        cursor = f"1-{offset}"
        state = {"id": job, "status": status, "cursor": cursor}
        changes = self.frame(type="snapshot", job=job, cursor=cursor, state=state)
        if status == "completed":
            changes += self.frame(type="end", job=job, cursor=cursor, status=status)
        return changes

    def test_what_has_ended_long_ago_takes_no_room(self) -> None:
        told = [change for number in range(1_500) for change in self.live(f"job_{number}", 1, "completed")]
        ended = [change.job["id"] for change in told if isinstance(change, Ended)]
        self.assertEqual(ended, [f"job_{number}" for number in range(1_500)])
        self.assertEqual(len(self.session.lanes("watch")), 1_000)
        for job in ("job_0", "job_1499"):
            with self.subTest(job):
                (change,) = self.live(job, 5, "running")
                self.assertIsInstance(change, StateChanged)


if __name__ == "__main__":
    main()
