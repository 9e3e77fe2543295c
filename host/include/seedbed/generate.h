/* SPDX-License-Identifier: Apache-2.0
 * What one does with a session: generate text, measure perplexity, compare a device with cpu command by command. */
#ifndef SEEDBED_GENERATE_H
#define SEEDBED_GENERATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seedbed/session.h"

/* ---- sampling ---- */

typedef struct {
    float temperature; /* 0: greedy, the lowest id wins a tie */
    float top_p;       /* 0 < top_p <= 1; 1: all */
    uint64_t seed;
} sb_sampler_options;

typedef struct sb_sampler sb_sampler;
sb_status sb_sampler_new(int vocab, const sb_sampler_options *opt, sb_sampler **out, sb_error *err);
void sb_sampler_free(sb_sampler *s);
/* Temperature 0: the likeliest token, which a device's ARGMAX gives too. */
bool sb_sampler_is_greedy(const sb_sampler *s);
/* logits (vocab,) are not changed. The same seed and logits give the same tokens on every machine with the same libm.
 */
uint32_t sb_sampler_next(sb_sampler *s, const float *logits);

/* ---- generation ---- */

/* Called with each new token, in order; return false to stop. logits (vocab,) it was drawn from; NULL where the device
 * chose it and they were not asked for. */
typedef bool (*sb_token_fn)(void *ctx, uint32_t token, const float *logits);

typedef struct {
    int n;                   /* at most so many new tokens */
    bool ignore_end;         /* do not stop at an end token of the model */
    bool logits;             /* give them to the function in greedy generation too */
    sb_progress_fn progress; /* of the prompt's tokens; false stops (SB_ERR_INTERRUPTED); may be NULL */
    void *progress_ctx;
} sb_generate_options;

/* Evaluates the prompt (n_prompt >= 1 ids), then draws tokens until n, an end token, or the context's end. Logits that
 * are not finite are SB_ERR_DEVICE (ARGMAX, error 7): no token could be drawn from them. */
sb_status sb_generate(sb_session *s, const uint32_t *prompt, int n_prompt, const sb_generate_options *opt,
                      sb_sampler *sampler, sb_token_fn fn, void *ctx, sb_error *err);

/* ---- perplexity ---- */

typedef struct {
    double nll; /* sum of -ln p over the predicted tokens */
    size_t tokens;
    double perplexity; /* exp(nll / tokens) */
} sb_perplexity;

/* Non-overlapping windows of `context` tokens: each starts with bos (if >= 0) and predicts every following token of its
 * part of the text. max_tokens 0: all. */
sb_status sb_perplexity_measure(sb_session *s, const uint32_t *ids, size_t n, int64_t bos, size_t max_tokens,
                                sb_progress_fn progress, void *progress_ctx, sb_perplexity *out, sb_error *err);

/* ---- verify ---- */

typedef struct {
    uint64_t commands, values; /* compared */
    uint64_t differing_commands, differing_values, differing_bits;
    bool found;      /* the first difference: */
    size_t step;     /* token */
    char where[224]; /* layer and tensor */
    const char *op;
    size_t vector, row;
    int64_t expected, got; /* bits of the value, sign-extended */
    unsigned value_bytes;
} sb_verify_result;

/* Feeds tokens one at a time to both sessions (the same model on a reference device and on the one under test), runs
 * every command on both, and compares what it wrote. After a difference the reference's bytes are copied over, so that
 * each command is judged by itself. */
sb_status sb_verify(sb_session *expected, sb_session *got, const uint32_t *tokens, int n, sb_progress_fn progress,
                    void *progress_ctx, sb_verify_result *out, sb_error *err);

#endif
