// SPDX-License-Identifier: Apache-2.0
// FlashSigmoid and FlashAttention forward (sb_flash.h) against binary64 on fresh random inputs, results poisoned first. Built over the
// emulator, over OpenCL, and over CUDA, where it runs on a GPU or skips by name. usage: test_flash [cases] [seed]
#if defined(SB_FLASH_OPENCL)
#include "sb_flash_opencl.h"
#elif !defined(SB_CUDA_EMULATED)
#include <cuda_runtime.h>
#endif
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vector>

#include "sb_flash.h"

static uint64_t rng = 0x9e3779b97f4a7c15u;
static uint32_t rnd()
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 16);
}
static uint32_t below(uint32_t n) { return rnd() % n; }
static double normal()
{
    double s = 0;
    for (int i = 0; i < 12; i++)
        s += (rnd() & 0xffffff) / 16777216.0;
    return s - 6;
}

// A random value of the type: its bits, and what they mean.
static uint16_t pick(int bf16, double *value)
{
    double v = normal();
    if (bf16) {
        float f = (float)v;
        uint32_t u;
        memcpy(&u, &f, 4);
        u &= 0xffff0000u;
        memcpy(&f, &u, 4);
        *value = (double)f;
        return (uint16_t)(u >> 16);
    }
    int e;
    double m = frexp(v, &e);
    if (v == 0 || e < -13)
        return *value = 0, (uint16_t)0;
    int q = (int)(fabs(m) * 2048); // 1024..2047
    *value = ldexp(v < 0 ? -q : q, e - 11);
    return (uint16_t)((v < 0 ? 0x8000 : 0) | (uint32_t)(e + 14) << 10 | (uint32_t)(q - 1024));
}

struct problem {
    sb_flash f;
    std::vector<int32_t> q_start, kv_start, pages;
    std::vector<uint16_t> q, k, v;
    std::vector<double> qd, kd, vd;
    size_t kv_rows;
};

static std::vector<uint16_t> fill(size_t n, int bf16, std::vector<double> &d)
{
    std::vector<uint16_t> x(n);
    d.resize(n);
    for (size_t i = 0; i < n; i++)
        x[i] = pick(bf16, &d[i]);
    return x;
}

static problem make(unsigned i, uint32_t longest)
{
    static const uint32_t dims[] = {64, 96, 128, 256}, groups[] = {1, 2, 4, 7};
    problem p;
    sb_flash &f = p.f;
    memset(&f, 0, sizeof f);
    f.head_dim = dims[i % 4];
    f.sigmoid = i / 4 % 2;
    f.type = (int)(i / 8 % 2);
    f.causal = (int)below(2);
    f.sequences = 1 + below(3);
    f.kv_heads = 1 + below(2);
    f.heads = f.kv_heads * groups[below(4)];
    f.splits = below(3) ? 1 : 2 + below(4);
    f.scale = 1.0f / sqrtf((float)f.head_dim);
    bool decode = below(3) == 0;
    p.q_start.push_back(0);
    p.kv_start.push_back(0);
    for (uint32_t s = 0; s < f.sequences; s++) {
        uint32_t nq = decode ? 1 : below(longest), nk = below(longest); // none too, and more queries than keys
        f.max_q = nq > f.max_q ? nq : f.max_q;
        p.q_start.push_back(p.q_start.back() + (int)nq);
        p.kv_start.push_back(p.kv_start.back() + (int)nk);
    }
    if (!f.max_q) {
        f.max_q = 1;
        p.q_start.back()++;
    }
    f.total_q = (uint32_t)p.q_start.back();
    f.bias = f.sigmoid ? -logf((float)longest) : 0;
    p.kv_rows = (size_t)p.kv_start.back();
    if (below(2)) { // paged, pages in any order
        f.page = 16;
        f.max_pages = (longest + 15) / 16;
        size_t total = (size_t)f.sequences * f.max_pages;
        p.pages.resize(total);
        for (size_t n = 0; n < total; n++)
            p.pages[n] = (int)n;
        for (size_t n = total; n > 1; n--)
            std::swap(p.pages[n - 1], p.pages[below((uint32_t)n)]);
        p.kv_rows = total * f.page;
    }
    p.q = fill((size_t)f.total_q * f.heads * f.head_dim, f.type, p.qd);
    p.k = fill(p.kv_rows * f.kv_heads * f.head_dim, f.type, p.kd);
    p.v = fill(p.kv_rows * f.kv_heads * f.head_dim, f.type, p.vd);
    return p;
}

static const double *kv_row(const problem &p, const std::vector<double> &x, uint32_t seq, uint32_t j, uint32_t kv_head)
{
    const sb_flash &f = p.f;
    size_t row = p.pages.empty() ? (size_t)p.kv_start[seq] + j : (size_t)p.pages[seq * f.max_pages + j / f.page] * f.page + j % f.page;
    return &x[(row * f.kv_heads + kv_head) * f.head_dim];
}

// Returns how many keys the row sees.
static uint32_t reference(const problem &p, uint32_t seq, uint32_t qi, uint32_t head, std::vector<double> &out)
{
    const sb_flash &f = p.f;
    uint32_t nq = (uint32_t)(p.q_start[seq + 1] - p.q_start[seq]), nk = (uint32_t)(p.kv_start[seq + 1] - p.kv_start[seq]), kv_head = head / (f.heads / f.kv_heads);
    const double *q = &p.qd[(((size_t)p.q_start[seq] + qi) * f.heads + head) * f.head_dim];
    long end = f.causal ? (long)qi + 1 + nk - nq : nk;
    std::vector<double> s;
    double top = -1e300, sum = 0;
    for (long j = 0; j < end; j++) {
        const double *k = kv_row(p, p.kd, seq, (uint32_t)j, kv_head);
        double y = 0;
        for (uint32_t i = 0; i < f.head_dim; i++)
            y += q[i] * k[i];
        s.push_back(y * (double)f.scale + (double)f.bias);
        top = fmax(top, s.back());
    }
    out.assign(f.head_dim, 0);
    for (long j = 0; j < end; j++) {
        double w = f.sigmoid ? 1 / (1 + exp(-s[(size_t)j])) : exp(s[(size_t)j] - top);
        sum += w;
        const double *v = kv_row(p, p.vd, seq, (uint32_t)j, kv_head);
        for (uint32_t i = 0; i < f.head_dim; i++)
            out[i] += w * v[i];
    }
    for (double &x : out)
        x /= f.sigmoid || !sum ? 1 : sum;
    return end > 0 ? (uint32_t)end : 0;
}

#ifdef SB_FLASH_OPENCL
static cl_context context;
static cl_command_queue queue;
static sb_flash_opencl flash;

template <class T> static cl_mem buffer(const std::vector<T> &x)
{
    cl_int e;
    std::vector<T> more(x);
    more.resize(x.size() + 16); // none is empty
    cl_mem m = clCreateBuffer(context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, more.size() * sizeof(T), more.data(), &e);
    if (e) {
        fprintf(stderr, "test_flash: out of device memory\n");
        exit(1);
    }
    return m;
}

static int run(const problem &p, uint32_t splits, std::vector<float> &out)
{
    sb_flash f = p.f;
    f.splits = splits;
    out.assign((size_t)f.total_q * f.heads * f.head_dim + 64, NAN); // poison, and a guard behind it
    std::vector<float> partial(sb_flash_partial_floats(&f) + 1, NAN);
    sb_flash_buffers b = {buffer(p.q), buffer(p.k), buffer(p.v), buffer(p.q_start), buffer(p.kv_start),
                          p.pages.empty() ? nullptr : buffer(p.pages), buffer(out), buffer(partial)};
    char why[256] = "";
    int bad = sb_flash_opencl_forward(&flash, queue, &f, &b, why, sizeof why);
    if (bad || clEnqueueReadBuffer(queue, b.out, CL_TRUE, 0, out.size() * 4, out.data(), 0, nullptr, nullptr)) {
        fprintf(stderr, "test_flash: %s\n", bad ? why : "the device gave up");
        return 1;
    }
    for (cl_mem m : {b.q, b.k, b.v, b.q_start, b.kv_start, b.pages, b.out, b.partial})
        if (m)
            clReleaseMemObject(m);
    return 0;
}

static bool open_device()
{
    cl_platform_id platform;
    cl_device_id device;
    cl_int e;
    char why[256];
    if (clGetPlatformIDs(1, &platform, nullptr) || clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, nullptr))
        return false;
    context = clCreateContext(nullptr, 1, &device, nullptr, nullptr, &e);
    queue = e ? nullptr : clCreateCommandQueue(context, device, 0, &e);
    if (e || sb_flash_opencl_open(context, device, &flash, why, sizeof why)) {
        fprintf(stderr, "test_flash: %s\n", e ? "no context" : why);
        exit(1);
    }
    return true;
}
#else
template <class T> static T *put(const std::vector<T> &x)
{
    void *p = nullptr;
    size_t bytes = x.size() * sizeof(T);
    if (cudaMalloc(&p, bytes + 256) != cudaSuccess || cudaMemcpy(p, x.data(), bytes, cudaMemcpyHostToDevice) != cudaSuccess) {
        fprintf(stderr, "test_flash: out of device memory\n");
        exit(1);
    }
    return (T *)p;
}

static int run(const problem &p, uint32_t splits, std::vector<float> &out)
{
    sb_flash f = p.f;
    f.splits = splits;
    size_t n = (size_t)f.total_q * f.heads * f.head_dim;
    out.assign(n + 64, NAN); // poison, and a guard behind it
    std::vector<float> partial(sb_flash_partial_floats(&f) + 1, NAN);
    f.q = put(p.q);
    f.k = put(p.k);
    f.v = put(p.v);
    f.q_start = put(p.q_start);
    f.kv_start = put(p.kv_start);
    f.pages = p.pages.empty() ? nullptr : put(p.pages);
    f.out = put(out);
    f.partial = put(partial);
    char why[256] = "";
    int bad = sb_flash_cuda_forward(&f, nullptr, why, sizeof why);
    if (bad || cudaDeviceSynchronize() != cudaSuccess || cudaMemcpy(out.data(), f.out, out.size() * 4, cudaMemcpyDeviceToHost) != cudaSuccess) {
        fprintf(stderr, "test_flash: %s\n", bad ? why : "the GPU gave up");
        return 1;
    }
    for (const void *d : {f.q, f.k, f.v, (const void *)f.q_start, (const void *)f.kv_start, (const void *)f.pages, (const void *)f.out,
                          (const void *)f.partial})
        cudaFree((void *)d);
    return 0;
}

static bool open_device()
{
    int devices = 0;
    return cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0;
}
#endif

static int check(unsigned i, uint32_t longest, double *worst)
{
    problem p = make(i, longest);
    const sb_flash &f = p.f;
    std::vector<float> out, other;
    std::vector<double> want;
    if (run(p, f.splits, out) || run(p, f.splits == 1 ? 3 : 1, other))
        return 1;
    double err = 0, norm = 0, apart = 0;
    int bad = 0;
    for (uint32_t s = 0; s < f.sequences; s++)
        for (uint32_t qi = 0; qi < (uint32_t)(p.q_start[s + 1] - p.q_start[s]); qi++)
            for (uint32_t h = 0; h < f.heads; h++) {
                uint32_t sees = reference(p, s, qi, h, want);
                for (uint32_t d = 0; d < f.head_dim; d++) {
                    size_t at = (((size_t)p.q_start[s] + qi) * f.heads + h) * f.head_dim + d;
                    double x = (double)out[at];
                    bad |= !(x == x) || (!sees && x != 0); // not written, or a masked row that is not 0
                    err += (x - want[d]) * (x - want[d]);
                    norm += want[d] * want[d];
                    apart += ((double)other[at] - x) * ((double)other[at] - x);
                }
            }
    for (size_t g = 0; g < 64; g++)
        bad |= !std::isnan(out[out.size() - 1 - g]) << 1;
    double rel = norm > 0 ? sqrt(err / norm) : sqrt(err), split = norm > 0 ? sqrt(apart / norm) : sqrt(apart), limit = f.type ? 6e-3 : 8e-4;
    worst[f.type] = fmax(worst[f.type], rel);
    if (bad || !(rel < limit) || !(split < (f.type ? 4e-3 : 5e-4)) || (f.sigmoid && !(split < 2e-6))) {
        printf("case %u: %s %s head_dim %u, %u sequences, %u/%u heads, causal %d, paged %d, splits %u: error %.2e (limit %.0e), splits apart %.2e%s%s\n", i,
               f.sigmoid ? "sigmoid" : "softmax", f.type ? "bf16" : "fp16", f.head_dim, f.sequences, f.heads, f.kv_heads, f.causal,
               !p.pages.empty(), f.splits, rel, limit, split, bad & 1 ? ", unwritten or masked rows" : "", bad & 2 ? ", wrote past the end" : "");
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    unsigned cases = argc > 1 ? (unsigned)atoi(argv[1]) : 48, failed = 0;
    if (argc > 2)
        rng ^= strtoull(argv[2], nullptr, 0) * 0x2545f4914f6cdd1du;
    if (!open_device()) {
        printf("skipped: %s (no device)\n", argv[0]);
        return 0;
    }
    double worst[2] = {0, 0};
    for (unsigned i = 0; i < cases; i++) {
#ifdef SB_CUDA_EMULATED
        emu_order = (int)(i % 3);
        failed += (unsigned)check(i, i % 16 == 5 ? 200 : 80, worst);
#elif defined(SB_FLASH_OPENCL)
        failed += (unsigned)check(i, i % 16 == 5 ? 200 : 80, worst);
#else
        failed += (unsigned)check(i, i % 4 ? 300 : 1100, worst);
#endif
    }
    printf("%u passed, %u failed: flash forward, largest relative error %.1e fp16, %.1e bf16\n", cases - failed, failed, worst[0], worst[1]);
    return failed != 0;
}
