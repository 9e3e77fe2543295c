/* SPDX-License-Identifier: Apache-2.0
 * Getters of config.json that every architecture uses. */
#include <stdlib.h>

#include "model/config_internal.h"

sb_status sb_config_int(const char *what, json_object *j, const char *key, int lo, int hi, int *out, sb_error *err)
{
    int64_t v = *out;
    sb_status st = sb_json_int(what, j, key, lo, hi, &v, err);
    *out = (int)v;
    return st;
}

sb_status sb_config_f32(const char *what, json_object *j, const char *key, double lo, double hi, float *out,
                        sb_error *err)
{
    double v = *out;
    sb_status st = sb_json_f64(what, j, key, lo, hi, &v, err);
    *out = (float)v;
    return st;
}

sb_status sb_config_alloc_layers(const char *what, sb_model_config *c, sb_error *err)
{
    c->heads = calloc((size_t)c->n_layers, sizeof *c->heads);
    c->kv_heads = calloc((size_t)c->n_layers, sizeof *c->kv_heads);
    c->ffn = calloc((size_t)c->n_layers, sizeof *c->ffn);
    if (!c->heads || !c->kv_heads || !c->ffn)
        return sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", what);
    return SB_OK;
}

sb_status sb_config_want_bool(const char *what, json_object *j, const char *key, bool dflt, bool want, sb_error *err)
{
    bool v = dflt;
    sb_status st = sb_json_bool(what, j, key, &v, err);
    if (st == SB_OK && v != want)
        st = sb_fail(err, SB_ERR_UNSUPPORTED, "%s: %s is %s, only %s is supported", what, key, v ? "true" : "false",
                     want ? "true" : "false");
    return st;
}
