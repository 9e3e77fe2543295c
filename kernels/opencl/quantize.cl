/* SPDX-License-Identifier: Apache-2.0
 * QUANTIZE and SCALE: docs/numerics.md, sections 2 and 4. */

/* Largest magnitude of n numbers as its bits, over the work-group; all ones if one is not finite. Bits of finite magnitudes order
 * as the numbers do, so a NaN or an infinity is simply the largest. */
uint largest(const global uint *x, uint n, local uint *scratch)
{
    uint a = 0;
    for (uint i = get_local_id(0); i < n; i += GROUP)
        a = max(a, x[i] & 0x7fffffff);
    a = group_max(a, scratch, GROUP);
    return a < 0x7f800000 ? a : 0xffffffff;
}

/* One work-group a vector. codec 3 has slots of 12 of 16 elements, the others are dense. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void quantize(ARGUMENTS)
{
    local uint scratch[GROUP];
    if (refused(status, index))
        return;
    uint v = get_group_id(0), slot = c.codec == SEEDLM3 ? 12 : 8, stride = c.codec == SEEDLM3 ? 16 : 8;
    uint elems = ((c.cols + slot - 1) / slot * stride + 31) / 32 * 32;
    const global uint *x = (const global uint *)(mem + c.src) + (ulong)v * c.cols;
    global short *xq = (global short *)(mem + c.dst) + (ulong)v * elems;
    uint a = largest(x, c.cols, scratch);
    if (a == 0xffffffff) {
        if (get_local_id(0) == 0)
            fail(status, index, NOT_FINITE);
        return;
    }
    int k = a ? clamp(14 - floor_log2(a), -96, 96) : 0;
    for (uint i = get_local_id(0); i < elems; i += GROUP) {
        uint in = i % stride, col = i / stride * slot + in;
        xq[i] = in < slot && col < c.cols ? (short)rounded(x[col], k, 32767) : 0;
    }
    if (get_local_id(0) == 0)
        ((global int *)(mem + c.aux))[v] = k;
}

/* Section 4: g = fl32(unit * 2^(unit_exp + exponent)); unit of the seed codecs is fl32(1/32767) = 0x800100 * 2^-38, else 1. */
float scale_factor(uint codec, int exponent)
{
    return codec == SEEDLM4 || codec == SEEDLM3 ? scaled(0x800100, exponent - 8 - 38) : scaled(1, exponent - 24);
}

/* One work-item a row, dimension 1 the vectors: y = fl32(fl32(acc) * g). */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void scale(ARGUMENTS)
{
    uint r = get_global_id(0), v = get_global_id(1);
    if (r >= c.rows || refused(status, index))
        return;
    int k = clamp(((const global int *)(mem + c.aux))[v], -4096, 4096);
    float g = scale_factor(c.codec, (int)c.p[0] - k);
    long acc = ((const global long *)(mem + c.src + v * acc_stride(c.rows)))[r];
    float y = convert_float_rte(acc) * g;
    ((global float *)(mem + c.dst))[(ulong)v * c.p[1] + r] = y;
    CHECK(y)
}
