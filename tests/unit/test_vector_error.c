/* SPDX-License-Identifier: Apache-2.0
 * Errors of the approximations in docs/numerics.md, section 5, against real arithmetic: prints them, and bounds them by
 * what that page says. */
#include <stdbool.h>
#include <stdio.h>

#include "device/vector_math.h"
#include "test_support.h"

typedef struct {
    double max, sum;
    size_t n;
} error;

static void note(error *e, double v)
{
    e->max = v > e->max ? v : e->max;
    e->sum += v;
    e->n++;
}

/* Units in the last place of the binary32 that is nearest to want. */
static double ulps(float got, double want)
{
    int e;
    (void)frexp(want, &e);
    return fabs((double)got - want) * ldexp(1, 24 - (e < -125 ? -125 : e));
}

START_TEST(reciprocal_square_root)
{
    error e = {0};
    for (uint32_t b = 0x3f800000; b < 0x40800000; b++) {
        float m = sb_f32_of_bits(b);
        note(&e, ulps(sb_rsqrt32(m), 1 / sqrt((double)m)));
    }
    printf("rsqrt32: max %.3f ulp, mean %.3f ulp over %zu mantissas\n", e.max, e.sum / (double)e.n, e.n);
    ck_assert(e.max < 1.46 && e.sum / (double)e.n < 0.35 && e.n == 1 << 24);
    /* scaling by 4 is exact where nothing is subnormal: what holds for [1, 4) holds everywhere else */
    uint64_t seed = 1;
    for (int i = 0; i < 1000000; i++) {
        uint32_t mantissa = (uint32_t)random_bits(&seed) & 0xffffff, by = (uint32_t)(random_bits(&seed) % 124);
        float m = sb_f32_of_bits(0x3f800000 + mantissa), y = sb_rsqrt32(m);
        ck_assert(sb_rsqrt32(ldexpf(m, (int)(2 * (by % 62)))) == ldexpf(y, -(int)(by % 62)));
        ck_assert(sb_rsqrt32(ldexpf(m, -(int)(2 * (by / 2)))) == ldexpf(y, (int)(by / 2)));
    }
}
END_TEST

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}
static double silu(double x)
{
    return x * sigmoid(x);
}
static double gelu(double x)
{
    return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}

/* relative: the error is divided by |x|. */
static void sweep(const char *name, float (*f)(float), double (*real)(double), bool relative, double max, double mean,
                  double max_ulp)
{
    error e = {0}, u = {0};
    for (uint64_t b = 0; b < 1ull << 32; b += 257) {
        float x = sb_f32_of_bits((uint32_t)b);
        if (!(fabsf(x) >= 1e-4f && fabsf(x) <= 64))
            continue;
        float y = f(x);
        double want = real((double)x);
        note(&e, fabs((double)y - want) * 16777216 / (relative ? fabs((double)x) : 1));
        if (x >= -1)
            note(&u, ulps(y, want));
    }
    printf("%s: max %.1f, mean %.1f of 2^-24%s; x >= -1: max %.0f ulp, mean %.0f ulp (%zu values)\n", name, e.max,
           e.sum / (double)e.n, relative ? " |x|" : "", u.max, u.sum / (double)u.n, e.n);
    ck_assert(e.max < max && e.sum / (double)e.n < mean && u.max < max_ulp && e.n > 1000000);
}

START_TEST(gates)
{
    sweep("sigmoid32", sb_sigmoid32, sigmoid, false, 431, 65, 857);
    sweep("silu", sb_silu32, silu, true, 431, 65, 865);
    sweep("gelu", sb_gelu32, gelu, true, 430, 63, 956);
}
END_TEST

/* A library that sets flush-to-zero would change bits: every thread must keep subnormals. */
START_TEST(subnormals_are_kept)
{
    volatile float tiny = 0x1p-126f;
    int kept = 0, n = 0;
#pragma omp parallel reduction(+ : kept, n)
    {
        kept += tiny * 0.25f == 0x1p-128f && tiny * 0.25f != 0;
        n++;
    }
    ck_assert_int_eq(kept, n);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("vector errors");
    TCase *t = tcase_create("cpu");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, reciprocal_square_root);
    tcase_add_test(t, gates);
    tcase_add_test(t, subnormals_are_kept);
    suite_add_tcase(s, t);
    return run_suite(s);
}
