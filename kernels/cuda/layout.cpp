/* SPDX-License-Identifier: Apache-2.0
 * The layout of a matrix for the GPU: a row's words lie together, so that a warp reads it in 512-byte pieces. */
#include "sb_kernels_cuda.h"

#include <string.h>

static size_t main_words(unsigned codec, size_t cols)
{
    size_t c = codec == 0 ? 2 : codec == 3 ? 12 : 8;
    return (cols + c - 1) / c;
}
static size_t side_words(unsigned codec, size_t cols)
{
    return codec == 1 || codec == 3 ? (main_words(codec, cols) + 7) / 8 : 0;
}

extern "C" size_t sb_cuda_matrix_bytes(unsigned codec, size_t rows, size_t cols)
{
    size_t padded = (main_words(codec, cols) + 3) / 4 * 4;
    return (rows * (padded + side_words(codec, cols)) * 4 + 63) / 64 * 64;
}

extern "C" void sb_cuda_matrix_pack(unsigned codec, size_t rows, size_t cols, const uint32_t *words, void *out)
{
    size_t m = main_words(codec, cols), s = side_words(codec, cols), padded = (m + 3) / 4 * 4;
    uint32_t *to = (uint32_t *)out;
    memset(out, 0, sb_cuda_matrix_bytes(codec, rows, cols));
    for (size_t r = 0; r < rows; r++) {
        memcpy(to + r * padded, words + r * (m + s), m * 4);
        memcpy(to + rows * padded + r * s, words + r * (m + s) + m, s * 4);
    }
}
