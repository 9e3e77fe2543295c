/* SPDX-License-Identifier: Apache-2.0
 * int4: groups of 32 four-bit integers under one binary16 scale (the block of llama.cpp's Q4_0). */
#include <math.h>
#include <string.h>

#include "codec/codec_internal.h"

#define GROUP 32

typedef struct {
    const float *w;
    size_t cols, main_words, words_per_row;
    int scale_exp;
    sb_rounding rounding;
    uint32_t *words;
} job;

/* Nearest binary16, clamped to +-65504; zero has no sign. */
static uint16_t scale_to_half(double d)
{
    d = d > 65504 ? 65504 : d < -65504 ? -65504 : d;
    uint16_t h = sb_float_to_half((float)d);
    return h == 0x8000u ? 0 : h;
}

/* q = clamp(rne(w/scale), -8, 7); returns the squared error. */
static double quantise(const double *w, uint16_t scale, int *q)
{
    double d = (double)sb_half_to_float(scale);
    double sum = 0;
    for (int i = 0; i < GROUP; i++) {
        double r = d != 0 ? nearbyint(w[i] / d) : 0;
        r = r < -8 ? -8 : r > 7 ? 7 : r;
        double diff = w[i] - r * d;
        q[i] = (int)r;
        sum += diff * diff;
    }
    return sum;
}

/* Candidate scales: the extreme entry is put on +-(4.75 .. 9.5) steps, then the scale is refitted by least squares. */
static uint16_t search(const double *w, double extreme, uint16_t nearest, int *q)
{
    uint16_t best = nearest;
    double best_err = quantise(w, nearest, q);
    for (int i = -38; i <= 38; i++) {
        if (i > -19 && i < 19)
            continue;
        int trial[GROUP];
        uint16_t scale = scale_to_half(extreme / (0.25 * i));
        for (int pass = 0; pass < 2; pass++) {
            double err = quantise(w, scale, trial);
            if (err < best_err) {
                best_err = err;
                best = scale;
                memcpy(q, trial, sizeof trial);
            }
            double wq = 0;
            int qq = 0;
            for (int k = 0; k < GROUP; k++) {
                wq += w[k] * trial[k];
                qq += trial[k] * trial[k];
            }
            uint16_t refit = qq > 0 ? scale_to_half(wq / qq) : scale;
            if (refit == scale)
                break;
            scale = refit;
        }
    }
    return best;
}

static uint16_t encode_group(const double *w, sb_rounding rounding, int *q)
{
    double extreme = 0;
    for (int i = 0; i < GROUP; i++)
        if (fabs(w[i]) > fabs(extreme))
            extreme = w[i];
    uint16_t scale = scale_to_half(extreme / -8);
    if (rounding == SB_ROUND_SEARCH)
        return search(w, extreme, scale, q);
    quantise(w, scale, q);
    return scale;
}

static void encode_row(void *ctx, size_t r)
{
    const job *j = ctx;
    const float *w = j->w + r * j->cols;
    uint32_t *out = j->words + r * j->words_per_row;
    uint32_t *side = out + j->main_words;
    memset(out, 0, j->words_per_row * sizeof *out);
    for (size_t g = 0; g * GROUP < j->cols; g++) {
        double v[GROUP];
        int q[GROUP];
        for (size_t i = 0; i < GROUP; i++)
            v[i] = g * GROUP + i < j->cols ? ldexp((double)w[g * GROUP + i], -j->scale_exp) : 0;
        uint16_t scale = encode_group(v, j->rounding, q);
        if (scale == 0)
            continue; /* q * 0: keep the words zero */
        side[g / 2] |= (uint32_t)scale << (16 * (g % 2));
        for (size_t i = 0; i < GROUP && g * GROUP + i < j->cols; i++)
            out[g * 4 + i / 8] |= ((uint32_t)q[i] & 15u) << (4 * (i % 8));
    }
}

static sb_status encode(const float *w, size_t rows, size_t cols, int scale_exp, const sb_encode_options *opt,
                        uint32_t *words, sb_error *err)
{
    sb_status st = sb_codec_check_encode(&sb_codec_int4, rows, cols, scale_exp, opt, err);
    if (st != SB_OK)
        return st;
    job j = {w,
             cols,
             sb_codec_main_words(&sb_codec_int4, cols),
             sb_codec_row_words(&sb_codec_int4, cols),
             scale_exp,
             opt->rounding,
             words};
    return sb_codec_run(&sb_codec_int4, rows, 16, opt, encode_row, &j, err);
}

static void decode_word(uint32_t word, uint32_t side_word, size_t main_word, int64_t *w_int)
{
    int64_t scale = sb_half_to_int((uint16_t)(side_word >> (main_word % 8 < 4 ? 0 : 16)));
    for (int i = 0; i < 8; i++)
        w_int[i] = ((int64_t)((word >> (4 * i)) & 15u) ^ 8) * scale - 8 * scale; /* (n^8)-8: sign extension of 4 bits */
}

const sb_codec sb_codec_int4 = {
    .name = "int4",
    .id = SB_CODEC_INT4,
    .summary = "4-bit integers, a binary16 scale for every 32 weights, 4.5 bits a weight",
    .block = 8,
    .has_side = true,
    .bits_per_weight = 4.5,
    .act_block = 8,
    .act_stride = 8,
    .unit = 1.0f,
    .unit_exp = -24,
    .choose_scale_exp = sb_codec_scale_exp_by_max,
    .encode = encode,
    .decode_word = decode_word,
};
