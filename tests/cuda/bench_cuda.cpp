// SPDX-License-Identifier: Apache-2.0
// On a GPU: the packed matvec beside cuBLAS's fp16 product, the flash forward and FlashSigmoid's backward. Without one:
// says what was not run. usage: bench_cuda OUT.json [matvec | forward | backward]
#include <algorithm>
#include <cublas_v2.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vector>

#include "sb_flash.h"
#include "sb_kernels_cuda.h"

static FILE *json;
static bool first_record = true;
static uint64_t rng = 88172645463325252u;
static uint32_t rnd()
{
    rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
    return (uint32_t)(rng >> 16);
}
static double now()
{
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
static void die(const char *what)
{
    fprintf(stderr, "bench_cuda: %s\n", what);
    exit(1);
}
#define CUDA(call)                                                                                                     \
    do {                                                                                                               \
        if ((call) != cudaSuccess)                                                                                     \
            die(#call);                                                                                                \
    } while (0)

enum { Copies = 8, List = 64, Repeats = 9 };

// Seconds of one matvec: a list of 64 over 8 matrices (more than the L2 together), replayed as a graph; the median
// of 9.
static double matvec(unsigned codec, uint32_t rows, uint32_t cols)
{
    sb_cuda *cuda;
    char why[256];
    if (sb_cuda_open(0, &cuda, why, sizeof why))
        die(why);
    size_t bytes = sb_cuda_matrix_bytes(codec, rows, cols), x_bytes = (cols + 11) / 12 * 32 + 64, list = 4096,
           x = 65536, y = x + (x_bytes + 63) / 64 * 64;
    size_t w = y + (rows * 8 + 63) / 64 * 64;
    if (sb_cuda_reserve(cuda, w + Copies * bytes, why, sizeof why))
        die(why);
    std::vector<uint32_t> random(bytes / 4);
    for (int i = 0; i < Copies; i++) {
        for (uint32_t &r : random)
            r = rnd() ^ rnd() << 16;
        if (sb_cuda_write(cuda, w + i * bytes, random.data(), bytes, why, sizeof why))
            die(why);
    }
    std::vector<int16_t> act(x_bytes / 2);
    for (int16_t &a : act)
        a = (int16_t)((int)(rnd() % 65535) - 32767);
    std::vector<sb_command> c(List);
    for (int i = 0; i < List; i++) {
        memset(&c[i], 0, sizeof c[i]);
        c[i].op = SB_OP_MATVEC, c[i].codec = (uint8_t)codec, c[i].batch = 1, c[i].rows = rows, c[i].cols = cols;
        c[i].weights = w + (size_t)(i % Copies) * bytes, c[i].src = x, c[i].dst = y;
    }
    if (sb_cuda_write(cuda, x, act.data(), x_bytes, why, sizeof why) ||
        sb_cuda_write(cuda, list, c.data(), List * 64, why, sizeof why))
        die(why);
    std::vector<double> t;
    for (int i = 0; i < Repeats + 3; i++) {
        uint32_t failed;
        double start = now();
        if (sb_cuda_run(cuda, list, c.data(), List, 30, &failed, why, sizeof why))
            die(why);
        if (i >= 3)
            t.push_back((now() - start) / List);
    }
    sb_cuda_close(cuda);
    std::sort(t.begin(), t.end());
    return t[t.size() / 2];
}

// The same by cuBLAS, which is opened here so that nothing else needs it. 0: there is none.
static double cublas(uint32_t rows, uint32_t cols)
{
    void *lib = dlopen("libcublas.so.13", RTLD_NOW);
    lib = lib ? lib : dlopen("libcublas.so.12", RTLD_NOW);
    if (!lib)
        return 0;
    auto create = (decltype(&cublasCreate_v2))dlsym(lib, "cublasCreate_v2");
    /* cublasGemmEx has overloads in C++: the C one by its type. */
    typedef cublasStatus_t (*gemm_fn)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int, const void *,
                                      const void *, cudaDataType, int, const void *, cudaDataType, int, const void *,
                                      void *, cudaDataType, int, cublasComputeType_t, cublasGemmAlgo_t);
    gemm_fn gemm = (gemm_fn)dlsym(lib, "cublasGemmEx");
    cublasHandle_t h;
    if (!create || !gemm || create(&h) != CUBLAS_STATUS_SUCCESS)
        return 0;
    size_t n = (size_t)rows * cols;
    __half *a, *x, *y;
    CUDA(cudaMalloc((void **)&a, Copies * n * 2));
    CUDA(cudaMalloc((void **)&x, cols * 2));
    CUDA(cudaMalloc((void **)&y, rows * 2));
    std::vector<__half> host(n);
    for (__half &v : host)
        v = __float2half((float)((int)(rnd() % 2001) - 1000) * 1e-3f);
    for (int i = 0; i < Copies; i++)
        CUDA(cudaMemcpy(a + i * n, host.data(), n * 2, cudaMemcpyHostToDevice));
    CUDA(cudaMemcpy(x, host.data(), cols * 2, cudaMemcpyHostToDevice));
    float one = 1, zero = 0;
    std::vector<double> t;
    for (int i = 0; i < Repeats + 3; i++) {
        CUDA(cudaDeviceSynchronize());
        double start = now();
        for (int k = 0; k < List; k++)
            if (gemm(h, CUBLAS_OP_T, CUBLAS_OP_N, (int)rows, 1, (int)cols, &one, a + (k % Copies) * n, CUDA_R_16F,
                     (int)cols, x, CUDA_R_16F, (int)cols, &zero, y, CUDA_R_16F, (int)rows, CUBLAS_COMPUTE_32F,
                     CUBLAS_GEMM_DEFAULT) != CUBLAS_STATUS_SUCCESS)
                die("cublasGemmEx");
        CUDA(cudaDeviceSynchronize());
        if (i >= 3)
            t.push_back((now() - start) / List);
    }
    CUDA(cudaFree(a));
    CUDA(cudaFree(x));
    CUDA(cudaFree(y));
    std::sort(t.begin(), t.end());
    return t[t.size() / 2];
}

// Seconds of a call, forward or backward: 16K tokens, 2048 channels; the median of 9.
static double flash(uint32_t dim, uint32_t n, bool causal, bool sigmoid, bool backward)
{
    uint32_t heads = 2048 / dim, sequences = 16384 / n;
    size_t elems = (size_t)sequences * n * heads * dim;
    std::vector<uint16_t> host(elems);
    for (uint16_t &v : host)
        v = (uint16_t)((rnd() & 0x83ff) | 0x3800); // +-[0.5, 1)
    std::vector<int32_t> starts(sequences + 1);
    for (uint32_t s = 0; s <= sequences; s++)
        starts[s] = (int32_t)(s * n);
    void *q, *k, *v, *st, *dout = nullptr, *dq = nullptr, *dk = nullptr, *dv = nullptr;
    float *out;
    CUDA(cudaMalloc(&q, elems * 2));
    CUDA(cudaMalloc(&k, elems * 2));
    CUDA(cudaMalloc(&v, elems * 2));
    CUDA(cudaMalloc(&st, starts.size() * 4));
    CUDA(cudaMalloc((void **)&out, elems * 4));
    for (void *p : {q, k, v})
        CUDA(cudaMemcpy(p, host.data(), elems * 2, cudaMemcpyHostToDevice));
    CUDA(cudaMemcpy(st, starts.data(), starts.size() * 4, cudaMemcpyHostToDevice));
    if (backward) {
        for (void **p : {&dout, &dq, &dk, &dv})
            CUDA(cudaMalloc(p, elems * 2));
        CUDA(cudaMemcpy(dout, host.data(), elems * 2, cudaMemcpyHostToDevice));
    }
    sb_flash f;
    memset(&f, 0, sizeof f);
    f.sequences = sequences, f.heads = f.kv_heads = heads, f.head_dim = dim, f.total_q = sequences * n, f.max_q = n,
    f.splits = 1;
    f.sigmoid = sigmoid, f.causal = causal, f.scale = 1 / sqrtf((float)dim), f.bias = sigmoid ? -logf((float)n) : 0;
    f.q = q, f.k = k, f.v = v, f.q_start = f.kv_start = (const int32_t *)st, f.out = out;
    sb_flash_gradients g;
    memset(&g, 0, sizeof g);
    g.dout = dout, g.dq = dq, g.dk = dk, g.dv = dv, g.max_k = n;
    cudaEvent_t a, b;
    CUDA(cudaEventCreate(&a));
    CUDA(cudaEventCreate(&b));
    std::vector<double> t;
    char why[256];
    for (int i = 0; i < Repeats + 3; i++) {
        CUDA(cudaEventRecord(a, nullptr));
        if (backward ? sb_flash_cuda_backward(&f, &g, nullptr, why, sizeof why)
                     : sb_flash_cuda_forward(&f, nullptr, why, sizeof why))
            die(why);
        CUDA(cudaEventRecord(b, nullptr));
        CUDA(cudaEventSynchronize(b));
        float ms;
        CUDA(cudaEventElapsedTime(&ms, a, b));
        if (i >= 3)
            t.push_back(ms * 1e-3);
    }
    for (void *p : {q, k, v, st, (void *)out, dout, dq, dk, dv})
        CUDA(cudaFree(p));
    std::sort(t.begin(), t.end());
    return t[t.size() / 2];
}

static void record(const char *text)
{
    fprintf(json, "%s  %s", first_record ? "" : ",\n", text);
    first_record = false;
}

static void bench_matvec()
{
    char line[512];
    static const char *const names[] = {"fp16", "int4", "seedlm4", "seedlm3"};
    static const uint32_t shapes[][2] = {{4096, 4096}, {4096, 14336}, {14336, 4096}};
    for (auto &s : shapes) {
        double base = cublas(s[0], s[1]);
        printf("%5u x %5u  cuBLAS fp16 %8.2f us\n", s[0], s[1], base * 1e6);
        for (unsigned c = 0; c < 4; c++) {
            double t = matvec(c, s[0], s[1]);
            size_t bytes = sb_cuda_matrix_bytes(c, s[0], s[1]);
            printf("               %-8s %8.2f us, %6.0f GB/s, %.2f x cuBLAS\n", names[c], t * 1e6,
                   (double)bytes / t * 1e-9, base / t);
            snprintf(line, sizeof line,
                     "{\"codec\": \"%s\", \"rows\": %u, \"cols\": %u, \"seconds\": %.4e, \"bytes\": %zu, "
                     "\"cublas_seconds\": %.4e}",
                     names[c], s[0], s[1], t, bytes, base);
            record(line);
        }
    }
}

// Operations as they are counted everywhere: 4 n n d a head forward, 2.5 times that backward (5 products), half of it
// if causal.
static void bench_flash(bool backward)
{
    char line[512];
    for (uint32_t dim = 64; dim <= 128; dim *= 2)
        for (uint32_t n = 1024; n <= 16384; n *= 2)
            for (int causal = 0; causal < 2; causal++)
                for (int sigmoid = backward; sigmoid < 2; sigmoid++) {
                    double t = flash(dim, n, causal, sigmoid, backward),
                           flops = (backward ? 10.0 : 4.0) * 2048 * 16384 * n / (causal ? 2 : 1);
                    printf("%s head_dim %3u, %5u keys, %-6s %-7s %8.3f ms, %6.1f TFLOP/s\n",
                           backward ? "backward" : "forward ", dim, n, causal ? "causal" : "full",
                           sigmoid ? "sigmoid" : "softmax", t * 1e3, flops / t * 1e-12);
                    snprintf(line, sizeof line,
                             "{\"mode\": \"%s\", \"pass\": \"%s\", \"head_dim\": %u, \"keys\": %u, \"causal\": %d, "
                             "\"seconds\": %.4e}",
                             sigmoid ? "sigmoid" : "softmax", backward ? "backward" : "forward", dim, n, causal, t);
                    record(line);
                }
}

int main(int argc, char **argv)
{
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices < 1) {
        printf("bench-cuda: no CUDA GPU. Not run: the packed matvec beside cuBLAS fp16; flash forward, and backward of "
               "the sigmoid, at head_dim 64 and 128, "
               "1K to 16K, causal and full\n");
        return 0;
    }
    const char *only = argc == 3 ? argv[2] : "";
    const bool known = !only[0] || !strcmp(only, "matvec") || !strcmp(only, "forward") || !strcmp(only, "backward");
    if (argc < 2 || argc > 3 || !known || !(json = fopen(argv[1], "w")))
        die("usage: bench_cuda OUT.json [matvec | forward | backward]");
    fprintf(json, "[\n");
    if (!only[0] || !strcmp(only, "matvec"))
        bench_matvec();
    if (!only[0] || !strcmp(only, "forward"))
        bench_flash(false);
    if (!only[0] || !strcmp(only, "backward"))
        bench_flash(true);
    fprintf(json, "\n]\n");
    return fclose(json) != 0;
}
