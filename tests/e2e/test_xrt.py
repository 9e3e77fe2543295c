# SPDX-License-Identifier: Apache-2.0
"""The program as it would run on a card, on the simulated one: the same bits as the CPU, and a clear line for whatever goes wrong."""
import os
import unittest

from common import BUILD, ROOT, SHIPPED, Scratch, run, run_json

TREE = os.path.join(BUILD, "sim", "xrt")
ASAN = os.path.join(BUILD, "asan", "seedbed")
OURS = ("OCL_ICD_VENDORS", "XILINX_XRT", "XCL_EMULATION_MODE", "XRT_INI_PATH", "SEEDBED_XCLBIN", "SEEDBED_XRT_LIB", "LD_PRELOAD")
PROMPT = "Once upon a time, there was a little"


def env(**settings):
    """The environment with nothing of XRT in it but this; None leaves a name out."""
    e = {k: v for k, v in os.environ.items() if k not in OURS}
    e.update({k: v for k, v in settings.items() if v is not None})
    return e


def card(**settings):
    return env(**{"XILINX_XRT": TREE, "XCL_EMULATION_MODE": "hw_emu", **settings})


def xclbin(name):
    return os.path.join(TREE, name + ".xclbin")


def device(name="w64", more=""):
    return f"xrt:xclbin={xclbin(name)}{more}"


def fault(name):
    return os.path.join(BUILD, "faults", name, "sim", "w64", "libseedbed_sim.so")


class SameBits(Scratch):
    def verify(self, spec, n, **settings):
        r = run_json("verify", SHIPPED, "--device", spec, "-n", n, env=card(**settings))
        self.assertEqual(r["differing_bits"], 0, r.get("first"))
        self.assertEqual(r["tokens"], n)
        self.assertGreater(r["values"], 60000 * n)
        c = r["counters"]
        parts = ("useful", "wait_read", "stall", "act_load", "drain", "control", "compute", "attend", "vector")
        self.assertEqual(sum(c[k] for k in parts), c["cycles"], "every cycle in exactly one class")
        return c

    def test_verify(self):
        xrt = self.verify(device(), 3)
        sim = run_json("verify", SHIPPED, "--device", "sim:bus=64", "-n", 3)["counters"]
        for k in ("useful", "read_beats"):
            self.assertEqual(xrt[k], sim[k], f"{k}: the same core on the same lists")

    def test_many_buffers(self):
        """Weights and activations in hundreds of buffers."""
        self.verify(device(more=",chunk=16"), 2)

    def test_two_ports(self):
        self.assertEqual(self.verify(device("w64p2"), 2)["ports"], 2)

    def test_attention_unit(self):
        """A core with the attention unit: ATTENTION_X runs on it, the KV cache in the card's memory."""
        c = self.verify(device("w64a", ",chunk=64"), 3)
        self.assertGreater(c["attend"], 0)

    def test_a_bank_a_port(self):
        """Each port's part of the weights in a bank of its own, joined by PORT_STRIDE."""
        self.assertEqual(self.verify(device("w64p2-banks", ",stride=512,chunk=64"), 2)["ports"], 2)

    def test_stalls(self):
        """The memory of this card lets the core wait at random."""
        c = self.verify(device("w64-stall"), 1)
        self.assertLess(c["useful"], 0.8 * c["cycles"])

    def test_generate(self):
        """The default card, of 512 bits: text and logits are the CPU's."""
        out = {}
        for spec in ("cpu", "xrt"):
            file = self.path(spec)
            r = run_json("generate", SHIPPED, "--prompt", PROMPT, "-n", 16, "--ignore-end", "--device", spec, "--logits", file, env=card())
            with open(file, "rb") as f:
                out[spec] = (r["tokens"], f.read())
        self.assertEqual(out["cpu"], out["xrt"])
        self.assertEqual(len(out["xrt"][0]), 16)

    def test_perplexity_in_batches(self):
        """Batches beyond the core's are split; the weights are read once for 16 vectors."""
        text = os.path.join(ROOT, "README.md")
        cpu, xrt = (run_json("perplexity", SHIPPED, "--text", text, "--tokens", 40, "--device", d, env=card()) for d in ("cpu", "xrt"))
        self.assertEqual(cpu["perplexity"], xrt["perplexity"])

    def test_sanitizers(self):
        """The whole program under AddressSanitizer and UBSan; what XRT itself keeps until the end is no leak of ours."""
        if not os.path.exists(ASAN):
            self.fail(f"{ASAN} is missing: make asan")
        p = run("verify", SHIPPED, "--device", device(more=",chunk=64"), "-n", 1, binary=ASAN,
                env=card(ASAN_OPTIONS="detect_leaks=0", UBSAN_OPTIONS="halt_on_error=1"))
        self.assertEqual((p.returncode, p.stderr.count("ERROR")), (0, 0), p.stdout + p.stderr)
        self.assertIn(" 0 differing bits", p.stdout)

    def test_devices(self):
        d = {k["name"]: k for k in run_json("devices", env=card())}["xrt"]
        self.assertTrue(d["available"], d)
        self.assertEqual(d["detail"], "simulated card 0, 16 lanes, 1 x 512-bit bus")


class OpenCL(Scratch):
    """The same card by the OpenCL that XRT brings."""
    ICD = os.path.join(TREE, "opencl")

    def spec(self, more=""):
        return f"opencl-xrt:xclbin={xclbin('w64')}{more}"

    def test_verify(self):
        r = run_json("verify", SHIPPED, "--device", self.spec(",chunk=64"), "-n", 2, env=card(OCL_ICD_VENDORS=self.ICD))
        self.assertEqual((r["differing_bits"], r["tokens"]), (0, 2), r.get("first"))

    def test_generate(self):
        args = ("generate", SHIPPED, "--prompt", PROMPT, "-n", 6, "--ignore-end", "--device")
        self.assertEqual(run_json(*args, self.spec(), env=card(OCL_ICD_VENDORS=self.ICD))["tokens"], run_json(*args, "cpu")["tokens"])

    def refuse(self, e, *words, spec="opencl-xrt"):
        p = run("verify", SHIPPED, "--device", spec, "-n", 1, env=e, timeout=60)
        self.assertEqual((p.returncode, len(p.stderr.strip().splitlines())), (1, 1), p.stdout + p.stderr)
        for w in words:
            self.assertIn(w, p.stderr)

    def test_hang(self):
        self.refuse(card(OCL_ICD_VENDORS=self.ICD, SEEDBED_XRT_LIB=fault("dropped_beat")), "layer 0, transformer.layers.0.attn.qkv_proj: ",
                    "did not end within 1500 ms", "device xrt can", spec=self.spec(",timeout=1500"))

    def test_traps(self):
        os.makedirs(self.path("none"))
        self.refuse(card(OCL_ICD_VENDORS=self.path("none")), 'no OpenCL platform "Xilinx"', "xilinx.icd")
        self.refuse(env(OCL_ICD_VENDORS=self.ICD), "XILINX_XRT is not set")
        self.refuse(card(OCL_ICD_VENDORS=self.ICD, XCL_EMULATION_MODE="sw_emu"), "XCL_EMULATION_MODE=sw_emu")
        self.refuse(card(OCL_ICD_VENDORS=self.ICD), "finds no card 5", spec="opencl-xrt:device=5")


class Faults(Scratch):
    def test_hang(self):
        """Beats get lost in the core, which then waits for ever: the wait ends, and says where the core stands."""
        p = run("verify", SHIPPED, "--device", device(more=",timeout=2000"), "-n", 1, env=card(SEEDBED_XRT_LIB=fault("dropped_beat")), timeout=60)
        self.assertEqual(p.returncode, 1, p.stdout + p.stderr)
        self.assertEqual(len(p.stderr.strip().splitlines()), 1, p.stderr)
        for what in (r"^seedbed: token 0, layer 0, transformer\.layers\.0\.attn\.qkv_proj: command 0 ", r"no progress for 2000 ms: ",
                     r"command 0 of the core's list; ", r"command processor: \w+; engine: job in work", r"next beat: weights; ",
                     r"in flight: \d+ read bursts, \d+ write bursts; ", r"FIFOs: \d+ beats to read, \d+ to write; ",
                     r"cycles \d+: useful \d+, wait_read \d+, stall \d+, act_load \d+, drain \d+, control \d+, compute \d+, attend \d+, vector \d+; "):
            self.assertRegex(p.stderr, what)

    def test_wrong_result(self):
        p = run("verify", SHIPPED, "--device", device(), "-n", 1, env=card(SEEDBED_XRT_LIB=fault("wrong_tap")))
        # The shipped model's fp16 has no seeds to get wrong.
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        model = self.path("seeds")
        self.assertEqual(run("compress", SHIPPED, "-o", model, "--codec", "seedlm4").returncode, 0)
        r = run_json("verify", model, "--device", device(), "-n", 1, env=card(SEEDBED_XRT_LIB=fault("wrong_tap")))
        self.assertGreater(r["differing_bits"], 1000)
        self.assertEqual(r["first"]["op"], "MATVEC")
        r = run_json("verify", model, "--device", device(), "-n", 1, env=card())
        self.assertEqual(r["differing_bits"], 0)


class Noop(Scratch):
    """XRT's own driver that does nothing: the host's whole path runs, and nobody takes its results for results."""

    def tree(self):
        os.makedirs(self.path("lib"))
        for name in ("noop", "core"):
            os.symlink(f"/usr/lib/x86_64-linux-gnu/libxrt_{name}.so.2", self.path("lib", f"libxrt_{name}.so.2"))
        return env(XILINX_XRT=self.dir, XCL_EMULATION_MODE="noop")

    def test_host_path(self):
        e = self.tree()
        r = run_json("verify", SHIPPED, "--device", device(more=",noop=1"), "-n", 1, env=e)
        self.assertEqual((r["first"]["op"], r["first"]["row"], r["first"]["got"]), ("MATVEC", 0, 0))
        self.assertNotEqual(r["first"]["expected"], 0)
        self.assertEqual(r["differing_commands"], 25, "every product, and nothing else")
        self.assertNotIn("counters", {k: v for k, v in r.items() if k == "counters" and v["cycles"]})

    def test_not_unasked(self):
        p = run("verify", SHIPPED, "--device", device(), env=self.tree())
        self.assertEqual((p.returncode, p.stderr),
                         (1, "seedbed: device xrt: XCL_EMULATION_MODE=noop computes nothing: xrt:noop=1 if the host's side alone is to run\n"))


class Traps(Scratch):
    """Each of these ends the process, hangs it or says nothing useful, if XRT is called."""

    def refuse(self, e, *words, spec="xrt", path=None):
        p = run("verify", SHIPPED, "--device", spec, "-n", 1, env=e, timeout=60)
        self.assertEqual(p.returncode, 1, p.stdout + p.stderr)
        lines = p.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, p.stderr)
        self.assertTrue(lines[0].startswith("seedbed: " + (path or "device xrt: ")), lines[0])
        for w in words:
            self.assertIn(w, lines[0])

    def test_environment(self):
        self.refuse(env(), "XILINX_XRT is not set", "make xrt-sim")
        self.refuse(env(XCL_EMULATION_MODE="hw_emu"), "XILINX_XRT is not set")
        self.refuse(card(XILINX_XRT="/usr"), "XILINX_XRT=/usr holds no driver for hw_emu", "/usr/lib/libxrt_hwemu.so.2 is missing")
        self.refuse(env(XILINX_XRT="/usr"), "holds no driver for a card", "/usr/lib/libxrt_core.so.2 is missing")
        self.refuse(card(XCL_EMULATION_MODE="sw_emu"), "XCL_EMULATION_MODE=sw_emu", "use hw_emu")
        self.refuse(card(XCL_EMULATION_MODE="hw"), "XCL_EMULATION_MODE=hw:")

    def test_core_library_first(self):
        """A program linked with libxrt_core gets the driver of a card whatever the mode."""
        self.refuse(card(LD_PRELOAD="libxrt_core.so.2"), "libxrt_core is loaded already", "LD_PRELOAD")

    def test_no_card(self):
        os.makedirs(self.path("lib"))
        os.symlink("/usr/lib/x86_64-linux-gnu/libxrt_core.so.2", self.path("lib", "libxrt_core.so.2"))
        self.refuse(env(XILINX_XRT=self.dir, SEEDBED_XCLBIN=xclbin("w64")), "XRT finds no card 0", "is its driver loaded?")
        self.refuse(card(), "XRT finds no card 5 (hw_emu)", spec="xrt:device=5")

    def test_xclbin(self):
        self.refuse(card(), "no xclbin", "/nowhere", spec="xrt:xclbin=/nowhere")
        self.refuse(env(XILINX_XRT=self.noop_tree(), XCL_EMULATION_MODE="noop"), "no xclbin at", "SEEDBED_XCLBIN", spec="xrt:noop=1")
        text = os.path.join(ROOT, "README.md")
        self.refuse(card(), "not an xclbin", spec=f"xrt:xclbin={text}", path=text)
        cut = self.path("cut.xclbin")
        with open(xclbin("w64"), "rb") as f, open(cut, "wb") as g:
            g.write(f.read()[:1500])
        self.refuse(card(), "cut off: 1500 of", spec=f"xrt:xclbin={cut}", path=cut)
        other = os.path.join(ROOT, "tests", "fuzz", "seeds", "xclbin", "other")
        self.refuse(card(), "no kernel seedbed_kernel in it (it has: other)", spec=f"xrt:xclbin={other}", path=other)
        self.refuse(card(), "no kernel nobody", "it has: seedbed_kernel", spec="xrt:kernel=nobody", path=TREE)

    def noop_tree(self):
        os.makedirs(self.path("lib"), exist_ok=True)
        os.symlink("/usr/lib/x86_64-linux-gnu/libxrt_noop.so.2", self.path("lib", "libxrt_noop.so.2"))
        return self.dir

    def test_parameters(self):
        self.refuse(card(), "timeout=0", spec="xrt:timeout=0")
        self.refuse(card(), "unknown parameter 'lanes'", spec="xrt:lanes=4")
        self.refuse(card(), "noop=1 needs XCL_EMULATION_MODE=noop", spec="xrt:noop=1")

    def test_banks(self):
        for stride in (256, 300):
            self.refuse(card(), f"stride={stride}: of the card's 4 banks none", spec=device("w64p2-banks", f",stride={stride}"))
        self.refuse(card(), "stride=512: of the card's 1 banks none", spec=device("w64p2", ",stride=512"))

    def test_model_larger_than_the_card(self):
        """A card with a bank of 1 MiB."""
        p = run("verify", SHIPPED, "--device", device("w64-small", ",chunk=64"), "-n", 1, env=card())
        self.assertEqual(p.returncode, 1)
        self.assertRegex(p.stderr, r"^seedbed: .*no buffer of \d+ bytes in memory group 0, after \d+ bytes\n$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
