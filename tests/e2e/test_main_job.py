# SPDX-License-Identifier: Apache-2.0
"""The main job: a checkpoint into seeds, and the same text from the CPU and from the simulated core."""
import json
import os
import shutil
import unittest

from common import BUILD, CODECS, ROOT, SHIPPED, SIGMOID, STORIES, Scratch, models, need_stories, read_safetensors, run, run_json

PROMPT = "Once upon a time"
# Greedy fp32 continuation of the original llama2.c checkpoint.
STORIES_TEXT = (", there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. "
                "She wanted to play with it, but it was too high.\nLily")


def compressed(name, src, codec):
    """Compresses once for all tests."""
    out = os.path.join(BUILD, "tmp", f"{name}-{codec}")
    if not os.path.isdir(out):
        p = run("compress", src, "-o", out, "--codec", codec)
        assert p.returncode == 0, p.stderr
    return out


def setUpModule():
    for name, _ in models():
        for codec in CODECS:
            shutil.rmtree(os.path.join(BUILD, "tmp", f"{name}-{codec}"), ignore_errors=True)


class Reference(unittest.TestCase):
    @need_stories
    def test_stories260k_text(self):
        for device, n in (("ref", 70), ("cpu", 40)):
            r = run_json("generate", STORIES, "--prompt", PROMPT, "-n", n, "--device", device)
            text = r["text"]
            self.assertTrue(STORIES_TEXT.startswith(text) or text.startswith(STORIES_TEXT), f"{device}: {text!r}")
            self.assertEqual(len(r["tokens"]), n)

    @need_stories
    def test_fp16_cpu_gives_the_tokens_of_fp32_ref(self):
        ref = run_json("generate", STORIES, "--prompt", PROMPT, "-n", 40, "--device", "ref")
        cpu = run_json("generate", STORIES, "--prompt", PROMPT, "-n", 40, "--device", "cpu")
        self.assertEqual(ref["tokens"], cpu["tokens"])

    def test_shipped_models_follow_their_training_code(self):
        """Token ids that the NumPy evaluator of models/train computed from the stored weights."""
        for model in (SHIPPED, SIGMOID):
            name = os.path.basename(model)
            with self.subTest(model=name):
                with open(os.path.join(ROOT, "tests", "golden", name + ".json"), encoding="utf-8") as f:
                    oracle = json.load(f)
                r = run_json("generate", model, "--prompt", oracle["prompt"], "-n", len(oracle["greedy_ids"]), "--device", "ref",
                             "--ignore-end")
                self.assertEqual(r["tokens"], oracle["greedy_ids"])


class Devices(unittest.TestCase):
    def test_sim_equals_cpu_bit_for_bit(self):
        for name, src in models():
            for codec in CODECS:
                with self.subTest(model=name, codec=codec):
                    r = run_json("verify", compressed(name, src, codec), "--device", "sim", "-n", 32)
                    self.assertEqual(r["differing_bits"], 0, r.get("first"))
                    self.assertEqual(r["tokens"], 32)
                    self.assertGreater(r["values"], 100000)
                    c = r["counters"]
                    parts = ("useful", "wait_read", "stall", "act_load", "drain", "control", "compute", "attend", "vector")
                    self.assertEqual(sum(c[k] for k in parts), c["cycles"], "every cycle in exactly one class")
                    self.assertAlmostEqual(c["utilisation"], c["useful"] / c["cycles"])
                    self.assertAlmostEqual(c["bus_utilisation"], c["read_beats"] / c["cycles"])

    def test_sim_under_stalls_refresh_and_latency(self):
        model = compressed("tinystories-openelm", SHIPPED, "seedlm4")
        r = run_json("verify", model, "--device", "sim:stall=400,seed=7,latency=90,refresh_interval=700,refresh_length=60", "-n", 6)
        self.assertEqual(r["differing_bits"], 0, r.get("first"))
        calm = run_json("verify", model, "--device", "sim:latency=1", "-n", 6)
        self.assertGreater(r["counters"]["cycles"], 1.5 * calm["counters"]["cycles"])

    def test_other_bus_width(self):
        model = compressed("tinystories-openelm", SHIPPED, "seedlm3")
        r = run_json("verify", model, "--device", "sim:bus=64", "-n", 4)
        self.assertEqual(r["differing_bits"], 0, r.get("first"))
        self.assertEqual(r["counters"]["bus_bytes"], 8)

    def test_attention_in_the_core(self):
        """ATTENTION_X runs on the core's unit: every value equals the cpu's, and so do the tokens."""
        sim = "sim:bus=64,units=a"
        for name, src in models():
            model = compressed(name, src, "seedlm4")
            for kv in (16, 8):
                with self.subTest(model=name, kv=kv):
                    r = run_json("verify", model, "--device", sim, "-n", 2, "--kv", kv)
                    self.assertEqual(r["differing_bits"], 0, r.get("first"))
                    attention = next(o for o in r["operations"] if o["operation"] == "ATTENTION_X")
                    self.assertGreater(attention["on_device"], 0)
                    self.assertEqual(attention["on_host"], 0)
                    c = r["counters"]
                    self.assertGreater(c["attend"], 0)
                    parts = ("useful", "wait_read", "stall", "act_load", "drain", "control", "compute", "attend", "vector")
                    self.assertEqual(sum(c[k] for k in parts), c["cycles"], "every cycle in exactly one class")
                    out = [run_json("generate", model, "--prompt", PROMPT, "-n", 3, "--device", d, "--kv", kv, "--ignore-end")["tokens"]
                           for d in ("cpu", sim)]
                    self.assertEqual(out[0], out[1])
                    self.assertEqual(len(out[0]), 3)

    def test_step_in_the_core(self):
        """A whole step, embedding to arg-max, on the core: the host does nothing."""
        sim = "sim:bus=64,units=av"
        for name, src in models():
            model = compressed(name, src, "seedlm4")
            with self.subTest(model=name):
                r = run_json("verify", model, "--device", sim, "-n", 8)
                self.assertEqual(r["differing_bits"], 0, r.get("first"))
                self.assertEqual(r["tokens"], 8)
                host = {o["operation"] for o in r["operations"] if o["on_host"]}
                self.assertEqual(host, set(), "done by the host")
                there = {o["operation"] for o in r["operations"] if o["on_device"]}
                self.assertGreaterEqual(there, {"EMBED", "RMSNORM", "QUANTIZE", "MATVEC", "SCALE", "ROPE", "QUANTIZE_KV",
                                                "QUANTIZE_Q", "ATTENTION_X", "ATTN_SCALE", "ADD", "SILU_MUL", "ARGMAX"})
                c = r["counters"]
                self.assertGreater(c["vector"], 0)
                parts = ("useful", "wait_read", "stall", "act_load", "drain", "control", "compute", "attend", "vector")
                self.assertEqual(sum(c[k] for k in parts), c["cycles"], "every cycle in exactly one class")
                out = [run_json("generate", model, "--prompt", PROMPT, "-n", 8, "--device", d, "--ignore-end")["tokens"]
                       for d in ("cpu", sim)]
                self.assertEqual(out[0], out[1])
                self.assertEqual(len(out[0]), 8)

    def test_same_tokens_and_logits(self):
        for name, src in models():
            model, out = compressed(name, src, "seedlm4"), {}
            for device in ("cpu", "sim"):
                file = os.path.join(BUILD, "tmp", f"{name}.{device}.logits")
                r = run_json("generate", model, "--prompt", PROMPT, "-n", 48, "--device", device, "--logits", file, "--temperature",
                             "0.8", "--seed", "3", "--ignore-end")
                with open(file, "rb") as f:
                    out[device] = (r["tokens"], f.read())
                os.remove(file)
            self.assertEqual(out["cpu"], out["sim"])
            self.assertEqual(len(out["cpu"][0]), 48)

    def test_place_moves_an_operation(self):
        model = compressed("tinystories-openelm", SHIPPED, "seedlm4")
        rows = {}
        for place in ("matvec=device", "matvec=host"):
            r = run_json("verify", model, "--device", "sim:bus=64", "-n", 4, "--place", place)
            self.assertEqual(r["differing_bits"], 0, r.get("first"))
            rows[place] = next(o for o in r["operations"] if o["operation"] == "MATVEC")
            self.assertEqual(rows[place]["bytes_to_device"], 0, "sim's memory is the host's")
        there, here = rows["matvec=device"], rows["matvec=host"]
        self.assertEqual((there["on_device"], there["on_host"]), (here["on_host"], here["on_device"]))
        self.assertGreater(there["cycles"], 0)
        self.assertEqual(here["cycles"], 0)

    def test_seed_decides(self):
        model = compressed("tinystories-openelm", SHIPPED, "seedlm4")
        draw = [run_json("generate", model, "--prompt", PROMPT, "-n", 24, "--temperature", "1", "--seed", s)["tokens"] for s in (1, 1, 2)]
        self.assertEqual(draw[0], draw[1])
        self.assertNotEqual(draw[0], draw[2])

    def test_long_prompt_in_chunks(self):
        """The sim device splits batches of 16 into single vectors; that prefill equals decode is tests/unit/test_generate.c's."""
        model = compressed("tinystories-openelm", SHIPPED, "seedlm4")
        text = "One day, a little girl named Lily found a needle in her room. She knew it was difficult to play with it"
        a = run_json("generate", model, "--prompt", text, "-n", 12, "--device", "cpu")
        b = run_json("generate", model, "--prompt", text, "-n", 12, "--device", "sim")
        self.assertEqual(a["tokens"], b["tokens"])

    def test_perplexity_in_batches(self):
        """The core reads the weights once for 16 tokens of the text, and the perplexity is the CPU's to the last bit."""
        text = os.path.join(ROOT, "README.md")
        for codec in CODECS:
            with self.subTest(codec=codec):
                model = compressed("tinystories-openelm", SHIPPED, codec)
                cpu, sim = (run_json("perplexity", model, "--text", text, "--tokens", 24, "--device", d) for d in ("cpu", "sim"))
                self.assertEqual(cpu["perplexity"], sim["perplexity"])
                self.assertEqual(cpu["tokens"], sim["tokens"])
                c = sim["counters"]
                # One batch of 16 is 15 more cycles a main beat; the last of the text is shorter.
                self.assertGreater(c["compute"], 8 * c["useful"])
                self.assertLess(c["compute"], 15 * c["useful"])


class Compress(Scratch):
    def test_output_is_plain_safetensors(self):
        out = compressed("tinystories-openelm", SHIPPED, "seedlm3")
        header, data = read_safetensors(os.path.join(out, "model.safetensors"))
        with open(os.path.join(out, "config.json"), encoding="utf-8") as f:
            q = json.load(f)["quantization_config"]
        self.assertEqual(q["quant_method"], "seedbed")
        packed = [k for k in header if k.endswith(".qweight")]
        self.assertGreater(len(packed), 10)
        for k in packed:
            t = q["tensors"][k[:-len(".qweight")]]
            main = -(-t["cols"] // 12)
            self.assertEqual(header[k]["dtype"], "U32")
            self.assertEqual(header[k]["shape"], [t["rows"], main + -(-main // 8)])
            a, b = header[k]["data_offsets"]
            self.assertEqual(b - a, 4 * t["rows"] * (main + -(-main // 8)))
            self.assertLessEqual(b, len(data))

    def test_threads_do_not_change_the_result(self):
        for n in (1, 2):
            p = run("compress", SHIPPED, "-o", self.path(f"t{n}"), "--codec", "seedlm4", "--threads", n)
            self.assertEqual(p.returncode, 0, p.stderr)
        with open(self.path("t1", "model.safetensors"), "rb") as a, open(self.path("t2", "model.safetensors"), "rb") as b:
            self.assertEqual(a.read(), b.read())

    def test_search_has_less_error(self):
        nearest = run_json("compress", SHIPPED, "-o", self.path("n"), "--codec", "int4")
        search = run_json("compress", SHIPPED, "-o", self.path("s"), "--codec", "int4", "--round", "search")
        self.assertLess(search["relative_error"], nearest["relative_error"])

    def test_perplexity_orders_the_codecs(self):
        text = os.path.join(ROOT, "README.md")
        p = {c: run_json("perplexity", compressed("tinystories-openelm", SHIPPED, c), "--text", text, "--tokens", 600)["perplexity"]
             for c in ("fp16", "seedlm3")}
        self.assertLess(p["fp16"], p["seedlm3"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
