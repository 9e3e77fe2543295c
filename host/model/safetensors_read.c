/* SPDX-License-Identifier: Apache-2.0 */
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "model/file.h"
#include "model/json_util.h"
#include "seedbed/safetensors.h"

/* The limit of the reference implementation. */
#define MAX_HEADER 100000000u

struct sb_safetensors {
    char *path;
    void *map; /* NULL: memory of the caller */
    size_t map_size;
    json_object *header; /* owns the names */
    sb_tensor *tensors;  /* by offset */
    uint32_t *by_name;   /* indices into tensors, by name */
    size_t n;
};

static const struct {
    const char *name;
    size_t size;
} dtypes[SB_DTYPE_COUNT] = {
    [SB_DTYPE_BOOL] = {"BOOL", 1},       [SB_DTYPE_U8] = {"U8", 1},           [SB_DTYPE_I8] = {"I8", 1},
    [SB_DTYPE_F8_E5M2] = {"F8_E5M2", 1}, [SB_DTYPE_F8_E4M3] = {"F8_E4M3", 1}, [SB_DTYPE_U16] = {"U16", 2},
    [SB_DTYPE_I16] = {"I16", 2},         [SB_DTYPE_F16] = {"F16", 2},         [SB_DTYPE_BF16] = {"BF16", 2},
    [SB_DTYPE_U32] = {"U32", 4},         [SB_DTYPE_I32] = {"I32", 4},         [SB_DTYPE_F32] = {"F32", 4},
    [SB_DTYPE_U64] = {"U64", 8},         [SB_DTYPE_I64] = {"I64", 8},         [SB_DTYPE_F64] = {"F64", 8},
};

const char *sb_dtype_name(sb_dtype t)
{
    return (unsigned)t < SB_DTYPE_COUNT ? dtypes[t].name : "?";
}
size_t sb_dtype_size(sb_dtype t)
{
    return (unsigned)t < SB_DTYPE_COUNT ? dtypes[t].size : 0;
}

const char *sb_tensor_shape_str(const sb_tensor *t, char *buf, size_t cap)
{
    size_t n = 0;
    for (int i = 0; i < t->ndim && n < cap; i++)
        n += (size_t)snprintf(buf + n, cap - n, "%s%llu", i ? ", " : "[", (unsigned long long)t->shape[i]);
    if (n < cap)
        snprintf(buf + n, cap - n, t->ndim ? "]" : "[]");
    return buf;
}

static sb_status bad(const sb_safetensors *s, const char *tensor, const char *what, sb_error *err)
{
    return sb_fail(err, SB_ERR_FORMAT, "%s: tensor %s: %s", s->path, tensor, what);
}

static sb_status parse_shape(const sb_safetensors *s, json_object *v, sb_tensor *t, sb_error *err)
{
    size_t nd = json_object_is_type(v, json_type_array) ? json_object_array_length(v) : SIZE_MAX;
    if (nd == SIZE_MAX)
        return bad(s, t->name, "shape is not a list", err);
    if (nd > SB_TENSOR_MAX_DIMS)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: tensor %s: %zu dimensions, at most %d are supported", s->path,
                       t->name, nd, SB_TENSOR_MAX_DIMS);
    t->ndim = (int)nd;
    uint64_t bytes = dtypes[t->dtype].size;
    for (size_t i = 0; i < nd; i++) {
        int64_t d;
        if (!sb_json_is_int(json_object_array_get_idx(v, i), 0, INT64_MAX, &d))
            return bad(s, t->name, "shape holds something that is not a non-negative integer", err);
        t->shape[i] = (uint64_t)d;
        if (__builtin_mul_overflow(bytes, t->shape[i], &bytes))
            return bad(s, t->name, "shape overflows 64 bits", err);
    }
    t->bytes = bytes;
    return SB_OK;
}

static sb_status parse_tensor(sb_safetensors *s, const char *name, json_object *v, uint64_t data_bytes, sb_tensor *t,
                              sb_error *err)
{
    char shown[SB_TENSOR_MAX_NAME];
    t->name = name;
    if (!*name || strlen(name) > SB_TENSOR_MAX_NAME)
        return sb_fail(err, SB_ERR_FORMAT, "%s: a tensor name has %zu bytes, expected 1 to %d", s->path, strlen(name),
                       SB_TENSOR_MAX_NAME);
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return bad(s, sb_json_printable(shown, sizeof shown, name), "control character in its name", err);
    if (!json_object_is_type(v, json_type_object))
        return bad(s, name, "its entry is not a JSON object", err);
    const char *dtype = NULL;
    sb_status st = sb_json_str(s->path, v, "dtype", &dtype, err);
    if (st != SB_OK || !dtype)
        return bad(s, name, "dtype is missing or not a string", err);
    t->dtype = SB_DTYPE_COUNT;
    for (int i = 0; i < SB_DTYPE_COUNT; i++)
        if (!strcmp(dtype, dtypes[i].name))
            t->dtype = (sb_dtype)i;
    if (t->dtype == SB_DTYPE_COUNT)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: tensor %s: unknown dtype %s", s->path, name,
                       sb_json_printable(shown, 32, dtype));
    json_object *shape = sb_json_get(v, "shape"), *offs = sb_json_get(v, "data_offsets");
    if (!shape)
        return bad(s, name, "shape is missing", err);
    if (!offs)
        return bad(s, name, "data_offsets is missing", err);
    if ((st = parse_shape(s, shape, t, err)) != SB_OK)
        return st;
    int64_t begin, end;
    if (!json_object_is_type(offs, json_type_array) || json_object_array_length(offs) != 2 ||
        !sb_json_is_int(json_object_array_get_idx(offs, 0), 0, INT64_MAX, &begin) ||
        !sb_json_is_int(json_object_array_get_idx(offs, 1), 0, INT64_MAX, &end))
        return bad(s, name, "data_offsets is not a pair of non-negative integers", err);
    if (begin > end)
        return sb_fail(err, SB_ERR_FORMAT, "%s: tensor %s: data_offsets [%lld, %lld] run backwards", s->path, name,
                       (long long)begin, (long long)end);
    if ((uint64_t)end > data_bytes)
        return sb_fail(err, SB_ERR_FORMAT, "%s: tensor %s: data_offsets [%lld, %lld] leave the file's %llu data bytes",
                       s->path, name, (long long)begin, (long long)end, (unsigned long long)data_bytes);
    if ((uint64_t)(end - begin) != t->bytes)
        return sb_fail(err, SB_ERR_FORMAT, "%s: tensor %s: %lld bytes of data, but %s %s needs %llu", s->path, name,
                       (long long)(end - begin), dtypes[t->dtype].name, sb_tensor_shape_str(t, shown, sizeof shown),
                       (unsigned long long)t->bytes);
    t->offset = (uint64_t)begin; /* relative for now */
    t->file = s->path;
    return SB_OK;
}

static int cmp_offset(const void *a, const void *b)
{
    const sb_tensor *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    if (x->bytes != y->bytes) /* an empty tensor shares its offset with the next one */
        return x->bytes < y->bytes ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int cmp_name(const void *a, const void *b, void *ctx)
{
    const sb_tensor *t = ctx;
    return strcmp(t[*(const uint32_t *)a].name, t[*(const uint32_t *)b].name);
}

static sb_status check_layout(sb_safetensors *s, const char *data, uint64_t base, uint64_t data_bytes, sb_error *err)
{
    qsort(s->tensors, s->n, sizeof *s->tensors, cmp_offset);
    uint64_t at = 0;
    for (size_t i = 0; i < s->n; i++) {
        sb_tensor *t = &s->tensors[i];
        if (t->offset != at)
            return sb_fail(err, SB_ERR_FORMAT,
                           "%s: tensor %s: data begins at offset %llu, %s the end of the one before at %llu", s->path,
                           t->name, (unsigned long long)t->offset, t->offset < at ? "overlapping" : "with a gap after",
                           (unsigned long long)at);
        at += t->bytes;
        t->data = data + t->offset;
        t->offset += base;
        s->by_name[i] = (uint32_t)i;
    }
    if (at != data_bytes)
        return sb_fail(err, SB_ERR_FORMAT, "%s: %llu bytes after the last tensor belong to none", s->path,
                       (unsigned long long)(data_bytes - at));
    qsort_r(s->by_name, s->n, sizeof *s->by_name, cmp_name, s->tensors);
    return SB_OK;
}

static sb_status parse(sb_safetensors *s, const unsigned char *p, size_t size, sb_error *err)
{
    if (size < 8)
        return sb_fail(err, SB_ERR_FORMAT, "%s: %zu bytes, a safetensors file has at least 8", s->path, size);
    uint64_t len = 0;
    for (int i = 7; i >= 0; i--)
        len = len << 8 | p[i];
    if (len > size - 8)
        return sb_fail(err, SB_ERR_FORMAT, "%s: header of %llu bytes in a file of %zu", s->path,
                       (unsigned long long)len, size);
    sb_status st = sb_json_parse(s->path, (const char *)p + 8, (size_t)len, MAX_HEADER, &s->header, err);
    if (st != SB_OK)
        return st;
    size_t members = (size_t)json_object_object_length(s->header);
    s->tensors = calloc(members + 1, sizeof *s->tensors);
    s->by_name = calloc(members + 1, sizeof *s->by_name);
    if (!s->tensors || !s->by_name)
        return sb_fail(err, SB_ERR_NOMEM, "%s: out of memory for %zu tensors", s->path, members);
    uint64_t base = 8 + len, data_bytes = size - base;
    json_object_object_foreach(s->header, key, val)
    {
        if (!strcmp(key, "__metadata__")) {
            if (!json_object_is_type(val, json_type_object))
                return sb_fail(err, SB_ERR_FORMAT, "%s: __metadata__ is not a JSON object", s->path);
            continue;
        }
        if ((st = parse_tensor(s, key, val, data_bytes, &s->tensors[s->n], err)) != SB_OK)
            return st;
        s->n++;
    }
    return check_layout(s, (const char *)p + base, base, data_bytes, err);
}

sb_status sb_safetensors_parse(const char *path, const void *data, size_t size, sb_safetensors **out, sb_error *err)
{
    *out = NULL;
    sb_safetensors *s = calloc(1, sizeof *s);
    if (!s || !(s->path = strdup(path))) {
        free(s);
        return sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", path);
    }
    sb_status st = parse(s, data, size, err);
    if (st != SB_OK)
        sb_safetensors_close(s);
    else
        *out = s;
    return st;
}

sb_status sb_safetensors_open(const char *path, sb_safetensors **out, sb_error *err)
{
    const void *data;
    size_t size;
    *out = NULL;
    sb_status st = sb_file_map(path, &data, &size, err);
    if (st != SB_OK)
        return st;
    st = sb_safetensors_parse(path, data, size, out, err);
    if (st == SB_OK) {
        (*out)->map = (void *)(uintptr_t)data;
        (*out)->map_size = size;
    } else if (data) {
        munmap((void *)(uintptr_t)data, size);
    }
    return st;
}

void sb_safetensors_close(sb_safetensors *s)
{
    if (!s)
        return;
    if (s->map)
        munmap(s->map, s->map_size);
    json_object_put(s->header);
    free(s->tensors);
    free(s->by_name);
    free(s->path);
    free(s);
}

size_t sb_safetensors_count(const sb_safetensors *s)
{
    return s->n;
}
const sb_tensor *sb_safetensors_at(const sb_safetensors *s, size_t i)
{
    return i < s->n ? &s->tensors[i] : NULL;
}

const sb_tensor *sb_safetensors_find(const sb_safetensors *s, const char *name)
{
    size_t lo = 0, hi = s->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const sb_tensor *t = &s->tensors[s->by_name[mid]];
        int c = strcmp(name, t->name);
        if (c == 0)
            return t;
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

const char *sb_safetensors_metadata(const sb_safetensors *s, const char *key)
{
    json_object *m = sb_json_get(s->header, "__metadata__"), *v = m ? sb_json_get(m, key) : NULL;
    const char *str = NULL;
    return v && sb_json_is_str(v, &str) ? str : NULL;
}
