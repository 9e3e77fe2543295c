// SPDX-License-Identifier: Apache-2.0
// fifo: random traffic against a queue; level, capacity, clear, full rate.
#include "Vtop.h"
#include "tb.h"

int main()
{
    Tb<Vtop> tb;
    Vtop &t = tb.top;
    t.clear_i = t.valid_i = t.ready_i = 0;
    tb.reset();
    std::deque<uint32_t> model;
    bool full_seen = false;
    for (int phase = 0; phase < 30; phase++) {
        uint32_t in = 100 + m_below(&rng, 900), out = 100 + m_below(&rng, 900);
        for (int i = 0; i < 2000; i++) {
            t.valid_i = chance(in);
            t.data_i = m_rand(&rng) & 0xFFFFF;
            t.ready_i = chance(out);
            t.clear_i = chance(2);
            tb.settle();
            CHECK(t.level_o == model.size(), "level %u, expected %zu", t.level_o, model.size());
            bool push = t.valid_i && t.ready_o, pop = t.valid_o && t.ready_i;
            if (!t.ready_o) {
                full_seen = true;
                CHECK(model.size() >= TB_DEPTH, "not ready with %zu", model.size());
            }
            if (t.valid_o) {
                CHECK(!model.empty(), "an entry out of nothing");
                CHECK(t.data_o == model.front(), "got 0x%x, expected 0x%x", t.data_o, model.front());
            }
            if (pop)
                model.pop_front();
            if (push)
                model.push_back(t.data_i);
            if (t.clear_i)
                model.clear();
            tb.tick();
        }
    }
    CHECK(full_seen, "never full");
    // Full rate: after two cycles of latency one entry a cycle goes through.
    t.clear_i = 1;
    tb.tick();
    t.clear_i = 0;
    t.valid_i = t.ready_i = 1;
    int moved = 0;
    for (int i = 0; i < 102; i++) {
        tb.settle();
        CHECK(t.ready_o, "not ready at full rate");
        moved += t.valid_o;
        tb.tick();
    }
    CHECK(moved == 100, "moved %d of 100", moved);
    std::printf("fifo: ok\n");
}
