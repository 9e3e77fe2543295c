/* SPDX-License-Identifier: Apache-2.0
 * Checks a command before it runs: shapes, then every byte range against device memory. A mutated command list is
 * refused with the command's operation and the field at fault; it never reaches memory outside the allocations. */
#include "device/attention_exact.h"
#include "device/device_internal.h"

const char *sb_op_name(unsigned op)
{
    static const char *const name[SB_OP_COUNT] = {
        "NOP",        "MATVEC",    "QUANTIZE", "SCALE",  "EMBED",      "RMSNORM",     "ROPE",
        "KV_APPEND",  "ATTENTION", "SILU_MUL", "ADD",    "QUANTIZE_Q", "QUANTIZE_KV", "ATTENTION_X",
        "ATTN_SCALE", "LAYERNORM", "GELU_MUL", "GATHER", "SCATTER",    "ARGMAX",      "TOPK"};
    return op < SB_OP_COUNT ? name[op] : "?";
}

enum { MAX_DIM = 1 << 24, MAX_BATCH = 1024 }; /* keeps every product below in 64 bits */

typedef struct {
    sb_range *r;
    int n;
} list;

static void add(list *l, const char *what, uint64_t addr, uint64_t bytes, bool written)
{
    l->r[l->n++] = (sb_range){.addr = addr, .bytes = bytes, .written = written, .what = what};
}

/* A cache of which a command writes its own tokens only. */
static void add_sparse(list *l, const char *what, uint64_t addr, uint64_t bytes)
{
    add(l, what, addr, bytes, true);
    l->r[l->n - 1].sparse = true;
}

/* batch vectors of n f32, `stride` elements apart */
static uint64_t strided(const sb_command *c, uint64_t n, uint64_t stride)
{
    return ((c->batch - 1ull) * stride + n) * 4;
}

/* sb_attention_params with all its slopes. */
static uint64_t params_bytes(uint64_t heads)
{
    return sizeof(sb_attention_params) + 4 * heads;
}

static sb_status attention_ranges(const sb_command *c, list *l, sb_error *err)
{
    const char *name = sb_op_name(c->op);
    uint64_t b = c->batch, rows = c->rows, cols = c->cols, kv_heads = c->op == SB_OP_QUANTIZE_KV ? rows : c->p[3];
    uint64_t first = c->op == SB_OP_ATTN_SCALE ? 0 : c->p[0], capacity = c->op == SB_OP_ATTN_SCALE ? 64 : c->p[1];
    bool kv8 = c->codec & SB_ATTN_KV8;
    if (c->codec > SB_ATTN_FLAGS)
        return sb_fail(err, SB_ERR_DEVICE, "%s: unknown flags 0x%x", name, c->codec);
    if (!kv_heads || rows % kv_heads || rows > 65536 || cols > 4096)
        return sb_fail(err, SB_ERR_DEVICE, "%s: %u heads of %u over %llu KV heads", name, c->rows, c->cols,
                       (unsigned long long)kv_heads);
    if (!capacity || capacity % SB_ATTN_BLOCK || capacity > SB_ATTN_MAX_KEYS ||
        first + (c->op == SB_OP_ATTENTION_X || c->op == SB_OP_ATTN_SCALE ? 0 : b) > capacity)
        return sb_fail(err, SB_ERR_DEVICE, "%s: %llu keys, cache of %llu (a multiple of %d, at most %d)", name,
                       (unsigned long long)first, (unsigned long long)capacity, SB_ATTN_BLOCK, SB_ATTN_MAX_KEYS);
    uint64_t cache = kv_heads * sb_attn_kv_bytes(cols, kv8, capacity), records = b * rows * sb_attn_query_bytes(cols);
    uint64_t sums = b * rows * sb_attn_row_bytes(cols);
    switch (c->op) {
    case SB_OP_QUANTIZE_Q:
        add(l, "weights", c->weights, cache, false);
        add(l, "src", c->src, strided(c, rows * cols, c->p[2]), false);
        add(l, "dst", c->dst, records, true);
        add(l, "aux", c->aux, sb_attn_query_params_bytes(rows), false);
        break;
    case SB_OP_QUANTIZE_KV:
        add(l, "src", c->src, strided(c, rows * cols, c->p[2]), false);
        add(l, "aux", c->aux, strided(c, rows * cols, c->p[2]), false);
        add_sparse(l, "dst", c->dst, cache);
        break;
    case SB_OP_ATTENTION_X:
        add(l, "weights", c->weights, cache, false);
        add(l, "src", c->src, records, false);
        add(l, "dst", c->dst, sums + (c->codec & SB_ATTN_EXPORT ? rows * sb_attn_prob_stride(first) * 4 : 0), true);
        if (c->codec & SB_ATTN_BITMAP)
            add(l, "aux", c->aux, (first + 63) / 64 * sb_attn_mask_tokens(b) * 8, false);
        break;
    default: /* ATTN_SCALE */
        add(l, "src", c->src, sums, false);
        add(l, "aux", c->aux, records, false);
        add(l, "dst", c->dst, b * rows * cols * 4, true);
        break;
    }
    return SB_OK;
}

sb_status sb_command_ranges(const sb_device *dev, const sb_command *c, sb_range r[SB_MAX_RANGES], int *n, sb_error *err)
{
    list l = {r, 0};
    *n = 0;
    if (c->op >= SB_OP_COUNT)
        return sb_fail(err, SB_ERR_DEVICE, "unknown operation %u", c->op);
    if (dev->be->exact && (c->op == SB_OP_KV_APPEND || c->op == SB_OP_ATTENTION))
        return sb_fail(err, SB_ERR_DEVICE, "%s is a binary32 operation of ref, not one of device %s", sb_op_name(c->op),
                       dev->be->kind.name);
    if (c->op == SB_OP_NOP)
        return SB_OK;
    const char *name = sb_op_name(c->op);
    const sb_codec *codec = sb_codec_by_id(c->codec);
    bool uses_codec = c->op == SB_OP_MATVEC || c->op == SB_OP_QUANTIZE || c->op == SB_OP_SCALE || c->op == SB_OP_EMBED;
    if (uses_codec && !codec)
        return sb_fail(err, SB_ERR_DEVICE, "%s: unknown codec %u", name, c->codec);
    uint64_t b = c->batch, rows = c->rows, cols = c->cols;
    if (b < 1 || b > MAX_BATCH || rows > MAX_DIM || cols > MAX_DIM)
        return sb_fail(err, SB_ERR_DEVICE, "%s: batch %u, rows %u, cols %u out of range", name, c->batch, c->rows,
                       c->cols);
    bool needs_rows = c->op != SB_OP_QUANTIZE && c->op != SB_OP_SILU_MUL && c->op != SB_OP_GELU_MUL &&
                      c->op != SB_OP_ADD && c->op != SB_OP_ARGMAX && c->op != SB_OP_TOPK;
    bool needs_cols = c->op != SB_OP_SCALE;
    if ((needs_rows && !rows) || (needs_cols && !cols))
        return sb_fail(err, SB_ERR_DEVICE, "%s: empty shape, rows %u, cols %u", name, c->rows, c->cols);

    switch ((sb_op)c->op) {
    case SB_OP_MATVEC:
        add(&l, "weights", c->weights,
            (dev->on_device[SB_OP_MATVEC] ? dev->be->matrix_bytes : sb_host_matrix_bytes)(dev, c), false);
        add(&l, "src", c->src, b * sb_codec_act_elems(codec, cols) * 2, false);
        add(&l, "dst", c->dst, (b - 1) * sb_acc_stride(rows) + 8 * rows, true);
        break;
    case SB_OP_QUANTIZE:
        add(&l, "src", c->src, b * cols * 4, false);
        add(&l, "dst", c->dst, b * sb_codec_act_elems(codec, cols) * 2, true);
        add(&l, "aux", c->aux, b * 4, true);
        break;
    case SB_OP_SCALE:
        add(&l, "src", c->src, (b - 1) * sb_acc_stride(rows) + 8 * rows, false);
        add(&l, "dst", c->dst, strided(c, rows, c->p[1]), true);
        add(&l, "aux", c->aux, b * 4, false);
        if ((int32_t)c->p[0] < -4096 || (int32_t)c->p[0] > 4096)
            return sb_fail(err, SB_ERR_DEVICE, "SCALE: scale_exp %d out of range", (int32_t)c->p[0]);
        break;
    case SB_OP_EMBED:
        if (c->p[2] < (c->p[1] ? cols : sb_codec_row_words(codec, cols)))
            return sb_fail(err, SB_ERR_DEVICE, "EMBED: rows of %u numbers do not fit %u words", c->cols, c->p[2]);
        add(&l, "weights", c->weights,
            (rows - 1) * 4ull * c->p[2] + 4 * (c->p[1] ? cols : sb_codec_row_words(codec, cols)), false);
        add(&l, "src", c->src, b * 4, false);
        add(&l, "dst", c->dst, b * cols * 4, true);
        if ((int32_t)c->p[0] < -4096 || (int32_t)c->p[0] > 4096)
            return sb_fail(err, SB_ERR_DEVICE, "EMBED: scale_exp %d out of range", (int32_t)c->p[0]);
        break;
    case SB_OP_RMSNORM:
    case SB_OP_LAYERNORM:
        add(&l, "weights", c->weights, cols * 4, false);
        add(&l, "src", c->src, strided(c, rows * cols, c->p[1]), false);
        add(&l, "dst", c->dst, strided(c, rows * cols, c->p[1]), true);
        if (c->op == SB_OP_LAYERNORM && c->aux)
            add(&l, "aux", c->aux, cols * 4, false);
        break;
    case SB_OP_ROPE:
        if (cols % 2 || c->p[0] > 1)
            return sb_fail(err, SB_ERR_DEVICE, "ROPE: heads of %u numbers, pairing %u", c->cols, c->p[0]);
        add(&l, "aux", c->aux, strided(c, cols, c->p[2]), false);
        add(&l, "dst", c->dst, strided(c, rows * cols, c->p[1]), true);
        break;
    case SB_OP_KV_APPEND:
        if ((uint64_t)c->p[0] + b > c->p[1] || c->p[1] > MAX_DIM || rows * cols > MAX_DIM)
            return sb_fail(err, SB_ERR_DEVICE, "KV_APPEND: tokens %u..%llu do not fit a cache of %u", c->p[0],
                           (unsigned long long)(c->p[0] + b - 1), c->p[1]);
        add(&l, "src", c->src, strided(c, rows * cols, c->p[2]), false);
        add_sparse(&l, "dst", c->dst, rows * cols * c->p[1] * 4);
        break;
    case SB_OP_ATTENTION:
        if (!c->p[3] || rows % c->p[3] || (uint64_t)c->p[0] + b > c->p[1] || c->p[1] > MAX_DIM || rows * cols > MAX_DIM)
            return sb_fail(err, SB_ERR_DEVICE, "ATTENTION: %u heads over %u KV heads, position %u, capacity %u",
                           c->rows, c->p[3], c->p[0], c->p[1]);
        add(&l, "weights", c->weights, (uint64_t)c->p[3] * c->p[1] * cols * (c->codec ? 8 : 4), false);
        add(&l, "aux", c->aux, c->codec ? params_bytes(rows) : (uint64_t)c->p[3] * c->p[1] * cols * 4, false);
        add(&l, "src", c->src, strided(c, rows * cols, c->p[2]), false);
        add(&l, "dst", c->dst, b * rows * cols * 4, true);
        break;
    case SB_OP_SILU_MUL:
    case SB_OP_GELU_MUL:
        add(&l, "src", c->src, strided(c, cols, c->p[0]), false);
        add(&l, "aux", c->aux, strided(c, cols, c->p[0]), false);
        add(&l, "dst", c->dst, b * cols * 4, true);
        break;
    case SB_OP_ADD:
        if (c->codec > 1)
            return sb_fail(err, SB_ERR_DEVICE, "ADD: unknown flags 0x%x", c->codec);
        add(&l, "src", c->src, b * cols * 4, false);
        add(&l, "dst", c->dst, b * cols * 4, true);
        break;
    case SB_OP_GATHER:
    case SB_OP_SCATTER: {
        bool gather = c->op == SB_OP_GATHER;
        uint64_t table = ((rows - 1) * c->p[gather ? 0 : 1] + cols) * 4,
                 list_rows = strided(c, cols, c->p[gather ? 1 : 0]);
        add(&l, "aux", c->aux, b * 4, false);
        add(&l, "src", c->src, gather ? table : list_rows, false);
        add(&l, "dst", c->dst, gather ? list_rows : table, true);
        l.r[l.n - 1].sparse = !gather;
        break;
    }
    case SB_OP_ARGMAX:
        add(&l, "src", c->src, strided(c, cols, c->p[0]), false);
        add(&l, "dst", c->dst, b * 4, true);
        break;
    case SB_OP_TOPK: {
        uint32_t k = c->p[1];
        if (k < 1 || k > SB_TOPK_MAX || k > cols)
            return sb_fail(err, SB_ERR_DEVICE, "TOPK: the %u largest of %u (at most %d)", k, c->cols, SB_TOPK_MAX);
        add(&l, "src", c->src, strided(c, cols, c->p[0]), false);
        add(&l, "dst", c->dst, strided(c, k, sb_topk_stride(k)), true);
        add(&l, "aux", c->aux, strided(c, k, sb_topk_stride(k)), true);
        break;
    }
    case SB_OP_QUANTIZE_Q:
    case SB_OP_QUANTIZE_KV:
    case SB_OP_ATTENTION_X:
    case SB_OP_ATTN_SCALE: {
        sb_status st = attention_ranges(c, &l, err);
        if (st)
            return st;
        break;
    }
    case SB_OP_NOP:
    case SB_OP_COUNT:
        break;
    }
    *n = l.n;
    return SB_OK;
}

sb_status sb_command_check(const sb_device *dev, const sb_command *c, sb_error *err)
{
    sb_range r[SB_MAX_RANGES];
    int n;
    sb_status st = sb_command_ranges(dev, c, r, &n, err);
    for (int i = 0; !st && i < n; i++) {
        if (!sb_memory_has(&dev->mem, r[i].addr, r[i].bytes))
            st = sb_fail(err, SB_ERR_DEVICE, "%s: %s: %llu bytes at 0x%llx are not inside device memory",
                         sb_op_name(c->op), r[i].what, (unsigned long long)r[i].bytes, (unsigned long long)r[i].addr);
        else if (r[i].addr % (c->op == SB_OP_MATVEC || c->op == SB_OP_ATTENTION_X ? 64 : 4))
            st = sb_fail(err, SB_ERR_DEVICE, "%s: %s: address 0x%llx is misaligned", sb_op_name(c->op), r[i].what,
                         (unsigned long long)r[i].addr);
    }
    return st;
}
