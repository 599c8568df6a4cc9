"""The layer check itself: does it see each kind of breach, and nothing else?

usage: layers_test.py CHECK_LAYERS
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECK = None


class LayersTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for header in ("lib/base/log.h", "lib/net/address.h", "lib/meter/records.h",
                       "lib/config/config.h", "lib/control/alert.h", "lib/control/control.h",
                       "lib/pipeline/worker.h", "lib/export/json.h", "app/mailtap/replay.h",
                       "tests/unit/help.h", "bench/report.h"):
            self.write(header, "")

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def breaches(self, path, *includes):
        self.write(path, "".join(f"#include {include}\n" for include in includes))
        result = subprocess.run([sys.executable, CHECK, self.root], text=True, capture_output=True)
        self.assertEqual(result.stderr, "")
        lines = result.stdout.splitlines()
        if result.returncode == 0:
            self.assertEqual(lines, [f"{len(list(self.root.glob('**/*.[hc]*')))} files follow "
                                     "the arrows"])
            return []
        return lines

    def test_follows_the_arrows(self):
        self.assertEqual(self.breaches("lib/net/a.cc", "<vector>", '"lib/net/address.h"',
                                       '"absl/strings/str_cat.h"'), [])
        self.assertEqual(self.breaches("lib/control/a.cc", '"lib/meter/records.h"'), [])
        self.assertEqual(self.breaches("lib/export/a.cc", '"lib/control/alert.h"'), [])
        self.assertEqual(self.breaches("app/mailtap/a.cc", '"lib/export/json.h"',
                                       '"lib/control/control.h"', '"app/mailtap/replay.h"'), [])
        self.assertEqual(self.breaches("tests/unit/net/a.cc", '"tests/unit/help.h"',
                                       '"lib/control/control.h"', "<hs/hs.h>"), [])
        self.assertEqual(self.breaches("bench/a.cc", '"tests/unit/help.h"', '"bench/report.h"',
                                       '"lib/net/address.h"'), [])

    def test_sees_upward_and_sideways(self):
        self.assertEqual(self.breaches("lib/net/a.cc", "<vector>", '"lib/meter/records.h"'),
                         ["lib/net/a.cc:2: lib/net may not include lib/meter "
                          "(lib/meter/records.h)"])
        self.write("lib/net/a.cc", "")
        for source, include in (("lib/pipeline/a.cc", '"lib/control/control.h"'),
                                ("lib/control/a.cc", '"lib/pipeline/worker.h"'),
                                ("lib/export/a.cc", '"app/mailtap/replay.h"'),
                                ("app/mailtap-gen/a.cc", '"lib/base/log.h"'),
                                ("lib/base/a.cc", '"tests/unit/help.h"'),
                                ("tests/unit/a.cc", '"bench/report.h"')):
            with self.subTest(source):
                self.assertEqual(len(self.breaches(source, include)), 1)
                self.write(source, "")

    def test_export_sees_interfaces_only(self):
        self.assertEqual(self.breaches("lib/export/a.cc", '"lib/control/control.h"'),
                         ["lib/export/a.cc:1: lib/export may include only alert.h, "
                          "explanation.h, hour.h, judged_session.h, output.h, proposals.h, "
                          "snapshot.h of lib/control"])

    def test_workers_do_not_log(self):
        self.assertEqual(self.breaches("lib/pipeline/a.cc", '"lib/base/log.h"'),
                         ["lib/pipeline/a.cc:1: lib/pipeline runs on workers, which count "
                          "instead of logging"])

    def test_libraries_stay_behind_their_room(self):
        self.assertEqual(self.breaches("lib/pipeline/a.cc", "<rte_mbuf.h>"),
                         ["lib/pipeline/a.cc:1: <rte_mbuf.h> belongs to app/mailtap, "
                          "app/mailtap-gen, lib/dataplane"])
        self.assertEqual(self.breaches("lib/pipeline/a.cc", "<hs.h>"),
                         ["lib/pipeline/a.cc:1: <hs.h> belongs to lib/classify"])

    def test_paths_start_at_the_top(self):
        self.assertEqual(self.breaches("lib/net/a.cc", '"address.h"'),
                         ['lib/net/a.cc:1: "address.h" is relative; write "lib/net/address.h"'])
        self.assertEqual(self.breaches("lib/net/a.cc", '"../base/log.h"'),
                         ['lib/net/a.cc:1: "../base/log.h" climbs out of its folder; write the '
                          'path from the top'])
        self.assertEqual(self.breaches("lib/net/a.cc", '"lib/net/gone.h"'),
                         ['lib/net/a.cc:1: "lib/net/gone.h" does not exist'])

    def test_every_folder_is_a_known_room(self):
        self.assertEqual(self.breaches("lib/misc/a.cc"),
                         ["lib/misc/a.cc:1: lib/misc is no room of mailtap's"])


if __name__ == "__main__":
    CHECK = sys.argv.pop(1)
    unittest.main()
