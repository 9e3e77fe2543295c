/* SPDX-License-Identifier: Apache-2.0
 * quantization_config of config.json (docs/formats.md, section Checkpoints): read, looked up, written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/config_internal.h"
#include "model/file.h"

#define MAX_CONFIG (4u << 20)
#define MAX_SCALE_EXP 1023
static const char *const roundings[] = {[SB_ROUND_NEAREST] = "nearest", [SB_ROUND_SEARCH] = "search"};

static int cmp_base(const void *a, const void *b)
{
    return strcmp(((const sb_quant_tensor *)a)->base, ((const sb_quant_tensor *)b)->base);
}

const sb_quant_tensor *sb_quant_find(const sb_quant_config *q, const char *base)
{
    size_t lo = 0, hi = q->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(base, q->tensors[mid].base);
        if (c == 0)
            return &q->tensors[mid];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

sb_status sb_quant_add(sb_quant_config *q, const char *base, sb_codec_id codec, uint32_t rows, uint32_t cols,
                       int scale_exp, sb_error *err)
{
    if (sb_quant_find(q, base))
        return sb_fail(err, SB_ERR_ARG, "tensor %s: compressed twice", base);
    sb_quant_tensor *t = realloc(q->tensors, (q->n + 1) * sizeof *t);
    if (!t)
        return sb_fail(err, SB_ERR_NOMEM, "tensor %s: out of memory", base);
    q->tensors = t;
    size_t at = q->n;
    while (at && strcmp(t[at - 1].base, base) > 0)
        at--;
    char *copy = strdup(base);
    if (!copy)
        return sb_fail(err, SB_ERR_NOMEM, "tensor %s: out of memory", base);
    memmove(t + at + 1, t + at, (q->n - at) * sizeof *t);
    t[at] = (sb_quant_tensor){copy, codec, rows, cols, scale_exp};
    q->n++;
    return SB_OK;
}

static sb_status parse_codec(const char *what, json_object *j, const char *key, sb_codec_id *id, sb_error *err)
{
    const char *name = NULL;
    char p[48];
    sb_status st = sb_json_str(what, j, key, &name, err);
    if (st != SB_OK || !name)
        return st;
    const sb_codec *c = sb_codec_by_name(name);
    if (!c)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: quantization_config: unknown codec %s", what,
                       sb_json_printable(p, sizeof p, name));
    *id = c->id;
    return SB_OK;
}

static sb_status parse_tensor(const char *what, const char *base, json_object *j, sb_quant_config *q, sb_error *err)
{
    char p[64], where[256];
    int rows = 0, cols = 0, scale_exp = 0;
    sb_codec_id codec = q->codec;
    snprintf(where, sizeof where, "%s: quantization_config: %s", what, sb_json_printable(p, sizeof p, base));
    if (!json_object_is_type(j, json_type_object))
        return sb_fail(err, SB_ERR_FORMAT, "%s: not an object", where);
    sb_status st;
    if ((st = parse_codec(where, j, "codec", &codec, err)) != SB_OK ||
        (st = sb_config_int(where, j, "rows", 1, SB_MAX_VOCAB, &rows, err)) != SB_OK ||
        (st = sb_config_int(where, j, "cols", 1, SB_MAX_FFN, &cols, err)) != SB_OK ||
        (st = sb_config_int(where, j, "scale_exp", -MAX_SCALE_EXP, MAX_SCALE_EXP, &scale_exp, err)) != SB_OK)
        return st;
    if (!rows || !cols || !sb_json_get(j, "scale_exp") || !sb_json_get(j, "codec"))
        return sb_fail(err, SB_ERR_FORMAT, "%s: needs codec, rows, cols and scale_exp", where);
    q->tensors[q->n] = (sb_quant_tensor){strdup(base), codec, (uint32_t)rows, (uint32_t)cols, scale_exp};
    if (!q->tensors[q->n].base)
        return sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", where);
    q->n++;
    return SB_OK;
}

sb_status sb_config_parse_quant(const char *what, json_object *root, sb_quant_config *q, sb_error *err)
{
    json_object *j = sb_json_get(root, "quantization_config");
    const char *method = NULL, *rounding = "nearest";
    char p[64];
    int version = 0;
    sb_status st;
    if (!j)
        return SB_OK;
    if (!json_object_is_type(j, json_type_object))
        return sb_fail(err, SB_ERR_FORMAT, "%s: quantization_config is not an object", what);
    if ((st = sb_json_str(what, j, "quant_method", &method, err)) != SB_OK)
        return st;
    if (!method || strcmp(method, "seedbed") != 0)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: quant_method \"%s\" is not supported (known: seedbed)", what,
                       sb_json_printable(p, sizeof p, method ? method : ""));
    if ((st = sb_config_int(what, j, "format_version", 0, 1 << 20, &version, err)) != SB_OK)
        return st;
    if (version != 1)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: quantization_config: format_version %d, this program reads 1",
                       what, version);
    q->codec = SB_CODEC_COUNT;
    q->embed_codec = SB_CODEC_FP16;
    if ((st = parse_codec(what, j, "codec", &q->codec, err)) != SB_OK ||
        (st = parse_codec(what, j, "embed_codec", &q->embed_codec, err)) != SB_OK ||
        (st = sb_json_str(what, j, "rounding", &rounding, err)) != SB_OK)
        return st;
    if (q->codec == SB_CODEC_COUNT)
        return sb_fail(err, SB_ERR_FORMAT, "%s: quantization_config: codec is missing", what);
    int r = !strcmp(rounding, roundings[0]) ? 0 : !strcmp(rounding, roundings[1]) ? 1 : -1;
    if (r < 0)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: quantization_config: unknown rounding %s", what,
                       sb_json_printable(p, sizeof p, rounding));
    q->rounding = (sb_rounding)r;
    const sb_codec *c = sb_codec_by_id(q->codec);
    int word_bits = 32, per_word = c->block;
    if ((st = sb_config_int(what, j, "word_bits", 32, 32, &word_bits, err)) != SB_OK ||
        (st = sb_config_int(what, j, "weights_per_word", c->block, c->block, &per_word, err)) != SB_OK)
        return st;
    json_object *list = sb_json_get(j, "tensors");
    if (!list || !json_object_is_type(list, json_type_object))
        return sb_fail(err, SB_ERR_FORMAT, "%s: quantization_config: tensors is not an object", what);
    q->tensors = calloc((size_t)json_object_object_length(list) + 1, sizeof *q->tensors);
    if (!q->tensors)
        return sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", what);
    json_object_object_foreach(list, base, val)
    {
        if ((st = parse_tensor(what, base, val, q, err)) != SB_OK)
            return st;
    }
    qsort(q->tensors, q->n, sizeof *q->tensors, cmp_base);
    q->present = true;
    return SB_OK;
}

/* ---- writing ---- */
static bool add(json_object *obj, const char *key, json_object *v)
{
    if (v && json_object_object_add(obj, key, v) == 0)
        return true;
    json_object_put(v);
    return false;
}

/* The generator's parameters, for readers that do not know the codec by name. */
static bool add_lfsr(json_object *j, sb_codec_id id)
{
    int coefficients = id == SB_CODEC_SEEDLM4 ? 3 : id == SB_CODEC_SEEDLM3 ? 4 : 0;
    if (!coefficients)
        return true;
    static const int taps[] = {0, 1, 3, 12};
    json_object *l = json_object_new_object(), *t = json_object_new_array();
    bool ok = l && t;
    for (int i = 0; ok && i < 4; i++)
        ok = json_object_array_add(t, json_object_new_int(taps[i])) == 0;
    ok = ok && add(l, "k", json_object_new_int(16));
    if (!ok)
        json_object_put(t);
    ok = ok && add(l, "taps", t) && add(l, "coefficients", json_object_new_int(coefficients)) &&
         add(l, "coefficient_bits", json_object_new_int(4)) && add(l, "exponent_bits", json_object_new_int(4));
    if (!ok) {
        json_object_put(l);
        return false;
    }
    return add(j, "lfsr", l);
}

static bool add_tensor(json_object *list, const sb_quant_tensor *t)
{
    json_object *e = json_object_new_object();
    bool ok = e && add(e, "codec", json_object_new_string(sb_codec_by_id(t->codec)->name)) &&
              add(e, "rows", json_object_new_int64(t->rows)) && add(e, "cols", json_object_new_int64(t->cols)) &&
              add(e, "scale_exp", json_object_new_int(t->scale_exp));
    if (ok)
        return add(list, t->base, e);
    json_object_put(e);
    return false;
}

static json_object *quant_json(const sb_quant_config *q)
{
    const sb_codec *c = sb_codec_by_id(q->codec);
    json_object *j = json_object_new_object(), *list = json_object_new_object();
    bool ok = j && list && add(j, "quant_method", json_object_new_string("seedbed")) &&
              add(j, "format_version", json_object_new_int(1)) && add(j, "codec", json_object_new_string(c->name)) &&
              add(j, "embed_codec", json_object_new_string(sb_codec_by_id(q->embed_codec)->name)) &&
              add(j, "rounding", json_object_new_string(roundings[q->rounding])) &&
              add(j, "word_bits", json_object_new_int(32)) &&
              add(j, "side_bits_per_8_words", json_object_new_int(c->has_side ? 32 : 0)) &&
              add(j, "weights_per_word", json_object_new_int(c->block)) && add_lfsr(j, q->codec);
    for (size_t i = 0; ok && i < q->n; i++)
        ok = add_tensor(list, &q->tensors[i]);
    if (ok)
        ok = add(j, "tensors", list);
    else
        json_object_put(list);
    if (ok)
        return j;
    json_object_put(j);
    return NULL;
}

sb_status sb_config_write_quantized(const char *in_path, const char *out_path, const sb_quant_config *q, sb_error *err)
{
    char *text = NULL;
    size_t size = 0;
    json_object *root = NULL;
    if (!sb_codec_by_id(q->codec) || !sb_codec_by_id(q->embed_codec) || (unsigned)q->rounding > SB_ROUND_SEARCH)
        return sb_fail(err, SB_ERR_ARG, "%s: quantization_config names no codec or rounding", out_path);
    for (size_t i = 0; i < q->n; i++)
        if (!sb_codec_by_id(q->tensors[i].codec))
            return sb_fail(err, SB_ERR_ARG, "%s: tensor %s: no such codec", out_path, q->tensors[i].base);
    sb_status st = sb_file_read(in_path, MAX_CONFIG, &text, &size, err);
    if (st == SB_OK)
        st = sb_json_parse(in_path, text, size, MAX_CONFIG, &root, err);
    free(text);
    if (st != SB_OK)
        return st;
    size_t len = 0;
    const char *out = NULL;
    if (add(root, "quantization_config", quant_json(q)))
        out = json_object_to_json_string_length(
            root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    sb_file_out f;
    st = out ? sb_file_out_open(&f, out_path, err) : sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", out_path);
    if (st == SB_OK) {
        st = sb_file_out_write(&f, 0, out, len, err);
        if (st == SB_OK)
            st = sb_file_out_write(&f, len, "\n", 1, err);
        if (st == SB_OK)
            st = sb_file_out_commit(&f, err);
        else
            sb_file_out_abort(&f);
    }
    json_object_put(root);
    return st;
}
