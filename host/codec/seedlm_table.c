/* SPDX-License-Identifier: Apache-2.0
 * What the scan knows about every seed before it sees a weight: position in the cycle, window bits, factor of the Gram
 * matrix, and how far float32 can be off for this seed. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "codec/seedlm_internal.h"
#include "seedbed/lfsr.h"

enum { PAD = 64, MAX_STIFF = 1024 };
#define STIFF_NORM2 1e5 /* the squared norms lie below 3e2 or above 1e8, nothing between */

/* Bound on the float32 error of z = inv(L) U'w with |w| = 1, divided by the Frobenius norm of inv(L).
 * Recurrence: at most 4 roundings and a table rounding of half size a step, each of numbers below |w|_1 <= sqrt(C), and
 * the factor 1/2 keeps their sum below twice one step's: 9 * 2^-24 * sqrt(C) for each of P numbers. Product: P+2
 * roundings relative to |U'w| <= sqrt(C*P). Half as much again for what is of second order. */
static double kappa(int c, int p)
{
    return 1.5 * (9 + p + 2) * sqrt((double)(c * p)) * 0x1p-24;
}

/* If |z|^2 >= tau (tau <= 1) and |z_float - z| <= delta, then |z_float|^2 >= tau - 2 delta. The rest covers the
 * roundings of the energy sum and of the comparison. */
static double margin(double delta)
{
    return 2 * delta + delta * delta + 4e-6;
}

/* The same in binary64, where what counts is the Cholesky factor: its L L' differs from U'U by less than
 * 2(P+1) * 2^-53 * trace(U'U), and the energy by |t|^2 <= |inv(L)|^2 times that; trace(U'U) <= C*P. */
static double margin64(int c, int p, double norm2)
{
    return 4e-6 + 64 * 0x1p-53 * norm2 * c * p;
}

/* inv(L), row by row, of U'U = L L'; the Gram matrix itself is exact. False if singular. */
static bool factorise(int c, int p, const uint16_t *states, double inv[][SB_SEEDLM_MAX_P])
{
    double l[SB_SEEDLM_MAX_P][SB_SEEDLM_MAX_P];
    for (int i = 0; i < p; i++) {
        for (int k = 0; k <= i; k++) {
            int64_t gram = 0;
            for (int r = 0; r < c; r++)
                gram += (int64_t)(states[r * p + i] - 32768) * (states[r * p + k] - 32768);
            double s = (double)gram / (32767.0 * 32767.0);
            for (int m = 0; m < k; m++)
                s -= l[i][m] * l[k][m];
            if (i == k && !(s > 0))
                return false;
            l[i][k] = i == k ? sqrt(s) : s / l[k][k];
        }
        for (int k = 0; k < i; k++) {
            double s = 0;
            for (int m = k; m < i; m++)
                s -= l[i][m] * inv[m][k];
            inv[i][k] = s / l[i][i];
        }
        inv[i][i] = 1 / l[i][i];
    }
    return true;
}

/* Fills the factor row of position j and returns the squared Frobenius norm of inv(L). inv: row by row. */
static double fill_factor(float *row, int c, int p, const uint16_t *states, double *packed)
{
    double inv[SB_SEEDLM_MAX_P][SB_SEEDLM_MAX_P];
    if (!factorise(c, p, states, inv)) {
        memset(packed, 0, sizeof(double) * (size_t)(p * (p + 1) / 2));
        return INFINITY;
    }
    double norm2 = 0;
    int n = 0;
    for (int i = 0; i < p; i++) {
        for (int k = 0; k <= i; k++, n++) {
            norm2 += inv[i][k] * inv[i][k];
            packed[n] = inv[i][k];
            row[1 + n] = (float)inv[i][k];
        }
    }
    row[0] = (float)margin(kappa(c, p) * sqrt(norm2));
    return norm2;
}

static bool build(sb_seedlm_table *t, int c, int p)
{
    int row = (1 + p * (p + 1) / 2 + 3) / 4 * 4;
    uint16_t *cycle = malloc((SB_SEEDLM_SEEDS + PAD) * sizeof *cycle);
    uint16_t *index = malloc((SB_SEEDLM_SEEDS + PAD) * sizeof *index);
    float *factor = aligned_alloc(64, ((size_t)SB_SEEDLM_SEEDS * (size_t)row * sizeof *factor + 63) / 64 * 64);
    sb_seedlm_stiff *stiff = malloc(MAX_STIFF * sizeof *stiff);
    if (!cycle || !index || !factor || !stiff) {
        free(cycle);
        free(index);
        free(factor);
        free(stiff);
        return false;
    }
    uint32_t s = 1;
    for (int j = 0; j < SB_SEEDLM_SEEDS + PAD; j++) {
        cycle[j] = (uint16_t)s;
        s = sb_lfsr_step(SB_SEEDLM_K, s);
    }
    for (int j = 0; j < SB_SEEDLM_SEEDS + PAD; j++) {
        unsigned bits = 0;
        for (int i = 0; i < c; i++)
            bits |= (cycle[(j + 1 + i * p) % SB_SEEDLM_SEEDS] & 1u) << i;
        index[j] = (uint16_t)bits;
    }
    int stiff_count = 0;
    for (int j = 0; j < SB_SEEDLM_SEEDS; j++) {
        float *f = factor + (size_t)j * (size_t)row;
        sb_seedlm_stiff s64 = {.j = j};
        memset(f, 0, (size_t)row * sizeof *f);
        double norm2 = fill_factor(f, c, p, cycle + j + 1, s64.inv);
        if (norm2 < STIFF_NORM2)
            continue;
        memset(f, 0, (size_t)row * sizeof *f);
        f[0] = -8; /* below every threshold */
        if (stiff_count == MAX_STIFF)
            abort();                        /* a fixed property of the generator: a test counts them */
        s64.margin = margin64(c, p, norm2); /* infinite if singular: always quantised */
        stiff[stiff_count++] = s64;
    }
    *t = (sb_seedlm_table){{c, p}, row, cycle, index, factor, stiff, stiff_count};
    return true;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sb_seedlm_table tables[2]; /* live as long as the process */

const sb_seedlm_table *sb_seedlm_table_get(sb_seedlm_shape shape)
{
    sb_seedlm_table *t = &tables[shape.p == 3 ? 0 : 1];
    pthread_mutex_lock(&lock);
    bool ok = t->factor || build(t, shape.c, shape.p);
    pthread_mutex_unlock(&lock);
    return ok ? t : NULL;
}
