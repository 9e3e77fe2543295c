/* SPDX-License-Identifier: Apache-2.0
 * One launcher an operation: enqueues the kernels of a record whose shapes the host has checked. `c` is the host's copy; grids depend
 * only on what sb_cuda_shape() keeps of it, so a captured launch serves other records of that shape. */
#ifndef SEEDBED_CUDA_KERNELS_CUH
#define SEEDBED_CUDA_KERNELS_CUH

#include "common.cuh"

void sb_cuda_launch_matvec(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream);
/* One vector by seedlm3, a large matrix; sb_cuda_launch_matvec() calls it. */
void sb_cuda_launch_matvec_seedlm3(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream);
void sb_cuda_launch_quantize(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream);
void sb_cuda_launch_scale(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream);
void sb_cuda_launch_quantize_kv(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream);
void sb_cuda_launch_quantize_q(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream);
void sb_cuda_launch_attention(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream);
void sb_cuda_launch_attn_scale(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream);
void sb_cuda_launch_norm(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream);
void sb_cuda_launch_rope(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream);
void sb_cuda_launch_gate(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream);
void sb_cuda_launch_add(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream);
void sb_cuda_launch_embed(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream);
void sb_cuda_launch_move_rows(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream);
void sb_cuda_launch_topk(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream);
/* Bytes of scratch that ATTENTION_X of this record needs, and what its grids depend on besides rows and batch. */
size_t sb_cuda_attention_scratch(const sb_command &c);
uint32_t sb_cuda_attention_bucket(const sb_command &c);

/* Launches a kernel of a list, whose first argument is the sb_cuda_arg. */
#ifdef SB_CUDA_EMULATED
#define SB_LAUNCH_STEP(kernel, grid, block, stream, arg, ...) SB_LAUNCH(kernel, grid, block, 0, stream, arg, ##__VA_ARGS__)
#else
template <class... Params, class... Args>
inline void sb_launch_step(void (*kernel)(Params...), dim3 grid, dim3 block, cudaStream_t stream, const sb_cuda_arg &arg, Args... args)
{
    cudaLaunchAttribute overlap = {};
    overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlap.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config = {};
    config.gridDim = grid;
    config.blockDim = block;
    config.stream = stream;
    config.attrs = &overlap;
    config.numAttrs = arg.overlap ? 1 : 0;
    cudaLaunchKernelEx(&config, kernel, arg, args...); /* a failure is found by cudaGetLastError() */
}
#define SB_LAUNCH_STEP(kernel, grid, block, stream, arg, ...) sb_launch_step(kernel, grid, block, stream, arg, ##__VA_ARGS__)
#endif

typedef void (*sb_cuda_launcher)(const sb_cuda_arg &, const sb_command &, cudaStream_t);
/* NULL: not an operation of this library (NOP neither: it needs no kernel). */
inline sb_cuda_launcher sb_cuda_launcher_of(unsigned op)
{
    switch (op) {
    case SB_OP_MATVEC: return sb_cuda_launch_matvec;
    case SB_OP_QUANTIZE: return sb_cuda_launch_quantize;
    case SB_OP_SCALE: return sb_cuda_launch_scale;
    case SB_OP_QUANTIZE_Q: return sb_cuda_launch_quantize_q;
    case SB_OP_QUANTIZE_KV: return sb_cuda_launch_quantize_kv;
    case SB_OP_ATTENTION_X: return sb_cuda_launch_attention;
    case SB_OP_ATTN_SCALE: return sb_cuda_launch_attn_scale;
    case SB_OP_RMSNORM:
    case SB_OP_LAYERNORM: return sb_cuda_launch_norm;
    case SB_OP_ROPE: return sb_cuda_launch_rope;
    case SB_OP_SILU_MUL:
    case SB_OP_GELU_MUL: return sb_cuda_launch_gate;
    case SB_OP_ADD: return sb_cuda_launch_add;
    case SB_OP_EMBED: return sb_cuda_launch_embed;
    case SB_OP_GATHER:
    case SB_OP_SCATTER: return sb_cuda_launch_move_rows;
    case SB_OP_ARGMAX:
    case SB_OP_TOPK: return sb_cuda_launch_topk;
    default: return NULL;
    }
}

#endif
