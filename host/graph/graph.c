/* SPDX-License-Identifier: Apache-2.0
 * One step of a decoder as a command list: n tokens from embedding to logits, read top to bottom. */
#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

static uint32_t f32_as_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static void emit(sb_placed_model *pm, int layer, sb_tag tag, sb_command c)
{
    c.tag = (uint32_t)(layer + 1) << 8 | (uint32_t)tag;
    pm->commands[pm->n_commands++] = c;
}

/* One of several matrices with the same input: its result goes to dst, vectors `stride` apart. */
typedef struct {
    const sb_placed *m;
    sb_tag tag;
    uint64_t dst;
    size_t stride;
} product;

/* Every result (n, rows) <- its matrix times src (n, cols). Vectors of the same layout are quantised once, and their
 * products follow one another, so that a core gets them as one list. */
static void emit_products(sb_placed_model *pm, int layer, const product *p, int count, uint64_t src, uint16_t n)
{
    uint64_t acc = pm->acc;
    for (int from = 0, to; from < count; from = to) {
        const sb_codec *codec = p[from].m->codec;
        emit(pm, layer, p[from].tag,
             (sb_command){.op = SB_OP_QUANTIZE,
                          .codec = (uint8_t)codec->id,
                          .batch = n,
                          .cols = (uint32_t)p[from].m->linear->cols,
                          .src = src,
                          .dst = pm->act,
                          .aux = pm->exps});
        uint64_t first = acc;
        for (to = from; to < count && p[to].m->codec->act_stride == codec->act_stride; to++) {
            const sb_placed *m = p[to].m;
            emit(pm, layer, p[to].tag,
                 (sb_command){.op = SB_OP_MATVEC,
                              .codec = (uint8_t)m->codec->id,
                              .batch = n,
                              .rows = (uint32_t)m->linear->rows,
                              .cols = (uint32_t)m->linear->cols,
                              .weights = m->addr,
                              .src = pm->act,
                              .dst = acc,
                              .p = {SB_MATVEC_CONSTANT}});
            acc += sb_acc_stride(m->linear->rows) * n;
        }
        for (int i = from; i < to; i++) {
            const sb_placed *m = p[i].m;
            uint32_t rows = (uint32_t)m->linear->rows;
            emit(pm, layer, p[i].tag,
                 (sb_command){.op = SB_OP_SCALE,
                              .codec = (uint8_t)m->codec->id,
                              .batch = n,
                              .rows = rows,
                              .src = first,
                              .dst = p[i].dst,
                              .aux = pm->exps,
                              .p = {(uint32_t)m->linear->scale_exp, (uint32_t)p[i].stride}});
            first += sb_acc_stride(rows) * n;
        }
    }
}

/* y += s B u of one part, y (n, rows) with vectors `stride` apart. ADD takes vectors that lie side by side: those of a
 * group of several parts do not, and are added one by one. */
static void emit_lora(sb_placed_model *pm, int layer, sb_tag tag, const sb_placed *b, float s, uint64_t u, uint64_t y,
                      size_t stride, bool dense, uint16_t n)
{
    size_t rows = b->linear->rows, apart = dense ? rows : sb_align_f32(rows);
    emit_products(pm, layer, &(product){b, tag | SB_TAG_LORA_B, pm->lora_y, apart}, 1, u, n);
    for (uint16_t v = 0; v < (dense ? 1 : n); v++)
        emit(pm, layer, tag | SB_TAG_LORA_SUM,
             (sb_command){.op = SB_OP_ADD,
                          .codec = 1,
                          .batch = dense ? n : 1,
                          .cols = (uint32_t)rows,
                          .src = pm->lora_y + 4 * v * apart,
                          .dst = y + 4 * v * stride,
                          .p = {f32_as_bits(s)}});
}

/* dst (n, g->rows) <- every part of the group times src (n, cols), each part at a multiple of 64 bytes, with its side
 * path. */
static void emit_linear(sb_placed_model *pm, int layer, sb_tag tag, const sb_placed_group *g, uint64_t src,
                        uint64_t dst, uint16_t n)
{
    product p[2 * SB_MAX_PARTS];
    uint64_t y[SB_MAX_PARTS], u[SB_MAX_PARTS], next = pm->lora_u;
    int count = 0;
    for (int i = 0; i < g->n; i++) {
        y[i] = i ? y[i - 1] + 4 * sb_align_f32(g->part[i - 1].linear->rows) : dst;
        p[count++] = (product){&g->part[i], (sb_tag)(tag + i), y[i], g->rows};
    }
    for (int i = 0; i < g->n; i++) {
        u[i] = next;
        if (!g->lora_a[i].linear)
            continue;
        size_t rank = g->lora_a[i].linear->rows;
        p[count++] = (product){&g->lora_a[i], (sb_tag)(tag + i) | SB_TAG_LORA_A, u[i], rank};
        next += 4 * rank * n;
    }
    emit_products(pm, layer, p, count, src, n);
    for (int i = 0; i < g->n; i++)
        if (g->lora_b[i].linear)
            emit_lora(pm, layer, (sb_tag)(tag + i), &g->lora_b[i], g->part[i].linear->lora->scale, u[i], y[i], g->rows,
                      g->n == 1, n);
}

static void emit_norm(sb_placed_model *pm, int layer, sb_tag tag, uint64_t gain, uint64_t src, uint64_t dst,
                      uint32_t rows, uint32_t cols, uint32_t stride, uint16_t n)
{
    emit(pm, layer, tag,
         (sb_command){.op = SB_OP_RMSNORM,
                      .batch = n,
                      .rows = rows,
                      .cols = cols,
                      .weights = gain,
                      .src = src,
                      .dst = dst,
                      .p = {f32_as_bits(pm->model->cfg.norm_eps), stride, f32_as_bits(1.0f / (float)cols)}});
}

static void emit_rope(sb_placed_model *pm, int layer, uint64_t x, uint32_t rows, uint32_t stride, uint16_t n)
{
    uint32_t hd = (uint32_t)pm->model->cfg.head_dim;
    emit(pm, layer, SB_TAG_ROPE,
         (sb_command){.op = SB_OP_ROPE,
                      .batch = n,
                      .rows = rows,
                      .cols = hd,
                      .dst = x,
                      .aux = pm->rope,
                      .p = {0, stride, (uint32_t)sb_align_f32(hd)}});
}

static void emit_attention_f32(sb_placed_model *pm, int layer, uint64_t q, uint64_t k, uint64_t v, uint16_t n)
{
    const sb_model_config *c = &pm->model->cfg;
    const sb_placed_layer *l = &pm->layers[layer];
    uint32_t heads = (uint32_t)c->heads[layer], kv_heads = (uint32_t)c->kv_heads[layer], hd = (uint32_t)c->head_dim;
    uint32_t stride = (uint32_t)l->qkv.rows, pos = (uint32_t)pm->position;
    for (int i = 0; i < 2; i++)
        emit(pm, layer, SB_TAG_KV,
             (sb_command){.op = SB_OP_KV_APPEND,
                          .batch = n,
                          .rows = kv_heads,
                          .cols = hd,
                          .src = i ? v : k,
                          .dst = i ? l->v_cache : l->k_cache,
                          .p = {pos, pm->capacity, stride}});
    emit(pm, layer, SB_TAG_ATTENTION,
         (sb_command){.op = SB_OP_ATTENTION,
                      .codec = 1,
                      .batch = n,
                      .rows = heads,
                      .cols = hd,
                      .weights = l->k_cache,
                      .src = q,
                      .dst = pm->att,
                      .aux = pm->attn_params,
                      .p = {pos, pm->capacity, stride, kv_heads}});
}

/* docs/numerics.md, section 6: the cache first, because the queries' records look at its exponents. */
static void emit_attention_exact(sb_placed_model *pm, int layer, uint64_t q, uint64_t k, uint64_t v, uint16_t n)
{
    const sb_model_config *c = &pm->model->cfg;
    const sb_placed_layer *l = &pm->layers[layer];
    uint32_t heads = (uint32_t)c->heads[layer], kv_heads = (uint32_t)c->kv_heads[layer], hd = (uint32_t)c->head_dim;
    uint32_t stride = (uint32_t)l->qkv.rows, pos = (uint32_t)pm->position;
    emit(pm, layer, SB_TAG_KV,
         (sb_command){.op = SB_OP_QUANTIZE_KV,
                      .codec = pm->attn_flags,
                      .batch = n,
                      .rows = kv_heads,
                      .cols = hd,
                      .src = k,
                      .aux = v,
                      .dst = l->k_cache,
                      .p = {pos, pm->capacity, stride}});
    emit(pm, layer, SB_TAG_ATTENTION,
         (sb_command){.op = SB_OP_QUANTIZE_Q,
                      .codec = pm->attn_flags,
                      .batch = n,
                      .rows = heads,
                      .cols = hd,
                      .weights = l->k_cache,
                      .src = q,
                      .dst = pm->records,
                      .aux = pm->attn_params,
                      .p = {pos, pm->capacity, stride, kv_heads}});
    emit(pm, layer, SB_TAG_ATTENTION,
         (sb_command){.op = SB_OP_ATTENTION_X,
                      .codec = pm->attn_flags,
                      .batch = n,
                      .rows = heads,
                      .cols = hd,
                      .weights = l->k_cache,
                      .src = pm->records,
                      .dst = pm->sums,
                      .p = {pos + n, pm->capacity, 0, kv_heads}});
    emit(pm, layer, SB_TAG_ATTENTION,
         (sb_command){.op = SB_OP_ATTN_SCALE,
                      .codec = pm->attn_flags,
                      .batch = n,
                      .rows = heads,
                      .cols = hd,
                      .src = pm->sums,
                      .dst = pm->att,
                      .aux = pm->records,
                      .p = {0, 0, 0, kv_heads}});
}

static void emit_attention(sb_placed_model *pm, int layer, uint16_t n)
{
    const sb_model_config *c = &pm->model->cfg;
    const sb_placed_layer *l = &pm->layers[layer];
    uint32_t heads = (uint32_t)c->heads[layer], kv_heads = (uint32_t)c->kv_heads[layer], hd = (uint32_t)c->head_dim;
    uint32_t dim = (uint32_t)c->dim, stride = (uint32_t)l->qkv.rows;
    bool fused = l->qkv.n == 1; /* one matrix: q, k and v follow one another as its rows do */
    size_t nq = (size_t)heads * hd, nk = (size_t)kv_heads * hd;
    uint64_t q = pm->qkv, k = q + 4 * (fused ? nq : sb_align_f32(nq)), v = k + 4 * (fused ? nk : sb_align_f32(nk));

    emit_norm(pm, layer, SB_TAG_ATTN_NORM, l->attn_norm, pm->x, pm->h, 1, dim, dim, n);
    emit_linear(pm, layer, SB_TAG_QKV, &l->qkv, pm->h, pm->qkv, n);
    if (l->q_norm) {
        emit_norm(pm, layer, SB_TAG_Q_NORM, l->q_norm, q, q, heads, hd, stride, n);
        emit_norm(pm, layer, SB_TAG_K_NORM, l->k_norm, k, k, kv_heads, hd, stride, n);
    }
    /* Where q and k lie side by side one rotation does both. */
    bool together = k == q + 4 * nq;
    emit_rope(pm, layer, q, together ? heads + kv_heads : heads, stride, n);
    if (!together)
        emit_rope(pm, layer, k, kv_heads, stride, n);
    if (pm->exact)
        emit_attention_exact(pm, layer, q, k, v, n);
    else
        emit_attention_f32(pm, layer, q, k, v, n);
    emit_linear(pm, layer, SB_TAG_OUT, &l->out, pm->att, pm->tmp, n);
    if (l->attn_post_norm)
        emit_norm(pm, layer, SB_TAG_ATTN_POST_NORM, l->attn_post_norm, pm->tmp, pm->tmp, 1, dim, dim, n);
    emit(pm, layer, SB_TAG_ADD, (sb_command){.op = SB_OP_ADD, .batch = n, .cols = dim, .src = pm->tmp, .dst = pm->x});
}

static void emit_ffn(sb_placed_model *pm, int layer, uint16_t n)
{
    const sb_placed_layer *l = &pm->layers[layer];
    uint32_t dim = (uint32_t)pm->model->cfg.dim, ffn = (uint32_t)pm->model->cfg.ffn[layer];
    uint64_t up = pm->gate_up + 4ull * (l->gate_up.n == 1 ? ffn : sb_align_f32(ffn));

    emit_norm(pm, layer, SB_TAG_FFN_NORM, l->ffn_norm, pm->x, pm->h, 1, dim, dim, n);
    emit_linear(pm, layer, SB_TAG_GATE_UP, &l->gate_up, pm->h, pm->gate_up, n);
    emit(pm, layer, SB_TAG_SILU,
         (sb_command){.op = SB_OP_SILU_MUL,
                      .batch = n,
                      .cols = ffn,
                      .src = pm->gate_up,
                      .aux = up,
                      .dst = pm->mid,
                      .p = {(uint32_t)l->gate_up.rows}});
    emit_linear(pm, layer, SB_TAG_DOWN, &l->down, pm->mid, pm->tmp, n);
    if (l->ffn_post_norm)
        emit_norm(pm, layer, SB_TAG_FFN_POST_NORM, l->ffn_post_norm, pm->tmp, pm->tmp, 1, dim, dim, n);
    emit(pm, layer, SB_TAG_ADD, (sb_command){.op = SB_OP_ADD, .batch = n, .cols = dim, .src = pm->tmp, .dst = pm->x});
}

void sb_graph_step(sb_placed_model *pm, int n, bool all_logits)
{
    const sb_model_config *c = &pm->model->cfg;
    const sb_linear *e = &pm->model->embed;
    uint16_t b = (uint16_t)n, last = all_logits ? b : 1;
    uint32_t dim = (uint32_t)c->dim;
    pm->n_commands = 0;
    emit(pm, -1, SB_TAG_EMBED,
         (sb_command){.op = SB_OP_EMBED,
                      .codec = e->codec ? (uint8_t)e->codec->id : 0,
                      .batch = b,
                      .rows = (uint32_t)e->rows,
                      .cols = dim,
                      .weights = pm->embed,
                      .src = pm->tokens,
                      .dst = pm->x,
                      .p = {(uint32_t)e->scale_exp, e->words ? 0 : 1, pm->embed_stride}});
    for (int i = 0; i < c->n_layers; i++) {
        emit_attention(pm, i, b);
        emit_ffn(pm, i, b);
    }
    emit_norm(pm, -1, SB_TAG_FINAL_NORM, pm->final_norm, pm->x + 4ull * dim * (b - last), pm->h, 1, dim, dim, last);
    emit_linear(pm, -1, SB_TAG_HEAD, &pm->head, pm->h, pm->logits, last);
    emit(pm, -1, SB_TAG_ARGMAX,
         (sb_command){.op = SB_OP_ARGMAX,
                      .batch = last,
                      .cols = (uint32_t)c->vocab,
                      .src = pm->logits,
                      .dst = pm->next,
                      .p = {(uint32_t)pm->head.rows}});
}

void sb_graph_describe(const sb_placed_model *pm, uint32_t tag, char *buf, size_t size)
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
    static const char *const lora[] = {"", "lora A of ", "lora B of ", "lora sum of "};
    int layer = (int)(tag >> 8) - 1, t = (int)(tag & 0x3f);
    const sb_placed *p = NULL;
    if (layer >= 0 && layer < pm->model->cfg.n_layers) {
        const sb_placed_layer *l = &pm->layers[layer];
        if (t >= SB_TAG_QKV && t < SB_TAG_QKV + SB_MAX_PARTS)
            p = &l->qkv.part[t - SB_TAG_QKV];
        else if (t == SB_TAG_OUT)
            p = &l->out.part[0];
        else if (t >= SB_TAG_GATE_UP && t < SB_TAG_GATE_UP + SB_MAX_PARTS)
            p = &l->gate_up.part[t - SB_TAG_GATE_UP];
        else if (t == SB_TAG_DOWN)
            p = &l->down.part[0];
    } else if (t == SB_TAG_HEAD) {
        p = &pm->head.part[0];
    }
    const char *name = p && p->linear                                        ? p->linear->name
                       : t < (int)(sizeof plain / sizeof *plain) && plain[t] ? plain[t]
                                                                             : "?";
    if (layer >= 0)
        snprintf(buf, size, "layer %d, %s%s", layer, lora[tag >> 6 & 3], name);
    else
        snprintf(buf, size, "%s", name);
}
