"""What is published: the package with its types, and examples that run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from unittest import main

from support.bounded import Bounded
from support.server import Server

FOLDER = Path(__file__).resolve().parents[1]
PATIENT = """
import logging
from functools import partial
from headway.reporting import face
from support.patience import ask_patiently
face.ReportOptions = partial(face.ReportOptions, close_timeout=60.0)
ask_patiently()
logging.getLogger("asyncio").setLevel(logging.ERROR)
"""
"""What is enough for a worker is not for a machine that compiles at the same time: five seconds for its last
reports, one try to make a job, and a tenth of a second for each step of a loop, of which asyncio's debug mode
would warn."""
PATH = os.pathsep.join(str(FOLDER / folder) for folder in ("src", "tests"))
GUIDES = (FOLDER / "README.md", FOLDER.parents[1] / "docs/python.md")


class WheelTest(Bounded):
    def test_a_wheel_holds_the_package_and_nothing_else(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
            subprocess.run(build, cwd=FOLDER, check=True, capture_output=True)
            (wheel,) = Path(folder).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                names = archive.namelist()
                metadata = next(name for name in names if name.endswith("METADATA"))
                said = archive.read(metadata).decode()
        self.assertIn("headway/py.typed", names)
        self.assertIn("headway/reporting/session.py", names)
        strange = [name for name in names if not re.match(r"headway(-[\d.]+\.dist-info)?/", name)]
        self.assertEqual(strange, [])
        needs = [line for line in said.splitlines() if line.startswith("Requires-Dist")]
        needed = [line for line in needs if "extra ==" not in line]
        self.assertEqual(needed, [])

    def test_it_works_with_nothing_but_the_standard_library(self) -> None:
        program = (
            f"import sys; sys.path.insert(0, {str(FOLDER / 'src')!r})\n"
            "from headway import Headway\n"
            "from headway.worker import run\n"
            "Headway()\n"
            "try: Headway(transports=['websocket'])\n"
            "except ValueError as error: print(error)\n"
        )
        # Without what is installed beside the standard library.
        alone = [sys.executable, "-I", "-S", "-c", program]
        said = subprocess.run(alone, check=True, capture_output=True, text=True).stdout
        self.assertIn("pip install 'headway[websocket]'", said)


class ExamplesTest(Bounded):
    def test_the_examples_of_the_guides_run(self) -> None:
        with tempfile.TemporaryDirectory() as folder, Server("--allow-exec") as server:
            (Path(folder) / "leads.csv").write_text("text\nfirst\nsecond\n")
            for guide in GUIDES:
                examples = re.findall(r"```python\n(.*?)```", guide.read_text(), re.S)
                self.assertGreater(len(examples), 1, guide)
                for number, example in enumerate(examples):
                    with self.subTest(guide.name, example=number):
                        ended = subprocess.run(
                            [sys.executable, "-X", "dev", "-c", PATIENT + example],
                            cwd=folder,
                            env={"HEADWAY_URL": server.url, "PYTHONPATH": PATH},
                            stdin=subprocess.DEVNULL,
                            capture_output=True,
                            text=True,
                            timeout=120,
                            check=False,
                        )
                        self.assertEqual((ended.returncode, ended.stderr), (0, ""), example)


if __name__ == "__main__":
    main()
