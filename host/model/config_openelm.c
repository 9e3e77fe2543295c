/* SPDX-License-Identifier: Apache-2.0
 * OpenELM's config.json: layer-wise scaling of heads and feed-forward widths (arXiv 2404.14619, section 2). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/config_internal.h"

/* v rounded to the nearest multiple of div, at least div, and never more than 10 % below v. */
static int64_t make_divisible(double v, int64_t div)
{
    int64_t n = (int64_t)(v + (double)div / 2) / div * div;
    if (n < div)
        n = div;
    if ((double)n < 0.9 * v)
        n += div;
    return n;
}

/* Multipliers of all layers: a number (all alike), a pair (a straight line, rounded to two decimals), or one a layer.
 */
static sb_status multipliers(const char *what, json_object *j, const char *key, int n, double first, double last,
                             bool full, double *out, sb_error *err)
{
    json_object *v = sb_json_get(j, key);
    size_t len = v && json_object_is_type(v, json_type_array) ? json_object_array_length(v) : 0;
    if (v && !len) {
        double m = 0;
        sb_status st = sb_json_f64(what, j, key, 1e-6, 1e3, &m, err);
        for (int l = 0; l < n; l++)
            out[l] = m;
        return st;
    }
    for (size_t i = 0; i < len; i++) {
        json_object *e = json_object_array_get_idx(v, i);
        double m = json_object_is_type(e, json_type_double) || json_object_is_type(e, json_type_int)
                       ? json_object_get_double(e)
                       : NAN;
        if (!(m >= 1e-6 && m <= 1e3))
            return sb_fail(err, SB_ERR_FORMAT, "%s: %s[%zu] is not a number from 1e-06 to 1000", what, key, i);
        if (len == 2) {
            *(i ? &last : &first) = m;
        } else if (i < (size_t)n) {
            out[i] = m;
        }
    }
    if (len != 0 && len != 2) {
        if (!full || len != (size_t)n)
            return sb_fail(err, SB_ERR_FORMAT, "%s: %s has %zu entries, expected 2%s", what, key, len,
                           full ? " or one a layer" : "");
        return SB_OK;
    }
    for (int l = 0; l < n; l++) {
        double m = n == 1 ? first : l == n - 1 ? last : first + l * ((last - first) / (n - 1));
        out[l] = rint(m * 100.0) / 100.0; /* as numpy rounds */
    }
    return SB_OK;
}

/* An explicit list of n positive integers; *have tells whether the key is there. */
static sb_status int_list(const char *what, json_object *j, const char *key, int n, int *out, bool *have, sb_error *err)
{
    json_object *v = sb_json_get(j, key);
    *have = v != NULL;
    if (!v)
        return SB_OK;
    size_t len = json_object_is_type(v, json_type_array) ? json_object_array_length(v) : 0;
    if (len != (size_t)n)
        return sb_fail(err, SB_ERR_FORMAT, "%s: %s is not a list with one entry for each of %d layers", what, key, n);
    for (size_t i = 0; i < len; i++) {
        int64_t x;
        if (!sb_json_is_int(json_object_array_get_idx(v, i), 1, SB_MAX_DIM, &x))
            return sb_fail(err, SB_ERR_FORMAT, "%s: %s[%zu] is not an integer from 1 to %d", what, key, i, SB_MAX_DIM);
        out[i] = (int)x;
    }
    return SB_OK;
}

static sb_status scale_layers(const char *what, json_object *j, sb_model_config *c, int groups, int divisor, double *m,
                              sb_error *err)
{
    bool have_q, have_kv;
    sb_status st;
    if ((st = int_list(what, j, "num_query_heads", c->n_layers, c->heads, &have_q, err)) != SB_OK ||
        (st = int_list(what, j, "num_kv_heads", c->n_layers, c->kv_heads, &have_kv, err)) != SB_OK ||
        (st = multipliers(what, j, "qkv_multipliers", c->n_layers, 0.5, 1.0, false, m, err)) != SB_OK)
        return st;
    for (int l = 0; l < c->n_layers; l++) {
        int64_t unit = (int64_t)c->head_dim * (groups ? groups : 2);
        int64_t heads = make_divisible(c->dim * m[l], unit) / c->head_dim;
        if (!have_q)
            c->heads[l] = heads > SB_MAX_DIM ? 0 : (int)heads; /* 0 is refused by the common checks */
        if (!have_kv)
            c->kv_heads[l] = groups ? c->heads[l] / groups : c->heads[l];
    }
    if ((st = multipliers(what, j, "ffn_multipliers", c->n_layers, 0.5, 4.0, true, m, err)) != SB_OK)
        return st;
    for (int l = 0; l < c->n_layers; l++) {
        int64_t f = make_divisible(c->dim * m[l], divisor);
        c->ffn[l] = f > SB_MAX_FFN ? 0 : (int)f;
    }
    return SB_OK;
}

sb_status sb_config_parse_openelm(const char *what, json_object *j, sb_model_config *c, sb_error *err)
{
    sb_status st;
    int groups = 4, divisor = 256, rope_len = 4096;
    c->vocab = 32000; /* the defaults of apple/OpenELM's configuration_openelm.py */
    c->dim = 1280;
    c->n_layers = 16;
    c->head_dim = 64;
    c->max_context = 2048;
    c->norm_eps = 1e-6f; /* not in the file: the constant of its RMSNorm */
    c->rope_theta = 10000.0f;
    c->qk_norm = true;
    c->tied_embeddings = true;
    json_object *v;
    if (json_object_object_get_ex(j, "num_gqa_groups", &v) && !v)
        groups = 0; /* null: as many KV heads as query heads */
    if ((st = sb_config_int(what, j, "vocab_size", 1, SB_MAX_VOCAB, &c->vocab, err)) != SB_OK ||
        (st = sb_config_int(what, j, "model_dim", 1, SB_MAX_DIM, &c->dim, err)) != SB_OK ||
        (st = sb_config_int(what, j, "num_transformer_layers", 1, SB_MAX_LAYERS, &c->n_layers, err)) != SB_OK ||
        (st = sb_config_int(what, j, "head_dim", 1, SB_MAX_HEAD_DIM, &c->head_dim, err)) != SB_OK ||
        (st = sb_config_int(what, j, "max_context_length", 1, SB_MAX_CONTEXT, &c->max_context, err)) != SB_OK ||
        (st = sb_config_int(what, j, "rope_max_length", 1, SB_MAX_CONTEXT, &rope_len, err)) != SB_OK ||
        (st = sb_config_int(what, j, "num_gqa_groups", 1, 1024, &groups, err)) != SB_OK ||
        (st = sb_config_int(what, j, "ffn_dim_divisor", 1, 1 << 16, &divisor, err)) != SB_OK ||
        (st = sb_config_f32(what, j, "rope_freq_constant", 1.0, 1e12, &c->rope_theta, err)) != SB_OK ||
        (st = sb_json_bool(what, j, "normalize_qk_projections", &c->qk_norm, err)) != SB_OK ||
        (st = sb_json_bool(what, j, "share_input_output_layers", &c->tied_embeddings, err)) != SB_OK ||
        (st = sb_config_want_bool(what, j, "ffn_with_glu", true, true, err)) != SB_OK ||
        (st = sb_config_want_str(what, j, "activation_fn_name", "swish", "swish", err)) != SB_OK ||
        (st = sb_config_want_str(what, j, "normalization_layer_name", "rms_norm", "rms_norm", err)) != SB_OK)
        return st;
    /* Ours, not OpenELM's: sigmoid attention and the second norms (models/train/train.py). */
    const char *kind = "softmax";
    double bias = 0;
    if ((st = sb_json_str(what, j, "attention_type", &kind, err)) != SB_OK ||
        (st = sb_json_f64(what, j, "attention_score_bias", -100, 100, &bias, err)) != SB_OK ||
        (st = sb_json_bool(what, j, "hybrid_norm", &c->hybrid_norm, err)) != SB_OK)
        return st;
    c->sigmoid = !strcmp(kind, "sigmoid");
    if (!c->sigmoid && strcmp(kind, "softmax") != 0)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: attention_type is not supported (known: softmax, sigmoid)", what);
    if (c->sigmoid && !sb_json_get(j, "attention_score_bias"))
        bias = -log((double)c->max_context);
    if (!c->sigmoid && bias != 0)
        return sb_fail(err, SB_ERR_FORMAT, "%s: attention_score_bias is %g, but a softmax does not feel a bias", what,
                       bias);
    c->score_bias = (float)bias;
    if (rope_len < c->max_context)
        return sb_fail(err, SB_ERR_FORMAT, "%s: rope_max_length %d is below max_context_length %d", what, rope_len,
                       c->max_context);
    if ((st = sb_config_alloc_layers(what, c, err)) != SB_OK)
        return st;
    double *m = calloc((size_t)c->n_layers, sizeof *m);
    st = m ? scale_layers(what, j, c, groups, divisor, m, err) : sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", what);
    free(m);
    return st;
}
