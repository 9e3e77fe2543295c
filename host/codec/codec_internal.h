/* SPDX-License-Identifier: Apache-2.0
 * Shared by the codecs: descriptors, argument checks, chunked parallel encoding. */
#ifndef SEEDBED_CODEC_INTERNAL_H
#define SEEDBED_CODEC_INTERNAL_H

#include "seedbed/codec.h"

extern const sb_codec sb_codec_fp16, sb_codec_int4, sb_codec_seedlm4, sb_codec_seedlm3;

/* Beyond this the squares of scaled weights could leave the range of binary64. No tensor of floats needs more than 149.
 */
#define SB_SCALE_EXP_MAX 256

sb_status sb_codec_check_encode(const sb_codec *c, size_t rows, size_t cols, int scale_exp,
                                const sb_encode_options *opt, sb_error *err);

/* Encodes part i, for instance a row or a group of blocks. */
typedef void (*sb_part_fn)(void *ctx, size_t i);

/* Runs fn over the parts 0..n-1 on opt->threads threads; reports progress (done, n) after every `chunk` parts per
 * thread. SB_ERR_INTERRUPTED when the callback says stop. */
sb_status sb_codec_run(const sb_codec *c, size_t n, size_t chunk, const sb_encode_options *opt, sb_part_fn fn,
                       void *ctx, sb_error *err);

/* The smallest s with amax * 2^-s < 1, for amax > 0 (so the product lies in [0.5, 1)). */
int sb_codec_exp_below_one(double amax);
/* 0 if every |w| is 0 or the largest lies in [2^-8, 2^15], else the exponent that brings it into [0.5, 1). */
int sb_codec_scale_exp_by_max(const float *w, size_t n);

#endif
