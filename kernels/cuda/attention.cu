/* SPDX-License-Identifier: Apache-2.0
 * ATTENTION_X: exact attention (docs/numerics.md, section 6). All sums are of integers, so keys are spread over blocks as they come
 * and partial results meet in integer atomics: the bits do not depend on it. Three kernels: records are checked and results
 * cleared; scores and row maxima; P and values. */
#include "attention.cuh"
#include "kernels.cuh"

namespace {

enum { Threads = 128, Tile = 64, MaxDim = 4096 };
#define SB_MASKED (-0x7fffffff - 1)

/* Scratch: a maximum a row, then y [row][keys rounded up to 64]. */
SB_FN int32_t *row_max(const sb_cuda_arg &arg, uint32_t row) { return arg.scratch + row; }
SB_FN int32_t *row_scores(const sb_cuda_arg &arg, const sb_command &c, uint32_t row)
{
    uint32_t rows = (uint32_t)c.batch * c.rows;
    return arg.scratch + (rows + 15) / 16 * 16 + (size_t)row * ((c.p[0] + Tile - 1) / Tile * Tile);
}

struct row_info {
    uint32_t group, kv_head, token, lo, hi;
};
SB_FN row_info row_of(const sb_command &c, uint32_t row, uint32_t pos)
{
    row_info r;
    r.group = c.rows / c.p[3];
    r.kv_head = row / (c.batch * r.group);
    r.token = row / r.group % c.batch;
    r.lo = c.p[2] && pos >= c.p[2] ? pos - c.p[2] + 1 : 0;
    r.hi = (c.codec & SB_ATTN_CAUSAL) && pos < c.p[0] ? pos + 1 : c.p[0];
    return r;
}

/* Detail: row. */
__global__ void __launch_bounds__(Threads) attention_clear_kernel(sb_cuda_arg arg)
{
    if (!sb_begin(arg))
        return;
    const sb_command c = *arg.c;
    uint32_t row = blockIdx.x, rows = (uint32_t)c.batch * c.rows;
    const sb_attn_header h = *sb_at<const sb_attn_header>(arg, c.src + row * sb_attn_query_bytes(c.cols));
    if (threadIdx.x == 0) {
        if (h.pos < 0 || h.pos >= SB_ATTN_MAX_KEYS || h.shift < -1024 || h.shift > 1024 || h.v_exp < -128 || h.v_exp > 127 ||
            h.bias < -(1 << 21) || h.bias > 1 << 21 || h.slope >= 1u << 26 || h.scale < 1u << 15 || h.scale > 0xffff)
            sb_error_at(arg, SB_CUDA_RECORD, row);
        *row_max(arg, row) = SB_MASKED;
    }
    unsigned long long *dst = sb_at<unsigned long long>(arg, c.dst + row * sb_attn_row_bytes(c.cols));
    for (uint32_t i = threadIdx.x; i <= c.cols; i += Threads)
        dst[i] = 0;
    row_info r = row_of(c, row, (uint32_t)h.pos);
    if ((c.codec & SB_ATTN_EXPORT) && r.token + 1 == c.batch) {
        uint32_t stride = (c.p[0] + 15) / 16 * 16;
        uint32_t *probs = sb_at<uint32_t>(arg, c.dst + rows * sb_attn_row_bytes(c.cols)) + (size_t)(r.kv_head * r.group + row % r.group) * stride;
        for (uint32_t j = threadIdx.x; j < stride; j += Threads)
            probs[j] = 0;
    }
}

/* 6.3 */
SB_FN int32_t score(const sb_attn_header &h, long long s, int k_exp, uint32_t j)
{
    int sh = (int)sb_clamp((long long)h.shift + k_exp + 8, 0, 63);
    long long t = sb_clamp((s * 256) >> sh, -(1 << 23), (1 << 23) - 1);
    long long z = (t * (long long)(h.scale & 0xffff) + (1 << 17)) >> 18;
    unsigned long long dist = (uint32_t)h.pos > j ? (uint32_t)h.pos - j : j - (uint32_t)h.pos;
    unsigned long long a = (h.slope * dist) >> 10;
    return (int32_t)sb_clamp(z + h.bias - (long long)(a > 1 << 22 ? 1 << 22 : a), -SB_ATTN_Y_MAX - 1, SB_ATTN_Y_MAX);
}

/* q[8] . k[8]: two products of 15 bits each fit 32 bits, more do not. */
SB_FN long long dot8(const uint4 &q, const uint4 &k)
{
    const uint32_t a[4] = {q.x, q.y, q.z, q.w}, b[4] = {k.x, k.y, k.z, k.w};
    long long s = 0;
    SB_UNROLL
    for (int i = 0; i < 4; i++)
        s += (int)(int16_t)a[i] * (int)(int16_t)b[i] + ((int)a[i] >> 16) * ((int)b[i] >> 16);
    return s;
}
/* q[16] . k[16], k in bytes */
SB_FN long long dot16_bytes(const uint4 &q0, const uint4 &q1, const uint4 &k)
{
    const uint32_t a[8] = {q0.x, q0.y, q0.z, q0.w, q1.x, q1.y, q1.z, q1.w}, b[4] = {k.x, k.y, k.z, k.w};
    int s = 0; /* 16 * 2^22 */
    SB_UNROLL
    for (int i = 0; i < 8; i++) {
        int two = (int)(b[i / 2] >> (i & 1 ? 16 : 0));
        s += (int)(int16_t)a[i] * (int8_t)two + ((int)a[i] >> 16) * (int8_t)(two >> 8);
    }
    return s;
}

/* One block a row and tile of 64 keys; four lanes share a key. */
__global__ void __launch_bounds__(Threads) attention_score_kernel(sb_cuda_arg arg)
{
    __shared__ __align__(16) int16_t q[MaxDim + 16];
    __shared__ int32_t warp_max[32];
    if (!sb_begin(arg, true))
        return;
    const sb_command c = *arg.c;
    uint32_t row = blockIdx.x, first = blockIdx.y * Tile;
    const uint8_t *record = sb_at<const uint8_t>(arg, c.src + row * sb_attn_query_bytes(c.cols));
    const sb_attn_header h = *(const sb_attn_header *)record;
    row_info r = row_of(c, row, (uint32_t)h.pos);
    if (first >= r.hi || first + Tile <= r.lo)
        return;
    bool kv8 = c.codec & SB_ATTN_KV8;
    size_t capacity = c.p[1], rb = sb_attn_kv_row(c.cols, kv8);
    const uint8_t *keys = sb_at<const uint8_t>(arg, c.weights) + r.kv_head * sb_attn_kv_bytes(c.cols, kv8, capacity);
    const int8_t *exps = (const int8_t *)(keys + 2 * capacity * rb) + first / 64 * 128;
    uint32_t dims = (c.cols + 15) / 16 * 16;
    for (uint32_t i = threadIdx.x; i < dims; i += Threads) /* 0 behind the end: what lies there in the cache does not count */
        q[i] = i < c.cols ? ((const int16_t *)(record + sizeof h))[i] : 0;
    __syncthreads();
    unsigned quarter = threadIdx.x & 3;
    int32_t best = SB_MASKED;
    for (uint32_t j = first + threadIdx.x / 4; j < first + Tile; j += Threads / 4) {
        long long s = 0;
        bool in = j >= r.lo && j < r.hi;
        if (in) {
            const uint8_t *k = keys + j * rb;
            uint32_t chunk = kv8 ? 16 : 8; /* elements of 16 bytes */
            for (uint32_t i = quarter * chunk; i < c.cols; i += 4 * chunk) {
                uint4 kw = *(const uint4 *)(k + (kv8 ? i : 2 * i)), q0 = *(const uint4 *)(q + i);
                s += kv8 ? dot16_bytes(q0, *(const uint4 *)(q + i + 8), kw) : dot8(q0, kw);
            }
        }
        s += __shfl_xor_sync(0xffffffffu, s, 1);
        s += __shfl_xor_sync(0xffffffffu, s, 2);
        if (in && quarter == 0) {
            int32_t y = SB_MASKED;
            bool visible = true;
            if (c.codec & SB_ATTN_BITMAP)
                visible = sb_at<const unsigned long long>(arg, c.aux)[j / 64 * ((c.batch + 7) / 8 * 8) + r.token] >> (j & 63) & 1;
            if (visible)
                y = score(h, s, exps[j % 64], j);
            row_scores(arg, c, row)[j] = y;
            best = y > best ? y : best;
        }
    }
    best = sb_block_reduce(best, sb_max(), warp_max);
    if (threadIdx.x == 0 && best != SB_MASKED)
        atomicMax(row_max(arg, row), best);
}

/* One block a row, a share of its tiles and 128 of its dimensions. */
__global__ void __launch_bounds__(Threads) attention_value_kernel(sb_cuda_arg arg)
{
    __shared__ uint32_t weight[Tile];
    __shared__ unsigned long long warp_sum[32];
    if (!sb_begin(arg, true))
        return;
    const sb_command c = *arg.c;
    uint32_t row = blockIdx.x, rows = (uint32_t)c.batch * c.rows, d = blockIdx.z * Threads + threadIdx.x;
    const sb_attn_header h = *sb_at<const sb_attn_header>(arg, c.src + row * sb_attn_query_bytes(c.cols));
    row_info r = row_of(c, row, (uint32_t)h.pos);
    bool kv8 = c.codec & SB_ATTN_KV8, sigmoid = c.codec & SB_ATTN_SIGMOID;
    size_t capacity = c.p[1], rb = sb_attn_kv_row(c.cols, kv8), at = kv8 ? d : 2 * (size_t)d;
    const uint8_t *values = sb_at<const uint8_t>(arg, c.weights) + r.kv_head * sb_attn_kv_bytes(c.cols, kv8, capacity) + capacity * rb;
    const int8_t *exps = (const int8_t *)(values + capacity * rb);
    const int32_t *scores = row_scores(arg, c, row);
    int32_t max = *row_max(arg, row);
    uint32_t *probs = NULL;
    if ((c.codec & SB_ATTN_EXPORT) && r.token + 1 == c.batch && blockIdx.z == 0)
        probs = sb_at<uint32_t>(arg, c.dst + rows * sb_attn_row_bytes(c.cols)) +
                (size_t)(r.kv_head * r.group + row % r.group) * ((c.p[0] + 15) / 16 * 16);
    long long acc = 0;
    unsigned long long sum = 0;
    bool any = false;
    for (uint32_t first = (r.lo / Tile + blockIdx.y) * Tile; first < r.hi; first += gridDim.y * Tile) {
        if (threadIdx.x < Tile) {
            uint32_t j = first + threadIdx.x, p = 0;
            if (j >= r.lo && j < r.hi) {
                int32_t y = scores[j];
                if (y != SB_MASKED)
                    p = sigmoid ? sb_sigmoid(arg.table, y) : sb_decay(arg.table, 15, (uint32_t)(max - y));
                if (probs)
                    probs[j] = p;
                sum += p;
                p >>= (int)sb_clamp((long long)exps[j / 64 * 128 + 64 + j % 64] - h.v_exp, 0, 31);
            }
            weight[threadIdx.x] = p;
        }
        __syncthreads();
        if (d < c.cols) {
            const uint8_t *v = values + (size_t)first * rb + at / 64 * 4096 + at % 64;
            for (int j = 0; j < Tile; j++) /* keys of the tile that are not looked at weigh 0 */
                acc += (long long)((int)weight[j]) * (kv8 ? (int)(int8_t)v[j * 64] : (int)*(const int16_t *)(v + j * 64));
        }
        any = true;
        __syncthreads();
    }
    if (!any)
        return; /* the whole block */
    unsigned long long *dst = sb_at<unsigned long long>(arg, c.dst + row * sb_attn_row_bytes(c.cols));
    if (d < c.cols && acc)
        atomicAdd(dst + d, (unsigned long long)acc);
    if (!sigmoid && blockIdx.z == 0) {
        for (int m = 16; m; m >>= 1)
            sum += __shfl_xor_sync(0xffffffffu, sum, m);
        if ((threadIdx.x & 31) == 0)
            warp_sum[threadIdx.x >> 5] = sum;
        __syncthreads();
        if (threadIdx.x == 0) {
            for (int w = 1; w < Threads / 32; w++)
                sum += warp_sum[w];
            if (sum)
                atomicAdd(dst + c.cols, sum);
        }
    }
}

/* Keys rounded up to a power of two: grids, so that a graph serves many steps. */
uint32_t key_bucket(uint32_t keys)
{
    uint32_t n = Tile;
    while (n < keys)
        n *= 2;
    return n;
}

} // namespace

size_t sb_cuda_attention_scratch(const sb_command &c)
{
    size_t rows = (size_t)c.batch * c.rows;
    return ((rows + 15) / 16 * 16 + rows * key_bucket(c.p[0])) * sizeof(int32_t);
}

uint32_t sb_cuda_attention_bucket(const sb_command &c) { return key_bucket(c.p[0]); }

void sb_cuda_launch_attention(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream)
{
    uint32_t rows = (uint32_t)c.batch * c.rows, tiles = key_bucket(c.p[0]) / Tile, parts = (c.cols + Threads - 1) / Threads, splits = 1;
    while (splits < tiles && (size_t)rows * parts * splits < 2112)
        splits *= 2;
    SB_LAUNCH_STEP(attention_clear_kernel, dim3(rows), dim3(Threads), stream, arg);
    SB_LAUNCH_STEP(attention_score_kernel, dim3(rows, tiles), dim3(Threads), stream, arg);
    SB_LAUNCH_STEP(attention_value_kernel, dim3(rows, splits, parts), dim3(Threads), stream, arg);
}
