/* SPDX-License-Identifier: Apache-2.0
 * MATVEC on the CPU: row groups over threads, activation vectors in tiles, each block decoded once for a tile. */
#include "device/cpu_matvec.h"

#include <omp.h>
#include <string.h>

void sb_group_generic(const sb_codec *codec, const uint32_t *words, size_t main_words, const int16_t *x,
                      size_t x_stride, int nv, int64_t acc[][SB_CPU_LANES])
{
    const uint32_t *side = NULL, zero[SB_CPU_LANES] = {0};
    uint64_t sum[SB_CPU_MAX_TILE][SB_CPU_LANES] = {{0}};
    /* Main words of a codec may cover part of an activation slot (fp16: a quarter) or all of it. */
    size_t per_slot = (size_t)(codec->act_block / codec->block);
    for (size_t b = 0; b < main_words; b++) {
        if (codec->has_side && b % 8 == 0) {
            side = words;
            words += SB_CPU_LANES;
        }
        size_t at = b / per_slot * (size_t)codec->act_stride + b % per_slot * (size_t)codec->block;
        for (int l = 0; l < SB_CPU_LANES; l++) {
            int64_t w[16];
            codec->decode_word(words[l], (side ? side : zero)[l], b, w);
            for (int v = 0; v < nv; v++)
                for (int c = 0; c < codec->block; c++)
                    sum[v][l] += (uint64_t)w[c] * (uint64_t)(int64_t)x[(size_t)v * x_stride + at + (size_t)c];
        }
        words += SB_CPU_LANES;
    }
    memcpy(acc, sum, sizeof sum[0] * (size_t)nv);
}

void sb_cpu_matvec(sb_group_fn fn, const sb_codec *codec, const uint32_t *weights, size_t rows, size_t cols,
                   const int16_t *x, size_t batch, void *dst, size_t dst_stride, int threads)
{
    size_t main_words = sb_codec_main_words(codec, cols), x_stride = sb_codec_act_elems(codec, cols);
    size_t group_words = sb_codec_row_words(codec, cols) * SB_CPU_LANES;
    size_t groups = (rows + SB_CPU_LANES - 1) / SB_CPU_LANES;
    /* Below about two milliseconds of work, waiting threads cost a shared machine more than they save. */
    if (threads <= 0)
        threads = omp_get_max_threads();
    int n = groups * group_words * batch < 1 << 20 ? 1 : threads;
#pragma omp parallel for num_threads(n) schedule(static)
    for (size_t g = 0; g < groups; g++) {
        size_t valid = rows - g * SB_CPU_LANES < SB_CPU_LANES ? rows - g * SB_CPU_LANES : SB_CPU_LANES;
        for (size_t v0 = 0; v0 < batch; v0 += SB_CPU_MAX_TILE) {
            int nv = batch - v0 < SB_CPU_MAX_TILE ? (int)(batch - v0) : SB_CPU_MAX_TILE;
            int64_t acc[SB_CPU_MAX_TILE][SB_CPU_LANES];
            fn(codec, weights + g * group_words, main_words, x + v0 * x_stride, x_stride, nv, acc);
            for (int v = 0; v < nv; v++)
                memcpy((char *)dst + (v0 + (size_t)v) * dst_stride + g * sizeof acc[0], acc[v],
                       valid * sizeof acc[0][0]);
        }
    }
}
