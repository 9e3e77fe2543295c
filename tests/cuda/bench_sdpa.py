#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PyTorch's scaled_dot_product_attention, flash backend, on the shapes of bench_cuda.cpp; says so where there is no PyTorch or no GPU."""
try:
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
except ImportError:
    raise SystemExit(print("bench-cuda: no PyTorch. Not run: SDPA beside the flash forward") or 0)
if not torch.cuda.is_available():
    raise SystemExit(print("bench-cuda: PyTorch sees no GPU. Not run: SDPA beside the flash forward") or 0)

for dim in (64, 128):
    for n in (1024, 2048, 4096, 8192, 16384):
        for causal in (False, True):
            q, k, v = (torch.randn(16384 // n, 2048 // dim, n, dim, device="cuda", dtype=torch.float16) for _ in range(3))
            times = []
            with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
                for i in range(12):
                    a, b = (torch.cuda.Event(enable_timing=True) for _ in range(2))
                    a.record()
                    torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
                    b.record()
                    b.synchronize()
                    times.append(a.elapsed_time(b))
            ms = sorted(times[3:])[4]
            flops = 4 * 2048 * 16384 * n / (2 if causal else 1)
            print(f"head_dim {dim:3}, {n:5} keys, {'causal' if causal else 'full':6} SDPA    {ms:8.3f} ms, {flops / ms * 1e-9:6.1f} TFLOP/s")
