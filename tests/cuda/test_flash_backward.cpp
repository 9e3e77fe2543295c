// SPDX-License-Identifier: Apache-2.0
// FlashSigmoid backward (sb_flash.h): the gradients in binary64 against finite differences of the forward in binary64,
// then the kernels against those gradients on fresh random inputs, results poisoned first. Built over the emulator,
// over OpenCL, and over CUDA, where it runs on a GPU or skips by name. usage: test_flash_backward [cases] [seed]
// [longest]
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vector>

#include "flash_case.h"
#include "flash_device.h"

enum { Q, K, V, Gradients };
static const char *const gradient_name[] = {"dQ", "dK", "dV"};
static const size_t Guard = 1024; // elements: more than a row of every head

struct gradients {
    std::vector<double> of[Gradients];
};

// What the kernels compute, in binary64.
static gradients differentiate(const problem &p, const std::vector<double> &dout)
{
    const sb_flash &f = p.f;
    const uint32_t group = f.heads / f.kv_heads, dim = f.head_dim;
    gradients g;
    g.of[Q].assign(p.qd.size(), 0);
    g.of[K].assign(p.kd.size(), 0);
    g.of[V].assign(p.vd.size(), 0);
    for (uint32_t s = 0; s < f.sequences; s++) {
        const long nq = p.q_start[s + 1] - p.q_start[s], nk = p.kv_start[s + 1] - p.kv_start[s];
        for (long qi = 0; qi < nq; qi++)
            for (uint32_t h = 0; h < f.heads; h++) {
                const size_t row = (((size_t)(p.q_start[s] + qi)) * f.heads + h) * dim;
                for (long j = 0; j < (f.causal ? qi + 1 + nk - nq : nk); j++) {
                    const size_t at = ((size_t)(p.kv_start[s] + j) * f.kv_heads + h / group) * dim;
                    double score = 0, dp = 0;
                    for (uint32_t i = 0; i < dim; i++) {
                        score += p.qd[row + i] * p.kd[at + i];
                        dp += dout[row + i] * p.vd[at + i];
                    }
                    const double w = 1 / (1 + exp(-(score * (double)f.scale + (double)f.bias))),
                                 ds = w * (1 - w) * dp * (double)f.scale;
                    for (uint32_t i = 0; i < dim; i++) {
                        g.of[Q][row + i] += ds * p.kd[at + i];
                        g.of[K][at + i] += ds * p.qd[row + i];
                        g.of[V][at + i] += w * dout[row + i];
                    }
                }
            }
    }
    return g;
}

static double loss(const problem &p, const std::vector<double> &dout)
{
    const sb_flash &f = p.f;
    std::vector<double> out;
    double sum = 0;
    for (uint32_t s = 0; s < f.sequences; s++)
        for (uint32_t qi = 0; qi < (uint32_t)(p.q_start[s + 1] - p.q_start[s]); qi++)
            for (uint32_t h = 0; h < f.heads; h++) {
                reference(p, s, qi, h, out);
                for (uint32_t i = 0; i < f.head_dim; i++)
                    sum += out[i] * dout[(((size_t)p.q_start[s] + qi) * f.heads + h) * f.head_dim + i];
            }
    return sum;
}

// loss = sum(dout * O): what differentiate() says against central differences of it, 20 elements of each gradient a
// problem.
static int check_reference(unsigned problems)
{
    double worst = 0;
    for (unsigned n = 0; n < problems; n++) {
        problem p = make(4 * n, 14, BACKWARD); // head_dim 64
        std::vector<double> dout;
        fill(p.qd.size(), p.f.type, dout);
        const gradients g = differentiate(p, dout);
        std::vector<double> *const inputs[] = {&p.qd, &p.kd, &p.vd};
        for (int w = 0; w < Gradients; w++)
            for (int i = 0; i < 20 && !inputs[w]->empty(); i++) {
                const size_t at = below((uint32_t)inputs[w]->size());
                double &x = (*inputs[w])[at];
                const double was = x, step = 1e-4;
                x = was + step;
                double up = loss(p, dout);
                x = was - step;
                double slope = (up - loss(p, dout)) / (2 * step), says = g.of[w][at], apart = fabs(slope - says);
                x = was;
                worst = fmax(worst, apart);
                if (!(apart <= 2e-8)) {
                    printf("finite differences, problem %u: %s[%zu] is %.9e, the loss says %.9e\n", n, gradient_name[w],
                           at, says, slope);
                    return 1;
                }
            }
    }
    printf("gradients in binary64 against finite differences: %u problems, at most %.1e apart\n", problems, worst);
    return 0;
}

// The three results as bytes, poison and a guard of it behind each.
struct results {
    std::vector<uint8_t> of[Gradients];
};

static int run(const problem &p, const std::vector<uint16_t> &dout, int fp32, results &r, char *why, size_t n)
{
    sb_flash f = p.f;
    sb_flash_gradients g;
    memset(&g, 0, sizeof g);
    const size_t elements[] = {p.q.size(), p.k.size(), p.v.size()};
    for (int w = 0; w < Gradients; w++)
        r.of[w].assign((elements[w] + Guard) * (fp32 ? 4 : 2), 0xff); // a NaN in every type
    for (uint32_t s = 0; s < f.sequences; s++) {
        uint32_t keys = (uint32_t)(p.kv_start[s + 1] - p.kv_start[s]);
        g.max_k = keys > g.max_k ? keys : g.max_k;
    }
    g.fp32 = fp32;
#ifdef SB_FLASH_OPENCL
    sb_flash_buffers b = {buffer(p.q),        buffer(p.k), buffer(p.v), buffer(p.q_start),
                          buffer(p.kv_start), nullptr,     nullptr,     nullptr};
    if (!p.pages.empty())
        b.pages = buffer(p.pages);
    sb_flash_gradient_buffers gb = {buffer(dout), buffer(r.of[Q]), buffer(r.of[K]), buffer(r.of[V])};
    int bad = sb_flash_opencl_backward(&flash, queue, &f, &g, &b, &gb, why, n);
    const cl_mem made[] = {gb.dq, gb.dk, gb.dv};
    for (int w = 0; w < Gradients; w++)
        if (clEnqueueReadBuffer(queue, made[w], CL_TRUE, 0, r.of[w].size(), r.of[w].data(), 0, nullptr, nullptr)) {
            fprintf(stderr, "test_flash_backward: the device gave up\n");
            exit(1);
        }
    for (cl_mem m : {b.q, b.k, b.v, b.q_start, b.kv_start, b.pages, gb.dout, gb.dq, gb.dk, gb.dv})
        if (m)
            clReleaseMemObject(m);
#else
    f.q = put(p.q);
    f.k = put(p.k);
    f.v = put(p.v);
    f.q_start = put(p.q_start);
    f.kv_start = put(p.kv_start);
    f.pages = p.pages.empty() ? nullptr : put(p.pages);
    g.dout = put(dout);
    g.dq = put(r.of[Q]);
    g.dk = put(r.of[K]);
    g.dv = put(r.of[V]);
    int bad = sb_flash_cuda_backward(&f, &g, nullptr, why, n);
    void *const made[] = {g.dq, g.dk, g.dv};
    for (int w = 0; w < Gradients; w++)
        if (cudaDeviceSynchronize() != cudaSuccess ||
            cudaMemcpy(r.of[w].data(), made[w], r.of[w].size(), cudaMemcpyDeviceToHost) != cudaSuccess) {
            fprintf(stderr, "test_flash_backward: the GPU gave up\n");
            exit(1);
        }
    for (const void *d : {f.q, f.k, f.v, (const void *)f.q_start, (const void *)f.kv_start, (const void *)f.pages,
                          g.dout, (const void *)g.dq, (const void *)g.dk, (const void *)g.dv})
        cudaFree((void *)d);
#endif
    return bad;
}

static double element(const std::vector<uint8_t> &x, size_t i, int bf16, int fp32)
{
    if (fp32) {
        float v;
        memcpy(&v, &x[4 * i], 4);
        return (double)v;
    }
    uint32_t bits = x[2 * i] | (uint32_t)x[2 * i + 1] << 8;
    if (bf16) {
        float v;
        bits <<= 16;
        memcpy(&v, &bits, 4);
        return (double)v;
    }
    int e = (int)(bits >> 10 & 31), m = (int)(bits & 1023);
    double v = e == 31 ? NAN : ldexp(e ? m + 1024 : m, (e ? e : 1) - 25);
    return bits & 0x8000 ? -v : v;
}

// Relative errors in the 2-norm. The kernels of CUDA round P, P (1 - P) and dS to the type, those of OpenCL nothing;
// results in the type are rounded once more.
static double limit(int bf16, int fp32)
{
#ifdef SB_FLASH_OPENCL
    return fp32 ? 2e-6 : bf16 ? 2.5e-3 : 3e-4;
#else
    return (void)fp32, bf16 ? 7e-3 : 9e-4;
#endif
}

static unsigned lone_rows; // queries without a key, of all cases

static int check(unsigned i, uint32_t longest, double *worst)
{
    problem p = make(i, longest, BACKWARD);
    sb_flash &f = p.f;
#ifdef SB_FLASH_OPENCL
    static const uint32_t dims[] = {64, 100, 37, 256};
    f.head_dim = dims[i % 4];
    p.q = fill((size_t)f.total_q * f.heads * f.head_dim, f.type, p.qd);
    p.k = fill(p.kv_rows * f.kv_heads * f.head_dim, f.type, p.kd);
    p.v = fill(p.kv_rows * f.kv_heads * f.head_dim, f.type, p.vd);
#endif
    std::vector<double> doutd;
    std::vector<uint16_t> dout = fill(p.q.size(), f.type, doutd);
    const gradients want = differentiate(p, doutd);
    const int fp32 = (int)(i / 2 % 2);
    results got, again;
    char why[256] = "";
    int bad = run(p, dout, fp32, got, why, sizeof why);
    if (!bad && i % 5 == 0) {
#ifdef SB_CUDA_EMULATED
        emu_order = (emu_order + 1) % 3;
#endif
        bad = run(p, dout, fp32, again, why, sizeof why);
        for (int w = 0; w < Gradients && !bad; w++)
            if (got.of[w] != again.of[w]) {
                printf("case %u: %s is not the same twice\n", i, gradient_name[w]);
                return 1;
            }
    }
    if (bad) {
        printf("case %u: %s\n", i, why);
        return 1;
    }
    std::vector<char> lone((size_t)f.total_q, 0);
    for (uint32_t s = 0; s < f.sequences; s++)
        for (int qi = p.q_start[s]; qi < p.q_start[s + 1]; qi++) {
            const int nk = p.kv_start[s + 1] - p.kv_start[s];
            lone[(size_t)qi] = !nk || (f.causal && qi + 1 + nk - p.q_start[s + 1] <= 0);
            lone_rows += (unsigned)lone[(size_t)qi];
        }
    const double most = limit(f.type, fp32);
    for (int w = 0; w < Gradients; w++) {
        const std::vector<double> &x = want.of[w];
        const size_t rows = x.size() / f.head_dim;
        double err = 0, norm = 0, worst_row = 0;
        bool unwritten = false, not_zero = false, past = false;
        for (double v : x)
            norm += v * v;
        for (size_t r = 0; r < rows; r++) {
            double row_err = 0, row_norm = 0;
            for (size_t d = 0; d < f.head_dim; d++) {
                const size_t at = r * f.head_dim + d;
                const double y = element(got.of[w], at, f.type, fp32);
                unwritten |= !(y == y);
                not_zero |= w == Q && lone[r / f.heads] && y != 0;
                row_err += (y - x[at]) * (y - x[at]);
                row_norm += x[at] * x[at];
            }
            err += row_err;
            worst_row = fmax(worst_row, sqrt(row_err / fmax(fmax(row_norm, norm / (double)rows), 1e-30)));
        }
        for (size_t b = 0; b < Guard * (fp32 ? 4 : 2); b++)
            past |= got.of[w][got.of[w].size() - 1 - b] != 0xff;
        const double rel = norm > 0 ? sqrt(err / norm) : sqrt(err);
        worst[2 * f.type + fp32] = fmax(worst[2 * f.type + fp32], rel);
        if (!(rel <= most) || !(worst_row <= 4 * most) || unwritten || not_zero || past) {
            printf("case %u: %s head_dim %u, %u sequences (at most %u queries), %u/%u heads, causal %d, %s out: %s "
                   "error %.2e (limit %.0e), a row %.2e%s%s%s\n",
                   i, f.type ? "bf16" : "fp16", f.head_dim, f.sequences, f.max_q, f.heads, f.kv_heads, f.causal,
                   fp32 ? "binary32" : "the same", gradient_name[w], rel, most, worst_row,
                   unwritten ? ", unwritten or not a number" : "", not_zero ? ", not 0 without a key" : "",
                   past ? ", wrote past the end" : "");
            return 1;
        }
    }
    return 0;
}

// Each is refused with a line, and nothing is written.
static int check_refusals()
{
    int failed = 0;
    for (int c = 0; c < 4; c++) {
        problem p = make(0, 20, BACKWARD);
        if (c == 0)
            p.f.sigmoid = 0;
        else if (c == 1)
            p.f.page = p.f.max_pages = 1, p.pages.assign(p.f.sequences, 0);
        else if (c == 2)
            p.f.head_dim = 300;
        else
            p.f.heads = 3, p.f.kv_heads = 2;
        results r;
        char why[256] = "";
        bool wrote = false;
        int refused = run(p, p.q, 1, r, why, sizeof why);
        for (auto &x : r.of)
            for (uint8_t b : x)
                wrote |= b != 0xff;
        if (!refused || !why[0] || wrote) {
            printf("refusal %d: %s\n", c, wrote ? "written all the same" : "taken");
            failed = 1;
        }
    }
    return failed;
}

int main(int argc, char **argv)
{
    unsigned cases = argc > 1 ? (unsigned)atoi(argv[1]) : 40, failed = 0;
    if (argc > 2)
        rng ^= strtoull(argv[2], nullptr, 0) * 0x2545f4914f6cdd1du;
    if (check_reference(12))
        return 1;
    if (!open_device()) {
        printf("skipped: %s (no device)\n", argv[0]);
        return 0;
    }
    if (check_refusals())
        return 1;
    double worst[4] = {0, 0, 0, 0};
    for (unsigned i = 0; i < cases; i++) {
        uint32_t longest = argc > 3 ? (uint32_t)atoi(argv[3]) : i % 5 == 4 ? 200 : 60;
#ifdef SB_CUDA_EMULATED
        emu_order = (int)(i % 3);
#endif
        failed += (unsigned)check(i, longest, worst);
    }
    if (cases >= 20 && !lone_rows) {
        printf("no query without a key in %u cases\n", cases);
        failed++;
    }
    printf("%u passed, %u failed: flash backward, largest relative error %.1e fp16 (%.1e in binary32), %.1e bf16 "
           "(%.1e); %u queries without a key\n",
           cases - failed, failed, worst[0], worst[1], worst[2], worst[3], lone_rows);
    return failed != 0;
}
