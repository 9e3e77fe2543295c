/* SPDX-License-Identifier: Apache-2.0
 * Hopper's own operations (PTX ISA, sm_90a): wgmma with B and A in shared memory or A in registers, tensor copies (TMA) that complete on an
 * mbarrier, setmaxnreg. Shared tiles are rows of 64 elements (128 bytes) in the 128-byte swizzle, 1024-byte aligned:
 * the 16-byte chunk c of row r lies at c ^ (r & 7). In the emulator the same, element by element (tests/cuda/emulator_hopper.hpp). */
#ifndef SEEDBED_CUDA_FLASH_WGMMA_CUH
#define SEEDBED_CUDA_FLASH_WGMMA_CUH

#include "flash_mma.cuh"

/* A matrix in shared memory. K-major (rows of 64 along k): `next` is not used. MN-major (rows of 64 along n, one row a k): `next` is the
 * distance in bytes of the next 64 columns. Groups of 8 rows lie 1024 bytes apart. 16 elements on along k: +2 if K-major, else +128. */
SB_FN uint64_t sb_operand(uint32_t at, uint32_t next = 16)
{
    return (uint64_t)1 << 62 | (uint64_t)(1024 >> 4) << 32 | (uint64_t)(next >> 4) << 16 | (at & 0x3ffff) >> 4;
}

#ifdef SB_CUDA_EMULATED
typedef emu::tensor_map sb_tensor_map;
SB_FN uint32_t sb_shared_address(const void *p) { return emu::shared_address(p); }
SB_FN void sb_bar_init(uint64_t *bar, uint32_t arrivals) { emu::mbarrier_init(bar, arrivals); }
SB_FN void sb_bar_init_fence() {}
SB_FN void sb_bar_arrive(uint64_t *bar) { emu::mbarrier_arrive(bar, 0); }
SB_FN void sb_bar_expect(uint64_t *bar, uint32_t bytes) { emu::mbarrier_arrive(bar, bytes); }
SB_FN void sb_bar_wait(uint64_t *bar, uint32_t parity) { emu::mbarrier_wait(bar, parity); }
SB_FN void sb_tensor_prefetch(const sb_tensor_map *) {}
SB_FN void sb_tensor_copy(void *dst, const sb_tensor_map *map, uint64_t *bar, int c0, int c1, int c2, int c3)
{
    emu::tensor_copy(dst, map, bar, c0, c1, c2, c3);
}
template <int Registers> SB_FN void sb_registers_more() {}
template <int Registers> SB_FN void sb_registers_fewer() {}
SB_FN void sb_wgmma_fence() {}
SB_FN void sb_wgmma_commit() { emu::wgmma_commit(); }
template <int Pending> SB_FN void sb_wgmma_wait() { emu::wgmma_wait(Pending); }
template <int N, bool Bf16> SB_FN void sb_wgmma(float (&d)[N / 2], uint64_t a, uint64_t b, int accumulate)
{
    emu::wgmma(d, N, a, nullptr, b, false, accumulate, Bf16);
}
template <int N, bool Bf16> SB_FN void sb_wgmma(float (&d)[N / 2], const uint32_t (&a)[4], uint64_t b)
{
    emu::wgmma(d, N, 0, a, b, true, 1, Bf16);
}
#else
#include <cuda.h> /* types only: the driver's function is looked up at run time */
typedef CUtensorMap sb_tensor_map;
SB_FN uint32_t sb_shared_address(const void *p) { return (uint32_t)__cvta_generic_to_shared(p); }
SB_FN void sb_bar_init(uint64_t *bar, uint32_t arrivals)
{
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(sb_shared_address(bar)), "r"(arrivals) : "memory");
}
/* Makes initialised barriers visible to the copy engine. */
SB_FN void sb_bar_init_fence() { asm volatile("fence.mbarrier_init.release.cluster;\nfence.proxy.async.shared::cta;" ::: "memory"); }
SB_FN void sb_bar_arrive(uint64_t *bar) { asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(sb_shared_address(bar)) : "memory"); }
/* Arrives, and the phase also waits for `bytes` of tensor copies. */
SB_FN void sb_bar_expect(uint64_t *bar, uint32_t bytes)
{
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(sb_shared_address(bar)), "r"(bytes) : "memory");
}
/* Until the phase of this parity is complete; a fresh barrier is in phase 0, so parity 1 passes at once. */
SB_FN void sb_bar_wait(uint64_t *bar, uint32_t parity)
{
    uint32_t done;
    do
        asm volatile("{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.b32 %0, 1, 0, p;\n}"
                     : "=r"(done)
                     : "r"(sb_shared_address(bar)), "r"(parity)
                     : "memory");
    while (!done);
}
SB_FN void sb_tensor_prefetch(const sb_tensor_map *map) { asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory"); }
SB_FN void sb_tensor_copy(void *dst, const sb_tensor_map *map, uint64_t *bar, int c0, int c1, int c2, int c3)
{
    asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6}], [%2];" ::"r"(
                     sb_shared_address(dst)),
                 "l"(map), "r"(sb_shared_address(bar)), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
                 : "memory");
}
template <int Registers> SB_FN void sb_registers_more() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Registers)); }
template <int Registers> SB_FN void sb_registers_fewer() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Registers)); }
SB_FN void sb_wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
SB_FN void sb_wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int Pending> SB_FN void sb_wgmma_wait() { asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Pending) : "memory"); }

/* The accumulators of a thread as operands of asm: the n of m64nNk16, N / 2 registers. */
#define SB_D8(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), "+f"(d[i + 7])
#define SB_D32(i) SB_D8(i), SB_D8(i + 8), SB_D8(i + 16), SB_D8(i + 24)
#define SB_R32 "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define SB_R64 SB_R32 ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
#define SB_WGMMA_SS(n, type, regs, a, b, c, ...)                                                                                            \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, " c ", 0;\nwgmma.mma_async.sync.aligned.m64n" n "k16.f32." type "." type " {" regs "}, " a ", " b   \
                 ", p, 1, 1, 0, 0;\n}"                                                                                                       \
                 : __VA_ARGS__                                                                                                              \
                 : "l"(a_), "l"(b_), "r"(accumulate))
#define SB_WGMMA_RS(n, type, regs, a, b, ...)                                                                                               \
    asm volatile("wgmma.mma_async.sync.aligned.m64n" n "k16.f32." type "." type " {" regs "}, {" a "}, " b ", 1, 1, 1, 1;"                     \
                 : __VA_ARGS__                                                                                                              \
                 : "r"(a_[0]), "r"(a_[1]), "r"(a_[2]), "r"(a_[3]), "l"(b_))

/* d (+)= a b; a 64 x 16 and b 16 x N in shared memory, both K-major. The fragments are those of mma.sync, a warp of the four 16 rows each. */
template <int N, bool Bf16> SB_FN void sb_wgmma(float (&d)[N / 2], uint64_t a_, uint64_t b_, int accumulate)
{
    static_assert(N == 64 || N == 128, "this N is not built");
    if constexpr (N == 64 && Bf16)
        SB_WGMMA_SS("64", "bf16", SB_R32, "%32", "%33", "%34", SB_D32(0));
    if constexpr (N == 128 && Bf16)
        SB_WGMMA_SS("128", "bf16", SB_R64, "%64", "%65", "%66", SB_D32(0), SB_D32(32));
    if constexpr (N == 64 && !Bf16)
        SB_WGMMA_SS("64", "f16", SB_R32, "%32", "%33", "%34", SB_D32(0));
    if constexpr (N == 128 && !Bf16)
        SB_WGMMA_SS("128", "f16", SB_R64, "%64", "%65", "%66", SB_D32(0), SB_D32(32));
}
/* d += a b; a in registers, b MN-major. */
template <int N, bool Bf16> SB_FN void sb_wgmma(float (&d)[N / 2], const uint32_t (&a_)[4], uint64_t b_)
{
    static_assert(N == 64 || N == 128, "this N is not built");
    if constexpr (N == 64 && Bf16)
        SB_WGMMA_RS("64", "bf16", SB_R32, "%32,%33,%34,%35", "%36", SB_D32(0));
    if constexpr (N == 128 && Bf16)
        SB_WGMMA_RS("128", "bf16", SB_R64, "%64,%65,%66,%67", "%68", SB_D32(0), SB_D32(32));
    if constexpr (N == 64 && !Bf16)
        SB_WGMMA_RS("64", "f16", SB_R32, "%32,%33,%34,%35", "%36", SB_D32(0));
    if constexpr (N == 128 && !Bf16)
        SB_WGMMA_RS("128", "f16", SB_R64, "%64,%65,%66,%67", "%68", SB_D32(0), SB_D32(32));
}
#endif

#endif
