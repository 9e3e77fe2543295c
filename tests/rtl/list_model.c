/* SPDX-License-Identifier: Apache-2.0 */
#include "list_model.h"

#include <string.h>

#include "device/attention_exact.h"
#include "device/core_driver.h"

enum { MAX_DIM = 1 << 24, MAX_BATCH = 1024, MANY = 1 << 16 };

static uint64_t up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

static const sb_codec *codec_of(const sb_command *c)
{
    return sb_codec_by_id(c->codec);
}

static bool too_high(uint64_t addr)
{
    return addr >> 56 != 0;
}

static unsigned check_matvec(const lm_core *k, const sb_command *c)
{
    const sb_codec *codec = codec_of(c);
    uint64_t align = k->bus > 64 ? k->bus : 64;
    if (!codec || !(k->codecs >> c->codec & 1))
        return 2;
    if (c->rows < 1 || c->rows >= MAX_DIM || c->cols < 1 || c->cols > 65536 || c->batch < 1 ||
        c->batch > k->max_batch || c->batch * sb_codec_act_elems(codec, c->cols) > k->act_cap)
        return 3;
    if (c->weights % align || c->src % align || c->dst % align || too_high(c->weights) || too_high(c->src) ||
        too_high(c->dst) || (c->batch > 1 && sb_acc_stride(c->rows) % align))
        return 4;
    return 0;
}

static unsigned check_attention(const lm_core *k, const sb_command *c)
{
    bool sigmoid = c->codec & SB_ATTN_SIGMOID;
    uint32_t capacity = c->p[1], kv_heads = c->p[3];
    if (!(k->units & (sigmoid ? SB_UNIT_SIGMOID : SB_UNIT_SOFTMAX)))
        return 2;
    if (c->codec > SB_ATTN_FLAGS || (c->codec & SB_ATTN_EXPORT && !(k->units & SB_UNIT_EXPORT)) || c->batch < 1 ||
        c->batch > MAX_BATCH || c->rows < 1 || c->rows > 4095 || c->cols < 8 || c->cols > 256 || c->cols % 8 ||
        !capacity || capacity % 64 || capacity > 1 << 20 || c->p[0] > capacity ||
        (!sigmoid && c->p[0] > k->attn_keys) || !kv_heads || kv_heads > c->rows)
        return 3;
    uint64_t used[] = {c->weights, c->src, c->dst, c->codec & SB_ATTN_BITMAP ? c->aux : 0};
    for (int i = 0; i < 4; i++)
        if (used[i] % 64 || too_high(used[i]))
            return 4;
    return c->rows % kv_heads ? 3 : 0; /* looked at last */
}

static unsigned check_vector(const sb_command *c)
{
    bool wei = false, src = true, aux = false, line_src = false, line_dst = false, line_aux = false, bad = false;
    bool rows = false, cols = true, codec = false, query = c->op == SB_OP_QUANTIZE_Q;
    int32_t exp = (int32_t)c->p[0];
    switch (c->op) {
    case SB_OP_QUANTIZE:
        codec = aux = line_dst = true;
        break;
    case SB_OP_SCALE:
        codec = aux = line_src = rows = true;
        cols = false;
        bad = exp < -4096 || exp > 4096;
        break;
    case SB_OP_EMBED:
        wei = rows = true;
        bad = exp < -4096 || exp > 4096 || c->p[2] < (c->p[1] ? c->cols : (c->cols + 1ull) / 2);
        break;
    case SB_OP_RMSNORM:
        wei = rows = true;
        break;
    case SB_OP_LAYERNORM:
        wei = rows = aux = true;
        break;
    case SB_OP_ROPE:
        aux = rows = true;
        src = false;
        bad = c->cols % 2 || c->p[0] > 1 || c->cols > 1024;
        break;
    case SB_OP_SILU_MUL:
    case SB_OP_GELU_MUL:
        aux = true;
        break;
    case SB_OP_ADD:
        bad = c->codec > 1;
        break;
    case SB_OP_GATHER:
    case SB_OP_SCATTER:
        aux = rows = true;
        break;
    case SB_OP_ARGMAX:
        break;
    case SB_OP_TOPK:
        aux = true;
        bad = c->p[1] < 1 || c->p[1] > SB_TOPK_MAX || c->p[1] > c->cols;
        break;
    case SB_OP_QUANTIZE_KV:
    case SB_OP_QUANTIZE_Q:
        wei = query;
        aux = rows = true;
        line_dst = !query;
        bad = c->codec > SB_ATTN_FLAGS || c->rows > 65536 || c->cols > 4096 || !c->p[1] || c->p[1] % 64 ||
              c->p[1] > 1 << 20 || (uint64_t)c->p[0] + c->batch > c->p[1] || (query && (!c->p[3] || c->p[3] > c->rows));
        break;
    case SB_OP_ATTN_SCALE:
        aux = rows = line_src = line_aux = true;
        bad = c->codec > SB_ATTN_FLAGS || c->rows > 65536 || c->cols > 512 || !c->p[3] || c->p[3] > c->rows;
        break;
    default:
        break;
    }
    if (codec && !codec_of(c))
        return 2;
    if (c->op == SB_OP_EMBED && !c->p[1] && c->codec != SB_CODEC_FP16)
        return 2;
    if (c->batch < 1 || c->batch > MAX_BATCH || c->rows > MAX_DIM || c->cols > MAX_DIM || (rows && !c->rows) ||
        (cols && !c->cols) || bad)
        return 3;
    uint64_t used[] = {c->dst, wei ? c->weights : 0, src ? c->src : 0, aux ? c->aux : 0};
    for (int i = 0; i < 4; i++)
        if (used[i] % 4 || too_high(used[i]))
            return 4;
    if ((line_src && c->src % 64) || (line_dst && c->dst % 64) || (line_aux && c->aux % 64))
        return 4;
    return (c->op == SB_OP_ATTN_SCALE || query) && c->rows % c->p[3] ? 3 : 0; /* looked at last */
}

unsigned lm_check(const lm_core *k, const sb_command *c)
{
    if (c->op == SB_OP_NOP)
        return 0;
    if (!k->op[c->op])
        return 1;
    return c->op == SB_OP_MATVEC        ? check_matvec(k, c)
           : c->op == SB_OP_ATTENTION_X ? check_attention(k, c)
                                        : check_vector(c);
}

bool lm_loose(const sb_command *c)
{
    return c->op == SB_OP_ATTENTION_X && c->codec & SB_ATTN_EXPORT;
}

typedef struct {
    lm_rows *r;
    int n;
    bool write;
} rows_list;

static void add(rows_list *l, uint64_t addr, uint64_t bytes, uint64_t n1, uint64_t s1, uint64_t n2, uint64_t s2,
                bool sure)
{
    l->r[l->n++] = (lm_rows){
        .addr = addr, .bytes = bytes, .n1 = n1, .s1 = s1, .n2 = n2, .s2 = s2, .write = l->write, .sure = sure};
}
/* n vectors of `bytes`, `stride` bytes apart. */
static void vectors(rows_list *l, uint64_t addr, uint64_t bytes, uint64_t n, uint64_t stride)
{
    add(l, addr, bytes, n, stride, 1, 0, true);
}

/* Rows of a table, those that the indices at `list` name; a wrong index ends the command. */
static void table(rows_list *l, const sb_command *c, uint64_t addr, uint64_t bytes, uint64_t stride, uint64_t list,
                  const uint8_t *mem, uint64_t mem_bytes)
{
    add(l, addr, bytes, c->rows, stride, 1, 0, false);
    if (!mem || list % 4 || list > mem_bytes || 4ull * c->batch > mem_bytes - list)
        return;
    const uint32_t *index = (const uint32_t *)(const void *)(mem + list);
    uint64_t n = 0;
    while (n < c->batch && index[n] < c->rows)
        n++;
    if (n) {
        add(l, addr, bytes, n, stride, 1, 0, true);
        l->r[l->n - 1].index = index;
    }
}

static void attention_rows(rows_list *l, const sb_command *c)
{
    uint64_t b = c->batch, rows = c->rows, dim = c->cols, cap = c->p[1];
    bool kv8 = c->codec & SB_ATTN_KV8;
    uint64_t row = sb_attn_kv_row(dim, kv8), region = sb_attn_kv_bytes(dim, kv8, cap),
             record = sb_attn_query_bytes(dim), sums = sb_attn_row_bytes(dim);
    switch (c->op) {
    case SB_OP_QUANTIZE_KV:
        vectors(l, c->src, 4 * rows * dim, b, 4ull * c->p[2]);
        vectors(l, c->aux, 4 * rows * dim, b, 4ull * c->p[2]);
        l->write = true;
        add(l, c->dst + c->p[0] * row, row, b, row, rows, region, true);
        add(l, c->dst + cap * row, region - cap * row, rows, region, 1, 0,
            false); /* V and exponents, of which most stay */
        break;
    case SB_OP_QUANTIZE_Q:
        vectors(l, c->src, 4 * rows * dim, b, 4ull * c->p[2]);
        add(l, c->weights, region, c->p[3], region, 1, 0, false);
        add(l, c->aux, sb_attn_query_params_bytes(rows), 1, 0, 1, 0, false);
        l->write = true;
        vectors(l, c->dst, record, b * rows, record);
        break;
    case SB_OP_ATTENTION_X:
        vectors(l, c->src, 64, b * rows, record);
        add(l, c->src, record, b * rows, record, 1, 0, false);
        add(l, c->weights, region, c->p[3], region, 1, 0, false);
        if (c->codec & SB_ATTN_BITMAP)
            add(l, c->aux, (c->p[0] + 63) / 64 * sb_attn_mask_tokens(b) * 8 + 1, 1, 0, 1, 0, false);
        l->write = true;
        vectors(l, c->dst, 8 * (dim + 1), b * rows, sums);
        if (c->codec & SB_ATTN_EXPORT && c->p[0])
            add(l, c->dst + b * rows * sums, 4 * rows * sb_attn_prob_stride(c->p[0]), 1, 0, 1, 0, false);
        break;
    default: /* ATTN_SCALE */
        vectors(l, c->src, 8 * dim + (c->codec & SB_ATTN_SIGMOID ? 0 : 8), b * rows, sums);
        vectors(l, c->aux + 8, 4, b * rows, record);
        l->write = true;
        add(l, c->dst, 4 * b * rows * dim, 1, 0, 1, 0, true);
        break;
    }
}

int lm_rows_of(const lm_core *k, const sb_command *c, const uint8_t *mem, uint64_t bytes, lm_rows r[LM_ROWS])
{
    rows_list l = {r, 0, false};
    const sb_codec *codec = codec_of(c);
    uint64_t b = c->batch, rows = c->rows, cols = c->cols, p0 = 4ull * c->p[0], p1 = 4ull * c->p[1],
             p2 = 4ull * c->p[2];
    switch (c->op) {
    case SB_OP_MATVEC: {
        uint64_t each = sb_codec_act_elems(codec, cols) * 2;
        uint64_t last =
            (cols + (uint64_t)codec->act_block - 1) / (uint64_t)codec->act_block * (uint64_t)codec->act_stride * 2;
        add(&l, c->src, (b - 1) * each + last, 1, 0, 1, 0, true);
        add(&l, c->weights, sb_lane_bytes(codec, rows, cols, k->lanes, 1), 1, 0, 1, 0, true);
        l.write = true;
        vectors(&l, c->dst, 8 * rows, b, sb_acc_stride(rows));
        break;
    }
    case SB_OP_QUANTIZE:
        vectors(&l, c->src, 4 * cols, b, 4 * cols);
        l.write = true;
        vectors(&l, c->dst, sb_codec_act_elems(codec, cols) * 2, b, sb_codec_act_elems(codec, cols) * 2);
        vectors(&l, c->aux, 4, b, 4);
        break;
    case SB_OP_SCALE:
        vectors(&l, c->src, 8 * rows, b, sb_acc_stride(rows));
        vectors(&l, c->aux, 4, b, 4);
        l.write = true;
        vectors(&l, c->dst, 4 * rows, b, p1);
        break;
    case SB_OP_EMBED:
        vectors(&l, c->src, 4, b, 4);
        table(&l, c, c->weights, c->p[1] ? 4 * cols : (cols + 1) / 2 * 4, p2, c->src, mem, bytes);
        l.write = true;
        vectors(&l, c->dst, 4 * cols, b, 4 * cols);
        break;
    case SB_OP_RMSNORM:
    case SB_OP_LAYERNORM:
        vectors(&l, c->src, 4 * rows * cols, b, p1);
        vectors(&l, c->weights, 4 * cols, 1, 0);
        if (c->op == SB_OP_LAYERNORM && c->aux)
            vectors(&l, c->aux, 4 * cols, 1, 0);
        l.write = true;
        vectors(&l, c->dst, 4 * rows * cols, b, p1);
        break;
    case SB_OP_ROPE:
        vectors(&l, c->aux, 4 * cols, b, p2);
        vectors(&l, c->dst, 4 * rows * cols, b, p1);
        l.write = true;
        vectors(&l, c->dst, 4 * rows * cols, b, p1);
        break;
    case SB_OP_SILU_MUL:
    case SB_OP_GELU_MUL:
        vectors(&l, c->src, 4 * cols, b, p0);
        vectors(&l, c->aux, 4 * cols, b, p0);
        l.write = true;
        vectors(&l, c->dst, 4 * cols, b, 4 * cols);
        break;
    case SB_OP_ADD:
        vectors(&l, c->src, 4 * cols, b, 4 * cols);
        vectors(&l, c->dst, 4 * cols, b, 4 * cols);
        l.write = true;
        vectors(&l, c->dst, 4 * cols, b, 4 * cols);
        break;
    case SB_OP_GATHER:
        vectors(&l, c->aux, 4, b, 4);
        table(&l, c, c->src, 4 * cols, p0, c->aux, mem, bytes);
        l.write = true;
        vectors(&l, c->dst, 4 * cols, b, p1);
        break;
    case SB_OP_SCATTER:
        vectors(&l, c->aux, 4, b, 4);
        vectors(&l, c->src, 4 * cols, b, p0);
        l.write = true;
        table(&l, c, c->dst, 4 * cols, p1, c->aux, mem, bytes);
        break;
    case SB_OP_ARGMAX:
        vectors(&l, c->src, 4 * cols, b, p0);
        l.write = true;
        vectors(&l, c->dst, 4, b, 4);
        break;
    case SB_OP_TOPK:
        vectors(&l, c->src, 4 * cols, b, p0);
        l.write = true;
        vectors(&l, c->dst, p1, b, 4ull * sb_topk_stride(c->p[1]));
        vectors(&l, c->aux, p1, b, 4ull * sb_topk_stride(c->p[1]));
        break;
    case SB_OP_QUANTIZE_Q:
    case SB_OP_QUANTIZE_KV:
    case SB_OP_ATTENTION_X:
    case SB_OP_ATTN_SCALE:
        attention_rows(&l, c);
        break;
    default:
        break;
    }
    return l.n;
}

uint64_t lm_cycles(const lm_core *k, const sb_command *c, uint64_t latency)
{
    uint64_t b = c->batch, rows = c->rows, cols = c->cols, turn = latency + 60;
    if (c->op == SB_OP_NOP)
        return 20;
    if (c->op == SB_OP_MATVEC) {
        const sb_codec *codec = codec_of(c);
        uint64_t beats = sb_lane_bytes(codec, rows, cols, k->lanes, 1) / k->bus;
        return 5 * turn + b * sb_codec_act_elems(codec, cols) * 2 / k->bus + beats * (b + 1) +
               8 * rows * b / k->bus * 3;
    }
    if (c->op == SB_OP_ATTENTION_X) {
        uint64_t line = sb_attn_kv_row(cols, c->codec & SB_ATTN_KV8) / 64, blocks = (c->p[0] + 63) / 64,
                 tiles = b * rows;
        uint64_t each = blocks * (128 * line + 3) + 3 * line + 12;
        return 10 * turn + tiles * (each * 64 / k->bus + cols + 3 * turn); /* as if a tile had one row */
    }
    if (c->op == SB_OP_EMBED || c->op == SB_OP_GATHER || c->op == SB_OP_SCATTER || c->op == SB_OP_ARGMAX ||
        c->op == SB_OP_QUANTIZE || c->op == SB_OP_ADD || c->op == SB_OP_SILU_MUL || c->op == SB_OP_GELU_MUL ||
        c->op == SB_OP_TOPK)
        rows = 1;
    if (c->op == SB_OP_SCALE)
        cols = 1;
    uint64_t deep = c->op == SB_OP_TOPK ? c->p[1] + 1ull : 1;
    uint64_t lines = c->op == SB_OP_QUANTIZE_Q ? b * c->p[3] * (2 * turn + c->p[1] / 64 * (64 / k->bus + 8)) : 0;
    return 5 * turn + lines + b * rows * deep * (20 * turn + 600 + 8 * cols) +
           (c->op == SB_OP_SCALE ? 8 * b * rows : 0);
}

bool lm_meets(const lm_rows *r, uint64_t lo, uint64_t hi, unsigned beat)
{
    if (lo >= hi || !r->n1 || !r->n2 || !r->bytes)
        return false;
    if (!r->index) {
        uint64_t from = r->addr / beat * beat, to = up(lm_end(r), beat);
        if (from >= hi || to <= lo)
            return false;
        if (r->n1 * r->n2 > MANY)
            return !r->sure || (r->s1 <= r->bytes && r->n2 == 1);
    }
    for (uint64_t i = 0; i < r->n1 * r->n2; i++) {
        uint64_t at = lm_row_at(r, i);
        if (at / beat * beat < hi && up(at + r->bytes, beat) > lo)
            return true;
    }
    return false;
}
