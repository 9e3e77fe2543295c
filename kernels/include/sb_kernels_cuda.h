/* SPDX-License-Identifier: Apache-2.0
 * The exact operations (docs/numerics.md) on a CUDA GPU, behind a C ABI: a flat device memory, lists of 64-byte records
 * (seedbed/command.h) executed in order, a timeout on every wait. Shapes and ranges of the records must have been
 * checked (the host's sb_command_check); what the data itself does wrong (a value that is not finite, an index out of
 * range, a query record out of range) ends the list and is reported. One thread at a time may use an sb_cuda. Functions
 * that return int: 0 on success; else an SB_CUDA_ code, and one line in why[n]. */
#ifndef SB_KERNELS_CUDA_H
#define SB_KERNELS_CUDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seedbed/command.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sb_cuda sb_cuda;

enum {
    SB_CUDA_OK = 0,
    SB_CUDA_ABSENT = 1,  /* no driver, no such device, or too old a one (compute capability below 8.0) */
    SB_CUDA_FAILED = 2,  /* a call of the CUDA runtime */
    SB_CUDA_DATA = 3,    /* the list met data that it must not: *failed is the command */
    SB_CUDA_TIMEOUT = 4, /* not done in time: *failed is the command that began last; the device is of no further use */
    SB_CUDA_MEMORY = 5
};

typedef struct {
    char name[128];
    int major, minor, multiprocessors;
    size_t memory_bytes, l2_bytes;
} sb_cuda_properties;

int sb_cuda_open(int device, sb_cuda **out, char *why, size_t n);
void sb_cuda_close(sb_cuda *cuda);
const sb_cuda_properties *sb_cuda_properties_get(const sb_cuda *cuda);

/* Whether a kernel may be brought onto the GPU while the one before it still runs (it waits there for its results;
 * programmatic dependent launch). On from the start where the GPU can, compute capability 9.0. No value depends on it.
 */
void sb_cuda_overlap(sb_cuda *cuda, bool on);

/* Makes addresses 0..bytes-1 usable; what is new is zero. Grows only; what is there keeps its place. */
int sb_cuda_reserve(sb_cuda *cuda, uint64_t bytes, char *why, size_t n);
int sb_cuda_write(sb_cuda *cuda, uint64_t addr, const void *src, size_t bytes, char *why, size_t n);
int sb_cuda_read(sb_cuda *cuda, uint64_t addr, void *dst, size_t bytes, char *why, size_t n);

/* True for the operations of this library. */
bool sb_cuda_can(unsigned op);

/* Runs `count` (1..2^20) records that lie at device address `list`, of which `copy` is the host's copy, and waits at
 * most timeout_s seconds. A list of the same shape at the same address (operations, codecs, batches, rows, cols;
 * addresses, positions and strides may differ) is captured as a graph when it comes the second time and replayed from
 * then on. */
int sb_cuda_run(sb_cuda *cuda, uint64_t list, const sb_command *copy, uint32_t count, double timeout_s,
                uint32_t *failed, char *why, size_t n);

typedef struct {
    uint64_t lists, commands, graphs, replays; /* graphs: instantiated; replays: lists that were one launch */
} sb_cuda_counts;
void sb_cuda_counts_get(const sb_cuda *cuda, sb_cuda_counts *out);

/* The layout of a matrix in device memory, in bytes: `rows` rows of ceil(M/4)*4 main words (0 behind the last), then
 * `rows` rows of the side words, M and S as in docs/formats.md; rounded up to 64. */
size_t sb_cuda_matrix_bytes(unsigned codec, size_t rows, size_t cols);
/* words: rows of M main and then S side words, as a checkpoint has them. out: sb_cuda_matrix_bytes(). */
void sb_cuda_matrix_pack(unsigned codec, size_t rows, size_t cols, const uint32_t *words, void *out);

#ifdef __cplusplus
}
#endif
#endif
