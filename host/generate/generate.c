/* SPDX-License-Identifier: Apache-2.0 */
#include "seedbed/generate.h"

#include <stdlib.h>

static bool is_end(const sb_model_config *c, uint32_t token)
{
    for (int i = 0; i < c->n_eos; i++)
        if (c->eos_ids[i] == (int)token)
            return true;
    return false;
}

sb_status sb_generate(sb_session *s, const uint32_t *prompt, int n_prompt, const sb_generate_options *opt,
                      sb_sampler *sampler, sb_token_fn fn, void *ctx, sb_error *err)
{
    const sb_model_config *c = sb_session_config(s);
    int room = sb_session_context(s) - sb_session_position(s);
    if (n_prompt < 1 || n_prompt > room)
        return sb_fail(err, SB_ERR_ARG, "a prompt of %d tokens: the context has room for %d", n_prompt, room);
    /* Greedy: the device chooses, and the logits stay there unless the caller wants them. */
    bool greedy = sb_sampler_is_greedy(sampler);
    float *logits = NULL;
    if ((!greedy || opt->logits) && !(logits = malloc((size_t)c->vocab * sizeof *logits)))
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    sb_status st = SB_OK;
    for (int i = 0; i < n_prompt && !st; i += SB_SESSION_MAX_BATCH) {
        int m = n_prompt - i < SB_SESSION_MAX_BATCH ? n_prompt - i : SB_SESSION_MAX_BATCH;
        st = sb_session_eval(s, prompt + i, m, false, logits, err);
        if (!st && opt->progress && !opt->progress(opt->progress_ctx, (size_t)(i + m), (size_t)n_prompt))
            st = sb_fail(err, SB_ERR_INTERRUPTED, "interrupted after %d of %d tokens of the prompt", i + m, n_prompt);
    }
    for (int i = 0; i < opt->n && !st; i++) {
        uint32_t token = 0;
        if (greedy)
            st = sb_session_argmax(s, &token, err);
        else
            token = sb_sampler_next(sampler, logits);
        if (st)
            break;
        if ((!opt->ignore_end && is_end(c, token)) || !fn(ctx, token, logits) || i + 1 == opt->n ||
            sb_session_position(s) == sb_session_context(s))
            break;
        st = sb_session_eval(s, &token, 1, false, logits, err);
    }
    free(logits);
    return st;
}
