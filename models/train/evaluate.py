# SPDX-License-Identifier: Apache-2.0
"""Held-out perplexity and greedy text of a stored OpenELM folder, in NumPy fp32.

Reads config.json, model.safetensors and tokenizer.json and shares no model code
with train.py, so it checks what is on disk and not what was in memory.
"""
import argparse
import json
import math
import os

import numpy as np
from tokenizers import Tokenizer


def load_safetensors(path):
    raw = open(path, "rb").read()
    n = int.from_bytes(raw[:8], "little")
    kinds = {"F16": np.float16, "F32": np.float32}
    out = {}
    for name, t in json.loads(raw[8:8 + n]).items():
        if name != "__metadata__":
            a, b = (8 + n + x for x in t["data_offsets"])
            out[name] = np.frombuffer(raw[a:b], kinds[t["dtype"]]).reshape(t["shape"]).astype(np.float32)
    return out


def rms(x, w):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(1e-6)) * w


def rope(x, base):
    t, d = x.shape[-2], x.shape[-1]
    angle = np.outer(np.arange(t), 1.0 / base ** (np.arange(0, d, 2) / d))
    c, s = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    a, b = x[..., :d // 2], x[..., d // 2:]
    return np.concatenate([a * c - b * s, b * c + a * s], -1)


def attention(c, w, p, i, x):
    t, hd = len(x), c["head_dim"]
    nq, nkv = c["num_query_heads"][i], c["num_kv_heads"][i]
    y = (x @ w[p + "attn.qkv_proj.weight"].T).reshape(t, nq + 2 * nkv, hd).transpose(1, 0, 2)
    q = rope(rms(y[:nq], w[p + "attn.q_norm.weight"]), c["rope_freq_constant"])
    k = rope(rms(y[nq:nq + nkv], w[p + "attn.k_norm.weight"]), c["rope_freq_constant"])
    k, v = (np.repeat(z, nq // nkv, 0) for z in (k, y[nq + nkv:]))
    s = q @ k.transpose(0, 2, 1) / np.float32(math.sqrt(hd))
    s = np.where(np.tril(np.ones((t, t), bool)), s, np.float32(-np.inf))
    if c.get("attention_type") == "sigmoid":
        a = 1.0 / (1.0 + np.exp(-(s + np.float32(c["attention_score_bias"]))))
    else:
        a = np.exp(s - s.max(-1, keepdims=True))
        a /= a.sum(-1, keepdims=True)
    return (a @ v).transpose(1, 0, 2).reshape(t, -1) @ w[p + "attn.out_proj.weight"].T


def feed_forward(w, p, x):
    gate, up = np.split(x @ w[p + "ffn.proj_1.weight"].T, 2, -1)
    return (gate / (1 + np.exp(-gate)) * up) @ w[p + "ffn.proj_2.weight"].T


def forward(c, w, ids):
    table = w["transformer.token_embeddings.weight"]
    x = table[np.asarray(ids)]
    for i in range(c["num_transformer_layers"]):
        p = f"transformer.layers.{i}."
        y = attention(c, w, p, i, rms(x, w[p + "attn_norm.weight"]))
        x = x + (rms(y, w[p + "attn_post_norm.weight"]) if c.get("hybrid_norm") else y)
        y = feed_forward(w, p, rms(x, w[p + "ffn_norm.weight"]))
        x = x + (rms(y, w[p + "ffn_post_norm.weight"]) if c.get("hybrid_norm") else y)
    return rms(x, w["transformer.norm.weight"]) @ table.T


def load(folder):
    c = json.load(open(os.path.join(folder, "config.json")))
    w = load_safetensors(os.path.join(folder, "model.safetensors"))
    return c, w, Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))


def perplexity(c, w, tok, text):
    """Windows of context length, BOS first in each, not overlapping; the text is
    encoded as one piece without BOS, and every text token is predicted once."""
    ids, n = tok.encode(text, add_special_tokens=False).ids, c["max_context_length"] - 1
    total = 0.0
    for i in range(0, len(ids), n):
        x = [c["bos_token_id"]] + ids[i:i + n]
        logits = forward(c, w, x[:-1]).astype(np.float64)
        top = logits.max(-1, keepdims=True)
        logp = logits - top - np.log(np.exp(logits - top).sum(-1, keepdims=True))
        total -= logp[np.arange(len(x) - 1), x[1:]].sum()
    size = len(text.encode())
    return {"tokens": len(ids), "bytes": size, "nats_per_token": total / len(ids),
            "perplexity": math.exp(total / len(ids)), "bits_per_byte": total / math.log(2) / size}


def greedy(c, w, tok, prompt, count):
    ids, steps = tok.encode(prompt).ids, []
    start = len(ids)
    while len(ids) < start + count and ids[-1] != c["eos_token_id"]:
        steps.append(forward(c, w, ids)[-1])
        ids.append(int(steps[-1].argmax()))
    return ids[:start], ids[start:], steps


def report(folder, path):
    c, w, tok = load(folder)
    r = perplexity(c, w, tok, open(path, encoding="utf-8").read())
    print(f"stored file: {r['tokens']} tokens, {r['nats_per_token']:.4f} nats/token, "
          f"perplexity {r['perplexity']:.3f}, {r['bits_per_byte']:.4f} bits/byte")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--model", required=True, help="model folder")
    p.add_argument("--eval", help="held-out text for the perplexity")
    p.add_argument("--prompt", nargs="*", default=[], help="print greedy text after these")
    p.add_argument("--count", type=int, default=60, help="tokens of greedy text")
    p.add_argument("--oracle", help="write prompt, ids, greedy ids and top-5 logits of the first prompt as JSON")
    a = p.parse_args()
    if a.eval:
        report(a.model, a.eval)
    c, w, tok = load(a.model)
    for i, prompt in enumerate(a.prompt):
        ids, new, logits = greedy(c, w, tok, prompt, a.count)
        print(tok.decode(ids + new) + "\n")
        if a.oracle and i == 0:
            tops = [[[int(j), float(z[j])] for j in np.argsort(-z, kind="stable")[:5]] for z in logits[:5]]
            gap = min(float(np.diff(np.sort(z)[-2:])[0]) for z in logits)
            data = {"prompt": prompt, "prompt_ids": ids, "greedy_ids": new,
                    "text": tok.decode(ids + new), "top5_logits": tops, "smallest_top2_gap": gap}
            with open(a.oracle, "w", encoding="utf-8") as f:
                json.dump(data, f, ensure_ascii=False, indent=1)
                f.write("\n")


if __name__ == "__main__":
    main()
