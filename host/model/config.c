/* SPDX-License-Identifier: Apache-2.0
 * config.json to sb_model_config: what is common, and Llama; OpenELM's scaling is in config_openelm.c. */
#include "seedbed/config.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/config_internal.h"
#include "model/file.h"

#define MAX_CONFIG (4u << 20)

static const struct {
    const char *name, *model_type;
    sb_status (*parse)(const char *what, json_object *j, sb_model_config *cfg, sb_error *err);
} archs[SB_ARCH_COUNT] = {
    [SB_ARCH_LLAMA] = {"LlamaForCausalLM", "llama", sb_config_parse_llama},
    [SB_ARCH_OPENELM] = {"OpenELMForCausalLM", "openelm", sb_config_parse_openelm},
};

const char *sb_arch_name(sb_arch a)
{
    return (unsigned)a < SB_ARCH_COUNT ? archs[a].name : "?";
}

void sb_config_free(sb_model_config *c)
{
    free(c->heads);
    free(c->kv_heads);
    free(c->ffn);
    for (size_t i = 0; i < c->quant.n; i++)
        free(c->quant.tensors[i].base);
    free(c->quant.tensors);
    memset(c, 0, sizeof *c);
}

sb_status sb_config_want_str(const char *what, json_object *j, const char *key, const char *dflt, const char *want,
                             sb_error *err)
{
    const char *v = dflt;
    char p[64];
    sb_status st = sb_json_str(what, j, key, &v, err);
    if (st == SB_OK && strcmp(v, want) != 0)
        st = sb_fail(err, SB_ERR_UNSUPPORTED, "%s: %s is \"%s\", only \"%s\" is supported", what, key,
                     sb_json_printable(p, sizeof p, v), want);
    return st;
}

/* The last steps' checks, whatever the architecture: what later code divides by or multiplies with. */
static sb_status check_layers(const char *what, const sb_model_config *c, sb_error *err)
{
    if (c->head_dim % 2)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: head_dim %d is odd, RoPE needs it even", what, c->head_dim);
    for (int l = 0; l < c->n_layers; l++) {
        if (c->heads[l] < 1 || c->kv_heads[l] < 1 || c->heads[l] % c->kv_heads[l])
            return sb_fail(err, SB_ERR_FORMAT,
                           "%s: layer %d has %d query heads and %d KV heads, expected a positive multiple", what, l,
                           c->heads[l], c->kv_heads[l]);
        if ((int64_t)c->heads[l] * c->head_dim > SB_MAX_DIM)
            return sb_fail(err, SB_ERR_FORMAT, "%s: layer %d: %d heads of %d are more than %d", what, l, c->heads[l],
                           c->head_dim, SB_MAX_DIM);
        if (c->ffn[l] < 1 || c->ffn[l] > SB_MAX_FFN)
            return sb_fail(err, SB_ERR_FORMAT, "%s: layer %d: feed-forward width %d, expected 1 to %d", what, l,
                           c->ffn[l], SB_MAX_FFN);
    }
    return SB_OK;
}

/* bos/eos: absent takes the architecture's default, null means none, eos may be a list. */
static sb_status parse_special_ids(const char *what, json_object *j, sb_model_config *c, sb_error *err)
{
    json_object *v;
    int64_t id;
    c->bos_id = 1;
    c->n_eos = 1;
    c->eos_ids[0] = 2;
    if (json_object_object_get_ex(j, "bos_token_id", &v)) {
        if (v && !sb_json_is_int(v, 0, c->vocab - 1, &id))
            return sb_fail(err, SB_ERR_FORMAT, "%s: bos_token_id is not a token id below vocab_size %d", what,
                           c->vocab);
        c->bos_id = v ? (int)id : -1;
    }
    if (json_object_object_get_ex(j, "eos_token_id", &v)) {
        bool list = json_object_is_type(v, json_type_array);
        size_t n = list ? json_object_array_length(v) : v != NULL;
        if (n > SB_MAX_EOS)
            return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: eos_token_id lists %zu ids, at most %d are supported", what, n,
                           SB_MAX_EOS);
        for (size_t i = 0; i < n; i++) {
            if (!sb_json_is_int(list ? json_object_array_get_idx(v, i) : v, 0, c->vocab - 1, &id))
                return sb_fail(err, SB_ERR_FORMAT,
                               "%s: eos_token_id holds something that is not a token id below vocab_size %d", what,
                               c->vocab);
            c->eos_ids[i] = (int)id;
        }
        c->n_eos = (int)n;
    }
    if (c->bos_id >= c->vocab) /* the defaults, in a vocabulary too small for them */
        c->bos_id = -1;
    if (c->n_eos == 1 && c->eos_ids[0] >= c->vocab)
        c->n_eos = 0;
    return SB_OK;
}

/* rope_scaling (or rope_parameters, as newer files call it and then put the theta there too). */
static sb_status parse_rope(const char *what, json_object *j, sb_model_config *c, sb_error *err)
{
    static const char *const keys[] = {"rope_scaling", "rope_parameters"};
    for (int k = 0; k < 2; k++) {
        json_object *r = sb_json_get(j, keys[k]);
        if (!r)
            continue;
        if (!json_object_is_type(r, json_type_object))
            return sb_fail(err, SB_ERR_FORMAT, "%s: %s is not an object", what, keys[k]);
        const char *type = "default";
        char p[64];
        sb_status st = sb_json_str(what, r, "type", &type, err); /* the older name */
        if (st == SB_OK)
            st = sb_json_str(what, r, "rope_type", &type, err);
        if (st == SB_OK)
            st = sb_config_f32(what, r, "rope_theta", 1.0, 1e12, &c->rope_theta, err);
        if (st != SB_OK)
            return st;
        if (!strcmp(type, "default"))
            continue;
        if (strcmp(type, "llama3") != 0)
            return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: %s type \"%s\" is not supported (known: default, llama3)",
                           what, keys[k], sb_json_printable(p, sizeof p, type));
        sb_rope_scaling *s = &c->rope;
        *s = (sb_rope_scaling){.on = true, .factor = NAN, .low_freq_factor = NAN, .high_freq_factor = NAN};
        if ((st = sb_config_f32(what, r, "factor", 1.0, 1e6, &s->factor, err)) != SB_OK ||
            (st = sb_config_f32(what, r, "low_freq_factor", 1e-3, 1e6, &s->low_freq_factor, err)) != SB_OK ||
            (st = sb_config_f32(what, r, "high_freq_factor", 1e-3, 1e6, &s->high_freq_factor, err)) != SB_OK ||
            (st = sb_config_int(what, r, "original_max_position_embeddings", 1, SB_MAX_CONTEXT, &s->original_context,
                                err)) != SB_OK)
            return st;
        if (isnan(s->factor) || isnan(s->low_freq_factor) || isnan(s->high_freq_factor) || !s->original_context)
            return sb_fail(
                err, SB_ERR_FORMAT,
                "%s: %s llama3 needs factor, low_freq_factor, high_freq_factor, original_max_position_embeddings", what,
                keys[k]);
        if (!(s->high_freq_factor > s->low_freq_factor))
            return sb_fail(err, SB_ERR_FORMAT, "%s: %s: high_freq_factor must exceed low_freq_factor", what, keys[k]);
    }
    return SB_OK;
}

sb_status sb_config_parse_llama(const char *what, json_object *j, sb_model_config *c, sb_error *err)
{
    sb_status st;
    int heads = 32, kv = 0, ffn = 11008;
    c->vocab = 32000; /* the defaults of transformers' LlamaConfig */
    c->dim = 4096;
    c->n_layers = 32;
    c->max_context = 2048;
    c->norm_eps = 1e-6f;
    c->rope_theta = 10000.0f;
    if ((st = sb_config_int(what, j, "vocab_size", 1, SB_MAX_VOCAB, &c->vocab, err)) != SB_OK ||
        (st = sb_config_int(what, j, "hidden_size", 1, SB_MAX_DIM, &c->dim, err)) != SB_OK ||
        (st = sb_config_int(what, j, "intermediate_size", 1, SB_MAX_FFN, &ffn, err)) != SB_OK ||
        (st = sb_config_int(what, j, "num_hidden_layers", 1, SB_MAX_LAYERS, &c->n_layers, err)) != SB_OK ||
        (st = sb_config_int(what, j, "num_attention_heads", 1, SB_MAX_DIM, &heads, err)) != SB_OK ||
        (st = sb_config_int(what, j, "num_key_value_heads", 1, SB_MAX_DIM, &kv, err)) != SB_OK ||
        (st = sb_config_int(what, j, "head_dim", 1, SB_MAX_HEAD_DIM, &c->head_dim, err)) != SB_OK ||
        (st = sb_config_int(what, j, "max_position_embeddings", 1, SB_MAX_CONTEXT, &c->max_context, err)) != SB_OK ||
        (st = sb_config_f32(what, j, "rms_norm_eps", 1e-30, 1.0, &c->norm_eps, err)) != SB_OK ||
        (st = sb_config_f32(what, j, "rope_theta", 1.0, 1e12, &c->rope_theta, err)) != SB_OK ||
        (st = sb_json_bool(what, j, "tie_word_embeddings", &c->tied_embeddings, err)) != SB_OK ||
        (st = sb_config_want_str(what, j, "hidden_act", "silu", "silu", err)) != SB_OK ||
        (st = sb_config_want_bool(what, j, "attention_bias", false, false, err)) != SB_OK ||
        (st = sb_config_want_bool(what, j, "mlp_bias", false, false, err)) != SB_OK ||
        (st = parse_rope(what, j, c, err)) != SB_OK)
        return st;
    double rotary = 1.0;
    if ((st = sb_json_f64(what, j, "partial_rotary_factor", 0, 1e9, &rotary, err)) != SB_OK)
        return st;
    if (rotary != 1.0)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: partial_rotary_factor is %g, only 1 is supported", what, rotary);
    if (!c->head_dim) {
        if (c->dim % heads)
            return sb_fail(err, SB_ERR_FORMAT, "%s: hidden_size %d is not a multiple of num_attention_heads %d", what,
                           c->dim, heads);
        c->head_dim = c->dim / heads;
        if (c->head_dim > SB_MAX_HEAD_DIM)
            return sb_fail(err, SB_ERR_FORMAT, "%s: head_dim is %d, expected at most %d", what, c->head_dim,
                           SB_MAX_HEAD_DIM);
    }
    if ((st = sb_config_alloc_layers(what, c, err)) != SB_OK)
        return st;
    for (int l = 0; l < c->n_layers; l++) {
        c->heads[l] = heads;
        c->kv_heads[l] = kv ? kv : heads;
        c->ffn[l] = ffn;
    }
    return SB_OK;
}

static sb_status find_arch(const char *what, json_object *j, sb_arch *arch, sb_error *err)
{
    json_object *list = sb_json_get(j, "architectures");
    const char *name = NULL, *type = NULL;
    char p[64];
    sb_status st = sb_json_str(what, j, "model_type", &type, err);
    if (st != SB_OK)
        return st;
    if (list && (!json_object_is_type(list, json_type_array) || json_object_array_length(list) < 1 ||
                 !sb_json_is_str(json_object_array_get_idx(list, 0), &name)))
        return sb_fail(err, SB_ERR_FORMAT, "%s: architectures is not a list of names", what);
    if (!name && !type)
        return sb_fail(err, SB_ERR_FORMAT, "%s: neither architectures nor model_type is there", what);
    for (int a = 0; a < SB_ARCH_COUNT; a++) {
        if (name ? !strcmp(name, archs[a].name) : !strcmp(type, archs[a].model_type)) {
            *arch = (sb_arch)a;
            return SB_OK;
        }
    }
    return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: architecture %s is not supported (known: %s, %s)", what,
                   sb_json_printable(p, sizeof p, name ? name : type), archs[0].name, archs[1].name);
}

sb_status sb_config_parse(const char *path, const char *text, size_t size, sb_model_config *cfg, sb_error *err)
{
    json_object *j;
    memset(cfg, 0, sizeof *cfg);
    sb_status st = sb_json_parse(path, text, size, MAX_CONFIG, &j, err);
    if (st != SB_OK)
        return st;
    if ((st = find_arch(path, j, &cfg->arch, err)) == SB_OK &&
        (st = archs[cfg->arch].parse(path, j, cfg, err)) == SB_OK && (st = check_layers(path, cfg, err)) == SB_OK &&
        (st = parse_special_ids(path, j, cfg, err)) == SB_OK)
        st = sb_config_parse_quant(path, j, &cfg->quant, err);
    json_object_put(j);
    return st;
}

sb_status sb_config_load(const char *dir, sb_model_config *cfg, sb_error *err)
{
    char *path = sb_file_join(dir, "config.json"), *text = NULL;
    size_t size = 0;
    memset(cfg, 0, sizeof *cfg);
    sb_status st =
        path ? sb_file_read(path, MAX_CONFIG, &text, &size, err) : sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", dir);
    if (st == SB_OK)
        st = sb_config_parse(path, text, size, cfg, err);
    free(text);
    free(path);
    return st;
}

void sb_config_rope_freqs(const sb_model_config *c, float *out)
{
    const double two_pi = 6.283185307179586476925286766559;
    const sb_rope_scaling *s = &c->rope;
    for (int i = 0; i < c->head_dim / 2; i++) {
        double f = pow((double)c->rope_theta, -2.0 * i / c->head_dim);
        if (s->on) { /* long waves are slowed by `factor`, short ones kept, those between interpolated */
            double turns = s->original_context * f / two_pi;
            double keep = (turns - s->low_freq_factor) / ((double)s->high_freq_factor - s->low_freq_factor);
            keep = keep < 0 ? 0 : keep > 1 ? 1 : keep;
            f = (1 - keep) * f / s->factor + keep * f;
        }
        out[i] = (float)f;
    }
}
