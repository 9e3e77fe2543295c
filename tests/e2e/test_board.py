# SPDX-License-Identifier: Apache-2.0
"""The uart device end to end: boards Verilated at their pins, each behind a pseudo-terminal.

BOARD_LONG=1 runs 8 tokens of every codec on the ULX3S; otherwise one codec, and a token or two elsewhere."""
import json
import os
import shutil
import subprocess
import time
import unittest

from common import BUILD, CODECS, SHIPPED, Scratch, run, run_json

PROMPT = "Once upon a time"
LONG = os.environ.get("BOARD_LONG") == "1"


def compressed(codec, embed):
    out = os.path.join(BUILD, "tmp", f"board-{codec}-{embed}")
    if not os.path.isdir(out):
        p = run("compress", SHIPPED, "-o", out, "--codec", codec, "--embed", embed)
        assert p.returncode == 0, p.stderr
    return out


class Board(Scratch):
    def setUp(self):
        super().setUp()
        self.boards = []
        self.addCleanup(self.stop)

    def stop(self):
        for p in self.boards:
            p.terminate()
            _, err = p.communicate(timeout=60)
            print(err.strip())
        self.boards = []

    def start(self, board, *args, wait=True):
        """The board's line; the process ends when its standard input does."""
        p = subprocess.Popen([os.path.join(BUILD, "board", board, "board"), "--link", self.path(f"{board}.tty"), *map(str, args)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.boards.append(p)
        assert p.stdout.readline()
        return self.path(f"{board}.tty")

    def generate(self, model, device, n, **kw):
        return run_json("generate", model, "--prompt", PROMPT, "-n", n, "--ignore-end", "--device", device,
                        timeout=1800, **kw)


class Generate(Board):
    def check(self, codec, embed, n):
        model = compressed(codec, embed)
        line = self.start("ulx3s")
        got = self.generate(model, f"uart:{line},timeout=60000", n)
        want = self.generate(model, "cpu", n)
        self.assertEqual(got["tokens"], want["tokens"])
        self.assertEqual(len(got["tokens"]), n)
        c = got["counters"]
        self.assertEqual(c["cycles"], c["useful"] + c["stall"] + c["drain"])
        # Every weight word went through the lanes at least once a token.
        self.assertGreater(c["useful"], 0)
        print(f"{codec}, embedding {embed}: {n} tokens on the ULX3S top equal cpu, {got['seconds']:.0f} s")
        self.stop()

    def test_eight_tokens_on_the_ulx3s(self):
        self.check("seedlm3", "seedlm3", 8)

    @unittest.skipUnless(LONG, "BOARD_LONG=1 only")
    def test_every_codec_on_the_ulx3s(self):
        for codec in CODECS:
            with self.subTest(codec=codec):
                self.check(codec, "fp16", 8)


class Verify(Board):
    def check(self, board, codec, embed, n):
        line = self.start(board)
        r = run_json("verify", compressed(codec, embed), "--device", f"uart:{line},timeout=60000", "-n", n, timeout=1800)
        self.assertEqual(r["differing_bits"], 0)
        self.assertGreater(r["values"], 10000)
        self.assertEqual(r["device"], "uart")

    def test_icebreaker(self):
        self.check("icebreaker", "seedlm3", "seedlm3", 1)

    @unittest.skipUnless(LONG, "BOARD_LONG=1 only")
    def test_ulx3s(self):
        self.check("ulx3s", "seedlm4", "fp16", 4)


class Faults(Board):
    def test_flipped_bits_on_the_line(self):
        model = compressed("seedlm3", "seedlm3")
        line = self.start("icebreaker", "--flip", 50001)
        got = self.generate(model, f"uart:{line},timeout=3000", 1)
        self.assertEqual(got["tokens"], self.generate(model, "cpu", 1)["tokens"])

    def test_reset_in_the_middle(self):
        model = compressed("seedlm3", "seedlm3")
        line = self.start("icebreaker", "--reset", 5000000)
        got = self.generate(model, f"uart:{line},timeout=3000", 1)
        self.assertEqual(got["tokens"], self.generate(model, "cpu", 1)["tokens"])

    def test_unplugged_in_the_middle(self):
        model = compressed("seedlm3", "seedlm3")
        line = self.start("icebreaker", "--unplug", 3000000)
        p = run("generate", model, "--prompt", PROMPT, "-n", 2, "--device", f"uart:{line},timeout=3000", timeout=120)
        self.assertEqual(p.returncode, 1)
        self.assertIn("unplugged?", p.stderr)
        self.assertEqual(p.stderr.count("\n"), 1, p.stderr)
        # Plugged in again, the same job is right.
        self.stop()
        self.start("icebreaker")
        got = self.generate(model, f"uart:{line},timeout=3000", 1)
        self.assertEqual(got["tokens"], self.generate(model, "cpu", 1)["tokens"])

    def test_silent_line_times_out(self):
        master, slave = os.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        began = time.monotonic()
        p = run("generate", SHIPPED, "--prompt", PROMPT, "-n", 1, "--device", f"uart:{os.ttyname(slave)},timeout=100,retries=2")
        self.assertEqual(p.returncode, 1)
        self.assertIn("no answer", p.stderr)
        self.assertLess(time.monotonic() - began, 60)


class Devices(Board):
    def devices(self, pattern):
        p = run("devices", "--json", env={**os.environ, "SEEDBED_UART_PORTS": pattern})
        self.assertEqual(p.returncode, 0, p.stderr)
        return next(d for d in json.loads(p.stdout) if d["name"] == "uart")

    def test_finds_a_board(self):
        self.start("icebreaker")
        d = self.devices(self.path("*.tty"))
        self.assertTrue(d["available"], d["detail"])
        self.assertIn("iCEBreaker", d["detail"])

    def test_finds_each_board(self):
        """Two boards, and a line on which nobody answers."""
        self.start("icebreaker")
        self.start("ulx3s")
        master, slave = os.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        os.symlink(os.ttyname(slave), self.path("mute.tty"))
        d = self.devices(self.path("*.tty"))
        self.assertEqual([f.split(" at ")[0] for f in d["found"]], ["iCEBreaker", "ULX3S"])
        text = run("devices", env={**os.environ, "SEEDBED_UART_PORTS": self.path("*.tty")}).stdout
        self.assertIn(self.path("icebreaker.tty"), text)
        self.assertIn(self.path("ulx3s.tty"), text)

    def test_says_how_to_name_a_line(self):
        d = self.devices(self.path("none*"))
        self.assertFalse(d["available"])
        self.assertIn("uart:/dev/tty", d["detail"])

    def test_a_line_in_use_is_left_alone(self):
        line = self.start("icebreaker")
        holder = subprocess.Popen(["flock", line, "sleep", "30"])
        self.addCleanup(holder.wait)
        self.addCleanup(holder.terminate)
        time.sleep(1)
        p = run("generate", SHIPPED, "--prompt", PROMPT, "-n", 1, "--device", f"uart:{line}")
        self.assertEqual(p.returncode, 1)
        self.assertIn("in use", p.stderr)

    def test_bad_names(self):
        for spec, what in (("uart:/dev/null", "not a serial line"), ("uart:/nonexistent", "No such file"),
                           ("uart:/dev/null,baud=1234567", "not a rate"), ("uart:speed=3", "unknown parameter")):
            p = run("generate", SHIPPED, "--prompt", PROMPT, "-n", 1, "--device", spec)
            self.assertEqual(p.returncode, 1, spec)
            self.assertIn(what, p.stderr)
            self.assertEqual(p.stderr.count("\n"), 1)


def setUpModule():
    for name in os.listdir(os.path.join(BUILD, "tmp")) if os.path.isdir(os.path.join(BUILD, "tmp")) else ():
        if name.startswith("board-") and not LONG:
            shutil.rmtree(os.path.join(BUILD, "tmp", name), ignore_errors=True)


if __name__ == "__main__":
    unittest.main()
