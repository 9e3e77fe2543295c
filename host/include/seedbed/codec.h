/* SPDX-License-Identifier: Apache-2.0
 * Weight codecs: one descriptor per format (docs/formats.md is the definition, to the bit). */
#ifndef SEEDBED_CODEC_H
#define SEEDBED_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seedbed/status.h"

typedef enum {
    SB_CODEC_FP16 = 0,
    SB_CODEC_INT4 = 1,
    SB_CODEC_SEEDLM4 = 2,
    SB_CODEC_SEEDLM3 = 3,
    SB_CODEC_COUNT
} sb_codec_id;
typedef enum { SB_ROUND_NEAREST = 0, SB_ROUND_SEARCH = 1 } sb_rounding;

/* Called from the calling thread only, between chunks of work, with parts of the codec's own size (rows or groups of
 * blocks); return false to stop (SB_ERR_INTERRUPTED; the words written so far are then of no use). */
typedef bool (*sb_progress_fn)(void *ctx, size_t done, size_t total);

typedef struct {
    sb_rounding rounding;
    int threads;             /* 0: all the machine has; the output does not depend on it */
    sb_progress_fn progress; /* may be NULL */
    void *progress_ctx;
} sb_encode_options;

typedef struct sb_codec {
    const char *name;
    sb_codec_id id;
    const char *summary;
    int block;              /* C: weights in a main word */
    bool has_side;          /* one 32-bit side word for every 8 main words */
    double bits_per_weight; /* nominal, without row padding */
    int act_block;          /* activations a device consumes in one slot (numerics.md section 2) */
    int act_stride;         /* elements of a slot */
    float unit;             /* w = w_int * unit * 2^unit_exp * 2^scale_exp */
    int unit_exp;
    /* The pre-scale exponent for a tensor of n finite weights. */
    int (*choose_scale_exp)(const float *w, size_t n);
    /* Encodes rows x cols weights (row-major, already finite) into rows x sb_codec_row_words() words, all written; -256
     * <= scale_exp <= 256. SB_ERR_ARG, SB_ERR_NOMEM, SB_ERR_INTERRUPTED. */
    sb_status (*encode)(const float *w, size_t rows, size_t cols, int scale_exp, const sb_encode_options *opt,
                        uint32_t *words, sb_error *err);
    /* Decodes the weights of main word `main_word` (index within its row: selects the side field) into w_int[block]. */
    void (*decode_word)(uint32_t word, uint32_t side_word, size_t main_word, int64_t *w_int);
} sb_codec;

const sb_codec *sb_codec_by_id(int id);             /* NULL if unknown */
const sb_codec *sb_codec_by_name(const char *name); /* NULL if unknown */

static inline size_t sb_codec_main_words(const sb_codec *c, size_t cols)
{
    return (cols + (size_t)c->block - 1) / (size_t)c->block;
}
static inline size_t sb_codec_side_words(const sb_codec *c, size_t cols)
{
    return c->has_side ? (sb_codec_main_words(c, cols) + 7) / 8 : 0;
}
static inline size_t sb_codec_row_words(const sb_codec *c, size_t cols)
{
    return sb_codec_main_words(c, cols) + sb_codec_side_words(c, cols);
}
/* Elements (int16) of one quantised activation vector in device memory, padded to 64 bytes. */
static inline size_t sb_codec_act_elems(const sb_codec *c, size_t cols)
{
    size_t slots = (cols + (size_t)c->act_block - 1) / (size_t)c->act_block;
    return (slots * (size_t)c->act_stride + 31) / 32 * 32;
}

/* Reference decoders of one packed row (main words, then side words): out[cols]. f32: the product w_int * (unit *
 * 2^(unit_exp + scale_exp)) in binary64, rounded to binary32. */
void sb_codec_decode_row_int(const sb_codec *c, const uint32_t *row, size_t cols, int64_t *out);
void sb_codec_decode_row_f32(const sb_codec *c, const uint32_t *row, size_t cols, int scale_exp, float *out);

/* A packed matrix in host memory: rows x sb_codec_row_words(codec, cols) words. */
typedef struct {
    const sb_codec *codec;
    size_t rows, cols;
    int scale_exp;
    const uint32_t *words;
} sb_matrix;

/* IEEE binary16: value in units of 2^-24 (formats.md: exponent 31 is one more exponent), and the standard's conversions
 * (to nearest, ties to even; infinities stay, NaNs become quiet). */
int64_t sb_half_to_int(uint16_t h);
float sb_half_to_float(uint16_t h);
uint16_t sb_float_to_half(float f);

#endif
