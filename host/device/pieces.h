/* SPDX-License-Identifier: Apache-2.0
 * A device's memory made of several buffers, as XRT hands them out: sb_device's addresses run on through all of them,
 * the core's do not. Command records are translated when a list is handed over. */
#ifndef SEEDBED_PIECES_H
#define SEEDBED_PIECES_H

#include "device/device_internal.h"

typedef struct {
    uint64_t start, bytes; /* in sb_device's addresses */
    uint64_t address;      /* of the core */
    void *buffer;
    uint64_t slice; /* 0, or: it is made of buffers of so many bytes, far apart, of which `address` is the first's */
} sb_piece;

typedef struct {
    sb_piece *piece; /* one behind the other, from 0 */
    size_t n;
    uint64_t chunk; /* bytes of a new piece at least; a multiple of 4096 */
} sb_pieces;

/* Makes a zeroed buffer of piece->bytes and fills in the rest. */
typedef sb_status (*sb_piece_new_fn)(sb_device *dev, sb_piece *piece, sb_error *err);

/* For sb_backend.reserve and .fit. */
sb_status sb_pieces_reserve(sb_pieces *p, sb_device *dev, uint64_t end, sb_piece_new_fn make, sb_error *err);
uint64_t sb_pieces_fit(const sb_pieces *p, uint64_t at, uint64_t bytes);
/* The piece that a range lies in, or NULL. */
const sb_piece *sb_pieces_find(const sb_pieces *p, uint64_t addr, uint64_t bytes);
/* Turns the addresses of n commands into the core's. *failed: the command whose range is not in one piece. */
sb_status sb_pieces_translate(const sb_pieces *p, const sb_device *dev, sb_command *c, uint32_t n, uint32_t *failed,
                              sb_error *err);

#endif
