"""The real program, started on a free port with a data folder of its own."""

import json
import os
import re
import subprocess
import tempfile
import threading
import urllib.request
from pathlib import Path

from bounded import PATIENCE
from patience import opened

PROGRAM = os.environ.get(
    "HEADWAY_BIN", str(Path(__file__).parents[2] / "target" / "debug" / "headway")
)


class Server:
    """Runs from entering the context to leaving it. Settings are variables of its environment."""

    def __init__(self, **settings):
        self._settings = settings

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="headway-python-")
        self._log = tempfile.TemporaryFile()
        try:
            self._start()
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def _start(self):
        self._process = subprocess.Popen(
            [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--data", self._folder.name],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **self._settings},
        )
        overdue = threading.Timer(PATIENCE, self._process.kill)
        overdue.start()
        line = self._process.stdout.readline()
        overdue.cancel()
        found = re.search(r"127\.0\.0\.1:\d+", line)
        if not found:
            self.kill()
            raise RuntimeError(f"no ready line in {PATIENCE:.0f} s but {line!r}:\n{self.log()}")
        self.address = found.group()

    def kill(self):
        """Ends it at once, as a crash would (SIGKILL)."""
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def start_again(self):
        """Starts it over the data that the last run left."""
        self._start()

    def log(self):
        """What all runs have written to their error output."""
        self._log.seek(0)
        return self._log.read().decode()

    def __exit__(self, *_):
        self.kill()
        self._log.close()
        self._folder.cleanup()

    def post(self, path, body):
        """Sends JSON and gives the answer's JSON."""
        request = urllib.request.Request(
            f"http://{self.address}{path}",
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        with opened(request) as response:
            return json.load(response)

    def get(self, path):
        """Gives the answer's text."""
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=PATIENCE) as response:
            return response.read().decode()
