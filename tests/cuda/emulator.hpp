/* SPDX-License-Identifier: Apache-2.0
 * A grid of CUDA threads on the CPU, so that the kernels' own source is compiled by a host compiler and tested without a GPU. Every
 * thread is a fibre; a fibre runs until it meets a barrier or a warp operation. Between two meetings threads run in
 * ascending order, in shuffled order, or the last warp first and as far as it gets alone (emu_order), so a missing barrier shows. What is not here: timing, memory ordering between blocks
 * (blocks run one after another), caches. Included before everything else by -include; defines SB_CUDA_EMULATED. */
#ifndef SEEDBED_TESTS_EMULATOR_HPP
#define SEEDBED_TESTS_EMULATOR_HPP

#define SB_CUDA_EMULATED 1

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};
typedef struct emu_stream *cudaStream_t;
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) float2 { float x, y; };

namespace emu {
struct thread_state {
    dim3 thread, block, block_dim, grid_dim;
};
extern thread_state *self;

/* Every thread of the block. Threads that have ended count as arrived. */
void block_barrier();
/* Every lane of the warp puts in `bytes` (at most 64) and gets all 32 contributions, 64 bytes apart; a lane that ended is an error. */
const uint8_t *warp_exchange(const void *in, size_t bytes);
unsigned lane();
void *dynamic_shared();
void launch(dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream, const std::function<void()> &kernel);

/* cp.async: copies wait until the thread waits for them, so that a forgotten wait shows; in descending order they happen at once,
 * so that a copy over data still in use shows. */
void copy_async(void *dst, const void *src, size_t bytes, size_t valid);
void copy_commit();
void copy_wait(unsigned pending_groups);
} // namespace emu

enum { EMU_ASCENDING, EMU_DESCENDING, EMU_SHUFFLED };
extern int emu_order;
extern unsigned long emu_blocks; /* run so far */

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __shared__ static
#define __restrict__ __restrict
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define threadIdx (emu::self->thread)
#define blockIdx (emu::self->block)
#define blockDim (emu::self->block_dim)
#define gridDim (emu::self->grid_dim)

inline void __syncthreads() { emu::block_barrier(); }
inline void __syncwarp() { emu::warp_exchange("", 0); }
inline void __threadfence() {}
inline void __threadfence_system() {}

template <class T> T emu_lane_value(T v, unsigned from)
{
    const uint8_t *all = emu::warp_exchange(&v, sizeof v);
    T r;
    memcpy(&r, all + 64 * (from & 31), sizeof r);
    return r;
}
template <class T> T __shfl_sync(unsigned, T v, unsigned from) { return emu_lane_value(v, from); }
template <class T> T __shfl_xor_sync(unsigned, T v, unsigned mask) { return emu_lane_value(v, emu::lane() ^ mask); }
inline bool __any_sync(unsigned, bool v)
{
    unsigned char mine = v, any = 0;
    const uint8_t *all = emu::warp_exchange(&mine, 1);
    for (int l = 0; l < 32; l++)
        any |= all[64 * l];
    return any;
}

inline unsigned __funnelshift_r(unsigned lo, unsigned hi, unsigned n) { return (unsigned)(((uint64_t)hi << 32 | lo) >> (n & 31)); }
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned sel)
{
    uint64_t v = (uint64_t)b << 32 | a;
    unsigned r = 0;
    for (int i = 0; i < 4; i++)
        r |= (unsigned)(v >> 8 * (sel >> 4 * i & 7) & 255) << 8 * i;
    return r;
}
inline int __clz(int v) { return v ? __builtin_clz((unsigned)v) : 32; }
inline int __popc(unsigned v) { return __builtin_popcount(v); }
inline float __int_as_float(int v) { float f; memcpy(&f, &v, 4); return f; }
inline int __float_as_int(float f) { int v; memcpy(&v, &f, 4); return v; }
inline float __uint_as_float(unsigned v) { float f; memcpy(&f, &v, 4); return f; }
inline unsigned __float_as_uint(float f) { unsigned v; memcpy(&v, &f, 4); return v; }
/* The host compiler gets -ffp-contract=off: each of these is one rounding. */
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline float __ll2float_rn(long long v) { return (float)v; }
inline float __ull2float_rn(unsigned long long v) { return (float)v; }
inline float __double2float_rn(double v) { return (float)v; }
template <class T> T __ldg(const T *p) { return *p; }
template <class T> T min(T a, T b) { return a < b ? a : b; }
template <class T> T max(T a, T b) { return a > b ? a : b; }

template <class T> T atomicAdd(T *p, T v) { T o = *p; *p = o + v; return o; }
template <class T> T atomicMin(T *p, T v) { T o = *p; *p = v < o ? v : o; return o; }
template <class T> T atomicMax(T *p, T v) { T o = *p; *p = v > o ? v : o; return o; }

#include "emulator_hopper.hpp"
#include "emulator_runtime.hpp"

#endif
