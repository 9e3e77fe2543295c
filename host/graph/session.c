/* SPDX-License-Identifier: Apache-2.0
 * Placing a model on a device: weights, gains, KV cache and the buffers of one step. */
#include "device/attention_exact.h"
#include "graph/session_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seedbed/status.h"

static size_t max_z(size_t a, size_t b)
{
    return a > b ? a : b;
}

static sb_status upload(sb_device *dev, const void *src, size_t bytes, uint64_t *addr, sb_error *err)
{
    sb_status st = sb_device_alloc(dev, bytes, addr, err);
    return st ? st : sb_device_write(dev, *addr, src, bytes, err);
}

static sb_status place_linear(sb_session *s, const sb_linear *l, sb_placed *p, sb_error *err)
{
    *p = (sb_placed){.linear = l, .codec = l->codec ? l->codec : sb_codec_by_id(SB_CODEC_FP16)};
    if (!l->words)
        return sb_device_load_f32(s->dev, l->f32, l->rows, l->cols, &p->addr, err);
    sb_matrix m = {.codec = l->codec, .rows = l->rows, .cols = l->cols, .scale_exp = l->scale_exp, .words = l->words};
    return sb_device_load_matrix(s->dev, &m, &p->addr, err);
}

static sb_status place_group(sb_session *s, const sb_linear_group *g, sb_placed_group *p, sb_error *err)
{
    sb_status st = SB_OK;
    size_t elems = 0, acc = 0;
    p->n = g->n;
    for (int i = 0; i < g->n && !st; i++) {
        st = place_linear(s, &g->part[i], &p->part[i], err);
        if (st)
            break;
        elems = max_z(elems, sb_codec_act_elems(p->part[i].codec, g->part[i].cols));
        acc += sb_acc_stride(g->part[i].rows) * SB_SESSION_MAX_BATCH;
        p->rows += g->n > 1 ? sb_align_f32(g->part[i].rows) : g->part[i].rows; /* one part: a dense vector */
    }
    s->act_elems = max_z(s->act_elems, elems);
    s->acc_bytes = max_z(s->acc_bytes, acc);
    return st;
}

/* Rotation frequencies, one a pair: theta^(-2i/d), with Llama 3's stretching of the long wavelengths where configured.
 */
static sb_status place_rope(sb_session *s, sb_error *err)
{
    size_t hd = (size_t)s->model->cfg.head_dim;
    s->rope_freq = calloc(hd / 2 + 1, sizeof *s->rope_freq);
    s->rope_row = calloc(hd + 1, sizeof *s->rope_row);
    if (!s->rope_freq || !s->rope_row)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    sb_config_rope_freqs(&s->model->cfg, s->rope_freq);
    return SB_OK;
}

static sb_status place_layers(sb_session *s, sb_error *err)
{
    const sb_model *m = s->model;
    const sb_model_config *c = &m->cfg;
    size_t dim = (size_t)c->dim, hd = (size_t)c->head_dim;
    sb_status st = SB_OK;
    for (int i = 0; i < c->n_layers && !st; i++) {
        const sb_layer *l = &m->layers[i];
        sb_placed_layer *p = &s->layers[i];
        (void)((st = place_group(s, &l->qkv, &p->qkv, err)) || (st = place_group(s, &l->out, &p->out, err)) ||
               (st = place_group(s, &l->gate_up, &p->gate_up, err)) || (st = place_group(s, &l->down, &p->down, err)) ||
               (st = upload(s->dev, l->attn_norm, dim * 4, &p->attn_norm, err)) ||
               (st = upload(s->dev, l->ffn_norm, dim * 4, &p->ffn_norm, err)));
        if (!st && l->q_norm)
            (void)((st = upload(s->dev, l->q_norm, hd * 4, &p->q_norm, err)) ||
                   (st = upload(s->dev, l->k_norm, hd * 4, &p->k_norm, err)));
        if (!st && l->attn_post_norm)
            (void)((st = upload(s->dev, l->attn_post_norm, dim * 4, &p->attn_post_norm, err)) ||
                   (st = upload(s->dev, l->ffn_post_norm, dim * 4, &p->ffn_post_norm, err)));
        size_t kv_heads = (size_t)c->kv_heads[i], heads = (size_t)c->heads[i], b = SB_SESSION_MAX_BATCH;
        size_t cache = s->exact ? kv_heads * sb_attn_kv_bytes(hd, s->attn_flags & SB_ATTN_KV8, s->capacity)
                                : 2 * kv_heads * s->capacity * hd * 4;
        if (!st)
            st = sb_device_alloc(s->dev, cache, &p->k_cache, err);
        p->v_cache = s->exact ? 0 : p->k_cache + kv_heads * s->capacity * hd * 4;
        s->record_bytes = max_z(s->record_bytes, b * heads * sb_attn_query_bytes(hd));
        s->sum_bytes = max_z(s->sum_bytes, b * heads * sb_attn_row_bytes(hd));
        s->qkv_dim = max_z(s->qkv_dim, p->qkv.rows);
        s->q_dim = max_z(s->q_dim, (size_t)c->heads[i] * hd);
        s->ffn_dim = max_z(s->ffn_dim, (size_t)c->ffn[i]);
    }
    return st;
}

/* The embedding table is read by row, so it stays row-major, its rows on multiples of 64 bytes; the head, tied or not,
 * is a matrix like any other. */
static sb_status place_embed(sb_session *s, const sb_linear *e, sb_error *err)
{
    const uint8_t *from = e->words ? (const void *)e->words : (const void *)e->f32;
    size_t words = e->words ? sb_codec_row_words(e->codec, e->cols) : e->cols, stride = sb_align_f32(words);
    s->embed_stride = (uint32_t)stride;
    sb_status st = sb_device_alloc(s->dev, e->rows * stride * 4, &s->embed, err);
    for (size_t r = 0; r < e->rows && !st; r++)
        st = sb_device_write(s->dev, s->embed + r * stride * 4, from + r * words * 4, words * 4, err);
    return st;
}

static sb_status place_ends(sb_session *s, sb_error *err)
{
    const sb_model *m = s->model;
    const sb_linear *h = m->head.rows ? &m->head : &m->embed;
    sb_status st = place_embed(s, &m->embed, err);
    sb_linear_group head = {.part = {*h}, .n = 1};
    if (!st)
        st = place_group(s, &head, &s->head, err);
    s->head.part[0].linear = h;
    if (!st)
        st = upload(s->dev, m->final_norm, (size_t)m->cfg.dim * 4, &s->final_norm, err);
    return st;
}

static sb_status place_buffers(sb_session *s, sb_error *err)
{
    const sb_model_config *c = &s->model->cfg;
    size_t b = SB_SESSION_MAX_BATCH, dim = (size_t)c->dim;
    struct {
        uint64_t *addr;
        size_t bytes;
    } buf[] = {
        {&s->tokens, b * 4},
        {&s->exps, b * 4},
        {&s->next, b * 4},
        {&s->rope, b * sb_align_f32((size_t)c->head_dim) * 4},
        {&s->x, b * dim * 4},
        {&s->h, b * dim * 4},
        {&s->tmp, b * dim * 4},
        {&s->qkv, b * s->qkv_dim * 4},
        {&s->att, b * s->q_dim * 4},
        {&s->gate_up, b * 2 * sb_align_f32(s->ffn_dim) * 4},
        {&s->mid, b * s->ffn_dim * 4},
        {&s->act, b * s->act_elems * 2},
        {&s->acc, s->acc_bytes},
        {&s->logits, b * s->head.rows * 4},
        {&s->records, s->exact ? s->record_bytes : 0},
        {&s->sums, s->exact ? s->sum_bytes : 0},
        {&s->list, s->max_commands * sizeof(sb_command)},
    };
    sb_status st = SB_OK;
    for (size_t i = 0; i < sizeof buf / sizeof *buf && !st; i++)
        if (buf[i].bytes)
            st = sb_device_alloc(s->dev, buf[i].bytes, buf[i].addr, err);
    return st;
}

/* One block for all layers: they share the kind of attention and the head's dimension; no model has ALiBi slopes. */
static sb_status place_attention(sb_session *s, const sb_session_options *opt, sb_error *err)
{
    const sb_model_config *c = &s->model->cfg;
    int bits = opt && opt->kv_bits ? opt->kv_bits : 16;
    if (bits != 8 && bits != 16)
        return sb_fail(err, SB_ERR_ARG, "a KV cache of %d bits: known are 16 and 8", bits);
    s->exact = sb_device_is_exact(s->dev);
    s->capacity = s->exact ? ((uint32_t)s->context + 63) / 64 * 64 : (uint32_t)s->context;
    if (s->exact && s->capacity > SB_ATTN_MAX_KEYS)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "context of %d tokens: exact devices take at most %d", s->context,
                       SB_ATTN_MAX_KEYS);
    s->attn_flags = (uint8_t)(SB_ATTN_CAUSAL | (c->sigmoid ? SB_ATTN_SIGMOID : 0) | (bits == 8 ? SB_ATTN_KV8 : 0));
    size_t heads = 0;
    for (int i = 0; i < c->n_layers; i++)
        heads = max_z(heads, (size_t)c->heads[i]);
    size_t bytes = s->exact ? sb_attn_query_params_bytes(heads) : sizeof(sb_attention_params) + 4 * heads;
    void *par = calloc(1, bytes);
    if (!par)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    if (s->exact)
        sb_attn_query_params(heads, (size_t)c->head_dim, c->score_bias, NULL, 0, par);
    else
        *(sb_attention_params *)par = (sb_attention_params){.sigmoid = c->sigmoid, .bias = c->score_bias};
    sb_status st = upload(s->dev, par, bytes, &s->attn_params, err);
    free(par);
    return st;
}

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
    s->model = m;
    s->dev = dev;
    s->context = context;
    s->max_commands = SB_COMMANDS_PER_LAYER * (size_t)m->cfg.n_layers + 16;
    s->layers = calloc((size_t)m->cfg.n_layers, sizeof *s->layers);
    s->commands = calloc(s->max_commands, sizeof *s->commands);
    sb_status st = s->layers && s->commands ? SB_OK : sb_fail(err, SB_ERR_NOMEM, "out of memory");
    (void)(st || (st = place_attention(s, opt, err)) || (st = place_layers(s, err)) || (st = place_ends(s, err)) ||
           (st = place_rope(s, err)) || (st = place_buffers(s, err)));
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
    free(s->layers);
    free(s->commands);
    free(s->rope_freq);
    free(s->rope_row);
    free(s);
}

int sb_session_position(const sb_session *s)
{
    return s->position;
}
int sb_session_context(const sb_session *s)
{
    return s->context;
}
sb_device *sb_session_device(sb_session *s)
{
    return s->dev;
}
const sb_model_config *sb_session_config(const sb_session *s)
{
    return &s->model->cfg;
}

void sb_session_rewind(sb_session *s, int pos)
{
    if (pos >= 0 && pos < s->position)
        s->position = pos;
}

sb_status sb_session_finish(sb_session *s, int n, bool all_logits, float *logits, sb_error *err)
{
    size_t rows = all_logits ? (size_t)n : 1, vocab = (size_t)s->model->cfg.vocab;
    sb_status st = SB_OK;
    for (size_t i = 0; i < rows && logits && !st; i++)
        st = sb_device_read(s->dev, s->logits + 4 * i * s->head.rows, logits + i * vocab, vocab * 4, err);
    if (!st)
        s->position += n;
    s->last_rows = (int)rows;
    return st;
}

sb_status sb_session_argmax(sb_session *s, uint32_t *token, sb_error *err)
{
    if (!s->last_rows)
        return sb_fail(err, SB_ERR_ARG, "no token was evaluated yet");
    return sb_device_read(s->dev, s->next + 4 * ((uint64_t)s->last_rows - 1), token, 4, err);
}

sb_status sb_session_eval(sb_session *s, const uint32_t *tokens, int n, bool all_logits, float *logits, sb_error *err)
{
    uint64_t list;
    uint32_t count;
    sb_status st = sb_session_build(s, tokens, n, all_logits, &list, &count, err);
    if (!st)
        st = sb_device_submit(s->dev, list, count, err);
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
