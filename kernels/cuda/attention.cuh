/* SPDX-License-Identifier: Apache-2.0
 * The data layout of exact attention (docs/numerics.md, section 6.1), for the device. */
#ifndef SEEDBED_CUDA_ATTENTION_CUH
#define SEEDBED_CUDA_ATTENTION_CUH

#include "numerics.cuh"

enum {
    SB_ATTN_SIGMOID = 1, /* flags of a record, in its codec byte */
    SB_ATTN_KV8 = 2,
    SB_ATTN_CAUSAL = 4,
    SB_ATTN_BITMAP = 8,
    SB_ATTN_EXPORT = 16
};
enum { SB_ATTN_FRACTION = 14, SB_ATTN_P_BITS = 24, SB_ATTN_MAX_KEYS = 1 << 20, SB_ATTN_NO_EXP = 127, SB_ATTN_Y_MAX = (1 << 21) - 1 };

struct sb_attn_header { /* QUANTIZE_Q's records need not be aligned to more than words */
    int32_t pos, shift, v_exp, bias;
    uint32_t slope, scale, zero[10];
};
static_assert(sizeof(sb_attn_header) == 64, "one 512-bit beat");

__host__ SB_FN size_t sb_attn_pad(size_t bytes) { return (bytes + 63) / 64 * 64; }
__host__ SB_FN size_t sb_attn_kv_row(size_t head_dim, bool kv8) { return sb_attn_pad(head_dim * (kv8 ? 1 : 2)); }
/* 64-byte line c of key j in V, from its start */
SB_FN size_t sb_attn_v_line(size_t row_bytes, size_t j, size_t c) { return j / 64 * 64 * row_bytes + c * 4096 + j % 64 * 64; }
SB_FN size_t sb_attn_kv_bytes(size_t head_dim, bool kv8, size_t capacity)
{
    return 2 * capacity * sb_attn_kv_row(head_dim, kv8) + capacity / 64 * 128;
}
SB_FN size_t sb_attn_query_bytes(size_t head_dim) { return 64 + sb_attn_pad(head_dim * 2); }
SB_FN size_t sb_attn_row_bytes(size_t head_dim) { return sb_attn_pad(8 * (head_dim + 1)); }

#endif
