/* SPDX-License-Identifier: Apache-2.0
 * FlashSigmoid and FlashAttention-2 forward (sb_flash.h). A block of four warps takes 64 rows of one KV head (a row is a query and a
 * head of the group, so a decode step fills a tile with its group and reads K and V once) and walks over tiles of keys, two of
 * them in shared memory: one is copied in (cp.async) while the other is multiplied. P never leaves the registers: the accumulators
 * of S are the operands of P V.
 * The sigmoid is 1 / (1 + 2^-x), two special functions, and not one tanh.approx: that one's error of 2^-11 is as large as P itself at
 * P ~ 1/n. */
#include "flash_hopper.hpp"
#include "flash_mma.cuh"

#include <stdio.h>

namespace {

enum { Warps = 4, Rows = 16 * Warps };
#define SB_LOG2E 1.4426950408889634f
#define SB_NO_MAX (-1e30f) /* below every score, and no infinity: differences stay numbers */

template <int D> struct tile {
    enum { Keys = D > 128 ? 32 : 64, Stride = D + 8, Bytes = 2 * 2 * Keys * Stride * 2 }; /* rows 16 bytes apart in the banks */
};

struct sequence {
    uint32_t queries, keys, group, rows, seq, kv_head, split, first, last; /* keys first..last-1 are this block's */
    size_t q0, k0;
};

SB_FN const uint16_t *key_at(const sb_flash &f, const sequence &s, const void *base, uint32_t j)
{
    size_t row = f.pages ? (size_t)f.pages[(size_t)s.seq * f.max_pages + j / f.page] * f.page + j % f.page : s.k0 + j;
    return (const uint16_t *)base + (row * f.kv_heads + s.kv_head) * f.head_dim;
}
SB_FN size_t row_at(const sb_flash &f, const sequence &s, uint32_t row) /* of (total_q, heads) */
{
    return (s.q0 + row / s.group) * f.heads + s.kv_head * s.group + row % s.group;
}

/* Keys first..first+Keys-1 of K and V into one half of the shared memory; zeros past the end. */
template <int D> SB_FN void copy_tile(const sb_flash &f, const sequence &s, uint32_t first, uint16_t *k, uint16_t *v)
{
    enum { Chunks = D / 8 };
    for (uint32_t i = threadIdx.x; i < tile<D>::Keys * Chunks; i += Warps * 32) {
        uint32_t j = i / Chunks, c = i % Chunks * 8;
        bool valid = first + j < s.last;
        uint32_t key = valid ? first + j : s.first;
        sb_copy16(k + j * tile<D>::Stride + c, key_at(f, s, f.k, key) + c, valid);
        sb_copy16(v + j * tile<D>::Stride + c, key_at(f, s, f.v, key) + c, valid);
    }
    sb_copy_commit();
}

template <int D> SB_FN void load_query(const sb_flash &f, const uint16_t *const (&row)[2], int step, uint32_t (&a)[4])
{
    unsigned c = 16 * step + 2 * (threadIdx.x & 3);
    for (int i = 0; i < 4; i++)
        a[i] = row[i & 1] ? *(const uint32_t *)(row[i & 1] + c + (i >= 2 ? 8 : 0)) : 0;
    (void)f;
}

template <int D, bool Bf16, bool Sigmoid> __global__ void __launch_bounds__(Warps * 32) flash_forward_kernel(sb_flash f)
{
    enum { Keys = tile<D>::Keys, Stride = tile<D>::Stride, Steps = D / 16, KeepQ = D <= 128 };
    SB_DYNAMIC_SHARED(uint16_t, shared); /* [2][K, V][Keys][Stride] */
    sequence s;
    s.seq = blockIdx.z / f.splits;
    s.split = blockIdx.z % f.splits;
    s.kv_head = blockIdx.y;
    s.group = f.heads / f.kv_heads;
    s.q0 = (size_t)f.q_start[s.seq];
    s.k0 = (size_t)f.kv_start[s.seq];
    s.queries = (uint32_t)(f.q_start[s.seq + 1] - f.q_start[s.seq]);
    s.keys = (uint32_t)(f.kv_start[s.seq + 1] - f.kv_start[s.seq]);
    s.rows = s.queries * s.group;
    uint32_t block_row = blockIdx.x * Rows;
    if (block_row >= s.rows)
        return;
    unsigned warp = threadIdx.x >> 5, lane = threadIdx.x & 31, t = lane & 3;
    uint32_t row[2] = {block_row + 16 * warp + lane / 4, block_row + 16 * warp + lane / 4 + 8};
    int end[2]; /* keys that the row may see */
    const uint16_t *query[2];
    for (int i = 0; i < 2; i++) {
        bool in = row[i] < s.rows;
        end[i] = !in ? 0 : f.causal ? (int)(row[i] / s.group) + 1 + (int)s.keys - (int)s.queries : (int)s.keys;
        query[i] = in ? (const uint16_t *)f.q + row_at(f, s, row[i]) * D : NULL;
    }
    /* This block's keys: a share of those that its last row may see. */
    uint32_t last_row = block_row + Rows < s.rows ? block_row + Rows - 1 : s.rows - 1;
    int visible = f.causal ? (int)(last_row / s.group) + 1 + (int)s.keys - (int)s.queries : (int)s.keys;
    uint32_t tiles = visible > 0 ? ((uint32_t)visible + Keys - 1) / Keys : 0, share = (tiles + f.splits - 1) / f.splits;
    s.first = s.split * share * Keys;
    s.last = (s.split + 1) * share * Keys;
    s.last = (int)s.last < visible ? s.last : visible > 0 ? (uint32_t)visible : 0;

    float o[D / 8][4], top[2] = {SB_NO_MAX, SB_NO_MAX}, sum[2] = {0, 0};
    SB_UNROLL
    for (int i = 0; i < D / 8; i++)
        o[i][0] = o[i][1] = o[i][2] = o[i][3] = 0;
    uint32_t q[KeepQ ? Steps : 1][4];
    if (KeepQ) {
        SB_UNROLL
        for (int i = 0; i < Steps; i++)
            load_query<D>(f, query, i, q[KeepQ ? i : 0]);
    }
    float scale = f.scale * SB_LOG2E, bias = f.bias * SB_LOG2E;
    uint16_t *half[2] = {shared, shared + 2 * Keys * Stride};
    if (s.first < s.last)
        copy_tile<D>(f, s, s.first, half[0], half[0] + Keys * Stride);
    for (uint32_t first = s.first, n = 0; first < s.last; first += Keys, n++) {
        if (first + Keys < s.last) {
            copy_tile<D>(f, s, first + Keys, half[~n & 1], half[~n & 1] + Keys * Stride);
            sb_copy_wait<1>();
        } else {
            sb_copy_wait<0>();
        }
        __syncthreads();
        const uint16_t *k = half[n & 1], *v = k + Keys * Stride;
        float p[Keys / 8][4];
        SB_UNROLL
        for (int i = 0; i < Keys / 8; i++)
            p[i][0] = p[i][1] = p[i][2] = p[i][3] = 0;
        SB_UNROLL
        for (int step = 0; step < Steps; step++) {
            uint32_t a[4];
            if (KeepQ) {
                SB_UNROLL
                for (int i = 0; i < 4; i++)
                    a[i] = q[KeepQ ? step : 0][i];
            } else {
                load_query<D>(f, query, step, a);
            }
            SB_UNROLL
            for (int i = 0; i < Keys / 16; i++) { /* matrices: keys 0-7 and 8-15, each of columns 0-7 and 8-15 */
                uint32_t b[4];
                sb_ldmatrix4<false>(b, k + (16 * i + (lane & 7) + (lane & 16 ? 8 : 0)) * Stride + 16 * step + (lane & 8));
                sb_mma<Bf16>(p[2 * i], a, b[0], b[1]);
                sb_mma<Bf16>(p[2 * i + 1], a, b[2], b[3]);
            }
        }
        /* P, in the log2 domain */
        bool whole = (int)(first + Keys) <= end[0] && (int)(first + Keys) <= end[1] && first + Keys <= s.last;
        float factor[2] = {1, 1};
        if (!Sigmoid) {
            SB_UNROLL
            for (int h = 0; h < 2; h++) {
                float m = SB_NO_MAX;
                SB_UNROLL
                for (int i = 0; i < Keys / 8; i++)
                    SB_UNROLL
                    for (int c = 0; c < 2; c++) {
                        int key = (int)first + 8 * i + 2 * (int)t + c;
                        float y = p[i][2 * h + c] * scale;
                        if (!whole && (key >= end[h] || key >= (int)s.last))
                            y = SB_NO_MAX;
                        p[i][2 * h + c] = y;
                        m = y > m ? y : m;
                    }
                float m1 = __shfl_xor_sync(0xffffffffu, m, 1);
                m = m1 > m ? m1 : m;
                m1 = __shfl_xor_sync(0xffffffffu, m, 2);
                m = m1 > m ? m1 : m;
                m = top[h] > m ? top[h] : m;
                factor[h] = sb_exp2(top[h] - m);
                top[h] = m;
                sum[h] *= factor[h];
            }
            SB_UNROLL
            for (int i = 0; i < D / 8; i++)
                SB_UNROLL
                for (int c = 0; c < 4; c++)
                    o[i][c] *= factor[c / 2];
        }
        SB_UNROLL
        for (int i = 0; i < Keys / 8; i++)
            SB_UNROLL
            for (int c = 0; c < 4; c++) {
                int key = (int)first + 8 * i + 2 * (int)t + c % 2;
                float x;
                if (Sigmoid)
                    x = sb_rcp(1.0f + sb_exp2(-(p[i][c] * scale + bias)));
                else
                    x = sb_exp2(p[i][c] - top[c / 2]);
                if (!whole && (key >= end[c / 2] || key >= (int)s.last))
                    x = 0;
                p[i][c] = x;
                if (!Sigmoid)
                    sum[c / 2] += x;
            }
        SB_UNROLL
        for (int step = 0; step < Keys / 16; step++) {
            uint32_t a[4] = {sb_pack2<Bf16>(p[2 * step][0], p[2 * step][1]), sb_pack2<Bf16>(p[2 * step][2], p[2 * step][3]),
                             sb_pack2<Bf16>(p[2 * step + 1][0], p[2 * step + 1][1]), sb_pack2<Bf16>(p[2 * step + 1][2], p[2 * step + 1][3])};
            SB_UNROLL
            for (int i = 0; i < D / 16; i++) { /* matrices: keys 0-7 and 8-15, each of columns 0-7, then 8-15 */
                uint32_t b[4];
                sb_ldmatrix4<true>(b, v + (16 * step + (lane & 15)) * Stride + 16 * i + (lane & 16 ? 8 : 0));
                sb_mma<Bf16>(o[2 * i], a, b[0], b[1]);
                sb_mma<Bf16>(o[2 * i + 1], a, b[2], b[3]);
            }
        }
        __syncthreads(); /* before the next but one tile is copied over this one */
    }
    SB_UNROLL
    for (int h = 0; h < 2; h++) {
        float l = 1;
        if (!Sigmoid) {
            sum[h] += __shfl_xor_sync(0xffffffffu, sum[h], 1);
            sum[h] += __shfl_xor_sync(0xffffffffu, sum[h], 2);
            l = f.splits == 1 ? (sum[h] > 0 ? 1.0f / sum[h] : 0.0f) : 1.0f;
        }
        if (row[h] >= s.rows)
            continue;
        size_t at = row_at(f, s, row[h]);
        float *to = f.splits == 1 ? f.out + at * D : f.partial + ((size_t)s.split * f.total_q * f.heads + at) * (D + 2);
        SB_UNROLL
        for (int i = 0; i < D / 8; i++) {
            float2 two = {o[i][2 * h] * l, o[i][2 * h + 1] * l};
            *(float2 *)(to + 8 * i + 2 * t) = two;
        }
        if (f.splits > 1 && t == 0) {
            to[D] = top[h];
            to[D + 1] = sum[h];
        }
    }
}

/* Sums of the splits: one block a query and head. Sigmoid: they simply add. */
__global__ void __launch_bounds__(128) flash_combine_kernel(sb_flash f)
{
    size_t row = blockIdx.x, rows = (size_t)f.total_q * f.heads, width = f.head_dim + 2;
    float top = SB_NO_MAX, sum = 0;
    for (uint32_t s = 0; s < f.splits; s++) {
        float m = f.partial[(s * rows + row) * width + f.head_dim];
        top = m > top ? m : top;
    }
    for (uint32_t s = 0; s < f.splits; s++) {
        const float *p = f.partial + (s * rows + row) * width + f.head_dim;
        sum += p[1] * sb_exp2(p[0] - top);
    }
    for (uint32_t d = threadIdx.x; d < f.head_dim; d += blockDim.x) {
        float o = 0;
        for (uint32_t s = 0; s < f.splits; s++) {
            const float *p = f.partial + (s * rows + row) * width;
            o += f.sigmoid ? p[d] : p[d] * sb_exp2(p[f.head_dim] - top);
        }
        f.out[row * f.head_dim + d] = f.sigmoid ? o : sum > 0 ? o / sum : 0.0f;
    }
}

template <int D, bool Bf16, bool Sigmoid> cudaError_t launch(const sb_flash &f, cudaStream_t stream)
{
    uint32_t rows = f.max_q * (f.heads / f.kv_heads);
    cudaError_t e = cudaFuncSetAttribute(flash_forward_kernel<D, Bf16, Sigmoid>, cudaFuncAttributeMaxDynamicSharedMemorySize, tile<D>::Bytes);
    if (e != cudaSuccess)
        return e;
    SB_LAUNCH((flash_forward_kernel<D, Bf16, Sigmoid>), dim3((rows + Rows - 1) / Rows, f.kv_heads, f.sequences * f.splits), dim3(Warps * 32),
              tile<D>::Bytes, stream, f);
    if (f.splits > 1)
        SB_LAUNCH(flash_combine_kernel, dim3(f.total_q * f.heads), dim3(128), 0, stream, f);
    return cudaGetLastError();
}
template <int D> cudaError_t launch_kind(const sb_flash &f, cudaStream_t stream)
{
    if (f.type == SB_FLASH_BF16)
        return f.sigmoid ? launch<D, true, true>(f, stream) : launch<D, true, false>(f, stream);
    return f.sigmoid ? launch<D, false, true>(f, stream) : launch<D, false, false>(f, stream);
}

} // namespace

extern "C" int sb_flash_cuda_kernel(const sb_flash *f) { return f->kernel != SB_FLASH_MMA && flash_hopper_takes(*f) ? SB_FLASH_WGMMA : SB_FLASH_MMA; }

extern "C" int sb_flash_cuda_forward(const sb_flash *f, void *stream, char *why, size_t n)
{
    if (!f->sequences || !f->kv_heads || !f->heads || f->heads % f->kv_heads || !f->max_q || !f->splits || f->kv_heads > 65535 ||
        (uint64_t)f->sequences * f->splits > 65535 || (f->splits > 1 && !f->partial) || (f->pages && (!f->page || !f->max_pages))) {
        snprintf(why, n, "flash: %u sequences, %u heads over %u KV heads, %u splits%s: out of range", f->sequences, f->heads, f->kv_heads,
                 f->splits, f->pages ? ", paged" : "");
        return 1;
    }
    cudaStream_t st = (cudaStream_t)stream;
    cudaError_t e;
    if (f->kernel != SB_FLASH_MMA && flash_hopper_takes(*f)) {
        e = flash_hopper_forward(*f, st);
        if (e != cudaSuccess)
            snprintf(why, n, "flash: %s", cudaGetErrorString(e));
        return e != cudaSuccess;
    }
    switch (f->head_dim) {
    case 64: e = launch_kind<64>(*f, st); break;
    case 96: e = launch_kind<96>(*f, st); break;
    case 128: e = launch_kind<128>(*f, st); break;
    case 256: e = launch_kind<256>(*f, st); break;
    default: snprintf(why, n, "flash: head_dim %u; 64, 96, 128 and 256 are built", f->head_dim); return 1;
    }
    if (e != cudaSuccess) {
        snprintf(why, n, "flash: %s", cudaGetErrorString(e));
        return 1;
    }
    return 0;
}
