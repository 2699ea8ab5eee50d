"""The data and the service, without a node: `python3 -m unittest` in this folder."""

from __future__ import annotations

import csv
import http.client
import io
import json
import random
import threading
import unittest
from pathlib import Path
from typing import Any

import items
import make_leads
import service

Json = dict[str, Any]

ANSWER_S = 30
"""The service of these tests takes no time."""


def a_lead(**changes: str) -> dict[str, str]:
    """A lead that can be scored."""
    return {**make_leads.leads()[0], **changes}


class Data(unittest.TestCase):
    """The list and what is declared for it."""

    def test_the_file_is_what_the_program_writes(self) -> None:
        """Byte for byte, so that nobody edits it by hand."""
        written = io.StringIO()
        writer = csv.DictWriter(written, make_leads.COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(make_leads.leads())
        kept = (Path(__file__).parent / "leads.csv").read_bytes()
        self.assertEqual(kept.decode(), written.getvalue())

    def test_names_are_unique_and_addresses_nobodys(self) -> None:
        """`.example` is reserved for examples (RFC 2606)."""
        rows = items.rows()
        for column in ("custom_id", "company", "website"):
            self.assertEqual(len({row[column] for row in rows}), make_leads.LEADS)
        self.assertTrue(all(row["website"].endswith(".example") for row in rows))

    def test_leads_use_about_what_they_declare(self) -> None:
        """Their sums are within 3 %, for the leads that can be scored."""
        declared = {"input_tokens": 0, "output_tokens": 0}
        used = dict(declared)
        for row in items.rows():
            try:
                usage = service.score(row, random.Random(row["custom_id"]))["usage"]
            except service.RefusedLeadError:
                continue
            for unit in declared:
                declared[unit] += int(items.declared(row)[unit])
                used[unit] += usage[unit]
        for unit, expected in declared.items():
            self.assertAlmostEqual(used[unit] / expected, 1, delta=0.03, msg=unit)


class Scores(unittest.TestCase):
    """What the service makes of a lead."""

    def test_signs_move_the_score(self) -> None:
        """A trial in use is worth more than a look around, and both are told."""
        chance = random.Random(1)
        warm = service.score(a_lead(note="The trial was used every day."), chance)
        cold = service.score(a_lead(note="Only looking around for now."), chance)
        self.assertGreater(warm["score"], cold["score"])
        self.assertEqual((warm["reasons"], cold["reasons"]), (["uses the trial"], ["is only looking"]))

    def test_leads_that_tell_too_little_are_refused(self) -> None:
        """With what is missing."""
        for change, word in ({"country": ""}, "country"), ({"employees": "50-100"}, "50-100"):
            with self.assertRaisesRegex(service.RefusedLeadError, word):
                service.score(a_lead(**change), random.Random(1))


class Service(unittest.TestCase):
    """The service over HTTP."""

    def setUp(self) -> None:
        """A service that takes no time."""
        self.server = service.serve(0, service.Scorer(seed=7, slowness=0))
        serving = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        serving.start()
        self.addCleanup(serving.join, ANSWER_S)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=ANSWER_S)
        self.addCleanup(self.connection.close)

    def ask(self, body: object, key: str, path: str = "/score") -> tuple[int, Json, str | None]:
        """The status of an answer, its JSON, and its `Retry-After`."""
        self.connection.request("POST", path, json.dumps(body), {"Idempotency-Key": key})
        answer = self.connection.getresponse()
        return answer.status, json.load(answer), answer.getheader("Retry-After")

    def until_worked_on(self, lead: dict[str, str], key: str) -> tuple[int, Json, str | None]:
        """The first answer that is not of a bad moment."""
        while (answer := self.ask(lead, key))[0] in (500, 503):
            continue
        return answer

    def test_a_repeat_gets_the_same_answer(self) -> None:
        """Under its key; under another one the lead is scored again."""
        first = self.until_worked_on(a_lead(), "one")
        self.assertEqual(first[0], 200)
        self.assertEqual(self.ask(a_lead(), "one"), first)
        self.assertEqual(self.ask(a_lead(note="Other words."), "one"), first)
        self.assertNotEqual(self.until_worked_on(a_lead(note="Other words."), "two"), first)

    def test_a_repeat_waits_for_the_first(self) -> None:
        """Sent while the first is worked on, it gets that one's answer and is not worked on itself."""
        scorer = service.Scorer(seed=7, slowness=0)
        answers: list[service.Answer] = []

        def ask() -> None:
            answers.append(scorer.answer("one", a_lead(country="")))

        both = [threading.Thread(target=ask, daemon=True) for _ in range(2)]
        for asking in both:
            asking.start()
        for asking in both:
            asking.join(ANSWER_S)
        self.assertEqual([answer.status for answer in answers], [422, 422])
        self.assertEqual(scorer.keys["one"].tries, 1)

    def test_a_refused_lead_stays_refused(self) -> None:
        """However often it is sent."""
        first = self.until_worked_on(a_lead(country=""), "one")
        self.assertEqual(first[:2], (422, {"error": "The lead has no country."}))
        self.assertEqual(self.ask(a_lead(country=""), "one"), first)

    def test_more_than_it_takes_in_a_second_is_put_off(self) -> None:
        """With when to come back. The clock of the test decides what is in one second."""
        scorer = service.Scorer(seed=7, slowness=0)
        scorer.taken.extend([float("inf")] * service.PER_SECOND)
        answer = scorer.answer("one", a_lead())
        self.assertEqual((answer.status, answer.retry_after), (429, 1))
        self.assertEqual(scorer.stats(), {"429": 1})
        scorer.taken.pop()
        self.assertNotEqual(scorer.answer("one", a_lead()).status, 429)

    def test_bad_moments_are_drawn_from_the_seed(self) -> None:
        """The same ones in each run, of both sorts, and each passes."""

        def statuses() -> list[int]:
            scorer = service.Scorer(seed=7, slowness=0)
            found = []
            for row in items.rows():
                scorer.taken.clear()
                found.append(scorer.answer(row["custom_id"], row).status)
            return found

        first = statuses()
        self.assertEqual(first, statuses())
        self.assertEqual(set(first), {200, 422, 500, 503})

    def test_what_is_no_lead(self) -> None:
        """Each with its own status, and the connection goes on."""
        self.assertEqual(self.ask([1], "one")[0], 400)
        self.assertEqual(self.ask({"employees": 12}, "one")[0], 400)
        self.assertEqual(self.ask(a_lead(), "one", "/elsewhere")[0], 404)
        self.assertEqual(self.ask("x" * service.LARGEST_BODY, "one")[0], 413)

    def test_it_counts_what_it_answers(self) -> None:
        """By status."""
        self.until_worked_on(a_lead(country=""), "one")
        self.connection.request("GET", "/stats")
        answered = json.load(self.connection.getresponse())["answered"]
        self.assertEqual(answered["422"], 1)


if __name__ == "__main__":
    unittest.main()
