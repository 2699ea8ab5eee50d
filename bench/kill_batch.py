#!/usr/bin/env python3
"""A batch of 100,000 rows with bad lines and failing rows, killed five times on its way.

    cargo build --release -p headway
    python3 bench/kill_batch.py [--rows 100000] [--kills 5] [--program target/release/headway]

Runs the same file twice through `headway batch run --stream`: once undisturbed, once with the node
killed by SIGKILL at evenly spread counts of finished rows and started again by the same command.
Checks that both runs end with the same exact counts and cost, that the results have one line for
every row, that no row that had been written down as succeeded was run again, and reports the peak
resident memory of the node. Exits with 1 when anything differs.
"""

import argparse
import json
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

BAD_EVERY = 100  # rows with a wrong number of fields: 1 %
FAIL_EVERY = 50  # rows that the worker refuses: 2 %, less those that are bad

WORKER = """
import json, os, sys
ran = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
for text in sys.stdin:
    line = json.loads(text)
    row = int(line["input"]["row"])
    os.write(ran, b"%d\\n" % row)
    if row % 50 == 7:
        answer = {"error": {"code": "refused", "message": f"row {row} is refused", "retryable": False}}
    else:
        answer = {"output": {"square": row * row}}
    answer["index"] = line["index"]
    answer["usage"] = {"sku": "work", "unit": 1 + row % 7}
    sys.stdout.write(json.dumps(answer) + "\\n")
    sys.stdout.flush()
"""


def write_rows(path: pathlib.Path, rows: int) -> None:
    with path.open("w") as file:
        file.write("row,text\n")
        for row in range(rows):
            extra = ",one too many" if row % BAD_EVERY == 3 else ""
            file.write(f"{row},some text of row {row}{extra}\n")


def expected(rows: int) -> dict:
    bad = sum(1 for row in range(rows) if row % BAD_EVERY == 3)
    good = [row for row in range(rows) if row % BAD_EVERY != 3]
    refused = sum(1 for row in good if row % FAIL_EVERY == 7)
    return {
        "total": rows,
        "succeeded": len(good) - refused,
        "failed": bad + refused,
        "nanos": sum(1 + row % 7 for row in good) * 10_000_000,
    }


class Run:
    def __init__(self, arguments, folder: pathlib.Path, rows_file: pathlib.Path, name: str):
        self.arguments = arguments
        self.data = folder / f"data-{name}"
        self.ran = folder / f"ran-{name}"
        self.said = folder / f"said-{name}"
        self.results = folder / f"results-{name}.jsonl"
        rates = folder / "costs.json"
        rates.write_text('{"currency":"USD","rates":{"work":{"unit":"0.01"}}}')
        worker = folder / "worker.py"
        worker.write_text(WORKER)
        self.command = [
            arguments.program, "batch", "run", str(rows_file),
            "--exec", f"python3 {worker} {self.ran}", "--stream", "--concurrency", "256",
            "--rates", str(rates), "--data", str(self.data),
            "--output", str(self.results), "--json",
        ]  # fmt: skip
        self.peak_kib = 0
        self.ran.touch()

    def start(self) -> subprocess.Popen:
        with self.said.open("a") as said:
            return subprocess.Popen(self.command, stdout=said, stderr=said)

    def watch_memory(self, process: subprocess.Popen) -> None:
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            return
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                self.peak_kib = max(self.peak_kib, int(line.split()[1]))

    def rows_ran(self) -> int:
        return self.ran.stat().st_size

    def to_the_end(self, process: subprocess.Popen) -> int:
        while process.poll() is None:
            self.watch_memory(process)
            time.sleep(0.05)
        return process.returncode

    def kill_at(self, process: subprocess.Popen, size: int) -> set[int]:
        """Kills the node once its workers have written so much; gives the rows it had written down."""
        while self.rows_ran() < size:
            self.watch_memory(process)
            if process.poll() is not None:
                raise SystemExit(f"the run ended before it could be killed: {process.returncode}")
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        copy = self.data.with_name("copy")
        shutil.copytree(self.data, copy)
        database = sqlite3.connect(next(copy.glob("*.db")))
        mask = (1 << 24) - 1
        rows = database.execute("SELECT id FROM items WHERE status = ?", (self.arguments.succeeded,))
        done = {identity & mask for (identity,) in rows}
        database.close()
        shutil.rmtree(copy)
        return done


def check(run: Run, wanted: dict) -> list[str]:
    faults = []
    counts = {"succeeded": 0, "failed": 0}
    nanos = 0
    indexes = set()
    with run.results.open() as results:
        for text in results:
            line = json.loads(text)
            indexes.add(line["index"])
            counts[line["status"]] = counts.get(line["status"], 0) + 1
            if line.get("cost"):
                units, _, rest = line["cost"].partition(".")
                nanos += int(units) * 10**9 + int(rest.ljust(9, "0"))
    if len(indexes) != wanted["total"]:
        faults.append(f"results have {len(indexes)} rows, not {wanted['total']}")
    for status in ("succeeded", "failed"):
        if counts[status] != wanted[status]:
            faults.append(f"{counts[status]} {status}, not {wanted[status]}")
    if nanos != wanted["nanos"]:
        faults.append(f"cost {nanos}, not {wanted['nanos']} billionths")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--program", default="target/release/headway")
    parser.add_argument("--succeeded", type=int, default=3, help="code of succeeded items in the store")
    arguments = parser.parse_args()
    wanted = expected(arguments.rows)
    report = {"expected": wanted}
    faults = []
    with tempfile.TemporaryDirectory(prefix="headway-kill-") as name:
        folder = pathlib.Path(name)
        rows_file = folder / "rows.csv"
        write_rows(rows_file, arguments.rows)

        calm = Run(arguments, folder, rows_file, "calm")
        began = time.monotonic()
        code = calm.to_the_end(calm.start())
        report["calm"] = {
            "seconds": round(time.monotonic() - began, 2),
            "exit_code": code,
            "peak_mib": round(calm.peak_kib / 1024, 1),
        }
        faults += [f"calm: {fault}" for fault in check(calm, wanted)]
        whole = calm.rows_ran()

        killed = Run(arguments, folder, rows_file, "killed")
        began = time.monotonic()
        ran_after = []
        for turn in range(arguments.kills):
            size = whole * (turn + 1) // (arguments.kills + 1)
            done = killed.kill_at(killed.start(), size)
            ran_after.append((killed.rows_ran(), done))
        code = killed.to_the_end(killed.start())
        report["killed"] = {
            "seconds": round(time.monotonic() - began, 2),
            "exit_code": code,
            "peak_mib": round(killed.peak_kib / 1024, 1),
            "written_down_at_each_kill": [len(done) for _, done in ran_after],
        }
        faults += [f"killed: {fault}" for fault in check(killed, wanted)]
        text = killed.ran.read_bytes()
        for place, done in ran_after:
            again = {int(row) for row in text[place:].split()} & done
            if again:
                faults.append(f"{len(again)} rows had succeeded and ran again, first {min(again)}")
        runs = len(text.split())
        valid = wanted["total"] - sum(1 for row in range(wanted["total"]) if row % BAD_EVERY == 3)
        report["killed"]["rows_run_more_than_once"] = runs - valid
    report["faults"] = faults
    print(json.dumps(report, indent=2))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
