/* SPDX-License-Identifier: Apache-2.0
 * OUT.partial: where a directory is made before it appears whole under its name. Holds finished pieces by number, so
 * that an interrupted job resumes. */
#ifndef SEEDBED_MODEL_WORKDIR_H
#define SEEDBED_MODEL_WORKDIR_H

#include <stdbool.h>
#include <stddef.h>

#include "seedbed/status.h"

typedef struct sb_workdir sb_workdir;

/* identity: one line; pieces left by a run with another identity are thrown away. OUT must not exist unless force. An
 * OUT.partial that another process works in, or that no run of this program left, is refused (SB_ERR_ARG). */
sb_status sb_workdir_open(const char *out, const char *identity, bool force, sb_workdir **w, sb_error *err);
const char *sb_workdir_path(const sb_workdir *w);
/* Piece i: true if it was there with exactly this size. */
bool sb_workdir_take(const sb_workdir *w, size_t i, void *data, size_t bytes);
sb_status sb_workdir_put(sb_workdir *w, size_t i, const void *data, size_t bytes, sb_error *err);
/* Copies IN/name if it exists; if it does not, that is an error only when required. */
sb_status sb_workdir_copy(sb_workdir *w, const char *in, const char *name, bool required, sb_error *err);
/* Removes the pieces and renames the directory to OUT (an existing OUT is replaced when force was given). */
sb_status sb_workdir_commit(sb_workdir *w, sb_error *err);
/* Frees w (NULL is fine). Unless committed or keep, removes the directory. */
void sb_workdir_close(sb_workdir *w, bool keep);

#endif
