/* SPDX-License-Identifier: Apache-2.0
 * Plain model of docs/formats.md and docs/numerics.md section 3, written for the hardware benches alone: it shares no
 * code with host/, so that the two can disagree. */
#ifndef RTL_MODEL_H
#define RTL_MODEL_H

#include <stddef.h>
#include <stdint.h>

enum { M_FP16 = 0, M_INT4 = 1, M_SEEDLM4 = 2, M_SEEDLM3 = 3, M_CODECS = 4 };

/* The sequential register: one step. */
static inline uint16_t m_step(uint16_t s)
{
    uint16_t b = (uint16_t)((s ^ s >> 1 ^ s >> 3 ^ s >> 12) & 1);
    return (uint16_t)(s >> 1 | b << 15);
}

static inline int m_block(int codec)
{
    return codec == M_FP16 ? 2 : codec == M_SEEDLM3 ? 12 : 8;
}
static inline int m_has_side(int codec)
{
    return codec == M_INT4 || codec == M_SEEDLM3;
}
static inline int m_act_stride(int codec)
{
    return codec == M_SEEDLM3 ? 16 : 8;
}
static inline int m_act_block(int codec)
{
    return codec == M_SEEDLM3 ? 12 : 8;
}

static inline int m_s4(uint32_t v)
{
    return (int)(v & 15) - ((v & 8) ? 16 : 0);
}

static inline int64_t m_half(uint16_t h)
{
    int e = h >> 10 & 31;
    int64_t v = (int64_t)((e > 0 ? 1024 : 0) + (h & 1023)) * ((int64_t)1 << ((e > 1 ? e : 1) - 1));
    return h & 0x8000 ? -v : v;
}

/* Integers of main word number b of a row whose side word (for the eight it belongs to) is given. */
static inline void m_decode(int codec, uint32_t word, uint32_t side, size_t b, int64_t *w)
{
    if (codec == M_FP16) {
        w[0] = m_half((uint16_t)word);
        w[1] = m_half((uint16_t)(word >> 16));
    } else if (codec == M_INT4) {
        int64_t scale = m_half((uint16_t)(b % 8 < 4 ? side : side >> 16));
        for (int c = 0; c < 8; c++)
            w[c] = m_s4(word >> 4 * c) * scale;
    } else {
        int p_n = codec == M_SEEDLM4 ? 3 : 4, q[4];
        for (int p = 0; p < 3; p++)
            q[p] = m_s4(word >> (20 + 4 * p));
        q[3] = m_s4(side >> 4 * (b % 8));
        uint16_t s = (uint16_t)word;
        for (int c = 0; c < m_block(codec); c++) {
            int64_t v = 0;
            for (int p = 0; p < p_n; p++) {
                s = m_step(s);
                v += (int64_t)q[p] * ((int64_t)s - 32768);
            }
            w[c] = v * ((int64_t)1 << (word >> 16 & 15));
        }
    }
}

static inline size_t m_words(int codec, size_t cols)
{
    return (cols + (size_t)m_block(codec) - 1) / (size_t)m_block(codec);
}
static inline size_t m_sides(int codec, size_t cols)
{
    return m_has_side(codec) ? (m_words(codec, cols) + 7) / 8 : 0;
}
static inline size_t m_act_elems(int codec, size_t cols)
{
    size_t slots = (cols + (size_t)m_act_block(codec) - 1) / (size_t)m_act_block(codec);
    return (slots * (size_t)m_act_stride(codec) + 31) / 32 * 32;
}

/* xorshift64*: the benches' random numbers, the same on every run. */
typedef struct {
    uint64_t s;
} m_rng;
static inline uint32_t m_rand(m_rng *r)
{
    r->s ^= r->s >> 12;
    r->s ^= r->s << 25;
    r->s ^= r->s >> 27;
    return (uint32_t)(r->s * 0x2545F4914F6CDD1Du >> 32);
}
static inline uint32_t m_below(m_rng *r, uint32_t n)
{
    return (uint32_t)((uint64_t)m_rand(r) * n >> 32);
}

#endif
