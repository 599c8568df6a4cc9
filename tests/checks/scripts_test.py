"""Scripts that measure: what they refuse before anything runs, and how they search.

usage: scripts_test.py SOURCE_ROOT
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import pathlib
import subprocess
import sys
import types
import unittest

ROOT = None


def run(*command):
    return subprocess.run([str(word) for word in command], text=True, capture_output=True,
                          cwd=ROOT)


def load(path):
    loader = importlib.machinery.SourceFileLoader(path.name.replace("-", "_"), str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


class Arguments(unittest.TestCase):
    def refused(self, *command, because):
        result = run(*command)
        self.assertNotEqual(result.returncode, 0, command)
        self.assertIn(because, result.stderr)
        self.assertNotIn("Traceback", result.stderr)

    def test_line_rate(self):
        script = ROOT / "scripts/line-rate"
        for size in ("foo", "64", "9217", "-1", "1e3"):
            self.refused(script, "--sizes", size, because="line-rate: error: argument --sizes")
        for option, value in (("--seconds", "0"), ("--flows", "x"), ("--packets", "-5"),
                              ("--mail-share", "nan"), ("--mail-share", "101")):
            self.refused(script, option, value, because=f"argument {option}")
        self.refused(script, "--send", "-l 0", because="--send goes with")
        self.refused(script, "--build", "/nonexistent", because="build it first")

    def test_bench_table(self):
        script = ROOT / "bench/table"
        self.refused(script, "--check", "--compare", "no-such-revision",
                     because="'no-such-revision' is no revision")
        self.refused(script, "--check", "--rounds", "0", "--full", because="--rounds")
        self.assertEqual(run(script, "--check", "--full").returncode, 0)


class FakeLine:
    """Takes so many packets a second; as fast as it goes its sender waits and loses nothing."""

    def __init__(self, most, flat_out):
        self.most, self.flat_out = most, flat_out

    def trial(self, rate, *unused):
        loss = max(0.0, 1 - self.most / rate) if rate else 0.0
        return {"offered_pps": rate or self.flat_out, "loss": loss, "drops": {},
                "bits_per_second": 0}


class Search(unittest.TestCase):
    def search(self, most, flat_out, resolution=0.02, trials=20):
        options = types.SimpleNamespace(seconds=1, flows=1, resolution=resolution, trials=trials)
        with contextlib.redirect_stdout(io.StringIO()):
            return load(ROOT / "scripts/line-rate").search(FakeLine(most, flat_out), options, "128")

    def test_a_sender_that_waits_proves_nothing(self):
        trials, best = self.search(most=1.2e6, flat_out=5e6)
        self.assertGreater(best["offered_pps"], 1.2e6 * 0.97)
        self.assertLessEqual(best["offered_pps"], 1.2e6)
        self.assertEqual(trials[1]["offered_pps"], 5e6)

    def test_what_takes_all_is_asked_once_more(self):
        trials, best = self.search(most=9e6, flat_out=5e6)
        self.assertEqual(len(trials), 2)
        self.assertIs(best, trials[1])

    def test_ends(self):
        trials, best = self.search(most=1, flat_out=5e6, resolution=0.1, trials=8)
        self.assertEqual(len(trials), 1 + 8)
        self.assertIsNone(best)


if __name__ == "__main__":
    ROOT = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
