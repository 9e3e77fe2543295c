/* SPDX-License-Identifier: Apache-2.0
 * The arithmetic vector operations: docs/numerics.md, section 5. Each line is one rounded binary32 operation or several in the
 * order in which it is written; a work-group of 64 is the 64 chains of sum64. */

/* 5.1, of the value that each work-item summed over its own chain; every work-item gets the sum. */
float sum64(float s, local float *chain)
{
    uint j = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    chain[j] = s;
    for (uint h = 32; h; h /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (j < h)
            chain[j] = chain[j] + chain[j + h];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return chain[0];
}

/* 5.2 */
float rsqrt32(float m)
{
    float y = as_float(0x5f3759df - (as_uint(m) >> 1)), h = 0.5f * m;
    for (int i = 0; i < 4; i++) {
        float t = y * y;
        t = h * t;
        t = 1.5f - t;
        y = y * t;
    }
    return y;
}

/* 5.3 behind its first line; a NaN gives some value. */
float sigmoid_of_log2(float v)
{
    float t = v * 16384.0f;
    t = t > 2097151.0f ? 2097151.0f : t;
    t = t < -2097152.0f ? -2097152.0f : t;
    return convert_float(sigmoid_p(convert_int_sat_rte(t))) * 0x1p-24f;
}

/* RMSNORM and LAYERNORM: dimension 0 the rows (heads), 1 the vectors; a work-group each. */
#define NORM(name, MEAN)                                                                                                               \
    kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void name(ARGUMENTS)                                                     \
    {                                                                                                                                  \
        local float chain[GROUP];                                                                                                      \
        if (refused(status, index))                                                                                                    \
            return;                                                                                                                    \
        ulong at = get_group_id(1) * (ulong)c.p[1] + get_group_id(0) * (ulong)c.cols;                                                  \
        const global float *x = (const global float *)(mem + c.src) + at, *gain = (const global float *)(mem + c.weights);             \
        const global float *bias = (const global float *)(mem + c.aux);                                                                \
        global float *y = (global float *)(mem + c.dst) + at;                                                                          \
        float inv_n = as_float(c.p[2]), mu = 0, s = 0;                                                                                 \
        if (MEAN) {                                                                                                                    \
            for (uint i = get_local_id(0); i < c.cols; i += GROUP)                                                                     \
                s = s + x[i];                                                                                                          \
            mu = sum64(s, chain) * inv_n;                                                                                              \
            s = 0;                                                                                                                     \
        }                                                                                                                              \
        for (uint i = get_local_id(0); i < c.cols; i += GROUP) {                                                                       \
            float d = MEAN ? x[i] - mu : x[i];                                                                                         \
            float square = d * d;                                                                                                      \
            s = s + square;                                                                                                            \
        }                                                                                                                              \
        float m = sum64(s, chain) * inv_n;                                                                                             \
        float inv = rsqrt32(m + as_float(c.p[0]));                                                                                     \
        for (uint i = get_local_id(0); i < c.cols; i += GROUP) {                                                                       \
            float d = MEAN ? x[i] - mu : x[i];                                                                                         \
            float r = d * inv * gain[i];                                                                                               \
            if (MEAN && c.aux)                                                                                                         \
                r = r + bias[i];                                                                                                       \
            y[i] = r;                                                                                                                  \
            CHECK(r)                                                                                                                   \
        }                                                                                                                              \
    }
NORM(rmsnorm, false)
NORM(layernorm, true)

/* A pair each: dimension 0 the pairs of a head, 1 the heads, 2 the vectors. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void rope(ARGUMENTS)
{
    uint i = get_global_id(0), half_cols = c.cols / 2, v = get_global_id(2);
    if (i >= half_cols || refused(status, index))
        return;
    global float *x = (global float *)(mem + c.dst) + (ulong)v * c.p[1] + get_global_id(1) * (ulong)c.cols + i * (c.p[0] ? 2 : 1);
    const global float *table = (const global float *)(mem + c.aux) + (ulong)v * c.p[2];
    uint apart = c.p[0] ? 1 : half_cols;
    float a = x[0], b = x[apart], co = table[i], si = table[half_cols + i];
    float ac = a * co, bs = b * si, bc = b * co, as = a * si;
    float r0 = ac - bs, r1 = bc + as;
    x[0] = r0;
    x[apart] = r1;
    CHECK(r0)
    CHECK(r1)
}

/* A value each, dimension 1 the vectors. */
#define GATE(name, EXPRESSION)                                                                                                         \
    kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void name(ARGUMENTS)                                                     \
    {                                                                                                                                  \
        uint i = get_global_id(0), v = get_global_id(1);                                                                               \
        if (i >= c.cols || refused(status, index))                                                                                     \
            return;                                                                                                                    \
        float g = ((const global float *)(mem + c.src))[(ulong)v * c.p[0] + i];                                                        \
        float u = ((const global float *)(mem + c.aux))[(ulong)v * c.p[0] + i];                                                        \
        float t = g * EXPRESSION;                                                                                                      \
        float y = t * u;                                                                                                               \
        ((global float *)(mem + c.dst))[(ulong)v * c.cols + i] = y;                                                                    \
        CHECK(y)                                                                                                                       \
    }

/* The argument of GELU's sigmoid in the log2 domain: 2 sqrt(2/pi) log2(e) (g + 0.044715 g^3). */
float gelu_argument(float g)
{
    float t = g * g;
    t = t * as_float(0x3d372713);
    t = t + 1.0f;
    t = t * g;
    return t * as_float(0x40135761);
}

GATE(silu_mul, sigmoid_of_log2(g * as_float(0x3fb8aa3b)))
GATE(gelu_mul, sigmoid_of_log2(gelu_argument(g)))

/* A value each. codec 1: scaled by p0. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void add(ARGUMENTS)
{
    ulong i = get_global_id(0);
    if (i >= (ulong)c.batch * c.cols || refused(status, index))
        return;
    float x = ((const global float *)(mem + c.src))[i];
    global float *y = (global float *)(mem + c.dst) + i;
    float t = c.codec ? as_float(c.p[0]) * x : x;
    float r = *y + t;
    *y = r;
    CHECK(r)
}
