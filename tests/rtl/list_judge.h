/* SPDX-License-Identifier: Apache-2.0
 * Whether a run of a list on the core is what the documents allow: its end, the error's index and reason, every byte of
 * memory, every byte written. Commands are worked out one after another in an image of the memory, by the cpu device
 * and the plain model of core_bench.c; bytes of which nothing is promised are marked, and what depends on them too. */
#ifndef RTL_LIST_JUDGE_H
#define RTL_LIST_JUDGE_H

#include "core_bench.h"
#include "device/core_driver.h"
#include "list_gen.h"

typedef struct {
    uint64_t lo, hi;
} lj_span;

typedef struct {
    const sb_sim_interface *api;
    sb_core core;
    lm_core k;
    bench b;        /* of core_bench.h: its mem is the core's memory */
    sb_device *cpu; /* its memory is the image */
    uint8_t *image;
    uint8_t undefined[LG_MEM], wrote[LG_MEM],
        may[LG_MEM];  /* a byte each: not promised; written; of a command's results */
    lj_span out[256]; /* writes outside the memory */
    unsigned n_out;
    const lg_list *list; /* under way */
    uint64_t read_errors, write_errors;
    /* over all lists */
    uint64_t equal, unknown,
        ended[9]; /* commands compared, commands of which nothing is promised; lists by their error */
} judge;

/* sb_sim_config.access with a judge as ctx. */
int lj_access(void *ctx, bool write, uint64_t addr, uint64_t bytes);
/* False: the list cannot be judged (a command would overwrite records to come), or may take more than `most` cycles;
 * *cycles: at most. */
bool lj_plan(const judge *j, const lg_list *l, uint64_t latency, uint64_t most, uint64_t *cycles);
/* Before the run: the image becomes the memory. */
void lj_begin(judge *j, const lg_list *l);
/* After it. NULL, or what is wrong (static). */
const char *lj_verdict(judge *j, const sb_sim_report *r);

#endif
