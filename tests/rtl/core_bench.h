/* SPDX-License-Identifier: Apache-2.0
 * The bench of the whole core: problems with random contents in device memory, the plain model's results for them, and
 * the comparison. core_bench.c has these, core_tests.c and core_measure.c what is done with them, bench_core.c is the
 * program. */
#ifndef RTL_CORE_BENCH_H
#define RTL_CORE_BENCH_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "seedbed_sim.h"

#define CHECK(cond, ...)                                                                                               \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                                            \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            fputc('\n', stderr);                                                                                       \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

extern const char *const codec_name[M_CODECS];

typedef struct {
    const sb_sim_interface *api;
    uint8_t *mem, *image; /* what the core works on; what the model makes of it */
    uint64_t bytes, top;  /* allocated up to here */
    uint64_t stride;      /* PORT_STRIDE */
    m_rng rng;
    size_t lanes, ports, align; /* lanes of a port */
    uint32_t max_batch;
    uint32_t act_cap; /* elements of the activation buffer */
    uint64_t matvecs; /* compared with the model so far, all equal */
} bench;

typedef struct {
    int op, codec, batch;
    uint32_t rows, cols;
    uint64_t weights, src, dst;
    bool written; /* its weights are what the list writes: not to be called constant */
} command;

/* Every failure ends the program with a message. */
bench bench_load(const char *path);

uint64_t take(bench *b, uint64_t bytes);
/* Forgets the allocations. The first page stays free for the command list. */
void fresh(bench *b);
/* From the first to the last byte of the weights. */
uint64_t weight_span(const bench *b, int codec, size_t rows, size_t cols);
/* Row groups of port p: p, p + ports, ... */
size_t port_groups(const bench *b, size_t rows, size_t p);
uint64_t dst_bytes(const command *c);

/* A MATVEC with random contents in fresh memory; dst begins dst_pad bytes (a multiple of 64) into its own. */
command make_batch(bench *b, int codec, int batch, size_t rows, size_t cols, uint64_t dst_pad);
command make_matvec(bench *b, int codec, size_t rows, size_t cols, uint64_t dst_pad);
/* 1, or up to what the core takes of this shape. With a bus of 1024 bits the results must each begin on a beat. */
int random_batch(bench *b, int codec, size_t rows, size_t cols);

void put_command(bench *b, uint64_t list, size_t index, const command *c);
/* docs/formats.md and docs/numerics.md section 3, on the image. */
void model_matvec(bench *b, const command *c);
sb_sim *open_sim(bench *b, sb_sim_config cfg);
sb_sim_report run(bench *b, sb_sim *s, uint64_t list, uint32_t count, sb_sim_status expect);
/* The image becomes what the core's memory is. */
void snapshot(bench *b);
/* Everything that was ever allocated, and some more, is as the model left it; so stray writes show. */
void compare(bench *b, const command *c, size_t n, const char *what);
/* A list that must succeed, checked against the model, with the counters. */
void run_list(bench *b, sb_sim *s, uint64_t list, command *c, size_t n, const char *what);

void core_tests(bench *b);
void core_measure(bench *b);

#endif
