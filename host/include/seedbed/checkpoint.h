/* SPDX-License-Identifier: Apache-2.0
 * The tensors of a Hugging Face directory: model.safetensors, or model.safetensors.index.json and its shards. */
#ifndef SEEDBED_CHECKPOINT_H
#define SEEDBED_CHECKPOINT_H

#include "seedbed/safetensors.h"

typedef struct sb_checkpoint sb_checkpoint;

sb_status sb_checkpoint_open(const char *dir, sb_checkpoint **out, sb_error *err);
void sb_checkpoint_close(sb_checkpoint *ck); /* NULL is fine */

const char *sb_checkpoint_dir(const sb_checkpoint *ck);
size_t sb_checkpoint_count(const sb_checkpoint *ck);
const sb_tensor *sb_checkpoint_at(const sb_checkpoint *ck,
                                  size_t i); /* NULL past the end; sorted by name when sharded */
const sb_tensor *sb_checkpoint_find(const sb_checkpoint *ck, const char *name); /* NULL if there is none */

/* The last dimension is the column; all others together are the row. A vector is one row, a scalar one element. */
uint64_t sb_tensor_cols(const sb_tensor *t);
uint64_t sb_tensor_rows(const sb_tensor *t);

/* Rows first_row .. first_row+n_rows-1 of an F32, F16 or BF16 tensor as float: out[n_rows * cols].
 * A NaN or infinity is refused with tensor, row and column. */
sb_status sb_checkpoint_read_f32(const sb_checkpoint *ck, const sb_tensor *t, uint64_t first_row, uint64_t n_rows,
                                 float *out, sb_error *err);

/* For index.json as text (sharded checkpoints): checks the weight_map alone. Names and files are plain file names.
 * Used by sb_checkpoint_open; here so that it can be tested without files. */
typedef struct {
    char *name, *file;
} sb_index_entry;
typedef struct {
    sb_index_entry *entries; /* sorted by file, then name */
    size_t n;
} sb_index;
sb_status sb_index_parse(const char *path, const char *json, size_t size, sb_index *out, sb_error *err);
void sb_index_free(sb_index *ix);

#endif
