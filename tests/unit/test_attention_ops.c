/* SPDX-License-Identifier: Apache-2.0
 * The four commands of exact attention on the cpu device: against binary64, the same bits however tokens are batched,
 * refusals. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "device/attention_exact.h"
#include "seedbed/device.h"
#include "test_support.h"

typedef struct {
    uint32_t heads, kv_heads, hd, tokens, capacity, window;
    bool sigmoid, kv8, alibi;
    float bias;
    float *q, *k, *v; /* (tokens, heads or kv_heads, hd) */
} problem;

/* All tokens, `step` at a time, into out (tokens, heads, hd). */
static sb_status run(const problem *p, uint32_t step, float *out, sb_error *err)
{
    sb_device *dev = NULL;
    ck_assert_int_eq(sb_device_open("cpu", &(sb_device_options){.threads = 1}, &dev, err), SB_OK);
    size_t nq = (size_t)p->tokens * p->heads * p->hd * 4, nk = (size_t)p->tokens * p->kv_heads * p->hd * 4;
    uint64_t q, k, v, cache, records, sums, dst, par, list;
    struct {
        uint64_t *a;
        size_t n;
    } buf[] = {{&q, nq},
               {&k, nk},
               {&v, nk},
               {&cache, p->kv_heads * sb_attn_kv_bytes(p->hd, p->kv8, p->capacity)},
               {&records, p->tokens * p->heads * sb_attn_query_bytes(p->hd)},
               {&sums, p->tokens * p->heads * sb_attn_row_bytes(p->hd)},
               {&dst, nq},
               {&par, sb_attn_query_params_bytes(p->heads)},
               {&list, 4 * 64}};
    for (size_t i = 0; i < sizeof buf / sizeof *buf; i++)
        ck_assert_int_eq(sb_device_alloc(dev, buf[i].n, buf[i].a, err), SB_OK);
    float slope[64];
    _Alignas(64) uint8_t params[65 * 64];
    for (uint32_t h = 0; h < p->heads; h++)
        slope[h] = exp2f(-8.0f * (float)(h + 1) / (float)p->heads);
    sb_attn_query_params(p->heads, p->hd, p->bias, p->alibi ? slope : NULL, p->window, params);
    sb_device_write(dev, par, params, sb_attn_query_params_bytes(p->heads), err);
    sb_device_write(dev, q, p->q, nq, err);
    sb_device_write(dev, k, p->k, nk, err);
    sb_device_write(dev, v, p->v, nk, err);
    uint8_t flags = (uint8_t)(SB_ATTN_CAUSAL | (p->sigmoid ? SB_ATTN_SIGMOID : 0) | (p->kv8 ? SB_ATTN_KV8 : 0));
    sb_status st = SB_OK;
    for (uint32_t t = 0; t < p->tokens && !st; t += step) {
        uint16_t n = (uint16_t)(p->tokens - t < step ? p->tokens - t : step);
        uint32_t qs = p->heads * p->hd, ks = p->kv_heads * p->hd;
        sb_command c[4] = {
            {.op = SB_OP_QUANTIZE_KV,
             .codec = flags,
             .batch = n,
             .rows = p->kv_heads,
             .cols = p->hd,
             .src = k + 4ull * t * ks,
             .aux = v + 4ull * t * ks,
             .dst = cache,
             .p = {t, p->capacity, ks}},
            {.op = SB_OP_QUANTIZE_Q,
             .codec = flags,
             .batch = n,
             .rows = p->heads,
             .cols = p->hd,
             .weights = cache,
             .src = q + 4ull * t * qs,
             .dst = records,
             .aux = par,
             .p = {t, p->capacity, qs, p->kv_heads}},
            {.op = SB_OP_ATTENTION_X,
             .codec = flags,
             .batch = n,
             .rows = p->heads,
             .cols = p->hd,
             .weights = cache,
             .src = records,
             .dst = sums,
             .p = {t + n, p->capacity, p->window, p->kv_heads}},
            {.op = SB_OP_ATTN_SCALE,
             .codec = flags,
             .batch = n,
             .rows = p->heads,
             .cols = p->hd,
             .src = sums,
             .aux = records,
             .dst = dst + 4ull * t * qs,
             .p = {0, 0, 0, p->kv_heads}},
        };
        sb_device_write(dev, list, c, sizeof c, err);
        st = sb_device_submit(dev, list, 4, err);
    }
    if (!st)
        st = sb_device_read(dev, dst, out, nq, err);
    sb_device_close(dev);
    return st;
}

static double reference(const problem *p, uint32_t t, uint32_t h, double *out)
{
    const float *q = p->q + ((size_t)t * p->heads + h) * p->hd;
    uint32_t g = h / (p->heads / p->kv_heads);
    double slope = p->alibi ? exp2f(-8.0f * (float)(h + 1) / (float)p->heads) : 0, sum = 0, norm = 0;
    memset(out, 0, p->hd * sizeof *out);
    for (uint32_t j = p->window && t >= p->window ? t - p->window + 1 : 0; j <= t; j++) {
        const float *k = p->k + ((size_t)j * p->kv_heads + g) * p->hd,
                    *v = p->v + ((size_t)j * p->kv_heads + g) * p->hd;
        double s = 0;
        for (uint32_t i = 0; i < p->hd; i++)
            s += (double)q[i] * k[i];
        s = s / sqrt(p->hd) + p->bias - slope * (t - j);
        double e = p->sigmoid ? 1 / (1 + exp(-s)) : exp(s);
        sum += e;
        for (uint32_t i = 0; i < p->hd; i++)
            out[i] += e * v[i];
    }
    for (uint32_t i = 0; i < p->hd; i++) {
        out[i] /= p->sigmoid ? 1 : sum;
        norm += out[i] * out[i];
    }
    return norm;
}

static problem make(int n)
{
    static const uint32_t dims[] = {8, 32, 64, 40, 128};
    problem p = {.kv_heads = 1 + (uint32_t)n % 3,
                 .hd = dims[n % 5],
                 .tokens = 20 + (uint32_t)n * 13 % 80,
                 .sigmoid = n & 1,
                 .kv8 = n & 2,
                 .alibi = n & 4,
                 .window = n % 3 ? 0 : 7};
    p.heads = p.kv_heads * (1 + (uint32_t)n % 4);
    p.capacity = (p.tokens + 63) / 64 * 64;
    p.bias = p.sigmoid ? -logf((float)p.tokens) : 0;
    p.q = random_weights((uint64_t)n + 1, (size_t)p.tokens * p.heads * p.hd, 1);
    p.k = random_weights((uint64_t)n + 2, (size_t)p.tokens * p.kv_heads * p.hd, 1);
    p.v = random_weights((uint64_t)n + 3, (size_t)p.tokens * p.kv_heads * p.hd, 3);
    return p;
}

static void drop(problem *p)
{
    free(p->q);
    free(p->k);
    free(p->v);
}

START_TEST(right_and_batch_free)
{
    problem p = make(_i);
    size_t n = (size_t)p.tokens * p.heads * p.hd;
    float *a = malloc(n * 4), *b = malloc(n * 4);
    double *want = malloc(p.hd * sizeof *want);
    sb_error err;
    ck_assert_msg(run(&p, 1, a, &err) == SB_OK, "%s", err.msg);
    ck_assert_msg(run(&p, 7, b, &err) == SB_OK, "%s", err.msg);
    ck_assert_msg(!memcmp(a, b, n * 4), "results depend on the batch");
    for (uint32_t t = 0; t < p.tokens; t++)
        for (uint32_t h = 0; h < p.heads; h++) {
            double norm = reference(&p, t, h, want), e = 0;
            for (uint32_t i = 0; i < p.hd; i++)
                e += pow(a[((size_t)t * p.heads + h) * p.hd + i] - want[i], 2);
            ck_assert_msg(sqrt(e / norm) < (p.kv8 ? 5e-2 : 1e-3), "token %u, head %u: relative error %g", t, h,
                          sqrt(e / norm));
        }
    free(a);
    free(b);
    free(want);
    drop(&p);
}
END_TEST

START_TEST(refusals)
{
    problem p = make(5);
    float *a = malloc((size_t)p.tokens * p.heads * p.hd * 4);
    sb_error err;
    p.k[3] = NAN;
    ck_assert_int_eq(run(&p, 1, a, &err), SB_ERR_DEVICE);
    ck_assert_msg(strstr(err.msg, "QUANTIZE_KV: key 3 of head 0, token 0"), "%s", err.msg);
    p.k[3] = 0;
    p.q[1] = INFINITY;
    ck_assert_int_eq(run(&p, 1, a, &err), SB_ERR_DEVICE);
    ck_assert_msg(strstr(err.msg, "QUANTIZE_Q: query 1"), "%s", err.msg);
    p.q[1] = 0;
    p.capacity = p.tokens | 1; /* not a multiple of 64 */
    ck_assert_int_eq(run(&p, 1, a, &err), SB_ERR_DEVICE);
    ck_assert_msg(strstr(err.msg, "a multiple of 64"), "%s", err.msg);
    free(a);
    drop(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("attention commands");
    TCase *t = tcase_create("cpu");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, right_and_batch_free, 0, 24);
    tcase_add_test(t, refusals);
    suite_add_tcase(s, t);
    return run_suite(s);
}
