# SPDX-License-Identifier: Apache-2.0
"""Low-rank adapters: a side path gives what weights merged with it give, with the same bits on every device at hand."""
import json
import math
import os
import struct
import unittest

import lora
from common import SHIPPED, SIGMOID, Scratch, models, read_safetensors, run, run_json
from test_main_job import compressed

PROMPT = "Once upon a time, there was a little girl"  # longer than one token: a step with a batch too


class Lora(Scratch):
    def logits(self, model, device, *more, n=4):
        file = self.path("logits")
        r = run_json("generate", model, "--prompt", PROMPT, "-n", n, "--device", device, "--ignore-end", "--logits", file, *more)
        with open(file, "rb") as f:
            raw = f.read()
        return r["tokens"], list(struct.unpack(f"<{len(raw) // 4}f", raw))

    def apart(self, got, want):
        """Relative distance of two lists of logits."""
        d = math.sqrt(sum((x - y) ** 2 for x, y in zip(got, want)))
        return d / math.sqrt(sum(y * y for y in want))

    def adapter(self, model, name="adapter", **kw):
        out = self.path(name)
        return out, lora.make(model, out, **kw)

    def cases(self):
        """Every model with all its layers adapted; ranks that are no multiple of anything."""
        for name, model in models():
            short = {"rank_pattern": {"proj_1": 5, "q_proj": 5}, "alpha_pattern": {"proj_2": 3.5, "v_proj": 3.5}}
            yield name, model, dict(r=3, alpha=6, **short)

    def test_the_side_path_is_the_merged_model(self):
        for name, model, kw in self.cases():
            with self.subTest(model=name):
                adapter, paths = self.adapter(model, name, **kw)
                merged = self.path(name + "-merged")
                lora.merge(model, merged, paths)
                plain, (tokens, want) = self.logits(model, "ref")[1], self.logits(merged, "ref")
                got_tokens, got = self.logits(model, "ref", "--lora", adapter)
                self.assertEqual(got_tokens, tokens)
                self.assertGreater(self.apart(plain, want), 0.02, "the adapter does nothing: the test would show nothing")
                self.assertLess(self.apart(got, want), 1e-4)
                exact = self.logits(model, "cpu", "--lora", adapter)[1]
                near = self.apart(exact[:len(want) // 4], want[:len(want) // 4])  # behind the prompt; then tokens may differ
                print(f"{name}: ref {self.apart(got, want):.1e} from the merged weights, cpu {near:.1e}, "
                      f"without the adapter {self.apart(plain, want):.2f}")
                self.assertLess(near, 0.01)

    def test_same_bits_on_every_device(self):
        for name, model, kw in self.cases():
            adapter, paths = self.adapter(model, name, **kw)
            for spec in ("sim:bus=64", "opencl") + (() if model == SIGMOID else ("sim:bus=64,units=av",)):
                with self.subTest(model=name, device=spec):
                    p = run("verify", model, "--lora", adapter, "--device", spec, "-n", 1, "--json")
                    if p.returncode and not p.stdout and "device opencl: " in p.stderr:
                        print("absent:", p.stderr.strip())
                        continue
                    self.assertEqual(p.returncode, 0, p.stderr or p.stdout[-600:])
                    r = json.loads(p.stdout)
                    self.assertEqual(r["differing_bits"], 0, r.get("first"))
                    if "units" in spec:
                        self.assertEqual([o["operation"] for o in r["operations"] if o["on_host"]], [])
                    else:
                        self.count(model, spec, r, MATVEC=2 * len(paths), SCALE=2 * len(paths), ADD=len(paths),
                                   QUANTIZE=len(paths))  # u for B; x is quantised once for both paths

    def count(self, model, spec, r, **more):
        """So many commands more than without the adapter."""
        def by_op(x):
            return {o["operation"]: o["on_device"] + o["on_host"] for o in x["operations"]}
        got, plain = by_op(r), by_op(run_json("verify", model, "--device", spec, "-n", 1))
        self.assertEqual({k: got[k] - plain[k] for k in plain if got[k] != plain[k]}, more)

    def test_beside_seeds(self):
        """seedlm3 lays activations out in its own way: x is quantised once more for A."""
        packed = compressed("tinystories-openelm", SHIPPED, "seedlm3")
        adapter, paths = self.adapter(SHIPPED, r=4, alpha=4)
        r = run_json("verify", packed, "--lora", adapter, "--device", "sim:bus=64", "-n", 1)
        self.assertEqual(r["differing_bits"], 0, r.get("first"))
        self.count(packed, "sim:bus=64", r, MATVEC=2 * len(paths), SCALE=2 * len(paths), ADD=len(paths), QUANTIZE=2 * len(paths))
        exact, ref = (self.logits(packed, d, "--lora", adapter, n=1)[1] for d in ("cpu", "ref"))
        self.assertLess(self.apart(exact, ref), 0.01)

    def test_nothing_added_is_nothing_changed(self):
        for name, model in models():
            for device in ("cpu", "ref"):
                plain = self.logits(model, device, n=2)
                for kw in (dict(alpha=0), dict(zero_b=True)):
                    with self.subTest(model=name, device=device, **kw):
                        adapter, _ = self.adapter(model, name, r=7, **kw)
                        self.assertEqual(self.logits(model, device, "--lora", adapter, n=2), plain)

    def test_forms_of_an_adapter(self):
        """dtypes; a file in place of its directory; rslora; patterns; a part of the layers; perplexity and inspect."""
        for kw in (dict(dtype="F16", use_rslora=True), dict(dtype="BF16", targets=["qkv_proj", "proj_2"]),
                   dict(target_modules=r".*\.attn\..*_proj|.*ffn\.proj_[12]"),
                   dict(target_modules="all-linear", rank_pattern={"proj_2": 17})):
            with self.subTest(**kw):
                adapter, paths = self.adapter(SHIPPED, r=2, **kw)
                merged = self.path("merged" + "-".join(kw))
                # What the file holds, so that the dtype's rounding is in both.
                h, d = read_safetensors(os.path.join(adapter, "adapter_model.safetensors"))
                for m, (s, A, B) in paths.items():
                    rows = []
                    for letter, like in (("A", A), ("B", B)):
                        flat = lora.read_floats(h, d, f"{lora.PREFIX}{m}.lora_{letter}.weight")
                        w = len(like[0])
                        rows.append([flat[i:i + w] for i in range(0, len(flat), w)])
                    paths[m] = (s, *rows)
                lora.merge(SHIPPED, merged, paths)
                file = os.path.join(adapter, "adapter_model.safetensors")
                got = self.logits(SHIPPED, "ref", "--lora", file, n=1)
                want = self.logits(merged, "ref", n=1)
                self.assertEqual(got[0], want[0])
                self.assertLess(self.apart(got[1], want[1]), 1e-4)
                listed = [t["name"] for t in run_json("inspect", SHIPPED, "--lora", adapter)["tensors"] if t["name"].startswith("lora ")]
                self.assertEqual(len(listed), 2 * len(paths))
        p = [run_json("perplexity", SHIPPED, "--text", __file__, "--tokens", 60, *more)["nll"] for more in ((), ("--lora", adapter))]
        self.assertNotEqual(*p)

    def test_bad_adapters(self):
        """One line that says what, and no result."""
        def config(**change):
            def f(d):
                with open(os.path.join(d, "adapter_config.json"), encoding="utf-8") as x:
                    j = json.load(x)
                j.update(change)
                for k in [k for k, v in j.items() if v == "gone"]:
                    del j[k]
                with open(os.path.join(d, "adapter_config.json"), "w", encoding="utf-8") as x:
                    json.dump(j, x)
            return f

        def remove(name):
            return lambda d: os.remove(os.path.join(d, name))

        cases = [(config(use_dora=True), "use_dora: DoRA is not supported"), (config(bias="all"), 'bias is "all", only "none"'),
                 (config(modules_to_save=["lm_head"]), "modules_to_save: modules trained whole is not supported"),
                 (config(r=4096), "r is 4096, expected an integer from 1 to 1024"), (config(r=9), "expected [9, 192] (rank 9"),
                 (config(strange=1), "unknown key strange"), (config(peft_type="IA3"), 'peft_type is "IA3"'),
                 (config(lora_alpha="gone"), "lora_alpha is missing"), (config(init_lora_weights="pissa"), "init_lora_weights"),
                 (config(target_modules=["qkv_proj"]), "not one of the config's target_modules"),
                 (config(rank_pattern={"(": 1}), "rank_pattern: the pattern (: "),
                 (remove("adapter_config.json"), "adapter_config.json: cannot open"),
                 (remove("adapter_model.safetensors"), "adapter_model.safetensors: cannot open")]
        for i, (change, line) in enumerate(cases):
            with self.subTest(line=line):
                adapter, _ = self.adapter(SHIPPED, f"bad{i}", r=2, targets=["proj_1"] if "target" not in line else None)
                change(adapter)
                p = run("generate", SHIPPED, "--prompt", "x", "-n", 1, "--lora", adapter)
                self.assertEqual((p.returncode, p.stdout, len(p.stderr.splitlines())), (1, "", 1), p.stderr)
                self.assertIn(line, p.stderr)
        good, _ = self.adapter(SHIPPED, "good", r=2)
        p = run("generate", SHIPPED, "--prompt", "x", "-n", 1, "--lora", good, "--lora", good)
        self.assertEqual(p.returncode, 2)
        self.assertIn("one adapter at a time", p.stderr)

    def test_a_message_names_the_place(self):
        adapter, paths = self.adapter(SHIPPED, r=2, size=1e35, alpha=1e6)
        p = run("generate", SHIPPED, "--prompt", PROMPT, "-n", 1, "--lora", adapter)
        self.assertEqual(p.returncode, 1)
        self.assertRegex(p.stderr, r"layer 0, lora (B|sum) of transformer\.layers\.0\.attn\.qkv_proj: .*not finite")


if __name__ == "__main__":
    unittest.main(verbosity=2)
