# SPDX-License-Identifier: Apache-2.0
"""Bad input gets one clear line and a non-zero exit; nothing is left half-written; nothing trips a sanitizer."""
import fcntl
import glob
import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import time
import unittest

from common import BUILD, SEEDBED, SHIPPED, Scratch, read_safetensors, run, write_safetensors

# The sanitizer build when it is there (make test makes it): a report would add lines and fail the one-line check.
ASAN = os.path.join(BUILD, "asan", "seedbed")
BINARY = ASAN if os.path.exists(ASAN) else SEEDBED
ENV = dict(os.environ, SEEDBED_SIM=os.path.join(BUILD, "sim"), UBSAN_OPTIONS="halt_on_error=1",
           ASAN_OPTIONS="detect_leaks=1:allocator_may_return_null=1")


class BadInput(Scratch):
    def refuse(self, args, *words, status=1, preexec=None):
        p = run(*args, binary=BINARY, env=ENV, preexec=preexec)
        self.assertEqual(p.returncode, status, p.stderr)
        lines = p.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, p.stderr)
        self.assertTrue(lines[0].startswith("seedbed"), lines[0])
        for w in words:
            self.assertIn(w, lines[0])
        return lines[0]

    def refuse_model(self, model, *words):
        """Every command that loads a model refuses it, and compress leaves nothing."""
        out = self.path("out")
        self.refuse(("compress", model, "-o", out), *words)
        self.refuse(("generate", model, "--prompt", "x", "-n", 1), *words)
        self.refuse(("inspect", model), *words)
        self.assertEqual(sorted(os.listdir(self.dir)), ["model"])

    def edit(self, change):
        """A copy of the shipped model with its safetensors changed: change(header, data) -> (header, data)."""
        model = self.copy_model(SHIPPED)
        file = os.path.join(model, "model.safetensors")
        header, data = change(*read_safetensors(file))
        write_safetensors(file, header, data)
        return model

    def test_truncated_safetensors(self):
        model = self.copy_model(SHIPPED)
        file = os.path.join(model, "model.safetensors")
        size = os.path.getsize(file)
        for keep in (size - 1, size // 2, 100, 8, 7, 0):
            with open(file, "r+b") as f:
                f.truncate(keep)
            self.refuse_model(model, "model.safetensors")

    def test_header_length_2_63(self):
        model = self.copy_model(SHIPPED)
        with open(os.path.join(model, "model.safetensors"), "r+b") as f:
            f.write(struct.pack("<Q", 1 << 63))
        self.refuse_model(model, "model.safetensors", "9223372036854775808")

    def test_overlapping_offsets(self):
        def change(h, d):
            names = sorted((k for k in h if k != "__metadata__"), key=lambda k: h[k]["data_offsets"])
            a, b = h[names[1]], h[names[2]]
            size = b["data_offsets"][1] - b["data_offsets"][0]
            b["data_offsets"] = [a["data_offsets"][0], a["data_offsets"][0] + size]
            return h, d
        self.refuse_model(self.edit(change), "model.safetensors")

    def test_nan_weight(self):
        name = "transformer.layers.0.attn.out_proj.weight"

        def change(h, d):
            at = h[name]["data_offsets"][0] + 2 * 5
            return h, d[:at] + b"\x00\x7e" + d[at + 2:]
        self.refuse_model(self.edit(change), name, "column 5")

    def test_missing_tensor(self):
        def change(h, d):
            h["transformer.layers.1.ffn.proj_9.weight"] = h.pop("transformer.layers.1.ffn.proj_2.weight")
            return h, d
        self.refuse_model(self.edit(change), "transformer.layers.1.ffn.proj_2.weight")

    def test_wrong_shape(self):
        def change(h, d):
            t = h["transformer.layers.0.ffn.proj_2.weight"]
            t["shape"] = [t["shape"][1], t["shape"][0]]
            return h, d
        self.refuse_model(self.edit(change), "transformer.layers.0.ffn.proj_2.weight")

    def test_unknown_architecture(self):
        model = self.copy_model(SHIPPED)
        file = os.path.join(model, "config.json")
        with open(file, encoding="utf-8") as f:
            c = json.load(f)
        c["architectures"], c["model_type"] = ["MambaForCausalLM"], "mamba"
        with open(file, "w", encoding="utf-8") as f:
            json.dump(c, f)
        self.refuse_model(model, "MambaForCausalLM", "LlamaForCausalLM")

    def test_missing_tokenizer(self):
        model = self.copy_model(SHIPPED)
        os.remove(os.path.join(model, "tokenizer.json"))
        self.refuse(("generate", model, "--prompt", "x"), "tokenizer.json")
        self.refuse(("compress", model, "-o", self.path("out"), "--codec", "int4"), "tokenizer.json")
        self.assertEqual(os.listdir(self.dir), ["model"])

    def test_missing_files_and_arguments(self):
        self.refuse(("inspect", self.path("nothing")), "nothing")
        self.refuse(("perplexity", SHIPPED, "--text", self.path("nothing")), "nothing")
        self.refuse(("generate", SHIPPED, "--prompt", "x", "--device", "warp"), "warp")
        self.refuse(("generate", SHIPPED, "--prompt", "x", "--device", "sim:bus=65"), "sim", "128")
        self.refuse(("generate", SHIPPED, "--prompt", "x", "--device", "sim:lib=/nowhere.so"), "/nowhere.so")
        self.refuse(("generate", SHIPPED), "--prompt", status=2)
        self.refuse(("generate", SHIPPED, "--prompt", "x", "-n", "many"), "many", status=2)
        self.refuse(("compress", SHIPPED, "-o", self.path("o"), "--codec", "zip"), "zip", status=2)
        self.refuse(("generate", SHIPPED, "--prompt"), "seedbed generate", "requires an argument", status=2)
        self.refuse(("frobnicate",), "frobnicate", status=2)
        self.assertEqual(os.listdir(self.dir), [])

    def test_existing_output_is_kept(self):
        out = self.path("out")
        os.mkdir(out)
        with open(os.path.join(out, "precious"), "w", encoding="utf-8") as f:
            f.write("x")
        self.refuse(("compress", SHIPPED, "-o", out, "--codec", "fp16"), "exists")
        self.refuse(("compress", SHIPPED, "-o", out, "--codec", "fp16", "--force"), out)
        self.assertEqual(os.listdir(out), ["precious"])
        self.assertEqual(os.listdir(self.dir), ["out"])

    def test_the_model_itself_is_no_output(self):
        """--force must not replace what is being read, under whatever name."""
        model = self.copy_model(SHIPPED)
        before = sorted(os.listdir(model))
        os.symlink("model", self.path("alias"))
        for out in (model, model + "/", self.path("alias")):
            self.refuse(("compress", model, "-o", out, "--codec", "fp16", "--force"), "is the model to compress")
        os.rename(model, self.path("m.partial"))
        self.refuse(("compress", self.path("m.partial"), "-o", self.path("m"), "--codec", "fp16"), "m.partial")
        self.assertEqual(sorted(os.listdir(self.path("m.partial"))), before)

    def test_a_strange_partial_directory_is_kept(self):
        part = self.path("out.partial")
        os.mkdir(part)
        with open(os.path.join(part, "precious"), "w", encoding="utf-8") as f:
            f.write("x")
        self.refuse(("compress", SHIPPED, "-o", self.path("out"), "--codec", "fp16"), "out.partial")
        self.assertEqual(os.listdir(part), ["precious"])

    def test_two_runs_do_not_share_a_partial_directory(self):
        part = self.path("out.partial")
        os.mkdir(part)
        fd = os.open(part, os.O_RDONLY)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            self.refuse(("compress", SHIPPED, "-o", self.path("out"), "--codec", "fp16"), "another run")
        finally:
            os.close(fd)
        self.assertEqual(os.listdir(part), [])
        self.assertEqual(run("compress", SHIPPED, "-o", self.path("out"), "--codec", "fp16").returncode, 0)

    def test_force_replaces_a_link_and_not_what_it_points_to(self):
        target = self.copy_model(SHIPPED, "target")
        before = sorted(os.listdir(target))
        os.symlink("target", self.path("out"))
        p = run("compress", SHIPPED, "-o", self.path("out"), "--codec", "fp16", "--force", binary=BINARY, env=ENV)
        self.assertEqual(p.returncode, 0, p.stderr)
        self.assertEqual(sorted(os.listdir(target)), before)
        self.assertFalse(os.path.islink(self.path("out")))
        self.assertEqual(sorted(os.listdir(self.dir)), ["out", "target"])

    def test_logits_file(self):
        """Whole under its name or not there; an old one survives a failure; a link is left alone."""
        file, link = self.path("logits"), self.path("link")
        with open(file, "w", encoding="utf-8") as f:
            f.write("old")
        os.symlink("nowhere", link)
        self.refuse(("generate", SHIPPED, "--prompt", "x", "-n", 1, "--logits", link), "link")

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
        p = run("generate", SHIPPED, "--prompt", "x", "-n", 8, "--logits", file, binary=BINARY, env=ENV, preexec=limit)
        self.assertEqual(p.returncode, 1, p.stderr)
        self.assertIn("File too large", p.stderr)
        with open(file, encoding="utf-8") as f:
            self.assertEqual(f.read(), "old")
        self.assertEqual(sorted(os.listdir(self.dir)), ["link", "logits"])
        self.assertEqual(run("generate", SHIPPED, "--prompt", "x", "-n", 3, "--ignore-end", "--logits", file).returncode, 0)
        self.assertEqual(os.path.getsize(file), 3 * 1024 * 4)

    def test_prompt_longer_than_the_context(self):
        """Refused before anything is printed."""
        p = run("generate", SHIPPED, "--prompt", "Once upon a time " * 200, binary=BINARY, env=ENV)
        self.assertEqual(p.returncode, 1)
        self.assertEqual(p.stdout, "")
        self.assertRegex(p.stderr, r"^seedbed: a prompt of \d+ tokens: the context has room for 256\n$")

    def test_a_context_of_millions(self):
        model = self.copy_model(SHIPPED)
        file = os.path.join(model, "config.json")
        with open(file, encoding="utf-8") as f:
            c = json.load(f)
        c["max_context_length"] = c["rope_max_length"] = 1 << 26
        with open(file, "w", encoding="utf-8") as f:
            json.dump(c, f)
        for device in ("cpu", "ref"):
            p = run("generate", model, "--prompt", "Once", "-n", 3, "--device", device)
            self.assertEqual((p.returncode, p.stderr), (0, ""))

    def test_places_that_cannot_be(self):
        for place, device, says in (("flux=host", "sim:bus=64", "unknown operation 'flux'"), ("matvec", "sim:bus=64", "expected OP="),
                                    ("matvec=host", "cpu", "no operation can be moved")):
            self.refuse(("generate", SHIPPED, "--prompt", "a", "-n", 1, "--device", device, "--place", place), says)

    def test_closed_pipe_ends_generate(self):
        """head(1) has enough: the rest is not computed."""
        args = [SEEDBED, "generate", SHIPPED, "--prompt", "Once", "-n", "250", "--ignore-end"]
        with subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
            p.stdout.close()
            err = p.stderr.read().decode()
        self.assertEqual(p.returncode, 1)
        self.assertRegex(err, r"^seedbed: cannot write to standard output: stopped after 1 tokens?\n$")

    def test_full_disk_by_file_limit(self):
        """A write that the system refuses half-way, as on a full disk (a limit on file size needs no privileges)."""
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (200000, 200000))
        self.refuse(("compress", SHIPPED, "-o", self.path("out"), "--codec", "fp16"), "out.partial", preexec=limit)
        self.assertEqual(os.listdir(self.dir), [])

    def test_full_disk(self):
        mount = self.path("disk")
        os.mkdir(mount)
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", mount], check=False,
                                               capture_output=True).returncode:
            self.skipTest("mounting a small tmpfs needs root; the file-size limit is tested beside this")
        try:
            line = self.refuse(("compress", SHIPPED, "-o", os.path.join(mount, "out"), "--codec", "fp16"), "No space left")
            self.assertIn("out.partial", line)
            self.assertEqual(os.listdir(mount), [])
        finally:
            subprocess.run(["umount", mount], check=True)

    def test_words_of_a_packed_model_are_checked_by_shape(self):
        good = self.path("good")
        self.assertEqual(run("compress", SHIPPED, "-o", good, "--codec", "int4").returncode, 0)
        shutil.copytree(good, self.path("model"))
        file = self.path("model", "config.json")
        with open(file, encoding="utf-8") as f:
            c = json.load(f)
        name, t = next(iter((k, v) for k, v in c["quantization_config"]["tensors"].items() if v["codec"] == "int4"))
        t["cols"] += 8
        with open(file, "w", encoding="utf-8") as f:
            json.dump(c, f)
        self.refuse(("inspect", self.path("model")), name)

    def test_random_bytes_in_every_file(self):
        """Flipped bytes anywhere: refused with one line, or accepted (a changed weight is a weight), never a crash."""
        import random
        rng = random.Random(5)
        model = self.copy_model(SHIPPED)
        for name in ("model.safetensors", "config.json", "tokenizer.json"):
            file = os.path.join(model, name)
            with open(file, "rb") as f:
                good = f.read()
            for _ in range(12):
                bad = bytearray(good)
                for _ in range(rng.choice((1, 3, 20))):
                    bad[rng.randrange(min(len(bad), 6000))] = rng.randrange(256)
                with open(file, "wb") as f:
                    f.write(bad)
                p = run("generate", model, "--prompt", "Once", "-n", 2, binary=BINARY, env=ENV)
                self.assertIn(p.returncode, (0, 1), p.stderr)
                if p.returncode:
                    self.assertEqual(len(p.stderr.strip().splitlines()), 1, p.stderr)
            with open(file, "wb") as f:
                f.write(good)


class Interrupt(Scratch):
    def test_ctrl_c_keeps_finished_tensors_and_resumes(self):
        out, part = self.path("out"), self.path("out.partial")
        args = [SEEDBED, "compress", SHIPPED, "-o", out, "--codec", "seedlm4", "--round", "search", "--threads", "1"]
        with subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as p:
            deadline = time.time() + 60
            while len(glob.glob(os.path.join(part, "*.words"))) < 3 and time.time() < deadline and p.poll() is None:
                time.sleep(0.01)
            p.send_signal(signal.SIGINT)
            _, err = p.communicate(timeout=60)
        self.assertEqual(p.returncode, 130, err)
        self.assertEqual(len(err.strip().splitlines()), 1, err)
        self.assertFalse(os.path.exists(out))
        kept = len(glob.glob(os.path.join(part, "*.words")))
        self.assertGreaterEqual(kept, 3)
        again = run("compress", SHIPPED, "-o", out, "--codec", "seedlm4", "--round", "search", "--json")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(json.loads(again.stdout)["resumed_tensors"], kept)
        self.assertFalse(os.path.exists(part))
        fresh = self.path("fresh")
        self.assertEqual(run("compress", SHIPPED, "-o", fresh, "--codec", "seedlm4", "--round", "search").returncode, 0)
        with open(os.path.join(out, "model.safetensors"), "rb") as a, open(os.path.join(fresh, "model.safetensors"), "rb") as b:
            self.assertEqual(a.read(), b.read())


if __name__ == "__main__":
    unittest.main(verbosity=2)
