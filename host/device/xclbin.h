/* SPDX-License-Identifier: Apache-2.0
 * What the host looks up in an xclbin before it hands it to XRT, which has no clear words for a file without our
 * kernel. */
#ifndef SEEDBED_XCLBIN_H
#define SEEDBED_XCLBIN_H

#include <stddef.h>
#include <stdint.h>

#include "seedbed/status.h"

typedef struct {
    char cu[64];              /* its first compute unit, e.g. "seedbed_kernel_1" */
    unsigned ports, bus_bits; /* AXI masters, and the width of the last; 0 if the file does not say */
    unsigned banks;           /* of the card's memory; their indices are XRT's memory groups */
    struct {
        uint64_t base, bytes;
    } bank[64];
} sb_xclbin_kernel;

/* name begins the messages. SB_ERR_FORMAT: not an xclbin, or a broken one; SB_ERR_ARG: it has no such kernel, and the
 * message says which it has. */
sb_status sb_xclbin_find(const char *name, const uint8_t *data, size_t bytes, const char *kernel, sb_xclbin_kernel *out,
                         sb_error *err);
/* The whole file, for free(). */
sb_status sb_xclbin_read(const char *path, uint8_t **data, size_t *bytes, sb_error *err);

#endif
