"""Secrets stay where they belong: planted everywhere, and looked for in everything that comes out.

Nothing that the program writes at its most talkative, keeps on disk, tells in an answer or prints may
hold a secret that it was given, in plain or in one of the forms in which text travels.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from house import PATIENCE, PROGRAM, House, bearer, eventually

# Text that nothing else could have written; with what percent-encoding and base64 change.
PLANTED = {
    "the admin key": "planted+admin/key=0123456789abcdef0123456789",
    "the secret of the identity provider": "planted+jwt/secret=0123456789abcdef0123456789",
    "a header of a kind": "planted+header/of=a-kind-0123456789",
    "a password in the address of a kind": "planted-password-of-a-kind-0123456789",
    "a query of the address of a kind": "planted-query-of-a-kind-0123456789",
    "a wrong key": "hw_planted-wrong-key-0123456789abcdefghijklmn",
    "a wrong token of a query": "planted.wrong.token-of-a-query-0123456789",
    "a wrong ticket": "planted-wrong-ticket-0123456789abcdef",
    "a wrong cookie": "planted-wrong-cookie-0123456789abcdef",
    "a wrong subprotocol": "planted-wrong-subprotocol-0123456789abcdef",
    "a wrong token of a message": "planted-wrong-token-of-a-message-0123456789",
    "a wrong password": "planted-wrong-password-0123456789abcdef",
    "the token of the command line": "hw_planted-token-of-the-command-line-01234567",
    "a variable of the environment": "planted-variable-of-the-environment-0123456789",
}
# Standard Webhooks' form: `whsec_` and base64 of 24 bytes and more.
WEBHOOK = "whsec_" + base64.b64encode(b"planted webhook secret 0123456789").decode()
WEBHOOK_BEFORE = "whsec_" + base64.b64encode(b"planted webhook secret of before").decode()
WEBHOOK_OWN = "whsec_" + base64.b64encode(b"planted webhook secret of a job").decode()

# The receiver of requests is on this machine.
HOSTS = 'allow_hosts = ["127.0.0.1"]\nallow_request_hosts = ["127.0.0.1"]\n'

SETTINGS = """
[sign_in]
modes = ["keys", "jwt"]
admin_key = "%(admin)s"

[sign_in.jwt]
issuer = "https://issuer.test"
audience = ["headway"]
secret = "%(jwt)s"

[webhooks]
secret = "%(webhook)s"
previous_secret = "%(webhook_before)s"

[log]
filter = "trace"

[kinds.asks]
executor = { type = "http", method = "POST", url = "%(url)s/asks?key=%(query)s", headers = { Authorization = "Bearer %(header)s" } }
retry = { max_attempts = 1 }

[kinds.asks_nobody]
executor = { type = "http", method = "POST", url = "http://127.0.0.1:1/?key=%(query)s", headers = { Authorization = "Bearer %(header)s" } }
retry = { max_attempts = 1 }

[kinds.prints]
executor = { type = "command", argv = ["/usr/bin/env"] }
"""


class Receiver(BaseHTTPRequestHandler):
    """Takes requests of executors and webhooks, and refuses them."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.paths.append(self.path)
        self.send_response(500)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class SecretTest(unittest.TestCase):
    def test_no_secret_comes_out_anywhere(self):
        receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        receiver.paths = []
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        self.addCleanup(receiver.server_close)
        self.addCleanup(receiver.shutdown)
        self.url = f"http://127.0.0.1:{receiver.server_port}"
        self.secrets = dict(PLANTED, **{
            "the webhooks' secret": WEBHOOK,
            "the webhooks' secret of before": WEBHOOK_BEFORE,
            "the webhook secret of a job": WEBHOOK_OWN,
        })
        # What came out, by where it came out.
        self.told = {}
        settings = SETTINGS % {
            "admin": PLANTED["the admin key"],
            "jwt": PLANTED["the secret of the identity provider"],
            "webhook": WEBHOOK,
            "webhook_before": WEBHOOK_BEFORE,
            "url": self.url,
            "query": PLANTED["a query of the address of a kind"],
            "header": PLANTED["a header of a kind"],
        }
        environment = {"SOMEBODYS_PASSWORD": PLANTED["a variable of the environment"]}
        with House(settings, environment=environment, top=HOSTS) as house:
            self.house = house
            self.sign_in()
            self.be_refused()
            self.run_jobs()
            self.watch()
            self.look()
            self.use_the_command_line()
            self.told["stdout"] = house.stop()
            self.told["the log"] = house.log()
            self.assertGreater(len(self.told["the log"]), 20_000, "the log is not talkative")
            for path in house.data.rglob("*"):
                if path.is_file():
                    self.told[f"the data folder's {path.name}"] = path.read_bytes().decode("latin-1")
            self.assertTrue(any(path.startswith("/asks") for path in receiver.paths))
            self.assertTrue(any(path.startswith("/hook") for path in receiver.paths))
        self.find()

    def find(self):
        """Looks for every secret in everything."""
        for secret, text in self.secrets.items():
            for where, told in self.told.items():
                # A job's own webhook secret signs what is sent after a restart too: it is kept.
                if secret == "the webhook secret of a job" and where.startswith("the data folder"):
                    continue
                for form, encoded in forms(text):
                    with self.subTest(secret=secret, where=where, form=form):
                        at = told.find(encoded)
                        self.assertEqual(at, -1, told[max(0, at - 150):at + 150])

    def tell(self, where, text):
        self.told[where] = self.told.get(where, "") + text

    def ask(self, where, method, path, body=None, headers=None, keep=True):
        status, answered, answer = self.house.ask(method, path, body, headers)
        if keep:
            self.tell(where, json.dumps([answered, answer], ensure_ascii=False))
        return status, answered, answer

    def sign_in(self):
        """Every kind of credential is made, used and in the end revoked; each is told only once."""
        admin = bearer(PLANTED["the admin key"])
        _, _, made = self.ask("", "POST", "/api/v1/keys", {"name": "first", "role": "admin", "tenant": "acme"},
                              admin, keep=False)
        self.secrets["an API key"] = made["key"]
        self.key = bearer(made["key"])
        _, _, lost = self.ask("", "POST", "/api/v1/keys", {"name": "lost", "role": "viewer", "tenant": "acme"},
                              admin, keep=False)
        self.secrets["a revoked key"] = lost["key"]
        self.ask("revoking", "DELETE", f"/api/v1/keys/{lost['id']}", None, self.key)
        self.ask("refusals", "GET", "/api/v1/jobs", None, bearer(lost["key"]))
        _, _, token = self.ask("", "POST", "/api/v1/tokens", {"tags": ["t"]}, self.key, keep=False)
        self.secrets["a watch token"] = self.token = token["token"]
        claims = {"iss": "https://issuer.test", "aud": "headway", "sub": "p", "tenant": "acme",
                  "role": "operator", "exp": int(time.time()) + 600}
        self.jwt = signed(claims, PLANTED["the secret of the identity provider"])
        self.secrets["a token of the identity provider"] = self.jwt
        self.ask("identity", "GET", "/api/v1/identity", None, bearer(self.jwt))
        late = signed({**claims, "exp": 1}, PLANTED["the secret of the identity provider"])
        self.secrets["an expired token"] = late
        self.ask("refusals", "GET", "/api/v1/jobs", None, bearer(late))
        _, headers, _ = self.ask("", "POST", "/api/v1/session", {"key": made["key"]}, keep=False)
        headers = {name.lower(): value for name, value in headers.items()}
        self.cookie = re.match(r"[^=]+=([^;]+)", headers["set-cookie"])[1]
        self.secrets["a session's cookie"] = self.cookie
        self.ask("identity", "GET", "/api/v1/identity", None, {"Cookie": f"headway_session={self.cookie}"})
        _, _, ticket = self.ask("", "POST", "/api/v1/tickets", None, self.key, keep=False)
        self.secrets["a ticket"] = self.ticket = ticket["ticket"]

    def be_refused(self):
        """What does not let anybody in is a secret all the same: somebody mistyped it."""
        wrong = PLANTED
        basic = base64.b64encode(f"user:{wrong['a wrong password']}".encode()).decode()
        for headers in (
            bearer(wrong["a wrong key"]),
            {"Authorization": f"Basic {basic}"},
            {"Authorization": wrong["a wrong key"]},
            {"Cookie": f"headway_session={wrong['a wrong cookie']}"},
        ):
            for method, path in (("GET", "/api/v1/jobs"), ("POST", "/api/v1/jobs"), ("GET", "/metrics"),
                                 ("GET", "/nowhere"), ("PATCH", "/api/v1/jobs")):
                self.ask("refusals", method, path, None, headers)
        for path in (
            f"/api/v1/stream?token={quote(wrong['a wrong token of a query'])}",
            f"/api/v1/stream?ticket={quote(wrong['a wrong ticket'])}",
            # Where nothing of the kind is known.
            f"/api/v1/jobs?token={quote(wrong['a wrong token of a query'])}",
            f"/nowhere?token={quote(wrong['a wrong token of a query'])}",
        ):
            self.ask("refusals", "GET", path)
        for body in (
            {"key": wrong["a wrong key"]},
            {"token": wrong["a wrong token of a query"]},
            {"key": [wrong["a wrong key"]]},
            {"key": 1, "token": {"a": wrong["a wrong key"]}},
            {"password": wrong["a wrong password"]},
        ):
            self.ask("refusals", "POST", "/api/v1/session", body)
        batch = {"kind": "asks", "items": [1]}
        for webhook in (
            {"url": 1, "secret": WEBHOOK_OWN},
            {"url": "http://127.0.0.1/", "secret": WEBHOOK_OWN, "extra": 1},
            {"url": "ftp://127.0.0.1/", "secret": WEBHOOK_OWN},
            {"url": "http://127.0.0.1/", "secret": [WEBHOOK_OWN]},
            {"url": "http://127.0.0.1/", "secret": WEBHOOK_OWN + "!"},
        ):
            self.ask("refusals", "POST", "/api/v1/batches", {**batch, "webhook": webhook}, self.key)
        # A body that is not even JSON.
        raw = f'{{"key": "{wrong["a wrong key"]}", }}'.encode()
        received, _ = self.house.exchange(
            b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(raw), raw))
        self.tell("refusals", received.decode())
        # A head that cannot be read.
        received, _ = self.house.exchange(
            f"GET / HTTP/1.1\r\nAuthorization: Bearer {wrong['a wrong key']}\r\nBroken Header\r\n\r\n".encode())
        self.tell("refusals", received.decode())

    def run_jobs(self):
        """Executors and webhooks that fail, and a program that prints its environment."""
        hook = {"url": f"{self.url}/hook", "events": ["started", "failed", "completed"]}
        ends = []
        for kind, webhook in (("asks", hook), ("asks_nobody", {**hook, "secret": WEBHOOK_OWN}), ("prints", hook)):
            wanted = {"kind": kind, "items": [{"n": 1}], "webhook": webhook, "tags": ["t"]}
            status, _, made = self.ask("documents", "POST", "/api/v1/batches", wanted, self.key)
            self.assertIn(status, (201, 202), made)
            ends.append(made["id"])
        for job in ends:
            eventually(f"{job} ends", lambda job=job: self.house.get(
                f"/api/v1/jobs/{job}", self.key)["status"] in ("completed", "failed"))
            for path in (f"/api/v1/jobs/{job}", f"/api/v1/jobs/{job}/events", f"/api/v1/batches/{job}/items",
                         f"/api/v1/batches/{job}/results", f"/api/v1/jobs/{job}/stream?wait_ms=0&events=true",
                         f"/api/v1/jobs/{job}/records", f"/api/v1/batches/{job}/errors",
                         f"/api/v1/batches/{job}/timings"):
                self.ask("documents", "GET", path, None, self.key)

    def watch(self):
        """Every way in that a watcher has, right and wrong."""
        address = f"ws://{self.house.host}:{self.house.port}/api/v1/stream"

        def converse(protocols, message=None, query=""):
            try:
                with connect(address + query, subprotocols=protocols) as stream:
                    self.tell("streams", f"{stream.subprotocol} {stream.response.headers}")
                    self.tell("streams", stream.recv(timeout=PATIENCE))
                    if message:
                        stream.send(json.dumps(message))
                        self.tell("streams", stream.recv(timeout=PATIENCE))
            except ConnectionClosed as closed:
                self.tell("streams", str(closed))
            except InvalidStatus as refused:
                self.tell("streams", f"{refused.response.headers} {refused.response.body}")

        wrong = PLANTED["a wrong subprotocol"]
        converse(["headway.v1", f"headway.bearer.{self.token}"], {"type": "subscribe", "id": "1", "tag": "t"})
        converse(["headway.v1", f"headway.bearer.{wrong}"])
        converse(["headway.v1"], {"type": "auth", "token": self.token})
        converse(["headway.v1"], {"type": "auth", "token": PLANTED["a wrong token of a message"]})
        converse(["headway.v1"], {"type": "auth", "token": [PLANTED["a wrong token of a message"]]})
        converse(["headway.v1"], None, f"?token={quote(self.token)}")
        converse(["headway.v1"], None, f"?ticket={quote(self.ticket)}")
        converse(["headway.v1"], None, f"?ticket={quote(self.ticket)}")

    def look(self):
        """What operators look at."""
        for path in ("/metrics", "/healthz", "/readyz", "/api/v1/audit", "/api/v1/audit?format=csv",
                     "/api/v1/audit?format=jsonl", "/api/v1/keys", "/api/v1/openapi.json"):
            for who in (self.key, bearer(PLANTED["the admin key"])):
                self.ask(path, "GET", path, None, who)

    def use_the_command_line(self):
        """The program as a client, and what it says about a configuration."""
        server = f"http://{self.house.host}:{self.house.port}"
        key = self.secrets["an API key"]

        def run(*words, **environment):
            ran = subprocess.run(
                [PROGRAM, *words], capture_output=True, text=True, timeout=60,
                env={**os.environ, "HEADWAY_LOG": "trace", **environment}, cwd=self.house.folder,
            )
            self.tell("the command line", ran.stdout + ran.stderr)
            return ran

        configured = {"HEADWAY_CONFIG": str(self.house.configuration)}
        for word in ("print", "check", "schema"):
            run("config", word, **configured)
            run("config", word, "--json", **configured)
        said = {"HEADWAY_ADMIN_KEY": PLANTED["the admin key"],
                "HEADWAY_JWT_SECRET": PLANTED["the secret of the identity provider"],
                "HEADWAY_WEBHOOK_SECRET": WEBHOOK}
        run("config", "print", **said)
        run("config", "print", "--json", **said)
        # A secret that cannot be used is refused without being shown.
        run("config", "check", HEADWAY_WEBHOOK_SECRET=WEBHOOK + "!")
        for token in (key, PLANTED["the token of the command line"]):
            who = {"HEADWAY_URL": server, "HEADWAY_TOKEN": token}
            for words in (["job", "list"], ["job", "list", "--json"], ["job", "get", "job_nowhere", "--json"],
                          ["watch", "job_nowhere", "--json"], ["job", "cancel", "job_nowhere"]):
                run(*words, **who)
            run("--token", token, "--server", server, "job", "list")
        # Nobody is there, and an address with a password in it.
        run("job", "list", "--server", "http://127.0.0.1:1", "--token", PLANTED["the token of the command line"])
        password = PLANTED["a password in the address of a kind"]
        run("job", "list", "--server", f"http://user:{password}@127.0.0.1:1")


def signed(claims, secret):
    """A token that is signed with HS256."""
    part = lambda value: base64.urlsafe_b64encode(value).decode().rstrip("=")
    head = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    body = f"{head}.{part(json.dumps(claims).encode())}"
    return f"{body}.{part(hmac.new(secret.encode(), body.encode(), hashlib.sha256).digest())}"


def forms(secret):
    """A secret as it is and as it travels: also as a part of something longer."""
    yield "plain", secret
    if quote(secret, safe="") != secret:
        yield "percent-encoded", quote(secret, safe="")
        yield "percent-encoded, in small letters", re.sub(r"%..", lambda e: e[0].lower(), quote(secret, safe=""))
    yield "hexadecimal", secret.encode().hex()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + secret.encode()).decode().rstrip("=")
        # The first and the last letter depend on what stands beside them.
        encoded = encoded[(0, 2, 3)[before]:-1]
        yield f"base64 behind {before}", encoded
        if encoded != (safe := encoded.replace("+", "-").replace("/", "_")):
            yield f"base64 for addresses behind {before}", safe
    # The part that is secret, where a prefix is not.
    if secret.startswith("whsec_"):
        yield "its bytes", base64.b64decode(secret[6:]).decode("latin-1")
    if secret.count(".") == 2 and secret.startswith("ey"):
        yield "its signature", secret.rsplit(".", 1)[1]


class FormTest(unittest.TestCase):
    def test_a_secret_is_found_in_every_form(self):
        secret = PLANTED["the admin key"]
        for text in (
            secret,
            f"?token={quote(secret, safe='')}",
            base64.b64encode(f"user:{secret}".encode()).decode(),
            base64.urlsafe_b64encode(f"u:{secret}:x".encode()).decode(),
            base64.b64encode(f"us:{secret}".encode()).decode(),
            f"[{secret.encode().hex()}]",
        ):
            self.assertTrue(any(form in text for _, form in forms(secret)), text)


if __name__ == "__main__":
    unittest.main()
