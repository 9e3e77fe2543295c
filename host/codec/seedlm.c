/* SPDX-License-Identifier: Apache-2.0
 * seedlm4 and seedlm3: descriptors, packing, decoding (formats.md), and the encoder's outer loop. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/codec_internal.h"
#include "codec/seedlm_internal.h"
#include "seedbed/lfsr.h"

#define UNIT 0x1.0002p-15f /* fl32(1/32767) */

typedef struct {
    const float *w;
    size_t cols, main_words, words_per_row, blocks;
    int scale_exp;
    sb_rounding rounding;
    const sb_seedlm_table *table;
    uint32_t *words; /* zero at the start */
} job;

/* Block i of the matrix, scaled; zeros past the row's end. */
static void load_block(const job *j, size_t i, double *w)
{
    size_t c = (size_t)j->table->shape.c;
    size_t first = i % j->main_words * c;
    const float *row = j->w + i / j->main_words * j->cols;
    for (size_t k = 0; k < c; k++)
        w[k] = first + k < j->cols ? ldexp((double)row[first + k], -j->scale_exp) : 0;
}

static void store_block(const job *j, size_t i, const sb_seedlm_code *k)
{
    if (k->seed == 0)
        return;
    size_t b = i % j->main_words;
    uint32_t *row = j->words + i / j->main_words * j->words_per_row;
    uint32_t word = k->seed | (uint32_t)(k->e + 8) << 16;
    for (int p = 0; p < 3; p++)
        word |= ((uint32_t)k->q[p] & 15u) << (20 + 4 * p);
    row[b] = word;
    if (j->table->shape.p == 4) { /* neighbours may belong to another thread's group */
        uint32_t q3 = ((uint32_t)k->q[3] & 15u) << (4 * (b % 8));
        uint32_t *side = &row[j->main_words + b / 8];
#pragma omp atomic
        *side |= q3;
    }
}

static void encode_group(void *ctx, size_t i)
{
    const job *j = ctx;
    size_t first = i * SB_SEEDLM_LANES;
    int n = j->blocks - first < SB_SEEDLM_LANES ? (int)(j->blocks - first) : SB_SEEDLM_LANES;
    sb_seedlm_group g;
    g.table = j->table;
    g.rounding = j->rounding;
    for (int lane = 0; lane < n; lane++)
        load_block(j, first + (size_t)lane, g.w[lane]);
#ifdef SB_SEEDLM_HAVE_AVX2
    sb_seedlm_scan(&g, n, sb_seedlm_scan_avx2);
#else
    sb_seedlm_scan(&g, n, sb_seedlm_scan_plain);
#endif
    for (int lane = 0; lane < n; lane++)
        store_block(j, first + (size_t)lane, &g.best[lane]);
}

static sb_status encode(const sb_codec *c, sb_seedlm_shape shape, const float *w, size_t rows, size_t cols,
                        int scale_exp, const sb_encode_options *opt, uint32_t *words, sb_error *err)
{
    sb_status st = sb_codec_check_encode(c, rows, cols, scale_exp, opt, err);
    if (st != SB_OK)
        return st;
    job j = {.w = w,
             .cols = cols,
             .main_words = sb_codec_main_words(c, cols),
             .words_per_row = sb_codec_row_words(c, cols),
             .scale_exp = scale_exp,
             .rounding = opt->rounding,
             .table = sb_seedlm_table_get(shape),
             .words = words};
    if (!j.table)
        return sb_fail(err, SB_ERR_NOMEM, "codec %s: no memory for the seed table", c->name);
    j.blocks = rows * j.main_words;
    memset(words, 0, rows * j.words_per_row * sizeof *words);
    size_t groups = (j.blocks + SB_SEEDLM_LANES - 1) / SB_SEEDLM_LANES;
    return sb_codec_run(c, groups, 64, opt, encode_group, &j, err);
}

static sb_status encode4(const float *w, size_t rows, size_t cols, int scale_exp, const sb_encode_options *opt,
                         uint32_t *words, sb_error *err)
{
    return encode(&sb_codec_seedlm4, (sb_seedlm_shape){8, 3}, w, rows, cols, scale_exp, opt, words, err);
}

static sb_status encode3(const float *w, size_t rows, size_t cols, int scale_exp, const sb_encode_options *opt,
                         uint32_t *words, sb_error *err)
{
    return encode(&sb_codec_seedlm3, (sb_seedlm_shape){12, 4}, w, rows, cols, scale_exp, opt, words, err);
}

static inline void decode(int c, int p, const int *q, uint32_t word, int64_t *w_int)
{
    int64_t f = (int64_t)1 << ((word >> 16) & 15u);
    uint32_t v[SB_SEEDLM_MAX_C * SB_SEEDLM_MAX_P];
    sb_lfsr_basis(SB_SEEDLM_K, word & 0xffffu, c, p, v);
    for (int r = 0; r < c; r++) {
        int64_t sum = 0;
        for (int i = 0; i < p; i++)
            sum += q[i] * ((int64_t)v[r * p + i] - 32768);
        w_int[r] = sum * f;
    }
}

static void decode4(uint32_t word, uint32_t side_word, size_t main_word, int64_t *w_int)
{
    (void)side_word, (void)main_word;
    int q[3] = {sb_seedlm_nibble(word >> 20), sb_seedlm_nibble(word >> 24), sb_seedlm_nibble(word >> 28)};
    decode(8, 3, q, word, w_int);
}

static void decode3(uint32_t word, uint32_t side_word, size_t main_word, int64_t *w_int)
{
    int q[4] = {sb_seedlm_nibble(word >> 20), sb_seedlm_nibble(word >> 24), sb_seedlm_nibble(word >> 28),
                sb_seedlm_nibble(side_word >> (4 * (main_word % 8)))};
    decode(12, 4, q, word, w_int);
}

/* rms * 2^-s in [0.5, 1); squares of floats stay far inside binary64. */
static int choose_scale_exp(const float *w, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)w[i] * (double)w[i];
    return sum > 0 ? sb_codec_exp_below_one(sqrt(sum / (double)n)) : 0;
}

const sb_codec sb_codec_seedlm4 = {
    .name = "seedlm4",
    .id = SB_CODEC_SEEDLM4,
    .summary = "SeedLM, 8 weights from a 16-bit seed, an exponent and 3 coefficients, 4 bits a weight",
    .block = 8,
    .has_side = false,
    .bits_per_weight = 4,
    .act_block = 8,
    .act_stride = 8,
    .unit = UNIT,
    .unit_exp = -8,
    .choose_scale_exp = choose_scale_exp,
    .encode = encode4,
    .decode_word = decode4,
};

const sb_codec sb_codec_seedlm3 = {
    .name = "seedlm3",
    .id = SB_CODEC_SEEDLM3,
    .summary = "SeedLM, 12 weights from a 16-bit seed, an exponent and 4 coefficients, 3 bits a weight",
    .block = 12,
    .has_side = true,
    .bits_per_weight = 3,
    .act_block = 12,
    .act_stride = 16,
    .unit = UNIT,
    .unit_exp = -8,
    .choose_scale_exp = choose_scale_exp,
    .encode = encode3,
    .decode_word = decode3,
};
