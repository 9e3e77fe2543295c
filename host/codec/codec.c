/* SPDX-License-Identifier: Apache-2.0
 * The table of codecs, the row decoders, and what all encoders share. */
#include "codec/codec_internal.h"

#include <math.h>
#include <omp.h>
#include <string.h>

static const sb_codec *const codec_table[SB_CODEC_COUNT] = {
    [SB_CODEC_FP16] = &sb_codec_fp16,
    [SB_CODEC_INT4] = &sb_codec_int4,
    [SB_CODEC_SEEDLM4] = &sb_codec_seedlm4,
    [SB_CODEC_SEEDLM3] = &sb_codec_seedlm3,
};

#define MAX_BLOCK 16 /* the largest `block` of the table; the row decoders keep one block on the stack */

const sb_codec *sb_codec_by_id(int id)
{
    return id >= 0 && id < SB_CODEC_COUNT ? codec_table[id] : NULL;
}

const sb_codec *sb_codec_by_name(const char *name)
{
    for (int i = 0; name && i < SB_CODEC_COUNT; i++)
        if (strcmp(codec_table[i]->name, name) == 0)
            return codec_table[i];
    return NULL;
}

void sb_codec_decode_row_int(const sb_codec *c, const uint32_t *row, size_t cols, int64_t *out)
{
    size_t block = (size_t)c->block;
    size_t main_words = sb_codec_main_words(c, cols);
    int64_t w[MAX_BLOCK];
    for (size_t b = 0; b < main_words; b++) {
        c->decode_word(row[b], c->has_side ? row[main_words + b / 8] : 0, b, w);
        size_t n = cols - b * block < block ? cols - b * block : block;
        memcpy(out + b * block, w, n * sizeof *out);
    }
}

void sb_codec_decode_row_f32(const sb_codec *c, const uint32_t *row, size_t cols, int scale_exp, float *out)
{
    size_t block = (size_t)c->block;
    size_t main_words = sb_codec_main_words(c, cols);
    double unit = ldexp((double)c->unit, c->unit_exp + scale_exp);
    int64_t w[MAX_BLOCK];
    for (size_t b = 0; b < main_words; b++) {
        c->decode_word(row[b], c->has_side ? row[main_words + b / 8] : 0, b, w);
        for (size_t i = 0; i < block && b * block + i < cols; i++)
            out[b * block + i] = (float)((double)w[i] * unit);
    }
}

sb_status sb_codec_check_encode(const sb_codec *c, size_t rows, size_t cols, int scale_exp,
                                const sb_encode_options *opt, sb_error *err)
{
    if (opt->rounding != SB_ROUND_NEAREST && opt->rounding != SB_ROUND_SEARCH)
        return sb_fail(err, SB_ERR_ARG, "codec %s: rounding %d, expected 0 (nearest) or 1 (search)", c->name,
                       (int)opt->rounding);
    if (scale_exp < -SB_SCALE_EXP_MAX || scale_exp > SB_SCALE_EXP_MAX)
        return sb_fail(err, SB_ERR_ARG, "codec %s: scale_exp %d, expected %d..%d", c->name, scale_exp,
                       -SB_SCALE_EXP_MAX, SB_SCALE_EXP_MAX);
    if (cols > 0 && rows > SIZE_MAX / 8 / cols)
        return sb_fail(err, SB_ERR_ARG, "codec %s: a matrix of %zu x %zu weights is too large", c->name, rows, cols);
    return SB_OK;
}

sb_status sb_codec_run(const sb_codec *c, size_t n, size_t chunk, const sb_encode_options *opt, sb_part_fn fn,
                       void *ctx, sb_error *err)
{
    int threads = opt->threads > 0 ? opt->threads : omp_get_max_threads();
    size_t step = chunk * (size_t)threads;
    for (size_t first = 0; first < n; first += step) {
        size_t last = n - first < step ? n : first + step;
#pragma omp parallel for schedule(dynamic) num_threads(threads)
        for (size_t i = first; i < last; i++)
            fn(ctx, i);
        if (opt->progress && !opt->progress(opt->progress_ctx, last, n))
            return sb_fail(err, SB_ERR_INTERRUPTED, "codec %s: encoding interrupted after %zu of %zu parts", c->name,
                           last, n);
    }
    return SB_OK;
}

int sb_codec_exp_below_one(double amax)
{
    int e = 0;
    (void)frexp(amax, &e);
    return e;
}

int sb_codec_scale_exp_by_max(const float *w, size_t n)
{
    float amax = 0;
    for (size_t i = 0; i < n; i++)
        amax = fmaxf(amax, fabsf(w[i]));
    if (amax == 0 || (amax >= 0x1p-8f && amax <= 0x1p15f))
        return 0;
    return sb_codec_exp_below_one(amax);
}
