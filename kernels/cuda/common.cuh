/* SPDX-License-Identifier: Apache-2.0
 * What every exact kernel shares: the argument, the report of the first error, launches, reductions. The kernels are plain CUDA C++;
 * with SB_CUDA_EMULATED (tests/cuda/emulator.hpp) a host compiler takes the same source. */
#ifndef SEEDBED_CUDA_COMMON_CUH
#define SEEDBED_CUDA_COMMON_CUH

#ifndef SB_CUDA_EMULATED
#include <cuda_runtime.h>
#endif
#include <stdint.h>

#ifndef __cplusplus
#error "CUDA C++"
#endif
#include "seedbed/codec.h"
#include "seedbed/command.h"

#define SB_FN __device__ __forceinline__
#ifdef SB_CUDA_EMULATED
#define SB_UNROLL
#else
#define SB_UNROLL _Pragma("unroll")
#endif

/* Where the device says what happened; in host memory that the device can write. */
struct sb_cuda_report {
    volatile unsigned begun; /* index + 1 of the command that began last */
};
/* The first error of a list, in device memory: index << 44 | reason << 41 | detail, the least wins; all ones: none. What `detail` is
 * stands with the operation, and in sb_cuda_error_text(). */
enum { SB_CUDA_NOT_FINITE = 0, SB_CUDA_INDEX = 1, SB_CUDA_RECORD = 2, SB_CUDA_RESULT = 3 };
enum { SB_CUDA_MAX_COMMANDS = 1 << 20 };

/* The one argument of a kernel: the record is read where it lies in device memory, so a captured launch serves every list of
 * the same shape. */
struct sb_cuda_arg {
    const sb_command *c;
    uint8_t *base; /* device address 0 */
    sb_cuda_report *report;
    unsigned long long *first; /* error */
    uint32_t index;            /* of the command in its list */
    const uint32_t *table;     /* section 6.4, 1024 words */
    int32_t *scratch;          /* ATTENTION_X: scores and row maxima */
    uint32_t overlap;          /* for the launch: this kernel may be set up while the one before it runs */
};

#ifdef SB_CUDA_EMULATED
#define SB_DYNAMIC_SHARED(type, name) type *name = (type *)emu::dynamic_shared()
#define SB_GRID_CONSTANT
#define SB_LAUNCH(kernel, grid, block, bytes, stream, ...) \
    emu::launch(grid, block, bytes, stream, [=] { kernel(__VA_ARGS__); })
#else
#define SB_DYNAMIC_SHARED(type, name)                                  \
    extern __shared__ __align__(128) unsigned char sb_dynamic_shared[]; \
    type *name = (type *)sb_dynamic_shared
#define SB_GRID_CONSTANT __grid_constant__
#define SB_LAUNCH(kernel, grid, block, bytes, stream, ...) kernel<<<grid, block, bytes, stream>>>(__VA_ARGS__)
#endif

/* The next kernel of the list may be brought onto the machine now; this one goes on when all before it are done and what they wrote is
 * there (programmatic dependent launch; without it both mean nothing). Every thread comes here before it reads what commands write. */
SB_FN void sb_wait_for_list()
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/* Every kernel begins with it: false after an error of an earlier command, which ends the list, and in the later kernels of a
 * command (own = true) after its own. It is the same for all threads of a launch. */
SB_FN bool sb_begin(const sb_cuda_arg &a, bool own = false)
{
    sb_wait_for_list();
    if (threadIdx.x == 0 && blockIdx.x == 0 && blockIdx.y == 0 && blockIdx.z == 0)
        a.report->begun = a.index + 1;
    unsigned long long first = *(volatile unsigned long long *)a.first;
    return first >> 44 >= a.index + (own ? 1ull : 0ull);
}

SB_FN void sb_error_at(const sb_cuda_arg &a, unsigned reason, unsigned long long detail)
{
    atomicMin(a.first, (unsigned long long)a.index << 44 | (unsigned long long)reason << 41 | detail);
}
/* vector < 2^16, element < 2^24 */
SB_FN void sb_error_element(const sb_cuda_arg &a, unsigned reason, uint32_t vector, uint32_t element)
{
    sb_error_at(a, reason, (unsigned long long)vector << 24 | element);
}

template <class T> SB_FN T *sb_at(const sb_cuda_arg &a, uint64_t addr)
{
    return (T *)(a.base + addr);
}

/* Over the block, whose threads are a multiple of 32, at most 1024; every thread gets the result. op: a device functor that does not mind
 * taking a value twice (maximum, minimum). */
template <class T, class Op> SB_FN T sb_block_reduce(T v, Op op, T *shared32)
{
    for (int m = 16; m; m >>= 1)
        v = op(v, __shfl_xor_sync(0xffffffffu, v, m));
    unsigned warp = threadIdx.x >> 5, lane = threadIdx.x & 31, warps = blockDim.x >> 5;
    if (lane == 0)
        shared32[warp] = v;
    __syncthreads();
    v = shared32[lane < warps ? lane : 0];
    for (int m = 16; m; m >>= 1)
        v = op(v, __shfl_xor_sync(0xffffffffu, v, m));
    __syncthreads();
    return v;
}
struct sb_max {
    template <class T> SB_FN T operator()(T a, T b) const { return a > b ? a : b; }
};
struct sb_min {
    template <class T> SB_FN T operator()(T a, T b) const { return a < b ? a : b; }
};

#endif
