"""The server keeps to its own description, by schemathesis: thousands of requests, right and wrong.

Nothing is answered with a fault of the server; every answer is one that the description names, in the
form that it gives; nobody is let in who shows nothing. The requests are the same in every run.
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from house import ANY_GUESSES, House

# Beside the named jobs, any others: whether one is there must not matter for the form of an answer.
SETTINGS = """
# Every check but those that take a description for all there is to know: not every text is a cursor.
[checks]
positive_data_acceptance.enabled = false
ensure_resource_availability.enabled = false
missing_required_header.enabled = false

[dictionaries]
jobs = {{ values = ["{job}", "{batch}"] }}
batches = {{ values = ["{batch}"] }}

# Amounts of money are described as they are written; a number is taken as well.
[[operations]]
include-path-regex = "/jobs|/batches|/estimates"
include-method = "POST"
checks.negative_data_rejection.enabled = false
parameters = {{ "path.id" = {{ dictionary = "batches", probability = 0.8 }} }}

[[operations]]
include-path-regex = "/jobs/"
parameters = {{ "path.id" = {{ dictionary = "jobs", probability = 0.8 }} }}

[[operations]]
include-path-regex = "/batches/"
parameters = {{ "path.id" = {{ dictionary = "batches", probability = 0.8 }} }}

# What was learnt from a list is used elsewhere: the key itself would be revoked.
[[operations]]
include-path-regex = "/keys/|/revocations"
headers = {{ Authorization = "{other}" }}
"""

# Requests that are made up for each operation, beside those that follow from its description.
EXAMPLES = 40


class ContractTest(unittest.TestCase):
    def test_every_answer_is_one_that_the_description_names(self):
        with House(ANY_GUESSES, sign_in=True) as house:
            key, other = (house.key(tenant, "admin")["Authorization"] for tenant in ("acme", "apart"))
            who = {"Authorization": key}
            job = house.post("/api/v1/jobs", {"kind": "seen"}, who)["id"]
            items = {"kind": "work", "items": [{"n": n} for n in range(50)]}
            batch = house.post("/api/v1/batches", items, who)["id"]
            folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
            settings = folder / "schemathesis.toml"
            settings.write_text(SETTINGS.format(job=job, batch=batch, other=other))
            ran = subprocess.run(
                [
                    Path(sys.executable).with_name("schemathesis"), "--config-file", settings, "run",
                    f"http://{house.host}:{house.port}/api/v1/openapi.json",
                    "--header", f"Authorization: {key}",
                    "--phases", "coverage,fuzzing",
                    "--max-examples", str(EXAMPLES), "--generation-deterministic",
                    "--request-timeout", "20", "--continue-on-failure", "--warnings", "off",
                    # A stream that is let in does not end; test_attacks.py and test_tenants.py watch.
                    "--exclude-path-regex", "stream$|/ws/",
                ],
                cwd=folder, capture_output=True, text=True, timeout=300,
            )
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
            # The key was not lost on the way: otherwise nearly everything was refused alike.
            house.get(f"/api/v1/jobs/{job}", who)
            self.assertNotIn("panicked", house.log())
            print(next(line for line in ran.stdout.splitlines() if "generated" in line).strip(), flush=True)


if __name__ == "__main__":
    unittest.main()
