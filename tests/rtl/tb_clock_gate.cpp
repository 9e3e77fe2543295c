// SPDX-License-Identifier: Apache-2.0
// clock_gate: exactly the edges that its header names, none of them cut short or added while on_i moves.
#include "Vtop.h"
#include "tb.h"

int main()
{
    Tb<Vtop> tb;
    Vtop &t = tb.top;
    t.on_i = 0;
    tb.reset();
    uint32_t left = TB_HOLD;
    uint64_t edges = 0, cycles = 0;
    for (int phase = 0; phase < 50; phase++) {
        uint32_t often = m_below(&rng, 400);
        for (int i = 0; i < 1000; i++, cycles++) {
            // While the clock is low, as while it is high, on_i may go both ways; what counts is how it is at the edge.
            t.on_i = chance(500);
            t.eval();
            CHECK(!t.clk_o, "an edge while the clock is low");
            t.on_i = chance(often);
            t.rst_ni = !chance(2);
            t.eval();
            CHECK(!t.clk_o, "an edge while the clock is low");
            bool now = t.on_i || !t.rst_ni, edge = now || left;
            t.clk_i = 1;
            t.eval();
            CHECK(t.clk_o == edge, "cycle %llu: on %d, %u cycles to go on", (unsigned long long)cycles, t.on_i, left);
            t.on_i = chance(500);
            t.eval();
            CHECK(t.clk_o == edge, "the clock moves with on_i");
            t.clk_i = 0;
            t.eval();
            left = now ? TB_HOLD : left ? left - 1 : 0;
            edges += edge;
        }
    }
    CHECK(edges > cycles / 10 && edges < cycles, "%llu edges", (unsigned long long)edges);
    std::printf("clock_gate: %llu cycles, %llu edges ok\n", (unsigned long long)cycles, (unsigned long long)edges);
}
