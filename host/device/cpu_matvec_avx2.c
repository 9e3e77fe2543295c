/* SPDX-License-Identifier: Apache-2.0
 * AVX2 row groups: one row a 32-bit lane, as in the core. The seed codecs grow the block's bit stream with shifts and
 * XORs, take each weight's window from it, and form sum_p q_p*(V_p - 2^15) with two multiply-adds of 16-bit pairs. */
#include "device/cpu_matvec.h"

#ifdef __AVX2__
#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

typedef __m256i v8; /* eight 32-bit lanes, or four 64-bit ones */

INLINE v8 load8(const uint32_t *p)
{
    return _mm256_loadu_si256((const v8 *)p);
}
INLINE v8 xor4(v8 a, v8 b, v8 c, v8 d)
{
    return _mm256_xor_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(c, d));
}
/* The signed nibble at bit `at` of every lane. */
#define NIBBLE(w, at) _mm256_srai_epi32(_mm256_slli_epi32(w, 28 - (at)), 28)
/* Low 16 bits from a, high 16 from b. */
#define HALVES(a, b) _mm256_blend_epi16(a, b, 0xaa)

/* Even and odd rows of a group as 64-bit lanes. */
typedef struct {
    v8 even, odd;
} wide;

INLINE wide wide_zero(void)
{
    return (wide){_mm256_setzero_si256(), _mm256_setzero_si256()};
}
INLINE void wide_mac(wide *s, v8 w_even, v8 w_odd, v8 x)
{
    s->even = _mm256_add_epi64(s->even, _mm256_mul_epi32(w_even, x));
    s->odd = _mm256_add_epi64(s->odd, _mm256_mul_epi32(w_odd, x));
}
INLINE void wide_add_shifted(wide *acc, wide s, v8 shift)
{
    v8 low = _mm256_set1_epi64x(0xffffffff);
    acc->even = _mm256_add_epi64(acc->even, _mm256_sllv_epi64(s.even, _mm256_and_si256(shift, low)));
    acc->odd = _mm256_add_epi64(acc->odd, _mm256_sllv_epi64(s.odd, _mm256_srli_epi64(shift, 32)));
}
INLINE void wide_store(int64_t acc[SB_CPU_LANES], wide s)
{
    v8 lo = _mm256_unpacklo_epi64(s.even, s.odd), hi = _mm256_unpackhi_epi64(s.even, s.odd);
    _mm256_storeu_si256((v8 *)acc, _mm256_permute2x128_si256(lo, hi, 0x20));
    _mm256_storeu_si256((v8 *)(acc + 4), _mm256_permute2x128_si256(lo, hi, 0x31));
}

/* Stream bits 0..31 (a) and 32..63 (b) from the seeds: x[n+16] = x[n]^x[n+1]^x[n+3]^x[n+12], four bits at a time, then
 * the squared recurrence x[n+32] = x[n]^x[n+2]^x[n+6]^x[n+24], eight at a time. */
INLINE void stream(v8 seed, int bits, v8 *a, v8 *b)
{
    v8 s = seed, nib = _mm256_set1_epi32(0xf), byte = _mm256_set1_epi32(0xff);
#define GROW4(i)                                                                                                       \
    s = _mm256_or_si256(                                                                                               \
        s, _mm256_slli_epi32(                                                                                          \
               _mm256_and_si256(xor4(_mm256_srli_epi32(s, 4 * (i)), _mm256_srli_epi32(s, 4 * (i) + 1),                 \
                                     _mm256_srli_epi32(s, 4 * (i) + 3), _mm256_srli_epi32(s, 4 * (i) + 12)),           \
                                nib),                                                                                  \
               16 + 4 * (i)))
    GROW4(0);
    GROW4(1);
    GROW4(2);
    GROW4(3);
#undef GROW4
    *a = s;
    v8 t = xor4(s, _mm256_srli_epi32(s, 2), _mm256_srli_epi32(s, 6), _mm256_srli_epi32(s, 24));
    v8 u = _mm256_and_si256(t, byte);
    if (bits > 40) {
#define GROW8(i)                                                                                                       \
    u = _mm256_or_si256(                                                                                               \
        u, _mm256_slli_epi32(                                                                                          \
               _mm256_and_si256(xor4(_mm256_srli_epi32(s, 8 * (i)),                                                    \
                                     (i) < 3 ? _mm256_srli_epi32(s, 8 * (i) + 2)                                       \
                                             : _mm256_or_si256(_mm256_srli_epi32(s, 26), _mm256_slli_epi32(u, 6)),     \
                                     (i) < 3 ? _mm256_srli_epi32(s, 8 * (i) + 6)                                       \
                                             : _mm256_or_si256(_mm256_srli_epi32(s, 30), _mm256_slli_epi32(u, 2)),     \
                                     _mm256_srli_epi32(u, 8 * (i)-8)),                                                 \
                                byte),                                                                                 \
               8 * (i)))
        GROW8(1);
        GROW8(2);
        GROW8(3);
#undef GROW8
    }
    *b = u;
}

INLINE void group_seedlm(const int C, const int P, const uint32_t *words, size_t main_words, const int16_t *x,
                         size_t x_stride, const int nv, int64_t acc[][SB_CPU_LANES])
{
    const v8 flip = _mm256_set1_epi32((int)0x80008000u);
    const int x_slot = C == 8 ? 8 : 16;
    wide total[SB_CPU_MAX_TILE];
    for (int v = 0; v < nv; v++)
        total[v] = wide_zero();
    v8 side = _mm256_setzero_si256();
    for (size_t b = 0; b < main_words; b++, words += SB_CPU_LANES) {
        if (P == 4 && b % 8 == 0) {
            side = load8(words);
            words += SB_CPU_LANES;
        }
        v8 w = load8(words), lo, hi;
        stream(_mm256_and_si256(w, _mm256_set1_epi32(0xffff)), 16 + C * P, &lo, &hi);
        v8 mid = _mm256_or_si256(_mm256_srli_epi32(lo, 16), _mm256_slli_epi32(hi, 16)); /* bits 16..47 */
        v8 q01 = HALVES(NIBBLE(w, 20), _mm256_slli_epi32(NIBBLE(w, 24), 16));
        v8 q23 = P == 3
                     ? _mm256_and_si256(NIBBLE(w, 28), _mm256_set1_epi32(0xffff))
                     : HALVES(NIBBLE(w, 28), _mm256_slli_epi32(_mm256_srai_epi32(_mm256_slli_epi32(side, 28), 28), 16));
        side = _mm256_srli_epi32(side, 4);
        v8 f = _mm256_and_si256(_mm256_srli_epi32(w, 16), _mm256_set1_epi32(15));
        wide sum[SB_CPU_MAX_TILE];
        for (int v = 0; v < nv; v++)
            sum[v] = wide_zero();
        const int16_t *xb = x + b * (size_t)x_slot;
#pragma GCC unroll 12
        for (int c = 0; c < C; c++) {
            const int n = c * P + 1; /* first stream bit of the weight's 16+P-1 bit window */
            const int need = n + 16 + P - 1;
            v8 win = need <= 32   ? _mm256_srli_epi32(lo, n & 31)
                     : need <= 48 ? _mm256_srli_epi32(mid, (n - 16) & 31)
                                  : _mm256_srli_epi32(hi, (n - 32) & 31);
            v8 v01 = _mm256_xor_si256(HALVES(win, _mm256_slli_epi32(win, 15)), flip);
            v8 v23 = _mm256_xor_si256(HALVES(_mm256_srli_epi32(win, 2), _mm256_slli_epi32(win, 13)), flip);
            v8 isum = _mm256_add_epi32(_mm256_madd_epi16(v01, q01), _mm256_madd_epi16(v23, q23));
            v8 odd = _mm256_srli_epi64(isum, 32);
            for (int v = 0; v < nv; v++)
                wide_mac(&sum[v], isum, odd, _mm256_set1_epi32(xb[(size_t)v * x_stride + (size_t)c]));
        }
        for (int v = 0; v < nv; v++)
            wide_add_shifted(&total[v], sum[v], f);
    }
    for (int v = 0; v < nv; v++)
        wide_store(acc[v], total[v]);
}

/* Splits binary16 (low half of each lane) into a signed mantissa and a shift: docs/formats.md, fp16. */
INLINE void half_split(v8 h, v8 *mant, v8 *shift)
{
    v8 e = _mm256_and_si256(_mm256_srli_epi32(h, 10), _mm256_set1_epi32(31));
    v8 zero = _mm256_setzero_si256(), normal = _mm256_cmpgt_epi32(e, zero);
    v8 m = _mm256_or_si256(_mm256_and_si256(h, _mm256_set1_epi32(1023)),
                           _mm256_and_si256(normal, _mm256_set1_epi32(1024)));
    v8 neg = _mm256_srai_epi32(_mm256_slli_epi32(h, 16), 31);
    *mant = _mm256_sub_epi32(_mm256_xor_si256(m, neg), neg);
    *shift = _mm256_add_epi32(e, normal); /* normal is -1 */
}

INLINE void group_int4(const uint32_t *words, size_t main_words, const int16_t *x, size_t x_stride, const int nv,
                       int64_t acc[][SB_CPU_LANES])
{
    wide total[SB_CPU_MAX_TILE];
    for (int v = 0; v < nv; v++)
        total[v] = wide_zero();
    v8 side = _mm256_setzero_si256();
    for (size_t b = 0; b < main_words;) {
        if (b % 8 == 0) {
            side = load8(words);
            words += SB_CPU_LANES;
        }
        size_t end = b + 4 < main_words ? b + 4 : main_words;
        v8 sum[SB_CPU_MAX_TILE]; /* |.| <= 32*8*32767: fits 32 bits */
        for (int v = 0; v < nv; v++)
            sum[v] = _mm256_setzero_si256();
        for (; b < end; b++, words += SB_CPU_LANES) {
            v8 w = load8(words);
            const int16_t *xb = x + b * 8;
#pragma GCC unroll 8
            for (int c = 0; c < 8; c++) {
                v8 q = NIBBLE(w, 4 * c);
                for (int v = 0; v < nv; v++)
                    sum[v] = _mm256_add_epi32(
                        sum[v],
                        _mm256_madd_epi16(q, _mm256_set1_epi32((uint16_t)xb[(size_t)v * x_stride + (size_t)c])));
            }
        }
        v8 m, shift;
        half_split(side, &m, &shift);
        side = _mm256_srli_epi32(side, 16);
        v8 m_odd = _mm256_srli_epi64(m, 32);
        for (int v = 0; v < nv; v++) {
            wide p = {_mm256_mul_epi32(sum[v], m), _mm256_mul_epi32(_mm256_srli_epi64(sum[v], 32), m_odd)};
            wide_add_shifted(&total[v], p, shift);
        }
    }
    for (int v = 0; v < nv; v++)
        wide_store(acc[v], total[v]);
}

INLINE void group_fp16(const uint32_t *words, size_t main_words, const int16_t *x, size_t x_stride, const int nv,
                       int64_t acc[][SB_CPU_LANES])
{
    wide total[SB_CPU_MAX_TILE];
    for (int v = 0; v < nv; v++)
        total[v] = wide_zero();
    for (size_t b = 0; b < main_words; b++, words += SB_CPU_LANES) {
        v8 w = load8(words);
#pragma GCC unroll 2
        for (int c = 0; c < 2; c++) {
            v8 m, shift;
            half_split(c ? _mm256_srli_epi32(w, 16) : w, &m, &shift);
            v8 m_odd = _mm256_srli_epi64(m, 32);
            for (int v = 0; v < nv; v++) {
                v8 xv = _mm256_set1_epi32(x[(size_t)v * x_stride + 2 * b + (size_t)c]);
                wide p = {_mm256_mul_epi32(m, xv), _mm256_mul_epi32(m_odd, xv)};
                wide_add_shifted(&total[v], p, shift);
            }
        }
    }
    for (int v = 0; v < nv; v++)
        wide_store(acc[v], total[v]);
}

/* The two tile sizes that occur most are compiled apart, so that their accumulators stay in registers. */
#define TILES(name, call)                                                                                              \
    static void name(const sb_codec *codec, const uint32_t *words, size_t main_words, const int16_t *x,                \
                     size_t x_stride, int nv, int64_t acc[][SB_CPU_LANES])                                             \
    {                                                                                                                  \
        (void)codec;                                                                                                   \
        if (nv == 4) {                                                                                                 \
            call(4, acc);                                                                                              \
        } else {                                                                                                       \
            for (int v = 0; v < nv; v++, x += x_stride)                                                                \
                call(1, acc + v);                                                                                      \
        }                                                                                                              \
    }
#define CALL_SEEDLM4(n, out) group_seedlm(8, 3, words, main_words, x, x_stride, n, out)
#define CALL_SEEDLM3(n, out) group_seedlm(12, 4, words, main_words, x, x_stride, n, out)
#define CALL_INT4(n, out) group_int4(words, main_words, x, x_stride, n, out)
#define CALL_FP16(n, out) group_fp16(words, main_words, x, x_stride, n, out)
TILES(tile_seedlm4, CALL_SEEDLM4)
TILES(tile_seedlm3, CALL_SEEDLM3)
TILES(tile_int4, CALL_INT4)
TILES(tile_fp16, CALL_FP16)

sb_group_fn sb_group_best(const sb_codec *codec)
{
    switch (codec->id) {
    case SB_CODEC_SEEDLM4:
        return tile_seedlm4;
    case SB_CODEC_SEEDLM3:
        return tile_seedlm3;
    case SB_CODEC_INT4:
        return tile_int4;
    case SB_CODEC_FP16:
        return tile_fp16;
    default:
        return sb_group_generic;
    }
}
#else
sb_group_fn sb_group_best(const sb_codec *codec)
{
    (void)codec;
    return sb_group_generic;
}
#endif
