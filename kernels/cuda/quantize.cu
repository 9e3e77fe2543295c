/* SPDX-License-Identifier: Apache-2.0
 * QUANTIZE and SCALE (docs/numerics.md, sections 2 and 4), QUANTIZE_KV, QUANTIZE_Q and ATTN_SCALE (6.1, 6.5). */
#include "attention.cuh"
#include "kernels.cuh"

namespace {

enum { Threads = 256, QueryThreads = 128, QuantizeThreads = 1024 };

/* Largest magnitude of x[0..n-1] over the block, as bits; reports what is not finite. where: the detail of element 0. */
SB_FN uint32_t largest(const sb_cuda_arg &arg, const float *x, uint32_t n, unsigned long long where)
{
    __shared__ uint32_t warp_max[32];
    uint32_t a = 0;
    for (uint32_t i = threadIdx.x; i < n; i += blockDim.x) {
        uint32_t m = sb_magnitude(x[i]);
        if (m >= SB_F32_INF)
            sb_error_at(arg, SB_CUDA_NOT_FINITE, where + i);
        a = m > a ? m : a;
    }
    return sb_block_reduce(a, sb_max(), warp_max);
}

/* One block a vector. Detail: vector << 24 | element. */
__global__ void __launch_bounds__(QuantizeThreads) quantize_kernel(sb_cuda_arg arg)
{
    if (!sb_begin(arg))
        return;
    const sb_command c = *arg.c;
    uint32_t v = blockIdx.x, block = c.codec == SB_CODEC_SEEDLM3 ? 12 : 8, stride = c.codec == SB_CODEC_SEEDLM3 ? 16 : 8;
    uint32_t elems = ((c.cols + block - 1) / block * stride + 31) / 32 * 32;
    const float *x = sb_at<const float>(arg, c.src) + (size_t)v * c.cols;
    int16_t *q = sb_at<int16_t>(arg, c.dst) + (size_t)v * elems;
    uint32_t a = largest(arg, x, c.cols, (unsigned long long)v << 24);
    if (a >= SB_F32_INF)
        return;
    int k = a ? sb_quantize_exp(a, 14) : 0;
    if (threadIdx.x == 0)
        sb_at<int32_t>(arg, c.aux)[v] = k;
    for (uint32_t e = threadIdx.x; e < elems; e += QuantizeThreads) {
        uint32_t in = e % stride, col = e / stride * block + in;
        q[e] = in < block && col < c.cols ? (int16_t)sb_quantize_value(x[col], k, 32767) : 0;
    }
}

/* Detail: vector << 24 | element. */
__global__ void __launch_bounds__(Threads) scale_kernel(sb_cuda_arg arg)
{
    if (!sb_begin(arg))
        return;
    const sb_command c = *arg.c;
    uint32_t v = blockIdx.y, r = blockIdx.x * Threads + threadIdx.x;
    if (r >= c.rows)
        return;
    bool seed = c.codec == SB_CODEC_SEEDLM4 || c.codec == SB_CODEC_SEEDLM3;
    int32_t k = sb_at<int32_t>(arg, c.aux)[v];
    k = k > 4096 ? 4096 : k < -4096 ? -4096 : k; /* beyond, the result is 0 or infinite all the same */
    float g = sb_ldexp(seed ? 0x1.0002p-15f : 1.0f, (seed ? -8 : -24) + (int32_t)c.p[0] - k);
    size_t stride = ((size_t)c.rows * 8 + 63) / 64 * 64;
    long long acc = ((const long long *)(sb_at<uint8_t>(arg, c.src) + v * stride))[r];
    float y = __fmul_rn(__ll2float_rn(acc), g);
    sb_at<float>(arg, c.dst)[(size_t)v * c.p[1] + r] = y;
    if (!sb_is_finite(y))
        sb_error_element(arg, SB_CUDA_RESULT, v, r);
}

/* One block a token, head and of K or V. Detail: token << 31 | head << 14 | V << 13 | element. */
__global__ void __launch_bounds__(Threads) quantize_kv_kernel(sb_cuda_arg arg)
{
    if (!sb_begin(arg))
        return;
    const sb_command c = *arg.c;
    bool kv8 = c.codec & SB_ATTN_KV8;
    uint32_t h = blockIdx.x >> 1, which = blockIdx.x & 1, v = blockIdx.y, j = c.p[0] + v;
    size_t rb = sb_attn_kv_row(c.cols, kv8), capacity = c.p[1];
    uint8_t *base = sb_at<uint8_t>(arg, c.dst) + h * sb_attn_kv_bytes(c.cols, kv8, capacity);
    const float *x = sb_at<const float>(arg, which ? c.aux : c.src) + (size_t)v * c.p[2] + (size_t)h * c.cols;
    uint32_t a = largest(arg, x, c.cols, (unsigned long long)v << 31 | (unsigned long long)h << 14 | which << 13);
    if (a >= SB_F32_INF)
        return;
    int k = a ? sb_quantize_exp(a, kv8 ? 6 : 14) : 96;
    uint8_t *row = which ? base + capacity * rb + sb_attn_v_line(rb, j, 0) : base + j * rb;
    size_t apart = which ? 4096 : 64; /* from line to line */
    uint32_t elems = (uint32_t)(kv8 ? rb : rb / 2);
    for (uint32_t i = threadIdx.x; i < elems; i += Threads) {
        int q = i < c.cols ? sb_quantize_value(x[i], k, kv8 ? 127 : 32767) : 0;
        uint32_t at = kv8 ? i : 2 * i;
        uint8_t *to = row + at / 64 * apart + at % 64;
        if (kv8)
            *to = (uint8_t)q;
        else
            *(int16_t *)to = (int16_t)q;
    }
    if (threadIdx.x == 0)
        base[2 * capacity * rb + j / 64 * 128 + which * 64 + j % 64] = (uint8_t)(int8_t)k;
}

/* One block a token and head; all heads of a KV head look at its exponents. Detail: token << 31 | head << 14 | element. */
__global__ void __launch_bounds__(QueryThreads) quantize_q_kernel(sb_cuda_arg arg)
{
    __shared__ int warp_min[32];
    if (!sb_begin(arg))
        return;
    const sb_command c = *arg.c;
    bool kv8 = c.codec & SB_ATTN_KV8, causal = c.codec & SB_ATTN_CAUSAL;
    uint32_t head = blockIdx.x, v = blockIdx.y, group = c.rows / c.p[3], g = head / group, pos = c.p[0] + v;
    const sb_query_params *par = sb_at<const sb_query_params>(arg, c.aux);
    const sb_attn_header *of_head = (const sb_attn_header *)(par + 1);
    uint32_t window = par->window;
    size_t capacity = c.p[1], rb = sb_attn_kv_row(c.cols, kv8), record_bytes = sb_attn_query_bytes(c.cols);
    const int8_t *exps = sb_at<const int8_t>(arg, c.weights) + g * sb_attn_kv_bytes(c.cols, kv8, capacity) + 2 * capacity * rb;
    const float *x = sb_at<const float>(arg, c.src) + (size_t)v * c.p[2] + (size_t)head * c.cols;
    uint8_t *record = sb_at<uint8_t>(arg, c.dst) + (((size_t)g * c.batch + v) * group + head % group) * record_bytes;
    uint32_t hi = causal ? pos + 1 : c.p[0] + c.batch, lo = window && pos >= window ? pos - window + 1 : 0;
    int v_exp = SB_ATTN_NO_EXP;
    for (uint32_t j = lo + threadIdx.x; j < hi; j += QueryThreads) {
        int e = exps[j / 64 * 128 + 64 + j % 64];
        v_exp = e < v_exp ? e : v_exp;
    }
    v_exp = sb_block_reduce(v_exp, sb_min(), warp_min);
    uint32_t a = largest(arg, x, c.cols, (unsigned long long)v << 31 | (unsigned long long)head << 14);
    if (a >= SB_F32_INF)
        return; /* the whole block */
    int k = a ? sb_quantize_exp(a, 14) : 96;
    if (threadIdx.x == 0) {
        sb_attn_header h = of_head[head];
        h.pos = (int32_t)pos;
        h.shift = (int32_t)((uint32_t)h.shift + (uint32_t)k);
        h.v_exp = v_exp;
        *(sb_attn_header *)record = h;
    }
    int16_t *q = (int16_t *)(record + sizeof(sb_attn_header));
    for (uint32_t e = threadIdx.x; e < (record_bytes - sizeof(sb_attn_header)) / 2; e += QueryThreads)
        q[e] = e < c.cols ? (int16_t)sb_quantize_value(x[e], k, 32767) : 0;
}

/* Detail: row (in the order of the records) << 13 | element. */
__global__ void __launch_bounds__(Threads) attn_scale_kernel(sb_cuda_arg arg)
{
    if (!sb_begin(arg))
        return;
    const sb_command c = *arg.c;
    uint32_t group = c.rows / c.p[3], r = blockIdx.x;
    uint32_t token = r / group % c.batch, head = r / (group * c.batch) * group + r % group;
    const long long *acc = sb_at<const long long>(arg, c.src + r * sb_attn_row_bytes(c.cols));
    const sb_attn_header *h = sb_at<const sb_attn_header>(arg, c.aux + r * sb_attn_query_bytes(c.cols));
    float *y = sb_at<float>(arg, c.dst) + ((size_t)token * c.rows + head) * c.cols;
    int e = (int)sb_clamp(h->v_exp, -128, 127);
    bool sigmoid = c.codec & SB_ATTN_SIGMOID;
    float factor = sb_ldexp(1.0f, sigmoid ? -SB_ATTN_P_BITS - e : -e), inv = 0;
    unsigned long long sum = (unsigned long long)acc[c.cols];
    if (!sigmoid && sum)
        inv = __fdiv_rn(1.0f, __ull2float_rn(sum));
    for (uint32_t i = threadIdx.x; i < c.cols; i += Threads) {
        float a = __ll2float_rn(acc[i]);
        float out = sigmoid ? __fmul_rn(a, factor) : sum ? __fmul_rn(__fmul_rn(a, inv), factor) : 0.0f;
        y[i] = out;
        if (!sb_is_finite(out))
            sb_error_at(arg, SB_CUDA_RESULT, (unsigned long long)r << 13 | i);
    }
}

} // namespace

void sb_cuda_launch_quantize(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream)
{
    SB_LAUNCH_STEP(quantize_kernel, dim3(c.batch), dim3(QuantizeThreads), stream, arg);
}
void sb_cuda_launch_scale(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream)
{
    SB_LAUNCH_STEP(scale_kernel, dim3((c.rows + Threads - 1) / Threads, c.batch), dim3(Threads), stream, arg);
}
void sb_cuda_launch_quantize_kv(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream)
{
    SB_LAUNCH_STEP(quantize_kv_kernel, dim3(c.rows * 2, c.batch), dim3(Threads), stream, arg);
}
void sb_cuda_launch_quantize_q(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream)
{
    SB_LAUNCH_STEP(quantize_q_kernel, dim3(c.rows, c.batch), dim3(QueryThreads), stream, arg);
}
void sb_cuda_launch_attn_scale(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream)
{
    SB_LAUNCH_STEP(attn_scale_kernel, dim3((unsigned)c.batch * c.rows), dim3(Threads), stream, arg);
}
