/* SPDX-License-Identifier: Apache-2.0
 * Attention in floating point: FlashSigmoid (arXiv 2409.04431) and FlashAttention-2 (arXiv 2307.08691) forward, and
 * FlashSigmoid backward. fp16 or bf16 in, sums and results in binary32. Not the exact contract: compared with binary64
 * within a tolerance (tests/cuda/test_flash.cpp, test_flash_backward.cpp).
 *
 *     S = scale q.k + bias (sigmoid; softmax has no bias)    P = sigmoid(S), or exp(S - max) / sum    out = P v
 *
 * A query sees the keys of its own sequence; causal: query i of n sees keys j <= i + (keys - n). A row that sees no key
 * is 0. Grouped queries: head h uses KV head h / (heads / kv_heads). */
#ifndef SB_FLASH_H
#define SB_FLASH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SB_FLASH_FP16 = 0, SB_FLASH_BF16 = 1 };
enum {
    SB_FLASH_ANY = 0,
    SB_FLASH_MMA = 1,
    SB_FLASH_WGMMA = 2
}; /* CUDA kernels: mma.sync (sm_80 and up); wgmma (Hopper, some cases) */

typedef struct {
    uint32_t sequences, heads, kv_heads; /* heads: a multiple of kv_heads */
    uint32_t head_dim;                   /* 64, 96, 128, 256 */
    uint32_t total_q, max_q;             /* queries of all sequences; of the longest */
    uint32_t splits; /* the keys of a sequence over so many blocks (decode); 1: no partial results */
    int sigmoid, causal, type;
    int kernel; /* SB_FLASH_ANY: the fastest that takes the case; SB_FLASH_MMA: that one, for comparison */
    float scale, bias;
    const void *q;           /* (total_q, heads, head_dim) */
    const void *k, *v;       /* contiguous (total keys, kv_heads, head_dim); paged (pages, page, kv_heads, head_dim) */
    const int32_t *q_start;  /* (sequences + 1,): queries q_start[s] .. q_start[s+1]-1 */
    const int32_t *kv_start; /* (sequences + 1,): the same for keys; paged: only the differences count */
    const int32_t *pages;    /* (sequences, max_pages) page numbers, or NULL: contiguous */
    uint32_t page, max_pages;
    float *out;     /* (total_q, heads, head_dim), every element written */
    float *partial; /* sb_flash_partial_floats() where splits > 1 */
} sb_flash;

/* Floats of `partial`: for each split, query and head: head_dim sums, then the maximum and the sum of softmax. */
static inline size_t sb_flash_partial_floats(const sb_flash *f)
{
    return f->splits > 1 ? (size_t)f->splits * f->total_q * f->heads * (f->head_dim + 2) : 0;
}

/* Which kernel would run it: SB_FLASH_MMA or SB_FLASH_WGMMA. */
int sb_flash_cuda_kernel(const sb_flash *f);

/* Enqueues it. Pointers are the GPU's, 16-byte aligned; stream: a cudaStream_t. 0, or 1 and one line in why[n]. */
int sb_flash_cuda_forward(const sb_flash *f, void *stream, char *why, size_t n);

/* Gradients of a loss with respect to Q, K and V, sigmoid only, K and V contiguous:
 *
 *     dV = P^T dO    dS = P (1 - P) (dO V^T)    dQ = scale dS K    dK = scale dS^T Q
 *
 * dK and dV are summed over the heads of the group. P is recomputed: the forward saves nothing for it. P, P (1 - P) and
 * dS are rounded to `type` before they are multiplied, so with fp16 scale the loss as in any fp16 training. A query
 * without a key has gradient 0. The same call gives the same bits. Of sb_flash, out, partial and splits are not used.
 */
typedef struct {
    const void *dout;   /* (total_q, heads, head_dim) of `type`: gradient of the forward's out */
    void *dq, *dk, *dv; /* shapes of q, k, v; every row of a sequence is written */
    uint32_t max_k;     /* keys of the longest sequence; (max_q + max_k) * heads / kv_heads < 2^30 */
    int fp32;           /* dq, dk, dv in binary32; 0: in `type` */
} sb_flash_gradients;

/* What every backward refuses: 1, and one line in why[n]. */
static inline int sb_flash_backward_refused(const sb_flash *f, const sb_flash_gradients *g, int paged, char *why,
                                            size_t n)
{
    if (!f->sigmoid || paged) {
        snprintf(why, n, "flash backward: %s",
                 paged ? "K and V in pages; contiguous ones are built" : "softmax; the sigmoid's is built");
        return 1;
    }
    if (!f->sequences || !f->kv_heads || !f->heads || f->heads % f->kv_heads ||
        ((uint64_t)f->max_q + g->max_k) * (f->heads / f->kv_heads) >= 1ull << 30) {
        snprintf(
            why, n,
            "flash backward: %u sequences of at most %u queries and %u keys, %u heads over %u KV heads: out of range",
            f->sequences, f->max_q, g->max_k, f->heads, f->kv_heads);
        return 1;
    }
    return 0;
}

/* Enqueues it, as sb_flash_cuda_forward. */
int sb_flash_cuda_backward(const sb_flash *f, const sb_flash_gradients *g, void *stream, char *why, size_t n);

#ifdef __cplusplus
}
#endif
#endif
