/* SPDX-License-Identifier: Apache-2.0
 * Random attention jobs, shared by the unit test and the bench of the core. */
#ifndef SEEDBED_TESTS_ATTENTION_CASE_H
#define SEEDBED_TESTS_ATTENTION_CASE_H

#include <stdlib.h>
#include <string.h>

#include "device/attention_exact.h"

static uint64_t case_rng = 88172645463325252u;
static inline uint32_t case_rnd(void)
{
    case_rng ^= case_rng << 13;
    case_rng ^= case_rng >> 7;
    case_rng ^= case_rng << 17;
    return (uint32_t)(case_rng >> 16);
}
static inline uint32_t case_below(uint32_t n)
{
    return case_rnd() % n;
}

typedef struct {
    sb_attn a;
    uint8_t *queries, *kv;
    uint64_t *mask;
    size_t rows, dst_bytes, prob_bytes;
} attn_case;

/* Fills queries, cache and mask of the job in c->a (shape and flags are set). wild: extreme values, exponents and
 * biases. */
static inline void attn_case_fill(attn_case *c, bool wild)
{
    sb_attn *a = &c->a;
    bool kv8 = a->flags & SB_ATTN_KV8;
    size_t hd = a->head_dim, rb = sb_attn_kv_row(hd, kv8), qb = sb_attn_query_bytes(hd);
    c->rows = (size_t)a->batch * a->heads;
    c->dst_bytes = c->rows * sb_attn_row_bytes(hd);
    c->prob_bytes = a->flags & SB_ATTN_EXPORT ? a->heads * sb_attn_prob_stride(a->keys) * 4 : 0;
    c->queries = aligned_alloc(64, c->rows * qb);
    memset(c->queries, 0, c->rows * qb);
    size_t region = sb_attn_kv_bytes(hd, kv8, a->capacity), group = a->heads / a->kv_heads;
    c->kv = aligned_alloc(64, a->kv_heads * region);
    memset(c->kv, 0, a->kv_heads * region);
    int spread = wild ? 24 : 3, level = wild ? (int)case_below(40) - 20 : 0, top = kv8 ? 6 : 14;
    uint32_t first = a->keys > a->batch ? a->keys - a->batch : 0;
    for (size_t r = 0; r < c->rows; r++) {
        sb_attn_constants t = sb_attn_constants_make(hd, -(double)case_below(wild ? 60 : 8),
                                                     case_below(2) ? 1.0 / (1 << case_below(9)) : 0);
        int kq = 13 + (int)case_below(3);
        sb_attn_header h = {.pos = (int32_t)(first + r / group % a->batch),
                            .shift = kq - t.scale_exp - 16,
                            .v_exp = top - level - (int)case_below(2),
                            .bias = t.bias,
                            .slope = t.slope,
                            .scale = t.scale};
        if (wild && !case_below(4))
            h.shift += (int)case_below(60) - 30;
        memcpy(c->queries + r * qb, &h, sizeof h);
        int16_t *q = (int16_t *)(c->queries + r * qb + sizeof h);
        for (size_t i = 0; i < hd; i++)
            q[i] =
                (int16_t)(wild && !case_below(3) ? (case_below(2) ? 32767 : -32767) : (int)case_below(65535) - 32767);
    }
    for (size_t g = 0; g < a->kv_heads; g++) {
        uint8_t *k = c->kv + g * region;
        int8_t *exps = (int8_t *)(k + 2 * a->capacity * rb);
        for (size_t j = 0; j < a->capacity; j++) { /* keys past the end hold data too: they must not count */
            for (int which = 0; which < 2; which++) {
                for (size_t i = 0; i < hd; i++) {
                    int16_t v = (int16_t)(wild && !case_below(3) ? (case_below(2) ? 32767 : -32767)
                                                                 : (int)case_below(65535) - 32767);
                    size_t o = i * (kv8 ? 1 : 2);
                    uint8_t *at =
                        which ? k + a->capacity * rb + sb_attn_v_line(rb, j, o / 64) + o % 64 : k + j * rb + o;
                    if (kv8)
                        *at = (uint8_t)(v >= 32512 ? 127 : v / 256);
                    else
                        memcpy(at, &v, 2);
                }
                int e =
                    top - (which ? level : 0) + (int)case_below((uint32_t)spread) - (which && !wild ? 0 : spread / 2);
                exps[j / 64 * 128 + (size_t)which * 64 + j % 64] = (int8_t)(e > 96 ? 96 : e < -96 ? -96 : e);
            }
        }
    }
    a->queries = c->queries;
    a->kv = c->kv;
    if (a->flags & SB_ATTN_BITMAP) {
        size_t n = (a->keys + 63) / 64 * sb_attn_mask_tokens(a->batch);
        c->mask = aligned_alloc(64, (n * 8 + 63) / 64 * 64);
        uint32_t density = case_below(4);
        for (size_t i = 0; i < n; i++) {
            uint64_t w = (uint64_t)case_rnd() << 32 | case_rnd();
            c->mask[i] = density == 0   ? 0
                         : density == 1 ? w & ((uint64_t)case_rnd() << 32 | case_rnd()) & (w >> 7)
                         : density == 2 ? w
                                        : ~0ull;
        }
        a->mask = c->mask;
    }
}

static inline void attn_case_free(attn_case *c)
{
    free(c->queries);
    free(c->kv);
    free(c->mask);
    *c = (attn_case){0};
}

static uint32_t case_kv_heads = 3; /* random shapes have so many KV heads at most */

/* A random shape within the limits given. */
static inline void attn_case_random(attn_case *c, uint32_t max_keys, uint32_t max_batch, const uint32_t *dims,
                                    uint32_t n_dims)
{
    static const uint32_t groups[] = {1, 1, 2, 3, 4, 8};
    *c = (attn_case){0};
    sb_attn *a = &c->a;
    a->flags = case_rnd() & SB_ATTN_FLAGS;
    a->kv_heads = 1 + case_below(case_kv_heads);
    a->heads = a->kv_heads * groups[case_below(6)];
    a->head_dim = dims[case_below(n_dims)];
    a->batch = 1 + case_below(max_batch);
    a->keys = 1 + case_below(max_keys);
    a->capacity = (a->keys + case_below(100) + 63) / 64 * 64;
    a->window = case_below(3) ? 0 : 1 + case_below(a->keys + 10);
    attn_case_fill(c, !case_below(3));
}

#endif
