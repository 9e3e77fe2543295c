/* SPDX-License-Identifier: Apache-2.0
 * SeedLM's encoder in parts (formats.md): the scalar quantiser of one (block, seed) pair, the naive loop over all
 * seeds, and the scan, which finds the same arg-min while quantising some 20 of 65535 seeds. Tests and bench use all of
 * them. */
#ifndef SEEDBED_SEEDLM_INTERNAL_H
#define SEEDBED_SEEDLM_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "seedbed/codec.h"

enum {
    SB_SEEDLM_K = 16,
    SB_SEEDLM_SEEDS = 65535,
    SB_SEEDLM_LANES = 16,    /* blocks searched together */
    SB_SEEDLM_SEGMENT = 255, /* seeds between two updates of the thresholds; divides SEEDS */
    SB_SEEDLM_MAX_C = 12,
    SB_SEEDLM_MAX_P = 4
};

typedef struct {
    int c, p; /* weights and coefficients of a block: (8, 3) or (12, 4) */
} sb_seedlm_shape;

/* What one seed, or the best of all seeds, gives. seed 0: the all-zero block. */
typedef struct {
    double err; /* |w - unit * 2^e * V q|^2 */
    uint32_t seed;
    int e;                     /* -8..7 */
    int8_t q[SB_SEEDLM_MAX_P]; /* -8..7 */
} sb_seedlm_code;

/* The one definition of the error of a seed. states[c*p]: the register states after the seed; w[c]: scaled weights. */
sb_seedlm_code sb_seedlm_quantise(sb_seedlm_shape shape, const double *w, const uint16_t *states, sb_rounding rounding);

/* Every seed through sb_seedlm_quantise, basis by sb_lfsr_basis. */
sb_seedlm_code sb_seedlm_encode_naive(sb_seedlm_shape shape, const double *w, sb_rounding rounding);

/* One of the few seeds (511 and 93) whose basis is nearly dependent: float32 says nothing about them. */
typedef struct {
    int j;
    double margin;
    double inv[SB_SEEDLM_MAX_P * (SB_SEEDLM_MAX_P + 1) / 2];
} sb_seedlm_stiff;

/* Tables shared by all blocks of a shape, built once for each process, by any thread. */
typedef struct {
    sb_seedlm_shape shape;
    int row;               /* floats of one row of `factor`: 1 + p(p+1)/2, padded to a multiple of 4 */
    const uint16_t *cycle; /* [SEEDS + 64]: cycle[0] = 1, cycle[j+1] = the state after cycle[j] */
    const uint16_t *index; /* [SEEDS + 64]: bit c = lowest bit of cycle[j+1+c*p] */
    const float *factor;   /* [SEEDS][row]: margin, then the rows of inv(L), where L L' = U'U for the seed cycle[j] */
    const sb_seedlm_stiff *stiff; /* these have a factor row that never hits */
    int stiff_count;
} sb_seedlm_table;
const sb_seedlm_table *sb_seedlm_table_get(sb_seedlm_shape shape); /* NULL: out of memory */

/* SB_SEEDLM_LANES blocks searched together. */
typedef struct {
    const sb_seedlm_table *table;
    sb_rounding rounding;
    double w[SB_SEEDLM_LANES][SB_SEEDLM_MAX_C];
    double norm2[SB_SEEDLM_LANES];
    sb_seedlm_code best[SB_SEEDLM_LANES];
    uint64_t evaluations;
    double unit_w[SB_SEEDLM_MAX_C][SB_SEEDLM_LANES]; /* w/|w| */
    /* Of w/|w|: float32 tables of sum_c w_c * bit_c, two of them when c > 8 (six bits each), centred and in units of U.
     */
    _Alignas(64) float sums[2][256][SB_SEEDLM_LANES];
    _Alignas(64) float first[SB_SEEDLM_MAX_P][SB_SEEDLM_LANES]; /* U'w of the seed cycle[0] */
    _Alignas(64) float threshold[SB_SEEDLM_LANES];              /* energies below it cannot win */
    _Alignas(64) float hit_energy[SB_SEEDLM_SEGMENT][SB_SEEDLM_LANES];
    int hit_j[SB_SEEDLM_SEGMENT];
    int hits; /* positions of this segment where some lane reached its threshold */
} sb_seedlm_group;

/* Searches n <= SB_SEEDLM_LANES blocks; g->table, rounding, w are set, best is the result. */
typedef void (*sb_seedlm_scan_fn)(sb_seedlm_group *g);
void sb_seedlm_scan(sb_seedlm_group *g, int n, sb_seedlm_scan_fn fn);
void sb_seedlm_scan_plain(sb_seedlm_group *g);
#if defined(__AVX2__) && defined(__FMA__)
#define SB_SEEDLM_HAVE_AVX2 1
void sb_seedlm_scan_avx2(sb_seedlm_group *g);
#endif

/* Called by the scans after each segment: quantises what was recorded, updates best and threshold. */
void sb_seedlm_scan_hits(sb_seedlm_group *g);

/* Two's complement in four bits. */
static inline int sb_seedlm_nibble(uint32_t n)
{
    return (int)((n & 15u) ^ 8u) - 8;
}

#endif
