// SPDX-License-Identifier: Apache-2.0
// fp_to_int against the host's own QUANTIZE arithmetic (exact in double, then rint).
#include "Vtop.h"
#include "fp_ops.hpp"

int main()
{
    constexpr int kLatency = 3;
    static const double lo[] = {-32767, -127, -(1 << 21)}, hi[] = {32767, 127, (1 << 21) - 1};
    struct In {
        uint32_t x;
        int k;
        unsigned limit;
    };
    Tb<Vtop> tb;
    Vtop &t = tb.top;
    In line[kLatency + 1] = {};
    const long cases = 5000000;
    long inside = 0, clamped = 0;
    for (long i = 0; i < cases; i++) {
        In in = {fp_operand(), (int)m_below(&rng, 193) - 96, m_below(&rng, 3)};
        if (chance(700)) { // near the interesting range
            int e = 127 - in.k + (int)m_below(&rng, 28) - 4;
            if (e > 0 && e < 255)
                in.x = (in.x & 0x807FFFFFu) | (uint32_t)e << 23;
        }
        t.x_i = in.x;
        t.k_i = (uint8_t)in.k;
        t.limit_i = in.limit;
        line[i % (kLatency + 1)] = in;
        tb.tick();
        if (i < kLatency - 1)
            continue;
        In q = line[(i - kLatency + 1) % (kLatency + 1)];
        CHECK((bool)t.bad_o == !finite_bits(q.x), "%08x: bad %d", q.x, (int)t.bad_o);
        if (!finite_bits(q.x))
            continue;
        double v = std::rint(std::ldexp((double)as_float(q.x), q.k));
        double c = v < lo[q.limit] ? lo[q.limit] : v > hi[q.limit] ? hi[q.limit] : v;
        int32_t want = (int32_t)c, got = (int32_t)(t.y_o << 10) >> 10;
        CHECK(got == want, "%08x * 2^%d, limit %u: got %d, expected %d", q.x, q.k, q.limit, got, want);
        clamped += c != v;
        inside += c == v && v != 0;
    }
    CHECK(inside > cases / 10 && clamped > cases / 100, "%ld inside, %ld clamped: the operands test nothing", inside,
          clamped);
    std::printf("fp_to_int: %ld numbers, %ld rounded to something, %ld clamped: ok\n", cases, inside, clamped);
}
