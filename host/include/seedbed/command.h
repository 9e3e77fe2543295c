/* SPDX-License-Identifier: Apache-2.0
 * Device commands: 64-byte little-endian records (docs/device.md). */
#ifndef SEEDBED_COMMAND_H
#define SEEDBED_COMMAND_H

#include <stdint.h>

typedef enum {
    SB_OP_NOP = 0,
    SB_OP_MATVEC = 1,    /* dst int64 [batch][rows] = W . src */
    SB_OP_QUANTIZE = 2,  /* dst int16 vectors, aux int32 exponents [batch] <- src f32 [batch][cols]; codec sets the layout */
    SB_OP_SCALE = 3,     /* dst f32 [batch][rows] <- src int64, aux int32 exponents; p0 = scale_exp (int32) */
    SB_OP_EMBED = 4,     /* dst f32 [batch][cols] <- row src[v] (u32 ids) of weights f32/f16 packed rows */
    SB_OP_RMSNORM = 5,   /* dst <- src, [batch][rows][cols] normalised over cols; weights = gain f32 [cols]; p0 = eps (f32 bits),
                            p1 = source and destination stride in elements between batch vectors */
    SB_OP_ROPE = 6,      /* in place on dst [batch][rows][cols]; aux = positions f32 [batch]; p0 = theta (f32 bits), p1 = stride */
    SB_OP_KV_APPEND = 7, /* dst cache [rows][p1][cols] at token p0+v <- src [batch][rows][cols], p2 = source stride */
    SB_OP_ATTENTION = 8, /* dst [batch][rows][cols] <- q src, K cache weights, V cache aux; p0 = first position, p1 = capacity,
                            p2 = q stride, p3 = kv heads */
    SB_OP_SILU_MUL = 9,  /* dst [batch][cols] <- silu(src) * aux; p0 = stride of src and aux */
    SB_OP_ADD = 10,      /* dst [batch][cols] += src */
    SB_OP_COUNT
} sb_op;

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

#endif
