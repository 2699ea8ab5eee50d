"""Several watches on one connection, where the corpus has no case: questions that are refused."""

from __future__ import annotations

from typing import Any
from unittest import main

from headway.watching.output import Happened, Send
from headway.watching.selection import Selection
from headway.watching.session import Session, SessionOptions
from support.bounded import Bounded

LOG = Selection("job", "a", ["log"])
PARTIAL = Selection("job", "a", ["partial"])


class RefusedQuestionTest(Bounded):
    def setUp(self) -> None:
        self.session = Session(SessionOptions(["websocket"], sign_in=False))
        self.session.subscribe("log", LOG, 0)
        self.outputs()
        self.session.handle_open(1, 0)
        self.outputs()
        self.tell("subscribed", id="1", recovered=False)
        self.tell("snapshot", job="a", cursor="0000000a-1", state={"id": "a", "cursor": "0000000a-1"})
        self.outputs()

    def tell(self, word: str, **members: object) -> None:
        self.session.handle_frame(1, {"type": word, **members}, 0, 1)

    def log(self, place: int) -> None:
        event = {"type": "log", "message": str(place)}
        self.tell("event", job="a", cursor=f"0000000a-{place}", event=event)

    def outputs(self) -> tuple[list[dict[str, Any]], list[str]]:
        """What was sent, and the events that were told."""
        sent, told = [], []
        while (output := self.session.poll_output()) is not None:
            if isinstance(output, Send):
                sent.append(output.message)
            elif isinstance(output, Happened):
                told.append(output.frame["event"]["message"])
        return sent, told

    def test_what_was_not_taken_for_its_sake_is_asked_for_once_more(self) -> None:
        self.session.subscribe("partial", PARTIAL, 0)
        self.log(2)
        self.tell("error", id="2", code="too_many_subscriptions", message="at most 1")
        asked = {"type": "subscribe", "job": "a", "cursor": "0000000a-1"}
        again = [{"type": "unsubscribe", "id": "1"}, {**asked, "id": "3", "events": ["log"]}]
        self.assertEqual(self.outputs(), ([{**asked, "id": "2", "events": ["partial"]}, *again], []))
        refusal = self.session.refusal("partial")
        self.assertEqual(refusal and refusal.code, "too_many_subscriptions")
        self.tell("subscribed", id="3", recovered=True)
        self.log(2)
        self.assertEqual(self.outputs(), ([], ["2"]))

    def test_where_nothing_was_passed_over_nothing_is_asked_for(self) -> None:
        self.session.subscribe("partial", PARTIAL, 0)
        self.outputs()
        self.tell("error", id="2", code="too_many_subscriptions", message="at most 1")
        self.log(2)
        self.assertEqual(self.outputs(), ([], ["2"]))

    def test_nobody_asks_for_a_job_that_is_not_there_any_more(self) -> None:
        self.session.subscribe("partial", PARTIAL, 0)
        self.outputs()
        self.log(2)
        for name in ("1", "2"):
            self.tell("error", id=name, code="not_found", message="there is no job a")
        self.assertEqual(self.outputs(), ([], []))


if __name__ == "__main__":
    main()
