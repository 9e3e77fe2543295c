# SPDX-License-Identifier: Apache-2.0
"""Faults planted in a copy of the RTL, one at a time, must be seen by verify, which names the place."""
import os
import re
import shutil
import struct
import subprocess
import unittest

from common import BUILD, ROOT, SHIPPED, run, run_json

FAULTS = os.path.join(ROOT, "tests", "rtl", "faults")
WORK = os.path.join(BUILD, "faults")


def fst_times(path):
    """First and last time of a waveform, from its header block (one byte 0, eight of length, then the two times)."""
    with open(path, "rb") as f:
        kind, _, first, last = struct.unpack(">BQQQ", f.read(25))
    assert kind == 0, f"{path}: block {kind} comes first"
    return first, last


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.makedirs(WORK, exist_ok=True)
        cls.model = os.path.join(WORK, "model")
        shutil.rmtree(cls.model, ignore_errors=True)
        p = run("compress", SHIPPED, "-o", cls.model, "--codec", "seedlm4")
        assert p.returncode == 0, p.stderr

    def plant(self, name, trace=False):
        """A simulator of the RTL with fault `name`; the sed recipe must change exactly one file."""
        rtl, sim = os.path.join(WORK, name, "rtl"), os.path.join(WORK, name, "sim")
        shutil.rmtree(rtl, ignore_errors=True)
        shutil.copytree(os.path.join(ROOT, "hw", "rtl"), rtl)
        with open(os.path.join(FAULTS, name + ".sed"), encoding="utf-8") as f:
            first = f.readline()
        self.assertTrue(first.startswith("# file: "), f"{name}: the first line names the file it changes")
        target = os.path.join(rtl, first.split(":", 1)[1].strip())
        with open(target, encoding="utf-8") as f:
            before = f.read()
        subprocess.run(["sed", "-i", "-f", os.path.join(FAULTS, name + ".sed"), target], check=True)
        with open(target, encoding="utf-8") as f:
            self.assertNotEqual(before, f.read(), f"{name}: the recipe no longer fits the RTL")
        env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        p = subprocess.run(["make", "sim", f"RTL_DIR={rtl}", f"SIM_DIR={sim}", "BUS=64", "SIM_OPT=-O1", f"TRACE={int(trace)}"], cwd=ROOT, capture_output=True, text=True,
                           check=False, env=env)
        self.assertEqual(p.returncode, 0, p.stdout[-2000:] + p.stderr[-2000:])
        return os.path.join(sim, "w64-trace" if trace else "w64", "libseedbed_sim.so")

    def check(self, name, lib=None):
        device = f"sim:watchdog=20000,lib={lib or self.plant(name)}"
        p = run("verify", self.model, "--device", device, "-n", 2)
        self.assertEqual(p.returncode, 1, f"{name} was not seen:\n{p.stdout}{p.stderr}")
        where = p.stdout + p.stderr
        self.assertRegex(where, r"layer \d+, transformer\.layers\.\d+\.", f"{name}: the place is not named")
        if not p.stderr.startswith("seedbed: "):  # a difference, not a hang
            r = run_json("verify", self.model, "--device", device, "-n", 2)
            self.assertGreater(r["differing_bits"], 0)
            self.assertEqual(r["first"]["op"], "MATVEC")
            self.assertNotEqual(r["first"]["expected"], r["first"]["got"])
        print(f"{name}: {next(l for l in where.splitlines() if 'layer' in l)}")

    def test_wrong_tap(self):
        self.check("wrong_tap")

    def test_dropped_beat(self):
        """Beats are lost, so the engine waits for ever: verify tells where, and the cycles before it can be looked at."""
        lib = self.plant("dropped_beat", trace=True)
        self.check("dropped_beat", lib)
        wave, n = os.path.join(WORK, "hang.fst"), 500
        if os.path.exists(wave):
            os.remove(wave)
        p = run("verify", self.model, "--device", f"sim:watchdog=20000,lib={lib},trace_on_hang={wave},trace_cycles={n}", "-n", 2)
        self.assertEqual(p.returncode, 1, p.stdout + p.stderr)
        line = p.stderr.strip()
        for word in ("no transfer on the memory bus", "command processor: ", "engine: ", "read bursts in flight", "write bursts in flight",
                     "counters: total", "op 1 codec 2", wave):
            self.assertIn(word, line)
        last = int(re.search(r"last transfer in cycle (\d+)", line).group(1))
        first, end = map(int, re.search(r"waveform of cycles (\d+) to (\d+)", line).groups())
        self.assertEqual((first, end), (last - n, last + n))
        self.assertEqual(fst_times(wave), (2 * first, 2 * end - 1))
        same = run("verify", self.model, "--device", f"sim:watchdog=20000,lib={lib}", "-n", 2)
        self.assertEqual(line.split("; waveform")[0], same.stderr.strip(), "the same, but for the waveform")

    def test_swapped_coefficient(self):
        self.check("swapped_coefficient")

    def test_row_one_word_short(self):
        self.check("short_row")


if __name__ == "__main__":
    unittest.main(verbosity=2)
