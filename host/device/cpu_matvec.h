/* SPDX-License-Identifier: Apache-2.0
 * The exact MATVEC of docs/numerics.md, section 3, on the CPU. */
#ifndef SEEDBED_CPU_MATVEC_H
#define SEEDBED_CPU_MATVEC_H

#include "seedbed/codec.h"

enum { SB_CPU_LANES = 8, SB_CPU_MAX_TILE = 4 };

/* One row group in the 8-lane layout against nv (1..SB_CPU_MAX_TILE) activation vectors, x_stride elements apart:
 * acc[v][lane] = sum w_int * x, modulo 2^64. words points at the group's first beat. */
typedef void (*sb_group_fn)(const sb_codec *codec, const uint32_t *words, size_t main_words, const int16_t *x,
                            size_t x_stride, int nv, int64_t acc[][SB_CPU_LANES]);

/* Any codec, through decode_word: the definition. */
void sb_group_generic(const sb_codec *codec, const uint32_t *words, size_t main_words, const int16_t *x,
                      size_t x_stride, int nv, int64_t acc[][SB_CPU_LANES]);
/* The fastest one this build has for the codec. */
sb_group_fn sb_group_best(const sb_codec *codec);

/* dst[v] at v*dst_stride bytes: int64 [rows]. weights: the 8-lane layout. threads 0: all. */
void sb_cpu_matvec(sb_group_fn fn, const sb_codec *codec, const uint32_t *weights, size_t rows, size_t cols,
                   const int16_t *x, size_t batch, void *dst, size_t dst_stride, int threads);

#endif
