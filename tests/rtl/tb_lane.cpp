// SPDX-License-Identifier: Apache-2.0
// lane against the plain decoder: one word a cycle, random and corner words, every built-in codec.
#include "Vtop.h"
#include "tb.h"

namespace
{

#ifdef TB_FPGA // top lane_skewed
constexpr bool kFpga = true;
#else
constexpr bool kFpga = false;
#endif

// seedbed_pkg::LaneLatency, LaneLatencyFpga
constexpr int latency(int codec)
{
    return kFpga && codec == M_SEEDLM4 ? 19 : 6;
}

uint32_t corner_word(int codec)
{
    static const uint32_t half[] = {0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0x3C00,
                                    0xBC00, 0x7BFF, 0xFBFF, 0x7C00, 0xFFFF};
    uint32_t w = m_rand(&rng);
    if (codec == M_FP16 && chance(500))
        return half[m_below(&rng, 11)] | half[m_below(&rng, 11)] << 16;
    switch (m_below(&rng, 8)) {
    case 0:
        return 0;
    case 1:
        return 0xFFFFFFFFu;
    case 2:
        return 0x888F0000u | (w & 0xFFFF); // all coefficients -8, f = 15
    case 3:
        return 0x777F0000u | (w & 0xFFFF);
    case 4:
        return 1u << m_below(&rng, 32);
    default:
        return w;
    }
}

} // namespace

int main()
{
    Tb<Vtop> tb;
    Vtop &t = tb.top;
    long words = 0;
    for (int codec = 0; codec < M_CODECS; codec++) {
        if (!(TB_CODECS >> codec & 1))
            continue;
        t.codec_i = codec;
        std::deque<int64_t> expect;
        std::deque<std::vector<int16_t>> acts;
        std::deque<int> sums;
        int n = m_block(codec);
        int late = latency(codec);
        for (int i = 0; i < 20000; i++) {
            uint32_t word = corner_word(codec), side = chance(100) ? 0 : m_rand(&rng);
            size_t b = m_below(&rng, 8); // which of the eight words of the side word
            t.word_i = word;
            t.side_i = codec == M_INT4 ? (b < 4 ? side & 0xFFFF : side >> 16) : side >> 4 * b & 15;
            std::vector<int16_t> a(16);
            for (auto &v : a)
                v = chance(200) ? (chance(500) ? -32768 : 32767) : (int16_t)m_rand(&rng);
            int64_t w[12];
            m_decode(codec, word, side, b, w);
            uint64_t sum = 0;
            int act_sum = 0;
            for (int c = 0; c < n; c++) {
                sum += (uint64_t)w[c] * (uint64_t)(int64_t)a[c];
                act_sum += a[c];
            }
            expect.push_back((int64_t)sum);
            acts.push_back(a);
            sums.push_back(act_sum);
            // The activations follow their word by one cycle, their sum by three.
            if (i >= 1) {
                for (int c = 0; c < 16; c++)
                    std::memcpy(port(t.act_i) + 2 * c, &acts[(size_t)i - 1][(size_t)c], 2);
#ifndef TB_FPGA
                for (int c = 0; c < 12; c++) {
                    int64_t wide = acts[(size_t)i - 1][(size_t)c];
                    std::memcpy(port(t.wide_i) + 8 * c, &wide, 8);
                }
#endif
            }
            if (i >= 3)
                t.act_sum_i = (uint32_t)sums[(size_t)i - 3] & 0xFFFFF;
            tb.settle();
            if (i >= late) {
                int64_t got = (int64_t)t.addend_o, want = expect[(size_t)(i - late)];
                CHECK(got == want, "codec %d word %d: got %lld, expected %lld", codec, i - late, (long long)got,
                      (long long)want);
                words++;
            }
            tb.tick();
        }
    }
    CHECK(words > 0, "no codec tested");
    std::printf("lane codecs 0x%x: %ld words ok\n", TB_CODECS, words);
}
