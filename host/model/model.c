/* SPDX-License-Identifier: Apache-2.0
 * Loading a checkpoint into linear layers and gains. */
#include "seedbed/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seedbed/lora.h"

static sb_status no_memory(sb_error *err, const char *name)
{
    return sb_fail(err, SB_ERR_NOMEM, "out of memory while loading %s", name);
}

/* Words of a packed tensor, copied as they are: every bit pattern is valid (docs/formats.md). */
static sb_status load_words(const sb_tensor *t, sb_linear *l, sb_error *err)
{
    size_t row_words = sb_codec_row_words(l->codec, l->cols);
    if (t->dtype != SB_DTYPE_U32 || t->ndim != 2 || t->shape[0] != l->rows || t->shape[1] != row_words) {
        char shape[96];
        return sb_fail(err, SB_ERR_FORMAT, "%s: tensor %s: %s %s, expected U32 [%zu, %zu] for %zu columns of %s",
                       t->file, t->name, sb_dtype_name(t->dtype), sb_tensor_shape_str(t, shape, sizeof shape), l->rows,
                       row_words, l->cols, l->codec->name);
    }
    l->words = malloc(t->bytes);
    if (!l->words)
        return no_memory(err, t->name);
    memcpy(l->words, t->data, t->bytes);
    return SB_OK;
}

/* A plain F16 tensor is the fp16 codec already; only odd rows need a zero half behind them. */
static sb_status load_f16(const sb_tensor *t, sb_linear *l, sb_error *err)
{
    size_t row_words = sb_codec_row_words(l->codec, l->cols);
    l->words = calloc(l->rows, row_words * 4);
    if (!l->words)
        return no_memory(err, t->name);
    for (size_t r = 0; r < l->rows; r++) {
        uint16_t *half = (uint16_t *)(l->words + r * row_words);
        memcpy(half, (const uint8_t *)t->data + r * l->cols * 2, l->cols * 2);
        for (size_t c = 0; c < l->cols; c++)
            if ((half[c] & 0x7c00) == 0x7c00)
                return sb_fail(err, SB_ERR_FORMAT, "%s: tensor %s: row %zu, column %zu is not finite", t->file, t->name,
                               r, c);
    }
    return SB_OK;
}

static sb_status load_linear(const sb_checkpoint *ck, const sb_model_config *cfg, const sb_model_tensor *mt,
                             sb_linear *l, sb_error *err)
{
    *l = (sb_linear){.rows = (size_t)mt->shape[0], .cols = (size_t)mt->shape[1]};
    snprintf(l->name, sizeof l->name, "%s", mt->base);
    const sb_quant_tensor *q = sb_quant_find(&cfg->quant, mt->base);
    if (q && (q->rows != l->rows || q->cols != l->cols))
        return sb_fail(err, SB_ERR_FORMAT, "config.json: quantization_config: %s is %ux%u, the model needs %zux%zu",
                       mt->base, q->rows, q->cols, l->rows, l->cols);
    if (q) {
        l->codec = sb_codec_by_id(q->codec);
        l->scale_exp = q->scale_exp;
    }
    const sb_tensor *t = sb_checkpoint_find(ck, q && q->codec != SB_CODEC_FP16 ? mt->qname : mt->name);
    if (!t)
        return sb_fail(err, SB_ERR_FORMAT, "%s: tensor %s is missing", sb_checkpoint_dir(ck),
                       q && q->codec != SB_CODEC_FP16 ? mt->qname : mt->name);
    if (q && q->codec != SB_CODEC_FP16)
        return load_words(t, l, err);
    if (t->ndim != 2 || t->shape[0] != l->rows || t->shape[1] != l->cols) {
        char shape[96];
        return sb_fail(err, SB_ERR_FORMAT, "%s: tensor %s: shape %s, expected [%zu, %zu]", t->file, t->name,
                       sb_tensor_shape_str(t, shape, sizeof shape), l->rows, l->cols);
    }
    if (t->dtype == SB_DTYPE_F16) {
        l->codec = sb_codec_by_id(SB_CODEC_FP16);
        return load_f16(t, l, err);
    }
    if (q)
        return sb_fail(err, SB_ERR_FORMAT, "%s: tensor %s: %s, expected F16 as quantization_config says", t->file,
                       t->name, sb_dtype_name(t->dtype));
    l->codec = NULL;
    l->f32 = malloc(l->rows * l->cols * sizeof *l->f32);
    if (!l->f32)
        return no_memory(err, t->name);
    return sb_checkpoint_read_f32(ck, t, 0, l->rows, l->f32, err);
}

static sb_status load_role(const sb_checkpoint *ck, const sb_model_config *cfg, int layer, sb_role role, sb_linear *l,
                           bool *found, sb_error *err)
{
    sb_model_tensor mt;
    *found = sb_model_tensor_get(cfg, layer, role, &mt);
    return *found ? load_linear(ck, cfg, &mt, l, err) : SB_OK;
}

/* The fused tensor if the architecture has one, else the parts in order. */
static sb_status load_group(const sb_checkpoint *ck, const sb_model_config *cfg, int layer, sb_role fused,
                            const sb_role *parts, int n, sb_linear_group *g, sb_error *err)
{
    bool found;
    sb_status st = load_role(ck, cfg, layer, fused, &g->part[0], &found, err);
    g->n = found ? 1 : 0;
    for (int i = 0; i < n && !st && !found; i++) {
        bool have;
        st = load_role(ck, cfg, layer, parts[i], &g->part[g->n], &have, err);
        g->n += have;
    }
    return st;
}

static sb_status load_gain(const sb_checkpoint *ck, const sb_model_config *cfg, int layer, sb_role role, float **out,
                           sb_error *err)
{
    sb_model_tensor mt;
    if (!sb_model_tensor_get(cfg, layer, role, &mt))
        return SB_OK;
    const sb_tensor *t = sb_checkpoint_find(ck, mt.name);
    if (!t || t->ndim != 1 || t->shape[0] != mt.shape[0])
        return sb_fail(err, SB_ERR_FORMAT, "%s: tensor %s is missing or not of shape [%llu]", sb_checkpoint_dir(ck),
                       mt.name, (unsigned long long)mt.shape[0]);
    *out = malloc((size_t)mt.shape[0] * sizeof **out);
    if (!*out)
        return no_memory(err, mt.name);
    return sb_checkpoint_read_f32(ck, t, 0, 1, *out, err);
}

static sb_status load_layer(const sb_checkpoint *ck, const sb_model_config *cfg, int i, sb_layer *l, sb_error *err)
{
    static const sb_role qkv[] = {SB_ROLE_Q, SB_ROLE_K, SB_ROLE_V}, gate_up[] = {SB_ROLE_GATE, SB_ROLE_UP};
    sb_status st;
    (void)((st = load_group(ck, cfg, i, SB_ROLE_QKV, qkv, 3, &l->qkv, err)) ||
           (st = load_group(ck, cfg, i, SB_ROLE_O, NULL, 0, &l->out, err)) ||
           (st = load_group(ck, cfg, i, SB_ROLE_GATE_UP, gate_up, 2, &l->gate_up, err)) ||
           (st = load_group(ck, cfg, i, SB_ROLE_DOWN, NULL, 0, &l->down, err)) ||
           (st = load_gain(ck, cfg, i, SB_ROLE_ATTN_NORM, &l->attn_norm, err)) ||
           (st = load_gain(ck, cfg, i, SB_ROLE_FFN_NORM, &l->ffn_norm, err)) ||
           (st = load_gain(ck, cfg, i, SB_ROLE_ATTN_POST_NORM, &l->attn_post_norm, err)) ||
           (st = load_gain(ck, cfg, i, SB_ROLE_FFN_POST_NORM, &l->ffn_post_norm, err)) ||
           (st = load_gain(ck, cfg, i, SB_ROLE_Q_NORM, &l->q_norm, err)) ||
           (st = load_gain(ck, cfg, i, SB_ROLE_K_NORM, &l->k_norm, err)));
    return st;
}

sb_status sb_model_load(const char *dir, sb_model **out, sb_error *err)
{
    *out = NULL;
    sb_checkpoint *ck = NULL;
    sb_model *m = calloc(1, sizeof *m);
    if (!m)
        return no_memory(err, dir);
    sb_status st = sb_config_load(dir, &m->cfg, err);
    if (!st)
        st = sb_checkpoint_open(dir, &ck, err);
    if (!st)
        st = sb_model_validate(&m->cfg, ck, err);
    if (!st) {
        m->layers = calloc((size_t)m->cfg.n_layers, sizeof *m->layers);
        if (!m->layers)
            st = no_memory(err, dir);
    }
    bool found;
    (void)(st || (st = load_role(ck, &m->cfg, -1, SB_ROLE_EMBED, &m->embed, &found, err)) ||
           (st = load_role(ck, &m->cfg, -1, SB_ROLE_HEAD, &m->head, &found, err)) ||
           (st = load_gain(ck, &m->cfg, -1, SB_ROLE_FINAL_NORM, &m->final_norm, err)));
    for (int i = 0; !st && i < m->cfg.n_layers; i++)
        st = load_layer(ck, &m->cfg, i, &m->layers[i], err);
    sb_checkpoint_close(ck);
    if (st) {
        sb_model_free(m);
        return st;
    }
    *out = m;
    return SB_OK;
}

static sb_status free_linear(sb_linear *l, void *ctx, sb_error *err)
{
    (void)ctx, (void)err;
    free(l->words);
    free(l->f32);
    return SB_OK;
}

void sb_model_free(sb_model *m)
{
    if (!m)
        return;
    sb_lora_drop(m);
    (void)sb_model_each_linear(m, free_linear, NULL, NULL);
    for (int i = 0; m->layers && i < m->cfg.n_layers; i++) {
        sb_layer *l = &m->layers[i];
        free(l->attn_norm);
        free(l->ffn_norm);
        free(l->attn_post_norm);
        free(l->ffn_post_norm);
        free(l->q_norm);
        free(l->k_norm);
    }
    free(m->final_norm);
    free(m->layers);
    sb_config_free(&m->cfg);
    free(m);
}

static sb_status with_side_path(sb_linear *l, sb_linear_fn fn, void *ctx, sb_error *err)
{
    sb_status st = fn(l, ctx, err);
    if (!st && l->lora)
        (void)((st = fn(&l->lora->a, ctx, err)) || (st = fn(&l->lora->b, ctx, err)));
    return st;
}

sb_status sb_model_each_linear(sb_model *m, sb_linear_fn fn, void *ctx, sb_error *err)
{
    sb_status st = fn(&m->embed, ctx, err);
    for (int i = 0; m->layers && i < m->cfg.n_layers && !st; i++) {
        sb_linear_group *g[] = {&m->layers[i].qkv, &m->layers[i].out, &m->layers[i].gate_up, &m->layers[i].down};
        for (int j = 0; j < 4; j++)
            for (int p = 0; p < g[j]->n && !st; p++)
                st = with_side_path(&g[j]->part[p], fn, ctx, err);
    }
    if (!st && m->head.rows)
        st = fn(&m->head, ctx, err);
    return st;
}

typedef struct {
    const sb_codec *codec;
    int threads;
} packing;

static sb_status pack_linear(sb_linear *l, void *ctx, sb_error *err)
{
    const packing *p = ctx;
    const sb_codec *codec = p->codec;
    if (!l->f32)
        return SB_OK;
    l->scale_exp = codec->choose_scale_exp(l->f32, l->rows * l->cols);
    l->words = malloc(l->rows * sb_codec_row_words(codec, l->cols) * 4);
    if (!l->words)
        return no_memory(err, l->name);
    sb_status st = codec->encode(l->f32, l->rows, l->cols, l->scale_exp, &(sb_encode_options){.threads = p->threads},
                                 l->words, err);
    if (st)
        return st;
    l->codec = codec;
    free(l->f32);
    l->f32 = NULL;
    return SB_OK;
}

sb_status sb_model_pack(sb_model *m, const sb_codec *codec, int threads, sb_error *err)
{
    return sb_model_each_linear(m, pack_linear, &(packing){codec, threads}, err);
}

size_t sb_linear_bytes(const sb_linear *l)
{
    return l->f32 ? l->rows * l->cols * 4 : l->rows * sb_codec_row_words(l->codec, l->cols) * 4;
}
