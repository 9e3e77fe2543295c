/* SPDX-License-Identifier: Apache-2.0
 * QUANTIZE and SCALE of the exact contract (docs/numerics.md, sections 2 and 4). */
#include <math.h>
#include <string.h>

#include "device/device_internal.h"
#include "device/vector_math.h"

sb_status sb_quantize(sb_device *dev, const sb_command *c, sb_error *err)
{
    const sb_codec *codec = sb_codec_by_id(c->codec);
    size_t elems = sb_codec_act_elems(codec, c->cols);
    size_t block = (size_t)codec->act_block, stride = (size_t)codec->act_stride;
    const float *src = sb_ptr(dev, c->src);
    int16_t *dst = sb_ptr(dev, c->dst);
    int32_t *exps = sb_ptr(dev, c->aux);

    for (size_t v = 0; v < c->batch; v++, src += c->cols, dst += elems) {
        uint32_t largest = sb_max_magnitude(src, c->cols);
        if (largest >= SB_F32_INFINITY)
            return sb_not_finite(c, "activation", sb_first_not_finite(src, c->cols), v, err);
        int k = largest ? sb_quantize_exponent(largest, 14) : 0;
        exps[v] = k;
        if (block == stride) { /* dense */
            sb_quantize_vector(src, c->cols, k, 32767, dst);
            memset(dst + c->cols, 0, (elems - c->cols) * sizeof *dst);
            continue;
        }
        memset(dst, 0, elems * sizeof *dst);
        for (size_t i = 0, slot = 0; i < c->cols; i += block, slot++)
            sb_quantize_vector(src + i, c->cols - i < block ? c->cols - i : block, k, 32767, dst + slot * stride);
    }
    return SB_OK;
}

float sb_scale_factor(const sb_codec *codec, int scale_exp, int k)
{
    /* Beyond +-4096 the result is 0 or infinite all the same; a hostile exponent must not overflow the sum. */
    k = k > 4096 ? 4096 : k < -4096 ? -4096 : k;
    return ldexpf(codec->unit, codec->unit_exp + scale_exp - k);
}

sb_status sb_scale(sb_device *dev, const sb_command *c, sb_error *err)
{
    const sb_codec *codec = sb_codec_by_id(c->codec);
    const int32_t *k = sb_ptr(dev, c->aux);
    for (size_t v = 0; v < c->batch; v++) {
        const int64_t *acc = sb_ptr(dev, c->src + v * sb_acc_stride(c->rows));
        float *y = (float *)sb_ptr(dev, c->dst) + v * c->p[1];
        float g = sb_scale_factor(codec, (int32_t)c->p[0], k[v]);
        for (size_t r = 0; r < c->rows; r++)
            y[r] = (float)acc[r] * g;
        size_t bad = sb_first_not_finite(y, c->rows);
        if (bad < c->rows)
            return sb_not_finite(c, "result", bad, v, err);
    }
    return SB_OK;
}
