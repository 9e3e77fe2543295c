/* SPDX-License-Identifier: Apache-2.0
 * The definition of docs/numerics.md, section 6, in portable C: one row at a time, scores, then P, then values. */
#include "device/attention_exact.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int element(const uint8_t *row, size_t i, bool kv8)
{
    if (kv8)
        return (int8_t)row[i];
    int16_t v;
    memcpy(&v, row + 2 * i, 2);
    return v;
}

static void scores(const int16_t *q, const uint8_t *k, size_t row_bytes, size_t head_dim, bool kv8, size_t n,
                   int64_t *s)
{
    for (size_t j = 0; j < n; j++, k += row_bytes) {
        s[j] = 0;
        for (size_t i = 0; i < head_dim; i++)
            s[j] += q[i] * element(k, i, kv8);
    }
}

static void values(const uint32_t *p, const uint8_t *v, size_t row_bytes, size_t head_dim, bool kv8, size_t n,
                   int64_t *acc)
{
    for (size_t j = 0; j < n; j++, v += row_bytes)
        for (size_t i = 0; i < head_dim; i++)
            acc[i] += (int64_t)p[j] * element(v, i, kv8);
}

const sb_attn_kernel sb_attn_portable = {"portable C", scores, values};

const sb_attn_kernel *sb_attn_best(void)
{
#ifdef __AVX2__
    return &sb_attn_avx2;
#else
    return &sb_attn_portable;
#endif
}

typedef struct {
    int64_t *s;
    int32_t *y; /* INT32_MIN: masked */
    uint32_t *p;
} scratch;

/* Keys that a row can see lie in [*lo, *hi): skipping the rest changes nothing. */
static void key_range(const sb_attn *a, const sb_attn_header *h, uint32_t *lo, uint32_t *hi)
{
    uint32_t pos = (uint32_t)h->pos;
    *lo = a->first_key;
    *hi = a->keys;
    if ((a->flags & SB_ATTN_CAUSAL) && pos < *hi)
        *hi = pos + 1;
    if (a->window && pos >= a->window && pos - a->window + 1 > *lo)
        *lo = pos - a->window + 1;
    if (*lo > *hi)
        *lo = *hi;
}

static void attend(const sb_attn_kernel *fn, const sb_attn *a, size_t row, const scratch *x)
{
    size_t group = a->heads / a->kv_heads, kv_head = row / (a->batch * group), token = row / group % a->batch;
    bool kv8 = a->flags & SB_ATTN_KV8, sigmoid = a->flags & SB_ATTN_SIGMOID;
    size_t hd = a->head_dim, rb = sb_attn_kv_row(hd, kv8);
    const uint8_t *record = a->queries + row * sb_attn_query_bytes(hd);
    const uint8_t *k = a->kv + kv_head * sb_attn_kv_bytes(hd, kv8, a->capacity), *v = k + a->capacity * rb;
    const int8_t *exps = (const int8_t *)(v + a->capacity * rb); /* [block][2][64] */
    sb_attn_header h;
    memcpy(&h, record, sizeof h);
    const int16_t *q = (const int16_t *)(record + sizeof h);
    uint32_t lo, hi;
    key_range(a, &h, &lo, &hi);

    fn->scores(q, k + lo * rb, rb, hd, kv8, hi - lo, x->s);
    int32_t max = INT32_MIN;
    for (uint32_t j = lo; j < hi; j++) {
        int32_t y = INT32_MIN;
        if (sb_attn_visible(a, &h, (uint32_t)token, j))
            y = sb_attn_score(&h, x->s[j - lo], exps[j / 64 * 128 + j % 64], j);
        x->y[j - lo] = y;
        max = y > max ? y : max;
    }
    uint32_t *probs = NULL;
    if (a->probs && token + 1 == a->batch) {
        probs = a->probs + (kv_head * group + row % group) * sb_attn_prob_stride(a->keys);
        memset(probs, 0, sb_attn_prob_stride(a->keys) * sizeof *probs);
    }
    uint64_t sum = 0;
    for (uint32_t j = lo; j < hi; j++) {
        int32_t y = x->y[j - lo];
        uint32_t p = y == INT32_MIN ? 0 : sigmoid ? sb_attn_sigmoid(y) : sb_attn_exp2(y, max);
        sum += p;
        if (probs)
            probs[j] = p;
        x->p[j - lo] = p >> sb_attn_clamp((int64_t)exps[j / 64 * 128 + 64 + j % 64] - h.v_exp, 0, 31);
    }
    uint8_t *dst = a->dst + row * sb_attn_row_bytes(hd);
    memset(dst, 0, 8 * (hd + 1));
    /* A tile of V is 64 keys of one 64-byte column: it stays in the first-level cache, as it stays in a core's
     * accumulators. */
    size_t wide = kv8 ? 64 : 32;
    for (uint32_t j = lo; j < hi; j = (j / 64 + 1) * 64) {
        size_t n = (j / 64 + 1) * 64 < hi ? 64 - j % 64 : hi - j;
        for (size_t c = 0; c * wide < hd; c++)
            fn->values(x->p + (j - lo), v + sb_attn_v_line(rb, j, c), 64, hd - c * wide < wide ? hd - c * wide : wide,
                       kv8, n, (int64_t *)(void *)dst + c * wide);
    }
    if (!sigmoid)
        memcpy(dst + 8 * hd, &sum, 8);
}

bool sb_attention_exact(const sb_attn_kernel *fn, const sb_attn *a, int threads)
{
    size_t rows = (size_t)a->batch * a->heads, n = a->keys ? a->keys : 1;
    bool oom = false;
    /* Small ones are done before the threads would have started. */
    bool large = rows * n * a->head_dim > 1 << 20;
#pragma omp parallel num_threads(threads > 0 ? threads : 1) reduction(|| : oom) if (large)
    {
        scratch x = {malloc(n * sizeof *x.s), malloc(n * sizeof *x.y), malloc(n * sizeof *x.p)};
        if (!x.s || !x.y || !x.p)
            oom = true;
#pragma omp for schedule(dynamic, 1)
        for (size_t r = 0; r < rows; r++)
            if (!oom)
                attend(fn, a, r, &x);
        free(x.s);
        free(x.y);
        free(x.p);
    }
    return !oom;
}

sb_attn_constants sb_attn_constants_make(size_t head_dim, double bias, double alibi_slope)
{
    const double log2e = 1.4426950408889634;
    sb_attn_constants c;
    double m = frexp(log2e / sqrt((double)head_dim), &c.scale_exp); /* [1/2, 1) */
    long scale = lrint(m * 65536);
    if (scale == 65536) {
        scale = 32768;
        c.scale_exp++;
    }
    c.scale = (uint32_t)scale;
    double b = rint(bias * log2e * (1 << SB_ATTN_FRACTION)), s = rint(alibi_slope * log2e * (1 << 24));
    c.bias = (int32_t)(b < -(1 << 21) ? -(1 << 21) : b > 1 << 21 ? 1 << 21 : b);
    c.slope = (uint32_t)(s < 0 ? 0 : s > (1 << 26) - 1 ? (1 << 26) - 1 : s);
    return c;
}

void sb_attn_query_params(size_t heads, size_t head_dim, float bias, const float *slope, uint32_t window, void *to)
{
    sb_query_params first = {.window = window};
    memcpy(to, &first, sizeof first);
    for (size_t i = 0; i < heads; i++) {
        sb_attn_constants t = sb_attn_constants_make(head_dim, bias, slope ? slope[i] : 0);
        sb_attn_header h = {.shift = -t.scale_exp - 16, .bias = t.bias, .slope = t.slope, .scale = t.scale};
        memcpy((uint8_t *)to + sizeof first + i * sizeof h, &h, sizeof h);
    }
}

void sb_attn_mean(const uint32_t *probs, const uint64_t *sums, bool sigmoid, uint32_t heads, uint32_t keys, float *out)
{
    size_t stride = sb_attn_prob_stride(keys);
    for (uint32_t j = 0; j < keys; j++) {
        double m = 0;
        for (uint32_t h = 0; h < heads; h++) {
            double p = probs[h * stride + j];
            m += sigmoid ? p * 0x1p-24 : sums[h] ? p / (double)sums[h] : 0;
        }
        out[j] = (float)(m / heads);
    }
}
