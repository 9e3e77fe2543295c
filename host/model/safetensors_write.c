/* SPDX-License-Identifier: Apache-2.0 */
#include <json.h>
#include <stdlib.h>
#include <string.h>

#include "model/buf.h"
#include "model/file.h"
#include "model/json_util.h"
#include "seedbed/safetensors.h"

typedef struct {
    uint64_t offset, bytes; /* in the file */
} extent;

struct sb_safetensors_writer {
    sb_file_out out;
    size_t n, at;    /* tensors; the one being written */
    uint64_t done;   /* bytes of it */
    extent *extents; /* in the order of declaration */
    char **names;
};

static void writer_free(sb_safetensors_writer *w)
{
    for (size_t i = 0; w->names && i < w->n; i++)
        free(w->names[i]);
    free(w->names);
    free(w->extents);
    free(w);
}

void sb_safetensors_writer_abort(sb_safetensors_writer *w)
{
    if (!w)
        return;
    sb_file_out_abort(&w->out);
    writer_free(w);
}

static sb_status check_decl(const char *path, const sb_tensor_decl *d, uint64_t *bytes, sb_error *err)
{
    size_t len = d->name ? strlen(d->name) : 0;
    bool ok = len > 0 && len <= SB_TENSOR_MAX_NAME && strcmp(d->name, "__metadata__") != 0;
    for (size_t i = 0; ok && i < len; i++)
        ok = (unsigned char)d->name[i] >= 0x20 && d->name[i] != 0x7f;
    if (!ok)
        return sb_fail(err, SB_ERR_ARG, "%s: a declared tensor has an empty, reserved, too long or unprintable name",
                       path);
    if (!sb_dtype_size(d->dtype) || d->ndim < 0 || d->ndim > SB_TENSOR_MAX_DIMS)
        return sb_fail(err, SB_ERR_ARG, "%s: tensor %s: declared with a bad dtype or %d dimensions", path, d->name,
                       d->ndim);
    *bytes = sb_dtype_size(d->dtype);
    for (int i = 0; i < d->ndim; i++)
        if (__builtin_mul_overflow(*bytes, d->shape[i], bytes) || *bytes > INT64_MAX / 2)
            return sb_fail(err, SB_ERR_ARG, "%s: tensor %s: declared shape overflows", path, d->name);
    return SB_OK;
}

/* Adds one tensor's entry to the header; false when memory is short. */
static bool add_entry(json_object *header, const sb_tensor_decl *d, const extent *x)
{
    json_object *e = json_object_new_object(), *shape = json_object_new_array(), *offs = json_object_new_array();
    bool ok = e && shape && offs;
    for (int i = 0; ok && i < d->ndim; i++)
        ok = json_object_array_add(shape, json_object_new_uint64(d->shape[i])) == 0;
    ok = ok && json_object_array_add(offs, json_object_new_uint64(x->offset)) == 0 &&
         json_object_array_add(offs, json_object_new_uint64(x->offset + x->bytes)) == 0;
    ok = ok && json_object_object_add(e, "dtype", json_object_new_string(sb_dtype_name(d->dtype))) == 0;
    if (ok && json_object_object_add(e, "shape", shape) == 0)
        shape = NULL;
    if (ok && json_object_object_add(e, "data_offsets", offs) == 0)
        offs = NULL;
    ok = ok && !shape && !offs;
    json_object_put(shape);
    json_object_put(offs);
    if (ok && json_object_object_add(header, d->name, e) == 0)
        return true;
    json_object_put(e);
    return false;
}

/* Lays the tensors out, widest elements first and otherwise in order, and builds the header. */
static sb_status build_header(sb_safetensors_writer *w, const char *path, const sb_tensor_decl *decls,
                              json_object *header, sb_error *err)
{
    json_object *meta = json_object_new_object();
    bool ok = meta && json_object_object_add(meta, "format", json_object_new_string("pt")) == 0 &&
              json_object_object_add(header, "__metadata__", meta) == 0;
    uint64_t at = 0;
    for (size_t width = 8; ok && width; width /= 2) {
        for (size_t i = 0; ok && i < w->n; i++) {
            if (sb_dtype_size(decls[i].dtype) != width)
                continue;
            w->extents[i].offset = at;
            at += w->extents[i].bytes;
            if (at > INT64_MAX / 2)
                return sb_fail(err, SB_ERR_ARG, "%s: tensor %s: declared data overflows", path, decls[i].name);
            if (sb_json_get(header, decls[i].name))
                return sb_fail(err, SB_ERR_ARG, "%s: tensor %s: declared twice", path, decls[i].name);
            ok = add_entry(header, &decls[i], &w->extents[i]);
        }
    }
    return ok ? SB_OK : sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", path);
}

static sb_status write_header(sb_safetensors_writer *w, json_object *header, sb_error *err)
{
    size_t len = 0;
    const char *text =
        json_object_to_json_string_length(header, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    size_t padded = (len + 7) / 8 * 8;
    sb_buf b = {0};
    bool ok = text != NULL;
    for (int i = 0; ok && i < 8; i++)
        ok = sb_buf_add(&b, &(char){(char)((uint64_t)padded >> 8 * i)}, 1);
    ok = ok && sb_buf_add(&b, text, len) && sb_buf_add(&b, "        ", padded - len);
    sb_status st = ok ? sb_file_out_write(&w->out, 0, b.data, b.len, err)
                      : sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", w->out.path);
    for (size_t i = 0; i < w->n; i++)
        w->extents[i].offset += 8 + padded;
    sb_buf_free(&b);
    return st;
}

sb_status sb_safetensors_writer_open(const char *path, const sb_tensor_decl *tensors, size_t n,
                                     sb_safetensors_writer **out, sb_error *err)
{
    *out = NULL;
    sb_safetensors_writer *w = calloc(1, sizeof *w);
    if (!w)
        return sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", path);
    w->out.fd = -1;
    w->n = n;
    w->extents = calloc(n + 1, sizeof *w->extents);
    w->names = calloc(n + 1, sizeof *w->names);
    json_object *header = json_object_new_object();
    sb_status st = w->extents && w->names && header ? SB_OK : sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", path);
    for (size_t i = 0; st == SB_OK && i < n; i++) {
        st = check_decl(path, &tensors[i], &w->extents[i].bytes, err);
        if (st == SB_OK && !(w->names[i] = strdup(tensors[i].name)))
            st = sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", path);
    }
    if (st == SB_OK)
        st = build_header(w, path, tensors, header, err);
    if (st == SB_OK)
        st = sb_file_out_open(&w->out, path, err);
    if (st == SB_OK)
        st = write_header(w, header, err);
    json_object_put(header);
    if (st != SB_OK)
        sb_safetensors_writer_abort(w);
    else
        *out = w;
    return st;
}

sb_status sb_safetensors_writer_write(sb_safetensors_writer *w, const void *data, size_t bytes, sb_error *err)
{
    const char *p = data;
    for (;;) {
        while (w->at < w->n && w->done == w->extents[w->at].bytes) {
            w->at++;
            w->done = 0;
        }
        if (!bytes)
            return SB_OK;
        if (w->at == w->n)
            return sb_fail(err, SB_ERR_ARG, "%s: %zu bytes more than the declared tensors hold", w->out.path, bytes);
        const extent *x = &w->extents[w->at];
        size_t n = x->bytes - w->done < bytes ? (size_t)(x->bytes - w->done) : bytes;
        sb_status st = sb_file_out_write(&w->out, x->offset + w->done, p, n, err);
        if (st != SB_OK)
            return st;
        w->done += n;
        p += n;
        bytes -= n;
    }
}

sb_status sb_safetensors_writer_commit(sb_safetensors_writer *w, sb_error *err)
{
    sb_status st = sb_safetensors_writer_write(w, NULL, 0, err); /* steps over empty tensors at the end */
    if (st == SB_OK && w->at < w->n)
        st = sb_fail(err, SB_ERR_ARG, "%s: tensor %s: only %llu of %llu bytes were written", w->out.path,
                     w->names[w->at], (unsigned long long)w->done, (unsigned long long)w->extents[w->at].bytes);
    if (st == SB_OK)
        st = sb_file_out_commit(&w->out, err);
    else
        sb_file_out_abort(&w->out);
    writer_free(w);
    return st;
}
