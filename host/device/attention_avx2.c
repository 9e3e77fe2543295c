/* SPDX-License-Identifier: Apache-2.0
 * The two products of attention_exact.h with AVX2: 16-bit multiply-add pairs, widened before they can overflow. */
#include "device/attention_exact.h"

#ifdef __AVX2__
#include <immintrin.h>
#include <string.h>

static inline __m256i load16(const uint8_t *row, size_t i, bool kv8)
{
    return kv8 ? _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(row + i)))
               : _mm256_loadu_si256((const __m256i *)(row + 2 * i));
}

static inline __m256i widen_add(__m256i acc, __m256i x)
{
    __m256i lo = _mm256_cvtepi32_epi64(_mm256_castsi256_si128(x)),
            hi = _mm256_cvtepi32_epi64(_mm256_extracti128_si256(x, 1));
    return _mm256_add_epi64(acc, _mm256_add_epi64(lo, hi));
}

static inline __attribute__((always_inline)) void scores_of(const int16_t *q, const uint8_t *k, size_t row_bytes,
                                                            size_t head_dim, bool kv8, size_t n, int64_t *s)
{
    size_t even = head_dim / 16 * 16; /* the rest of a row, fewer than 16 elements, goes one by one */
    for (size_t j = 0; j < n; j++, k += row_bytes) {
        __m256i acc = _mm256_setzero_si256();
        for (size_t i = 0; i < even; i += 16)
            acc = widen_add(acc, _mm256_madd_epi16(_mm256_loadu_si256((const __m256i *)(q + i)), load16(k, i, kv8)));
        __m128i h = _mm_add_epi64(_mm256_castsi256_si128(acc), _mm256_extracti128_si256(acc, 1));
        int64_t sum = _mm_extract_epi64(h, 0) + _mm_extract_epi64(h, 1);
        for (size_t i = even; i < head_dim; i++) {
            int16_t e = (int8_t)k[i];
            if (!kv8)
                memcpy(&e, k + 2 * i, 2);
            sum += q[i] * e;
        }
        s[j] = sum;
    }
}

static void scores(const int16_t *q, const uint8_t *k, size_t row_bytes, size_t head_dim, bool kv8, size_t n,
                   int64_t *s)
{
    if (kv8)
        scores_of(q, k, row_bytes, head_dim, true, n, s);
    else
        scores_of(q, k, row_bytes, head_dim, false, n, s);
}

/* 16 columns at i of up to 16 keys: P is split in halves of 12 bits, so that 8 pairs of products stay below 2^31. */
static inline __attribute__((always_inline)) void columns(const uint32_t *p, const uint8_t *v, size_t row_bytes,
                                                          bool kv8, size_t n, size_t i, __m256i acc[4])
{
    __m256i lo0 = _mm256_setzero_si256(), lo1 = lo0, hi0 = lo0, hi1 = lo0;
    for (size_t j = 0; j < n; j += 2) {
        uint32_t pa = p[j], pb = j + 1 < n ? p[j + 1] : 0;
        if (!(pa | pb))
            continue;
        __m256i a = load16(v + j * row_bytes, i, kv8);
        __m256i b = j + 1 < n ? load16(v + (j + 1) * row_bytes, i, kv8) : _mm256_setzero_si256();
        __m256i ab0 = _mm256_unpacklo_epi16(a, b), ab1 = _mm256_unpackhi_epi16(a, b);
        __m256i pl = _mm256_set1_epi32((int)((pa & 4095) | (pb & 4095) << 16));
        __m256i ph = _mm256_set1_epi32((int)(pa >> 12 | pb >> 12 << 16));
        lo0 = _mm256_add_epi32(lo0, _mm256_madd_epi16(ab0, pl));
        lo1 = _mm256_add_epi32(lo1, _mm256_madd_epi16(ab1, pl));
        hi0 = _mm256_add_epi32(hi0, _mm256_madd_epi16(ab0, ph));
        hi1 = _mm256_add_epi32(hi1, _mm256_madd_epi16(ab1, ph));
    }
    const __m256i lo[2] = {_mm256_permute2x128_si256(lo0, lo1, 0x20), _mm256_permute2x128_si256(lo0, lo1, 0x31)};
    const __m256i hi[2] = {_mm256_permute2x128_si256(hi0, hi1, 0x20), _mm256_permute2x128_si256(hi0, hi1, 0x31)};
    for (int h = 0; h < 2; h++)
        for (int q = 0; q < 2; q++) {
            __m256i l = _mm256_cvtepi32_epi64(q ? _mm256_extracti128_si256(lo[h], 1) : _mm256_castsi256_si128(lo[h]));
            __m256i u = _mm256_cvtepi32_epi64(q ? _mm256_extracti128_si256(hi[h], 1) : _mm256_castsi256_si128(hi[h]));
            acc[2 * h + q] = _mm256_add_epi64(acc[2 * h + q], _mm256_add_epi64(l, _mm256_slli_epi64(u, 12)));
        }
}

static inline __attribute__((always_inline)) void values_of(const uint32_t *p, const uint8_t *v, size_t row_bytes,
                                                            size_t head_dim, bool kv8, size_t n, int64_t *acc)
{
    size_t even = head_dim / 16 * 16;
    for (size_t i = 0; i < even; i += 16) {
        __m256i a[4];
        for (int x = 0; x < 4; x++)
            a[x] = _mm256_loadu_si256((const __m256i *)(acc + i + 4 * x));
        for (size_t j = 0; j < n; j += 16)
            columns(p + j, v + j * row_bytes, row_bytes, kv8, n - j < 16 ? n - j : 16, i, a);
        for (int x = 0; x < 4; x++)
            _mm256_storeu_si256((__m256i *)(acc + i + 4 * x), a[x]);
    }
    for (size_t i = even; i < head_dim; i++) {
        for (size_t j = 0; j < n; j++) {
            int16_t e = (int8_t)v[j * row_bytes + i];
            if (!kv8)
                memcpy(&e, v + j * row_bytes + 2 * i, 2);
            acc[i] += (int64_t)p[j] * e;
        }
    }
}

static void values(const uint32_t *p, const uint8_t *v, size_t row_bytes, size_t head_dim, bool kv8, size_t n,
                   int64_t *acc)
{
    if (kv8)
        values_of(p, v, row_bytes, head_dim, true, n, acc);
    else
        values_of(p, v, row_bytes, head_dim, false, n, acc);
}

const sb_attn_kernel sb_attn_avx2 = {"AVX2", scores, values};
#endif
