/* SPDX-License-Identifier: Apache-2.0
 * A model on a device as one uses it: tokens in, logits or a token out. */
#include "graph/session_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

sb_status sb_session_open(const sb_model *m, sb_device *dev, int context, sb_session **out, sb_error *err)
{
    return sb_session_open_with(m, dev, context, NULL, out, err);
}

sb_status sb_session_open_with(const sb_model *m, sb_device *dev, int context, const sb_session_options *opt,
                               sb_session **out, sb_error *err)
{
    *out = NULL;
    if (context < 1 || context > m->cfg.max_context)
        return sb_fail(err, SB_ERR_ARG, "context of %d tokens: the model allows 1 to %d", context, m->cfg.max_context);
    sb_session *s = calloc(1, sizeof *s);
    if (!s)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    int kv_bits = opt && opt->kv_bits ? opt->kv_bits : 16;
    sb_status st = sb_place_model(m, dev, context, SB_SESSION_MAX_BATCH, kv_bits, &s->placed, err);
    if (st) {
        sb_session_close(s);
        return st;
    }
    *out = s;
    return SB_OK;
}

void sb_session_close(sb_session *s)
{
    if (!s)
        return;
    sb_placed_model_free(&s->placed);
    free(s);
}

int sb_session_position(const sb_session *s)
{
    return s->placed.position;
}
int sb_session_context(const sb_session *s)
{
    return s->placed.context;
}
sb_device *sb_session_device(sb_session *s)
{
    return s->placed.dev;
}
const sb_model_config *sb_session_config(const sb_session *s)
{
    return &s->placed.model->cfg;
}

void sb_session_rewind(sb_session *s, int pos)
{
    if (pos >= 0 && pos < s->placed.position)
        s->placed.position = pos;
}

/* The cosines and sines of the step's positions, once for all layers and heads. */
static sb_status write_rope(sb_placed_model *pm, int n, sb_error *err)
{
    size_t hd = (size_t)pm->model->cfg.head_dim, half = hd / 2, stride = sb_align_f32(hd);
    sb_status st = SB_OK;
    for (int t = 0; t < n && !st; t++) {
        for (size_t i = 0; i < half; i++) {
            double angle = (double)(pm->position + t) * (double)pm->rope_freq[i];
            pm->rope_row[i] = (float)cos(angle);
            pm->rope_row[half + i] = (float)sin(angle);
        }
        st = sb_device_write(pm->dev, pm->rope + 4 * stride * (size_t)t, pm->rope_row, hd * 4, err);
    }
    return st;
}

sb_status sb_session_build(sb_session *s, const uint32_t *tokens, int n, bool all_logits, uint64_t *list,
                           uint32_t *count, sb_error *err)
{
    sb_placed_model *pm = &s->placed;
    if (n < 1 || n > SB_SESSION_MAX_BATCH)
        return sb_fail(err, SB_ERR_ARG, "a step takes 1 to %d tokens, not %d", SB_SESSION_MAX_BATCH, n);
    if (n > pm->context - pm->position)
        return sb_fail(err, SB_ERR_ARG, "%d tokens at position %d do not fit the context of %d", n, pm->position,
                       pm->context);
    sb_graph_step(pm, n, all_logits);
    sb_status st = sb_device_write(pm->dev, pm->tokens, tokens, (size_t)n * 4, err);
    (void)(st || (st = write_rope(pm, n, err)) ||
           (st = sb_device_write(pm->dev, pm->list, pm->commands, pm->n_commands * sizeof *pm->commands, err)));
    *list = pm->list;
    *count = pm->n_commands;
    return st;
}

sb_status sb_session_finish(sb_session *s, int n, bool all_logits, float *logits, sb_error *err)
{
    size_t rows = all_logits ? (size_t)n : 1, vocab = (size_t)s->placed.model->cfg.vocab;
    sb_status st = SB_OK;
    for (size_t i = 0; i < rows && logits && !st; i++)
        st = sb_device_read(s->placed.dev, s->placed.logits + 4 * i * s->placed.head.rows, logits + i * vocab,
                            vocab * 4, err);
    if (!st)
        s->placed.position += n;
    s->last_rows = (int)rows;
    return st;
}

sb_status sb_session_argmax(sb_session *s, uint32_t *token, sb_error *err)
{
    if (!s->last_rows)
        return sb_fail(err, SB_ERR_ARG, "no token was evaluated yet");
    return sb_device_read(s->placed.dev, s->placed.next + 4 * ((uint64_t)s->last_rows - 1), token, 4, err);
}

sb_status sb_session_eval(sb_session *s, const uint32_t *tokens, int n, bool all_logits, float *logits, sb_error *err)
{
    uint64_t list;
    uint32_t count;
    sb_status st = sb_session_build(s, tokens, n, all_logits, &list, &count, err);
    if (!st)
        st = sb_device_submit(s->placed.dev, list, count, err);
    if (st && err) {
        unsigned long at, tag;
        char where[200];
        sb_error inner = *err;
        if (sscanf(inner.msg, "command %lu (tag %lu)", &at, &tag) == 2) {
            sb_session_describe(s, (uint32_t)tag, where, sizeof where);
            sb_fail(err, st, "%s: %.1800s", where, inner.msg);
        }
    }
    return st ? st : sb_session_finish(s, n, all_logits, logits, err);
}

void sb_session_describe(const sb_session *s, uint32_t tag, char *buf, size_t size)
{
    sb_graph_describe(&s->placed, tag, buf, size);
}

uint32_t sb_session_tag(const sb_session *s, uint32_t i)
{
    return i < s->placed.n_commands ? s->placed.commands[i].tag : 0;
}
