# SPDX-License-Identifier: Apache-2.0
"""Every device at hand gives every value of a token as cpu does (verify); what is not at hand is named, with the reason."""
import json
import os
import unittest

from common import BUILD, SHIPPED, run, run_json

TREE = os.path.join(BUILD, "sim", "xrt")
CACHE = os.path.join(BUILD, "pocl-cache")
# What follows the device's name: the variants that the tests build, and units where a core has them.
VARIANTS = {"sim": ("", ":bus=64", ":bus=64,units=a", ":bus=64,units=av"),
            "xrt": (f":xclbin={TREE}/w64.xclbin",), "opencl-xrt": (f":xclbin={TREE}/w64.xclbin",)}
ORACLES = ("cpu", "ref")  # verify compares with the one and is not for the other


def environment(name):
    """A card that is simulated where there is none, for the devices that want one; its OpenCL driver stands beside it."""
    e = dict(os.environ, POCL_CACHE_DIR=CACHE)
    if name in ("xrt", "opencl-xrt") and "XILINX_XRT" not in e and os.path.isdir(os.path.join(TREE, "lib")):
        e.update(XILINX_XRT=TREE, XCL_EMULATION_MODE="hw_emu")
        if name == "opencl-xrt":
            e["OCL_ICD_VENDORS"] = os.path.join(TREE, "opencl")
    return e


class EveryDevice(unittest.TestCase):
    def test_verify(self):
        os.makedirs(CACHE, exist_ok=True)
        names = [d["name"] for d in run_json("devices") if d["name"] not in ORACLES]
        self.assertLessEqual(set(VARIANTS), set(names))
        done = []
        for name in names:
            for more in VARIANTS.get(name, ("",)):
                spec = name + more
                with self.subTest(device=spec):
                    p = run("verify", SHIPPED, "--device", spec, "-n", 1, "--json", env=environment(name), timeout=300)
                    if p.returncode and not p.stdout and f"device {name}: " in p.stderr:  # it did not open
                        line = p.stderr.strip()
                        self.assertEqual(len(line.splitlines()), 1, line)
                        # The simulators of sim-all are part of what make test builds.
                        self.assertFalse(name == "sim", line)
                        print(f"absent: {spec}: {line}")
                        continue
                    self.assertEqual(p.returncode, 0, p.stderr or p.stdout[-600:])
                    r = json.loads(p.stdout)
                    self.assertEqual(r["differing_bits"], 0, r.get("first"))
                    self.assertGreater(r["values"], 60000)
                    self.assertGreater(sum(o["on_device"] for o in r["operations"]), 0, "the device did nothing")
                    done.append(spec)
                    print(f"equal: {spec}: {r['values']} values")
        self.assertTrue(any(d.startswith("sim") for d in done), "no simulator at hand")


if __name__ == "__main__":
    unittest.main(verbosity=2)
