/* SPDX-License-Identifier: Apache-2.0
 * MATVEC: docs/numerics.md, section 3; the weights of docs/formats.md in the lane layout of LANES lanes, so that neighbouring
 * work-items read neighbouring words. Dimension 0: a row each, LANES to a group; dimension 1: slices of the row, whose partial
 * sums are added at the end (the sum is exact modulo 2^64, so its order is free); dimension 2: tiles of up to TILE vectors. */

typedef struct {
    const global uint *words; /* this lane's first word */
    const global short *x;    /* the tile's first vector */
    ulong x_stride;           /* elements */
    uint main_words, slice;
    int side; /* side words a unit of 8 main words: 0 or 1 */
} row;

row row_of(global uchar *mem, command c, uint block, uint slot, uint stride, int side)
{
    row r;
    r.main_words = (c.cols + block - 1) / block;
    r.side = side;
    ulong row_words = r.main_words + (side ? (r.main_words + 7) / 8 : 0);
    r.words = (const global uint *)(mem + c.weights) + get_group_id(0) * row_words * LANES + get_local_id(0);
    r.x_stride = ((c.cols + slot - 1) / slot * stride + 31) / 32 * 32;
    r.x = (const global short *)(mem + c.src) + get_group_id(2) * TILE * r.x_stride;
    r.slice = get_local_id(1);
    return r;
}

/* Main word b of a row with side words: a unit is its side word, then its main words. */
uint main_word(row r, uint b) { return r.words[(b + (r.side ? b / 8 + 1 : 0)) * (ulong)LANES]; }
uint side_word(row r, uint unit) { return r.words[unit * 9ul * LANES]; }

/* Vectors of this tile. */
uint tile(command c)
{
    uint rest = c.batch - get_group_id(2) * TILE;
    return rest < TILE ? rest : TILE;
}

void store(global uchar *mem, command c, const ulong *sum, local ulong *partial)
{
    uint r = get_global_id(0), n = tile(c);
    for (uint v = 0; v < n; v++) {
        ulong s = sum[v];
#if SLICES > 1
        barrier(CLK_LOCAL_MEM_FENCE);
        partial[get_local_id(1) * LANES + get_local_id(0)] = s;
        barrier(CLK_LOCAL_MEM_FENCE);
        if (get_local_id(1))
            continue;
        for (uint i = 1; i < SLICES; i++)
            s += partial[i * LANES + get_local_id(0)];
#endif
        if (r < c.rows)
            ((global ulong *)(mem + c.dst + (get_group_id(2) * TILE + v) * acc_stride(c.rows)))[r] = s;
    }
}

/* The product of a 32-bit integer and the value of a binary16 in units of 2^-24, modulo 2^64. */
ulong times_half(int x, uint h)
{
    uint e = h >> 10 & 31, m = (e ? 1024 : 0) + (h & 1023);
    ulong p = (ulong)((long)x * m) << (e ? e - 1 : 0);
    return h & 0x8000 ? -p : p;
}

/* x[n+16] = x[n] ^ x[n+1] ^ x[n+3] ^ x[n+12], four new bits at a time; from 32 known bits on, eight at a time by the square of the
 * recurrence, x[n+32] = x[n] ^ x[n+2] ^ x[n+6] ^ x[n+24]. Bits 0..15 are the seed; n new bits, a multiple of 8 from 16 on. */
ulong lfsr_stream(uint seed, int n)
{
    ulong s = seed;
#pragma unroll
    for (int i = 0; i < 16; i += 4) {
        uint t = (uint)(s >> i);
        s |= (ulong)((t ^ t >> 1 ^ t >> 3 ^ t >> 12) & 15) << (16 + i);
    }
#pragma unroll
    for (int i = 0; i < n - 16; i += 8) {
        uint t = (uint)(s >> i);
        s |= (ulong)((t ^ t >> 2 ^ t >> 6 ^ t >> 24) & 255) << (32 + i);
    }
    return s;
}

/* Two's complement in the four bits from bit i. */
int nibble(uint w, int i) { return (int)(w << (28 - i)) >> 28; }

#define KERNEL(name) kernel __attribute__((reqd_work_group_size(LANES, SLICES, 1))) void name(ARGUMENTS)
#define BEGIN(block, slot, stride, side)                                                                                               \
    local ulong partial[LANES * SLICES];                                                                                               \
    if (refused(status, index))                                                                                                        \
        return;                                                                                                                        \
    row r = row_of(mem, c, block, slot, stride, side);                                                                                 \
    uint n = tile(c);                                                                                                                  \
    ulong sum[TILE];                                                                                                                   \
    for (int v = 0; v < TILE; v++)                                                                                                     \
        sum[v] = 0;

/* w_int = h of formats.md: two binary16 a word. */
KERNEL(matvec_fp16)
{
    BEGIN(2, 8, 8, 0)
    for (uint b = r.slice; b < r.main_words; b += SLICES) {
        uint w = main_word(r, b);
        for (uint v = 0; v < n; v++) {
            const global short *x = r.x + v * r.x_stride + 2 * b;
            sum[v] += times_half(x[0], w) + times_half(x[1], w >> 16);
        }
    }
    store(mem, c, sum, partial);
}

/* w_int = q * h(scale): the integers of a word first, they share the scale. */
KERNEL(matvec_int4)
{
    BEGIN(8, 8, 8, 1)
    for (uint b = r.slice; b < r.main_words; b += SLICES) {
        uint w = main_word(r, b), scale = side_word(r, b / 8) >> (b & 4 ? 16 : 0);
        for (uint v = 0; v < n; v++) {
            short8 x = vload8(b, r.x + v * r.x_stride);
            int t = x.s0 * nibble(w, 0) + x.s1 * nibble(w, 4) + x.s2 * nibble(w, 8) + x.s3 * nibble(w, 12) + x.s4 * nibble(w, 16) +
                    x.s5 * nibble(w, 20) + x.s6 * nibble(w, 24) + x.s7 * nibble(w, 28);
            sum[v] += times_half(t, scale);
        }
    }
    store(mem, c, sum, partial);
}

/* w_int[i] = (sum_p q_p (V[i][p] - 32768)) << f: |sum| < 2^20, so eight products with 16-bit activations need more than 32 bits; the
 * sum is cut at bit 10: eight of x * (its low 10 bits) are below 2^28, eight of x * (the rest, 10 bits and sign) below 2^29. */
#define SEEDLM_BLOCK(count, coefficients, expression)                                                                                  \
    int low[count], high[count];                                                                                                       \
    _Pragma("unroll") for (int i = 0; i < count; i++)                                                                                  \
    {                                                                                                                                  \
        int t = expression;                                                                                                            \
        low[i] = t & 1023;                                                                                                             \
        high[i] = t >> 10;                                                                                                             \
    }

#define STATE(n) ((int)((uint)(s >> (n)) & 0xffff) - 32768)

KERNEL(matvec_seedlm4)
{
    BEGIN(8, 8, 8, 0)
    for (uint b = r.slice; b < r.main_words; b += SLICES) {
        uint w = main_word(r, b);
        ulong s = lfsr_stream(w & 0xffff, 24);
        int q0 = nibble(w, 20), q1 = nibble(w, 24), q2 = nibble(w, 28);
        SEEDLM_BLOCK(8, 3, q0 * STATE(3 * i + 1) + q1 * STATE(3 * i + 2) + q2 * STATE(3 * i + 3))
        for (uint v = 0; v < n; v++) {
            const global short *x = r.x + v * r.x_stride + 8 * b;
            int l = 0, h = 0;
#pragma unroll
            for (int i = 0; i < 8; i++) {
                l += x[i] * low[i];
                h += x[i] * high[i];
            }
            sum[v] += (ulong)(((long)h << 10) + l) << (w >> 16 & 15);
        }
    }
    store(mem, c, sum, partial);
}

KERNEL(matvec_seedlm3)
{
    BEGIN(12, 12, 16, 1)
    for (uint b = r.slice; b < r.main_words; b += SLICES) {
        uint w = main_word(r, b);
        ulong s = lfsr_stream(w & 0xffff, 48);
        int q0 = nibble(w, 20), q1 = nibble(w, 24), q2 = nibble(w, 28), q3 = nibble(side_word(r, b / 8) >> 4 * (b % 8), 0);
        SEEDLM_BLOCK(12, 4, q0 * STATE(4 * i + 1) + q1 * STATE(4 * i + 2) + q2 * STATE(4 * i + 3) + q3 * STATE(4 * i + 4))
        for (uint v = 0; v < n; v++) {
            const global short *x = r.x + v * r.x_stride + 16 * b;
            int l = 0, h = 0;
#pragma unroll
            for (int i = 0; i < 12; i++) {
                l += x[i] * low[i];
                h += x[i] * high[i];
            }
            sum[v] += (ulong)(((long)h << 10) + l) << (w >> 16 & 15);
        }
    }
    store(mem, c, sum, partial);
}
