/* SPDX-License-Identifier: Apache-2.0
 * Files: read whole, map, and replace atomically (write beside, fsync, rename, fsync the directory). */
#ifndef SEEDBED_MODEL_FILE_H
#define SEEDBED_MODEL_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "seedbed/status.h"

/* Reads a regular file of at most max bytes; the caller frees *data (size + 1 bytes, NUL behind the end). */
sb_status sb_file_read(const char *path, size_t max, char **data, size_t *size, sb_error *err);

/* Maps a regular file read-only; an empty file gives *data NULL, *size 0. Unmap with munmap(data, size). */
sb_status sb_file_map(const char *path, const void **data, size_t *size, sb_error *err);

/* dir + "/" + name on the heap; NULL when memory is short. */
char *sb_file_join(const char *dir, const char *name);

typedef struct {
    int fd; /* -1: not open */
    char *path, *tmp;
} sb_file_out;

/* Creates PATH.tmp-PID beside PATH, which must be a regular file if it exists. */
sb_status sb_file_out_open(sb_file_out *f, const char *path, sb_error *err);
sb_status sb_file_out_write(sb_file_out *f, uint64_t offset, const void *data, size_t bytes, sb_error *err);
/* fsync, rename over PATH, fsync the directory. On failure the temporary file is removed and PATH is as it was. */
sb_status sb_file_out_commit(sb_file_out *f, sb_error *err);
/* Removes the temporary file; harmless after commit or on a zeroed struct with fd -1. */
void sb_file_out_abort(sb_file_out *f);

#endif
