/* SPDX-License-Identifier: Apache-2.0
 * The operations that fetch, move or choose rows and values: docs/numerics.md, section 5.4. */

/* w_int of weight i of a main word (docs/formats.md). */
long weight(uint codec, uint w, uint side, uint b, uint i)
{
    if (codec == FP16)
        return (long)times_half(1, i ? w >> 16 : w);
    if (codec == INT4)
        return (long)times_half(nibble(w >> 4 * i, 0), side >> (b & 4 ? 16 : 0));
    uint p = codec == SEEDLM4 ? 3 : 4;
    ulong s = lfsr_stream(w & 0xffff) >> (i * p + 1);
    long t = 0;
    for (uint k = 0; k < p; k++, s >>= 1)
        t += (k < 3 ? nibble(w, 20 + 4 * k) : nibble(side >> 4 * (b % 8), 0)) * ((int)(s & 0xffff) - 32768);
    return t * (1l << (w >> 16 & 15));
}

/* A work-group a vector: row `id` of a table, row-major, p2 words from row to row. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void embed(ARGUMENTS)
{
    if (refused(status, index))
        return;
    uint v = get_group_id(0), id = ((const global uint *)(mem + c.src))[v];
    if (id >= c.rows) {
        if (get_local_id(0) == 0)
            fail(status, index, INDEX_RANGE);
        return;
    }
    const global uint *row = (const global uint *)(mem + c.weights) + (ulong)id * c.p[2];
    global float *y = (global float *)(mem + c.dst) + (ulong)v * c.cols;
    uint block = c.codec == FP16 ? 2 : c.codec == SEEDLM3 ? 12 : 8, words = (c.cols + block - 1) / block;
    bool side = c.codec == INT4 || c.codec == SEEDLM3;
    float g = scale_factor(c.codec, (int)c.p[0]);
    for (uint i = get_local_id(0); i < c.cols; i += GROUP) {
        uint b = i / block;
        float r = c.p[1] ? as_float(row[i])
                         : convert_float_rte(weight(c.codec, row[b], side ? row[words + b / 8] : 0, b, i % block)) * g;
        y[i] = r;
        CHECK(r)
    }
}

/* A work-group a row of the result; words, bit for bit. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void gather(ARGUMENTS)
{
    if (refused(status, index))
        return;
    uint v = get_group_id(0), id = ((const global uint *)(mem + c.aux))[v];
    if (id >= c.rows) {
        if (get_local_id(0) == 0)
            fail(status, index, INDEX_RANGE);
        return;
    }
    const global uint *from = (const global uint *)(mem + c.src) + (ulong)id * c.p[0];
    global uint *to = (global uint *)(mem + c.dst) + (ulong)v * c.p[1];
    for (uint i = get_local_id(0); i < c.cols; i += GROUP)
        to[i] = from[i];
}

/* A word each, row after row: of equal indices the last stays. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void scatter(ARGUMENTS)
{
    uint i = get_global_id(0);
    if (i >= c.cols || refused(status, index))
        return;
    for (uint v = 0; v < c.batch; v++) {
        uint id = ((const global uint *)(mem + c.aux))[v];
        if (id >= c.rows) {
            fail(status, index, INDEX_RANGE);
            return;
        }
        ((global uint *)(mem + c.dst))[(ulong)id * c.p[1] + i] = ((const global uint *)(mem + c.src))[(ulong)v * c.p[0] + i];
    }
}

/* The best (value, index) over the work-group: the largest value, of equals (-0 equals +0) the lowest index. */
typedef struct {
    float x;
    uint i;
} choice;

bool better(choice a, choice b) { return a.x > b.x || (a.x == b.x && a.i < b.i); }

choice group_best(choice a, local choice *scratch)
{
    uint j = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    scratch[j] = a;
    for (uint h = GROUP / 2; h; h /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (j < h && better(scratch[j + h], scratch[j]))
            scratch[j] = scratch[j + h];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return scratch[0];
}

/* The best of those behind `last` in the order of better(); index 0xffffffff: none. */
choice best_behind(const global float *x, uint n, choice last, bool first, local choice *scratch)
{
    choice a = {-INFINITY, 0xffffffff};
    for (uint i = get_local_id(0); i < n; i += GROUP) {
        choice b = {x[i], i};
        if ((first || better(last, b)) && better(b, a))
            a = b;
    }
    return group_best(a, scratch);
}

/* True and reported if a value of the work-group's vector is not finite. */
bool any_not_finite(const global float *x, uint n, volatile global uint *status, uint index, local uint *scratch)
{
    bool bad = largest((const global uint *)x, n, scratch) == 0xffffffff;
    if (bad && get_local_id(0) == 0)
        fail(status, index, NOT_FINITE);
    return bad;
}

/* A work-group a vector. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void argmax(ARGUMENTS)
{
    local choice scratch[GROUP];
    local uint magnitudes[GROUP];
    if (refused(status, index))
        return;
    uint v = get_group_id(0);
    const global float *x = (const global float *)(mem + c.src) + (ulong)v * c.p[0];
    if (any_not_finite(x, c.cols, status, index, magnitudes))
        return;
    choice none = {0, 0}, a = best_behind(x, c.cols, none, true, scratch);
    if (get_local_id(0) == 0)
        ((global uint *)(mem + c.dst))[v] = a.i;
}

/* A work-group a vector: one pass over it for each of the k. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void topk(ARGUMENTS)
{
    local choice scratch[GROUP];
    local uint magnitudes[GROUP];
    if (refused(status, index))
        return;
    uint v = get_group_id(0), k = c.p[1], stride = (k + 15) / 16 * 16;
    const global float *x = (const global float *)(mem + c.src) + (ulong)v * c.p[0];
    if (any_not_finite(x, c.cols, status, index, magnitudes))
        return;
    choice last = {0, 0};
    for (uint n = 0; n < k; n++) {
        last = best_behind(x, c.cols, last, n == 0, scratch);
        if (get_local_id(0) == 0) {
            ((global uint *)(mem + c.dst))[(ulong)v * stride + n] = last.i;
            ((global float *)(mem + c.aux))[(ulong)v * stride + n] = x[last.i];
        }
    }
}
