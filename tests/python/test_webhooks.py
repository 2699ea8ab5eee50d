"""Deliveries of the real program, verified by the library of the Standard Webhooks project."""

import base64
import json
import queue
import threading
import unittest
import urllib.error
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

from bounded import Bounded, Overdue
from server import Server

SECRET = "whsec_" + base64.b64encode(b"the newest secret of this node..").decode()
PREVIOUS = "whsec_" + base64.b64encode(b"the secret that it had before...").decode()
OWN = "whsec_" + base64.b64encode(b"what a request brought by itself").decode()
STRANGE = "whsec_" + base64.b64encode(b"of somebody who is not concerned").decode()

# The first wait of the schedule is 5 seconds; a delivery that a killed process had taken is due
# again after 20.
PATIENCE = 60


class Receiver:
    """Keeps what is posted to it, and answers with the statuses it is told, then with 204."""

    def __enter__(self):
        self.got = queue.Queue()
        self.statuses = queue.Queue()
        self.may_answer = threading.Event()
        self.may_answer.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.put((body, dict(self.headers.items())))
                receiver.may_answer.wait(PATIENCE)
                try:
                    status = receiver.statuses.get_nowait()
                except queue.Empty:
                    status = 204
                try:
                    self.send_response(status)
                    self.send_header("content-length", "0")
                    self.end_headers()
                except OSError:
                    pass  # whoever asked was killed

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}/hook?key=hidden-in-the-query"

    def next(self):
        try:
            return self.got.get(timeout=PATIENCE)
        except queue.Empty:
            raise Overdue(f"a delivery did not come in {PATIENCE} s") from None


def node(**settings):
    return Server(
        HEADWAY_WEBHOOK_SECRET=SECRET,
        HEADWAY_ALLOW_HOSTS="127.0.0.1",
        **settings,
    )


def create(server, webhook):
    return server.post("/api/v1/jobs", {"kind": "told", "webhook": webhook})["id"]


def complete(server, job):
    reports = [{"type": "start"}, {"type": "complete", "result": {"rows": 3}}]
    server.post(f"/api/v1/jobs/{job}/events", reports)


class Webhooks(Bounded):
    def assert_signed(self, delivery, *secrets):
        body, headers = delivery
        for secret in secrets:
            verified = Webhook(secret).verify(body, headers)
            self.assertEqual(verified, json.loads(body))
        with self.assertRaises(WebhookVerificationError):
            Webhook(STRANGE).verify(body, headers)
        with self.assertRaises(WebhookVerificationError):
            Webhook(secrets[0]).verify(body + b" ", headers)

    def test_an_end_is_announced_and_verified(self):
        with Receiver() as receiver, node() as server:
            job = create(server, {"url": receiver.url})
            complete(server, job)
            delivery = receiver.next()
            self.assert_signed(delivery, SECRET)
            event = json.loads(delivery[0])
            self.assertEqual(event["specversion"], "1.0")
            self.assertEqual(event["type"], "io.headway.job.completed.v1")
            self.assertEqual(event["subject"], job)
            document = json.loads(server.get(f"/api/v1/jobs/{job}"))
            self.assertEqual(event["data"], document)
            self.assertNotIn("webhook", document)

    def test_secrets_change_without_a_gap(self):
        with Receiver() as receiver, node(HEADWAY_WEBHOOK_PREVIOUS_SECRET=PREVIOUS) as server:
            complete(server, create(server, {"url": receiver.url}))
            self.assert_signed(receiver.next(), SECRET, PREVIOUS)
            complete(server, create(server, {"url": receiver.url, "secret": OWN}))
            delivery = receiver.next()
            self.assert_signed(delivery, OWN)
            with self.assertRaises(WebhookVerificationError):
                Webhook(SECRET).verify(*delivery)

    def test_a_retry_has_the_same_name(self):
        with Receiver() as receiver, node() as server:
            receiver.statuses.put(503)
            complete(server, create(server, {"url": receiver.url}))
            first, second = receiver.next(), receiver.next()
            self.assertEqual(first[1]["webhook-id"], second[1]["webhook-id"])
            self.assertEqual(first[0], second[0])
            self.assertLessEqual(
                int(first[1]["webhook-timestamp"]), int(second[1]["webhook-timestamp"])
            )
            self.assert_signed(second, SECRET)

    def test_a_kill_between_an_end_and_its_delivery_loses_nothing(self):
        with Receiver() as receiver, node() as server:
            # Nobody answers: what is begun is not done when the process is killed, and most is not
            # begun, for one receiver gets a few at a time.
            receiver.may_answer.clear()
            jobs = {create(server, {"url": receiver.url}) for _ in range(20)}
            for job in jobs:
                complete(server, job)
            receiver.next()
            server.kill()
            receiver.may_answer.set()
            while not receiver.got.empty():
                receiver.got.get()
            server.start_again()
            told = {}
            while set(told) != jobs:
                body, headers = receiver.next()
                told[json.loads(body)["subject"]] = headers["webhook-id"]
                self.assert_signed((body, headers), SECRET)
            self.assertEqual(len(set(told.values())), len(jobs))

    def test_gone_is_gone(self):
        with Receiver() as receiver, node() as server:
            receiver.statuses.put(410)
            complete(server, create(server, {"url": receiver.url}))
            receiver.next()
            self.wait_for_metric(server, 'webhook_attempts_total{outcome="gone"} 1')
            complete(server, create(server, {"url": receiver.url}))
            self.wait_for_metric(server, 'webhook_attempts_total{outcome="gone"} 2')
            self.assertTrue(receiver.got.empty())
            letters = json.loads(server.get("/api/v1/webhooks/dead"))["dead_letters"]
            self.assertEqual([letter["reason"] for letter in letters], ["gone", "gone"])
            self.assertEqual([letter["attempts"] for letter in letters], [1, 0])
            self.assertNotIn("hidden-in-the-query", json.dumps(letters))
            # Sending them again says that the endpoint is back.
            answer = server.post("/api/v1/webhooks/dead/replay", {})
            self.assertEqual(answer["replayed"], 2)
            told = {receiver.next()[1]["webhook-id"] for _ in letters}
            self.assertEqual(told, {letter["id"] for letter in letters})

    def test_secrets_are_shown_nowhere(self):
        with Receiver() as receiver, node(HEADWAY_LOG="trace") as server:
            receiver.statuses.put(500)
            webhook = {"url": receiver.url, "secret": OWN}
            job = create(server, webhook)
            complete(server, job)
            for _ in range(2):
                receiver.next()
            with self.assertRaises(urllib.error.HTTPError) as refused:
                create(server, {"url": receiver.url, "secret": OWN + "!"})
            log = server.log()
            self.assertIn("TRACE", log)
            shown = [
                refused.exception.read().decode(),
                server.get(f"/api/v1/jobs/{job}"),
                server.get(f"/api/v1/jobs/{job}/events"),
                server.get("/metrics"),
                log,
            ]
            for text in shown:
                for secret in (SECRET, OWN):
                    self.assertNotIn(secret.removeprefix("whsec_").rstrip("="), text)
                self.assertNotIn("hidden-in-the-query", text)

    def wait_for_metric(self, server, line):
        for _ in range(PATIENCE * 50):
            if line in server.get("/metrics"):
                return
            threading.Event().wait(0.02)
        self.fail(f"{line} never came: {server.get('/metrics')}")


if __name__ == "__main__":
    unittest.main()
