/* SPDX-License-Identifier: Apache-2.0
 * ATTENTION_X: docs/numerics.md, 6.2 to 6.6, in exact integers. Three steps:
 *   attention_scores   y of every key and row (6.3), and each row's largest
 *   attention_values   P (6.4) and sums of P' v over a split of the keys (6.5); with one split it writes the result itself
 *   attention_combine  adds the splits: exact sums, so their order is free
 * The rows r0.. of a command are done in parts, as far as the scratch memory reaches:
 *   scratch: largest[rows] int (rounded up to 16), y[rows][keys rounded up to 64] int, partial[rows][splits] rows of int64. */

enum { SIGMOID = 1, KV8 = 2, CAUSAL = 4, BITMAP = 8, EXPORT = 16 };
#define MASKED ((int)0x80000000)

typedef struct {
    int pos, shift, v_exp, bias;
    uint slope, scale;
} header; /* numerics.md 6.1; zeros up to 64 bytes */

typedef struct {
    bool kv8;
    uint group, keys, key_stride, kv_head, token, head, row_bytes, record_bytes;
    ulong region, capacity;
    const global uchar *k, *v;
    const global char *exps; /* [block][K, V][64] */
    header h;
    const global short *q;
} job;

uint padded(uint bytes) { return (bytes + 63) / 64 * 64; }
ulong result_bytes(uint head_dim) { return padded(8 * (head_dim + 1)); }

/* Row r in the order of the records: [KV head][token][head of the group]. */
job job_of(global uchar *mem, command c, uint r)
{
    job j;
    j.kv8 = (c.codec & KV8) != 0;
    j.group = c.rows / c.p[3];
    j.keys = c.p[0];
    j.key_stride = (j.keys + 63) / 64 * 64;
    j.capacity = c.p[1];
    j.kv_head = r / (c.batch * j.group);
    j.token = r / j.group % c.batch;
    j.head = j.kv_head * j.group + r % j.group;
    j.row_bytes = padded(c.cols * (j.kv8 ? 1 : 2));
    j.record_bytes = 64 + padded(c.cols * 2);
    j.region = 2 * j.capacity * j.row_bytes + j.capacity / 64 * 128;
    j.k = mem + c.weights + j.kv_head * j.region;
    j.v = j.k + j.capacity * j.row_bytes;
    j.exps = (const global char *)(j.v + j.capacity * j.row_bytes);
    const global uchar *record = mem + c.src + (ulong)r * j.record_bytes;
    j.h = *(const global header *)record;
    j.q = (const global short *)(record + 64);
    return j;
}

/* 6.2 */
bool visible(global uchar *mem, command c, const job *j, uint key)
{
    uint pos = (uint)j->h.pos;
    if (key >= j->keys || ((c.codec & CAUSAL) && key > pos) || (c.p[2] && (ulong)key + c.p[2] <= pos))
        return false;
    if (!(c.codec & BITMAP))
        return true;
    ulong word = ((const global ulong *)(mem + c.aux))[(ulong)(key / 64) * ((c.batch + 7) / 8 * 8) + j->token];
    return word >> (key & 63) & 1;
}

/* 6.3 S: two products of 16 bits fit 32, more do not. */
long dot16(const global short *q, const global short *k, uint n)
{
    long4 s = 0;
    uint i = 0;
    for (; i + 8 <= n; i += 8) {
        int8 p = convert_int8(vload8(0, q + i)) * convert_int8(vload8(0, k + i));
        s += convert_long4(p.even + p.odd);
    }
    for (; i < n; i++)
        s.s0 += (int)q[i] * k[i];
    return s.s0 + s.s1 + s.s2 + s.s3;
}

/* 8-bit keys: 256 products fit. */
long dot8(const global short *q, const global char *k, uint n)
{
    long s = 0;
    for (uint i = 0; i < n;) {
        uint end = min(n, i + 256);
        int t = 0;
        for (; i + 8 <= end; i += 8) {
            int8 p = convert_int8(vload8(0, q + i)) * convert_int8(vload8(0, k + i));
            int4 a = p.lo + p.hi;
            t += a.s0 + a.s1 + a.s2 + a.s3;
        }
        for (; i < end; i++)
            t += (int)q[i] * k[i];
        s += t;
    }
    return s;
}

/* 6.3 from S to y */
int score(const header *h, long s, int k_exp, uint key)
{
    int sh = clamp(h->shift + k_exp + 8, 0, 63);
    long t = clamp((s * 256) >> sh, -(1l << 23), (1l << 23) - 1);
    long z = (t * (long)(h->scale & 0xffff) + (1l << 17)) >> 18;
    ulong distance = (uint)h->pos > key ? (uint)h->pos - key : key - (uint)h->pos;
    ulong slope = min(((ulong)h->slope * distance) >> 10, (ulong)1 << 22);
    return (int)clamp(z + h->bias - (long)slope, -(1l << 21), (1l << 21) - 1);
}

/* 6.4 */
uint decay(uint row, uint u)
{
    uint n = u >> 14, e = attention_table[row * 64 + (u >> 8 & 63)];
    uint mantissa = (e >> 10) - (((e & 1023) * (u & 255) + 128) >> 8);
    return n >= 24 ? 0 : (mantissa << 8) >> n;
}

uint sigmoid_p(int y)
{
    uint u = abs(y), p = decay(min(u >> 14, 15u), u);
    return y > 0 ? p ^ 0xffffff : p;
}

/* What a core is not defined for is refused, as cpu refuses it. One work-item a record. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void attention_check(ARGUMENTS)
{
    uint r = get_global_id(0);
    if (r >= c.batch * c.rows || refused(status, index))
        return;
    header h = job_of(mem, c, r).h;
    if (h.pos < 0 || h.pos >= 1 << 20 || h.shift < -1024 || h.shift > 1024 || h.v_exp < -128 || h.v_exp > 127 || h.bias < -(1 << 21) ||
        h.bias > 1 << 21 || h.slope >= 1u << 26 || h.scale < 1u << 15 || h.scale > 0xffff)
        fail(status, index, BAD_RECORD);
}

#define SCRATCH                                                                                                                        \
    uint rows = get_global_size(1), keys_up = (c.p[0] + 63) / 64 * 64;                                                                 \
    global int *top = (global int *)scratch, *ys = top + (rows + 15) / 16 * 16;                                                        \
    (void)keys_up, (void)top, (void)ys;

/* Dimension 0: a key each, dimension 1: the rows of this part. largest[] was set to MASKED. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void attention_scores(ARGUMENTS, global uchar *scratch, uint r0)
{
    local int most;
    if (refused(status, index + 1)) /* attention_check of this command too */
        return;
    SCRATCH
    uint key = get_global_id(0), row = get_global_id(1);
    job j = job_of(mem, c, r0 + row);
    if (get_local_id(0) == 0)
        most = MASKED;
    barrier(CLK_LOCAL_MEM_FENCE);
    int y = MASKED;
    if (visible(mem, c, &j, key)) {
        const global uchar *k = j.k + (ulong)key * j.row_bytes;
        long s = j.kv8 ? dot8(j.q, (const global char *)k, c.cols) : dot16(j.q, (const global short *)k, c.cols);
        y = score(&j.h, s, j.exps[key / 64 * 128 + key % 64], key);
        atomic_max(&most, y);
    }
    ys[(ulong)row * keys_up + key] = y;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (get_local_id(0) == 0 && most != MASKED)
        atomic_max(&top[row], most);
}

/* Dimension 0: GROUP work-items a split, dimension 1: rows. Work-item i holds P of key i of a block, then columns i, i + GROUP, ... */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void attention_values(ARGUMENTS, global uchar *scratch, uint r0, uint splits)
{
    local uint p[64];
    local ulong sums[GROUP];
    local int any[2];
    if (refused(status, index + 1))
        return;
    SCRATCH
    uint i = get_local_id(0), row = get_global_id(1), split = get_group_id(0), blocks = keys_up / 64;
    job j = job_of(mem, c, r0 + row);
    bool export = (c.codec & EXPORT) && j.token + 1 == c.batch;
    ulong out_bytes = result_bytes(c.cols), all = (ulong)c.batch * c.rows;
    global uint *probs = (global uint *)(mem + c.dst + all * out_bytes) + (ulong)j.head * ((c.p[0] + 15) / 16 * 16);
    global long *out = splits == 1 ? (global long *)(mem + c.dst + (ulong)(r0 + row) * out_bytes)
                                   : (global long *)(ys + (ulong)rows * keys_up) + ((ulong)row * splits + split) * (c.cols + 1);
    int most = top[row];
    ulong sum = 0;
    uint first = (uint)((ulong)blocks * split / splits), last = (uint)((ulong)blocks * (split + 1) / splits);
    for (uint col = i; col < c.cols; col += GROUP)
        out[col] = 0;
    if (i < 2)
        any[i] = 0;
    for (uint b = first; b < last; b++) {
        uint key = b * 64 + i, w = b & 1; /* GROUP = 64 */
        int y = ys[(ulong)row * keys_up + key];
        uint pr = y == MASKED ? 0 : c.codec & SIGMOID ? sigmoid_p(y) : decay(15, (uint)(most - y));
        sum += pr;
        if (export && key < (c.p[0] + 15) / 16 * 16)
            probs[key] = pr;
        uint used = pr >> clamp(j.exps[b * 128 + 64 + i] - j.h.v_exp, 0, 31);
        barrier(CLK_LOCAL_MEM_FENCE); /* the last block's p is used up */
        p[i] = used;
        if (used)
            any[w] = 1;
        if (i == 0)
            any[1 - w] = 0;
        barrier(CLK_LOCAL_MEM_FENCE);
        if (!any[w])
            continue;
        const global uchar *tile = j.v + (ulong)b * 64 * j.row_bytes; /* lines of 64 bytes: [line][token] */
        for (uint col = i; col < c.cols; col += GROUP) {
            uint at = j.kv8 ? col : 2 * col;
            const global uchar *line = tile + at / 64 * 4096 + at % 64;
            long acc = 0;
            for (uint t = 0; t < 64; t++, line += 64)
                acc += (long)p[t] * (j.kv8 ? *(const global char *)line : *(const global short *)line);
            out[col] += acc;
        }
    }
    sums[i] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (i == 0) {
        for (uint t = 1; t < GROUP; t++)
            sum += sums[t];
        out[c.cols] = c.codec & SIGMOID ? 0 : (long)sum;
    }
}

/* Dimension 0: columns and, as the last, the sum of P; dimension 1: rows. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void attention_combine(ARGUMENTS, global uchar *scratch, uint r0, uint splits)
{
    SCRATCH
    uint col = get_global_id(0), row = get_global_id(1);
    if (col > c.cols || refused(status, index + 1))
        return;
    const global long *in = (const global long *)(ys + (ulong)rows * keys_up) + (ulong)row * splits * (c.cols + 1) + col;
    long sum = 0;
    for (uint s = 0; s < splits; s++)
        sum += in[(ulong)s * (c.cols + 1)];
    ((global long *)(mem + c.dst + (ulong)(r0 + row) * result_bytes(c.cols)))[col] = sum;
}
