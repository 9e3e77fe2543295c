/* SPDX-License-Identifier: Apache-2.0
 * The lane layout (docs/formats.md, "What a core reads"): rows interleaved over lanes, side beats before their main beats. */
#include <string.h>

#include "device/device_internal.h"

uint64_t sb_lane_bytes(const sb_codec *codec, size_t rows, size_t cols, unsigned lanes)
{
    uint64_t groups = ((uint64_t)rows + lanes - 1) / lanes;
    return groups * sb_codec_row_words(codec, cols) * lanes * 4;
}

void sb_lane_pack(const sb_matrix *m, unsigned lanes, uint32_t *out)
{
    size_t main_words = sb_codec_main_words(m->codec, m->cols);
    size_t row_words = sb_codec_row_words(m->codec, m->cols);
    for (size_t r0 = 0; r0 < m->rows; r0 += lanes) {
        for (size_t u = 0; u < (main_words + 7) / 8; u++) {
            size_t end = 8 * u + 8 < main_words ? 8 * u + 8 : main_words;
            if (m->codec->has_side) {
                for (unsigned l = 0; l < lanes; l++)
                    *out++ = r0 + l < m->rows ? m->words[(r0 + l) * row_words + main_words + u] : 0;
            }
            for (size_t b = 8 * u; b < end; b++) {
                for (unsigned l = 0; l < lanes; l++)
                    *out++ = r0 + l < m->rows ? m->words[(r0 + l) * row_words + b] : 0;
            }
        }
    }
}
