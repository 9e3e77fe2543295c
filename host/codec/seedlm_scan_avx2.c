/* SPDX-License-Identifier: Apache-2.0
 * seedlm_scan.c's loop for AVX2 with FMA: 16 blocks in two registers. */
#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

#include "codec/seedlm_internal.h"

static inline __attribute__((always_inline)) __m256 energy(const float *f, const __m256 *a, int p)
{
    __m256 e = _mm256_broadcast_ss(f++);
    for (int i = 0; i < p; i++) {
        __m256 z = _mm256_mul_ps(_mm256_broadcast_ss(f++), a[0]);
        for (int m = 1; m <= i; m++)
            z = _mm256_fmadd_ps(_mm256_broadcast_ss(f++), a[m], z);
        e = _mm256_fmadd_ps(z, z, e);
    }
    return e;
}

static inline __attribute__((always_inline)) void advance(const sb_seedlm_group *g, int half, unsigned lo, unsigned hi,
                                                          __m256 *a, int p, bool two)
{
    const __m256 low = _mm256_set1_ps(0x1p-16f);
    const float *s = &g->sums[0][0][half * 8];
    __m256 top = _mm256_load_ps(s + (two ? hi & 63 : hi) * SB_SEEDLM_LANES);
    __m256 bottom = _mm256_load_ps(s + (two ? lo & 63 : lo) * SB_SEEDLM_LANES);
    if (two) {
        s = &g->sums[1][0][half * 8];
        top = _mm256_add_ps(top, _mm256_load_ps(s + (hi >> 6) * SB_SEEDLM_LANES));
        bottom = _mm256_add_ps(bottom, _mm256_load_ps(s + (lo >> 6) * SB_SEEDLM_LANES));
    }
    __m256 next = _mm256_fmadd_ps(_mm256_set1_ps(0.5f), a[p - 1], _mm256_fnmadd_ps(low, bottom, top));
    for (int i = 0; i + 1 < p; i++)
        a[i] = a[i + 1];
    a[p - 1] = next;
}

static inline __attribute__((always_inline)) void scan(sb_seedlm_group *g, int p, bool two)
{
    const float *f = g->table->factor;
    const int row = g->table->row;
    const uint16_t *index = g->table->index + p - 1;
    __m256 a[SB_SEEDLM_MAX_P];
    __m256 b[SB_SEEDLM_MAX_P];
    for (int i = 0; i < p; i++) {
        a[i] = _mm256_load_ps(&g->first[i][0]);
        b[i] = _mm256_load_ps(&g->first[i][8]);
    }
    for (int j = 0; j < SB_SEEDLM_SEEDS;) {
        const __m256 threshold_a = _mm256_load_ps(&g->threshold[0]);
        const __m256 threshold_b = _mm256_load_ps(&g->threshold[8]);
        int hits = 0; /* no call inside the segment: the registers stay registers */
        for (const int end = j + SB_SEEDLM_SEGMENT; j < end; j++, f += row) {
            __m256 energy_a = energy(f, a, p);
            __m256 energy_b = energy(f, b, p);
            __m256 hit = _mm256_or_ps(_mm256_cmp_ps(energy_a, threshold_a, _CMP_GE_OQ),
                                      _mm256_cmp_ps(energy_b, threshold_b, _CMP_GE_OQ));
            if (__builtin_expect(!_mm256_testz_ps(hit, hit), 0)) {
                _mm256_store_ps(&g->hit_energy[hits][0], energy_a);
                _mm256_store_ps(&g->hit_energy[hits][8], energy_b);
                g->hit_j[hits++] = j;
            }
            unsigned lo = index[j];
            unsigned hi = index[j + 16];
            advance(g, 0, lo, hi, a, p, two);
            advance(g, 1, lo, hi, b, p, two);
        }
        g->hits = hits;
        sb_seedlm_scan_hits(g);
    }
}

void sb_seedlm_scan_avx2(sb_seedlm_group *g)
{
    if (g->table->shape.p == 3)
        scan(g, 3, false);
    else
        scan(g, 4, true);
}
#else
typedef int sb_seedlm_scan_avx2_unused; /* an empty file is not ISO C */
#endif
