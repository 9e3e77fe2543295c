/* SPDX-License-Identifier: Apache-2.0
 * The commands around exact attention (docs/numerics.md, section 6): quantising queries, keys and values; the attention
 * itself; and back to binary32. */
#include <math.h>
#include <string.h>

#include "device/attention_exact.h"
#include "device/device_internal.h"
#include "device/vector_math.h"

/* 6.1: a vector of zeros takes the largest exponent. */
static int exponent(uint32_t largest, int top)
{
    return largest ? sb_quantize_exponent(largest, top) : 96;
}

/* One K or V row of rb bytes, a line of 64 bytes at a time, `apart` bytes from line to line; zeros behind the last
 * number. */
static void store_row(const float *x, size_t hd, int k, bool kv8, size_t rb, uint8_t *to, size_t apart)
{
    size_t per = kv8 ? 64 : 32; /* numbers of a line */
    for (size_t l = 0; l < rb / 64; l++, to += apart) {
        int16_t q[64] = {0};
        size_t n = hd - l * per < per ? hd - l * per : per;
        sb_quantize_vector(x + l * per, n, k, kv8 ? 127 : 32767, q);
        if (!kv8)
            memcpy(to, q, 64);
        else
            for (size_t i = 0; i < 64; i++)
                to[i] = (uint8_t)q[i];
    }
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
                uint32_t a = sb_max_magnitude(x, hd);
                if (a >= SB_F32_INFINITY)
                    return sb_fail(err, SB_ERR_DEVICE,
                                   "QUANTIZE_KV: %s %zu of head %zu, token %zu is not finite (error %d)",
                                   which ? "value" : "key", sb_first_not_finite(x, hd), h, j, SB_ERROR_NOT_FINITE);
                int k = exponent(a, kv8 ? 6 : 14);
                store_row(x, hd, k, kv8, rb, which ? base + capacity * rb + sb_attn_v_line(rb, j, 0) : base + j * rb,
                          which ? 4096 : 64);
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
    const sb_query_params *par = sb_ptr(dev, c->aux);
    const sb_attn_header *of_head = (const void *)(par + 1); /* (heads,) */
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
                uint8_t *record =
                    (uint8_t *)sb_ptr(dev, c->dst) + ((g * c->batch + v) * group + i) * sb_attn_query_bytes(hd);
                uint32_t a = sb_max_magnitude(x, hd);
                if (a >= SB_F32_INFINITY)
                    return sb_fail(err, SB_ERR_DEVICE,
                                   "QUANTIZE_Q: query %zu of head %zu, vector %zu is not finite (error %d)",
                                   sb_first_not_finite(x, hd), head, v, SB_ERROR_NOT_FINITE);
                int k = exponent(a, 14);
                sb_attn_header h = of_head[head];
                h.pos = (int32_t)pos;
                h.shift = (int32_t)((uint32_t)h.shift + (uint32_t)k);
                h.v_exp = v_exp;
                memset(record, 0, sb_attn_query_bytes(hd));
                memcpy(record, &h, sizeof h);
                sb_quantize_vector(x, hd, k, 32767, (int16_t *)(void *)(record + sizeof h));
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
    if (h.pos < 0 || h.pos >= SB_ATTN_MAX_KEYS || h.shift < -1024 || h.shift > 1024 || h.v_exp < -128 ||
        h.v_exp > 127 || h.bias < -(1 << 21) || h.bias > 1 << 21 || h.slope >= 1u << 26 || h.scale < 1u << 15 ||
        h.scale > 0xffff)
        return sb_fail(err, SB_ERR_DEVICE,
                       "ATTENTION_X: query record %zu is out of range: position %d, shift %d, V exponent %d", i, h.pos,
                       h.shift, h.v_exp);
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
    sb_attn a = {.flags = c->codec,
                 .batch = c->batch,
                 .heads = c->rows,
                 .kv_heads = c->p[3],
                 .head_dim = c->cols,
                 .keys = c->p[0],
                 .capacity = c->p[1],
                 .window = c->p[2],
                 .queries = records,
                 .kv = sb_ptr(dev, c->weights),
                 .mask = c->codec & SB_ATTN_BITMAP ? sb_ptr(dev, c->aux) : NULL,
                 .dst = dst,
                 .probs =
                     c->codec & SB_ATTN_EXPORT ? (uint32_t *)(void *)(dst + rows * sb_attn_row_bytes(c->cols)) : NULL};
    if (!sb_attention_exact(sb_attn_best(), &a, dev->opt.threads))
        return sb_fail(err, SB_ERR_NOMEM, "ATTENTION_X: out of memory for %u scores", c->p[0]);
    return SB_OK;
}

/* 6.5: one division a row in softmax mode, none in sigmoid mode. */
sb_status sb_attn_scale(sb_device *dev, const sb_command *c, sb_error *err)
{
    size_t hd = c->cols, kv_heads = c->p[3], group = c->rows / kv_heads;
    bool sigmoid = c->codec & SB_ATTN_SIGMOID;
    for (size_t r = 0; r < (size_t)c->batch * c->rows; r++) {
        size_t token = r / group % c->batch, head = r / (group * c->batch) * group + r % group;
        const int64_t *acc =
            (const int64_t *)(const void *)((const uint8_t *)sb_ptr(dev, c->src) + r * sb_attn_row_bytes(hd));
        const sb_attn_header *h = (const void *)((const uint8_t *)sb_ptr(dev, c->aux) + r * sb_attn_query_bytes(hd));
        float *y = (float *)sb_ptr(dev, c->dst) + (token * c->rows + head) * hd;
        int e = (int)sb_attn_clamp(h->v_exp, -128, 127);
        float factor = ldexpf(1, sigmoid ? -SB_ATTN_P_BITS - e : -e);
        uint64_t sum = (uint64_t)acc[hd];
        if (sigmoid)
            for (size_t i = 0; i < hd; i++)
                y[i] = (float)acc[i] * factor;
        else if (!sum)
            memset(y, 0, hd * sizeof *y);
        else {
            float inv = 1.0f / (float)sum;
            for (size_t i = 0; i < hd; i++)
                y[i] = (float)acc[i] * inv * factor;
        }
        size_t bad = sb_first_not_finite(y, hd);
        if (bad < hd)
            return sb_not_finite(c, "result", head * hd + bad, token, err);
    }
    return SB_OK;
}
