/* SPDX-License-Identifier: Apache-2.0
 * QUANTIZE and SCALE of the exact contract (docs/numerics.md, sections 2 and 4). */
#include <math.h>
#include <string.h>

#include "device/device_internal.h"

static int activation_exponent(float amax)
{
    if (amax == 0)
        return 0;
    int e;
    (void)frexpf(amax, &e); /* amax = f * 2^e, f in [1/2, 1) */
    int k = 14 - (e - 1);
    return k > 96 ? 96 : k < -96 ? -96 : k;
}

sb_status sb_quantize(sb_device *dev, const sb_command *c, sb_error *err)
{
    const sb_codec *codec = sb_codec_by_id(c->codec);
    size_t elems = sb_codec_act_elems(codec, c->cols);
    size_t block = (size_t)codec->act_block, stride = (size_t)codec->act_stride;
    const float *src = sb_ptr(dev, c->src);
    int16_t *dst = sb_ptr(dev, c->dst);
    int32_t *k = sb_ptr(dev, c->aux);

    for (size_t v = 0; v < c->batch; v++, src += c->cols, dst += elems) {
        float amax = 0;
        for (size_t i = 0; i < c->cols; i++) {
            float a = fabsf(src[i]);
            if (!(a <= 3.402823466e38f))
                return sb_fail(err, SB_ERR_DEVICE, "QUANTIZE: activation %zu of vector %zu is not finite", i, v);
            amax = a > amax ? a : amax;
        }
        k[v] = activation_exponent(amax);
        /* Scaling in double is exact, so the only rounding is rint's. */
        double scale = ldexp(1, k[v]);
        memset(dst, 0, elems * sizeof *dst);
        for (size_t i = 0, slot = 0; i < c->cols; slot++) {
            size_t n = c->cols - i < block ? c->cols - i : block;
            for (size_t j = 0; j < n; j++, i++) {
                double q = rint((double)src[i] * scale);
                dst[slot * stride + j] = (int16_t)(q > 32767 ? 32767 : q < -32767 ? -32767 : q);
            }
        }
    }
    return SB_OK;
}

sb_status sb_scale(sb_device *dev, const sb_command *c, sb_error *err)
{
    (void)err;
    const sb_codec *codec = sb_codec_by_id(c->codec);
    const int32_t *k = sb_ptr(dev, c->aux);
    for (size_t v = 0; v < c->batch; v++) {
        const int64_t *acc = sb_ptr(dev, c->src + v * sb_acc_stride(c->rows));
        float *y = (float *)sb_ptr(dev, c->dst) + v * c->p[1];
        /* Beyond +-4096 the result is 0 or infinite all the same; a hostile exponent must not overflow the sum. */
        int kv = k[v] > 4096 ? 4096 : k[v] < -4096 ? -4096 : k[v];
        float g = ldexpf(codec->unit, codec->unit_exp + (int32_t)c->p[0] - kv);
        for (size_t r = 0; r < c->rows; r++)
            y[r] = (float)acc[r] * g;
    }
    return SB_OK;
}
