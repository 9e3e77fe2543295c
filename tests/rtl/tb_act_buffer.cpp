// SPDX-License-Identifier: Apache-2.0
// act_buffer: fill by beats, read slots of 2, 8 and 16 elements back to back.
#include "Vtop.h"
#include "tb.h"

int main()
{
    Tb<Vtop> tb;
    Vtop &t = tb.top;
    t.we_i = t.re_i = 0;
    std::vector<int16_t> mem(TB_CAP);
    constexpr int kBeat = TB_BUS / 16;
    long reads = 0;
    for (int round = 0; round < 40; round++) {
        // Some beats are rewritten, in order or not, so that a wrong enable shows.
        for (int i = 0; i < TB_CAP / kBeat; i++) {
            int at = round == 0 ? i : (int)m_below(&rng, TB_CAP / kBeat);
            t.we_i = 1;
            t.waddr_i = (uint32_t)at;
            for (int e = 0; e < kBeat; e++) {
                mem[(size_t)(at * kBeat + e)] = (int16_t)m_rand(&rng);
                std::memcpy(port(t.wdata_i) + 2 * e, &mem[(size_t)(at * kBeat + e)], 2);
            }
            tb.tick();
        }
        t.we_i = 0;
        int step = round % 3 == 0 ? 2 : round % 3 == 1 ? 8 : 16;
        t.step2_i = step == 2;
        t.step8_i = step != 16;
        std::deque<int> asked;
        for (int i = 0; i < 2000; i++) {
            bool re = chance(800);
            int at = (int)m_below(&rng, (uint32_t)(TB_CAP / step)) * step;
            t.re_i = re;
            t.relem_i = (uint32_t)at;
            tb.tick();
            asked.push_back(re ? at : -1);
            if (asked.size() < 2)
                continue;
            int was = asked.front();
            asked.pop_front();
            if (was < 0)
                continue;
            for (int e = 0; e < step; e++) {
                int16_t got;
                std::memcpy(&got, port(t.act_o) + 2 * e, 2);
                CHECK(got == mem[(size_t)(was + e)], "step %d element %d: got %d, expected %d", step, was + e, got,
                      mem[(size_t)(was + e)]);
            }
            reads++;
        }
    }
    std::printf("act_buffer bus %d: %ld slots ok\n", TB_BUS, reads);
}
