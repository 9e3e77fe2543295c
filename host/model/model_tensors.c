/* SPDX-License-Identifier: Apache-2.0
 * Which tensors a model is made of: names, shapes, roles; and whether a checkpoint has them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seedbed/config.h"

/* Names by architecture and role; NULL: the architecture has none. "%d" is the layer. */
static const char *const names[SB_ARCH_COUNT][SB_ROLE_COUNT] = {
    [SB_ARCH_LLAMA] =
        {
            [SB_ROLE_EMBED] = "model.embed_tokens",
            [SB_ROLE_FINAL_NORM] = "model.norm",
            [SB_ROLE_HEAD] = "lm_head",
            [SB_ROLE_ATTN_NORM] = "model.layers.%d.input_layernorm",
            [SB_ROLE_Q] = "model.layers.%d.self_attn.q_proj",
            [SB_ROLE_K] = "model.layers.%d.self_attn.k_proj",
            [SB_ROLE_V] = "model.layers.%d.self_attn.v_proj",
            [SB_ROLE_O] = "model.layers.%d.self_attn.o_proj",
            [SB_ROLE_FFN_NORM] = "model.layers.%d.post_attention_layernorm",
            [SB_ROLE_GATE] = "model.layers.%d.mlp.gate_proj",
            [SB_ROLE_UP] = "model.layers.%d.mlp.up_proj",
            [SB_ROLE_DOWN] = "model.layers.%d.mlp.down_proj",
        },
    [SB_ARCH_OPENELM] =
        {
            [SB_ROLE_EMBED] = "transformer.token_embeddings",
            [SB_ROLE_FINAL_NORM] = "transformer.norm",
            [SB_ROLE_HEAD] = "lm_head",
            [SB_ROLE_ATTN_NORM] = "transformer.layers.%d.attn_norm",
            [SB_ROLE_QKV] = "transformer.layers.%d.attn.qkv_proj",
            [SB_ROLE_Q_NORM] = "transformer.layers.%d.attn.q_norm",
            [SB_ROLE_K_NORM] = "transformer.layers.%d.attn.k_norm",
            [SB_ROLE_O] = "transformer.layers.%d.attn.out_proj",
            [SB_ROLE_ATTN_POST_NORM] = "transformer.layers.%d.attn_post_norm",
            [SB_ROLE_FFN_POST_NORM] = "transformer.layers.%d.ffn_post_norm",
            [SB_ROLE_FFN_NORM] = "transformer.layers.%d.ffn_norm",
            [SB_ROLE_GATE_UP] = "transformer.layers.%d.ffn.proj_1",
            [SB_ROLE_DOWN] = "transformer.layers.%d.ffn.proj_2",
        },
};

static bool per_layer(sb_role r)
{
    return r >= SB_ROLE_ATTN_NORM;
}

bool sb_model_tensor_get(const sb_model_config *c, int layer, sb_role role, sb_model_tensor *t)
{
    if ((unsigned)c->arch >= SB_ARCH_COUNT || (unsigned)role >= SB_ROLE_COUNT)
        return false;
    const char *name = names[c->arch][role];
    if (!name || (role == SB_ROLE_HEAD && c->tied_embeddings) ||
        (per_layer(role) && (layer < 0 || layer >= c->n_layers)) ||
        ((role == SB_ROLE_Q_NORM || role == SB_ROLE_K_NORM) && !c->qk_norm) ||
        ((role == SB_ROLE_ATTN_POST_NORM || role == SB_ROLE_FFN_POST_NORM) && !c->hybrid_norm))
        return false;
    memset(t, 0, sizeof *t);
    t->role = role;
    t->layer = per_layer(role) ? layer : -1;
    const char *hole = strstr(name, "%d");
    if (hole)
        snprintf(t->base, sizeof t->base, "%.*s%d%s", (int)(hole - name), name, layer, hole + 2);
    else
        snprintf(t->base, sizeof t->base, "%s", name);
    snprintf(t->name, sizeof t->name, "%s.weight", t->base);
    snprintf(t->qname, sizeof t->qname, "%s.qweight", t->base);

    uint64_t dim = (uint64_t)c->dim, hd = (uint64_t)c->head_dim, h = 0, kv = 0, ffn = 0, rows = 0, cols = dim;
    if (per_layer(role)) {
        h = (uint64_t)c->heads[layer] * hd;
        kv = (uint64_t)c->kv_heads[layer] * hd;
        ffn = (uint64_t)c->ffn[layer];
    }
    switch (role) {
    case SB_ROLE_EMBED:
    case SB_ROLE_HEAD:
        rows = (uint64_t)c->vocab;
        break;
    case SB_ROLE_Q:
        rows = h;
        break;
    case SB_ROLE_K:
    case SB_ROLE_V:
        rows = kv;
        break;
    case SB_ROLE_QKV:
        rows = h + 2 * kv;
        break;
    case SB_ROLE_O:
        rows = dim;
        cols = h;
        break;
    case SB_ROLE_GATE:
    case SB_ROLE_UP:
        rows = ffn;
        break;
    case SB_ROLE_GATE_UP:
        rows = 2 * ffn;
        break;
    case SB_ROLE_DOWN:
        rows = dim;
        cols = ffn;
        break;
    case SB_ROLE_Q_NORM:
    case SB_ROLE_K_NORM:
        cols = hd;
        break;
    default: /* ATTN_NORM, FFN_NORM, FINAL_NORM */
        break;
    }
    t->kind = !rows ? SB_KIND_NORM : role == SB_ROLE_EMBED ? SB_KIND_EMBED : SB_KIND_LINEAR;
    t->ndim = rows ? 2 : 1;
    t->shape[0] = rows ? rows : cols;
    t->shape[1] = rows ? cols : 0;
    return true;
}

sb_status sb_model_tensors(const sb_model_config *c, sb_model_tensor **out, size_t *n, sb_error *err)
{
    size_t cap = (size_t)c->n_layers * SB_ROLE_COUNT + 3;
    sb_model_tensor *t = calloc(cap, sizeof *t);
    *out = t;
    *n = 0;
    if (!t)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory for the list of tensors");
    *n += sb_model_tensor_get(c, -1, SB_ROLE_EMBED, &t[*n]);
    for (int l = 0; l < c->n_layers; l++)
        for (int r = SB_ROLE_ATTN_NORM; r < SB_ROLE_COUNT; r++)
            *n += sb_model_tensor_get(c, l, (sb_role)r, &t[*n]);
    *n += sb_model_tensor_get(c, -1, SB_ROLE_FINAL_NORM, &t[*n]);
    *n += sb_model_tensor_get(c, -1, SB_ROLE_HEAD, &t[*n]);
    return SB_OK;
}

static bool is_float(sb_dtype d)
{
    return d == SB_DTYPE_F32 || d == SB_DTYPE_F16 || d == SB_DTYPE_BF16;
}

/* One tensor, stored plainly or packed. */
static sb_status check_tensor(const sb_model_config *c, const sb_checkpoint *ck, const sb_model_tensor *m,
                              sb_error *err)
{
    const char *dir = sb_checkpoint_dir(ck);
    char bias[112], have[128], want[64];
    snprintf(bias, sizeof bias, "%s.bias", m->base);
    if (sb_checkpoint_find(ck, bias))
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: tensor %s: biases are not supported", dir, bias);
    const sb_quant_tensor *q = c->quant.present ? sb_quant_find(&c->quant, m->base) : NULL;
    const sb_codec *codec = q ? sb_codec_by_id(q->codec) : NULL;
    if (q && (m->ndim != 2 || q->rows != m->shape[0] || q->cols != m->shape[1]))
        return sb_fail(err, SB_ERR_FORMAT, "%s: quantization_config has %s as [%u, %u], the model needs [%llu, %llu]",
                       dir, m->base, q->rows, q->cols, (unsigned long long)m->shape[0],
                       (unsigned long long)m->shape[1]);
    bool packed = codec && codec->id != SB_CODEC_FP16;
    const char *name = packed ? m->qname : m->name;
    uint64_t shape[2] = {m->shape[0], packed ? sb_codec_row_words(codec, m->shape[1]) : m->shape[1]};
    const sb_tensor *t = sb_checkpoint_find(ck, name);
    if (!t)
        return sb_fail(err, SB_ERR_FORMAT, "%s: tensor %s is missing", dir, name);
    if (packed ? t->dtype != SB_DTYPE_U32 : codec ? t->dtype != SB_DTYPE_F16 : !is_float(t->dtype))
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: tensor %s: dtype %s, expected %s", t->file, name,
                       sb_dtype_name(t->dtype),
                       packed  ? "U32"
                       : codec ? "F16"
                               : "F32, F16 or BF16");
    if (packed && !sb_tensor_is_aligned(t, 4))
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: tensor %s: its words are not aligned in the file", t->file, name);
    if (t->ndim != m->ndim || t->shape[0] != shape[0] || (m->ndim == 2 && t->shape[1] != shape[1])) {
        if (m->ndim == 2)
            snprintf(want, sizeof want, "[%llu, %llu]", (unsigned long long)shape[0], (unsigned long long)shape[1]);
        else
            snprintf(want, sizeof want, "[%llu]", (unsigned long long)shape[0]);
        return sb_fail(err, SB_ERR_FORMAT, "%s: tensor %s: shape %s, expected %s", t->file, name,
                       sb_tensor_shape_str(t, have, sizeof have), want);
    }
    return SB_OK;
}

sb_status sb_model_validate(const sb_model_config *c, const sb_checkpoint *ck, sb_error *err)
{
    sb_model_tensor *t;
    size_t n;
    sb_status st = sb_model_tensors(c, &t, &n, err);
    for (size_t i = 0; st == SB_OK && i < n; i++)
        st = check_tensor(c, ck, &t[i], err);
    free(t);
    return st;
}
