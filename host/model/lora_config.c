/* SPDX-License-Identifier: Apache-2.0
 * adapter_config.json: which keys decide the result, which do not, and which are refused. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "model/lora_internal.h"

#include <math.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/json_util.h"

#define MAX_CONFIG (4u << 20)
#define MAX_ALPHA 1e6

enum { MAX_PATTERNS = 1 << 14, MAX_PATTERN = 512 };

/* Keys that are looked at below. */
static const char *const used[] = {"peft_type",     "r",          "lora_alpha",        "target_modules",
                                   "rank_pattern",  "use_rslora", "init_lora_weights", "bias",
                                   "alpha_pattern", NULL};
/* Keys that change nothing in what a trained adapter computes, whatever they say: where it came from, how it was
 * trained, and which modules were chosen (its tensors say so themselves). */
static const char *const harmless[] = {"auto_mapping",
                                       "base_model_name_or_path",
                                       "revision",
                                       "task_type",
                                       "peft_version",
                                       "inference_mode",
                                       "lora_dropout",
                                       "loftq_config",
                                       "exclude_modules",
                                       "layers_to_transform",
                                       "layers_pattern",
                                       "corda_config",
                                       "eva_config",
                                       "megatron_core",
                                       "lora_ga_config",
                                       "ensure_weight_tying",
                                       "qalora_group_size",
                                       "runtime_config",
                                       NULL};
/* Keys that must be off: null, false or empty. So must a key that is in no list. */
static const struct {
    const char *key, *what;
} refused[] = {{"use_dora", "DoRA"},
               {"modules_to_save", "modules trained whole"},
               {"fan_in_fan_out", "transposed weights"},
               {"layer_replication", "replicated layers"},
               {"lora_bias", "a bias on lora_B"},
               {"trainable_token_indices", "trained tokens"},
               {"target_parameters", "adapted parameters"},
               {"use_qalora", "QA-LoRA"},
               {"arrow_config", "Arrow routing"},
               {"alora_invocation_tokens", "activated LoRA"},
               {"megatron_config", "Megatron's layers"}};

static bool in_list(const char *const *list, const char *key)
{
    for (; *list; list++)
        if (!strcmp(*list, key))
            return true;
    return false;
}

static bool is_off(json_object *v)
{
    switch (json_object_get_type(v)) {
    case json_type_null:
        return true;
    case json_type_boolean:
        return !json_object_get_boolean(v);
    case json_type_array:
        return !json_object_array_length(v);
    case json_type_object:
        return !json_object_object_length(v);
    case json_type_string:
        return !json_object_get_string_len(v);
    default:
        return false;
    }
}

static sb_status check_keys(const char *path, json_object *j, sb_error *err)
{
    char p[64];
    json_object_object_foreach(j, key, value)
    {
        if (in_list(used, key) || in_list(harmless, key) || is_off(value))
            continue;
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
            if (!strcmp(refused[i].key, key))
                return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: %s: %s is not supported", path, key, refused[i].what);
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: unknown key %s", path, sb_json_printable(p, sizeof p, key));
    }
    return SB_OK;
}

static sb_status want_str(const char *path, json_object *j, const char *key, const char *want, bool needed,
                          sb_error *err)
{
    const char *s = needed ? NULL : want;
    char p[64];
    sb_status st = sb_json_str(path, j, key, &s, err);
    if (!st && !s)
        st = sb_fail(err, SB_ERR_FORMAT, "%s: %s is missing", path, key);
    if (!st && strcmp(s, want) != 0)
        st = sb_fail(err, SB_ERR_UNSUPPORTED, "%s: %s is \"%s\", only \"%s\" is supported", path, key,
                     sb_json_printable(p, sizeof p, s), want);
    return st;
}

/* Some ways to begin training take their share out of the base model's weights, which then are not the ones here. */
static sb_status check_init(const char *path, json_object *j, sb_error *err)
{
    static const char *const fine[] = {"gaussian", "eva", "orthogonal", NULL};
    json_object *v = sb_json_get(j, "init_lora_weights");
    const char *name;
    char p[64];
    if (!v || json_object_is_type(v, json_type_boolean) || (sb_json_is_str(v, &name) && in_list(fine, name)))
        return SB_OK;
    return sb_fail(err, SB_ERR_UNSUPPORTED,
                   "%s: init_lora_weights %s is not supported: the base model's weights may be changed too", path,
                   sb_json_printable(p, sizeof p, json_object_to_json_string(v)));
}

static sb_status no_memory(const char *path, sb_error *err)
{
    return sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", path);
}

/* The last item of p gets text; with form, also the pattern made from it ("%s" is the text). */
static sb_status add_pattern(const char *path, const char *key, sb_lora_patterns *p, const char *text, const char *form,
                             double value, sb_error *err)
{
    char shown[64], whole[MAX_PATTERN + 32], msg[120] = "";
    int code;
    PCRE2_SIZE at;
    if (!*text || strlen(text) > MAX_PATTERN || p->n >= MAX_PATTERNS)
        return sb_fail(err, SB_ERR_FORMAT, "%s: %s: %s", path, key,
                       p->n >= MAX_PATTERNS ? "too many entries"
                       : *text              ? "so long a name"
                                            : "an empty name");
    sb_lora_pattern *item = realloc(p->item, (p->n + 1) * sizeof *item);
    if (!item)
        return no_memory(path, err);
    p->item = item;
    item += p->n;
    *item = (sb_lora_pattern){.text = strdup(text), .value = value};
    if (!item->text)
        return no_memory(path, err);
    p->n++;
    if (!form)
        return SB_OK;
    pcre2_compile_context *ctx = pcre2_compile_context_create(NULL);
    if (!ctx)
        return no_memory(path, err);
    pcre2_set_parens_nest_limit(ctx, 50);
    snprintf(whole, sizeof whole, form, text);
    item->code =
        pcre2_compile((PCRE2_SPTR)whole, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, ctx);
    pcre2_compile_context_free(ctx);
    if (item->code)
        return SB_OK;
    pcre2_get_error_message(code, (PCRE2_UCHAR *)msg, sizeof msg);
    return sb_fail(err, SB_ERR_FORMAT, "%s: %s: the pattern %s: %s", path, key,
                   sb_json_printable(shown, sizeof shown, text), msg);
}

/* PEFT: a list of names, one pattern that the whole name must match, or "all-linear". */
static sb_status parse_targets(const char *path, json_object *j, sb_lora_config *c, sb_error *err)
{
    static const char key[] = "target_modules";
    json_object *v = sb_json_get(j, key);
    const char *s;
    if (v && sb_json_is_str(v, &s)) {
        c->all_linear = !strcmp(s, "all-linear");
        return c->all_linear ? SB_OK : add_pattern(path, key, &c->targets, s, "\\A(?:%s)\\z", 0, err);
    }
    if (!v || !json_object_is_type(v, json_type_array) || !json_object_array_length(v))
        return sb_fail(err, SB_ERR_FORMAT, "%s: %s is missing, or neither a list of names nor a pattern", path, key);
    for (size_t i = 0; i < json_object_array_length(v); i++) {
        if (!sb_json_is_str(json_object_array_get_idx(v, i), &s))
            return sb_fail(err, SB_ERR_FORMAT, "%s: %s: entry %zu is not a name", path, key, i);
        sb_status st = add_pattern(path, key, &c->targets, s, NULL, 0, err);
        if (st)
            return st;
    }
    return SB_OK;
}

/* {"name or pattern": number}: it must match at the end of a module's name, from a dot on. */
static sb_status parse_numbers(const char *path, json_object *j, const char *key, double lo, double hi, bool whole,
                               sb_lora_patterns *p, sb_error *err)
{
    json_object *v = sb_json_get(j, key);
    if (!v)
        return SB_OK;
    if (!json_object_is_type(v, json_type_object))
        return sb_fail(err, SB_ERR_FORMAT, "%s: %s is not an object", path, key);
    char where[600];
    snprintf(where, sizeof where, "%s: %s", path, key);
    json_object_object_foreach(v, name, number)
    {
        double d = NAN;
        int64_t n = 0;
        char shown[64];
        sb_status st = number && whole ? sb_json_int(where, v, name, (int64_t)lo, (int64_t)hi, &n, err)
                                       : sb_json_f64(where, v, name, lo, hi, &d, err);
        d = whole && number ? (double)n : d;
        if (!st && isnan(d))
            st = sb_fail(err, SB_ERR_FORMAT, "%s: %s is null", where, sb_json_printable(shown, sizeof shown, name));
        if (!st)
            st = add_pattern(path, key, p, name, "\\A(?:.*\\.)?(?:%s)\\z", d, err);
        if (st)
            return st;
    }
    return SB_OK;
}

static sb_status parse(const char *path, json_object *j, sb_lora_config *c, sb_error *err)
{
    int64_t rank = 0;
    c->alpha = NAN;
    sb_status st = want_str(path, j, "peft_type", "LORA", true, err);
    (void)(st || (st = check_keys(path, j, err)) || (st = want_str(path, j, "bias", "none", false, err)) ||
           (st = check_init(path, j, err)) || (st = sb_json_int(path, j, "r", 1, SB_LORA_MAX_RANK, &rank, err)) ||
           (st = sb_json_f64(path, j, "lora_alpha", -MAX_ALPHA, MAX_ALPHA, &c->alpha, err)) ||
           (st = sb_json_bool(path, j, "use_rslora", &c->rslora, err)) || (st = parse_targets(path, j, c, err)) ||
           (st = parse_numbers(path, j, "rank_pattern", 1, SB_LORA_MAX_RANK, true, &c->ranks, err)) ||
           (st = parse_numbers(path, j, "alpha_pattern", -MAX_ALPHA, MAX_ALPHA, false, &c->alphas, err)));
    if (!st && (!rank || isnan(c->alpha)))
        st = sb_fail(err, SB_ERR_FORMAT, "%s: %s is missing", path, rank ? "lora_alpha" : "r");
    c->rank = (int)rank;
    json_object *v;
    c->some_left_out = (json_object_object_get_ex(j, "exclude_modules", &v) && !is_off(v)) ||
                       (json_object_object_get_ex(j, "layers_to_transform", &v) && !is_off(v));
    return st;
}

sb_status sb_lora_config_parse(const char *path, const char *json, size_t size, sb_lora_config *c, sb_error *err)
{
    json_object *j;
    *c = (sb_lora_config){0};
    sb_status st = sb_json_parse(path, json, size, MAX_CONFIG, &j, err);
    if (st)
        return st;
    st = parse(path, j, c, err);
    json_object_put(j);
    return st;
}

void sb_lora_config_free(sb_lora_config *c)
{
    sb_lora_patterns *all[] = {&c->targets, &c->ranks, &c->alphas};
    for (int k = 0; k < 3; k++) {
        for (size_t i = 0; i < all[k]->n; i++) {
            free(all[k]->item[i].text);
            pcre2_code_free(all[k]->item[i].code);
        }
        free(all[k]->item);
    }
    *c = (sb_lora_config){0};
}

static bool ends_in(const char *module, const char *name)
{
    size_t n = strlen(module), k = strlen(name);
    return k <= n && !strcmp(module + n - k, name) && (k == n || module[n - k - 1] == '.');
}

sb_status sb_lora_match(const sb_lora_patterns *p, const char *module, bool *hit, size_t *at, sb_error *err)
{
    pcre2_match_data *data = NULL;
    pcre2_match_context *ctx = NULL;
    sb_status st = SB_OK;
    *hit = false;
    for (*at = 0; *at < p->n && !*hit && !st; *at += !*hit) {
        const sb_lora_pattern *item = &p->item[*at];
        if (!item->code) {
            *hit = ends_in(module, item->text);
            continue;
        }
        data = data ? data : pcre2_match_data_create(1, NULL);
        ctx = ctx ? ctx : pcre2_match_context_create(NULL);
        if (!data || !ctx) {
            st = sb_fail(err, SB_ERR_NOMEM, "out of memory");
            break;
        }
        /* Bounds the work that one match of a hostile pattern can do. */
        pcre2_set_match_limit(ctx, 100000);
        pcre2_set_depth_limit(ctx, 10000);
        pcre2_set_heap_limit(ctx, 4 << 10); /* KiB */
        int r = pcre2_match(item->code, (PCRE2_SPTR)module, PCRE2_ZERO_TERMINATED, 0, 0, data, ctx);
        *hit = r >= 0;
        if (r < 0 && r != PCRE2_ERROR_NOMATCH) {
            char msg[120] = "", shown[64];
            pcre2_get_error_message(r, (PCRE2_UCHAR *)msg, sizeof msg);
            st = sb_fail(err, SB_ERR_UNSUPPORTED, "adapter_config.json: the pattern %s fails on %s: %s",
                         sb_json_printable(shown, sizeof shown, item->text), module, msg);
        }
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(ctx);
    return st;
}

sb_status sb_lora_numbers(const sb_lora_config *c, const char *module, int *rank, float *scale, sb_error *err)
{
    bool own_rank, own_alpha = false;
    size_t r, a = 0;
    sb_status st = sb_lora_match(&c->ranks, module, &own_rank, &r, err);
    if (!st)
        st = sb_lora_match(&c->alphas, module, &own_alpha, &a, err);
    if (st)
        return st;
    *rank = own_rank ? (int)c->ranks.item[r].value : c->rank;
    double alpha = own_alpha ? c->alphas.item[a].value : c->alpha;
    *scale = (float)(alpha / (c->rslora ? sqrt(*rank) : *rank));
    return SB_OK;
}
