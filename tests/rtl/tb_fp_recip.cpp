// SPDX-License-Identifier: Apache-2.0
// fp_recip against C's own division: every exponent with corners of the fraction, and random fractions (TB_ALL: all of
// one exponent, 2^23).
#include "Vtop.h"
#include "fp_ops.hpp"

int main()
{
    Tb<Vtop> tb;
    Vtop &t = tb.top;
    t.start_i = 0;
    tb.reset();
#ifdef TB_ALL
    const long cases = 1 << 23;
#else
    const long cases = 200000;
#endif
    for (long i = 0; i < cases; i++) {
#ifdef TB_ALL
        uint32_t x = 127u << 23 | (uint32_t)i;
#else
        uint32_t x = (1 + (uint32_t)(i % 252)) << 23 | (i < 252 * 32 ? fp_fraction() : m_rand(&rng) & 0x7FFFFF);
#endif
        t.x_i = x;
        t.start_i = 1;
        tb.tick();
        t.start_i = 0;
        t.x_i = m_rand(&rng);
        int n = 1;
        while (!t.done_o) {
            tb.tick();
            CHECK(++n < 40, "%08x: no answer", x);
        }
        CHECK(n == 27, "latency %d", n);
        uint32_t want = as_bits(1.0f / as_float(x)), got = t.y_o;
        CHECK(got == want, "1 / %08x: got %08x, expected %08x", x, got, want);
    }
    std::printf("fp_recip: %ld numbers: ok\n", cases);
}
