"""What mailtap-gen sends on a port are the frames that it writes to a file: from one queue in
the same order, from two each once; and again while the time lasts.

usage: port.py MAILTAP_GEN
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "captures"))
from lib import read_pcap  # noqa: E402

GEN = None
TRAFFIC = ["--packets", "3k", "--seed", "5", "--mail-share", "30"]
EAL = ["--", "--no-huge", "--no-shconf", "--no-pci", "-m", "128"]


class PortTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_gen(self, *arguments):
        return subprocess.run([GEN, *TRAFFIC, *arguments], text=True, capture_output=True)

    def send(self, *arguments):
        """The summary's "port" of sending so."""
        summary = self.folder / "summary.json"
        result = self.run_gen("--port", "0", "--summary", str(summary), *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(summary.read_text())["port"]

    def frames(self, name):
        return [packet.data for packet in read_pcap(self.folder / name)[1]]

    def expected(self):
        result = self.run_gen("--out", str(self.folder / "file.pcap"))
        self.assertEqual(result.returncode, 0, result.stderr)
        return self.frames("file.pcap")

    def test_sends_the_same_frames_in_the_same_order(self):
        report = self.send(*EAL, f"--vdev=net_pcap0,tx_pcap={self.folder}/sent.pcap")
        expected = self.expected()
        self.assertEqual(self.frames("sent.pcap"), expected)
        self.assertEqual(report["device"], "net_pcap0")
        self.assertEqual(report["sent"], len(expected))
        self.assertEqual(report["bytes"], sum(map(len, expected)))

    def test_each_queue_sends_what_is_its_own(self):
        paths = ",".join(f"tx_pcap={self.folder}/{queue}.pcap" for queue in "ab")
        report = self.send(*EAL, "--lcores", "0@0,1@0", f"--vdev=net_pcap0,{paths}")
        self.assertEqual([queue["lcore"] for queue in report["queues"]], [0, 1])
        a, b = self.frames("a.pcap"), self.frames("b.pcap")
        self.assertEqual([queue["sent"] for queue in report["queues"]], [len(a), len(b)])
        self.assertGreater(min(len(a), len(b)), 0)
        self.assertEqual(sorted(a + b), sorted(self.expected()))

    def test_sends_again_while_the_time_lasts(self):
        report = self.send("--duration", "1s", *EAL,
                           f"--vdev=net_pcap0,tx_pcap={self.folder}/sent.pcap")
        sent, expected = self.frames("sent.pcap"), self.expected()
        self.assertEqual(report["sent"], len(sent))
        self.assertGreater(len(sent), len(expected))
        self.assertEqual(sent[:2 * len(expected)], (2 * expected)[:len(sent)])

    def test_says_what_is_wrong(self):
        self.assertIn("DPDK has no port 3",
                      self.run_gen("--port", "3", *EAL, "--vdev=net_null0").stderr)
        self.assertIn("--out or --port is required, and not both",
                      self.run_gen("--port", "0", "--out", "x").stderr)
        self.assertIn("arguments behind -- are for --port",
                      self.run_gen("--out", str(self.folder / "x"), *EAL).stderr)


if __name__ == "__main__":
    GEN = sys.argv.pop(1)
    unittest.main()
