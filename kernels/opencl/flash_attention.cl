/* SPDX-License-Identifier: Apache-2.0
 * FlashSigmoid and FlashAttention forward in OpenCL C 1.2 (kernels/include/sb_flash.h): a work-group of 64 a query and head, tiles of 64 keys,
 * binary32 arithmetic on fp16 or bf16 storage (no half arithmetic is asked of the device). */
#define TILE 64
#define NO_MAX (-1e30f)

float stored(const __global ushort *p, size_t i, int bf16)
{
    return bf16 ? as_float((uint)p[i] << 16) : vload_half(i, (const __global half *)p);
}

__kernel __attribute__((reqd_work_group_size(TILE, 1, 1))) void flash_forward(
    const __global ushort *q, const __global ushort *k, const __global ushort *v, const __global int *q_start, const __global int *kv_start,
    const __global int *pages, __global float *out, __global float *partial, uint heads, uint kv_heads, uint head_dim, uint total_q,
    uint splits, int sigmoid, int causal, int bf16, float scale, float bias, uint page, uint max_pages)
{
    __local float query[256], weight[TILE];
    uint lid = get_local_id(0), head = get_group_id(1), seq = get_group_id(2) / splits, split = get_group_id(2) % splits;
    int nq = q_start[seq + 1] - q_start[seq], nk = kv_start[seq + 1] - kv_start[seq], qi = get_group_id(0);
    if (qi >= nq)
        return;
    size_t row = (size_t)(q_start[seq] + qi) * heads + head;
    uint kv_head = head / (heads / kv_heads);
    int end = causal ? qi + 1 + nk - nq : nk;
    int tiles = end > 0 ? (end + TILE - 1) / TILE : 0, share = (tiles + (int)splits - 1) / (int)splits;
    int first = (int)split * share * TILE, last = min(end, first + share * TILE);
    for (uint i = lid; i < head_dim; i += TILE)
        query[i] = stored(q, row * head_dim + i, bf16);
    float o[4] = {0, 0, 0, 0}, top = NO_MAX, sum = 0;
    for (; first < last; first += TILE) {
        barrier(CLK_LOCAL_MEM_FENCE);
        int j = first + (int)lid;
        float s = NO_MAX;
        if (j < last) {
            size_t at = page ? (size_t)pages[seq * max_pages + j / page] * page + j % page : (size_t)(kv_start[seq] + j);
            at = (at * kv_heads + kv_head) * head_dim;
            s = 0;
            for (uint i = 0; i < head_dim; i++)
                s = fma(query[i], stored(k, at + i, bf16), s);
            s = s * scale + bias;
        }
        weight[lid] = s;
        barrier(CLK_LOCAL_MEM_FENCE);
        float m = top;
        if (!sigmoid) {
            for (uint i = 0; i < TILE; i++)
                m = fmax(m, weight[i]);
            float factor = exp(top - m);
            for (uint i = 0; i < 4; i++)
                o[i] *= factor;
            sum *= factor;
            top = m;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        weight[lid] = j >= last ? 0.0f : sigmoid ? 1.0f / (1.0f + exp(-s)) : exp(s - top);
        barrier(CLK_LOCAL_MEM_FENCE);
        int n = min(TILE, last - first);
        for (int t = 0; t < n; t++) {
            int key = first + t;
            size_t at = page ? (size_t)pages[seq * max_pages + key / page] * page + key % page : (size_t)(kv_start[seq] + key);
            at = (at * kv_heads + kv_head) * head_dim;
            sum += weight[t];
            for (uint i = 0; i < 4; i++)
                if (lid + TILE * i < head_dim)
                    o[i] = fma(weight[t], stored(v, at + lid + TILE * i, bf16), o[i]);
        }
    }
    __global float *to = splits > 1 ? partial + ((size_t)split * total_q * heads + row) * (head_dim + 2) : out + row * head_dim;
    float l = sigmoid || splits > 1 ? 1.0f : sum > 0 ? 1.0f / sum : 0.0f;
    for (uint i = 0; i < 4; i++)
        if (lid + TILE * i < head_dim)
            to[lid + TILE * i] = o[i] * l;
    if (splits > 1 && lid == 0) {
        to[head_dim] = top;
        to[head_dim + 1] = sum;
    }
}

/* One work-group a query and head. */
__kernel void flash_combine(const __global float *partial, __global float *out, uint head_dim, uint rows, uint splits, int sigmoid)
{
    size_t row = get_group_id(0), width = head_dim + 2;
    float top = NO_MAX, sum = 0;
    for (uint s = 0; s < splits; s++)
        top = fmax(top, partial[(s * (size_t)rows + row) * width + head_dim]);
    for (uint s = 0; s < splits; s++) {
        const __global float *p = partial + (s * (size_t)rows + row) * width + head_dim;
        sum += p[1] * exp(p[0] - top);
    }
    for (uint d = get_local_id(0); d < head_dim; d += get_local_size(0)) {
        float o = 0;
        for (uint s = 0; s < splits; s++) {
            const __global float *p = partial + (s * (size_t)rows + row) * width;
            o += sigmoid ? p[d] : p[d] * exp(p[head_dim] - top);
        }
        out[row * head_dim + d] = sigmoid ? o : sum > 0 ? o / sum : 0.0f;
    }
}
