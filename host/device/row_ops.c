/* SPDX-License-Identifier: Apache-2.0
 * The operations that fetch, move or choose rows and values (docs/numerics.md, section 5.4): EMBED, GATHER, SCATTER,
 * ARGMAX, TOPK. */
#include "device/device_internal.h"
#include "device/vector_math.h"

sb_status sb_nop(sb_device *dev, const sb_command *c, sb_error *err)
{
    (void)dev, (void)c, (void)err;
    return SB_OK;
}

static sb_status bad_index(const sb_command *c, uint32_t index, size_t v, sb_error *err)
{
    return sb_fail(err, SB_ERR_DEVICE, "%s: index %u of vector %zu, the table has %u rows (error %d)",
                   sb_op_name(c->op), index, v, c->rows, SB_ERROR_INDEX);
}

/* One packed row: y_i = fl32(fl32(w_int) * g). */
static void embed_row(const sb_codec *codec, const uint32_t *row, size_t cols, float g, float *y)
{
    size_t main_words = sb_codec_main_words(codec, cols), block = (size_t)codec->block;
    int64_t w[16];
    for (size_t b = 0; b < main_words; b++) {
        codec->decode_word(row[b], codec->has_side ? row[main_words + b / 8] : 0, b, w);
        size_t n = cols - b * block < block ? cols - b * block : block;
        for (size_t i = 0; i < n; i++)
            y[b * block + i] = (float)w[i] * g;
    }
}

sb_status sb_embed(sb_device *dev, const sb_command *c, sb_error *err)
{
    const uint32_t *id = sb_ptr(dev, c->src), *table = sb_ptr(dev, c->weights); /* (batch,), (rows, p2 words) */
    float *x = sb_ptr(dev, c->dst);                                             /* (batch, cols) */
    const sb_codec *codec = sb_codec_by_id(c->codec);
    float g = sb_scale_factor(codec, (int32_t)c->p[0], 0);
    for (size_t v = 0; v < c->batch; v++, x += c->cols) {
        if (id[v] >= c->rows)
            return bad_index(c, id[v], v, err);
        const uint32_t *row = table + (size_t)id[v] * c->p[2];
        if (c->p[1])
            memmove(x, row, c->cols * sizeof *x);
        else
            embed_row(codec, row, c->cols, g, x);
        size_t bad = sb_first_not_finite(x, c->cols);
        if (bad < c->cols)
            return sb_not_finite(c, "result", bad, v, err);
    }
    return SB_OK;
}

sb_status sb_gather(sb_device *dev, const sb_command *c, sb_error *err)
{
    const uint32_t *index = sb_ptr(dev, c->aux), *src = sb_ptr(dev, c->src);
    uint32_t *dst = sb_ptr(dev, c->dst);
    for (size_t v = 0; v < c->batch; v++) {
        if (index[v] >= c->rows)
            return bad_index(c, index[v], v, err);
        memmove(dst + v * c->p[1], src + (size_t)index[v] * c->p[0], c->cols * sizeof *dst);
    }
    return SB_OK;
}

sb_status sb_scatter(sb_device *dev, const sb_command *c, sb_error *err)
{
    const uint32_t *index = sb_ptr(dev, c->aux), *src = sb_ptr(dev, c->src);
    uint32_t *dst = sb_ptr(dev, c->dst);
    for (size_t v = 0; v < c->batch; v++) {
        if (index[v] >= c->rows)
            return bad_index(c, index[v], v, err);
        memmove(dst + (size_t)index[v] * c->p[1], src + v * c->p[0], c->cols * sizeof *dst);
    }
    return SB_OK;
}

/* The lowest index of the largest of n >= 1 finite values. */
static uint32_t argmax(const float *x, size_t n)
{
    float best = x[0];
    for (size_t i = 1; i < n; i++)
        best = x[i] > best ? x[i] : best;
    uint32_t at = 0;
    while (x[at] != best) /* -0 equals +0 */
        at++;
    return at;
}

sb_status sb_argmax(sb_device *dev, const sb_command *c, sb_error *err)
{
    uint32_t *out = sb_ptr(dev, c->dst);
    for (size_t v = 0; v < c->batch; v++) {
        const float *x = (const float *)sb_ptr(dev, c->src) + v * c->p[0]; /* (cols,) */
        size_t bad = sb_first_not_finite(x, c->cols);
        if (bad < c->cols)
            return sb_not_finite(c, "value", bad, v, err);
        out[v] = argmax(x, c->cols);
    }
    return SB_OK;
}

/* k insertions into a sorted list: most values stop at the first comparison. */
static void topk(const float *x, size_t n, size_t k, uint32_t *index, float *value)
{
    size_t have = 0;
    for (size_t i = 0; i < n; i++) {
        if (have == k && !(x[i] > value[k - 1]))
            continue;
        size_t at = have < k ? have++ : k - 1;
        for (; at > 0 && x[i] > value[at - 1]; at--) {
            value[at] = value[at - 1];
            index[at] = index[at - 1];
        }
        value[at] = x[i];
        index[at] = (uint32_t)i;
    }
}

sb_status sb_topk(sb_device *dev, const sb_command *c, sb_error *err)
{
    size_t stride = sb_topk_stride(c->p[1]);
    for (size_t v = 0; v < c->batch; v++) {
        const float *x = (const float *)sb_ptr(dev, c->src) + v * c->p[0]; /* (cols,) */
        size_t bad = sb_first_not_finite(x, c->cols);
        if (bad < c->cols)
            return sb_not_finite(c, "value", bad, v, err);
        topk(x, c->cols, c->p[1], (uint32_t *)sb_ptr(dev, c->dst) + v * stride,
             (float *)sb_ptr(dev, c->aux) + v * stride);
    }
    return SB_OK;
}
