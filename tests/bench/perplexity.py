#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Perplexity of {fp32 on ref, then every codec on cpu} x {shipped models, stories260K} on the held-out text.

usage: perplexity.py PROGRAM OUT.json
"""
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = os.environ.get("SEEDBED_DATA") or os.path.join(os.path.dirname(ROOT), "shared", "data")


def run(*args):
    return json.loads(subprocess.run([*map(str, args), "--json"], check=True, capture_output=True, text=True).stdout)


def main(program, out):
    text = os.path.join(DATA, "text", "tinystories-eval.txt")
    if not os.path.exists(text):
        raise SystemExit(f"skipped: perplexity (no data at {DATA}; set SEEDBED_DATA)")
    models = [("tinystories-openelm", os.path.join(ROOT, "models", "tinystories-openelm")),
              ("tinystories-sigmoid", os.path.join(ROOT, "models", "tinystories-sigmoid")),
              ("stories260K", os.path.join(DATA, "stories260K"))]
    rows = [("fp32", None, "ref")] + [(c, r, "cpu") for c, r in (("fp16", "nearest"), ("int4", "nearest"), ("int4", "search"),
                                                               ("seedlm4", "nearest"), ("seedlm4", "search"),
                                                               ("seedlm3", "nearest"), ("seedlm3", "search"))]
    records = []
    print(f"{'model':22}{'codec':9}{'rounding':10}{'device':8}{'bits/weight':>12}{'perplexity':>12}{'ratio':>8}{'bits/byte':>11}")
    with tempfile.TemporaryDirectory() as tmp:
        for name, src in models:
            base = None
            for codec, rounding, device in rows:
                model, bpw = src, 32.0
                if rounding:
                    model = os.path.join(tmp, f"{name}-{codec}-{rounding}")
                    bpw = run(program, "compress", src, "-o", model, "--codec", codec, "--round", rounding)["bits_per_weight"]
                p = run(program, "perplexity", model, "--text", text, "--device", device)
                base = base or p["perplexity"]
                rec = {"model": name, "codec": codec, "rounding": rounding or "", "device": device, "bits_per_weight": round(bpw, 4),
                       "perplexity": round(p["perplexity"], 4), "ratio_to_fp32": round(p["perplexity"] / base, 4),
                       "bits_per_byte": round(p["bits_per_byte"], 4), "tokens": p["tokens"], "context": p["context"]}
                records.append(rec)
                print(f"{name:22}{codec:9}{rounding or '-':10}{device:8}{bpw:12.3f}{p['perplexity']:12.4f}"
                      f"{rec['ratio_to_fp32']:8.3f}{p['bits_per_byte']:11.4f}", flush=True)
    os.makedirs(os.path.dirname(out), exist_ok=True)
    with open(out, "w", encoding="utf-8") as f:
        json.dump(records, f, indent=1)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(sys.argv[1], sys.argv[2])
