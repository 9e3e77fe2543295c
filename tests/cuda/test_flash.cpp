// SPDX-License-Identifier: Apache-2.0
// FlashSigmoid and FlashAttention forward (sb_flash.h) against binary64 on fresh random inputs, results poisoned first.
// Built over the emulator, over OpenCL, and over CUDA, where it runs on a GPU or skips by name. usage: test_flash
// [cases] [seed]
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vector>

#include "flash_case.h"
#include "flash_device.h"

#ifdef SB_FLASH_OPENCL
static int run(const problem &p, uint32_t splits, int, std::vector<float> &out)
{
    sb_flash f = p.f;
    f.splits = splits;
    out.assign((size_t)f.total_q * f.heads * f.head_dim + 64, NAN); // poison, and a guard behind it
    std::vector<float> partial(sb_flash_partial_floats(&f) + 1, NAN);
    sb_flash_buffers b = {buffer(p.q),       buffer(p.k),        buffer(p.v),
                          buffer(p.q_start), buffer(p.kv_start), p.pages.empty() ? nullptr : buffer(p.pages),
                          buffer(out),       buffer(partial)};
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
#else
static int run(const problem &p, uint32_t splits, int kernel, std::vector<float> &out)
{
    sb_flash f = p.f;
    f.splits = splits;
    f.kernel = kernel;
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
    if (bad || cudaDeviceSynchronize() != cudaSuccess ||
        cudaMemcpy(out.data(), f.out, out.size() * 4, cudaMemcpyDeviceToHost) != cudaSuccess) {
        fprintf(stderr, "test_flash: %s\n", bad ? why : "the GPU gave up");
        return 1;
    }
    for (const void *d : {f.q, f.k, f.v, (const void *)f.q_start, (const void *)f.kv_start, (const void *)f.pages,
                          (const void *)f.out, (const void *)f.partial})
        cudaFree((void *)d);
    return 0;
}
#endif

static unsigned by_wgmma;

static int check(unsigned i, uint32_t longest, int kind, double *worst)
{
    problem p = make(i, longest, kind);
    const sb_flash &f = p.f;
    std::vector<float> out, other; // the second with the keys split otherwise, and by the kernel that takes every case
    std::vector<double> want;
    bool same = true;
#ifndef SB_FLASH_OPENCL
    same = sb_flash_cuda_kernel(&f) == SB_FLASH_MMA;
#endif
    by_wgmma += !same;
    if (run(p, f.splits, SB_FLASH_ANY, out) || run(p, f.splits == 1 ? 3 : 1, SB_FLASH_MMA, other))
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
    double rel = norm > 0 ? sqrt(err / norm) : sqrt(err), split = norm > 0 ? sqrt(apart / norm) : sqrt(apart),
           limit = f.type ? 6e-3 : 8e-4;
    worst[f.type] = fmax(worst[f.type], rel);
    if (bad || !(rel < limit) || !(split < (f.type ? 4e-3 : 5e-4)) || (f.sigmoid && same && !(split < 2e-6))) {
        printf("case %u: %s %s head_dim %u, %u sequences, %u/%u heads, causal %d, paged %d, splits %u: error %.2e "
               "(limit %.0e), splits apart %.2e%s%s\n",
               i, f.sigmoid ? "sigmoid" : "softmax", f.type ? "bf16" : "fp16", f.head_dim, f.sequences, f.heads,
               f.kv_heads, f.causal, !p.pages.empty(), f.splits, rel, limit, split,
               bad & 1 ? ", unwritten or masked rows" : "", bad & 2 ? ", wrote past the end" : "");
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
#endif
#if defined(SB_CUDA_EMULATED) || defined(SB_FLASH_OPENCL)
        failed += (unsigned)check(i, i % 16 == 5 ? 200 : 80, ANY, worst);
#else
        failed += (unsigned)check(i, i % 4 ? 300 : 1100, ANY, worst);
#endif
    }
#ifndef SB_FLASH_OPENCL
#ifdef SB_CUDA_EMULATED
    unsigned more = cases / 6; // 8 of 48: head sizes, modes and types once each
#else
    unsigned more = cases / 3;
#endif
    unsigned before = by_wgmma;
    for (unsigned i = 0; i < more; i++) {
#ifdef SB_CUDA_EMULATED
        emu_order = (int)(i % 3);
        emu_capability = 90;
        failed += (unsigned)check(i, i % 5 == 2 ? 450 : 150, WGMMA, worst);
#else
        failed += (unsigned)check(i, i % 4 ? 300 : 1100, WGMMA, worst);
#endif
    }
    int major = 0;
    if (cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0) == cudaSuccess && major == 9 &&
        by_wgmma - before != more) {
        printf("a Hopper GPU, but only %u of %u cases went to wgmma\n", by_wgmma - before, more);
        failed++;
    }
    cases += more;
    printf("%u of %u cases by wgmma\n", by_wgmma, cases);
#endif
    printf("%u passed, %u failed: flash forward, largest relative error %.1e fp16, %.1e bf16\n", cases - failed, failed,
           worst[0], worst[1]);
    return failed != 0;
}
