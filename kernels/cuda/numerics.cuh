/* SPDX-License-Identifier: Apache-2.0
 * Scalars of docs/numerics.md: exponents and rounding (2, 4, 6.1), rsqrt32 and sigmoid32 (5), scores and P (6.3, 6.4). */
#ifndef SEEDBED_CUDA_NUMERICS_CUH
#define SEEDBED_CUDA_NUMERICS_CUH

#include "common.cuh"

enum { SB_F32_INF = 0x7f800000, SB_F32_MAGNITUDE = 0x7fffffff };

SB_FN uint32_t sb_magnitude(float x) { return __float_as_uint(x) & SB_F32_MAGNITUDE; }
SB_FN bool sb_is_finite(float x) { return sb_magnitude(x) < SB_F32_INF; }
/* 2^e in binary64, -1022 <= e <= 1023 */
SB_FN double sb_pow2(int e)
{
#ifdef SB_CUDA_EMULATED
    uint64_t bits = (uint64_t)(e + 1023) << 52;
    double d;
    memcpy(&d, &bits, 8);
    return d;
#else
    return __longlong_as_double((long long)(e + 1023) << 52);
#endif
}
/* ldexpf(unit, e): one rounding, from binary64. */
SB_FN float sb_ldexp(float unit, int e)
{
    e = e < -600 ? -600 : e > 600 ? 600 : e;
    return __double2float_rn(__dmul_rn((double)unit, sb_pow2(e)));
}

/* Section 2: clamp(top - floor(log2 a), -96, 96) of a magnitude's bits, not 0 (a subnormal gives 96). */
SB_FN int sb_quantize_exp(uint32_t largest, int top)
{
    int k = top + 127 - (int)(largest >> 23);
    return largest >> 23 == 0 ? 96 : k > 96 ? 96 : k < -96 ? -96 : k;
}
/* clamp(rne(x 2^k), -limit, limit): the product is exact, or so small that it rounds to 0 all the same. */
SB_FN int sb_quantize_value(float x, int k, int limit)
{
    float q = rintf(__fmul_rn(x, __uint_as_float((uint32_t)(k + 127) << 23)));
    return (int)(q > (float)limit ? (float)limit : q < (float)-limit ? (float)-limit : q);
}

SB_FN long long sb_clamp(long long v, long long lo, long long hi) { return v < lo ? lo : v > hi ? hi : v; }

/* 6.4 */
SB_FN uint32_t sb_decay(const uint32_t *table, unsigned row, uint32_t u)
{
    uint32_t n = u >> 14;
    if (n >= 24)
        return 0;
    uint32_t e = __ldg(table + row * 64 + (u >> 8 & 63)), mant = (e >> 10) - (((e & 1023) * (u & 255) + 128) >> 8);
    return (mant << 8) >> n;
}
SB_FN uint32_t sb_sigmoid(const uint32_t *table, int32_t y)
{
    uint32_t u = (uint32_t)(y < 0 ? -y : y), n = u >> 14, p = sb_decay(table, n > 15 ? 15 : n, u);
    return y > 0 ? p ^ 0xffffff : p;
}

/* 5.2 */
SB_FN float sb_rsqrt32(float m)
{
    float y = __uint_as_float(0x5f3759dfu - (__float_as_uint(m) >> 1)), h = __fmul_rn(0.5f, m);
    SB_UNROLL
    for (int i = 0; i < 4; i++) {
        float t = __fmul_rn(h, __fmul_rn(y, y));
        y = __fmul_rn(y, __fsub_rn(1.5f, t));
    }
    return y;
}
/* 5.3, from v = x log2(e), already rounded */
SB_FN float sb_sigmoid32(const uint32_t *table, float v)
{
    float r = rintf(__fmul_rn(v, 16384.0f)); /* exact, or infinite: saturates the same */
    int32_t y = r >= 2097151.0f ? 2097151 : r <= -2097152.0f ? -2097152 : (int32_t)r;
    return __fmul_rn((float)sb_sigmoid(table, y), 0x1p-24f);
}

#endif
