/* SPDX-License-Identifier: Apache-2.0
 * The warp operations of the floating-point kernels: mma.sync m16n8k16, ldmatrix, cp.async (PTX ISA; sm_80 and up). In the emulator the
 * same fragments, element by element. */
#ifndef SEEDBED_CUDA_FLASH_MMA_CUH
#define SEEDBED_CUDA_FLASH_MMA_CUH

#include "common.cuh"

#ifdef SB_CUDA_EMULATED
inline float sb_emu_value(uint32_t bits, int bf16)
{
    if (bf16)
        return __uint_as_float(bits << 16);
    float v = (bits >> 10 & 31) == 31 ? (bits & 1023 ? NAN : INFINITY) : __uint_as_float((bits & 0x7fff) << 13) * 0x1p112f;
    return bits & 0x8000 ? -v : v;
}
inline uint32_t sb_emu_bits(float v, int bf16)
{
    uint32_t u = __float_as_uint(v), sign = u >> 16 & 0x8000;
    if (bf16)
        return (u + 0x7fff + (u >> 16 & 1)) >> 16;
    float a = fabsf(v);
    if (!(a < 65520.0f))
        return sign | (a == a ? 0x7c00 : 0x7e00);
    int e = 0;
    frexpf(a, &e);
    e = e < -13 ? -13 : e; /* a = m 2^(e-11), m an integer after rounding */
    uint32_t m = (uint32_t)rintf(ldexpf(a, 11 - e));
    return sign | (m < 1024 ? m : m == 2048 ? (uint32_t)(e + 15) << 10 : (uint32_t)(e + 14) << 10 | (m - 1024));
}
template <bool Bf16> SB_FN uint32_t sb_pack2(float lo, float hi) { return sb_emu_bits(lo, Bf16) | sb_emu_bits(hi, Bf16) << 16; }
template <bool Bf16> SB_FN float sb_unpack(uint32_t two, int high) { return sb_emu_value(high ? two >> 16 : two & 0xffff, Bf16); }

/* d += a b. a: 16 x 16, b: 16 x 8, d: 16 x 8; g = lane / 4, t = lane % 4: a[0] row g, columns 2t, 2t+1; a[1] row g+8; a[2], a[3] the
 * same 8 columns on; b[0] rows 2t, 2t+1 of column g, b[1] 8 rows on; d[0..1] row g, columns 2t, 2t+1, d[2..3] row g+8. */
template <bool Bf16> SB_FN void sb_mma(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1)
{
    struct {
        uint32_t a[4], b[2];
    } mine = {{a[0], a[1], a[2], a[3]}, {b0, b1}}, theirs;
    const uint8_t *all = emu::warp_exchange(&mine, sizeof mine);
    unsigned g = emu::lane() / 4, t = emu::lane() % 4;
    float x[2][16], y[2][16]; /* rows g and g+8 of a, columns 2t and 2t+1 of b */
    for (unsigned k = 0; k < 16; k++)
        for (unsigned i = 0; i < 2; i++) {
            memcpy(&theirs, all + 64 * (g * 4 + k % 8 / 2), sizeof theirs);
            x[i][k] = sb_emu_value(theirs.a[i + 2 * (k / 8)] >> 16 * (k % 2) & 0xffff, Bf16);
            memcpy(&theirs, all + 64 * ((2 * t + i) * 4 + k % 8 / 2), sizeof theirs);
            y[i][k] = sb_emu_value(theirs.b[k / 8] >> 16 * (k % 2) & 0xffff, Bf16);
        }
    for (unsigned i = 0; i < 4; i++)
        for (unsigned k = 0; k < 16; k++)
            d[i] += x[i / 2][k] * y[i % 2][k];
}
/* Four 8 x 8 matrices of 16 bits; lane 8m + r gives row r of matrix m. */
template <bool Trans> SB_FN void sb_ldmatrix4(uint32_t (&r)[4], const void *row)
{
    const uint8_t *all = emu::warp_exchange(&row, sizeof row);
    unsigned g = emu::lane() / 4, t = emu::lane() % 4;
    for (unsigned m = 0; m < 4; m++) {
        uint16_t two[2];
        for (unsigned i = 0; i < 2; i++) {
            unsigned y = Trans ? 2 * t + i : g, x = Trans ? g : 2 * t + i;
            const uint16_t *p;
            memcpy(&p, all + 64 * (8 * m + y), sizeof p);
            two[i] = p[x];
        }
        r[m] = two[0] | (uint32_t)two[1] << 16;
    }
}
SB_FN void sb_copy16(void *shared, const void *global, bool valid) { emu::copy_async(shared, global, 16, valid ? 16 : 0); }
SB_FN void sb_copy_commit() { emu::copy_commit(); }
template <int Pending> SB_FN void sb_copy_wait() { emu::copy_wait(Pending); }
SB_FN float sb_exp2(float x) { return exp2f(x); }
SB_FN float sb_rcp(float x) { return 1.0f / x; }
#else
template <bool Bf16> SB_FN uint32_t sb_pack2(float lo, float hi)
{
    uint32_t r;
    if (Bf16)
        asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
    else
        asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
    return r;
}
template <bool Bf16> SB_FN float sb_unpack(uint32_t two, int high)
{
    if (Bf16)
        return __uint_as_float(high ? two & 0xffff0000u : two << 16);
    float v;
    asm("cvt.f32.f16 %0, %1;" : "=f"(v) : "h"((uint16_t)(high ? two >> 16 : two)));
    return v;
}
template <bool Bf16> SB_FN void sb_mma(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1)
{
    if (Bf16)
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    else
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
template <bool Trans> SB_FN void sb_ldmatrix4(uint32_t (&r)[4], const void *row)
{
    uint32_t at = (uint32_t)__cvta_generic_to_shared(row);
    if (Trans)
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                     : "r"(at)
                     : "memory");
    else
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                     : "r"(at)
                     : "memory");
}
SB_FN void sb_copy16(void *shared, const void *global, bool valid)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"((uint32_t)__cvta_generic_to_shared(shared)), "l"(global), "r"(valid ? 16 : 0)
                 : "memory");
}
SB_FN void sb_copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int Pending> SB_FN void sb_copy_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory"); }
SB_FN float sb_exp2(float x)
{
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
SB_FN float sb_rcp(float x)
{
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
#endif

#endif
