/* SPDX-License-Identifier: Apache-2.0
 * Weight codecs (docs/formats.md) against 16-bit activations, a main word at a time, exact modulo 2^64. No weight of a seed codec is
 * ever built: with s_n the windows of the block's bit stream and x the activations,
 *     sum_c x_c w_c = 2^f sum_p q_p ( sum_c x_c s_(cP+p+1) - 32768 sum_c x_c )
 * and x = 256 h + l in two signed or unsigned bytes, so that a dp2a takes two windows (16 bits each) by two bytes. */
#ifndef SEEDBED_CUDA_CODEC_CUH
#define SEEDBED_CUDA_CODEC_CUH

#include "common.cuh"

/* d = c + a.16[0] * b.8[0|2] + a.16[1] * b.8[1|3]; a and b unsigned or signed. */
#ifdef SB_CUDA_EMULATED
template <bool Hi, bool ASigned, bool BSigned> SB_FN int sb_dp2a(uint32_t a, uint32_t b, int c)
{
    uint32_t sum = (uint32_t)c;
    for (int i = 0; i < 2; i++) {
        uint32_t half = a >> 16 * i & 0xffff, byte = b >> 8 * (i + (Hi ? 2 : 0)) & 255;
        sum += (ASigned ? (uint32_t)(int32_t)(int16_t)half : half) * (BSigned ? (uint32_t)(int32_t)(int8_t)byte : byte);
    }
    return (int)sum;
}
#else
#define SB_DP2A(hi, as, bs, mode, types)                                                                   \
    if (Hi == hi && ASigned == as && BSigned == bs)                                                        \
    asm("dp2a." mode "." types " %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c))
template <bool Hi, bool ASigned, bool BSigned> SB_FN int sb_dp2a(uint32_t a, uint32_t b, int c)
{
    int d = 0;
    SB_DP2A(false, false, false, "lo", "u32.u32");
    SB_DP2A(false, false, true, "lo", "u32.s32");
    SB_DP2A(false, true, false, "lo", "s32.u32");
    SB_DP2A(true, false, false, "hi", "u32.u32");
    SB_DP2A(true, false, true, "hi", "u32.s32");
    SB_DP2A(true, true, false, "hi", "s32.u32");
    SB_DP2A(false, true, true, "lo", "s32.s32");
    return d;
}
#undef SB_DP2A
#endif

/* 13 bits of the stream that follow a 16-bit window: bit n+16 = n ^ n+1 ^ n+3 ^ n+12; the tap 12 reaches new bits from the fourth
 * on, which is a prefix xor with stride 4. */
SB_FN uint32_t sb_stream_next13(uint32_t s)
{
    uint32_t y = (s ^ s >> 1 ^ s >> 3 ^ s >> 12) & 0x1fff;
    /* s >> 12 holds the four known bits; those of y that need new bits follow from y itself */
    y ^= y << 4;
    y ^= y << 8;
    return y & 0x1fff;
}
/* Bits 16..63 of the stream of a seed, bit 16 at the bottom. */
SB_FN uint64_t sb_stream_after(uint32_t seed)
{
    uint64_t s = seed;
    for (int have = 16; have < 64; have += 13)
        s |= (uint64_t)sb_stream_next13((uint32_t)(s >> (have - 16)) & 0xffff) << have;
    return s >> 16;
}

/* In shared memory: bits 16.. of the streams of the seeds 0..255 and of 256 times them; the stream of a seed is the xor of two. */
template <int Codec> struct sb_stream_table {};
template <> struct sb_stream_table<SB_CODEC_SEEDLM4> {
    uint32_t part[2][256];
};
template <> struct sb_stream_table<SB_CODEC_SEEDLM3> {
    uint2 part[2][256];
};

template <int Codec> SB_FN void sb_stream_table_fill(sb_stream_table<Codec> &) {}
template <> SB_FN void sb_stream_table_fill(sb_stream_table<SB_CODEC_SEEDLM4> &t)
{
    for (unsigned i = threadIdx.x; i < 512; i += blockDim.x)
        t.part[i >> 8][i & 255] = (uint32_t)sb_stream_after(i >> 8 ? (i & 255) << 8 : i) & 0xffffff;
}
template <> SB_FN void sb_stream_table_fill(sb_stream_table<SB_CODEC_SEEDLM3> &t)
{
    for (unsigned i = threadIdx.x; i < 512; i += blockDim.x) {
        uint64_t s = sb_stream_after(i >> 8 ? (i & 255) << 8 : i);
        t.part[i >> 8][i & 255] = uint2{(uint32_t)s, (uint32_t)(s >> 32)};
    }
}

/* Low bytes and high bytes of four activations (two words of two): b = 4l, h. */
SB_FN uint32_t sb_low_bytes(uint32_t x01, uint32_t x23) { return __byte_perm(x01, x23, 0x6420); }
SB_FN uint32_t sb_high_bytes(uint32_t x01, uint32_t x23) { return __byte_perm(x01, x23, 0x7531); }

/* Activations of one block of N weights, as the products take them. */
template <int N> struct sb_act {
    uint32_t l[N / 4], h[N / 4]; /* four bytes each; l unsigned, h signed */
    int l0, h0;                  /* -32768 sum l, -32768 sum h: where the sums begin */
};

template <int N> SB_FN sb_act<N> sb_act_make(const uint32_t *x) /* N / 2 words of two int16 */
{
    sb_act<N> a;
    int l = 0, h = 0;
    SB_UNROLL
    for (int i = 0; i < N / 4; i++) {
        a.l[i] = sb_low_bytes(x[2 * i], x[2 * i + 1]);
        a.h[i] = sb_high_bytes(x[2 * i], x[2 * i + 1]);
        l = sb_dp2a<true, false, false>(0x00010001u, a.l[i], sb_dp2a<false, false, false>(0x00010001u, a.l[i], l));
        h = sb_dp2a<true, false, true>(0x00010001u, a.h[i], sb_dp2a<false, false, true>(0x00010001u, a.h[i], h));
    }
    a.l0 = -32768 * l;
    a.h0 = -32768 * h;
    return a;
}

/* The windows n and n + D of a stream as the halves of a word; t[a] = the stream from bit a + 1 on, 32 bits. */
template <int D> SB_FN uint32_t sb_window_pair(const uint32_t t[8], int n)
{
    int a = (n - 1) & 7, k = (n - 1) >> 3, b = (n + D - 1) & 7, m = (n + D - 1) >> 3;
    return __byte_perm(t[a], t[b], (unsigned)(k | (k + 1) << 4 | (m + 4) << 8 | (m + 5) << 12));
}

SB_FN int sb_nibble_at(uint32_t w, int at) { return (int)(w << (28 - at)) >> 28; }

/* Accumulators of a row: the products with low and with high bytes apart. */
struct sb_acc {
    long long l, h;
};
SB_FN long long sb_acc_value(const sb_acc &a) { return (long long)((unsigned long long)a.l + ((unsigned long long)a.h << 8)); }
SB_FN long long sb_mad_wide(int a, int b, long long c) { return (long long)((unsigned long long)((long long)a * b) + (unsigned long long)c); }

/* A block's products with V vectors, from t[a] = its stream from bit a + 1 on. seedlm4: |sum| < 2^26 for each coefficient and byte, the three
 * together below 2^31. */
template <int V> SB_FN void sb_products_seedlm4(const uint32_t (&t)[8], uint32_t w, const sb_act<8> *x, sb_acc *acc)
{
    int f = 1 << (w >> 16 & 15), sl[V] = {}, sh[V] = {};
    SB_UNROLL
    for (int p = 0; p < 3; p++) {
        int q = sb_nibble_at(w, 20 + 4 * p), l[V], h[V];
        SB_UNROLL
        for (int v = 0; v < V; v++)
            l[v] = x[v].l0, h[v] = x[v].h0;
        SB_UNROLL
        for (int i = 0; i < 2; i++) { /* weights 4i..4i+3 */
            uint32_t s01 = sb_window_pair<3>(t, 12 * i + p + 1), s23 = sb_window_pair<3>(t, 12 * i + p + 7);
            SB_UNROLL
            for (int v = 0; v < V; v++) {
                l[v] = sb_dp2a<true, false, false>(s23, x[v].l[i], sb_dp2a<false, false, false>(s01, x[v].l[i], l[v]));
                h[v] = sb_dp2a<true, false, true>(s23, x[v].h[i], sb_dp2a<false, false, true>(s01, x[v].h[i], h[v]));
            }
        }
        SB_UNROLL
        for (int v = 0; v < V; v++) {
            sl[v] += q * l[v];
            sh[v] += q * h[v];
        }
    }
    SB_UNROLL
    for (int v = 0; v < V; v++) {
        acc[v].l = sb_mad_wide(sl[v], f, acc[v].l);
        acc[v].h = sb_mad_wide(sh[v], f, acc[v].h);
    }
}

template <int V>
SB_FN void sb_block_seedlm4(const sb_stream_table<SB_CODEC_SEEDLM4> &tab, uint32_t w, const sb_act<8> *x, sb_acc *acc)
{
    uint32_t more = tab.part[0][w & 255] ^ tab.part[1][w >> 8 & 255]; /* bits 16..39 */
    uint32_t lo = __byte_perm(w, more, 0x5410), hi = more >> 16, t[8];
    SB_UNROLL
    for (int a = 0; a < 8; a++)
        t[a] = __funnelshift_r(lo, hi, a + 1);
    sb_products_seedlm4<V>(t, w, x, acc);
}

/* The stream's bits 0..31 and 32..63. seedlm3: 12 * 2^15 * 255 * 8 for each coefficient: two fit into 32 bits, four do not. */
template <int V> SB_FN void sb_products_seedlm3(uint32_t lo, uint32_t hi, uint32_t w, uint32_t q3, const sb_act<12> *x, sb_acc *acc)
{
    int f = 1 << (w >> 16 & 15);
    SB_UNROLL
    for (int half = 0; half < 2; half++) { /* coefficients 0, 1, then 2, 3 */
        int sl[V] = {}, sh[V] = {};
        SB_UNROLL
        for (int o = 0; o < 2; o++) {
            int p = 2 * half + o, q = p < 3 ? sb_nibble_at(w, 20 + 4 * (p < 3 ? p : 0)) : (int)(q3 << 28) >> 28, l[V], h[V];
            SB_UNROLL
            for (int v = 0; v < V; v++)
                l[v] = x[v].l0, h[v] = x[v].h0;
            SB_UNROLL
            for (int i = 0; i < 3; i++) { /* weights 4i..4i+3: windows 16 i + p + 1 + (0, 4, 8, 12) */
                int n = 16 * i + p + 1; /* the stream from there, and from 4 bits further: of each three bytes count */
                uint32_t t0 = n < 32 ? __funnelshift_r(lo, hi, n & 31) : hi >> (n & 31);
                uint32_t t4 = n + 4 < 32 ? __funnelshift_r(lo, hi, (n + 4) & 31) : hi >> ((n + 4) & 31);
                uint32_t s01 = __byte_perm(t0, t4, 0x5410), s23 = __byte_perm(t0, t4, 0x6521);
                SB_UNROLL
                for (int v = 0; v < V; v++) {
                    l[v] = sb_dp2a<true, false, false>(s23, x[v].l[i], sb_dp2a<false, false, false>(s01, x[v].l[i], l[v]));
                    h[v] = sb_dp2a<true, false, true>(s23, x[v].h[i], sb_dp2a<false, false, true>(s01, x[v].h[i], h[v]));
                }
            }
            SB_UNROLL
            for (int v = 0; v < V; v++) {
                sl[v] += q * l[v];
                sh[v] += q * h[v];
            }
        }
        SB_UNROLL
        for (int v = 0; v < V; v++) {
            acc[v].l = sb_mad_wide(sl[v], f, acc[v].l);
            acc[v].h = sb_mad_wide(sh[v], f, acc[v].h);
        }
    }
}

template <int V>
SB_FN void sb_block_seedlm3(const sb_stream_table<SB_CODEC_SEEDLM3> &tab, uint32_t w, uint32_t q3, const sb_act<12> *x, sb_acc *acc)
{
    uint2 m0 = tab.part[0][w & 255], m1 = tab.part[1][w >> 8 & 255];
    uint32_t mlo = m0.x ^ m1.x, mhi = m0.y ^ m1.y; /* bits 16..47, 48..63 */
    sb_products_seedlm3<V>(__byte_perm(w, mlo, 0x5410), __funnelshift_r(mlo, mhi, 16), w, q3, x, acc);
}

/* int4: 32 weights of one scale. x[8 per word]: pairs (0,2) (4,6) (1,3) (5,7) of a word's activations; start: -8 sum x. */
SB_FN int sb_dot_int4(uint32_t w, const uint32_t *x, int sum)
{
    uint32_t q = w ^ 0x88888888u, even = q & 0x0f0f0f0fu, odd = q >> 4 & 0x0f0f0f0fu; /* q + 8 */
    sum = sb_dp2a<true, true, false>(x[1], even, sb_dp2a<false, true, false>(x[0], even, sum));
    return sb_dp2a<true, true, false>(x[3], odd, sb_dp2a<false, true, false>(x[2], odd, sum));
}

/* A binary16 as m << shift, |m| < 2^11, and its sign in m. */
SB_FN int sb_half_parts(uint32_t h, int *shift)
{
    int e = (int)(h >> 10 & 31), m = (int)(h & 1023) | (e ? 1024 : 0);
    *shift = e ? e - 1 : 0;
    return h & 0x8000 ? -m : m;
}

#endif
