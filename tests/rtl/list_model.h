/* SPDX-License-Identifier: Apache-2.0
 * What a core makes of a record before it works on it: the error that it deserves, the bytes that it reads and writes,
 * and how many cycles it may take at most. From docs/device.md, docs/vector.md and docs/attention.md; nothing of it is
 * the RTL's. */
#ifndef RTL_LIST_MODEL_H
#define RTL_LIST_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "seedbed/command.h"

/* What the core at hand says of itself. */
typedef struct {
    unsigned bus; /* bytes */
    unsigned lanes, max_batch, units, codecs;
    uint32_t act_cap, attn_rows, attn_keys;
    bool op[256]; /* it knows the operation: asked by a record of each */
} lm_core;

/* n2 times (s2 bytes apart) n1 rows (s1 apart) of `bytes`; with `index` row i lies at addr + index[i] * s1. */
typedef struct {
    uint64_t addr, bytes, n1, s1, n2, s2;
    const uint32_t *index;
    bool write;
    bool sure; /* a command that ends well has touched every byte; else any of them, or none */
} lm_rows;
enum { LM_ROWS = 12 };

/* Error 0..4 of docs/device.md. */
unsigned lm_check(const lm_core *k, const sb_command *c);
/* Whether the bounds of this operation are not told exactly in the documents: it may be refused with 2..4 as well. */
bool lm_loose(const sb_command *c);
/* Only for records with error 0. mem: the memory of `bytes`, to look up indices; NULL: only where they may lead.
 * Returns how many. */
int lm_rows_of(const lm_core *k, const sb_command *c, const uint8_t *mem, uint64_t bytes, lm_rows r[LM_ROWS]);
/* Cycles at most on a memory of `latency` that never stalls. */
uint64_t lm_cycles(const lm_core *k, const sb_command *c, uint64_t latency);

/* Row i of all n1 * n2. */
static inline uint64_t lm_row_at(const lm_rows *r, uint64_t i)
{
    return r->addr + (r->index ? r->index[i] * r->s1 : i % r->n1 * r->s1) + i / r->n1 * r->s2;
}
/* Where the last row ends. */
static inline uint64_t lm_end(const lm_rows *r)
{
    uint64_t far = 0;
    for (uint64_t i = 0; r->index && i < r->n1; i++)
        far = r->index[i] > far ? r->index[i] : far;
    return r->addr + (r->index ? far : r->n1 - 1) * r->s1 + (r->n2 - 1) * r->s2 + r->bytes;
}
/* Whether a row has a byte in lo..hi-1, rows widened to beats of `beat` bytes. Too many rows count as one piece, unless
 * sure. */
bool lm_meets(const lm_rows *r, uint64_t lo, uint64_t hi, unsigned beat);

#endif
