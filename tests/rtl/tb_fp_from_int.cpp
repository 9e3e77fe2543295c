// SPDX-License-Identifier: Apache-2.0
// fp_from_int against C's own conversion: bit positions, ties and random integers, signed and unsigned.
#include "Vtop.h"
#include "fp_ops.hpp"

namespace
{

constexpr int kLatency = 4;

uint64_t next_int()
{
    uint64_t r = rand64();
    unsigned n = m_below(&rng, TB_IN + 1);
    uint64_t v = n >= 64 ? r : r & ((1ull << n) - 1); // any length
    switch (m_below(&rng, 4)) {
    case 0:
        v = (n >= 64 ? 0 : 1ull << n) + m_below(&rng, 5) - 2;
        break; // beside a power of two
    case 1:    // a tie, or just beside one
        v = (v | (1ull << (n ? n - 1 : 0))) >> 1;
        if (n > 25)
            v = (v & ~((1ull << (n - 25)) - 1)) | 1ull << (n - 26 + (n == 25)), v += m_below(&rng, 3) - 1;
        break;
    case 2:
        v = 0 - v;
        break;
    default:
        break;
    }
    return TB_IN >= 64 ? v : v & ((1ull << TB_IN) - 1);
}

} // namespace

int main()
{
    Tb<Vtop> tb;
    Vtop &t = tb.top;
    uint64_t line[kLatency + 1] = {};
    const long cases = 2000000;
    for (int is_unsigned = 0; is_unsigned < 2; is_unsigned++) {
        t.unsigned_i = is_unsigned;
        for (long i = 0; i < cases; i++) {
            uint64_t v = next_int();
            t.d_i = v;
            line[i % (kLatency + 1)] = v;
            tb.tick();
            if (i < kLatency)
                continue; // the first ones may still be of the other sign
            uint64_t q = line[(i - kLatency + 1) % (kLatency + 1)];
            int64_t s = (int64_t)(q << (64 - TB_IN)) >> (64 - TB_IN);
            float f = is_unsigned ? (float)q : (float)s;
            uint32_t want = as_bits(std::ldexp(f, -TB_SCALE)), got = t.y_o;
            CHECK(got == want, "%s %016llx: got %08x, expected %08x", is_unsigned ? "unsigned" : "signed",
                  (unsigned long long)q, got, want);
        }
    }
    std::printf("fp_from_int %d bits: %ld integers: ok\n", TB_IN, 2 * cases);
}
