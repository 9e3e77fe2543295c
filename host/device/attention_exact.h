/* SPDX-License-Identifier: Apache-2.0
 * Attention in exact integers (docs/numerics.md, section 6): sigmoid (arXiv 2409.04431) and softmax, 16- and 8-bit KV
 * cache, grouped queries, causal, sliding-window and bitmap masks, ALiBi. Every engine gives these bits, whatever its
 * tiles. */
#ifndef SEEDBED_ATTENTION_EXACT_H
#define SEEDBED_ATTENTION_EXACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/attention_table.h"
#include "seedbed/command.h"

enum {
    SB_ATTN_SIGMOID = 1, /* flags of an ATTENTION_X command, in its codec byte */
    SB_ATTN_KV8 = 2,
    SB_ATTN_CAUSAL = 4,
    SB_ATTN_BITMAP = 8,
    SB_ATTN_EXPORT = 16,
    SB_ATTN_FLAGS = 31
};
enum {
    SB_ATTN_BLOCK = 64,    /* keys of a block: one exponent line, one mask word */
    SB_ATTN_FRACTION = 14, /* y has the unit 2^-14 */
    SB_ATTN_Y_MAX = (1 << 21) - 1,
    SB_ATTN_P_BITS = 24, /* P has the unit 2^-24 */
    SB_ATTN_MAX_KEYS = 1 << 20,
    SB_ATTN_NO_EXP = 127 /* v_exp of a row that sees no key */
};

/* First 64 bytes of a query record; head_dim int16 follow, padded with zeros to a multiple of 64 bytes. */
typedef struct {
    int32_t pos;    /* 0..2^20-1 */
    int32_t shift;  /* kq - scale_exp - 16; the key's exponent is added */
    int32_t v_exp;  /* e_ref: V exponents count from here */
    int32_t bias;   /* unit 2^-14 of the log2 domain, |bias| <= 2^21 */
    uint32_t slope; /* ALiBi, unit 2^-24 of the log2 domain, < 2^26; 0: none */
    uint32_t scale; /* 2^15..2^16-1 */
    uint32_t zero[10];
} sb_attn_header;
_Static_assert(sizeof(sb_attn_header) == 64, "one 512-bit beat");

typedef struct {
    unsigned flags;
    uint32_t batch, heads, kv_heads, head_dim;
    uint32_t first_key, keys; /* keys first_key..keys-1 are looked at; first_key is 0 but in tests of partial sums */
    uint32_t capacity;        /* of the cache in keys, a multiple of 64 */
    uint32_t window;          /* 0: none */
    const uint8_t *queries;   /* batch * heads records, [kv_head][token][head of the group] */
    const uint8_t *kv;        /* kv_heads regions of sb_attn_kv_bytes() */
    const uint64_t *mask;     /* [key block][sb_attn_mask_tokens(batch)], or NULL */
    uint8_t *dst;             /* batch * heads rows of sb_attn_row_bytes(), in the order of the queries */
    uint32_t *probs;          /* SB_ATTN_EXPORT: [heads][sb_attn_prob_stride()], last token, else NULL */
} sb_attn;

static inline size_t sb_attn_pad(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}
/* Bytes of one K or V row. */
static inline size_t sb_attn_kv_row(size_t head_dim, bool kv8)
{
    return sb_attn_pad(head_dim * (kv8 ? 1 : 2));
}
/* Offset in V of 64-byte line c of key j: a block's values lie column of lines by column of lines, 4 KiB each. */
static inline size_t sb_attn_v_line(size_t row_bytes, size_t j, size_t c)
{
    return j / SB_ATTN_BLOCK * SB_ATTN_BLOCK * row_bytes + c * 4096 + j % SB_ATTN_BLOCK * 64;
}
/* Bytes of one KV head's region: K rows, V tiles, exponent lines (64 K exponents, then 64 V exponents a block). */
static inline size_t sb_attn_kv_bytes(size_t head_dim, bool kv8, size_t capacity)
{
    return 2 * capacity * sb_attn_kv_row(head_dim, kv8) + capacity / SB_ATTN_BLOCK * 128;
}
static inline size_t sb_attn_query_bytes(size_t head_dim)
{
    return 64 + sb_attn_pad(head_dim * 2);
}
/* head_dim int64, then the u64 sum of P (0 in sigmoid mode). */
static inline size_t sb_attn_row_bytes(size_t head_dim)
{
    return sb_attn_pad(8 * (head_dim + 1));
}
static inline size_t sb_attn_mask_tokens(size_t batch)
{
    return (batch + 7) / 8 * 8;
}
static inline size_t sb_attn_prob_stride(size_t keys)
{
    return (keys + 15) / 16 * 16;
}

static inline int64_t sb_attn_clamp(int64_t v, int64_t lo, int64_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* 6.3: the score of key j in the log2 domain, unit 2^-14. s = q.k, k_exp the key's exponent. */
static inline int32_t sb_attn_score(const sb_attn_header *h, int64_t s, int k_exp, uint32_t j)
{
    int64_t sh = sb_attn_clamp((int64_t)h->shift + k_exp + 8, 0, 63);
    int64_t t = sb_attn_clamp((s * 256) >> sh, -(1 << 23), (1 << 23) - 1);
    int64_t z = (t * (int64_t)(h->scale & 0xffff) + (1 << 17)) >> 18;
    uint64_t dist = (uint32_t)h->pos > j ? (uint32_t)h->pos - j : j - (uint32_t)h->pos;
    uint64_t a = (h->slope * dist) >> 10;
    return (int32_t)sb_attn_clamp(z + h->bias - (int64_t)(a > 1 << 22 ? 1 << 22 : a), -SB_ATTN_Y_MAX - 1,
                                  SB_ATTN_Y_MAX);
}

/* 6.4: 2^-24 * result = w_row(frac u) 2^-floor(u) for u in units of 2^-14, 0..2^22-1. */
static inline uint32_t sb_attn_decay(unsigned row, uint32_t u)
{
    uint32_t n = u >> 14, e = sb_attn_table[row * 64 + (u >> 8 & 63)];
    uint32_t mant = (e >> 10) - (((e & 1023) * (u & 255) + 128) >> 8);
    return n >= 24 ? 0 : (mant << 8) >> n;
}
static inline uint32_t sb_attn_sigmoid(int32_t y)
{
    uint32_t u = (uint32_t)(y < 0 ? -y : y), n = u >> 14, p = sb_attn_decay(n > 15 ? 15 : n, u);
    return y > 0 ? p ^ 0xffffff : p;
}
static inline uint32_t sb_attn_exp2(int32_t y, int32_t max)
{
    return sb_attn_decay(15, (uint32_t)(max - y));
}

/* 6.2 */
static inline bool sb_attn_visible(const sb_attn *a, const sb_attn_header *h, uint32_t token, uint32_t j)
{
    if (((a->flags & SB_ATTN_CAUSAL) && j > (uint32_t)h->pos) ||
        (a->window && (uint64_t)j + a->window <= (uint32_t)h->pos))
        return false;
    return !a->mask || (a->mask[j / 64 * sb_attn_mask_tokens(a->batch) + token] >> (j & 63) & 1);
}

/* The two products, as one engine does them; n keys, rows row_bytes apart. */
typedef struct {
    const char *name;
    /* s[j] = q . k_j */
    void (*scores)(const int16_t *q, const uint8_t *k, size_t row_bytes, size_t head_dim, bool kv8, size_t n,
                   int64_t *s);
    /* acc[i] += sum_j p[j] v_j[i], p < 2^24 */
    void (*values)(const uint32_t *p, const uint8_t *v, size_t row_bytes, size_t head_dim, bool kv8, size_t n,
                   int64_t *acc);
} sb_attn_kernel;

extern const sb_attn_kernel sb_attn_portable;
#ifdef __AVX2__
extern const sb_attn_kernel sb_attn_avx2;
#endif
const sb_attn_kernel *sb_attn_best(void);

/* Everything: dst, and probs if asked for. False: out of memory. */
bool sb_attention_exact(const sb_attn_kernel *fn, const sb_attn *a, int threads);

/* Bias, slope and scale of a record from real numbers: b in natural-log units (e.g. -ln n), ALiBi slope,
 * 1/sqrt(head_dim). */
typedef struct {
    int32_t bias;
    uint32_t slope, scale;
    int32_t scale_exp;
} sb_attn_constants;
sb_attn_constants sb_attn_constants_make(size_t head_dim, double bias, double alibi_slope);

/* aux of QUANTIZE_Q for `heads` heads, sb_attn_query_params_bytes(heads) of it. slope: of each head, or NULL: no ALiBi.
 */
static inline size_t sb_attn_query_params_bytes(size_t heads)
{
    return sizeof(sb_query_params) + heads * sizeof(sb_attn_header);
}
void sb_attn_query_params(size_t heads, size_t head_dim, float bias, const float *slope, uint32_t window, void *to);

/* 6.6: the head mean of exported probabilities, out[keys]; sums: the row's u64 of each head (softmax). */
void sb_attn_mean(const uint32_t *probs, const uint64_t *sums, bool sigmoid, uint32_t heads, uint32_t keys, float *out);

#endif
