/* SPDX-License-Identifier: Apache-2.0
 * The card that the simulated XRT driver drives: memory banks with buffers in them, and the Verilated core behind its
 * AXI4-Lite registers. Device addresses are the core's; what lies in no buffer does not exist for it (DECERR).
 * Functions give 0 or -errno, with a line on standard error where the caller could not say why. */
#ifndef SEEDBED_XRT_MODEL_H
#define SEEDBED_XRT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ert.h"
#include "xclbin.h"

typedef struct model model;

model *model_open(void);
/* Ends what runs. */
void model_close(model *m);

/* Takes banks and core from an xclbin that sim/xrt/mkxclbin.c wrote. With buffers in use only the same one again. */
int model_load(model *m, const struct axlf *xclbin);

/* Buffers: multiples of 4096 bytes at multiples of 4096, of undefined content. */
int model_alloc(model *m, unsigned bank, size_t bytes, uint64_t *addr);
void model_free(model *m, uint64_t addr);
/* DMA; a range lies in one buffer. */
int model_write(model *m, uint64_t addr, const void *src, size_t bytes);
int model_read(model *m, uint64_t addr, void *dst, size_t bytes);
int model_copy(model *m, uint64_t dst, uint64_t src, size_t bytes);

/* One access of the host to the core's registers; also while it runs. */
int model_reg_write(model *m, uint32_t offset, uint32_t value);
int model_reg_read(model *m, uint32_t offset, uint32_t *value);

/* Queues a command of at most `bytes`, of which the state is set when it ends, perhaps never. */
int model_submit(model *m, struct ert_start_kernel_cmd *cmd, size_t bytes);
/* The host frees the memory of a command, which may still be in work. */
void model_forget(model *m, const void *cmd);
/* 1: a command has ended that no call reported yet; 0: none did for so long. */
int model_wait(model *m, int milliseconds);

#endif
