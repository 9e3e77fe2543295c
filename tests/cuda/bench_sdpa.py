#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PyTorch's scaled_dot_product_attention, flash backend, forward and backward, on the shapes of bench_cuda.cpp; says so where there is no PyTorch or no GPU."""
try:
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
except ImportError:
    raise SystemExit(print("bench-cuda: no PyTorch. Not run: SDPA beside the flash forward and backward") or 0)
if not torch.cuda.is_available():
    raise SystemExit(print("bench-cuda: PyTorch sees no GPU. Not run: SDPA beside the flash forward and backward") or 0)

for dim in (64, 128):
    for n in (1024, 2048, 4096, 8192, 16384):
        for causal in (False, True):
            q, k, v, dout = (torch.randn(16384 // n, 2048 // dim, n, dim, device="cuda", dtype=torch.float16) for _ in range(4))
            for x in (q, k, v):
                x.requires_grad_()
            times = {"forward": [], "backward": []}
            with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
                for i in range(12):
                    a, b, c, d = (torch.cuda.Event(enable_timing=True) for _ in range(4))
                    with torch.no_grad():
                        a.record()
                        torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
                        b.record()
                    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
                    c.record()
                    torch.autograd.grad(out, (q, k, v), dout)
                    d.record()
                    d.synchronize()
                    times["forward"].append(a.elapsed_time(b))
                    times["backward"].append(c.elapsed_time(d))
            for name, per in (("forward", 4), ("backward", 10)):
                ms = sorted(times[name][3:])[4]
                flops = per * 2048 * 16384 * n / (2 if causal else 1)
                print(f"{name:8} head_dim {dim:3}, {n:5} keys, {'causal' if causal else 'full':6} SDPA    {ms:8.3f} ms, {flops / ms * 1e-9:6.1f} TFLOP/s")
