/* SPDX-License-Identifier: Apache-2.0
 * Fibonacci LFSR of SeedLM; the taps for K = 8, 10..24 are those of Table 6, the others small primitive ones. */
#include "seedbed/lfsr.h"

#define T(i) (1u << (i))

static const uint32_t tap_table[SB_LFSR_MAX_K + 1] = {
    [2] = T(0) | T(1),
    [3] = T(0) | T(1),
    [4] = T(0) | T(1),
    [5] = T(0) | T(2),
    [6] = T(0) | T(1),
    [7] = T(0) | T(1),
    [8] = T(0) | T(2) | T(3) | T(4),
    [9] = T(0) | T(4),
    [10] = T(0) | T(3),
    [11] = T(0) | T(2),
    [12] = T(0) | T(1) | T(2) | T(8),
    [13] = T(0) | T(1) | T(2) | T(5),
    [14] = T(0) | T(1) | T(2) | T(12),
    [15] = T(0) | T(1),
    [16] = T(0) | T(1) | T(3) | T(12),
    [17] = T(0) | T(3),
    [18] = T(0) | T(7),
    [19] = T(0) | T(1) | T(2) | T(5),
    [20] = T(0) | T(3),
    [21] = T(0) | T(2),
    [22] = T(0) | T(1),
    [23] = T(0) | T(5),
    [24] = T(0) | T(1) | T(2) | T(7),
};

uint32_t sb_lfsr_taps(int k)
{
    return k >= SB_LFSR_MIN_K && k <= SB_LFSR_MAX_K ? tap_table[k] : 0;
}

static inline uint32_t step(int k, uint32_t taps, uint32_t s)
{
    return (s >> 1) | ((uint32_t)__builtin_parity(s & taps) << (k - 1));
}

uint32_t sb_lfsr_step(int k, uint32_t state)
{
    uint32_t taps = sb_lfsr_taps(k);
    return taps ? step(k, taps, state) : 0;
}

void sb_lfsr_basis(int k, uint32_t seed, int rows, int cols, uint32_t *v)
{
    uint32_t taps = sb_lfsr_taps(k);
    uint32_t s = seed;
    for (int i = 0; i < rows * cols; i++) {
        s = taps ? step(k, taps, s) : 0;
        v[i] = s;
    }
}
