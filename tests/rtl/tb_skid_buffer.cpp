// SPDX-License-Identifier: Apache-2.0
// skid_buffer: order, no loss, held while stalled, full rate, outputs registered.
#include "Vtop.h"
#include "tb.h"

int main()
{
    Tb<Vtop> tb;
    Vtop &t = tb.top;
    t.valid_i = t.ready_i = 0;
    tb.reset();
    std::deque<uint32_t> model;
    uint64_t passed = 0;
    for (int phase = 0; phase < 20; phase++) {
        uint32_t in = phase == 0 ? 1000 : 100 + m_below(&rng, 901), out = phase == 0 ? 1000 : 100 + m_below(&rng, 901);
        for (int i = 0; i < 2000; i++) {
            tb.settle();
            bool ready = t.ready_o, valid = t.valid_o;
            uint32_t data = t.data_o;
            t.valid_i = chance(in);
            t.data_i = m_rand(&rng) & 0xFFFF;
            t.ready_i = chance(out);
            tb.settle();
            CHECK(t.ready_o == ready && t.valid_o == valid && t.data_o == data, "an output follows an input");
            if (valid && t.ready_i) {
                CHECK(!model.empty() && data == model.front(), "got 0x%x", data);
                model.pop_front();
                passed++;
            }
            if (t.valid_i && ready)
                model.push_back(t.data_i);
            CHECK(model.size() <= 2, "%zu held", model.size());
            tb.tick();
        }
        if (phase == 0)
            CHECK(passed >= 1999, "only %llu at full rate", (unsigned long long)passed);
    }
    std::printf("skid_buffer: %llu entries ok\n", (unsigned long long)passed);
}
