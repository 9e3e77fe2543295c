/* SPDX-License-Identifier: Apache-2.0
 * MATVEC: docs/numerics.md, section 3; the weights of docs/formats.md in the lane layout of LANES lanes, so that neighbouring
 * work-items read neighbouring words. A work-item does WIDTH rows, as vectors of that many elements: 1 on devices that make vectors of
 * work-items themselves (GPUs), 8 on CPUs. Dimension 0: LANES rows a group; dimension 1: slices of the rows, whose partial sums are added
 * at the end (the sum is exact modulo 2^64, so its order is free); dimension 2: tiles of up to TILE vectors of activations. */

#if WIDTH == 1
typedef uint uint_w;
typedef int int_w;
typedef ulong ulong_w;
#define LOAD(p) (*(p))
#define TO_INT(v) ((int)(v))
#define TO_UINT(v) ((uint)(v))
#define TO_LONG(v) ((long)(v))
#define TO_ULONG(v) ((ulong)(v))
#else
typedef uint8 uint_w;
typedef int8 int_w;
typedef ulong8 ulong_w;
#define LOAD(p) vload8(0, p)
#define TO_INT(v) as_int8(v)
#define TO_UINT(v) as_uint8(v)
#define TO_LONG(v) convert_long8(v)
#define TO_ULONG(v) convert_ulong8(v)
#endif

typedef struct {
    const global uint *words; /* this work-item's first */
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
    r.words = (const global uint *)(mem + c.weights) + get_group_id(0) * row_words * LANES + get_local_id(0) * WIDTH;
    r.x_stride = ((c.cols + slot - 1) / slot * stride + 31) / 32 * 32;
    r.x = (const global short *)(mem + c.src) + get_group_id(2) * TILE * r.x_stride;
    r.slice = get_local_id(1);
    return r;
}

/* Main word b of the rows; with side words a unit is its side word, then its main words. */
uint_w main_word(row r, uint b) { return LOAD(r.words + (b + (r.side ? b / 8 + 1 : 0)) * (ulong)LANES); }
uint_w side_word(row r, uint unit) { return LOAD(r.words + unit * 9ul * LANES); }

/* Vectors of this tile. */
uint tile(command c)
{
    uint rest = c.batch - get_group_id(2) * TILE;
    return rest < TILE ? rest : TILE;
}

void store(global uchar *mem, command c, const ulong_w *sum, local ulong_w *partial)
{
    uint r = get_group_id(0) * LANES + get_local_id(0) * WIDTH, n = tile(c);
    for (uint v = 0; v < n; v++) {
        ulong_w s = sum[v];
#if SLICES > 1
        uint at = get_local_id(1) * (LANES / WIDTH) + get_local_id(0);
        barrier(CLK_LOCAL_MEM_FENCE);
        partial[at] = s;
        barrier(CLK_LOCAL_MEM_FENCE);
        if (get_local_id(1))
            continue;
        for (uint i = 1; i < SLICES; i++)
            s += partial[i * (LANES / WIDTH) + get_local_id(0)];
#endif
        global ulong *to = (global ulong *)(mem + c.dst + (get_group_id(2) * TILE + v) * acc_stride(c.rows));
#if WIDTH == 1
        if (r < c.rows)
            to[r] = s;
#else
        ulong each[WIDTH];
        vstore8(s, 0, each);
        for (uint i = 0; i < WIDTH && r + i < c.rows; i++)
            to[r + i] = each[i];
#endif
    }
}

/* The product of a 32-bit integer and the value of a binary16 in units of 2^-24, modulo 2^64. */
ulong times_half(int x, uint h)
{
    uint e = h >> 10 & 31, m = (e ? 1024 : 0) + (h & 1023);
    ulong p = (ulong)((long)x * m) << (e ? e - 1 : 0);
    return h & 0x8000 ? -p : p;
}

/* The same of each element; all of the binary16's fields without a branch. */
ulong_w times_halves(int_w x, uint_w h)
{
    uint_w e = h >> 10 & 31, normal = min(e, (uint_w)(1));
    int_w m = TO_INT(normal << 10 | (h & 1023)), negative = -TO_INT(h >> 15 & 1); /* 0 or all ones */
    m = (m ^ negative) - negative;
    return TO_ULONG(TO_LONG(x) * TO_LONG(m)) << TO_ULONG(e - normal);
}

/* x[n+16] = x[n] ^ x[n+1] ^ x[n+3] ^ x[n+12], four new bits at a time, up to bit 31. Bits 0..15 are the seed. */
#define LFSR_LOW(s)                                                                                                                    \
    for (int i = 0; i < 16; i += 4)                                                                                                    \
        s |= (s >> i ^ s >> (i + 1) ^ s >> (i + 3) ^ s >> (i + 12)) % 16 << (16 + i);
/* From 32 known bits on eight at a time, by the square of the recurrence: x[n+32] = x[n] ^ x[n+2] ^ x[n+6] ^ x[n+24]. */
#define LFSR_HIGH(t) (((t) ^ (t) >> 2 ^ (t) >> 6 ^ (t) >> 24) & 255)

ulong lfsr_stream(uint seed)
{
    uint low = seed;
    LFSR_LOW(low)
    ulong s = low;
    for (int i = 0; i < 32; i += 8)
        s |= (ulong)LFSR_HIGH((uint)(s >> i)) << (32 + i);
    return s;
}

/* Two's complement in the four bits from bit i. */
int nibble(uint w, int i) { return (int)(w << (28 - i)) >> 28; }
int_w nibbles(uint_w w, int i) { return TO_INT(w << (uint)(28 - i)) >> 28; }

#define KERNEL(name) kernel __attribute__((reqd_work_group_size(LANES / WIDTH, SLICES, 1))) void name(ARGUMENTS)
#define BEGIN(block, slot, stride, side)                                                                                               \
    local ulong_w partial[LANES / WIDTH * SLICES];                                                                                     \
    if (refused(status, index))                                                                                                        \
        return;                                                                                                                        \
    row r = row_of(mem, c, block, slot, stride, side);                                                                                 \
    uint n = tile(c);                                                                                                                  \
    ulong_w sum[TILE];                                                                                                                 \
    for (int v = 0; v < TILE; v++)                                                                                                     \
        sum[v] = 0;

/* w_int = h of formats.md: two binary16 a word. */
KERNEL(matvec_fp16)
{
    BEGIN(2, 8, 8, 0)
    for (uint b = r.slice; b < r.main_words; b += SLICES) {
        uint_w w = main_word(r, b);
        for (uint v = 0; v < n; v++) {
            const global short *x = r.x + v * r.x_stride + 2 * b;
            sum[v] += times_halves((int_w)(x[0]), w & 0xffff) + times_halves((int_w)(x[1]), w >> 16);
        }
    }
    store(mem, c, sum, partial);
}

/* w_int = q * h(scale): the integers of a word first, they share the scale. */
KERNEL(matvec_int4)
{
    BEGIN(8, 8, 8, 1)
    for (uint b = r.slice; b < r.main_words; b += SLICES) {
        uint_w w = main_word(r, b), scale = side_word(r, b / 8) >> (uint)(b & 4 ? 16 : 0) & 0xffff;
        for (uint v = 0; v < n; v++) {
            const global short *x = r.x + v * r.x_stride + 8 * b;
            int_w t = 0;
#pragma unroll
            for (int i = 0; i < 8; i++)
                t += (int)x[i] * nibbles(w, 4 * i);
            sum[v] += times_halves(t, scale);
        }
    }
    store(mem, c, sum, partial);
}

/* State n of the stream, centred. */
#define STATE(n)                                                                                                                       \
    (TO_INT(((n) < 17 ? low >> ((n) & 31) : (n) < 32 ? low >> ((n) & 31) | high << (-(n) & 31) : high >> ((n) & 31)) & 0xffff) - 32768)

/* w_int[i] = (sum_p q_p (V[i][p] - 32768)) << f: |sum| <= 2^20, so eight or twelve products with 16-bit activations need more than 32 bits.
 * The sum is cut at bit 10: products of x with its low 10 bits are below 2^25, with the rest below 2^26. */
#define SEEDLM_BLOCK(count, stride, expression)                                                                                        \
    int_w fine[count], coarse[count];                                                                                                  \
    _Pragma("unroll") for (int i = 0; i < count; i++)                                                                                  \
    {                                                                                                                                  \
        int_w t = expression;                                                                                                          \
        fine[i] = t & 1023;                                                                                                            \
        coarse[i] = t >> 10;                                                                                                           \
    }                                                                                                                                  \
    for (uint v = 0; v < n; v++) {                                                                                                     \
        const global short *x = r.x + v * r.x_stride + stride * b;                                                                     \
        int_w f = 0, g = 0;                                                                                                            \
        _Pragma("unroll") for (int i = 0; i < count; i++)                                                                              \
        {                                                                                                                              \
            f += (int)x[i] * fine[i];                                                                                                  \
            g += (int)x[i] * coarse[i];                                                                                                \
        }                                                                                                                              \
        sum[v] += TO_ULONG(TO_LONG(g) * 1024 + TO_LONG(f)) << TO_ULONG(w >> 16 & 15);                                                  \
    }

KERNEL(matvec_seedlm4)
{
    BEGIN(8, 8, 8, 0)
    for (uint b = r.slice; b < r.main_words; b += SLICES) {
        uint_w w = main_word(r, b), low = w & 0xffff;
        LFSR_LOW(low)
        uint_w high = LFSR_HIGH(low);
        int_w q0 = nibbles(w, 20), q1 = nibbles(w, 24), q2 = nibbles(w, 28);
        SEEDLM_BLOCK(8, 8, q0 * STATE(3 * i + 1) + q1 * STATE(3 * i + 2) + q2 * STATE(3 * i + 3))
    }
    store(mem, c, sum, partial);
}

KERNEL(matvec_seedlm3)
{
    BEGIN(12, 12, 16, 1)
    for (uint b = r.slice; b < r.main_words; b += SLICES) {
        uint_w w = main_word(r, b), low = w & 0xffff;
        LFSR_LOW(low)
        uint_w high = LFSR_HIGH(low);
        high |= LFSR_HIGH(low >> 8 | high << 24) << 8;
        high |= LFSR_HIGH(low >> 16 | high << 16) << 16;
        high |= LFSR_HIGH(low >> 24 | high << 8) << 24;
        int_w q0 = nibbles(w, 20), q1 = nibbles(w, 24), q2 = nibbles(w, 28);
        int_w q3 = nibbles(side_word(r, b / 8) >> 4 * (b % 8), 0);
        SEEDLM_BLOCK(12, 16, q0 * STATE(4 * i + 1) + q1 * STATE(4 * i + 2) + q2 * STATE(4 * i + 3) + q3 * STATE(4 * i + 4))
    }
    store(mem, c, sum, partial);
}
