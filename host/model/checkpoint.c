/* SPDX-License-Identifier: Apache-2.0 */
#include "seedbed/checkpoint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/file.h"
#include "model/json_util.h"
#include "seedbed/codec.h"

#define MAX_INDEX (64u << 20)

struct sb_checkpoint {
    char *dir;
    sb_safetensors **shards;
    size_t n_shards;
    const sb_tensor **tensors; /* sharded: by name; one file: NULL */
    size_t n;
};

static int cmp_entry(const void *a, const void *b)
{
    const sb_index_entry *x = a, *y = b;
    int c = strcmp(x->file, y->file);
    return c ? c : strcmp(x->name, y->name);
}

static bool plain_name(const char *s)
{
    size_t n = strlen(s);
    if (!n || n > 255 || s[0] == '.')
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f || s[i] == '/' || s[i] == '\\')
            return false;
    return true;
}

void sb_index_free(sb_index *ix)
{
    for (size_t i = 0; i < ix->n; i++) {
        free(ix->entries[i].name);
        free(ix->entries[i].file);
    }
    free(ix->entries);
    *ix = (sb_index){0};
}

sb_status sb_index_parse(const char *path, const char *text, size_t size, sb_index *out, sb_error *err)
{
    json_object *j;
    char p[80];
    *out = (sb_index){0};
    sb_status st = sb_json_parse(path, text, size, MAX_INDEX, &j, err);
    if (st != SB_OK)
        return st;
    json_object *map = sb_json_get(j, "weight_map");
    if (!map || !json_object_is_type(map, json_type_object) || !json_object_object_length(map)) {
        json_object_put(j);
        return sb_fail(err, SB_ERR_FORMAT, "%s: weight_map is missing, empty or not an object", path);
    }
    out->entries = calloc((size_t)json_object_object_length(map), sizeof *out->entries);
    if (!out->entries)
        st = sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", path);
    json_object_object_foreach(map, key, val)
    {
        if (st != SB_OK)
            break;
        const char *file = NULL;
        if (!val || !sb_json_is_str(val, &file) || !plain_name(file)) {
            st = sb_fail(err, SB_ERR_FORMAT,
                         "%s: weight_map: tensor %s: expected the plain name of a file beside the index", path,
                         sb_json_printable(p, sizeof p, key));
            break;
        }
        sb_index_entry *e = &out->entries[out->n++];
        e->name = strdup(key);
        e->file = strdup(file);
        if (!e->name || !e->file)
            st = sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", path);
    }
    json_object_put(j);
    if (st == SB_OK)
        qsort(out->entries, out->n, sizeof *out->entries, cmp_entry);
    else
        sb_index_free(out);
    return st;
}

static int cmp_tensor(const void *a, const void *b)
{
    return strcmp((*(const sb_tensor *const *)a)->name, (*(const sb_tensor *const *)b)->name);
}

static sb_status open_shards(sb_checkpoint *ck, const char *index_path, const sb_index *ix, sb_error *err)
{
    sb_status st = SB_OK;
    char p[80];
    size_t n_files = 0;
    for (size_t i = 0; i < ix->n; i++)
        n_files += i == 0 || strcmp(ix->entries[i].file, ix->entries[i - 1].file) != 0;
    ck->shards = calloc(n_files, sizeof *ck->shards);
    ck->tensors = calloc(ix->n, sizeof *ck->tensors);
    if (!ck->shards || !ck->tensors)
        return sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", ck->dir);
    for (size_t i = 0; st == SB_OK && i < ix->n; i++) {
        const sb_index_entry *e = &ix->entries[i];
        if (i == 0 || strcmp(e->file, ix->entries[i - 1].file) != 0) {
            char *path = sb_file_join(ck->dir, e->file);
            st = path ? sb_safetensors_open(path, &ck->shards[ck->n_shards], err)
                      : sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", ck->dir);
            free(path);
            if (st != SB_OK)
                return st;
            ck->n_shards++;
        }
        const sb_tensor *t = sb_safetensors_find(ck->shards[ck->n_shards - 1], e->name);
        if (!t)
            return sb_fail(err, SB_ERR_FORMAT, "%s: tensor %s is not in %s, where the index puts it", index_path,
                           sb_json_printable(p, sizeof p, e->name), e->file);
        ck->tensors[ck->n++] = t;
    }
    qsort(ck->tensors, ck->n, sizeof *ck->tensors, cmp_tensor);
    return st;
}

static sb_status open_one(sb_checkpoint *ck, const char *path, sb_error *err)
{
    ck->shards = calloc(1, sizeof *ck->shards);
    if (!ck->shards)
        return sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", path);
    sb_status st = sb_safetensors_open(path, &ck->shards[0], err);
    ck->n_shards = st == SB_OK;
    return st;
}

sb_status sb_checkpoint_open(const char *dir, sb_checkpoint **out, sb_error *err)
{
    *out = NULL;
    sb_checkpoint *ck = calloc(1, sizeof *ck);
    char *one = sb_file_join(dir, "model.safetensors"), *index = sb_file_join(dir, "model.safetensors.index.json");
    sb_status st = SB_OK;
    if (!ck || !one || !index || !(ck->dir = strdup(dir))) {
        st = sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", dir);
    } else if (access(one, F_OK) == 0) {
        st = open_one(ck, one, err);
    } else if (access(index, F_OK) == 0) {
        sb_index ix = {0};
        char *text = NULL;
        size_t size = 0;
        st = sb_file_read(index, MAX_INDEX, &text, &size, err);
        if (st == SB_OK)
            st = sb_index_parse(index, text, size, &ix, err);
        if (st == SB_OK)
            st = open_shards(ck, index, &ix, err);
        sb_index_free(&ix);
        free(text);
    } else {
        st = sb_fail(err, SB_ERR_IO, "%s: neither model.safetensors nor model.safetensors.index.json is there", dir);
    }
    free(one);
    free(index);
    if (st != SB_OK)
        sb_checkpoint_close(ck);
    else
        *out = ck;
    return st;
}

void sb_checkpoint_close(sb_checkpoint *ck)
{
    if (!ck)
        return;
    for (size_t i = 0; i < ck->n_shards; i++)
        sb_safetensors_close(ck->shards[i]);
    free(ck->shards);
    free(ck->tensors);
    free(ck->dir);
    free(ck);
}

const char *sb_checkpoint_dir(const sb_checkpoint *ck)
{
    return ck->dir;
}
size_t sb_checkpoint_count(const sb_checkpoint *ck)
{
    return ck->tensors ? ck->n : sb_safetensors_count(ck->shards[0]);
}

const sb_tensor *sb_checkpoint_at(const sb_checkpoint *ck, size_t i)
{
    if (!ck->tensors)
        return sb_safetensors_at(ck->shards[0], i);
    return i < ck->n ? ck->tensors[i] : NULL;
}

const sb_tensor *sb_checkpoint_find(const sb_checkpoint *ck, const char *name)
{
    if (!ck->tensors)
        return sb_safetensors_find(ck->shards[0], name);
    sb_tensor key = {.name = name};
    const sb_tensor *k = &key, **hit = bsearch(&k, ck->tensors, ck->n, sizeof *ck->tensors, cmp_tensor);
    return hit ? *hit : NULL;
}

uint64_t sb_tensor_cols(const sb_tensor *t)
{
    return t->ndim ? t->shape[t->ndim - 1] : 1;
}

uint64_t sb_tensor_rows(const sb_tensor *t)
{
    uint64_t cols = sb_tensor_cols(t);
    return cols ? t->bytes / sb_dtype_size(t->dtype) / cols : 0;
}

static float bits_float(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

sb_status sb_checkpoint_read_f32(const sb_checkpoint *ck, const sb_tensor *t, uint64_t first_row, uint64_t n_rows,
                                 float *out, sb_error *err)
{
    (void)ck;
    uint64_t rows = sb_tensor_rows(t), cols = sb_tensor_cols(t);
    if (t->dtype != SB_DTYPE_F32 && t->dtype != SB_DTYPE_F16 && t->dtype != SB_DTYPE_BF16)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: tensor %s: dtype %s, expected F32, F16 or BF16", t->file, t->name,
                       sb_dtype_name(t->dtype));
    if (first_row > rows || n_rows > rows - first_row)
        return sb_fail(err, SB_ERR_ARG, "%s: tensor %s: rows %llu to %llu asked of %llu", t->file, t->name,
                       (unsigned long long)first_row, (unsigned long long)(first_row + n_rows),
                       (unsigned long long)rows);
    const char *p = (const char *)t->data + first_row * cols * sb_dtype_size(t->dtype);
    size_t n = (size_t)(n_rows * cols);
    if (t->dtype == SB_DTYPE_F32 && n) {
        memcpy(out, p, n * 4);
    } else {
        for (size_t i = 0; i < n; i++) {
            uint16_t h;
            memcpy(&h, p + 2 * i, 2);
            out[i] = t->dtype == SB_DTYPE_F16 ? sb_half_to_float(h) : bits_float((uint32_t)h << 16);
        }
    }
    for (size_t i = 0; i < n; i++)
        if (!isfinite(out[i]))
            return sb_fail(err, SB_ERR_FORMAT, "%s: tensor %s: NaN or infinity at row %llu, column %llu", t->file,
                           t->name, (unsigned long long)(first_row + i / cols), (unsigned long long)(i % cols));
    return SB_OK;
}
