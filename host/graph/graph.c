/* SPDX-License-Identifier: Apache-2.0
 * One step of a decoder as a command list: n tokens from embedding to logits, read top to bottom. */
#include <math.h>
#include <string.h>

#include "graph/session_internal.h"

static uint32_t f32_as_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static void emit(sb_session *s, int layer, sb_tag tag, sb_command c)
{
    c.tag = (uint32_t)(layer + 1) << 8 | (uint32_t)tag;
    s->commands[s->n_commands++] = c;
}

/* dst (n, g->rows) <- every part of the group times src (n, cols), each part at a multiple of 64 bytes. Vectors of the
 * same layout are quantised once, and their products follow one another, so that a core gets them as one list. */
static void emit_linear(sb_session *s, int layer, sb_tag tag, const sb_placed_group *g, uint64_t src, uint64_t dst,
                        uint16_t n)
{
    uint64_t acc = s->acc;
    for (int from = 0, to; from < g->n; from = to) {
        const sb_codec *codec = g->part[from].codec;
        emit(s, layer, (sb_tag)(tag + from),
             (sb_command){.op = SB_OP_QUANTIZE,
                          .codec = (uint8_t)codec->id,
                          .batch = n,
                          .cols = (uint32_t)g->part[from].linear->cols,
                          .src = src,
                          .dst = s->act,
                          .aux = s->exps});
        uint64_t first = acc;
        for (to = from; to < g->n && g->part[to].codec->act_stride == codec->act_stride; to++) {
            const sb_placed *p = &g->part[to];
            emit(s, layer, (sb_tag)(tag + to),
                 (sb_command){.op = SB_OP_MATVEC,
                              .codec = (uint8_t)p->codec->id,
                              .batch = n,
                              .rows = (uint32_t)p->linear->rows,
                              .cols = (uint32_t)p->linear->cols,
                              .weights = p->addr,
                              .src = s->act,
                              .dst = acc});
            acc += sb_acc_stride(p->linear->rows) * n;
        }
        for (int i = from; i < to; i++) {
            const sb_placed *p = &g->part[i];
            uint32_t rows = (uint32_t)p->linear->rows;
            emit(s, layer, (sb_tag)(tag + i),
                 (sb_command){.op = SB_OP_SCALE,
                              .codec = (uint8_t)p->codec->id,
                              .batch = n,
                              .rows = rows,
                              .src = first,
                              .dst = dst,
                              .aux = s->exps,
                              .p = {(uint32_t)p->linear->scale_exp, (uint32_t)g->rows}});
            first += sb_acc_stride(rows) * n;
            dst += 4ull * sb_align_f32(rows);
        }
    }
}

static void emit_norm(sb_session *s, int layer, sb_tag tag, uint64_t gain, uint64_t src, uint64_t dst, uint32_t rows,
                      uint32_t cols, uint32_t stride, uint16_t n)
{
    emit(s, layer, tag,
         (sb_command){.op = SB_OP_RMSNORM,
                      .batch = n,
                      .rows = rows,
                      .cols = cols,
                      .weights = gain,
                      .src = src,
                      .dst = dst,
                      .p = {f32_as_bits(s->model->cfg.norm_eps), stride, f32_as_bits(1.0f / (float)cols)}});
}

static void emit_rope(sb_session *s, int layer, uint64_t x, uint32_t rows, uint32_t stride, uint16_t n)
{
    uint32_t hd = (uint32_t)s->model->cfg.head_dim;
    emit(s, layer, SB_TAG_ROPE,
         (sb_command){.op = SB_OP_ROPE,
                      .batch = n,
                      .rows = rows,
                      .cols = hd,
                      .dst = x,
                      .aux = s->rope,
                      .p = {0, stride, (uint32_t)sb_align_f32(hd)}});
}

static void emit_attention_f32(sb_session *s, int layer, uint64_t q, uint64_t k, uint64_t v, uint16_t n)
{
    const sb_model_config *c = &s->model->cfg;
    const sb_placed_layer *l = &s->layers[layer];
    uint32_t heads = (uint32_t)c->heads[layer], kv_heads = (uint32_t)c->kv_heads[layer], hd = (uint32_t)c->head_dim;
    uint32_t stride = (uint32_t)l->qkv.rows, pos = (uint32_t)s->position;
    for (int i = 0; i < 2; i++)
        emit(s, layer, SB_TAG_KV,
             (sb_command){.op = SB_OP_KV_APPEND,
                          .batch = n,
                          .rows = kv_heads,
                          .cols = hd,
                          .src = i ? v : k,
                          .dst = i ? l->v_cache : l->k_cache,
                          .p = {pos, s->capacity, stride}});
    emit(s, layer, SB_TAG_ATTENTION,
         (sb_command){.op = SB_OP_ATTENTION,
                      .codec = 1,
                      .batch = n,
                      .rows = heads,
                      .cols = hd,
                      .weights = l->k_cache,
                      .src = q,
                      .dst = s->att,
                      .aux = s->attn_params,
                      .p = {pos, s->capacity, stride, kv_heads}});
}

/* docs/numerics.md, section 6: the cache first, because the queries' records look at its exponents. */
static void emit_attention_exact(sb_session *s, int layer, uint64_t q, uint64_t k, uint64_t v, uint16_t n)
{
    const sb_model_config *c = &s->model->cfg;
    const sb_placed_layer *l = &s->layers[layer];
    uint32_t heads = (uint32_t)c->heads[layer], kv_heads = (uint32_t)c->kv_heads[layer], hd = (uint32_t)c->head_dim;
    uint32_t stride = (uint32_t)l->qkv.rows, pos = (uint32_t)s->position;
    emit(s, layer, SB_TAG_KV,
         (sb_command){.op = SB_OP_QUANTIZE_KV,
                      .codec = s->attn_flags,
                      .batch = n,
                      .rows = kv_heads,
                      .cols = hd,
                      .src = k,
                      .aux = v,
                      .dst = l->k_cache,
                      .p = {pos, s->capacity, stride}});
    emit(s, layer, SB_TAG_ATTENTION,
         (sb_command){.op = SB_OP_QUANTIZE_Q,
                      .codec = s->attn_flags,
                      .batch = n,
                      .rows = heads,
                      .cols = hd,
                      .weights = l->k_cache,
                      .src = q,
                      .dst = s->records,
                      .aux = s->attn_params,
                      .p = {pos, s->capacity, stride, kv_heads}});
    emit(s, layer, SB_TAG_ATTENTION,
         (sb_command){.op = SB_OP_ATTENTION_X,
                      .codec = s->attn_flags,
                      .batch = n,
                      .rows = heads,
                      .cols = hd,
                      .weights = l->k_cache,
                      .src = s->records,
                      .dst = s->sums,
                      .p = {pos + n, s->capacity, 0, kv_heads}});
    emit(s, layer, SB_TAG_ATTENTION,
         (sb_command){.op = SB_OP_ATTN_SCALE,
                      .codec = s->attn_flags,
                      .batch = n,
                      .rows = heads,
                      .cols = hd,
                      .src = s->sums,
                      .dst = s->att,
                      .aux = s->records,
                      .p = {0, 0, 0, kv_heads}});
}

static void emit_attention(sb_session *s, int layer, uint16_t n)
{
    const sb_model_config *c = &s->model->cfg;
    const sb_placed_layer *l = &s->layers[layer];
    uint32_t heads = (uint32_t)c->heads[layer], kv_heads = (uint32_t)c->kv_heads[layer], hd = (uint32_t)c->head_dim;
    uint32_t dim = (uint32_t)c->dim, stride = (uint32_t)l->qkv.rows;
    bool fused = l->qkv.n == 1; /* one matrix: q, k and v follow one another as its rows do */
    size_t nq = (size_t)heads * hd, nk = (size_t)kv_heads * hd;
    uint64_t q = s->qkv, k = q + 4 * (fused ? nq : sb_align_f32(nq)), v = k + 4 * (fused ? nk : sb_align_f32(nk));

    emit_norm(s, layer, SB_TAG_ATTN_NORM, l->attn_norm, s->x, s->h, 1, dim, dim, n);
    emit_linear(s, layer, SB_TAG_QKV, &l->qkv, s->h, s->qkv, n);
    if (l->q_norm) {
        emit_norm(s, layer, SB_TAG_Q_NORM, l->q_norm, q, q, heads, hd, stride, n);
        emit_norm(s, layer, SB_TAG_K_NORM, l->k_norm, k, k, kv_heads, hd, stride, n);
    }
    /* Where q and k lie side by side one rotation does both. */
    bool together = k == q + 4 * nq;
    emit_rope(s, layer, q, together ? heads + kv_heads : heads, stride, n);
    if (!together)
        emit_rope(s, layer, k, kv_heads, stride, n);
    if (s->exact)
        emit_attention_exact(s, layer, q, k, v, n);
    else
        emit_attention_f32(s, layer, q, k, v, n);
    emit_linear(s, layer, SB_TAG_OUT, &l->out, s->att, s->tmp, n);
    if (l->attn_post_norm)
        emit_norm(s, layer, SB_TAG_ATTN_POST_NORM, l->attn_post_norm, s->tmp, s->tmp, 1, dim, dim, n);
    emit(s, layer, SB_TAG_ADD, (sb_command){.op = SB_OP_ADD, .batch = n, .cols = dim, .src = s->tmp, .dst = s->x});
}

static void emit_ffn(sb_session *s, int layer, uint16_t n)
{
    const sb_placed_layer *l = &s->layers[layer];
    uint32_t dim = (uint32_t)s->model->cfg.dim, ffn = (uint32_t)s->model->cfg.ffn[layer];
    uint64_t up = s->gate_up + 4ull * (l->gate_up.n == 1 ? ffn : sb_align_f32(ffn));

    emit_norm(s, layer, SB_TAG_FFN_NORM, l->ffn_norm, s->x, s->h, 1, dim, dim, n);
    emit_linear(s, layer, SB_TAG_GATE_UP, &l->gate_up, s->h, s->gate_up, n);
    emit(s, layer, SB_TAG_SILU,
         (sb_command){.op = SB_OP_SILU_MUL,
                      .batch = n,
                      .cols = ffn,
                      .src = s->gate_up,
                      .aux = up,
                      .dst = s->mid,
                      .p = {(uint32_t)l->gate_up.rows}});
    emit_linear(s, layer, SB_TAG_DOWN, &l->down, s->mid, s->tmp, n);
    if (l->ffn_post_norm)
        emit_norm(s, layer, SB_TAG_FFN_POST_NORM, l->ffn_post_norm, s->tmp, s->tmp, 1, dim, dim, n);
    emit(s, layer, SB_TAG_ADD, (sb_command){.op = SB_OP_ADD, .batch = n, .cols = dim, .src = s->tmp, .dst = s->x});
}

/* The cosines and sines of the step's positions, once for all layers and heads. */
static sb_status write_rope(sb_session *s, int n, sb_error *err)
{
    size_t hd = (size_t)s->model->cfg.head_dim, half = hd / 2, stride = sb_align_f32(hd);
    sb_status st = SB_OK;
    for (int t = 0; t < n && !st; t++) {
        for (size_t i = 0; i < half; i++) {
            double angle = (double)(s->position + t) * (double)s->rope_freq[i];
            s->rope_row[i] = (float)cos(angle);
            s->rope_row[half + i] = (float)sin(angle);
        }
        st = sb_device_write(s->dev, s->rope + 4 * stride * (size_t)t, s->rope_row, hd * 4, err);
    }
    return st;
}

sb_status sb_session_build(sb_session *s, const uint32_t *tokens, int n, bool all_logits, uint64_t *list,
                           uint32_t *count, sb_error *err)
{
    const sb_model_config *c = &s->model->cfg;
    const sb_linear *e = &s->model->embed;
    if (n < 1 || n > SB_SESSION_MAX_BATCH)
        return sb_fail(err, SB_ERR_ARG, "a step takes 1 to %d tokens, not %d", SB_SESSION_MAX_BATCH, n);
    if (n > s->context - s->position)
        return sb_fail(err, SB_ERR_ARG, "%d tokens at position %d do not fit the context of %d", n, s->position,
                       s->context);
    uint16_t b = (uint16_t)n, last = all_logits ? b : 1;
    uint32_t dim = (uint32_t)c->dim;
    s->n_commands = 0;
    emit(s, -1, SB_TAG_EMBED,
         (sb_command){.op = SB_OP_EMBED,
                      .codec = e->codec ? (uint8_t)e->codec->id : 0,
                      .batch = b,
                      .rows = (uint32_t)e->rows,
                      .cols = dim,
                      .weights = s->embed,
                      .src = s->tokens,
                      .dst = s->x,
                      .p = {(uint32_t)e->scale_exp, e->words ? 0 : 1, s->embed_stride}});
    for (int i = 0; i < c->n_layers; i++) {
        emit_attention(s, i, b);
        emit_ffn(s, i, b);
    }
    emit_norm(s, -1, SB_TAG_FINAL_NORM, s->final_norm, s->x + 4ull * dim * (b - last), s->h, 1, dim, dim, last);
    emit_linear(s, -1, SB_TAG_HEAD, &s->head, s->h, s->logits, last);
    emit(s, -1, SB_TAG_ARGMAX,
         (sb_command){.op = SB_OP_ARGMAX,
                      .batch = last,
                      .cols = (uint32_t)c->vocab,
                      .src = s->logits,
                      .dst = s->next,
                      .p = {(uint32_t)s->head.rows}});

    sb_status st = sb_device_write(s->dev, s->tokens, tokens, (size_t)n * 4, err);
    (void)(st || (st = write_rope(s, n, err)) ||
           (st = sb_device_write(s->dev, s->list, s->commands, s->n_commands * sizeof *s->commands, err)));
    *list = s->list;
    *count = s->n_commands;
    return st;
}

void sb_session_describe(const sb_session *s, uint32_t tag, char *buf, size_t size)
{
    static const char *const plain[] = {[SB_TAG_EMBED] = "embedding",
                                        [SB_TAG_ATTN_NORM] = "attention norm",
                                        [SB_TAG_Q_NORM] = "query norm",
                                        [SB_TAG_K_NORM] = "key norm",
                                        [SB_TAG_ROPE] = "rope",
                                        [SB_TAG_KV] = "KV cache",
                                        [SB_TAG_ATTENTION] = "attention",
                                        [SB_TAG_ADD] = "residual",
                                        [SB_TAG_FFN_NORM] = "FFN norm",
                                        [SB_TAG_SILU] = "SiLU",
                                        [SB_TAG_FINAL_NORM] = "final norm",
                                        [SB_TAG_HEAD] = NULL,
                                        [SB_TAG_ATTN_POST_NORM] = "attention post norm",
                                        [SB_TAG_FFN_POST_NORM] = "FFN post norm",
                                        [SB_TAG_ARGMAX] = "arg-max"};
    int layer = (int)(tag >> 8) - 1, t = (int)(tag & 0xff);
    const sb_placed *p = NULL;
    if (layer >= 0 && layer < s->model->cfg.n_layers) {
        const sb_placed_layer *l = &s->layers[layer];
        if (t >= SB_TAG_QKV && t < SB_TAG_QKV + SB_MAX_PARTS)
            p = &l->qkv.part[t - SB_TAG_QKV];
        else if (t == SB_TAG_OUT)
            p = &l->out.part[0];
        else if (t >= SB_TAG_GATE_UP && t < SB_TAG_GATE_UP + SB_MAX_PARTS)
            p = &l->gate_up.part[t - SB_TAG_GATE_UP];
        else if (t == SB_TAG_DOWN)
            p = &l->down.part[0];
    } else if (t == SB_TAG_HEAD) {
        p = &s->head.part[0];
    }
    const char *name = p && p->linear                                        ? p->linear->name
                       : t < (int)(sizeof plain / sizeof *plain) && plain[t] ? plain[t]
                                                                             : "?";
    if (layer >= 0)
        snprintf(buf, size, "layer %d, %s", layer, name);
    else
        snprintf(buf, size, "%s", name);
}

uint32_t sb_session_tag(const sb_session *s, uint32_t i)
{
    return i < s->n_commands ? s->commands[i].tag : 0;
}
