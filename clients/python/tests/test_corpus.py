"""The watching session does what every client does: the cases that belong to none of them."""

from __future__ import annotations

import json
from pathlib import Path
from unittest import main

from headway.watching.frame import read_frame
from headway.watching.session import Session, SessionOptions
from support.bounded import Bounded
from support.case import Player

CORPUS = Path(__file__).resolve().parents[3] / "schema/corpus"


class CorpusTest(Bounded):
    def test_every_case_of_a_session(self) -> None:
        cases = sorted((CORPUS / "session").glob("*.json"))
        self.assertGreater(len(cases), 40, "the corpus is not where it should be")
        for path in cases:
            case = json.loads(path.read_text())
            # What only clients in browsers do names them.
            if "python" not in case.get("clients", ["python"]):
                continue
            with self.subTest(path.stem, about=case["about"]):
                player = Player(self, case)
                for place, step in enumerate(case["steps"], 1):
                    with self.subTest(path.stem, place=place, step=step):
                        player.play(step)
                self.assertEqual(player.done, [], "done at the end, and not looked at")

    def test_every_frame_of_the_server_is_read(self) -> None:
        for case in json.loads((CORPUS / "server.json").read_text()):
            with self.subTest(case["about"]):
                frame = read_frame(case["frame"])
                unknown = case.get("unknown") is True
                self.assertEqual(frame, {"type": "unknown"} if unknown else case["frame"])

    def test_what_is_no_frame_is_passed_over(self) -> None:
        session = Session(SessionOptions(["events"], sign_in=False))
        messages: list[object] = [
            None,
            7,
            [],
            {},
            {"type": 7},
            {"type": "snapshot"},
            {"type": "update", "job": "a"},
        ]
        for message in messages:
            with self.subTest(message=message):
                self.assertIsNone(read_frame(message))
                session.handle_frame(1, message, 0, 1)
                self.assertIsNone(session.poll_output())


if __name__ == "__main__":
    main()
