# SPDX-License-Identifier: Apache-2.0
"""The opencl device through the program: the same bits and text, operations moved to and fro, refusals in one line."""
import os
import unittest

from common import BUILD, CODECS, ROOT, SHIPPED, Scratch, models, run, run_json

PROMPT = "Once upon a time"


def setUpModule():
    devices = run_json("devices")
    mine = next(d for d in devices if d["name"] == "opencl")
    if not mine["available"]:
        print(f"skipped: opencl ({mine['detail']})")
        raise unittest.SkipTest(mine["detail"])
    print("opencl:", mine["detail"])


def by_name(r):
    return {o["operation"]: o for o in r["operations"]}


class OpenCL(Scratch):
    def compressed(self, src, codec):
        out = self.path(f"{os.path.basename(src)}-{codec}")
        self.assertEqual(run("compress", src, "-o", out, "--codec", codec).returncode, 0)
        return out

    def test_every_value_of_every_command(self):
        for name, src in models():
            for codec in CODECS:
                model = self.compressed(src, codec)
                for kv in (16, 8) if codec == "seedlm4" else (16,):
                    with self.subTest(model=name, codec=codec, kv=kv):
                        r = run_json("verify", model, "--device", "opencl", "-n", 5, "--kv", kv)
                        self.assertEqual(r["differing_bits"], 0, r.get("first"))
                        self.assertGreater(r["values"], 30000)
                        self.assertTrue(all(o["on_host"] == 0 for o in r["operations"]), "all of it ran on the device")

    def test_the_same_text(self):
        model = self.compressed(SHIPPED, "seedlm4")
        cpu, opencl = (run_json("generate", model, "--prompt", PROMPT, "-n", 40, "--device", d) for d in ("cpu", "opencl"))
        self.assertEqual(cpu["tokens"], opencl["tokens"])
        text = os.path.join(ROOT, "README.md")
        p = [run_json("perplexity", model, "--text", text, "--tokens", 100, "--device", d)["nll"] for d in ("cpu", "opencl")]
        self.assertEqual(*p)

    def test_operations_moved_to_the_host(self):
        model = self.compressed(SHIPPED, "seedlm3")
        home = by_name(run_json("generate", model, "--prompt", PROMPT, "-n", 8, "--device", "opencl"))
        for place in ("matvec=host", "all=host", "all=host,matvec=device", "attention_x=host,rmsnorm=host", "quantize_kv=host"):
            with self.subTest(place=place):
                r = run_json("verify", model, "--device", "opencl", "-n", 4, "--place", place)
                self.assertEqual(r["differing_bits"], 0, r.get("first"))
        away = by_name(run_json("generate", model, "--prompt", PROMPT, "-n", 8, "--device", "opencl", "--place", "rmsnorm=host"))
        self.assertEqual(away["RMSNORM"]["on_host"], home["RMSNORM"]["on_device"])
        self.assertEqual(home["RMSNORM"]["bytes_to_host"], 0)
        self.assertGreater(away["RMSNORM"]["bytes_to_host"], 4 * 128 * away["RMSNORM"]["on_host"])

    def refuse(self, device, words, **env):
        p = run("generate", SHIPPED, "--prompt", "x", "-n", 1, "--device", device, env=dict(os.environ, **env))
        self.assertEqual(p.returncode, 1)
        self.assertEqual(len(p.stderr.strip().splitlines()), 1, p.stderr)
        self.assertIn(words, p.stderr)

    def test_refusals(self):
        self.refuse("opencl:device=no such device", "no device fits")
        self.refuse("opencl:colour=red", "unknown parameter 'colour'")
        self.refuse("opencl", "no OpenCL platform", OCL_ICD_VENDORS=self.dir)

    def test_a_wait_ends(self):
        """Nothing is built yet in a cache of its own, so a millisecond is not enough."""
        self.refuse("opencl:timeout=1", "no end within 1 ms", POCL_CACHE_DIR=self.path("cache"))


if __name__ == "__main__":
    os.environ.setdefault("POCL_CACHE_DIR", os.path.join(BUILD, "pocl-cache"))
    os.makedirs(os.environ["POCL_CACHE_DIR"], exist_ok=True)
    unittest.main(verbosity=2)
