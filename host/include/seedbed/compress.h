/* SPDX-License-Identifier: Apache-2.0
 * Compressing a checkpoint: Hugging Face directory in, the same layout with packed words out (docs/formats.md,
 * Checkpoints). */
#ifndef SEEDBED_COMPRESS_H
#define SEEDBED_COMPRESS_H

#include "seedbed/codec.h"

typedef struct {
    const sb_codec *codec;       /* linear layers */
    const sb_codec *embed_codec; /* embedding table and output head */
    sb_rounding rounding;
    int threads; /* 0: all */
    bool force;  /* replace an existing OUT */
    /* done and total count weights. */
    sb_progress_fn progress;
    void *progress_ctx;
} sb_compress_options;

typedef struct {
    uint64_t bytes_in, bytes_out;         /* tensor data */
    uint64_t linear_weights, linear_bits; /* the linear layers alone: bits / weights = bits per weight */
    uint64_t embed_weights, embed_bits;
    double error, energy; /* of the linear layers: sum of squared error, sum of squared weights */
    char worst[160];      /* the linear layer with the largest relative error, and that error */
    double worst_relative;
    int tensors, reused; /* reused: found finished from an interrupted run */
} sb_compress_stats;

/* Works in OUT.partial, which becomes OUT at the end. A failure removes it; an interruption (the progress callback
 * returned false) keeps the finished tensors, and the same call resumes with them. */
sb_status sb_compress(const char *in, const char *out, const sb_compress_options *opt, sb_compress_stats *stats,
                      sb_error *err);

#endif
