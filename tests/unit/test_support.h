/* SPDX-License-Identifier: Apache-2.0
 * Random weights that are the same everywhere, and the frame of a test program. */
#ifndef SEEDBED_TESTS_SUPPORT_H
#define SEEDBED_TESTS_SUPPORT_H

#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

static inline uint64_t random_bits(uint64_t *s)
{
    uint64_t z = (*s += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline double random_uniform(uint64_t *s)
{
    return ((double)(random_bits(s) >> 11) + 0.5) * 0x1p-53;
}

static inline double random_normal(uint64_t *s)
{
    double r = sqrt(-2 * log(random_uniform(s)));
    return r * cos(6.283185307179586 * random_uniform(s));
}

static inline float *random_weights(uint64_t seed, size_t n, double sigma)
{
    float *w = malloc(n * sizeof *w);
    ck_assert_ptr_nonnull(w);
    for (size_t i = 0; i < n; i++)
        w[i] = (float)(sigma * random_normal(&seed));
    return w;
}

static inline int run_suite(Suite *s)
{
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
