/* SPDX-License-Identifier: Apache-2.0
 * The safetensors container: u64 little-endian header length, a JSON header, then the tensors' bytes without gaps.
 * The reader maps the file read-only and believes nothing that it has not checked; the writer streams. */
#ifndef SEEDBED_SAFETENSORS_H
#define SEEDBED_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seedbed/status.h"

typedef enum {
    SB_DTYPE_BOOL = 0,
    SB_DTYPE_U8,
    SB_DTYPE_I8,
    SB_DTYPE_F8_E5M2,
    SB_DTYPE_F8_E4M3,
    SB_DTYPE_U16,
    SB_DTYPE_I16,
    SB_DTYPE_F16,
    SB_DTYPE_BF16,
    SB_DTYPE_U32,
    SB_DTYPE_I32,
    SB_DTYPE_F32,
    SB_DTYPE_U64,
    SB_DTYPE_I64,
    SB_DTYPE_F64,
    SB_DTYPE_COUNT
} sb_dtype;

const char *sb_dtype_name(sb_dtype t); /* "F32", ... */
size_t sb_dtype_size(sb_dtype t);      /* bytes an element */

#define SB_TENSOR_MAX_DIMS 8
#define SB_TENSOR_MAX_NAME 256 /* bytes, without the NUL; names are printable (no control characters) */

typedef struct {
    const char *name;
    sb_dtype dtype;
    int ndim; /* 0: a scalar */
    uint64_t shape[SB_TENSOR_MAX_DIMS];
    const void *data; /* bytes, in the file's mapping; little-endian; aligned only as the file has it */
    uint64_t bytes;   /* = product of shape * element size, checked */
    uint64_t offset;  /* of data in the file */
    const char *file; /* the file that holds it, for messages */
} sb_tensor;

/* "[64, 172]" for messages. Returns buf. */
const char *sb_tensor_shape_str(const sb_tensor *t, char *buf, size_t cap);
/* Whether data may be read as elements of n bytes; files written by Seedbed always are aligned to the element size. */
static inline bool sb_tensor_is_aligned(const sb_tensor *t, size_t n)
{
    return (uintptr_t)t->data % n == 0;
}

typedef struct sb_safetensors sb_safetensors;

/* Opens and maps; every tensor is checked before this returns. While it is open the file must not be truncated by
 * others (a read behind the new end would be SIGBUS, as with any mapping). */
sb_status sb_safetensors_open(const char *path, sb_safetensors **out, sb_error *err);
/* The same on memory that the caller keeps alive; `path` is for messages. */
sb_status sb_safetensors_parse(const char *path, const void *data, size_t size, sb_safetensors **out, sb_error *err);
void sb_safetensors_close(sb_safetensors *st); /* NULL is fine */

size_t sb_safetensors_count(const sb_safetensors *st);
const sb_tensor *sb_safetensors_at(const sb_safetensors *st, size_t i);           /* in order of offset */
const sb_tensor *sb_safetensors_find(const sb_safetensors *st, const char *name); /* NULL if there is none */
const char *sb_safetensors_metadata(const sb_safetensors *st, const char *key);   /* NULL if there is none */

/* ---- writing ---- */
typedef struct {
    const char *name;
    sb_dtype dtype;
    int ndim;
    uint64_t shape[SB_TENSOR_MAX_DIMS];
} sb_tensor_decl;

typedef struct sb_safetensors_writer sb_safetensors_writer;

/* Creates PATH.tmp-PID and writes the header (`__metadata__` {"format":"pt"}). The data follows in the order of the
 * declarations; in the file, wider elements come first so that every tensor is aligned. */
sb_status sb_safetensors_writer_open(const char *path, const sb_tensor_decl *tensors, size_t n,
                                     sb_safetensors_writer **out, sb_error *err);
/* Appends bytes to the stream of tensor data: any chunking, across tensors too; more than declared is SB_ERR_ARG. */
sb_status sb_safetensors_writer_write(sb_safetensors_writer *w, const void *data, size_t bytes, sb_error *err);
/* Checks that all data came, then fsync, rename, fsync of the directory. Frees w, whatever happens; on failure PATH is
 * as it was. */
sb_status sb_safetensors_writer_commit(sb_safetensors_writer *w, sb_error *err);
/* Removes the temporary file and frees w; NULL is fine. */
void sb_safetensors_writer_abort(sb_safetensors_writer *w);

#endif
