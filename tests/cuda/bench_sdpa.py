#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PyTorch's scaled_dot_product_attention, flash backend, forward and backward, on the shapes of bench_cuda.cpp, and in turn with it the flash
forward out of a shared library (sb_flash.h) on the same tensors; all by CUDA events, medians. The card's ceiling: a large fp16 product, before and after.
Says so where there is no PyTorch or no GPU.
usage: bench_sdpa.py [LIBFLASH.so]"""
import ctypes
import math
import sys

try:
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
except ImportError:
    raise SystemExit(print("bench-cuda: no PyTorch. Not run: SDPA beside the flash forward and backward") or 0)
if not torch.cuda.is_available():
    raise SystemExit(print("bench-cuda: PyTorch sees no GPU. Not run: SDPA beside the flash forward and backward") or 0)

HIDDEN, TOKENS, WARM, REPEATS = 2048, 16384, 3, 11
U, I, F, P = ctypes.c_uint32, ctypes.c_int, ctypes.c_float, ctypes.c_void_p


class Flash(ctypes.Structure):
    """sb_flash"""
    _fields_ = ([(n, U) for n in ("sequences", "heads", "kv_heads", "head_dim", "total_q", "max_q", "splits")] +
                [(n, I) for n in ("sigmoid", "causal", "type", "kernel")] + [("scale", F), ("bias", F)] +
                [(n, P) for n in ("q", "k", "v", "q_start", "kv_start", "pages")] + [("page", U), ("max_pages", U), ("out", P), ("partial", P)])


lib = ctypes.CDLL(sys.argv[1]) if len(sys.argv) > 1 else None
why = ctypes.create_string_buffer(256)


def forward(f):
    if lib.sb_flash_cuda_forward(ctypes.byref(f), P(torch.cuda.current_stream().cuda_stream), why, ctypes.c_size_t(256)):
        raise SystemExit(why.value.decode())


def event_ms(work):
    a, b = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    a.record()
    work()
    b.record()
    b.synchronize()
    return a.elapsed_time(b)


def median(times):
    times = sorted(times[WARM:])
    return times[len(times) // 2]


def in_turn(works):
    times = [[] for _ in works]
    for _ in range(WARM + REPEATS):
        for t, work in zip(times, works):
            t.append(event_ms(work))
    return [median(t) for t in times]


def ceiling(when):
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.float16) for _ in range(2))
    print(f"fp16 product 8192 x 8192 x 8192 {when}: {2 * 8192 ** 3 / in_turn([lambda: a @ b])[0] * 1e-9:.0f} TFLOP/s")


def reference(q, k, v, causal, sigmoid):
    """The last sequence's first head in binary64."""
    q, k, v = (x[-1, 0].double() for x in (q, k, v))
    s = q @ k.T * q.shape[1] ** -0.5
    see = torch.ones_like(s, dtype=torch.bool).tril() if causal else torch.ones_like(s, dtype=torch.bool)
    if sigmoid:
        return (torch.sigmoid(s - math.log(len(k))) * see) @ v
    return torch.softmax(s.masked_fill(~see, -math.inf), 1) @ v


def bench(dim, n, causal):
    heads = HIDDEN // dim
    # (sequence, token, head, dim) in memory, as the flash kernels have it; SDPA sees (sequence, head, token, dim) of it
    q, k, v, dout = (torch.randn(TOKENS // n, n, heads, dim, device="cuda", dtype=torch.float16).transpose(1, 2) for _ in range(4))
    starts = torch.arange(TOKENS // n + 1, device="cuda", dtype=torch.int32) * n
    out = torch.empty(TOKENS // n, n, heads, dim, device="cuda")

    def sdpa():
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)

    works, names = [sdpa], ["SDPA"]
    for sigmoid in (1, 0) if lib else ():
        f = Flash(sequences=TOKENS // n, heads=heads, kv_heads=heads, head_dim=dim, total_q=TOKENS, max_q=n, splits=1, sigmoid=sigmoid, causal=causal,
                  scale=dim ** -0.5, bias=-math.log(n) if sigmoid else 0, q=q.data_ptr(), k=k.data_ptr(), v=v.data_ptr(), q_start=starts.data_ptr(),
                  kv_start=starts.data_ptr(), out=out.data_ptr())
        out.fill_(math.nan)
        forward(f)
        if n <= 4096:
            want = reference(q, k, v, causal, sigmoid)
            error = ((out[-1, :, 0].double() - want).norm() / want.norm()).item()
            if not error < 8e-4 or out.isnan().any():
                raise SystemExit(f"wrong: head_dim {dim}, {n} keys, causal {causal}, sigmoid {sigmoid}: error {error:.1e}")
        works.append(lambda f=f: forward(f))
        names.append("sigmoid" if sigmoid else "softmax")
    flops = HIDDEN * TOKENS * n / (2 if causal else 1)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION), torch.no_grad():
        times = in_turn(works)
    print(f"forward  head_dim {dim:3}, {n:5} keys, {'causal' if causal else 'full':6} " +
          " | ".join(f"{name:7} {ms:8.3f} ms, {4 * flops / ms * 1e-9:6.1f} TFLOP/s, {times[0] / ms:4.2f} x" for name, ms in zip(names, times)), flush=True)
    for x in (q, k, v):
        x.requires_grad_()
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        times = []
        for _ in range(WARM + REPEATS):
            y = sdpa()
            times.append(event_ms(lambda: torch.autograd.grad(y, (q, k, v), dout)))
    print(f"backward head_dim {dim:3}, {n:5} keys, {'causal' if causal else 'full':6} SDPA    {median(times):8.3f} ms, "
          f"{10 * flops / median(times) * 1e-9:6.1f} TFLOP/s", flush=True)


print(f"PyTorch {torch.__version__}, {torch.cuda.get_device_name(0)}")
ceiling("before")
for dim in (64, 128):
    for n in (1024, 2048, 4096, 8192, 16384):
        for causal in (False, True):
            bench(dim, n, causal)
ceiling("after")
