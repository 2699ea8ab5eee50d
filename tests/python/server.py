"""The real program, started on a free port with a data folder of its own."""

import json
import os
import re
import subprocess
import tempfile
import urllib.request
from pathlib import Path

PROGRAM = os.environ.get(
    "HEADWAY_BIN", str(Path(__file__).parents[2] / "target" / "debug" / "headway")
)


class Server:
    """Runs from entering the context to leaving it."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="headway-python-")
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--data", self._folder.name],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        line = self._process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:\d+", line)
        if not found:
            self._process.wait()
            self._log.seek(0)
            raise RuntimeError(f"no ready line but {line!r}:\n{self._log.read().decode()}")
        self.address = found.group()
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._log.close()
        self._folder.cleanup()

    def post(self, path, body):
        """Sends JSON and gives the answer's JSON."""
        request = urllib.request.Request(
            f"http://{self.address}{path}",
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request) as response:
            return json.load(response)
