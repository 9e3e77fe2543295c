// SPDX-License-Identifier: Apache-2.0
// Operands that find mistakes in binary32 units: corners, ties, subnormals, near-equal pairs; and a plain definition of
// rounding for small formats.
#ifndef RTL_FP_OPS_HPP
#define RTL_FP_OPS_HPP

#include <cmath>

#include "tb.h"

inline float as_float(uint32_t u)
{
    float f;
    std::memcpy(&f, &u, sizeof f);
    return f;
}
inline uint32_t as_bits(float f)
{
    uint32_t u;
    std::memcpy(&u, &f, sizeof u);
    return u;
}
inline bool finite_bits(uint32_t u) { return (u >> 23 & 255) != 255; }

// A fraction with few bits set or clear, so that sums and products end in ties.
inline uint32_t fp_fraction()
{
    uint32_t r = m_rand(&rng);
    switch (m_below(&rng, 6)) {
    case 0: return 0;
    case 1: return 1u << m_below(&rng, 23);
    case 2: return 0x7FFFFF;
    case 3: return (0x7FFFFFu << m_below(&rng, 23)) & 0x7FFFFF;
    case 4: return (r & 0xFFF) << m_below(&rng, 12);
    default: return r & 0x7FFFFF;
    }
}

inline uint32_t fp_operand()
{
    static const uint32_t corner[] = { 0, 1, 2, 0x7FFFFF, 0x800000, 0x800001, 0x3F800000, 0x3F7FFFFF, 0x3F800001, 0x4B000000,
                                       0x4B7FFFFF, 0x7F7FFFFF, 0x7F000000, 0x7F800000, 0x7FC00000, 0x7F800001 };
    uint32_t r = m_rand(&rng), sign = r & 0x80000000u;
    switch (m_below(&rng, 8)) {
    case 0: return sign | corner[m_below(&rng, 16)];
    case 1: return sign | fp_fraction();                                       // subnormal
    case 2: return sign | (1 + m_below(&rng, 3)) << 23 | fp_fraction();        // smallest normals
    case 3: return sign | (120 + m_below(&rng, 16)) << 23 | fp_fraction();     // around one
    case 4: return sign | (250 + m_below(&rng, 5)) << 23 | fp_fraction();      // largest
    default: return sign | m_below(&rng, 255) << 23 | fp_fraction();
    }
}

// The nearest value of a format with E exponent and M fraction bits, ties to the even one, by looking at all of them. The
// value beyond the largest counts as infinity, as IEEE 754 says. v is exact. Returns bits without the sign.
inline uint32_t fp_nearest(double v, int E, int M)
{
    int bias = (1 << (E - 1)) - 1;
    uint32_t best = 0;
    double best_d = INFINITY;
    for (uint32_t u = 0; u <= (((1u << E) - 1) << M); u++) {
        int e = (int)(u >> M);
        double f = u & ((1u << M) - 1), x = e ? std::ldexp(f + (1 << M), e - bias - M) : std::ldexp(f, 1 - bias - M);
        double d = std::fabs(x - std::fabs(v));
        if (d < best_d || (d == best_d && !(u & 1))) {
            best = u;
            best_d = d;
        }
    }
    return best;
}
inline double fp_value(uint32_t u, int E, int M)
{
    int bias = (1 << (E - 1)) - 1, e = (int)(u >> M & ((1u << E) - 1));
    double f = u & ((1u << M) - 1), x = e ? std::ldexp(f + (1 << M), e - bias - M) : std::ldexp(f, 1 - bias - M);
    return u >> (E + M) & 1 ? -x : x;
}

#endif
