/* SPDX-License-Identifier: Apache-2.0
 * The exact search over all seeds, in the order of the LFSR's cycle.
 *
 * With j a position in the cycle, U'w = (A(j), A(j+1), .., A(j+P-1)): one new number a seed. States shift right, so
 *     A(j+1) = A(j)/2 + [2^15 Y(j+16) - Y(j)/2 - 2^14 sum(w)] / 32767,   Y(j) = sum_c w_c * bit c of index[j],
 * which halves every rounding error. The energy |inv(L) U'w|^2 is what the seed could explain with real coefficients;
 * |w|^2 minus it bounds the error from below under any quantiser. Only seeds whose bound, less the seed's margin for
 * float32, can reach the best error so far are quantised (in binary64, seedlm_quantise.c): the arg-min is exact. */
#include <math.h>

#include "codec/seedlm_internal.h"

static void set_threshold(sb_seedlm_group *g, int lane)
{
    g->threshold[lane] = (float)(1 - g->best[lane].err / g->norm2[lane]);
}

void sb_seedlm_scan_hit(sb_seedlm_group *g, int j, uint32_t mask)
{
    for (; mask; mask &= mask - 1) {
        int lane = __builtin_ctz(mask);
        const uint16_t *states = g->table->cycle + j;
        sb_seedlm_code code = sb_seedlm_quantise(g->table->shape, g->w[lane], states + 1, g->rounding);
        code.seed = states[0];
        sb_seedlm_code *best = &g->best[lane];
        g->evaluations++;
        if (code.err < best->err || (code.err == best->err && code.seed < best->seed)) {
            *best = code;
            set_threshold(g, lane);
        }
    }
}

/* Entry i of a table over `bits` weights: sum of the weights whose bit is set, centred so that the difference
 * sums[hi] - 2^-16 sums[lo] contains -2^14 sum(w) / 32767. */
static void fill_sums(float sums[][SB_SEEDLM_LANES], int lane, const double *w, int bits)
{
    double total = 0;
    for (int c = 0; c < bits; c++)
        total += w[c];
    double centre = total * 16384 * 65536 / (65535.0 * 32767.0);
    double partial[256] = {0};
    for (int i = 0; i < 1 << bits; i++) {
        if (i > 0)
            partial[i] = partial[i & (i - 1)] + w[__builtin_ctz((unsigned)i)];
        sums[i][lane] = (float)(partial[i] * (32768 / 32767.0) - centre);
    }
}

static void prepare(sb_seedlm_group *g, int lane, bool used)
{
    const sb_seedlm_table *t = g->table;
    int c = t->shape.c;
    double w[SB_SEEDLM_MAX_C] = {0};
    double norm2 = 0;
    for (int i = 0; used && i < c; i++)
        norm2 += g->w[lane][i] * g->w[lane][i];
    for (int i = 0; norm2 > 0 && i < c; i++)
        w[i] = g->w[lane][i] / sqrt(norm2);
    g->norm2[lane] = norm2;
    g->best[lane] = (sb_seedlm_code){.err = norm2, .seed = 0, .e = -8};
    g->threshold[lane] = norm2 > 0 ? 0 : INFINITY;
    if (c > 8) {
        fill_sums(g->sums[0], lane, w, 6);
        fill_sums(g->sums[1], lane, w + 6, 6);
    } else {
        fill_sums(g->sums[0], lane, w, 8);
    }
    for (int i = 0; i < t->shape.p; i++) {
        double a = 0;
        for (int r = 0; r < c; r++)
            a += w[r] * (t->cycle[i + 1 + r * t->shape.p] - 32768);
        g->first[i][lane] = (float)(a / 32767);
    }
}

void sb_seedlm_scan(sb_seedlm_group *g, int n, sb_seedlm_scan_fn fn)
{
    g->evaluations = 0;
    for (int lane = 0; lane < SB_SEEDLM_LANES; lane++)
        prepare(g, lane, lane < n);
    fn(g);
}

/* Plain C; the compiler unrolls p and two and may vectorise over the lanes. */
static inline __attribute__((always_inline)) void scan(sb_seedlm_group *g, int p, bool two)
{
    enum { N = SB_SEEDLM_LANES };
    const sb_seedlm_table *t = g->table;
    float a[SB_SEEDLM_MAX_P][N];
    for (int i = 0; i < p; i++)
        for (int k = 0; k < N; k++)
            a[i][k] = g->first[i][k];
    for (int j = 0; j < SB_SEEDLM_SEEDS; j++) {
        const float *f = t->factor + (size_t)j * (size_t)t->row;
        float energy[N];
        int hit = 0;
        for (int k = 0; k < N; k++) {
            const float *l = f + 1;
            float e = f[0];
            for (int i = 0; i < p; i++) {
                float z = l[0] * a[0][k];
                for (int m = 1; m <= i; m++)
                    z += l[m] * a[m][k];
                e += z * z;
                l += i + 1;
            }
            energy[k] = e;
            hit |= e >= g->threshold[k];
        }
        if (hit) {
            uint32_t mask = 0;
            for (int k = 0; k < N; k++)
                mask |= (uint32_t)(energy[k] >= g->threshold[k]) << k;
            sb_seedlm_scan_hit(g, j, mask);
        }
        unsigned lo = t->index[j + p - 1];
        unsigned hi = t->index[j + p - 1 + 16];
        for (int k = 0; k < N; k++) {
            float next = 0.5f * a[p - 1][k];
            if (two) {
                next += g->sums[0][hi & 63][k] + g->sums[1][hi >> 6][k];
                next -= 0x1p-16f * (g->sums[0][lo & 63][k] + g->sums[1][lo >> 6][k]);
            } else {
                next += g->sums[0][hi][k];
                next -= 0x1p-16f * g->sums[0][lo][k];
            }
            for (int i = 0; i + 1 < p; i++)
                a[i][k] = a[i + 1][k];
            a[p - 1][k] = next;
        }
    }
}

void sb_seedlm_scan_plain(sb_seedlm_group *g)
{
    if (g->table->shape.p == 3)
        scan(g, 3, false);
    else
        scan(g, 4, true);
}
