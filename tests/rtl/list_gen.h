/* SPDX-License-Identifier: Apache-2.0
 * Random command lists in a memory of random bytes, and what can be done to them. */
#ifndef RTL_LIST_GEN_H
#define RTL_LIST_GEN_H

#include "list_model.h"

enum { LG_MEM = 1 << 20, LG_MAX = 8 }; /* bytes of device memory; commands of a list */

/* An interval of addresses at which the memory answers with an error. */
typedef struct {
    uint64_t lo, hi;
    int response; /* 2 SLVERR, 3 DECERR */
    bool write;
} lg_fault;

typedef struct {
    uint64_t addr; /* of the list, for the core */
    uint32_t count;
    uint64_t at; /* where the records lie */
    uint32_t n;
    lg_fault fault; /* lo == hi: none */
    bool mutated;
    char what[200]; /* the mutations */
} lg_list;

void lg_seed(uint64_t seed);
uint32_t lg_below(uint32_t n);
uint64_t lg_random(void);
/* Fills mem and puts a list of 1..most valid commands into it, each of at most `cycles` by lm_cycles. */
void lg_make(lg_list *l, const lm_core *k, uint8_t *mem, uint32_t most, uint64_t cycles);
/* Changes l and its records, in 1 to 3 places. */
void lg_mutate(lg_list *l, const lm_core *k, uint8_t *mem);

#endif
