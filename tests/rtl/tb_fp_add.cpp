// SPDX-License-Identifier: Apache-2.0
// fp_add (or, with TB_MUL, fp_mul) against the C compiler's binary32, and all pairs of an 8-bit format against the
// definition.
#include "Vtop.h"
#include "fp_ops.hpp"

#ifndef TB_CASES
#define TB_CASES 10000000
#endif
#ifdef TB_MUL
[[maybe_unused]] static float op(float a, float b)
{
    return a * b;
}
[[maybe_unused]] static double op(double a, double b)
{
    return a * b;
}
#else
[[maybe_unused]] static float op(float a, float b)
{
    return a + b;
}
[[maybe_unused]] static double op(double a, double b)
{
    return a + b;
}
#endif

namespace
{

constexpr int kLatency = 5;

struct Pair {
    uint32_t a, b;
};

[[maybe_unused]] Pair next_pair()
{
    uint32_t a = fp_operand(), b = fp_operand();
    switch (m_below(&rng, 6)) {
#ifdef TB_MUL
    case 0: // a product at the edge of the subnormals
        if (finite_bits(a)) {
            int e = 127 - (int)(a >> 23 & 255) + (int)m_below(&rng, 28) - 26;
            b = (b & 0x80000000u) | (uint32_t)(e < 0 ? 0 : e > 254 ? 254 : e) << 23 | fp_fraction();
        }
        break;
#else
    case 0:
        b = (a ^ 0x80000000u) + m_below(&rng, 5) - 2;
        break; // cancellation
    case 1:
        b = (a & 0xFF800000u) ^ (m_rand(&rng) & 0x80FFFFFFu);
        break; // the same or the next exponent
    case 2:
        b = a ^ (m_below(&rng, 26) << 23) ^ (m_rand(&rng) & 0x80000000u);
        break;
#endif
    default:
        break;
    }
    return {a, b};
}

} // namespace

int main()
{
    Tb<Vtop> tb;
    Vtop &t = tb.top;
    Pair line[kLatency + 1] = {};
#if TB_EXP == 8
    const long cases = TB_CASES;
#else
    const long cases = 65536;
#endif
    long bad = 0, exact = 0;
    for (long i = 0; i < cases + kLatency; i++) {
#if TB_EXP == 8
        Pair p = next_pair();
#else
        Pair p = {(uint32_t)(i & 255), (uint32_t)(i >> 8 & 255)};
#endif
        t.a_i = p.a;
        t.b_i = p.b;
        line[i % (kLatency + 1)] = p;
        tb.tick();
        if (i < kLatency - 1)
            continue;
        Pair q = line[(i - kLatency + 1) % (kLatency + 1)];
        uint32_t got = t.y_o;
#if TB_EXP == 8
        uint32_t want = as_bits(op(as_float(q.a), as_float(q.b)));
        bool nan = (want & 0x7FFFFFFFu) > 0x7F800000u, want_bad = !finite_bits(want), got_bad = !finite_bits(got);
#else
        const uint32_t top = (1u << TB_EXP) - 1;
        double v = op(fp_value(q.a, TB_EXP, TB_MAN), fp_value(q.b, TB_EXP, TB_MAN));
        uint32_t want = fp_nearest(v, TB_EXP, TB_MAN);
        if (std::signbit(v))
            want |= 1u << (TB_EXP + TB_MAN);
        bool nan = (q.a >> TB_MAN & top) == top || (q.b >> TB_MAN & top) == top; // fp_value knows no infinity
        bool want_bad = nan || (want >> TB_MAN & top) == top, got_bad = (got >> TB_MAN & top) == top;
#endif
        CHECK(got_bad == want_bad, "%08x, %08x: got %08x, expected %08x", q.a, q.b, got, want);
        if (!nan)
            CHECK(got == want, "%08x, %08x: got %08x, expected %08x", q.a, q.b, got, want);
        bad += want_bad;
        exact += !nan;
    }
    CHECK(exact > cases / 2 && bad > cases / 1000, "%ld exact pairs, %ld overflows: the operands test nothing", exact,
          bad);
#ifdef TB_MUL
    std::printf("fp_mul");
#else
    std::printf("fp_add");
#endif
    std::printf(" %d+%d bits: %ld pairs, %ld with a result that is not finite: ok\n", TB_EXP, TB_MAN, cases, bad);
}
