/* SPDX-License-Identifier: Apache-2.0 */
#include "device/vector_math.h"

/* The tree over the chains: the second line of 5.1. */
static float fold(float s[SB_SUM_CHAINS])
{
    for (int h = SB_SUM_CHAINS / 2; h; h /= 2)
        for (int j = 0; j < h; j++)
            s[j] = s[j] + s[j + h];
    return s[0];
}

/* One loop for all three sums: whole rounds of the chains first, so that the inner loop has a fixed length. */
#define SUM64(term)                                                                                                    \
    float s[SB_SUM_CHAINS] = {0};                                                                                      \
    size_t at = 0;                                                                                                     \
    for (; at + SB_SUM_CHAINS <= n; at += SB_SUM_CHAINS)                                                               \
        for (size_t j = 0; j < SB_SUM_CHAINS; j++) {                                                                   \
            float v = x[at + j];                                                                                       \
            s[j] = s[j] + (term);                                                                                      \
        }                                                                                                              \
    for (size_t j = 0; at + j < n; j++) {                                                                              \
        float v = x[at + j];                                                                                           \
        s[j] = s[j] + (term);                                                                                          \
    }                                                                                                                  \
    return fold(s)

float sb_sum64(const float *x, size_t n)
{
    SUM64(v);
}
float sb_sum64_squares(const float *x, size_t n)
{
    SUM64(v * v);
}
float sb_sum64_deviations(const float *x, float mu, size_t n)
{
    SUM64((v - mu) * (v - mu));
}

/* Magnitudes order like their bits. */
uint32_t sb_max_magnitude(const float *x, size_t n)
{
    uint32_t m = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t a = sb_f32_bits(x[i]) & 0x7fffffffu;
        m = a > m ? a : m;
    }
    return m;
}

size_t sb_first_not_finite(const float *x, size_t n)
{
    if (sb_max_magnitude(x, n) < SB_F32_INFINITY)
        return n;
    size_t i = 0;
    while ((sb_f32_bits(x[i]) & SB_F32_INFINITY) != SB_F32_INFINITY)
        i++;
    return i;
}

int sb_quantize_exponent(uint32_t magnitude, int top)
{
    int k = top - ((int)(magnitude >> 23) - 127); /* a subnormal is clamped all the same */
    return k > 96 ? 96 : k < -96 ? -96 : k;
}

/* The product is exact unless it is subnormal, and then it rounds to 0 either way. */
void sb_quantize_vector(const float *x, size_t n, int k, int limit, int16_t *q)
{
    float scale = sb_f32_of_bits((uint32_t)(127 + k) << 23), hi = (float)limit;
    for (size_t i = 0; i < n; i++) {
        float t = x[i] * scale;
        t = t > hi ? hi : t;
        t = t < -hi ? -hi : t;
        q[i] = (int16_t)sb_rne_small(t);
    }
}
