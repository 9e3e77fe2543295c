/* SPDX-License-Identifier: Apache-2.0
 * The scalars and sums of the vector operations (docs/numerics.md, section 5), written so that a compiler vectorises
 * them. The result does not depend on the compiler: no contraction (-ffp-contract=off), no libm, a fixed order of every
 * sum. */
#ifndef SEEDBED_VECTOR_MATH_H
#define SEEDBED_VECTOR_MATH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "device/attention_table.h"

enum { SB_SUM_CHAINS = 64, SB_F32_INFINITY = 0x7f800000 };

static inline uint32_t sb_f32_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static inline float sb_f32_of_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* 5.2 */
static inline float sb_rsqrt32(float m)
{
    float y = sb_f32_of_bits(0x5f3759dfu - (sb_f32_bits(m) >> 1)), h = 0.5f * m;
    for (int i = 0; i < 4; i++) {
        float t = y * y;
        t = h * t;
        t = 1.5f - t;
        y = y * t;
    }
    return y;
}

/* rne(t) for |t| <= 2^22, without a library call: the sum's unit is 1. */
static inline int32_t sb_rne_small(float t)
{
    return (int32_t)(sb_f32_bits(t + 12582912.0f) - 0x4b400000u);
}

/* 5.3 after its first line: v is in the log2 domain. The table is that of section 6.4. A NaN gives some value. */
static inline float sb_sigmoid32_log2(float v)
{
    float t = v * 16384.0f;
    t = t > 2097151.0f ? 2097151.0f : t;
    t = t < -2097152.0f ? -2097152.0f : t;
    int32_t y = sb_rne_small(t);
    uint32_t sign = (uint32_t)(y >> 31), u = ((uint32_t)y ^ sign) - sign; /* |y| */
    uint32_t n = u >> 14, row = n < 15 ? n : 15;
    uint32_t e = sb_attn_table[(int32_t)(row << 6 | (u >> 8 & 63))];
    uint32_t mant = (e >> 10) - (((e & 1023) * (u & 255) + 128) >> 8);
    uint32_t p = (mant << 8) >> (n < 24 ? n : 24); /* mant < 2^16 */
    p ^= y > 0 ? 0xffffffu : 0;
    return (float)(int32_t)p * 0x1p-24f;
}

static inline float sb_sigmoid32(float x)
{
    return sb_sigmoid32_log2(x * 0x1.715476p+0f);
}

/* g * sigmoid(g), and the tanh form of the GELU: the two gates. */
static inline float sb_silu32(float g)
{
    return g * sb_sigmoid32(g);
}
static inline float sb_gelu32(float g)
{
    float t = g * g;
    t = t * 0x1.6e4e26p-5f;
    t = t + 1.0f;
    t = t * g;
    return g * sb_sigmoid32_log2(t * 0x1.26aec2p+1f);
}

/* 5.1: sums of x_i, of x_i^2, and of (x_i - mu)^2. */
float sb_sum64(const float *x, size_t n);
float sb_sum64_squares(const float *x, size_t n);
float sb_sum64_deviations(const float *x, float mu, size_t n);

/* The bits of the largest magnitude; at least SB_F32_INFINITY if a value is not finite. 0 if n is 0. */
uint32_t sb_max_magnitude(const float *x, size_t n);
/* Index of the first value that is not finite, or n. */
size_t sb_first_not_finite(const float *x, size_t n);

/* The exponent that brings the magnitude with these bits (finite, not 0) into [2^top, 2^(top+1)), clamped to +-96. */
int sb_quantize_exponent(uint32_t magnitude, int top);
/* q_i = clamp(rne(x_i * 2^k), -limit, limit), |k| <= 96, limit <= 32767; x finite. */
void sb_quantize_vector(const float *x, size_t n, int k, int limit, int16_t *q);

#endif
