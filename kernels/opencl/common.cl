/* SPDX-License-Identifier: Apache-2.0
 * What all kernels share. The exact contract of docs/numerics.md: integers, and binary32 operations one by one.
 *
 * Every kernel gets the device memory, where addresses are offsets; the status words; the command's index in its list; and the
 * command itself, the same 64 bytes that a core fetches (docs/device.md). */
#pragma OPENCL FP_CONTRACT OFF

typedef struct {
    uchar op, codec;
    ushort batch;
    uint rows, cols, tag;
    ulong weights, src, dst, aux;
    uint p[4];
} command;

#define ARGUMENTS global uchar *mem, volatile global uint *status, uint index, command c

/* status[0]: index * 256 + error of the first command that failed, all ones if none. Errors as in register ERROR. */
enum { NOT_FINITE = 7, INDEX_RANGE = 8, BAD_RECORD = 16 };

/* A command behind one that failed does nothing. */
bool refused(volatile global uint *status, uint index) { return status[0] >> 8 < index; }

void fail(volatile global uint *status, uint index, uint error) { atomic_min(status, index << 8 | error); }

/* Bytes of a vector of int64 results. */
ulong acc_stride(ulong rows) { return (8 * rows + 63) / 64 * 64; }

bool is_finite_bits(uint b) { return (b & 0x7fffffff) < 0x7f800000; }

/* m * 2^e, m >= 0, to the nearest binary32, ties to even; subnormals kept, beyond the largest infinity. */
float scaled(ulong m, int e)
{
    if (m == 0)
        return 0;
    int top = 63 - (int)clz(m) + e; /* the value is in [2^top, 2^(top+1)) */
    if (top > 127)
        return INFINITY;
    int unit = (top < -126 ? -126 : top) - 23; /* weight of the last bit kept */
    int cut = unit - e;
    if (cut > 63)
        return 0; /* m < 2^63 everywhere here: below half of the last bit */
    ulong q = cut > 0 ? m >> cut : m << -cut;
    if (cut > 0) {
        ulong rest = m & ((1ul << cut) - 1), half_bit = 1ul << (cut - 1);
        q += rest > half_bit || (rest == half_bit && (q & 1)) ? 1 : 0;
    }
    /* A carry out of the mantissa goes into the exponent by itself. */
    uint bits = top < -126 ? (uint)q : (uint)q + ((uint)(top + 126) << 23);
    return as_float(bits);
}

/* 1.0 * 2^e, e in -149..127. */
float power_of_two(int e) { return scaled(1, e); }

/* floor(log2 x) of a finite x > 0, from its bits. */
int floor_log2(uint bits)
{
    uint b = bits & 0x7fffffff;
    return b >> 23 ? (int)(b >> 23) - 127 : 31 - (int)clz(b) - 149;
}

/* rne(x * 2^k) clamped to +-limit, limit < 2^15: by integers, so that no power of two need be a binary32. */
int rounded(uint bits, int k, int limit)
{
    uint b = bits & 0x7fffffff;
    ulong m = b >> 23 ? (b & 0x7fffff) | 0x800000 : b;
    int e = (b >> 23 ? (int)(b >> 23) - 150 : -149) + k; /* the value is m * 2^e */
    ulong q;
    if (e >= 0) {
        q = e > 20 ? (m ? (ulong)limit : 0) : m << e;
    } else if (e < -40) {
        q = 0;
    } else {
        ulong rest = m & ((1ul << -e) - 1), half_bit = 1ul << (-e - 1);
        q = m >> -e;
        q += rest > half_bit || (rest == half_bit && (q & 1)) ? 1 : 0;
    }
    int r = q > (ulong)limit ? limit : (int)q;
    return bits >> 31 ? -r : r;
}

/* A result that is not finite is an error (numerics.md, section 5). */
#define CHECK(y)                                                                                                                       \
    if (!is_finite_bits(as_uint(y)))                                                                                                   \
        fail(status, index, NOT_FINITE);

/* Largest of v over the work-group of n items (a power of two); every item gets it. */
uint group_max(uint v, local uint *scratch, uint n)
{
    uint i = get_local_id(0);
    scratch[i] = v;
    for (uint h = n / 2; h; h /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (i < h)
            scratch[i] = max(scratch[i], scratch[i + h]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    uint r = scratch[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return r;
}
