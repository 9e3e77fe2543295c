/* SPDX-License-Identifier: Apache-2.0
 * Fibonacci LFSR of SeedLM (arXiv 2410.10714, Fig. 4 and Table 6): shifts right, feedback enters the top bit.
 * K = 2..24. State 0 is the fixed point; every other state lies on one cycle of length 2^K-1. */
#ifndef SEEDBED_LFSR_H
#define SEEDBED_LFSR_H

#include <stdint.h>

#define SB_LFSR_MIN_K 2
#define SB_LFSR_MAX_K 24

/* XOR mask of the taps for K, 0 if K is out of range. */
uint32_t sb_lfsr_taps(int k);
/* One step. state < 2^k. */
uint32_t sb_lfsr_step(int k, uint32_t state);
/* Fills v[rows*cols] in row-major order with the states after the seed (the seed itself is not used). */
void sb_lfsr_basis(int k, uint32_t seed, int rows, int cols, uint32_t *v);

#endif
