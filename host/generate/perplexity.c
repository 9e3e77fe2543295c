/* SPDX-License-Identifier: Apache-2.0
 * Perplexity over a text, the measure of "is it good?" (docs/numerics.md). */
#include <math.h>
#include <stdlib.h>

#include "seedbed/generate.h"

/* -ln softmax(logits)[target], in double. */
static double token_nll(const float *logits, int vocab, uint32_t target)
{
    double m = logits[0], sum = 0;
    for (int i = 1; i < vocab; i++)
        m = logits[i] > m ? (double)logits[i] : m;
    for (int i = 0; i < vocab; i++)
        sum += exp((double)logits[i] - m);
    return m + log(sum) - (double)logits[target];
}

typedef struct {
    sb_progress_fn fn; /* may be NULL */
    void *ctx;
    size_t done, total; /* tokens of the text, before the window */
} reporter;

/* One window: input[0..n) predicts input[1..n]. */
static sb_status window(sb_session *s, const uint32_t *input, size_t n, float *logits, const reporter *r,
                        sb_perplexity *out, sb_error *err)
{
    int vocab = sb_session_config(s)->vocab;
    sb_session_rewind(s, 0);
    for (size_t i = 0; i < n; i += SB_SESSION_MAX_BATCH) {
        int m = n - i < SB_SESSION_MAX_BATCH ? (int)(n - i) : SB_SESSION_MAX_BATCH;
        sb_status st = sb_session_eval(s, input + i, m, true, logits, err);
        if (st)
            return st;
        for (int j = 0; j < m; j++) {
            double nll = token_nll(logits + (size_t)j * (size_t)vocab, vocab, input[i + (size_t)j + 1]);
            if (!isfinite(nll))
                return sb_fail(err, SB_ERR_DEVICE, "perplexity: the logits after %zu tokens are not finite",
                               i + (size_t)j + 1);
            out->nll += nll;
            out->tokens++;
        }
        size_t done = r->done + i + (size_t)m;
        if (r->fn && !r->fn(r->ctx, done, r->total))
            return sb_fail(err, SB_ERR_INTERRUPTED, "perplexity: interrupted after %zu of %zu tokens", done, r->total);
    }
    return SB_OK;
}

sb_status sb_perplexity_measure(sb_session *s, const uint32_t *ids, size_t n, int64_t bos, size_t max_tokens,
                                sb_progress_fn progress, void *progress_ctx, sb_perplexity *out, sb_error *err)
{
    size_t context = (size_t)sb_session_context(s), vocab = (size_t)sb_session_config(s)->vocab;
    /* Without a BOS the first token of a window has nothing before it and is not predicted. */
    size_t lead = bos >= 0 ? 1 : 0, step = bos >= 0 ? context : context + 1;
    *out = (sb_perplexity){0};
    if (max_tokens && max_tokens < n)
        n = max_tokens;
    if (n + lead < 2)
        return sb_fail(err, SB_ERR_ARG, "perplexity: the text has no token to predict");
    float *logits = malloc(SB_SESSION_MAX_BATCH * vocab * sizeof *logits);
    uint32_t *input = malloc((context + 2) * sizeof *input);
    sb_status st = logits && input ? SB_OK : sb_fail(err, SB_ERR_NOMEM, "out of memory");
    for (size_t at = 0; at < n && !st; at += step) {
        size_t m = n - at < step ? n - at : step;
        if (lead)
            input[0] = (uint32_t)bos;
        for (size_t i = 0; i < m; i++)
            input[lead + i] = ids[at + i];
        if (lead + m >= 2)
            st = window(s, input, lead + m - 1, logits, &(reporter){progress, progress_ctx, at, n}, out, err);
    }
    out->perplexity = exp(out->nll / (double)(out->tokens ? out->tokens : 1));
    free(logits);
    free(input);
    return st;
}
