// SPDX-License-Identifier: Apache-2.0
// What the tests of sb_flash.h share: random inputs of a type with their values in binary64, and random problems
// (lengths that are multiples of nothing, none, more queries than keys, grouped heads, pages, splits).
#ifndef SEEDBED_TESTS_FLASH_CASE_H
#define SEEDBED_TESTS_FLASH_CASE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <vector>

#include "sb_flash.h"

static uint64_t rng = 0x9e3779b97f4a7c15u;
static inline uint32_t rnd()
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 16);
}
static inline uint32_t below(uint32_t n)
{
    return rnd() % n;
}
static inline double normal()
{
    double s = 0;
    for (int i = 0; i < 12; i++)
        s += (rnd() & 0xffffff) / 16777216.0;
    return s - 6;
}

// A random value of the type: its bits, and what they mean.
static inline uint16_t pick(int bf16, double *value)
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

static inline std::vector<uint16_t> fill(size_t n, int bf16, std::vector<double> &d)
{
    std::vector<uint16_t> x(n);
    d.resize(n);
    for (size_t i = 0; i < n; i++)
        x[i] = pick(bf16, &d[i]);
    return x;
}

// BACKWARD: the sigmoid, without pages and splits; every fifth is causal with more queries than keys. WGMMA: what
// Hopper's kernel takes.
enum { ANY, BACKWARD, WGMMA };
static inline problem make(unsigned i, uint32_t longest, int kind = ANY)
{
    bool backward = kind == BACKWARD, wgmma = kind == WGMMA;
    static const uint32_t dims[] = {64, 96, 128, 256}, groups[] = {1, 2, 4, 7};
    problem p;
    sb_flash &f = p.f;
    memset(&f, 0, sizeof f);
    f.head_dim = wgmma ? 64 << i % 2 : dims[i % 4];
    bool few_keys = backward && i % 5 == 3;
    f.sigmoid = backward || i / (wgmma ? 2 : 4) % 2;
    f.type = (int)(i / (kind == ANY ? 8 : 4) % 2);
    f.causal = few_keys || below(2);
    f.sequences = 1 + below(3);
    f.kv_heads = 1 + below(2);
    f.heads = f.kv_heads * groups[below(4)];
    f.splits = kind != ANY || below(3) ? 1 : 2 + below(4);
    f.scale = 1.0f / sqrtf((float)f.head_dim);
    bool decode = !wgmma && !few_keys && below(3) == 0;
    p.q_start.push_back(0);
    p.kv_start.push_back(0);
    for (uint32_t s = 0; s < f.sequences; s++) {
        uint32_t nq = decode ? 1 : below(longest),
                 nk = few_keys ? below(nq / 3 + 1) : below(longest); // none too, and more queries than keys
        if (wgmma && s == 0)
            nq = nq < 64 ? nq + 64 : nq, nk += longest;
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
    if (kind == ANY && below(2)) { // paged, pages in any order
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

static inline const double *kv_row(const problem &p, const std::vector<double> &x, uint32_t seq, uint32_t j,
                                   uint32_t kv_head)
{
    const sb_flash &f = p.f;
    size_t row = p.pages.empty() ? (size_t)p.kv_start[seq] + j
                                 : (size_t)p.pages[seq * f.max_pages + j / f.page] * f.page + j % f.page;
    return &x[(row * f.kv_heads + kv_head) * f.head_dim];
}

// The forward in binary64, one query and head. Returns how many keys it sees.
static inline uint32_t reference(const problem &p, uint32_t seq, uint32_t qi, uint32_t head, std::vector<double> &out)
{
    const sb_flash &f = p.f;
    uint32_t nq = (uint32_t)(p.q_start[seq + 1] - p.q_start[seq]),
             nk = (uint32_t)(p.kv_start[seq + 1] - p.kv_start[seq]), kv_head = head / (f.heads / f.kv_heads);
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

#endif
