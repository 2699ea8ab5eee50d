"""The real program under attack: how it is started, asked and looked at from outside."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

PROGRAM = os.environ.get(
    "HEADWAY_BIN", str(Path(__file__).parents[2] / "target" / "debug" / "headway")
)

# What the protocol sets as defaults, but for times: nobody wants to wait a minute in a test.
SETTINGS = """\
listen = "127.0.0.1:0"
data = "data"

[limits]
idle_ms = 4000
flood_ms = 3000
body_ms = 4000
stalled_write_ms = 4000

[kinds.work]
executor = { type = "command", mode = "stream", processes = 1, argv = ["%(python)s", "-u", "%(worker)s", "%(hurry)s"] }
concurrency = 2
"""

# The longest that anything here waits for a state.
PATIENCE = 30.0


def eventually(what, look, patience=PATIENCE):
    """Waits until `look` gives something true, and gives it."""
    end = time.monotonic() + patience
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"still not, after {patience} s: {what}")
        time.sleep(0.05)


# Everybody has to say who they are.
ADMIN_KEY = "an-administrator-of-the-node-and-nobody-else"
SIGN_IN = f"""
[sign_in]
modes = ["keys"]
admin_key = "{ADMIN_KEY}"
"""

# Stands behind the section above: nobody is slowed down for wrong keys.
ANY_GUESSES = "guess_burst = 1000000\n"

TLS = """
[tls]
certificate = "certificate.pem"
key = "key.pem"
"""


class House:
    """A running program; ends with the context."""

    def __init__(self, settings="", arguments=(), environment=None, tls=False, sign_in=False, top=""):
        self._more, self._arguments, self._environment = settings, arguments, environment or {}
        self._tls, self._sign_in, self._top = tls, sign_in, top
        # The file of the authority that clients have to trust, and what they trust it by.
        self.authority, self.trust = "", None

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="headway-abuse-")
        self.folder = folder = Path(self._folder.name)
        self.data = folder / "data"
        self.hurry = folder / "hurry"
        words = {
            "python": sys.executable,
            "worker": Path(__file__).with_name("worker.py"),
            "hurry": self.hurry,
        }
        if self._sign_in:
            self._more = SIGN_IN + self._more
        if self._tls:
            self._more += TLS
            self.authority = str(folder / "certificate.pem")
            _certificate(folder)
            self.trust = ssl.create_default_context(cafile=self.authority)
        # Keys without a section stand before all sections.
        self.configuration = folder / "headway.toml"
        self.configuration.touch(0o600)
        self.configuration.write_text(self._top + SETTINGS % words + self._more)
        self._log = open(folder / "log", "w+b")
        environment = {**os.environ, "HEADWAY_CONFIG": str(self.configuration), **self._environment}
        self._process = subprocess.Popen(
            [PROGRAM, "serve", *self._arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        line = self._process.stdout.readline()
        found = re.search(r"(https?)://(127\.0\.0\.1):(\d+)", line)
        if not found:
            self._process.wait()
            raise RuntimeError(f"no ready line but {line!r}:\n{self.log()}")
        self.host, self.port = found[2], int(found[3])
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._log.close()
        self._folder.cleanup()

    def stop(self):
        """Ends it as an operator does; what it printed since it was ready."""
        self._process.send_signal(signal.SIGTERM)
        rest = self._process.stdout.read()
        if self._process.wait(PATIENCE) != 0:
            raise AssertionError(f"it ended with {self._process.returncode}:\n{self.log()[-4000:]}")
        return rest

    def log(self):
        """What it has written to its log."""
        return (self.folder / "log").read_text(errors="replace")

    def is_alive(self):
        return self._process.poll() is None

    def ask(self, method, path, body=None, headers=None):
        """One request; the answer's status, headers and JSON or text, also of a refusal."""
        request = urllib.request.Request(
            f"{'https' if self._tls else 'http'}://{self.host}:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json", **(headers or {})},
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE, context=self.trust) as response:
                return response.status, dict(response.headers), _understood(response.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, dict(refusal.headers), _understood(refusal.read())

    def admin(self):
        """How the administrator of the node signs in; nothing where nobody has to."""
        return bearer(ADMIN_KEY) if self._sign_in else {}

    def key(self, tenant, role, subject=None):
        """How somebody with a new API key signs in; nothing where nobody has to."""
        if not self._sign_in:
            return {}
        wanted = {"name": f"{role} of {tenant}", "tenant": tenant, "role": role, "subject": subject}
        return bearer(self.post("/api/v1/keys", wanted, self.admin())["key"])

    def get(self, path, headers=None):
        status, _, body = self.ask("GET", path, headers=headers)
        if status != 200:
            raise AssertionError(f"GET {path}: {status} {body}")
        return body

    def post(self, path, body, headers=None):
        status, _, answer = self.ask("POST", path, body, headers)
        if status not in (200, 201, 202):
            raise AssertionError(f"POST {path}: {status} {answer}")
        return answer

    def connect(self, timeout=PATIENCE):
        return socket.create_connection((self.host, self.port), timeout)

    def exchange(self, request, patience=PATIENCE):
        """Sends bytes as they are; everything that comes until the other side closes, and whether
        it did."""
        with self.connect(patience) as stream:
            received = b""
            try:
                stream.sendall(request)
                while chunk := stream.recv(65536):
                    received += chunk
            except TimeoutError:
                return received, False
            except ConnectionError:
                pass
            return received, True

    # What the system tells of the process.

    def memory(self):
        """Bytes that it has in memory now, and the most since `forget_peak`."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        kilobytes = {name: int(number) for name, number in re.findall(r"(\w+):\s+(\d+) kB", status)}
        return kilobytes["VmRSS"] * 1024, kilobytes["VmHWM"] * 1024

    def forget_peak(self):
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")

    def sockets(self):
        """How many sockets it has open."""
        count = 0
        for descriptor in Path(f"/proc/{self._process.pid}/fd").iterdir():
            try:
                count += os.readlink(descriptor).startswith("socket:")
            except FileNotFoundError:
                pass
        return count

    def limit_hits(self, name):
        """How often somebody ran into a limit."""
        text = self.get("/metrics", self.admin())
        found = re.search(rf'headway_limits_total\{{limit="{name}"\}} (\d+)', text)
        return int(found[1]) if found else 0


def bearer(secret):
    return {"Authorization": f"Bearer {secret}"}


def _certificate(folder):
    """A certificate for this machine, which is its own authority."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", "key.pem", "-out", "certificate.pem"],
        cwd=folder, check=True, stderr=subprocess.DEVNULL,
    )


def _understood(body):
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
