/* SPDX-License-Identifier: Apache-2.0
 * FlashSigmoid backward (sb_flash.h). P is recomputed from Q and K, nothing was saved, and no two blocks add to the same place, so the
 * result does not depend on their order. Two kernels:
 *
 * keys: a block has a tile of keys of one KV head and walks over all rows that see them, a row being a query and a head of the group, so
 * that dK and dV are summed over the group where they are. Warps work in pairs on the same keys: one has S^T = K Q^T, P and
 * dV += P^T dO, the other dP^T = V dO^T, dS and dK += dS^T Q: the same instructions on other tiles, half the accumulators each. The first
 * hands P (1 - P) to the second through shared memory.
 *
 * queries: a block has a tile of rows and walks over the keys that they see: S, dP, dS and dQ += dS K. S is computed twice in all, which
 * is the price of no atomics: 7 products instead of 5.
 *
 * Neither masks what lies past an end: those rows of the tiles are zeros, and add zeros. */
#include "flash_mma.cuh"
#include "sb_flash.h"

#include <stdio.h>

namespace {

#define SB_LOG2E 1.4426950408889634f

/* M: sub-tiles of 16 a warp; Keep: its left operands stay in registers. Rows of shared memory are 16 bytes apart in the banks. */
template <int D> struct keys_tile {
    enum { Pairs = 4, Threads = 64 * Pairs, M = D == 64 || D > 128 ? 1 : 2, Keys = 16 * M * Pairs, Rows = D > 128 ? 32 : 64, Keep = D == 64, Stride = D + 8,
           Exchange = Pairs * M * Rows / 16 * 32, /* in 16 bytes */
           Bytes = 2 * (2 * Keys + 4 * Rows) * Stride + 16 * Exchange };
};
template <int D> struct queries_tile {
    enum { Warps = 4, Threads = 32 * Warps, M = D > 128 ? 1 : 2, Rows = 16 * M * Warps, Keys = 32, Keep = D == 64, Stride = D + 8,
           Bytes = 2 * (2 * Rows + 4 * Keys) * Stride };
};

struct sequence {
    uint32_t queries, keys, group, rows, kv_head;
    int ahead; /* causal: query i sees keys 0 .. i + ahead */
    size_t q0, k0;
};
SB_FN sequence sequence_of(const sb_flash &f, uint32_t seq, uint32_t kv_head)
{
    sequence s;
    s.q0 = (size_t)f.q_start[seq];
    s.k0 = (size_t)f.kv_start[seq];
    s.queries = (uint32_t)(f.q_start[seq + 1] - f.q_start[seq]);
    s.keys = (uint32_t)(f.kv_start[seq + 1] - f.kv_start[seq]);
    s.group = f.heads / f.kv_heads;
    s.rows = s.queries * s.group;
    s.kv_head = kv_head;
    s.ahead = (int)s.keys - (int)s.queries;
    return s;
}
SB_FN size_t row_at(const sb_flash &f, const sequence &s, uint32_t row) /* of (total_q, heads) */
{
    return (s.q0 + row / s.group) * f.heads + s.kv_head * s.group + row % s.group;
}
SB_FN size_t key_at(const sb_flash &f, const sequence &s, uint32_t key) { return (s.k0 + key) * f.kv_heads + s.kv_head; }

/* N rows of two tensors into shared memory, zeros from `end` on; at(row): where it lies. */
template <int D, int N, int Threads, class At>
SB_FN void copy_tiles(uint16_t *to_a, uint16_t *to_b, const void *a, const void *b, uint32_t first, uint32_t end, At at)
{
    enum { Chunks = D / 8, Stride = D + 8 };
    for (uint32_t i = threadIdx.x; i < N * Chunks; i += Threads) {
        uint32_t r = i / Chunks, c = i % Chunks * 8;
        bool valid = first + r < end;
        size_t from = valid ? at(first + r) * D + c : 0;
        sb_copy16(to_a + r * Stride + c, (const uint16_t *)a + from, valid);
        sb_copy16(to_b + r * Stride + c, (const uint16_t *)b + from, valid);
    }
}

template <int Stride> SB_FN void load_left(uint32_t (&a)[4], const uint16_t *rows, int step)
{
    unsigned lane = threadIdx.x & 31;
    sb_ldmatrix4<false>(a, rows + (lane & 15) * Stride + 16 * step + (lane & 16 ? 8 : 0));
}
/* The left operands of a warp, where they stay in registers. */
template <int D, int M, bool Keep> struct left_operand {
    uint32_t a[Keep ? D / 16 : 1][M][4];
    SB_FN void keep(const uint16_t *rows)
    {
        if (Keep) {
            SB_UNROLL
            for (int step = 0; step < D / 16; step++)
                SB_UNROLL
                for (int m = 0; m < M; m++)
                    load_left<D + 8>(a[Keep ? step : 0][m], rows + 16 * m * (D + 8), step);
        }
    }
};

/* c = x y^T: 16 M rows of x, 8 N rows of y, D columns. */
template <int D, bool Bf16, int M, int N, bool Keep>
SB_FN void multiply_transposed(float (&c)[M][N][4], left_operand<D, M, Keep> &x, const uint16_t *rows, const uint16_t *y)
{
    enum { Stride = D + 8 };
    unsigned lane = threadIdx.x & 31;
    SB_UNROLL
    for (int m = 0; m < M; m++)
        SB_UNROLL
        for (int i = 0; i < N; i++)
            c[m][i][0] = c[m][i][1] = c[m][i][2] = c[m][i][3] = 0;
    SB_UNROLL
    for (int step = 0; step < D / 16; step++) {
        if (!Keep) {
            SB_UNROLL
            for (int m = 0; m < M; m++)
                load_left<Stride>(x.a[0][m], rows + 16 * m * Stride, step);
        }
        SB_UNROLL
        for (int i = 0; i < N / 2; i++) { /* matrices: rows 0-7 and 8-15 of y, each of columns 0-7 and 8-15 */
            uint32_t b[4];
            sb_ldmatrix4<false>(b, y + (16 * i + (lane & 7) + (lane & 16 ? 8 : 0)) * Stride + 16 * step + (lane & 8));
            SB_UNROLL
            for (int m = 0; m < M; m++) {
                sb_mma<Bf16>(c[m][2 * i], x.a[Keep ? step : 0][m], b[0], b[1]);
                sb_mma<Bf16>(c[m][2 * i + 1], x.a[Keep ? step : 0][m], b[2], b[3]);
            }
        }
    }
}

/* acc += c y: c of 16 M rows and 8 N columns, rounded to the type; y of 8 N rows and D columns. */
template <int D, bool Bf16, int M, int N> SB_FN void multiply_add(float (&acc)[M][D / 8][4], const float (&c)[M][N][4], const uint16_t *y)
{
    unsigned lane = threadIdx.x & 31;
    SB_UNROLL
    for (int step = 0; step < N / 2; step++) {
        uint32_t a[M][4];
        SB_UNROLL
        for (int m = 0; m < M; m++)
            SB_UNROLL
            for (int i = 0; i < 4; i++)
                a[m][i] = sb_pack2<Bf16>(c[m][2 * step + i / 2][2 * (i & 1)], c[m][2 * step + i / 2][2 * (i & 1) + 1]);
        SB_UNROLL
        for (int i = 0; i < D / 16; i++) { /* matrices: rows 0-7 and 8-15 of y, each of columns 0-7, then 8-15 */
            uint32_t b[4];
            sb_ldmatrix4<true>(b, y + (16 * step + (lane & 15)) * (D + 8) + 16 * i + (lane & 16 ? 8 : 0));
            SB_UNROLL
            for (int m = 0; m < M; m++) {
                sb_mma<Bf16>(acc[m][2 * i], a[m], b[0], b[1]);
                sb_mma<Bf16>(acc[m][2 * i + 1], a[m], b[2], b[3]);
            }
        }
    }
}

/* P of a product's element; scale and bias negated and in the log2 domain. */
SB_FN float sigmoid(float c, float scale, float bias) { return sb_rcp(1.0f + sb_exp2(c * scale + bias)); }

template <bool Bf16> SB_FN void store_two(void *to, size_t i, float x, float y, int fp32)
{
    if (fp32)
        *(float2 *)((float *)to + i) = {x, y};
    else
        *(uint32_t *)((uint16_t *)to + i) = sb_pack2<Bf16>(x, y);
}

template <int D, bool Bf16> __global__ void __launch_bounds__(keys_tile<D>::Threads) flash_backward_keys(sb_flash f, sb_flash_gradients g)
{
    typedef keys_tile<D> T;
    enum { M = T::M, N = T::Rows / 8, Stride = T::Stride };
    SB_DYNAMIC_SHARED(uint16_t, shared); /* K, V; two of Q, dO; P (1 - P) */
    sequence s = sequence_of(f, blockIdx.z, blockIdx.y);
    uint32_t first_key = blockIdx.x * T::Keys;
    if (first_key >= s.keys)
        return;
    uint16_t *k = shared, *v = k + T::Keys * Stride, *tiles = v + T::Keys * Stride;
    uint4 *exchange = (uint4 *)(tiles + 4 * T::Rows * Stride);
    unsigned warp = threadIdx.x >> 5, lane = threadIdx.x & 31, t = lane & 3, pair = warp % T::Pairs;
    bool second = warp >= T::Pairs; /* of its pair: dS and dK */
    uint32_t warp_key = first_key + 16 * M * pair;

    /* The first row that sees a key: row / group + ahead >= key. */
    int sees[M][2], sees_first = 0, sees_last = 0, block_row = 0;
    SB_UNROLL
    for (int m = 0; m < M; m++)
        for (int h = 0; h < 2; h++)
            sees[m][h] = ((int)(warp_key + 16 * m + lane / 4 + 8 * h) - s.ahead) * (int)s.group;
    if (f.causal) {
        sees_first = ((int)warp_key - s.ahead) * (int)s.group;
        sees_last = ((int)warp_key + 16 * M - 1 - s.ahead) * (int)s.group;
        block_row = ((int)first_key - s.ahead) * (int)s.group;
        block_row = block_row > 0 ? block_row : 0;
    }
    auto query = [&](uint32_t row) { return row_at(f, s, row); };
    auto key = [&](uint32_t j) { return key_at(f, s, j); };

    float acc[M][D / 8][4], c[M][N][4];
    SB_UNROLL
    for (int m = 0; m < M; m++)
        SB_UNROLL
        for (int i = 0; i < D / 8; i++)
            acc[m][i][0] = acc[m][i][1] = acc[m][i][2] = acc[m][i][3] = 0;
    const uint16_t *left = (second ? v : k) + 16 * M * pair * Stride;
    left_operand<D, M, T::Keep> x;
    float scale = -f.scale * SB_LOG2E, bias = -f.bias * SB_LOG2E;
    if ((uint32_t)block_row < s.rows) {
        copy_tiles<D, T::Keys, T::Threads>(k, v, f.k, f.v, first_key, s.keys, key);
        sb_copy_commit();
        copy_tiles<D, T::Rows, T::Threads>(tiles, tiles + T::Rows * Stride, f.q, g.dout, (uint32_t)block_row, s.rows, query);
        sb_copy_commit();
        sb_copy_wait<1>();
        __syncthreads();
        x.keep(left);
    }
    for (uint32_t row = (uint32_t)block_row, n = 0; row < s.rows; row += T::Rows, n++) {
        sb_copy_wait<0>();
        __syncthreads(); /* this tile is there, and nobody reads the other one or the exchange */
        const uint16_t *q = tiles + (n & 1) * 2 * T::Rows * Stride, *dout = q + T::Rows * Stride;
        if (row + T::Rows < s.rows) {
            uint16_t *next = tiles + (~n & 1) * 2 * T::Rows * Stride;
            copy_tiles<D, T::Rows, T::Threads>(next, next + T::Rows * Stride, f.q, g.dout, row + T::Rows, s.rows, query);
            sb_copy_commit();
        }
        bool some = !f.causal || (int)(row + T::Rows) > sees_first, whole = !f.causal || (int)row >= sees_last;
        uint4 *mine = exchange + pair * (M * N / 2 * 32) + lane;
        if (some) {
            multiply_transposed<D, Bf16, M, N, T::Keep>(c, x, left, second ? dout : q);
            if (!second) {
                SB_UNROLL
                for (int m = 0; m < M; m++)
                    SB_UNROLL
                    for (int i = 0; i < N; i += 2) {
                        uint32_t w[4];
                        SB_UNROLL
                        for (int e = 0; e < 8; e += 2) {
                            float slope[2];
                            SB_UNROLL
                            for (int j = 0; j < 2; j++) {
                                float p = sigmoid(c[m][i + e / 4][e % 4 + j], scale, bias);
                                if (!whole && (int)row + 8 * (i + e / 4) + 2 * (int)t + j < sees[m][e / 2 % 2])
                                    p = 0;
                                c[m][i + e / 4][e % 4 + j] = p;
                                slope[j] = p - p * p;
                            }
                            w[e / 2] = sb_pack2<Bf16>(slope[0], slope[1]);
                        }
                        mine[(m * N / 2 + i / 2) * 32] = {w[0], w[1], w[2], w[3]};
                    }
            }
        }
        __syncthreads();
        if (some) {
            if (second) {
                SB_UNROLL
                for (int m = 0; m < M; m++)
                    SB_UNROLL
                    for (int i = 0; i < N; i += 2) {
                        uint4 four = mine[(m * N / 2 + i / 2) * 32];
                        uint32_t w[4] = {four.x, four.y, four.z, four.w};
                        SB_UNROLL
                        for (int e = 0; e < 8; e++)
                            c[m][i + e / 4][e % 4] *= sb_unpack<Bf16>(w[e / 2], e & 1);
                    }
            }
            multiply_add<D, Bf16, M, N>(acc, c, second ? q : dout);
        }
    }
    float by = second ? f.scale : 1.0f;
    SB_UNROLL
    for (int m = 0; m < M; m++)
        SB_UNROLL
        for (int h = 0; h < 2; h++) {
            uint32_t j = warp_key + 16 * m + lane / 4 + 8 * h;
            if (j >= s.keys)
                continue;
            size_t at = key(j) * D + 2 * t;
            SB_UNROLL
            for (int i = 0; i < D / 8; i++)
                store_two<Bf16>(second ? g.dk : g.dv, at + 8 * i, acc[m][i][2 * h] * by, acc[m][i][2 * h + 1] * by, g.fp32);
        }
}

template <int D, bool Bf16> __global__ void __launch_bounds__(queries_tile<D>::Threads) flash_backward_queries(sb_flash f, sb_flash_gradients g)
{
    typedef queries_tile<D> T;
    enum { M = T::M, N = T::Keys / 8, Stride = T::Stride };
    SB_DYNAMIC_SHARED(uint16_t, shared); /* Q, dO; two of K, V */
    sequence s = sequence_of(f, blockIdx.z, blockIdx.y);
    uint32_t block_row = (gridDim.x - 1 - blockIdx.x) * T::Rows; /* causal: those with the most keys first */
    if (block_row >= s.rows)
        return;
    uint16_t *q = shared, *dout = q + T::Rows * Stride, *tiles = dout + T::Rows * Stride;
    unsigned warp = threadIdx.x >> 5, lane = threadIdx.x & 31, t = lane & 3;
    uint32_t warp_row = block_row + 16 * M * warp;
    int end[M][2], warp_first = (int)s.keys, warp_last = (int)s.keys, visible = (int)s.keys; /* how many keys they see */
    if (f.causal) {
        SB_UNROLL
        for (int m = 0; m < M; m++)
            for (int h = 0; h < 2; h++)
                end[m][h] = (int)((warp_row + 16 * m + lane / 4 + 8 * h) / s.group) + 1 + s.ahead;
        uint32_t last = block_row + T::Rows - 1;
        last = last < s.rows ? last : s.rows - 1;
        visible = (int)(last / s.group) + 1 + s.ahead;
        warp_first = (int)(warp_row / s.group) + 1 + s.ahead;
        warp_last = (int)((warp_row + 16 * M - 1) / s.group) + 1 + s.ahead;
    }
    auto query = [&](uint32_t row) { return row_at(f, s, row); };
    auto key = [&](uint32_t j) { return key_at(f, s, j); };

    float acc[M][D / 8][4], p[M][N][4], dp[M][N][4];
    SB_UNROLL
    for (int m = 0; m < M; m++)
        SB_UNROLL
        for (int i = 0; i < D / 8; i++)
            acc[m][i][0] = acc[m][i][1] = acc[m][i][2] = acc[m][i][3] = 0;
    const uint16_t *left_q = q + 16 * M * warp * Stride, *left_dout = dout + 16 * M * warp * Stride;
    left_operand<D, M, T::Keep> xq, xd;
    float scale = -f.scale * SB_LOG2E, bias = -f.bias * SB_LOG2E;
    if (visible > 0) {
        copy_tiles<D, T::Rows, T::Threads>(q, dout, f.q, g.dout, block_row, s.rows, query);
        sb_copy_commit();
        copy_tiles<D, T::Keys, T::Threads>(tiles, tiles + T::Keys * Stride, f.k, f.v, 0, s.keys, key);
        sb_copy_commit();
        sb_copy_wait<1>();
        __syncthreads();
        xq.keep(left_q);
        xd.keep(left_dout);
    }
    for (int first = 0, n = 0; first < visible; first += T::Keys, n++) {
        sb_copy_wait<0>();
        __syncthreads(); /* this tile is there, and nobody reads the other one */
        const uint16_t *k = tiles + (n & 1) * 2 * T::Keys * Stride, *v = k + T::Keys * Stride;
        if (first + T::Keys < visible) {
            uint16_t *next = tiles + (~n & 1) * 2 * T::Keys * Stride;
            copy_tiles<D, T::Keys, T::Threads>(next, next + T::Keys * Stride, f.k, f.v, (uint32_t)(first + T::Keys), s.keys, key);
            sb_copy_commit();
        }
        if (first >= warp_last)
            continue;
        multiply_transposed<D, Bf16, M, N, T::Keep>(p, xq, left_q, k);
        multiply_transposed<D, Bf16, M, N, T::Keep>(dp, xd, left_dout, v);
        bool whole = !f.causal || first + T::Keys <= warp_first;
        SB_UNROLL
        for (int m = 0; m < M; m++)
            SB_UNROLL
            for (int i = 0; i < N; i++)
                SB_UNROLL
                for (int e = 0; e < 4; e++) {
                    float x = sigmoid(p[m][i][e], scale, bias);
                    x = (x - x * x) * dp[m][i][e];
                    p[m][i][e] = !whole && first + 8 * i + 2 * (int)t + e % 2 >= end[m][e / 2] ? 0.0f : x;
                }
        multiply_add<D, Bf16, M, N>(acc, p, k);
    }
    SB_UNROLL
    for (int m = 0; m < M; m++)
        SB_UNROLL
        for (int h = 0; h < 2; h++) {
            uint32_t row = warp_row + 16 * m + lane / 4 + 8 * h;
            if (row >= s.rows)
                continue;
            size_t at = query(row) * D + 2 * t;
            SB_UNROLL
            for (int i = 0; i < D / 8; i++)
                store_two<Bf16>(g.dq, at + 8 * i, acc[m][i][2 * h] * f.scale, acc[m][i][2 * h + 1] * f.scale, g.fp32);
        }
}

template <int D, bool Bf16> cudaError_t launch(const sb_flash &f, const sb_flash_gradients &g, cudaStream_t stream)
{
    typedef keys_tile<D> K;
    typedef queries_tile<D> Q;
    uint32_t rows = f.max_q * (f.heads / f.kv_heads);
    cudaError_t e = cudaFuncSetAttribute(flash_backward_keys<D, Bf16>, cudaFuncAttributeMaxDynamicSharedMemorySize, K::Bytes);
    if (e == cudaSuccess)
        e = cudaFuncSetAttribute(flash_backward_queries<D, Bf16>, cudaFuncAttributeMaxDynamicSharedMemorySize, Q::Bytes);
    if (e != cudaSuccess)
        return e;
    if (g.max_k)
        SB_LAUNCH((flash_backward_keys<D, Bf16>), dim3((g.max_k + K::Keys - 1) / K::Keys, f.kv_heads, f.sequences), dim3(K::Threads), K::Bytes, stream, f, g);
    if (rows)
        SB_LAUNCH((flash_backward_queries<D, Bf16>), dim3((rows + Q::Rows - 1) / Q::Rows, f.kv_heads, f.sequences), dim3(Q::Threads), Q::Bytes, stream, f, g);
    return cudaGetLastError();
}
template <int D> cudaError_t launch_type(const sb_flash &f, const sb_flash_gradients &g, cudaStream_t stream)
{
    return f.type == SB_FLASH_BF16 ? launch<D, true>(f, g, stream) : launch<D, false>(f, g, stream);
}

} // namespace

extern "C" int sb_flash_cuda_backward(const sb_flash *f, const sb_flash_gradients *g, void *stream, char *why, size_t n)
{
    if (sb_flash_backward_refused(f, g, f->pages != NULL, why, n))
        return 1;
    if (f->kv_heads > 65535 || f->sequences > 65535) {
        snprintf(why, n, "flash backward: %u KV heads, %u sequences: at most 65535", f->kv_heads, f->sequences);
        return 1;
    }
    cudaStream_t st = (cudaStream_t)stream;
    cudaError_t e;
    switch (f->head_dim) {
    case 64: e = launch_type<64>(*f, *g, st); break;
    case 96: e = launch_type<96>(*f, *g, st); break;
    case 128: e = launch_type<128>(*f, *g, st); break;
    case 256: e = launch_type<256>(*f, *g, st); break;
    default: snprintf(why, n, "flash backward: head_dim %u; 64, 96, 128 and 256 are built", f->head_dim); return 1;
    }
    if (e != cudaSuccess) {
        snprintf(why, n, "flash backward: %s", cudaGetErrorString(e));
        return 1;
    }
    return 0;
}
