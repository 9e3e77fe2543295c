/* SPDX-License-Identifier: Apache-2.0
 * The lane layout (docs/formats.md, "What a core reads"): rows interleaved over lanes, side beats before their main
 * beats, row groups dealt to the ports in turn. */
#include <string.h>

#include "device/device_internal.h"

/* Row groups that the first port works on: the most. */
static size_t port_groups(size_t rows, unsigned lanes, unsigned ports)
{
    size_t groups = (rows + lanes - 1) / lanes;
    return (groups + ports - 1) / ports;
}

uint64_t sb_lane_slice(const sb_codec *codec, size_t rows, size_t cols, unsigned lanes, unsigned ports)
{
    uint64_t bytes = (uint64_t)port_groups(rows, lanes, ports) * sb_codec_row_words(codec, cols) * lanes * 4;
    return (bytes + 4095) / 4096 * 4096;
}

uint64_t sb_lane_bytes(const sb_codec *codec, size_t rows, size_t cols, unsigned lanes, unsigned ports)
{
    if (ports > 1)
        return ports * sb_lane_slice(codec, rows, cols, lanes, ports);
    return (uint64_t)port_groups(rows, lanes, 1) * sb_codec_row_words(codec, cols) * lanes * 4;
}

/* The row group that begins at row r0; returns where the next one goes. */
static uint32_t *pack_group(const sb_matrix *m, size_t r0, unsigned lanes, uint32_t *out)
{
    size_t main_words = sb_codec_main_words(m->codec, m->cols);
    size_t row_words = sb_codec_row_words(m->codec, m->cols);
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
    return out;
}

void sb_lane_pack(const sb_matrix *m, unsigned lanes, unsigned ports, uint32_t *out)
{
    uint64_t slice = sb_lane_slice(m->codec, m->rows, m->cols, lanes, ports);
    for (unsigned p = 0; p < ports; p++) {
        uint32_t *part = out + p * (slice / 4);
        for (size_t r0 = (size_t)p * lanes; r0 < m->rows; r0 += (size_t)ports * lanes)
            part = pack_group(m, r0, lanes, part);
    }
}
