/* SPDX-License-Identifier: Apache-2.0
 * QUANTIZE_KV, QUANTIZE_Q, ATTN_SCALE: docs/numerics.md, 6.1 and 6.5. */

/* 6.1: as section 2, but a vector of zeros takes the largest exponent. */
int attention_exponent(uint a, int top) { return a ? clamp(top - floor_log2(a), -96, 96) : 96; }

/* One work-group a vector: dimension 0 the KV heads, 1 the tokens, 2 K and V. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void quantize_kv(ARGUMENTS)
{
    local uint scratch[GROUP];
    if (refused(status, index))
        return;
    uint i = get_local_id(0), head = get_group_id(0), token = get_group_id(1), which = get_group_id(2), key = c.p[0] + token;
    bool kv8 = (c.codec & KV8) != 0;
    uint row_bytes = padded(c.cols * (kv8 ? 1 : 2)), wide = kv8 ? 1 : 2;
    ulong capacity = c.p[1], region = 2 * capacity * row_bytes + capacity / 64 * 128;
    const global uint *x = (const global uint *)(mem + (which ? c.aux : c.src)) + (ulong)token * c.p[2] + head * c.cols;
    global uchar *base = mem + c.dst + head * region;
    uint a = largest(x, c.cols, scratch);
    if (a == 0xffffffff) {
        if (i == 0)
            fail(status, index, NOT_FINITE);
        return;
    }
    int k = attention_exponent(a, kv8 ? 6 : 14);
    for (uint e = i; e < row_bytes / wide; e += GROUP) { /* the padding too */
        int q = e < c.cols ? rounded(x[e], k, kv8 ? 127 : 32767) : 0;
        uint at = e * wide;
        global uchar *to = which ? base + capacity * row_bytes + (ulong)(key / 64 * 64) * row_bytes + at / 64 * 4096 + key % 64 * 64 + at % 64
                                 : base + (ulong)key * row_bytes + at;
        if (kv8)
            *(global char *)to = (char)q;
        else
            *(global short *)to = (short)q;
    }
    if (i == 0)
        ((global char *)base)[2 * capacity * row_bytes + key / 64 * 128 + which * 64 + key % 64] = (char)k;
}

/* One work-group a query: dimension 0 the heads, 1 the tokens. aux: the window, then a record's header for each head. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void quantize_q(ARGUMENTS)
{
    local uint scratch[GROUP];
    if (refused(status, index))
        return;
    uint i = get_local_id(0), head = get_group_id(0), token = get_group_id(1), pos = c.p[0] + token;
    uint kv_heads = c.p[3], group = c.rows / kv_heads, g = head / group, row_bytes = padded(c.cols * (c.codec & KV8 ? 1 : 2));
    ulong capacity = c.p[1], region = 2 * capacity * row_bytes + capacity / 64 * 128;
    const global int *of_head = (const global int *)(mem + c.aux + 64 + (ulong)head * 64);
    uint window = *(const global uint *)(mem + c.aux);
    const global uint *x = (const global uint *)(mem + c.src) + (ulong)token * c.p[2] + head * c.cols;
    const global char *exps = (const global char *)(mem + c.weights + g * region + 2 * capacity * row_bytes);
    uint record_bytes = 64 + padded(c.cols * 2);
    global uchar *record = mem + c.dst + ((ulong)(g * c.batch + token) * group + head % group) * record_bytes;
    uint a = largest(x, c.cols, scratch);
    if (a == 0xffffffff) {
        if (i == 0)
            fail(status, index, NOT_FINITE);
        return;
    }
    /* e_ref: the least V exponent that the row can see, bitmaps not looked at; as 127 - e its largest. */
    uint hi = c.codec & CAUSAL ? pos + 1 : c.p[0] + c.batch, lo = window && pos >= window ? pos - window + 1 : 0;
    uint most = 0;
    for (uint key = lo + i; key < hi; key += GROUP)
        most = max(most, (uint)(127 - exps[key / 64 * 128 + 64 + key % 64]));
    most = group_max(most, scratch, GROUP);
    int k = attention_exponent(a, 14);
    global short *q = (global short *)(record + 64);
    for (uint e = i; e < (record_bytes - 64) / 2; e += GROUP)
        q[e] = e < c.cols ? (short)rounded(x[e], k, 32767) : 0;
    global int *h = (global int *)record;
    if (i < 16)
        h[i] = i == 0 ? (int)pos : i == 1 ? (int)((uint)of_head[1] + (uint)k) : i == 2 ? 127 - (int)most : of_head[i];
}

/* fl32(1 / m) of a positive normal m, correctly rounded, by integers: whatever the device's division is. */
float reciprocal(float m)
{
    uint b = as_uint(m), frac = (b & 0x7fffff) | 0x800000;
    int e = (int)(b >> 23) - 150; /* m = frac * 2^e */
    ulong q = (1ul << 62) / frac, rest = (1ul << 62) - q * frac;
    return scaled(q | (rest ? 1 : 0), -62 - e); /* q has 39 bits or more: the last only says "and more" */
}

/* One work-item a column, dimension 1 the rows. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void attn_scale(ARGUMENTS)
{
    uint i = get_global_id(0), r = get_global_id(1), group = c.rows / c.p[3];
    if (i >= c.cols || refused(status, index))
        return;
    uint token = r / group % c.batch, head = r / (group * c.batch) * group + r % group;
    const global long *acc = (const global long *)(mem + c.src + r * result_bytes(c.cols));
    const global header *h = (const global header *)(mem + c.aux + (ulong)r * (64 + padded(c.cols * 2)));
    int e = clamp(h->v_exp, -128, 127);
    float a = convert_float_rte(acc[i]), y;
    if (c.codec & SIGMOID) {
        y = a * power_of_two(-24 - e);
    } else {
        ulong sum = (ulong)acc[c.cols];
        y = sum ? a * reciprocal(convert_float_rte(sum)) * power_of_two(-e) : 0;
    }
    ((global float *)(mem + c.dst))[((ulong)token * c.rows + head) * c.cols + i] = y;
    CHECK(y)
}
