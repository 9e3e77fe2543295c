/* SPDX-License-Identifier: Apache-2.0
 * The exact search over all seeds, in the order of the LFSR's cycle.
 *
 * With j a position in the cycle, U'w = (A(j), A(j+1), .., A(j+P-1)): one new number a seed. States shift right, so
 *     A(j+1) = A(j)/2 + [2^15 Y(j+16) - Y(j)/2 - 2^14 sum(w)] / 32767,   Y(j) = sum_c w_c * bit c of index[j],
 * which halves every rounding error. The energy |inv(L) U'w|^2 is what the seed could explain with real coefficients;
 * |w|^2 minus it bounds the error from below under any quantiser. Only seeds whose bound, less the seed's margin for
 * float32, can reach the best error so far are quantised (in binary64, seedlm_quantise.c): the arg-min is exact. */
#include <math.h>
#include <string.h>

#include "codec/seedlm_internal.h"

static void set_threshold(sb_seedlm_group *g, int lane)
{
    g->threshold[lane] = (float)(1 - g->best[lane].err / g->norm2[lane]);
}

static void try_seed(sb_seedlm_group *g, int j, int lane)
{
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

void sb_seedlm_scan_hits(sb_seedlm_group *g)
{
    for (int h = 0; h < g->hits; h++)
        for (int lane = 0; lane < SB_SEEDLM_LANES; lane++)
            if (g->hit_energy[h][lane] >= g->threshold[lane])
                try_seed(g, g->hit_j[h], lane);
    g->hits = 0;
}

/* The same bound in binary64 for the seeds that the scans leave out; last, when the thresholds are at their highest. */
static void scan_stiff(sb_seedlm_group *g)
{
    const sb_seedlm_table *t = g->table;
    const int c = t->shape.c;
    const int p = t->shape.p;
    for (int s = 0; s < t->stiff_count; s++) {
        const sb_seedlm_stiff *f = &t->stiff[s];
        const uint16_t *states = t->cycle + f->j + 1;
        const double *inv = f->inv;
        double a[SB_SEEDLM_MAX_P][SB_SEEDLM_LANES] = {{0}};
        double energy[SB_SEEDLM_LANES];
        for (int k = 0; k < SB_SEEDLM_LANES; k++)
            energy[k] = f->margin;
        for (int i = 0; i < p; i++) {
            for (int r = 0; r < c; r++)
                for (int k = 0; k < SB_SEEDLM_LANES; k++)
                    a[i][k] += g->unit_w[r][k] * ((states[r * p + i] - 32768) / 32767.0);
            double z[SB_SEEDLM_LANES] = {0};
            for (int m = 0; m <= i; m++, inv++)
                for (int k = 0; k < SB_SEEDLM_LANES; k++)
                    z[k] += *inv * a[m][k];
            for (int k = 0; k < SB_SEEDLM_LANES; k++)
                energy[k] += z[k] * z[k];
        }
        for (int k = 0; k < SB_SEEDLM_LANES; k++)
            if (energy[k] >= g->threshold[k])
                try_seed(g, f->j, k);
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
    for (int i = 0; i < c; i++)
        g->unit_w[i][lane] = w[i];
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
    g->hits = 0;
    fn(g);
    scan_stiff(g);
}

/* Plain C; the compiler unrolls p and two and vectorises over the lanes. */
static inline __attribute__((always_inline)) void scan(sb_seedlm_group *g, int p, bool two)
{
    enum { N = SB_SEEDLM_LANES };
    const sb_seedlm_table *t = g->table;
    const float *f = t->factor;
    float a[SB_SEEDLM_MAX_P][N];
    for (int i = 0; i < p; i++)
        for (int k = 0; k < N; k++)
            a[i][k] = g->first[i][k];
    for (int j = 0; j < SB_SEEDLM_SEEDS; j++, f += t->row) {
        float energy[N];
        const float *l = f + 1;
        int hit = 0;
        for (int k = 0; k < N; k++)
            energy[k] = f[0];
        for (int i = 0; i < p; i++) {
            float z[N];
            for (int k = 0; k < N; k++)
                z[k] = l[0] * a[0][k];
            for (int m = 1; m <= i; m++)
                for (int k = 0; k < N; k++)
                    z[k] += l[m] * a[m][k];
            for (int k = 0; k < N; k++)
                energy[k] += z[k] * z[k];
            l += i + 1;
        }
        for (int k = 0; k < N; k++)
            hit |= energy[k] >= g->threshold[k] ? -1 : 0;
        if (hit) {
            memcpy(g->hit_energy[g->hits], energy, sizeof energy);
            g->hit_j[g->hits++] = j;
        }
        if ((j + 1) % SB_SEEDLM_SEGMENT == 0)
            sb_seedlm_scan_hits(g);
        unsigned lo = t->index[j + p - 1];
        unsigned hi = t->index[j + p - 1 + 16];
        float next[N];
        for (int k = 0; k < N; k++) {
            float top = two ? g->sums[0][hi & 63][k] + g->sums[1][hi >> 6][k] : g->sums[0][hi][k];
            float bottom = two ? g->sums[0][lo & 63][k] + g->sums[1][lo >> 6][k] : g->sums[0][lo][k];
            next[k] = 0.5f * a[p - 1][k] + (top - 0x1p-16f * bottom);
        }
        for (int i = 0; i + 1 < p; i++)
            for (int k = 0; k < N; k++)
                a[i][k] = a[i + 1][k];
        for (int k = 0; k < N; k++)
            a[p - 1][k] = next[k];
    }
}

void sb_seedlm_scan_plain(sb_seedlm_group *g)
{
    if (g->table->shape.p == 3)
        scan(g, 3, false);
    else
        scan(g, 4, true);
}
