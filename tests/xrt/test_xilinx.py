# SPDX-License-Identifier: Apache-2.0
"""The packaging scripts for cards, as far as that goes without Vivado and Vitis: they run to their end on recorded commands, and what
they say of files, ports and registers is true of the RTL and of docs/device.md."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
XLX = os.path.join(ROOT, "hw", "boards", "xilinx")
RTL = os.path.join(ROOT, "hw", "rtl")
STUB = os.path.join(ROOT, "tests", "xrt", "vivado.tcl")


def text(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


def boards():
    """name -> (ports, bus, mhz, part)"""
    rows = [line.split() for line in text("hw", "boards", "xilinx", "boards.txt").splitlines() if line and not line.startswith("#")]
    return {r[0]: (int(r[1]), int(r[2]), int(r[3]), r[4]) for r in rows}


def output(*args):
    return subprocess.run(args, capture_output=True, text=True, check=True).stdout


def masters(ports):
    return ["m_axi_gmem"] if ports == 1 else [f"m_axi_gmem{p}" for p in range(ports)]


class Packaging(unittest.TestCase):
    def setUp(self):
        base = os.path.join(BUILD, "tmp")
        os.makedirs(base, exist_ok=True)
        self.dir = tempfile.mkdtemp(dir=base)
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def prepare(self, board):
        """(kernel.sv, top.v) of a board."""
        ports, bus, _, _ = boards()[board]
        kernel, top = os.path.join(self.dir, "seedbed_kernel.sv"), os.path.join(self.dir, "seedbed_top.v")
        for path, command in ((kernel, (os.path.join(ROOT, "hw", "kernel.sh"), str(ports))),
                              (top, (os.path.join(XLX, "top.sh"), str(ports), str(bus), "Codecs=4", "Style=1", "ActCap=32768"))):
            with open(path, "w", encoding="utf-8") as f:
                f.write(output(*command))
        return kernel, top

    def package(self, board, script=None):
        """The calls that package_kernel.tcl makes, each a list of words."""
        ports, _, _, part = boards()[board]
        kernel, top = self.prepare(board)
        p = subprocess.run(["tclsh", STUB, script or os.path.join(XLX, "package_kernel.tcl"), RTL, kernel, top, str(ports), part,
                            os.path.join(self.dir, "work"), os.path.join(self.dir, "seedbed_kernel.xo")],
                           capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(p.returncode, 0, p.stderr)
        calls = [line[5:] for line in p.stdout.splitlines() if line.startswith("CALL ")]
        # Tcl's own list syntax; no word of ours holds a brace.
        return [[a or b or c for a, b, c in re.findall(r"\{([^{}]*)\}|\"([^\"]*)\"|(\S+)", c)] for c in calls]

    def test_calls(self):
        for board, (ports, _, _, part) in boards().items():
            with self.subTest(board=board):
                calls = self.package(board)
                self.assertIn(part, next(c for c in calls if c[0] == "create_project"))
                self.assertEqual(calls[-1][0], "package_xo")
                self.assertEqual(calls[-1][calls[-1].index("-kernel_name") + 1], "seedbed_kernel")
                self.assertEqual(calls[-1][calls[-1].index("-ctrl_protocol") + 1], "ap_ctrl_hs")
                for value in ("sdx_kernel true core", "sdx_kernel_type rtl core", "name seedbed_kernel core"):
                    self.assertIn(["set_property", *value.split()], calls)
                clocked = [c[c.index("-busif") + 1] for c in calls if c[0] == "ipx::associate_bus_interfaces"]
                self.assertEqual(sorted(clocked), sorted(masters(ports) + ["s_axi_control"]))

    def test_sources(self):
        """Every module of the RTL once, the package first, none of them absent."""
        calls = self.package("kv260")
        files = next(c for c in calls if c[0] == "add_files")[-1].split()
        for f in files:
            self.assertTrue(os.path.isfile(f), f)
        self.assertTrue(files[0].endswith("core/seedbed_pkg.sv"))
        names = sorted(os.path.basename(f) for f in files)
        self.assertEqual(len(names), len(set(names)))
        rtl = sorted(n for _, _, fs in os.walk(RTL) for n in fs if n.endswith(".sv"))
        self.assertEqual(names, sorted(rtl + ["seedbed_top.v"]))

    def registers(self, board):
        """name -> (offset, bits), pointers: name -> bus interface"""
        regs, pointers = {}, {}
        for c in self.package(board):
            if c[0] == "set_property" and c[3].startswith("register:"):
                regs.setdefault(c[3][9:], {})[c[1]] = int(c[2], 0)
            if c[0] == "set_property" and c[3].startswith("parameter:register:"):
                pointers[c[3][19:]] = c[2]
        return {k: (v["address_offset"], v["size"]) for k, v in regs.items()}, pointers

    def test_registers(self):
        """Offsets as docs/device.md, the RTL, the host and the simulated card have them."""
        doc = text("docs", "device.md")
        for board, (ports, _, _, _) in boards().items():
            regs, pointers = self.registers(board)
            want = {"CTRL": (0, 32), "GIER": (4, 32), "IP_IER": (8, 32), "IP_ISR": (12, 32), "commands": (0x10, 64), "count": (0x1C, 32),
                    "port_stride": (0x24, 64)}
            want.update({f"port{p}": (0x180 + 8 * (p - 1), 64) for p in range(1, ports)})
            self.assertEqual(regs, want)
            self.assertEqual(pointers, {("commands" if p == 0 else f"port{p}"): m for p, m in enumerate(masters(ports))})
        regs, _ = self.registers("u55c")
        for name, words in (("CMD_ADDR", "commands"), ("CMD_COUNT", "count"), ("PORT_STRIDE", "port_stride")):
            row = re.search(rf"^\| 0x([0-9A-F]+)[^|]*\| {name} \|", doc, re.M)
            self.assertEqual(int(row.group(1), 16), regs[words][0], name)
        for i, name in enumerate(("commands", "count", "port_stride")):
            self.assertRegex(doc, rf"(?m)^\| {i} \| `{name}` \| 0x{regs[name][0]:X} \|")
        self.assertRegex(doc, r"(?m)^\| 2 \+ p \| `port`p \| 0x180 \+ 8\(p-1\) \|")
        rtl = text("hw", "rtl", "axi", "axil_regs.sv")
        for offset, register in ((0x10, "cmd_addr_q[31:0]"), (0x14, "cmd_addr_q[63:32]"), (0x1C, "cmd_count_q"), (0x24, "port_stride_q[31:0]"),
                                 (0x28, "port_stride_q[63:32]")):
            self.assertIn(f"10'h{offset // 4:03x}: {register} <= merge(", rtl)
        # What the ports' own arguments write must change nothing: no register lies at 0x180 or above.
        written = [4 * int(w, 16) for w in re.findall(r"10'h([0-9a-f]+): (?:if|\w+(?:\[[0-9:]+\])? <=)", rtl)]
        self.assertTrue(written and max(written) < 0x180, written)

    def test_wrapper_elaborates(self):
        """top.sh's Verilog and the core fit together, port for port; boards of the same shape once."""
        seen = set()
        rtl = sorted(os.path.join(d, n) for d, _, fs in os.walk(RTL) for n in fs if n.endswith(".sv") and n != "seedbed_kernel.sv")
        package = os.path.join(RTL, "core", "seedbed_pkg.sv")
        rtl = [package] + [f for f in rtl if f != package]
        for board, (ports, bus, _, _) in boards().items():
            if (ports, bus) in seen:
                continue
            seen.add((ports, bus))
            with self.subTest(board=board):
                kernel, top = self.prepare(board)
                p = subprocess.run(["verilator", "--lint-only", "-Wall", "-Wno-DECLFILENAME", os.path.join(RTL, "waivers.vlt"), "--top", "seedbed_top",
                                    *rtl, kernel, top], capture_output=True, text=True, check=False)
                self.assertEqual(p.returncode, 0, p.stderr)
                with open(top, encoding="utf-8") as f:
                    source = f.read()
                for m in masters(ports):
                    self.assertIn(f"[{bus - 1}:0]", next(l for l in source.splitlines() if l.strip().endswith(f" {m}_RDATA,")))
                self.assertEqual(re.sub(r"(?s)\(.*?\);.*", "", source).split()[-1], "seedbed_top")
                self.assertNotIn("logic", source)

    def test_link_configurations(self):
        """Each port of the kernel joined to a memory, once; the kernel's name; as many boards as files."""
        files = sorted(f[:-4] for f in os.listdir(XLX) if f.endswith(".cfg"))
        self.assertEqual(files, sorted(boards()))
        for board, (ports, _, _, _) in boards().items():
            lines = [l for l in text("hw", "boards", "xilinx", board + ".cfg").splitlines() if l and not l.startswith("#")]
            self.assertEqual(lines[:2], ["[connectivity]", "nk=seedbed_kernel:1:seedbed_kernel_1"])
            joined = [re.fullmatch(r"sp=seedbed_kernel_1\.(\w+):(DDR\[\d\]|HBM\[\d+:\d+\]|HP\d)", l) for l in lines[2:]]
            self.assertTrue(all(joined), lines)
            self.assertEqual([m.group(1) for m in joined], masters(ports))

    def test_a_mistake_is_seen(self):
        """The check can fail: a misspelt command, an option that does not exist, a brace too few, an offset moved."""
        good = text("hw", "boards", "xilinx", "package_kernel.tcl")
        script = os.path.join(self.dir, "bad.tcl")
        for change in (("ipx::save_core", "ipx::save_cores"), ("-ctrl_protocol", "-control_protocol"), ("close_project\n", "{\n"),
                       ("ipx::add_register_parameter ASSOCIATED_BUSIF $reg", "ipx::add_register_parameter ASSOCIATED_BUSIF")):
            self.assertIn(change[0], good)
            with open(script, "w", encoding="utf-8") as f:
                f.write(good.replace(*change))
            with self.assertRaises(AssertionError):
                self.package("u250", script)

    def test_targets_without_the_tools(self):
        """One clear line each."""
        path = {"PATH": "/usr/bin:/bin", "HOME": self.dir}
        for args, words in ((("xo",), "expected one of u250 u280 u55c kv260"), (("xo", "BOARD=arty"), "BOARD='arty'"),
                            (("xo", "BOARD=u250"), "vivado is not in PATH"), (("xclbin", "BOARD=u250"), "PLATFORM= is missing"),
                            (("xclbin", "BOARD=u250", "PLATFORM=x.xpfm"), "v++ is not in PATH")):
            p = subprocess.run(["make", "-s", *args], cwd=ROOT, capture_output=True, text=True, check=False, env=path)
            self.assertNotEqual(p.returncode, 0)
            lines = [l for l in p.stderr.splitlines() if not l.startswith("make")]
            self.assertEqual(len(lines), 1, p.stderr)
            self.assertIn(words, lines[0])

    def test_timing_is_judged(self):
        report = "| Design Timing Summary\n    WNS(ns)      TNS(ns)  TNS Failing Endpoints\n    -------      -------  ---\n      {}        0.000     0\n"
        script = os.path.join(XLX, "timing.sh")
        run = lambda: subprocess.run([script, self.dir, "hw"], capture_output=True, text=True, check=False)
        self.assertIn("no timing summary", run().stderr)
        for wns, code in (("0.012", 0), ("-0.034", 1)):
            with open(os.path.join(self.dir, "x_timing_summary_postroute.rpt"), "w", encoding="utf-8") as f:
                f.write(report.format(wns))
            p = run()
            self.assertEqual(p.returncode, code, p.stdout + p.stderr)
            self.assertIn(wns, p.stdout + p.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
