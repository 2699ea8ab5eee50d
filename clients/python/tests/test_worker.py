"""Workers of a pool, run by the real program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import main

import headway
from headway import Headway
from support.bounded import Bounded
from support.server import Server

WORKER = """
import sys
sys.path.insert(0, {source!r})
from headway.worker import RetryLater, Skip, run

def work(item):
    print("a line of its own", item.index)
    sys.stdout.write("without an end")
    item.progress(50, message="half way")
    item.usage("gpt-x", input_tokens=2)
    item.cost("0.01")
    what = item.input["what"]
    if what == "later" and item.attempt == 1:
        raise RetryLater("not yet", after=0.001)
    if what == "skip":
        raise Skip("not worth it")
    if what == "fail":
        raise KeyError("no such row")
    if what == "strange":
        return object()
    return {{"doubled": item.input["n"] * 2, "attempt": item.attempt}}

run(work, concurrency={concurrency})
"""


AWKWARD = """
from headway.worker import RetryLater, Skip, run

class Moving(dict):
    def items(self):
        raise RuntimeError("dictionary changed size during iteration")

class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")

def work(item):
    match item.input:
        case "a unit": item.usage("gpt-x", tokens=object())
        case "a cost": item.cost(0.1)
        case "a percent": item.progress(object())
        case "an output": return Moving(rows=1)
        case "a pause": raise RetryLater("later", after=float("nan"))
        case "a name": raise OSError("no file \\udcff")
        case "no words": raise Mute
        case "twice": item.finish(1); raise Skip
        case "well": return 1

run(work, concurrency=int(__import__("sys").argv[1]))
"""


class WorkerTest(Bounded):
    def test_every_item_is_answered_whatever_its_function_does(self) -> None:
        codes = {
            "a unit": "ValueError",
            "a cost": "ValueError",
            "a percent": "ValueError",
            "an output": "output_not_json",
            "a pause": "retry_later",
            "a name": "OSError",
            "no words": "Mute",
            "twice": None,
            "well": None,
        }
        lines = [json.dumps({"index": index, "input": what}) for index, what in enumerate(codes)]
        source = str(Path(headway.__file__).parents[1])
        for concurrency in ("1", "3"):
            ended = subprocess.run(
                [sys.executable, "-c", AWKWARD, concurrency],
                input="\n".join(lines),
                capture_output=True,
                encoding="utf-8",
                timeout=60,
                check=False,
                env={**os.environ, "PYTHONPATH": source},
            )
            with self.subTest(concurrency=concurrency, said=ended.stderr):
                answers = [json.loads(line) for line in ended.stdout.splitlines()]
                answers.sort(key=lambda answer: int(answer["index"]))
                self.assertEqual(ended.returncode, 0)
                self.assertEqual(
                    [answer.get("error", {}).get("code") for answer in answers], [*codes.values()]
                )

    def test_items_are_worked_on_and_answered(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        server = self.enterContext(Server("--allow-exec"))
        client = Headway(server.url)
        for concurrency in (1, 4):
            with self.subTest(concurrency=concurrency):
                results = self.results(client, folder, concurrency)
                outputs = [results[index].get("output") for index in range(20)]
                expected = [{"doubled": 2 * n, "attempt": 2 if n == 16 else 1} for n in range(17)]
                self.assertEqual(outputs, [*expected, None, None, None])
                self.assertEqual(results[17]["status"], "skipped")
                self.assertEqual(results[18]["error"]["code"], "KeyError")
                self.assertEqual(results[19]["error"]["code"], "output_not_json")

    def results(self, client: Headway, folder: Path, concurrency: int) -> dict[int, Any]:
        source = str(Path(headway.__file__).parents[1])
        worker = folder / f"worker{concurrency}.py"
        worker.write_text(WORKER.format(source=source, concurrency=concurrency))
        whats = ["double"] * 16 + ["later", "skip", "fail", "strange"]
        batch = client.batches.create(
            [{"what": what, "n": n} for n, what in enumerate(whats)],
            executor={
                "type": "command",
                "mode": "stream",
                "processes": 1,
                "argv": [sys.executable, str(worker)],
            },
            concurrency=concurrency,
        )
        self.assertEqual(client.wait(batch["id"])["status"], "completed")
        self.assertEqual(client.batches.get(batch["id"])["cost"]["spent"], "0.21")
        return {item["index"]: item for item in client.batches.results(batch["id"])}

    def test_a_worker_ends_with_its_input(self) -> None:
        program = "from headway.worker import items\nfor item in items(): item.finish(item.input)"
        source = str(Path(headway.__file__).parents[1])
        ended = subprocess.run(
            [sys.executable, "-c", program],
            input='{"index": 3, "input": "ö"}\n\n{"index": 4, "input": null}',
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=True,
            env={**os.environ, "PYTHONPATH": source},
        )
        self.assertEqual(ended.stdout, '{"index":3,"output":"ö"}\n{"index":4,"output":null}\n')


if __name__ == "__main__":
    main()
