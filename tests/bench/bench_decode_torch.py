#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Decode steps of an OpenELM shape in PyTorch: random fp16 weights, batch 1, greedy, static KV cache, what bench_decode.c does.

usage: bench_decode_torch.py OUT.json [--shape FILE.json] [--context N] [--steps N] [--compile] [--device cuda|cpu]

A step is captured once as a CUDA graph and replayed; it always sees the whole context (no mask: an advantage, all keys are looked at),
writes its key and value at a position that is a tensor, and feeds its arg-max back. Replays are timed each with a synchronisation, as
a program sees them that wants the token, and all together without. --compile: torch.compile first (static shapes)."""
import argparse
import json
import time

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    raise SystemExit(print("bench_decode_torch: no PyTorch here. Not run") or 0)


def make_divisible(v, div):
    n = max(div, int(v + div / 2) // div * div)
    return n + div if n < 0.9 * v else n


class Layer(torch.nn.Module):
    def __init__(self, c, i, context, dev):
        super().__init__()
        dim, hd = c["model_dim"], c["head_dim"]
        self.h, self.k, self.hd = c["num_query_heads"][i], c["num_kv_heads"][i], hd
        ffn = make_divisible(c["ffn_multipliers"][i] * dim, c["ffn_dim_divisor"])

        def w(rows, cols):
            return torch.nn.Parameter(torch.randn(rows, cols, device=dev, dtype=torch.float16) * cols**-0.5, requires_grad=False)

        def gain(n):
            return torch.nn.Parameter(torch.ones(n, device=dev, dtype=torch.float16), requires_grad=False)

        self.qkv, self.out = w((self.h + 2 * self.k) * hd, dim), w(dim, self.h * hd)
        self.gate_up, self.down = w(2 * ffn, dim), w(dim, ffn)
        self.n1, self.n2, self.qn, self.kn = gain(dim), gain(dim), gain(hd), gain(hd)
        self.register_buffer("kc", torch.zeros(1, self.k, context, hd, device=dev, dtype=torch.float16))
        self.register_buffer("vc", torch.zeros(1, self.k, context, hd, device=dev, dtype=torch.float16))

    def forward(self, x, pos, cos, sin):
        dim, hd = x.shape[-1], self.hd
        q, k, v = F.linear(F.rms_norm(x, (dim,), self.n1), self.qkv).view(1, -1, 1, hd).split([self.h, self.k, self.k], 1)
        qk = torch.cat([F.rms_norm(q, (hd,), self.qn), F.rms_norm(k, (hd,), self.kn)], 1)
        a, b = qk.chunk(2, -1)
        qk = qk * cos + torch.cat([-b, a], -1) * sin
        q, k = qk.split([self.h, self.k], 1)
        self.kc.index_copy_(2, pos, k)
        self.vc.index_copy_(2, pos, v)
        y = F.scaled_dot_product_attention(q, self.kc, self.vc, enable_gqa=True)
        x = x + F.linear(y.reshape(1, -1), self.out)
        g, u = F.linear(F.rms_norm(x, (dim,), self.n2), self.gate_up).chunk(2, -1)
        return x + F.linear(F.silu(g) * u, self.down)


class Model(torch.nn.Module):
    def __init__(self, c, context, dev):
        super().__init__()
        dim, hd = c["model_dim"], c["head_dim"]
        self.embed = torch.nn.Parameter(torch.randn(c["vocab_size"], dim, device=dev, dtype=torch.float16) * 0.05, requires_grad=False)
        self.layers = torch.nn.ModuleList(Layer(c, i, context, dev) for i in range(c["num_transformer_layers"]))
        self.norm = torch.nn.Parameter(torch.ones(dim, device=dev, dtype=torch.float16), requires_grad=False)
        freq = c["rope_freq_constant"] ** (-torch.arange(0, hd, 2, device=dev, dtype=torch.float32) / hd)
        angle = torch.arange(c["max_context_length"], device=dev, dtype=torch.float32)[:, None] * torch.cat([freq, freq])
        self.register_buffer("cos", angle.cos().half())
        self.register_buffer("sin", angle.sin().half())

    def forward(self, token, pos):
        x = F.embedding(token, self.embed)
        cos, sin = self.cos[pos], self.sin[pos]
        for layer in self.layers:
            x = layer(x, pos, cos, sin)
        logits = F.linear(F.rms_norm(x, (x.shape[-1],), self.norm), self.embed)
        return logits.argmax(-1)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--shape", default="tests/bench/shapes/openelm-1.1b.json")
    p.add_argument("--context", type=int, default=512)
    p.add_argument("--steps", type=int, default=64)
    p.add_argument("--compile", action="store_true")
    p.add_argument("--device", default="cuda")
    a = p.parse_args()
    if a.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit(print("bench_decode_torch: PyTorch sees no GPU. Not run") or 0)
    with open(a.shape) as f:
        c = json.load(f)
    torch.manual_seed(1)
    with torch.inference_mode():
        model = Model(c, a.context, a.device)
        token = torch.ones(1, dtype=torch.long, device=a.device)
        pos = torch.tensor([a.context - a.steps - 8], device=a.device)
        step = torch.compile(model, fullgraph=True) if a.compile else model

        def once():
            token.copy_(step(token, pos))
            pos.add_(1)

        start = time.perf_counter()
        for _ in range(3):
            once()
        if a.device == "cpu":
            print(f"cpu: token {int(token)}, {time.perf_counter() - start:.2f} s for 3 steps")
            return
        torch.cuda.synchronize()
        ready = time.perf_counter() - start
        t = []
        for _ in range(3):
            start = time.perf_counter()
            once()
            int(token)
            t.append(time.perf_counter() - start)
        eager = sorted(t)[1]
        pos.fill_(a.context - a.steps - 8)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            once()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            once()
        t = []
        for i in range(a.steps + 4):
            torch.cuda.synchronize()
            start = time.perf_counter()
            graph.replay()
            int(token)  # the program reads the token
            if i >= 4:
                t.append(time.perf_counter() - start)
        pos.fill_(a.context - a.steps - 8)
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(a.steps):
            graph.replay()
        torch.cuda.synchronize()
        queued = (time.perf_counter() - start) / a.steps
    ms = 1e3 * sorted(t)[len(t) // 2]
    weights = 2 * sum(w.numel() for w in model.parameters())
    kv = sum(b.numel() * 2 for n, b in model.named_buffers() if n.endswith("kc") or n.endswith("vc"))
    label = "torch.compile, CUDA graph" if a.compile else "CUDA graph"
    r = {"shape": a.shape.rsplit("/", 1)[-1].removesuffix(".json"), "device": "torch " + torch.__version__, "describe": torch.cuda.get_device_name(), "label": label,
         "codec": "fp16", "context": a.context, "steps": a.steps, "ms_per_token": ms, "ms_queued": 1e3 * queued, "ms_no_graph": 1e3 * eager,
         "tokens_per_second": 1e3 / ms, "bytes_per_token": weights + kv, "gb_per_second": (weights + kv) / ms * 1e-6}
    print(f"{r['shape']}, PyTorch {torch.__version__} fp16, {label}, context {a.context}: {ms:.4f} ms a token ({1e3 * queued:.4f} queued without reading the token, "
          f"{1e3 * eager:.4f} without a graph; {ready:.1f} s to be ready), {1e3 / ms:.2f} tokens/s, {r['bytes_per_token'] * 1e-9:.4f} GB a token, {r['gb_per_second']:.1f} GB/s")
    with open(a.out, "w") as f:
        json.dump([r], f, indent=1)


if __name__ == "__main__":
    main()
