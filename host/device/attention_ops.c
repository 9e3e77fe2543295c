/* SPDX-License-Identifier: Apache-2.0
 * The commands around exact attention (docs/numerics.md, section 6): quantising queries, keys and values; the attention
 * itself; and back to binary32. */
#include <math.h>
#include <string.h>

#include "device/attention_exact.h"
#include "device/device_internal.h"

/* Largest magnitude, or -1 when a value is not finite (its index in *bad). */
static float largest(const float *x, size_t n, size_t *bad)
{
    float a = 0;
    for (size_t i = 0; i < n; i++) {
        float m = fabsf(x[i]);
        if (!(m <= 3.402823466e38f)) {
            *bad = i;
            return -1;
        }
        a = m > a ? m : a;
    }
    return a;
}

/* 6.1: the exponent that brings a into [2^top, 2^(top+1)); a vector of zeros takes the largest. */
static int exponent(float a, int top)
{
    if (a == 0)
        return 96;
    int e;
    (void)frexpf(a, &e);
    int k = top - (e - 1);
    return k > 96 ? 96 : k < -96 ? -96 : k;
}

static int rounded(float x, double scale, int limit)
{
    double q = rint((double)x * scale);
    return (int)(q > limit ? limit : q < -limit ? -limit : q);
}

sb_status sb_quantize_kv(sb_device *dev, const sb_command *c, sb_error *err)
{
    bool kv8 = c->codec & SB_ATTN_KV8;
    size_t hd = c->cols, rb = sb_attn_kv_row(hd, kv8), capacity = c->p[1], region = sb_attn_kv_bytes(hd, kv8, capacity);
    for (size_t v = 0; v < c->batch; v++) {
        size_t j = c->p[0] + v;
        for (size_t h = 0; h < c->rows; h++) {
            uint8_t *base = (uint8_t *)sb_ptr(dev, c->dst) + h * region;
            for (int which = 0; which < 2; which++) { /* K, V */
                const float *x = (const float *)sb_ptr(dev, which ? c->aux : c->src) + v * c->p[2] + h * hd;
                size_t bad = 0;
                float a = largest(x, hd, &bad);
                if (a < 0)
                    return sb_fail(err, SB_ERR_DEVICE, "QUANTIZE_KV: %s %zu of head %zu, token %zu is not finite",
                                   which ? "value" : "key", bad, h, j);
                int k = exponent(a, kv8 ? 6 : 14);
                double scale = ldexp(1, k);
                for (size_t l = 0; l < rb / 64; l++)
                    memset(which ? base + capacity * rb + sb_attn_v_line(rb, j, l) : base + j * rb + l * 64, 0, 64);
                for (size_t i = 0; i < hd; i++) {
                    int16_t q = (int16_t)rounded(x[i], scale, kv8 ? 127 : 32767);
                    size_t at = kv8 ? i : 2 * i;
                    uint8_t *to = which ? base + capacity * rb + sb_attn_v_line(rb, j, at / 64) + at % 64 : base + j * rb + at;
                    if (kv8)
                        *to = (uint8_t)q;
                    else
                        memcpy(to, &q, 2);
                }
                base[2 * capacity * rb + j / 64 * 128 + (size_t)which * 64 + j % 64] = (uint8_t)(int8_t)k;
            }
        }
    }
    return SB_OK;
}

/* e_ref: the least V exponent among the keys that the row can see (bitmaps are not looked at). */
static int least_v_exp(const uint8_t *region, size_t hd, bool kv8, size_t capacity, size_t lo, size_t hi)
{
    const int8_t *exps = (const int8_t *)(region + 2 * capacity * sb_attn_kv_row(hd, kv8));
    int least = SB_ATTN_NO_EXP;
    for (size_t j = lo; j < hi; j++)
        least = exps[j / 64 * 128 + 64 + j % 64] < least ? exps[j / 64 * 128 + 64 + j % 64] : least;
    return least;
}

sb_status sb_quantize_q(sb_device *dev, const sb_command *c, sb_error *err)
{
    const sb_attention_params *par = sb_ptr(dev, c->aux);
    const float *slope = (const float *)(par + 1); /* (heads,) */
    bool kv8 = c->codec & SB_ATTN_KV8, causal = c->codec & SB_ATTN_CAUSAL;
    size_t hd = c->cols, kv_heads = c->p[3], group = c->rows / kv_heads, capacity = c->p[1];
    for (size_t v = 0; v < c->batch; v++) {
        size_t pos = c->p[0] + v, last = c->p[0] + (size_t)c->batch;
        size_t hi = causal ? pos + 1 : last, lo = par->window && pos >= par->window ? pos - par->window + 1 : 0;
        for (size_t g = 0; g < kv_heads; g++) {
            const uint8_t *region = (const uint8_t *)sb_ptr(dev, c->weights) + g * sb_attn_kv_bytes(hd, kv8, capacity);
            int v_exp = least_v_exp(region, hd, kv8, capacity, lo, hi);
            for (size_t i = 0; i < group; i++) {
                size_t head = g * group + i;
                const float *x = (const float *)sb_ptr(dev, c->src) + v * c->p[2] + head * hd;
                uint8_t *record = (uint8_t *)sb_ptr(dev, c->dst) + ((g * c->batch + v) * group + i) * sb_attn_query_bytes(hd);
                size_t bad = 0;
                float a = largest(x, hd, &bad);
                if (a < 0)
                    return sb_fail(err, SB_ERR_DEVICE, "QUANTIZE_Q: query %zu of head %zu, vector %zu is not finite", bad, head, v);
                int k = exponent(a, 14);
                sb_attn_constants t = sb_attn_constants_make(hd, par->bias, par->alibi ? slope[head] : 0);
                sb_attn_header h = {.pos = (int32_t)pos, .shift = k - t.scale_exp - 16, .v_exp = v_exp, .bias = t.bias,
                                    .slope = t.slope, .scale = t.scale};
                memset(record, 0, sb_attn_query_bytes(hd));
                memcpy(record, &h, sizeof h);
                int16_t *q = (int16_t *)(record + sizeof h);
                double scale = ldexp(1, k);
                for (size_t e = 0; e < hd; e++)
                    q[e] = (int16_t)rounded(x[e], scale, 32767);
            }
        }
    }
    return SB_OK;
}

/* The numbers of a record are a host's; a list that brings others is refused, as a core is not defined for them. */
static sb_status check_record(const uint8_t *record, size_t i, sb_error *err)
{
    sb_attn_header h;
    memcpy(&h, record, sizeof h);
    if (h.pos < 0 || h.pos >= SB_ATTN_MAX_KEYS || h.shift < -1024 || h.shift > 1024 || h.v_exp < -128 || h.v_exp > 127 ||
        h.bias < -(1 << 21) || h.bias > 1 << 21 || h.slope >= 1u << 26 || h.scale < 1u << 15 || h.scale > 0xffff)
        return sb_fail(err, SB_ERR_DEVICE, "ATTENTION_X: query record %zu is out of range: position %d, shift %d, V exponent %d", i,
                       h.pos, h.shift, h.v_exp);
    return SB_OK;
}

sb_status sb_attention_x(sb_device *dev, const sb_command *c, sb_error *err)
{
    size_t rows = (size_t)c->batch * c->rows;
    const uint8_t *records = sb_ptr(dev, c->src);
    for (size_t i = 0; i < rows; i++) {
        sb_status st = check_record(records + i * sb_attn_query_bytes(c->cols), i, err);
        if (st)
            return st;
    }
    uint8_t *dst = sb_ptr(dev, c->dst);
    sb_attn a = {.flags = c->codec, .batch = c->batch, .heads = c->rows, .kv_heads = c->p[3], .head_dim = c->cols,
                 .keys = c->p[0], .capacity = c->p[1], .window = c->p[2], .queries = records, .kv = sb_ptr(dev, c->weights),
                 .mask = c->codec & SB_ATTN_BITMAP ? sb_ptr(dev, c->aux) : NULL, .dst = dst,
                 .probs = c->codec & SB_ATTN_EXPORT ? (uint32_t *)(void *)(dst + rows * sb_attn_row_bytes(c->cols)) : NULL};
    if (!sb_attention_exact(sb_attn_best(), &a, dev->opt.threads))
        return sb_fail(err, SB_ERR_NOMEM, "ATTENTION_X: out of memory for %u scores", c->p[0]);
    return SB_OK;
}

/* 6.5: one division a value in softmax mode, none in sigmoid mode. */
sb_status sb_attn_scale(sb_device *dev, const sb_command *c, sb_error *err)
{
    (void)err;
    size_t hd = c->cols, kv_heads = c->p[3], group = c->rows / kv_heads;
    for (size_t r = 0; r < (size_t)c->batch * c->rows; r++) {
        size_t token = r / group % c->batch, head = r / (group * c->batch) * group + r % group;
        const int64_t *acc = (const int64_t *)(const void *)((const uint8_t *)sb_ptr(dev, c->src) + r * sb_attn_row_bytes(hd));
        const sb_attn_header *h = (const void *)((const uint8_t *)sb_ptr(dev, c->aux) + r * sb_attn_query_bytes(hd));
        float *y = (float *)sb_ptr(dev, c->dst) + (token * c->rows + head) * hd;
        int e = (int)sb_attn_clamp(h->v_exp, -128, 127);
        uint64_t sum = (uint64_t)acc[hd];
        for (size_t i = 0; i < hd; i++) {
            if (c->codec & SB_ATTN_SIGMOID)
                y[i] = (float)acc[i] * ldexpf(1, -SB_ATTN_P_BITS - e);
            else
                y[i] = sum ? (float)acc[i] / (float)sum * ldexpf(1, -e) : 0;
        }
    }
    return SB_OK;
}
