/* SPDX-License-Identifier: Apache-2.0
 * Vector operations (docs/numerics.md, section 5): every arithmetic operation is one rounding, in the order written there. Detail of
 * every error: vector << 24 | element, or index. */
#include "codec.cuh"
#include "kernels.cuh"
#include "numerics.cuh"

namespace {

enum { Threads = 256, Chains = 64 };
constexpr uint32_t SumTile = 4096, NormThreads = 1024;

SB_FN void check(const sb_cuda_arg &arg, float y, uint32_t vector, uint64_t element)
{
    if (!sb_is_finite(y))
        sb_error_element(arg, SB_CUDA_RESULT, vector, element < 0xffffff ? (uint32_t)element : 0xffffff);
}

/* 5.1, by a block of at least 64 threads: f(i) is the i-th addend. All threads fetch, 64 add, each its own chain in ascending order.
 * Every thread gets the sum. */
template <class F> SB_FN float sum64(uint32_t n, F f, float *s)
{
    float mine = 0.0f;
    for (uint32_t first = 0; first < n; first += SumTile) {
        uint32_t tile = n - first < SumTile ? n - first : SumTile;
        for (uint32_t i = threadIdx.x; i < tile; i += blockDim.x)
            s[i] = f(first + i);
        __syncthreads();
        for (uint32_t i = threadIdx.x; i < tile && threadIdx.x < Chains; i += Chains)
            mine = __fadd_rn(mine, s[i]);
        __syncthreads();
    }
    if (threadIdx.x < Chains)
        s[threadIdx.x] = mine;
    __syncthreads();
    for (unsigned h = 32; h; h >>= 1) {
        if (threadIdx.x < h)
            s[threadIdx.x] = __fadd_rn(s[threadIdx.x], s[threadIdx.x + h]);
        __syncthreads();
    }
    float sum = s[0];
    __syncthreads();
    return sum;
}

/* One block a vector and row. */
__global__ void __launch_bounds__(NormThreads) norm_kernel(sb_cuda_arg arg)
{
    __shared__ float s[SumTile];
    if (!sb_begin(arg))
        return;
    const sb_command c = *arg.c;
    uint32_t v = blockIdx.y, r = blockIdx.x;
    const float *gain = sb_at<const float>(arg, c.weights), *bias = c.op == SB_OP_LAYERNORM && c.aux ? sb_at<const float>(arg, c.aux) : NULL;
    size_t at = (size_t)v * c.p[1] + (size_t)r * c.cols;
    const float *x = sb_at<const float>(arg, c.src) + at;
    float *y = sb_at<float>(arg, c.dst) + at; /* may be x */
    float eps = __uint_as_float(c.p[0]), inv_n = __uint_as_float(c.p[2]), mu = 0.0f, m;
    if (c.op == SB_OP_LAYERNORM) {
        mu = __fmul_rn(sum64(c.cols, [=](uint32_t i) { return x[i]; }, s), inv_n);
        m = sum64(c.cols, [=](uint32_t i) { float d = __fsub_rn(x[i], mu); return __fmul_rn(d, d); }, s);
    } else {
        m = sum64(c.cols, [=](uint32_t i) { return __fmul_rn(x[i], x[i]); }, s);
    }
    float inv = sb_rsqrt32(__fadd_rn(__fmul_rn(m, inv_n), eps));
    for (uint32_t i = threadIdx.x; i < c.cols; i += blockDim.x) {
        float d = c.op == SB_OP_LAYERNORM ? __fsub_rn(x[i], mu) : x[i];
        float out = __fmul_rn(__fmul_rn(d, inv), gain[i]);
        if (bias)
            out = __fadd_rn(out, bias[i]);
        y[i] = out;
        check(arg, out, v, (uint64_t)r * c.cols + i);
    }
}

__global__ void __launch_bounds__(Threads) rope_kernel(sb_cuda_arg arg)
{
    if (!sb_begin(arg))
        return;
    const sb_command c = *arg.c;
    uint32_t half = c.cols / 2, v = blockIdx.y, apart = c.p[0] ? 1 : half, step = c.p[0] ? 2 : 1;
    uint64_t n = (uint64_t)blockIdx.x * Threads + threadIdx.x;
    if (n >= (uint64_t)c.rows * half)
        return;
    uint32_t i = (uint32_t)(n % half);
    uint64_t at = n / half * c.cols + i * step;
    float *x = sb_at<float>(arg, c.dst) + (size_t)v * c.p[1];
    const float *co = sb_at<const float>(arg, c.aux) + (size_t)v * c.p[2], *si = co + half;
    float a = x[at], b = x[at + apart];
    float a1 = __fsub_rn(__fmul_rn(a, co[i]), __fmul_rn(b, si[i])), b1 = __fadd_rn(__fmul_rn(b, co[i]), __fmul_rn(a, si[i]));
    x[at] = a1;
    x[at + apart] = b1;
    check(arg, a1, v, at);
    check(arg, b1, v, at + apart);
}

__global__ void __launch_bounds__(Threads) gate_kernel(sb_cuda_arg arg)
{
    if (!sb_begin(arg))
        return;
    const sb_command c = *arg.c;
    uint32_t v = blockIdx.y, i = blockIdx.x * Threads + threadIdx.x;
    if (i >= c.cols)
        return;
    float g = sb_at<const float>(arg, c.src)[(size_t)v * c.p[0] + i], u = sb_at<const float>(arg, c.aux)[(size_t)v * c.p[0] + i], l;
    if (c.op == SB_OP_GELU_MUL) {
        float t = __fadd_rn(__fmul_rn(__fmul_rn(g, g), __uint_as_float(0x3d372713)), 1.0f);
        l = __fmul_rn(__fmul_rn(t, g), __uint_as_float(0x40135761));
    } else {
        l = __fmul_rn(g, __uint_as_float(0x3fb8aa3b));
    }
    float y = __fmul_rn(__fmul_rn(g, sb_sigmoid32(arg.table, l)), u);
    sb_at<float>(arg, c.dst)[(size_t)v * c.cols + i] = y;
    check(arg, y, v, i);
}

__global__ void __launch_bounds__(Threads) add_kernel(sb_cuda_arg arg)
{
    if (!sb_begin(arg))
        return;
    const sb_command c = *arg.c;
    uint32_t v = blockIdx.y, i = blockIdx.x * Threads + threadIdx.x;
    if (i >= c.cols)
        return;
    size_t at = (size_t)v * c.cols + i;
    float x = sb_at<const float>(arg, c.src)[at], *y = sb_at<float>(arg, c.dst) + at;
    float out = __fadd_rn(*y, c.codec ? __fmul_rn(__uint_as_float(c.p[0]), x) : x);
    *y = out;
    check(arg, out, v, i);
}

/* Weight i of a main word, as an integer (docs/formats.md). */
SB_FN long long decode_weight(unsigned codec, uint32_t word, uint32_t side, uint32_t main_word, unsigned i)
{
    int shift;
    if (codec == SB_CODEC_FP16) {
        int m = sb_half_parts(word >> 16 * i & 0xffff, &shift);
        return (long long)m << shift;
    }
    if (codec == SB_CODEC_INT4) {
        int m = sb_half_parts(side >> (main_word % 8 < 4 ? 0 : 16) & 0xffff, &shift);
        return (long long)(m * sb_nibble_at(word, 4 * i)) << shift;
    }
    int p_count = codec == SB_CODEC_SEEDLM4 ? 3 : 4;
    uint32_t seed = word & 0xffff;
    uint64_t more = sb_stream_after(seed);
    long long sum = 0;
    for (int p = 0; p < p_count; p++) {
        int n = (int)i * p_count + p + 1, q = p < 3 ? sb_nibble_at(word, 20 + 4 * p) : sb_nibble_at(side >> 4 * (main_word % 8), 0);
        uint32_t window = n < 16 ? (seed >> n | (uint32_t)(more << (16 - n))) & 0xffff : (uint32_t)(more >> (n - 16)) & 0xffff;
        sum += q * ((long long)window - 32768);
    }
    return sum * (1ll << (word >> 16 & 15));
}

/* One block a vector. */
__global__ void __launch_bounds__(Threads) embed_kernel(sb_cuda_arg arg)
{
    if (!sb_begin(arg))
        return;
    const sb_command c = *arg.c;
    uint32_t v = blockIdx.x, id = sb_at<const uint32_t>(arg, c.src)[v];
    if (id >= c.rows) {
        if (threadIdx.x == 0)
            sb_error_at(arg, SB_CUDA_INDEX, (unsigned long long)v << 32 | id);
        return;
    }
    const uint32_t *row = sb_at<const uint32_t>(arg, c.weights) + (size_t)id * c.p[2];
    float *x = sb_at<float>(arg, c.dst) + (size_t)v * c.cols;
    bool seed = c.codec == SB_CODEC_SEEDLM4 || c.codec == SB_CODEC_SEEDLM3;
    uint32_t block = c.codec == SB_CODEC_FP16 ? 2 : c.codec == SB_CODEC_SEEDLM3 ? 12 : 8, main_words = (c.cols + block - 1) / block;
    bool has_side = c.codec == SB_CODEC_INT4 || c.codec == SB_CODEC_SEEDLM3;
    float g = sb_ldexp(seed ? 0x1.0002p-15f : 1.0f, (seed ? -8 : -24) + (int32_t)c.p[0]);
    for (uint32_t i = threadIdx.x; i < c.cols; i += Threads) {
        float y;
        if (c.p[1]) {
            y = __uint_as_float(row[i]);
        } else {
            uint32_t b = i / block;
            y = __fmul_rn(__ll2float_rn(decode_weight(c.codec, row[b], has_side ? row[main_words + b / 8] : 0, b, i % block)), g);
        }
        x[i] = y;
        check(arg, y, v, i);
    }
}

/* GATHER, SCATTER: one block a vector. */
__global__ void __launch_bounds__(Threads) move_rows_kernel(sb_cuda_arg arg)
{
    if (!sb_begin(arg))
        return;
    const sb_command c = *arg.c;
    uint32_t v = blockIdx.x;
    const uint32_t *index = sb_at<const uint32_t>(arg, c.aux);
    uint32_t id = index[v];
    if (id >= c.rows) {
        if (threadIdx.x == 0)
            sb_error_at(arg, SB_CUDA_INDEX, (unsigned long long)v << 32 | id);
        return;
    }
    bool scatter = c.op == SB_OP_SCATTER;
    for (uint32_t w = v + 1; scatter && w < c.batch; w++)
        if (index[w] == id)
            return; /* of equal indices the last stays */
    const uint32_t *from = sb_at<const uint32_t>(arg, c.src) + (size_t)(scatter ? v : id) * c.p[0];
    uint32_t *to = sb_at<uint32_t>(arg, c.dst) + (size_t)(scatter ? id : v) * c.p[1];
    for (uint32_t i = threadIdx.x; i < c.cols; i += Threads)
        to[i] = from[i];
}

/* Orders values, then lower indices first; -0 is +0. */
SB_FN unsigned long long order_key(float x, uint32_t i)
{
    uint32_t b = __float_as_uint(x);
    b = b == 0x80000000u ? 0 : b;
    b = b & 0x80000000u ? ~b : b | 0x80000000u;
    return (unsigned long long)b << 32 | (0xffffffffu - i);
}

/* ARGMAX, TOPK: one block a vector, a pass for each of the k largest. */
__global__ void __launch_bounds__(1024) topk_kernel(sb_cuda_arg arg)
{
    enum { Ahead = 8 };
    __shared__ unsigned long long warp_max[32];
    if (!sb_begin(arg))
        return;
    const sb_command c = *arg.c;
    bool one = c.op == SB_OP_ARGMAX;
    uint32_t v = blockIdx.x, k = one ? 1 : c.p[1], stride = one ? 1 : (k + 15) / 16 * 16;
    const float *x = sb_at<const float>(arg, c.src) + (size_t)v * c.p[0];
    uint32_t *out = sb_at<uint32_t>(arg, c.dst) + (size_t)v * stride;
    unsigned long long last = ~0ull;
    for (uint32_t n = 0; n < k; n++) {
        unsigned long long best = 0; /* below every key of a finite value */
        for (uint32_t first = threadIdx.x; first < c.cols; first += Ahead * blockDim.x) {
            float y[Ahead]; /* several loads under way at a time */
            SB_UNROLL
            for (uint32_t k = 0, i = first; k < Ahead; k++, i += blockDim.x)
                y[k] = i < c.cols ? x[i] : 0.0f;
            SB_UNROLL
            for (uint32_t k = 0, i = first; k < Ahead; k++, i += blockDim.x) {
                if (i >= c.cols)
                    break;
                if (n == 0 && !sb_is_finite(y[k]))
                    sb_error_element(arg, SB_CUDA_NOT_FINITE, v, i);
                unsigned long long key = order_key(y[k], i);
                best = key < last && key > best ? key : best;
            }
        }
        last = sb_block_reduce(best, sb_max(), warp_max);
        if (threadIdx.x == 0) {
            uint32_t i = 0xffffffffu - (uint32_t)last;
            if (i < c.cols) { /* not so among values that are not finite */
                out[n] = i;
                if (!one)
                    sb_at<float>(arg, c.aux)[(size_t)v * stride + n] = x[i];
            }
        }
    }
}

unsigned blocks(uint64_t n) { return (unsigned)((n + Threads - 1) / Threads); }

} // namespace

void sb_cuda_launch_norm(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream)
{
    unsigned threads = c.cols < NormThreads ? (c.cols + Chains - 1) / Chains * Chains : NormThreads;
    SB_LAUNCH_STEP(norm_kernel, dim3(c.rows, c.batch), dim3(threads), stream, arg);
}
void sb_cuda_launch_rope(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream)
{
    if (c.cols / 2)
        SB_LAUNCH_STEP(rope_kernel, dim3(blocks((uint64_t)c.rows * (c.cols / 2)), c.batch), dim3(Threads), stream, arg);
}
void sb_cuda_launch_gate(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream)
{
    SB_LAUNCH_STEP(gate_kernel, dim3(blocks(c.cols), c.batch), dim3(Threads), stream, arg);
}
void sb_cuda_launch_add(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream)
{
    SB_LAUNCH_STEP(add_kernel, dim3(blocks(c.cols), c.batch), dim3(Threads), stream, arg);
}
void sb_cuda_launch_embed(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream)
{
    SB_LAUNCH_STEP(embed_kernel, dim3(c.batch), dim3(Threads), stream, arg);
}
void sb_cuda_launch_move_rows(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream)
{
    SB_LAUNCH_STEP(move_rows_kernel, dim3(c.batch), dim3(Threads), stream, arg);
}
void sb_cuda_launch_topk(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream)
{
    SB_LAUNCH_STEP(topk_kernel, dim3(c.batch), dim3(1024), stream, arg);
}
