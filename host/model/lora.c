/* SPDX-License-Identifier: Apache-2.0
 * Low-rank adapters: from the tensors of a PEFT directory to side paths beside the model's layers. */
#include "seedbed/lora.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "model/file.h"
#include "model/lora_internal.h"
#include "seedbed/checkpoint.h"

#define MAX_CONFIG (4u << 20)

static const char prefix[] = "base_model.model.";
static const char suffix[2][16] = {".lora_A.weight", ".lora_B.weight"};

/* The i-th linear layer of the layers (those that can be adapted), or NULL past the end. */
static sb_linear *adaptable(const sb_model *m, size_t i)
{
    size_t each = 4 * SB_MAX_PARTS, layer = i / each, part = i % SB_MAX_PARTS;
    if (!m->layers || layer >= (size_t)m->cfg.n_layers)
        return NULL;
    sb_layer *l = &m->layers[layer];
    sb_linear_group *g[] = {&l->qkv, &l->out, &l->gate_up, &l->down};
    return &g[i % each / SB_MAX_PARTS]->part[part];
}

/* adaptable() has holes, where a group has fewer parts. */
static bool is_there(const sb_linear *l)
{
    return l->rows != 0;
}

static void free_side_path(sb_linear *l)
{
    if (!l->lora)
        return;
    free(l->lora->a.f32);
    free(l->lora->a.words);
    free(l->lora->b.f32);
    free(l->lora->b.words);
    free(l->lora);
    l->lora = NULL;
}

void sb_lora_drop(sb_model *m)
{
    sb_linear *l;
    for (size_t i = 0; (l = adaptable(m, i)); i++)
        free_side_path(l);
}

size_t sb_lora_count(const sb_model *m)
{
    const sb_linear *l;
    size_t n = 0;
    for (size_t i = 0; (l = adaptable(m, i)); i++)
        n += l->lora != NULL;
    return n;
}

sb_status sb_lora_attach(sb_linear *l, size_t rank, const float *a, const float *b, float scale, sb_error *err)
{
    size_t padded = (rank + SB_LORA_RANK_PAD - 1) / SB_LORA_RANK_PAD * SB_LORA_RANK_PAD;
    if (rank < 1 || rank > SB_LORA_MAX_RANK || l->lora)
        return sb_fail(err, SB_ERR_ARG, "lora of %.160s: rank %zu, %s", l->name, rank,
                       l->lora ? "and it has one already" : "expected 1 to 1024");
    sb_lora *s = calloc(1, sizeof *s);
    if (!s)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    *s = (sb_lora){
        .a = {.rows = padded, .cols = l->cols}, .b = {.rows = l->rows, .cols = padded}, .rank = rank, .scale = scale};
    snprintf(s->a.name, sizeof s->a.name, "lora A of %.140s", l->name);
    snprintf(s->b.name, sizeof s->b.name, "lora B of %.140s", l->name);
    s->a.f32 = calloc(padded * l->cols, sizeof *s->a.f32);
    s->b.f32 = calloc(l->rows * padded, sizeof *s->b.f32);
    l->lora = s;
    if (!s->a.f32 || !s->b.f32) {
        free_side_path(l);
        return sb_fail(err, SB_ERR_NOMEM, "out of memory for the lora of %.160s", l->name);
    }
    memcpy(s->a.f32, a, rank * l->cols * sizeof *a);
    for (size_t r = 0; r < l->rows; r++)
        memcpy(s->b.f32 + r * padded, b + r * rank, rank * sizeof *b);
    return SB_OK;
}

static sb_linear *find(const sb_model *m, const char *module)
{
    sb_linear *l;
    for (size_t i = 0; (l = adaptable(m, i)); i++)
        if (is_there(l) && !strcmp(l->name, module))
            return l;
    return NULL;
}

/* The module of a tensor's name, and whether it is lora_A (0) or lora_B (1); -1: neither. */
static int split_name(const char *name, char module[SB_TENSOR_MAX_NAME + 1])
{
    size_t n = strlen(name), k = sizeof prefix - 1, s = strlen(suffix[0]);
    if (n <= k + s || strncmp(name, prefix, k) != 0)
        return -1;
    snprintf(module, SB_TENSOR_MAX_NAME + 1, "%.*s", (int)(n - k - s), name + k);
    return !strcmp(name + n - s, suffix[0]) ? 0 : !strcmp(name + n - s, suffix[1]) ? 1 : -1;
}

static sb_status check_shape(const sb_tensor *t, size_t rows, size_t cols, const char *why, sb_error *err)
{
    char shape[96];
    if (t->ndim == 2 && t->shape[0] == rows && t->shape[1] == cols)
        return SB_OK;
    return sb_fail(err, SB_ERR_FORMAT, "%s: tensor %s: shape %s, expected [%zu, %zu] (%s)", t->file, t->name,
                   sb_tensor_shape_str(t, shape, sizeof shape), rows, cols, why);
}

static sb_status read_f32(const sb_tensor *t, float **out, sb_error *err)
{
    *out = malloc((size_t)(t->shape[0] * t->shape[1]) * sizeof **out);
    return *out ? sb_checkpoint_read_f32(NULL, t, 0, t->shape[0], *out, err)
                : sb_fail(err, SB_ERR_NOMEM, "%s: tensor %s: out of memory", t->file, t->name);
}

/* The module's two tensors, of which ab[0] or ab[1] may be missing. */
static sb_status adapt(sb_linear *l, const sb_lora_config *c, const sb_tensor *ab[2], sb_error *err)
{
    int rank;
    float scale, *a = NULL, *b = NULL;
    char why[64];
    for (int i = 0; i < 2; i++)
        if (!ab[i])
            return sb_fail(err, SB_ERR_FORMAT, "%s: tensor %s has no %s beside it", ab[!i]->file, ab[!i]->name,
                           i ? "lora_B" : "lora_A");
    sb_status st = sb_lora_numbers(c, l->name, &rank, &scale, err);
    if (st)
        return st;
    snprintf(why, sizeof why, "rank %d of a layer of %zu x %zu", rank, l->rows, l->cols);
    (void)((st = check_shape(ab[0], (size_t)rank, l->cols, why, err)) ||
           (st = check_shape(ab[1], l->rows, (size_t)rank, why, err)) || (st = read_f32(ab[0], &a, err)) ||
           (st = read_f32(ab[1], &b, err)) || (st = sb_lora_attach(l, (size_t)rank, a, b, scale, err)));
    free(a);
    free(b);
    return st;
}

static sb_status apply_tensor(sb_model *m, const sb_lora_config *c, const sb_safetensors *st, const sb_tensor *t,
                              sb_error *err)
{
    char module[SB_TENSOR_MAX_NAME + 1], other[SB_TENSOR_MAX_NAME + 1];
    bool hit;
    size_t at;
    int which = split_name(t->name, module);
    if (which < 0)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: tensor %s: expected %sMODULE%s or %s", t->file, t->name, prefix,
                       suffix[0], suffix[1]);
    sb_linear *l = find(m, module);
    if (!l)
        return sb_fail(err, SB_ERR_FORMAT, "%s: tensor %s: none of the model's layers has a linear layer %s", t->file,
                       t->name, module);
    sb_status s = c->all_linear ? SB_OK : sb_lora_match(&c->targets, module, &hit, &at, err);
    if (!s && !c->all_linear && !hit)
        s = sb_fail(err, SB_ERR_FORMAT, "%s: tensor %s: not one of the config's target_modules", t->file, t->name);
    if (s)
        return s;
    snprintf(other, sizeof other, "%.*s%s", (int)(strlen(t->name) - strlen(suffix[0])), t->name, suffix[!which]);
    const sb_tensor *ab[2] = {0}, *o = sb_safetensors_find(st, other);
    ab[which] = t;
    ab[!which] = o;
    return l->lora ? SB_OK /* with its other tensor */ : adapt(l, c, ab, err);
}

/* A layer that the config targets and the file lacks: they do not belong together. */
static sb_status check_targets(const sb_model *m, const sb_lora_config *c, const char *path, sb_error *err)
{
    const sb_linear *l;
    for (size_t i = 0; !c->some_left_out && (l = adaptable(m, i)); i++) {
        bool hit = c->all_linear;
        size_t at;
        sb_status st = is_there(l) && !l->lora && !hit ? sb_lora_match(&c->targets, l->name, &hit, &at, err) : SB_OK;
        if (st)
            return st;
        if (is_there(l) && !l->lora && hit)
            return sb_fail(err, SB_ERR_FORMAT, "%s: %s is one of the config's target_modules, but has no tensors", path,
                           l->name);
    }
    return SB_OK;
}

sb_status sb_lora_apply(sb_model *m, const sb_lora_config *c, const sb_safetensors *tensors, const char *path,
                        sb_error *err)
{
    sb_status st = SB_OK;
    if (sb_lora_count(m))
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: the model has an adapter already, and there can be one", path);
    for (size_t i = 0; i < sb_safetensors_count(tensors) && !st; i++)
        st = apply_tensor(m, c, tensors, sb_safetensors_at(tensors, i), err);
    if (!st && !sb_lora_count(m))
        st = sb_fail(err, SB_ERR_FORMAT, "%s: no tensors", path);
    if (!st)
        st = check_targets(m, c, path, err);
    if (st)
        sb_lora_drop(m);
    return st;
}

sb_status sb_lora_load(sb_model *m, const char *path, sb_error *err)
{
    struct stat s;
    bool dir = !stat(path, &s) && S_ISDIR(s.st_mode);
    const char *slash = strrchr(path, '/');
    char *folder = dir ? strdup(path) : slash ? strndup(path, (size_t)(slash - path + 1)) : strdup(".");
    char *tensors = dir ? sb_file_join(path, "adapter_model.safetensors") : strdup(path);
    char *config = folder ? sb_file_join(folder, "adapter_config.json") : NULL, *text = NULL;
    size_t size = 0;
    sb_lora_config c = {0};
    sb_safetensors *file = NULL;
    sb_status st = config && tensors ? SB_OK : sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", path);
    (void)(st || (st = sb_safetensors_open(tensors, &file, err)) ||
           (st = sb_file_read(config, MAX_CONFIG, &text, &size, err)) ||
           (st = sb_lora_config_parse(config, text, size, &c, err)) || (st = sb_lora_apply(m, &c, file, tensors, err)));
    sb_lora_config_free(&c);
    sb_safetensors_close(file);
    free(text);
    free(folder);
    free(tensors);
    free(config);
    return st;
}
