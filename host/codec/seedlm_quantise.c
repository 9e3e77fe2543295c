/* SPDX-License-Identifier: Apache-2.0
 * One block against one seed: least squares, shared exponent, 4-bit coefficients, error. Everything in binary64 and in
 * a fixed order, so that whoever calls it gets the same bits (SeedLM, arXiv 2410.10714, Algorithm 3). */
#include <math.h>

#include "codec/seedlm_internal.h"
#include "seedbed/lfsr.h"

static const double unit = (double)0x1.0002p-15f; /* fl32(1/32767) */

static inline double clamp(double v, double lo, double hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* Solves (V'V) x = V'w by V'V = L D L'; leaves L below the diagonal of g, D in d. The Gram matrix is exact: sums of C
 * integers below 2^30. False: singular basis. */
static inline bool solve(int c, int p, const double *w, double v[][SB_SEEDLM_MAX_P], double g[][SB_SEEDLM_MAX_P],
                         double *d, double *x)
{
    for (int i = 0; i < p; i++) {
        double a = 0;
        for (int r = 0; r < c; r++)
            a += w[r] * v[r][i];
        for (int k = 0; k <= i; k++) {
            double s = 0;
            for (int r = 0; r < c; r++)
                s += v[r][i] * v[r][k];
            g[i][k] = s;
        }
        for (int k = 0; k < i; k++) {
            double s = g[i][k];
            for (int m = 0; m < k; m++)
                s -= g[i][m] * g[k][m] * d[m];
            g[i][k] = s / d[k];
        }
        d[i] = g[i][i];
        for (int m = 0; m < i; m++) {
            d[i] -= g[i][m] * g[i][m] * d[m];
            a -= g[i][m] * x[m];
        }
        if (!(d[i] > 0))
            return false;
        x[i] = a;
    }
    for (int i = p - 1; i >= 0; i--) {
        double s = x[i] / d[i];
        for (int m = i + 1; m < p; m++)
            s -= g[m][i] * x[m];
        x[i] = s;
    }
    return true;
}

/* 2^e for -8..8 */
static inline double power(int e)
{
    return e < 0 ? 1.0 / (1 << -e) : (double)(1 << e);
}

static inline double error_of(int c, int p, const double *w, double v[][SB_SEEDLM_MAX_P], const double *q, double scale)
{
    double err = 0;
    for (int r = 0; r < c; r++) {
        double s = 0; /* an integer below 2^20: exact */
        for (int i = 0; i < p; i++)
            s += q[i] * v[r][i];
        double d = w[r] - s * scale;
        err += d * d;
    }
    return err;
}

/* The floor/ceil corners at the exponents e-1, e, e+1, compared by what each adds to the least squares error,
 * |V(2^f q - t)|^2 = sum_i D_i (L'(2^f q - t))_i^2. Returns the exponent; the first of equals wins. */
static inline int search(int p, const double *t, double g[][SB_SEEDLM_MAX_P], const double *d, int e, double *q)
{
    double best = INFINITY;
    int best_e = e;
    for (int f = e > -8 ? e - 1 : -8; f <= (e < 7 ? e + 1 : 7); f++) {
        double scale = power(f);
        double way[SB_SEEDLM_MAX_P][2];  /* floor and ceil, clamped */
        double diff[SB_SEEDLM_MAX_P][2]; /* way * scale - t */
        for (int i = 0; i < p; i++) {
            double s = floor(t[i] * power(-f));
            way[i][0] = clamp(s, -8, 7);
            way[i][1] = clamp(s + 1, -8, 7);
            diff[i][0] = way[i][0] * scale - t[i];
            diff[i][1] = way[i][1] * scale - t[i];
        }
        for (int corner = 0; corner < 1 << p; corner++) {
            double sum = 0;
            for (int i = p - 1; i >= 0; i--) {
                double z = diff[i][corner >> i & 1];
                for (int m = i + 1; m < p; m++)
                    z += g[m][i] * diff[m][corner >> m & 1];
                sum += d[i] * (z * z);
            }
            if (sum < best) {
                best = sum;
                best_e = f;
                for (int i = 0; i < p; i++)
                    q[i] = way[i][corner >> i & 1];
            }
        }
    }
    return best_e;
}

static inline sb_seedlm_code quantise(int c, int p, const double *w, const uint16_t *states, sb_rounding rounding)
{
    sb_seedlm_code code = {.err = INFINITY};
    double v[SB_SEEDLM_MAX_C][SB_SEEDLM_MAX_P];
    double g[SB_SEEDLM_MAX_P][SB_SEEDLM_MAX_P];
    double d[SB_SEEDLM_MAX_P];
    double t[SB_SEEDLM_MAX_P];
    double q[SB_SEEDLM_MAX_P] = {0};
    for (int r = 0; r < c; r++)
        for (int i = 0; i < p; i++)
            v[r][i] = (double)((int)states[r * p + i] - 32768);
    if (!solve(c, p, w, v, g, d, t))
        return code;
    double amax = 0;
    for (int i = 0; i < p; i++) {
        t[i] /= unit;
        amax = fabs(t[i]) > amax ? fabs(t[i]) : amax;
    }
    int e = (int)clamp(amax > 0 ? ilogb(amax) - 2 : -8, -8, 7);
    if (rounding == SB_ROUND_NEAREST) {
        for (int i = 0; i < p; i++)
            q[i] = clamp(nearbyint(t[i] * power(-e)), -8, 7);
    } else {
        e = search(p, t, g, d, e, q);
    }
    for (int i = 0; i < p; i++)
        code.q[i] = (int8_t)q[i];
    code.e = e;
    code.err = error_of(c, p, w, v, q, unit * power(e));
    return code;
}

sb_seedlm_code sb_seedlm_quantise(sb_seedlm_shape shape, const double *w, const uint16_t *states, sb_rounding rounding)
{
    return shape.p == 3 ? quantise(8, 3, w, states, rounding) : quantise(12, 4, w, states, rounding);
}

sb_seedlm_code sb_seedlm_encode_naive(sb_seedlm_shape shape, const double *w, sb_rounding rounding)
{
    sb_seedlm_code best = {.err = 0, .seed = 0, .e = -8};
    for (int i = 0; i < shape.c; i++)
        best.err += w[i] * w[i];
    for (uint32_t seed = 1; seed <= SB_SEEDLM_SEEDS && best.err > 0; seed++) {
        uint32_t v[SB_SEEDLM_MAX_C * SB_SEEDLM_MAX_P];
        uint16_t states[SB_SEEDLM_MAX_C * SB_SEEDLM_MAX_P];
        sb_lfsr_basis(SB_SEEDLM_K, seed, shape.c, shape.p, v);
        for (int i = 0; i < shape.c * shape.p; i++)
            states[i] = (uint16_t)v[i];
        sb_seedlm_code code = sb_seedlm_quantise(shape, w, states, rounding);
        if (code.err < best.err) {
            best = code;
            best.seed = seed;
        }
    }
    return best;
}
