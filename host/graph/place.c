/* SPDX-License-Identifier: Apache-2.0
 * Placing a model on a device: weights, gains, KV cache and the buffers of one step. */
#include "graph/place.h"
#include "device/attention_exact.h"

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

static sb_status place_linear(sb_placed_model *pm, const sb_linear *l, sb_placed *p, sb_error *err)
{
    *p = (sb_placed){.linear = l, .codec = l->codec ? l->codec : sb_codec_by_id(SB_CODEC_FP16)};
    if (!l->words)
        return sb_device_load_f32(pm->dev, l->f32, l->rows, l->cols, &p->addr, err);
    sb_matrix m = {.codec = l->codec, .rows = l->rows, .cols = l->cols, .scale_exp = l->scale_exp, .words = l->words};
    return sb_device_load_matrix(pm->dev, &m, &p->addr, err);
}

/* The side path of part i, if it has one, and what a step needs for it. *acc gets the bytes of its accumulators. */
static sb_status place_lora(sb_placed_model *pm, sb_placed_group *p, int i, size_t *acc, sb_error *err)
{
    const sb_lora *l = p->part[i].linear->lora;
    if (!l)
        return SB_OK;
    sb_status st = place_linear(pm, &l->a, &p->lora_a[i], err);
    if (!st)
        st = place_linear(pm, &l->b, &p->lora_b[i], err);
    if (st)
        return st;
    *acc += sb_acc_stride(l->a.rows) * pm->max_batch;
    pm->act_elems = max_z(pm->act_elems, sb_codec_act_elems(p->lora_a[i].codec, l->a.cols));
    pm->act_elems = max_z(pm->act_elems, sb_codec_act_elems(p->lora_b[i].codec, l->b.cols));
    pm->lora_y_elems = max_z(pm->lora_y_elems, sb_align_f32(l->b.rows));
    /* QUANTIZE (at most), MATVEC, SCALE for A; the same for B; ADD, one a vector where the results lie apart. */
    pm->max_commands += 6 + (p->n > 1 ? pm->max_batch : 1);
    return SB_OK;
}

static sb_status place_group(sb_placed_model *pm, const sb_linear_group *g, sb_placed_group *p, sb_error *err)
{
    sb_status st = SB_OK;
    size_t elems = 0, acc = 0, ranks = 0;
    p->n = g->n;
    for (int i = 0; i < g->n && !st; i++) {
        st = place_linear(pm, &g->part[i], &p->part[i], err);
        if (!st)
            st = place_lora(pm, p, i, &acc, err);
        if (st)
            break;
        elems = max_z(elems, sb_codec_act_elems(p->part[i].codec, g->part[i].cols));
        acc += sb_acc_stride(g->part[i].rows) * pm->max_batch;
        ranks += g->part[i].lora ? g->part[i].lora->a.rows : 0;
        p->rows += g->n > 1 ? sb_align_f32(g->part[i].rows) : g->part[i].rows; /* one part: a dense vector */
    }
    pm->act_elems = max_z(pm->act_elems, elems);
    pm->acc_bytes = max_z(pm->acc_bytes, acc);
    pm->lora_u_elems = max_z(pm->lora_u_elems, ranks);
    return st;
}

/* Rotation frequencies, one a pair: theta^(-2i/d), with Llama 3's stretching of the long wavelengths where configured.
 */
static sb_status place_rope(sb_placed_model *pm, sb_error *err)
{
    size_t hd = (size_t)pm->model->cfg.head_dim;
    pm->rope_freq = calloc(hd / 2 + 1, sizeof *pm->rope_freq);
    pm->rope_row = calloc(hd + 1, sizeof *pm->rope_row);
    if (!pm->rope_freq || !pm->rope_row)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    sb_config_rope_freqs(&pm->model->cfg, pm->rope_freq);
    return SB_OK;
}

static sb_status place_layers(sb_placed_model *pm, sb_error *err)
{
    const sb_model *m = pm->model;
    const sb_model_config *c = &m->cfg;
    size_t dim = (size_t)c->dim, hd = (size_t)c->head_dim;
    sb_status st = SB_OK;
    for (int i = 0; i < c->n_layers && !st; i++) {
        const sb_layer *l = &m->layers[i];
        sb_placed_layer *p = &pm->layers[i];
        (void)((st = place_group(pm, &l->qkv, &p->qkv, err)) || (st = place_group(pm, &l->out, &p->out, err)) ||
               (st = place_group(pm, &l->gate_up, &p->gate_up, err)) ||
               (st = place_group(pm, &l->down, &p->down, err)) ||
               (st = upload(pm->dev, l->attn_norm, dim * 4, &p->attn_norm, err)) ||
               (st = upload(pm->dev, l->ffn_norm, dim * 4, &p->ffn_norm, err)));
        if (!st && l->q_norm)
            (void)((st = upload(pm->dev, l->q_norm, hd * 4, &p->q_norm, err)) ||
                   (st = upload(pm->dev, l->k_norm, hd * 4, &p->k_norm, err)));
        if (!st && l->attn_post_norm)
            (void)((st = upload(pm->dev, l->attn_post_norm, dim * 4, &p->attn_post_norm, err)) ||
                   (st = upload(pm->dev, l->ffn_post_norm, dim * 4, &p->ffn_post_norm, err)));
        size_t kv_heads = (size_t)c->kv_heads[i], heads = (size_t)c->heads[i], b = pm->max_batch;
        size_t cache = pm->exact ? kv_heads * sb_attn_kv_bytes(hd, pm->attn_flags & SB_ATTN_KV8, pm->capacity)
                                 : 2 * kv_heads * pm->capacity * hd * 4;
        if (!st)
            st = sb_device_alloc(pm->dev, cache, &p->k_cache, err);
        p->v_cache = pm->exact ? 0 : p->k_cache + kv_heads * pm->capacity * hd * 4;
        pm->record_bytes = max_z(pm->record_bytes, b * heads * sb_attn_query_bytes(hd));
        pm->sum_bytes = max_z(pm->sum_bytes, b * heads * sb_attn_row_bytes(hd));
        pm->qkv_dim = max_z(pm->qkv_dim, p->qkv.rows);
        pm->q_dim = max_z(pm->q_dim, (size_t)c->heads[i] * hd);
        pm->ffn_dim = max_z(pm->ffn_dim, (size_t)c->ffn[i]);
    }
    return st;
}

/* The embedding table is read by row, so it stays row-major, its rows on multiples of 64 bytes; the head, tied or not,
 * is a matrix like any other. */
static sb_status place_embed(sb_placed_model *pm, const sb_linear *e, sb_error *err)
{
    const uint8_t *from = e->words ? (const void *)e->words : (const void *)e->f32;
    size_t words = e->words ? sb_codec_row_words(e->codec, e->cols) : e->cols, stride = sb_align_f32(words);
    pm->embed_stride = (uint32_t)stride;
    sb_status st = sb_device_alloc(pm->dev, e->rows * stride * 4, &pm->embed, err);
    for (size_t r = 0; r < e->rows && !st; r++)
        st = sb_device_write(pm->dev, pm->embed + r * stride * 4, from + r * words * 4, words * 4, err);
    return st;
}

static sb_status place_ends(sb_placed_model *pm, sb_error *err)
{
    const sb_model *m = pm->model;
    const sb_linear *h = m->head.rows ? &m->head : &m->embed;
    sb_status st = place_embed(pm, &m->embed, err);
    sb_linear_group head = {.part = {*h}, .n = 1};
    if (!st)
        st = place_group(pm, &head, &pm->head, err);
    pm->head.part[0].linear = h;
    if (!st)
        st = upload(pm->dev, m->final_norm, (size_t)m->cfg.dim * 4, &pm->final_norm, err);
    return st;
}

static sb_status place_buffers(sb_placed_model *pm, sb_error *err)
{
    const sb_model_config *c = &pm->model->cfg;
    size_t b = pm->max_batch, dim = (size_t)c->dim;
    struct {
        uint64_t *addr;
        size_t bytes;
    } buf[] = {
        {&pm->tokens, b * 4},
        {&pm->exps, b * 4},
        {&pm->next, b * 4},
        {&pm->rope, b * sb_align_f32((size_t)c->head_dim) * 4},
        {&pm->x, b * dim * 4},
        {&pm->h, b * dim * 4},
        {&pm->tmp, b * dim * 4},
        {&pm->qkv, b * pm->qkv_dim * 4},
        {&pm->att, b * pm->q_dim * 4},
        {&pm->gate_up, b * 2 * sb_align_f32(pm->ffn_dim) * 4},
        {&pm->mid, b * pm->ffn_dim * 4},
        {&pm->act, b * pm->act_elems * 2},
        {&pm->acc, pm->acc_bytes},
        {&pm->lora_u, b * pm->lora_u_elems * 4},
        {&pm->lora_y, b * pm->lora_y_elems * 4},
        {&pm->logits, b * pm->head.rows * 4},
        {&pm->records, pm->exact ? pm->record_bytes : 0},
        {&pm->sums, pm->exact ? pm->sum_bytes : 0},
        {&pm->list, pm->max_commands * sizeof(sb_command)},
    };
    sb_status st = SB_OK;
    for (size_t i = 0; i < sizeof buf / sizeof *buf && !st; i++)
        if (buf[i].bytes)
            st = sb_device_alloc(pm->dev, buf[i].bytes, buf[i].addr, err);
    return st;
}

/* One block for all layers: they share the kind of attention and the head's dimension; no model has ALiBi slopes. */
static sb_status place_attention(sb_placed_model *pm, int bits, sb_error *err)
{
    const sb_model_config *c = &pm->model->cfg;
    if (bits != 8 && bits != 16)
        return sb_fail(err, SB_ERR_ARG, "a KV cache of %d bits: known are 16 and 8", bits);
    pm->exact = sb_device_is_exact(pm->dev);
    pm->capacity = pm->exact ? ((uint32_t)pm->context + 63) / 64 * 64 : (uint32_t)pm->context;
    if (pm->exact && pm->capacity > SB_ATTN_MAX_KEYS)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "context of %d tokens: exact devices take at most %d", pm->context,
                       SB_ATTN_MAX_KEYS);
    pm->attn_flags = (uint8_t)(SB_ATTN_CAUSAL | (c->sigmoid ? SB_ATTN_SIGMOID : 0) | (bits == 8 ? SB_ATTN_KV8 : 0));
    size_t heads = 0;
    for (int i = 0; i < c->n_layers; i++)
        heads = max_z(heads, (size_t)c->heads[i]);
    size_t bytes = pm->exact ? sb_attn_query_params_bytes(heads) : sizeof(sb_attention_params) + 4 * heads;
    void *par = calloc(1, bytes);
    if (!par)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    if (pm->exact)
        sb_attn_query_params(heads, (size_t)c->head_dim, c->score_bias, NULL, 0, par);
    else
        *(sb_attention_params *)par = (sb_attention_params){.sigmoid = c->sigmoid, .bias = c->score_bias};
    sb_status st = upload(pm->dev, par, bytes, &pm->attn_params, err);
    free(par);
    return st;
}

sb_status sb_place_model(const sb_model *m, sb_device *dev, int context, size_t max_batch, int kv_bits,
                         sb_placed_model *pm, sb_error *err)
{
    *pm = (sb_placed_model){.model = m, .dev = dev, .context = context, .max_batch = max_batch};
    pm->max_commands = SB_COMMANDS_PER_LAYER * (size_t)m->cfg.n_layers + 16;
    pm->layers = calloc((size_t)m->cfg.n_layers, sizeof *pm->layers);
    sb_status st = pm->layers ? SB_OK : sb_fail(err, SB_ERR_NOMEM, "out of memory");
    (void)(st || (st = place_attention(pm, kv_bits, err)) || (st = place_layers(pm, err)) ||
           (st = place_ends(pm, err)) || (st = place_rope(pm, err)) || (st = place_buffers(pm, err)));
    if (!st && !(pm->commands = calloc(pm->max_commands, sizeof *pm->commands)))
        st = sb_fail(err, SB_ERR_NOMEM, "out of memory");
    return st;
}

void sb_placed_model_free(sb_placed_model *pm)
{
    free(pm->layers);
    free(pm->commands);
    free(pm->rope_freq);
    free(pm->rope_row);
    *pm = (sb_placed_model){0};
}
