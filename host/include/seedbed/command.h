/* SPDX-License-Identifier: Apache-2.0
 * Device commands: 64-byte little-endian records (docs/device.md). */
#ifndef SEEDBED_COMMAND_H
#define SEEDBED_COMMAND_H

#include <stdint.h>

/* Strides are in elements between the vectors of a batch. f32 parameters travel as their bits. */
typedef enum {
    SB_OP_NOP = 0,
    SB_OP_MATVEC = 1,    /* dst int64 [batch][rows] = weights (rows, cols) . src; docs/numerics.md 3 */
    SB_OP_QUANTIZE = 2,  /* dst int16 vectors in the codec's layout, aux int32 [batch] exponents <- src f32 [batch][cols] */
    SB_OP_SCALE = 3,     /* dst f32 [batch][p1] <- src int64 [batch][rows], aux int32 [batch]; p0 = scale_exp, p1 = dst stride */
    SB_OP_EMBED = 4,     /* dst f32 [batch][cols] <- row src[v] (u32) of weights: packed rows (p0 = scale_exp), or f32 if p1 */
    SB_OP_RMSNORM = 5,   /* dst <- src f32 [batch][rows][cols], norm over cols; weights gain f32 [cols]; p0 = eps, p1 = stride */
    SB_OP_ROPE = 6,      /* dst f32 [batch][rows][cols] in place; weights freq f32 [cols/2], aux position f32 [batch]; p1 = stride */
    SB_OP_KV_APPEND = 7, /* dst cache f32 [rows][p1][cols], tokens p0.. <- src f32 [batch][rows][cols], p2 = src stride */
    SB_OP_ATTENTION = 8, /* dst f32 [batch][rows][cols] <- queries src (stride p2), K cache weights, V cache aux;
                            p0 = first position, p1 = cache capacity, p3 = KV heads; causal. codec 1: V cache right behind
                            the K cache, aux sb_attention_params */
    SB_OP_SILU_MUL = 9,  /* dst f32 [batch][cols] <- silu(src) * aux, both with stride p0 */
    SB_OP_ADD = 10,      /* dst f32 [batch][cols] += src */
    /* Attention in exact integers, docs/numerics.md 6; codec holds the flags of docs/device.md; rows heads, cols head_dim. */
    SB_OP_QUANTIZE_Q = 11, /* dst query records <- src f32 [batch][rows][cols] (stride p2), V exponents of the cache weights,
                              aux sb_attention_params; p0 = first position, p1 = capacity, p3 = KV heads */
    SB_OP_QUANTIZE_KV = 12, /* cache dst, tokens p0.. <- K src, V aux f32 [batch][rows][cols] (stride p2); rows KV heads,
                               p1 = capacity */
    SB_OP_ATTENTION_X = 13, /* dst rows of int64 (and probabilities behind them) <- query records src, cache weights, mask aux;
                               p0 = keys, p1 = capacity, p2 = window, p3 = KV heads */
    SB_OP_ATTN_SCALE = 14,  /* dst f32 [batch][rows][cols] <- src rows of int64, aux query records; p3 = KV heads */
    SB_OP_COUNT
} sb_op;

/* What a layer's attention needs to know besides its shape. */
typedef struct {
    uint32_t sigmoid; /* 0: softmax */
    float bias;       /* added to the scores, natural units */
    uint32_t window;  /* 0: none; else a query sees the keys at most window-1 before it */
    uint32_t alibi;   /* 1: slope[heads] follow as f32; the score gets -slope |query position - key position| */
} sb_attention_params;

typedef struct {
    uint8_t op;
    uint8_t codec;
    uint16_t batch;
    uint32_t rows;
    uint32_t cols;
    uint32_t tag;
    uint64_t weights;
    uint64_t src;
    uint64_t dst;
    uint64_t aux;
    uint32_t p[4];
} sb_command;

_Static_assert(sizeof(sb_command) == 64, "a command is one 512-bit beat");

/* "MATVEC" etc.; "?" if out of range. */
const char *sb_op_name(unsigned op);

#endif
