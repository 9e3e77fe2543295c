/* SPDX-License-Identifier: Apache-2.0
 * The tensor cores on bytes: mma.sync m16n8k32, unsigned bytes times signed or unsigned ones, 32-bit sums (PTX ISA; sm_80 and up). In the
 * emulator the same fragments, element by element. */
#ifndef SEEDBED_CUDA_INT8_MMA_CUH
#define SEEDBED_CUDA_INT8_MMA_CUH

#include "common.cuh"

/* d = c + a b. a: 16 x 32, b: 32 x 8, d and c: 16 x 8; g = lane / 4, t = lane % 4: a[0] row g, columns 4t..4t+3, a[1] row g+8, a[2] and a[3]
 * the same 16 columns on; b0 rows 4t..4t+3 of column g, b1 16 rows on; d[0..1] row g, columns 2t, 2t+1, d[2..3] row g+8. */
#ifdef SB_CUDA_EMULATED
template <bool BSigned> SB_FN void sb_mma_u8(int (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, const int (&c)[4])
{
    struct {
        uint32_t a[4], b[2];
    } mine = {{a[0], a[1], a[2], a[3]}, {b0, b1}}, theirs;
    const uint8_t *all = emu::warp_exchange(&mine, sizeof mine);
    unsigned g = emu::lane() / 4, t = emu::lane() % 4;
    int x[2][32], y[2][32]; /* rows g and g+8 of a, columns 2t and 2t+1 of b */
    for (unsigned k = 0; k < 32; k++)
        for (unsigned i = 0; i < 2; i++) {
            memcpy(&theirs, all + 64 * (g * 4 + k % 16 / 4), sizeof theirs);
            x[i][k] = (int)(theirs.a[i + 2 * (k / 16)] >> 8 * (k % 4) & 255);
            memcpy(&theirs, all + 64 * ((2 * t + i) * 4 + k % 16 / 4), sizeof theirs);
            uint32_t byte = theirs.b[k / 16] >> 8 * (k % 4) & 255;
            y[i][k] = BSigned ? (int8_t)byte : (int)byte;
        }
    for (unsigned i = 0; i < 4; i++) {
        uint32_t sum = (uint32_t)c[i];
        for (unsigned k = 0; k < 32; k++)
            sum += (uint32_t)(x[i / 2][k] * y[i % 2][k]);
        d[i] = (int)sum;
    }
}
#else
template <bool BSigned> SB_FN void sb_mma_u8(int (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, const int (&c)[4])
{
    if (BSigned)
        asm("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};"
            : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1), "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3]));
    else
        asm("mma.sync.aligned.m16n8k32.row.col.s32.u8.u8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};"
            : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1), "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3]));
}
#endif

#endif
