/* SPDX-License-Identifier: Apache-2.0
 * Launches of flash_hopper.cuh: tensor maps, the order of work, which cases it takes. */
#include "flash_hopper.cuh"
#include "flash_hopper.hpp"

#include <stdio.h>

namespace {

/* (rows, heads, dim) as (dim, heads, box, rows): see hopper_copy(). */
bool make_map(sb_tensor_map *map, const void *base, uint32_t heads, uint32_t dim, uint32_t box, bool bf16)
{
    uint64_t row = (uint64_t)heads * dim * 2;
    const uint8_t *at = (const uint8_t *)base - box * row;
#ifdef SB_CUDA_EMULATED
    *map = {at, {dim, heads, box, 1u << 31}, {2, (uint64_t)dim * 2, row, row}, {64, 1, box, 1}};
    (void)bf16;
    return true;
#else
    typedef CUresult encode(CUtensorMap *, CUtensorMapDataType, cuuint32_t, void *, const cuuint64_t *, const cuuint64_t *, const cuuint32_t *,
                            const cuuint32_t *, CUtensorMapInterleave, CUtensorMapSwizzle, CUtensorMapL2promotion, CUtensorMapFloatOOBfill);
    static encode *function = [] {
        void *p = NULL;
        cudaDriverEntryPointQueryResult found;
        if (cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &p, 12000, cudaEnableDefault, &found) != cudaSuccess)
            p = NULL;
        return (encode *)p;
    }();
    cuuint64_t size[4] = {dim, heads, box, 1u << 31}, stride[3] = {(cuuint64_t)dim * 2, row, row};
    cuuint32_t boxes[4] = {64, 1, box, 1}, steps[4] = {1, 1, 1, 1};
    return function && function(map, bf16 ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 : CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 4, (void *)at, size, stride, boxes, steps,
                                CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_128B,
                                CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
#endif
}

template <class Shape, bool Bf16, bool Sigmoid> cudaError_t launch(const sb_flash &f, int processors, cudaStream_t stream)
{
    hopper_args a;
    a.f = f;
    a.tiles = (f.max_q + Shape::Rows - 1) / Shape::Rows;
    uint64_t head_bytes = (uint64_t)f.max_q * Shape::D * 4, fit = (32u << 20) / head_bytes, all = (uint64_t)f.sequences * f.heads;
    a.together = (uint32_t)(fit < 1 ? 1 : fit < all ? fit : all);
    if (!make_map(&a.q, f.q, f.heads, Shape::D, 64, Bf16) || !make_map(&a.k, f.k, f.kv_heads, Shape::D, Shape::Keys, Bf16) ||
        !make_map(&a.v, f.v, f.kv_heads, Shape::D, Shape::Keys, Bf16))
        return cudaErrorNotSupported;
    cudaError_t e = cudaFuncSetAttribute(flash_hopper_kernel<Shape, Bf16, Sigmoid>, cudaFuncAttributeMaxDynamicSharedMemorySize, Shape::SharedBytes);
    if (e != cudaSuccess)
        return e;
    uint64_t work = a.tiles * all;
    SB_LAUNCH((flash_hopper_kernel<Shape, Bf16, Sigmoid>), dim3(work < (uint64_t)processors ? (unsigned)work : (unsigned)processors),
              dim3(Shape::Threads), Shape::SharedBytes, stream, a);
    return cudaGetLastError();
}
template <class Shape> cudaError_t launch_kind(const sb_flash &f, int processors, cudaStream_t stream)
{
    if (f.type == SB_FLASH_BF16)
        return f.sigmoid ? launch<Shape, true, true>(f, processors, stream) : launch<Shape, true, false>(f, processors, stream);
    return f.sigmoid ? launch<Shape, false, true>(f, processors, stream) : launch<Shape, false, false>(f, processors, stream);
}

} // namespace

/* Heads are cut into 64 columns, and a tile of queries should be worth it; pages and splits are the other kernel's. */
bool flash_hopper_takes(const sb_flash &f)
{
    int device, major = 0;
    if ((f.head_dim != 64 && f.head_dim != 128) || f.pages || f.splits != 1 || f.max_q < 64 || !(f.scale > 0))
        return false;
    return cudaGetDevice(&device) == cudaSuccess && cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess && major == 9;
}

cudaError_t flash_hopper_forward(const sb_flash &f, cudaStream_t stream)
{
    int device, processors;
    cudaError_t e = cudaGetDevice(&device);
    if (e == cudaSuccess)
        e = cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
    if (e != cudaSuccess)
        return e;
    if (f.head_dim == 64)
        return launch_kind<hopper_shape<64, 128, 3, 3, 2>>(f, processors, stream);
    return launch_kind<hopper_shape<128, 128, 2, 2, 2>>(f, processors, stream);
}
