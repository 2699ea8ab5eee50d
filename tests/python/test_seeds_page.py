"""What docs/seeds.md points at is there: each test, file and command in its last column."""

import re
import subprocess
import unittest
from pathlib import Path

from bounded import PATIENCE, Bounded

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "seeds.md"


class SeedsTest(Bounded):
    def shown(self):
        """What stands in code in the last column of each row."""
        for line in PAGE.read_text().splitlines():
            if line.startswith("| ") and line.count("|") == 4:
                yield from re.findall(r"`([^`]+)`", line.split("|")[3])

    def test_each_test_that_is_named_is_there(self):
        names = {name for name in self.shown() if re.fullmatch(r"[a-z0-9_]+", name)}
        self.assertGreater(len(names), 60)
        found = subprocess.run(
            ["grep", "-rhoE", r"\b(fn|def) [a-z0-9_]+\(", "crates", "clients/python/tests", "tests/python"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE,
        ).stdout
        there = {line.split(" ")[1].rstrip("(") for line in found.splitlines()}
        self.assertEqual(sorted(names - there), [])

    def test_each_file_that_is_named_is_there(self):
        paths = {name for name in self.shown() if "/" in name and " " not in name}
        self.assertGreater(len(paths), 10)
        self.assertEqual([path for path in sorted(paths) if not (ROOT / path).is_file()], [])

    def test_each_link_leads_somewhere(self):
        links = re.findall(r"\]\(([^)#]+)(?:#([^)]+))?\)", PAGE.read_text())
        for path, place in links:
            target = PAGE.parent / path
            self.assertTrue(target.exists(), path)
            if place:
                heads = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
                places = [re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in heads]
                self.assertIn(place, places, path)


if __name__ == "__main__":
    unittest.main()
