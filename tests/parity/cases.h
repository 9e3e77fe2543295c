/* SPDX-License-Identifier: Apache-2.0
 * Random commands with their data, for comparing a back end with cpu. */
#ifndef SEEDBED_TESTS_PARITY_CASES_H
#define SEEDBED_TESTS_PARITY_CASES_H

#include "seedbed/device.h"

/* What lies at one address of a command; data NULL and bytes > 0: an output, poisoned before the run. */
typedef struct {
    void *data;
    size_t bytes;
} parity_blob;

typedef struct {
    sb_command c; /* addresses are filled in when it is placed in a device */
    parity_blob weights, src, dst, aux;
    sb_matrix matrix; /* MATVEC: weights, loaded in the device's own layout */
    bool must_fail;   /* its data holds what the contract refuses */
    bool no_core;     /* ... and for what a core is not defined */
    char what[96];    /* shape and mode, for messages */
} parity_case;

typedef void (*parity_make_fn)(parity_case *p);

/* The maker of an operation's cases; NULL: no exact operation. Draws from parity_seed()'s sequence. */
parity_make_fn parity_maker(sb_op op);
/* aligned: strides and, where several vectors lie one behind another, vectors are whole lines of 64 bytes, as a core
 * may ask. */
void parity_seed(uint64_t seed, bool aligned);
uint64_t parity_random(void);
void parity_free(parity_case *p);

#endif
