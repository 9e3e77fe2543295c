/* SPDX-License-Identifier: Apache-2.0
 * fp16: two binary16 in a word. */
#include <math.h>

#include "codec/codec_internal.h"

typedef struct {
    const float *w;
    size_t cols, words_per_row;
    int scale_exp;
    uint32_t *words;
} job;

/* Exact scaling: what ldexpf rounds (below 2^-126) is far below half the smallest binary16. */
static uint32_t to_half(float w, int scale_exp)
{
    uint32_t h = sb_float_to_half(ldexpf(w, -scale_exp));
    return (h & 0x7c00u) == 0x7c00u ? (h & 0x8000u) | 0x7bffu : h;
}

static void encode_row(void *ctx, size_t r)
{
    const job *j = ctx;
    const float *w = j->w + r * j->cols;
    uint32_t *out = j->words + r * j->words_per_row;
    for (size_t b = 0; b < j->words_per_row; b++) {
        uint32_t hi = 2 * b + 1 < j->cols ? to_half(w[2 * b + 1], j->scale_exp) : 0;
        out[b] = to_half(w[2 * b], j->scale_exp) | (hi << 16);
    }
}

static sb_status encode(const float *w, size_t rows, size_t cols, int scale_exp, const sb_encode_options *opt,
                        uint32_t *words, sb_error *err)
{
    sb_status st = sb_codec_check_encode(&sb_codec_fp16, rows, cols, scale_exp, opt, err);
    if (st != SB_OK)
        return st;
    job j = {w, cols, sb_codec_row_words(&sb_codec_fp16, cols), scale_exp, words};
    return sb_codec_run(&sb_codec_fp16, rows, 64, opt, encode_row, &j, err);
}

static void decode_word(uint32_t word, uint32_t side_word, size_t main_word, int64_t *w_int)
{
    (void)side_word, (void)main_word;
    w_int[0] = sb_half_to_int((uint16_t)word);
    w_int[1] = sb_half_to_int((uint16_t)(word >> 16));
}

const sb_codec sb_codec_fp16 = {
    .name = "fp16",
    .id = SB_CODEC_FP16,
    .summary = "IEEE binary16, 16 bits a weight",
    .block = 2,
    .has_side = false,
    .bits_per_weight = 16,
    .act_block = 8,
    .act_stride = 8,
    .unit = 1.0f,
    .unit_exp = -24,
    .choose_scale_exp = sb_codec_scale_exp_by_max,
    .encode = encode,
    .decode_word = decode_word,
};
