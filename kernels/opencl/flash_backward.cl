/* SPDX-License-Identifier: Apache-2.0
 * FlashSigmoid backward in OpenCL C 1.2 (kernels/include/sb_flash.h), behind flash_attention.cl: binary32 arithmetic, nothing rounded
 * before the gradients. A work-group of 64 a query and head for dQ, a key and KV head for dK and dV; no two write the same place. */
void store_gradient(__global void *to, size_t i, float x, int bf16, int fp32)
{
    uint u = as_uint(x);
    if (fp32)
        ((__global float *)to)[i] = x;
    else if (bf16)
        ((__global ushort *)to)[i] = x == x ? (u + 0x7fff + (u >> 16 & 1)) >> 16 : 0x7fff;
    else
        vstore_half_rte(x, i, (__global half *)to);
}

/* The dot product of a vector in local memory with a stored row. */
float dot_row(const __local float *x, const __global ushort *row, size_t at, uint head_dim, int bf16)
{
    float s = 0;
    for (uint i = 0; i < head_dim; i++)
        s = fma(x[i], stored(row, at + i, bf16), s);
    return s;
}

__kernel __attribute__((reqd_work_group_size(TILE, 1, 1))) void flash_backward_queries(
    const __global ushort *q, const __global ushort *k, const __global ushort *v, const __global ushort *dout, const __global int *q_start,
    const __global int *kv_start, __global void *dq, uint heads, uint kv_heads, uint head_dim, int causal, int bf16, int fp32, float scale,
    float bias)
{
    __local float query[256], grad[256], weight[TILE];
    uint lid = get_local_id(0), head = get_group_id(1), seq = get_group_id(2);
    int nq = q_start[seq + 1] - q_start[seq], nk = kv_start[seq + 1] - kv_start[seq], qi = get_group_id(0);
    if (qi >= nq)
        return;
    size_t row = ((size_t)(q_start[seq] + qi) * heads + head) * head_dim;
    uint kv_head = head / (heads / kv_heads);
    int end = causal ? qi + 1 + nk - nq : nk;
    for (uint i = lid; i < head_dim; i += TILE) {
        query[i] = stored(q, row + i, bf16);
        grad[i] = stored(dout, row + i, bf16);
    }
    float sum[4] = {0, 0, 0, 0};
    for (int first = 0; first < end; first += TILE) {
        barrier(CLK_LOCAL_MEM_FENCE);
        size_t at = ((size_t)(kv_start[seq] + first) * kv_heads + kv_head) * head_dim, step = (size_t)kv_heads * head_dim;
        if (first + (int)lid < end) {
            float p = 1.0f / (1.0f + exp(-(dot_row(query, k, at + lid * step, head_dim, bf16) * scale + bias)));
            weight[lid] = (p - p * p) * dot_row(grad, v, at + lid * step, head_dim, bf16);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        int n = min(TILE, end - first);
        for (int t = 0; t < n; t++)
            for (uint i = 0; i < 4; i++)
                if (lid + TILE * i < head_dim)
                    sum[i] = fma(weight[t], stored(k, at + t * step + lid + TILE * i, bf16), sum[i]);
    }
    for (uint i = 0; i < 4; i++)
        if (lid + TILE * i < head_dim)
            store_gradient(dq, row + lid + TILE * i, sum[i] * scale, bf16, fp32);
}

/* A row is a query and a head of the group. */
__kernel __attribute__((reqd_work_group_size(TILE, 1, 1))) void flash_backward_keys(
    const __global ushort *q, const __global ushort *k, const __global ushort *v, const __global ushort *dout, const __global int *q_start,
    const __global int *kv_start, __global void *dk, __global void *dv, uint heads, uint kv_heads, uint head_dim, int causal, int bf16,
    int fp32, float scale, float bias)
{
    __local float key[256], value[256], weight[TILE], slope[TILE];
    uint lid = get_local_id(0), kv_head = get_group_id(1), seq = get_group_id(2), group = heads / kv_heads;
    int nq = q_start[seq + 1] - q_start[seq], nk = kv_start[seq + 1] - kv_start[seq], j = get_group_id(0);
    if (j >= nk)
        return;
    size_t at = ((size_t)(kv_start[seq] + j) * kv_heads + kv_head) * head_dim;
    int rows = nq * (int)group, first = causal ? max(0, (j - (nk - nq)) * (int)group) : 0;
    for (uint i = lid; i < head_dim; i += TILE) {
        key[i] = stored(k, at + i, bf16);
        value[i] = stored(v, at + i, bf16);
    }
    float sum_k[4] = {0, 0, 0, 0}, sum_v[4] = {0, 0, 0, 0};
    for (; first < rows; first += TILE) {
        barrier(CLK_LOCAL_MEM_FENCE);
        int row = first + (int)lid;
        if (row < rows) {
            size_t from = ((size_t)(q_start[seq] + row / (int)group) * heads + kv_head * group + row % (int)group) * head_dim;
            float p = 1.0f / (1.0f + exp(-(dot_row(key, q, from, head_dim, bf16) * scale + bias)));
            weight[lid] = p;
            slope[lid] = (p - p * p) * dot_row(value, dout, from, head_dim, bf16);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        int n = min(TILE, rows - first);
        for (int t = 0; t < n; t++) {
            size_t from = ((size_t)(q_start[seq] + (first + t) / (int)group) * heads + kv_head * group + (first + t) % (int)group) * head_dim;
            for (uint i = 0; i < 4; i++)
                if (lid + TILE * i < head_dim) {
                    sum_k[i] = fma(slope[t], stored(q, from + lid + TILE * i, bf16), sum_k[i]);
                    sum_v[i] = fma(weight[t], stored(dout, from + lid + TILE * i, bf16), sum_v[i]);
                }
        }
    }
    for (uint i = 0; i < 4; i++)
        if (lid + TILE * i < head_dim) {
            store_gradient(dk, at + lid + TILE * i, sum_k[i] * scale, bf16, fp32);
            store_gradient(dv, at + lid + TILE * i, sum_v[i], bf16, fp32);
        }
}
