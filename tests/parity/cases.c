/* SPDX-License-Identifier: Apache-2.0
 * Shapes reach every codec, odd sizes, several vectors and strides; numbers reach subnormals, both ends of the range,
 * ties and zeros. */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/attention_case.h"

static uint64_t state = 1;
static bool whole_lines;
void parity_seed(uint64_t seed, bool aligned)
{
    state = seed;
    whole_lines = aligned;
    case_rng = seed * 0x9e3779b97f4a7c15u | 1;
}

uint64_t parity_random(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint32_t below(uint32_t n)
{
    return (uint32_t)(parity_random() >> 32) % n;
}
static uint32_t between(uint32_t lo, uint32_t hi)
{
    return lo + below(hi - lo + 1);
}
/* 1..max, small ones and those around a multiple of 64 more often. */
static uint32_t size_up_to(uint32_t max)
{
    uint32_t n = below(3) == 0 ? between(1, 40)
                 : below(2)    ? between(1, max)
                               : 64 * between(1, max / 64 ? max / 64 : 1) + below(3) - 1;
    return n > max ? max : n;
}

/* The stride of vectors of n elements. */
static uint32_t stride_of(uint32_t n)
{
    return whole_lines ? (n + 15) / 16 * 16 + 16 * below(2) : n + below(16);
}
/* Elements of each of several vectors that lie one behind another. */
static uint32_t packed(uint32_t n, uint32_t batch)
{
    return whole_lines && batch > 1 ? (n + 15) / 16 * 16 : n;
}

static void *room(size_t bytes)
{
    void *p = calloc(1, bytes ? bytes : 1);
    if (!p) {
        fprintf(stderr, "parity: out of memory\n");
        exit(1);
    }
    return p;
}

static float f32(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, 4);
    return f;
}

/* One magnitude for the vector, so that sums and squares stay finite unless `wild`, or exactly representable steps
 * (ties). */
static void fill_f32(float *x, size_t n, bool wild)
{
    int level = wild ? (int)below(250) - 125 : (int)below(24) - 12;
    uint32_t kind = below(6);
    for (size_t i = 0; i < n; i++) {
        uint32_t r = (uint32_t)parity_random();
        int e = 127 + level - (int)(r >> 23 & 7);
        e = e < 0 ? 0 : e > 254 ? 254 : e;
        uint32_t mantissa = kind == 0 ? (r & 0x7fffff) & ~0x1ffu : r & 0x7fffff; /* few bits: ties when rounded to 16 */
        x[i] =
            kind == 1 && r % 5 == 0 ? (r & 64 ? 0.0f : -0.0f) : f32((r & 0x80000000u) | (uint32_t)e << 23 | mantissa);
    }
    if (kind == 2)
        memset(x, 0, n * sizeof *x);
}

static float *floats(parity_blob *b, size_t n, bool wild)
{
    *b = (parity_blob){room(n * 4), n * 4};
    fill_f32(b->data, n, wild);
    return b->data;
}

/* Rarely, where the operation looks at its input: a value that is not finite. */
static void maybe_break(parity_case *p, float *x, size_t n)
{
    if (below(24))
        return;
    static const uint32_t bad[] = {0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345, 0x7f800001};
    x[below((uint32_t)n)] = f32(bad[below(5)]);
    p->must_fail = true;
}

static const sb_codec *any_codec(void)
{
    return sb_codec_by_id((int)below(SB_CODEC_COUNT));
}

static void output(parity_blob *b, size_t bytes)
{
    *b = (parity_blob){NULL, bytes};
}

/* Quantised vectors: any int16 but -32768, which QUANTIZE never gives; zeros outside the slots' own elements. */
static void fill_activations(const sb_codec *codec, size_t cols, size_t batch, int16_t *x)
{
    size_t elems = sb_codec_act_elems(codec, cols), block = (size_t)codec->act_block,
           stride = (size_t)codec->act_stride;
    bool extreme = !below(3);
    for (size_t v = 0; v < batch; v++)
        for (size_t c = 0; c < cols; c++)
            x[v * elems + c / block * stride + c % block] =
                (int16_t)(extreme && below(2) ? (below(2) ? 32767 : -32767) : (int)below(65535) - 32767);
}

static void make_matvec(parity_case *p)
{
    const sb_codec *codec = any_codec();
    uint32_t rows = size_up_to(200), cols = size_up_to(below(8) ? 300 : 2500), batch = below(3) ? 1 : between(2, 9);
    size_t words = rows * sb_codec_row_words(codec, cols);
    uint32_t *w = room(words * 4);
    for (size_t i = 0; i < words; i++) /* every word is a valid word */
        w[i] = (uint32_t)parity_random();
    p->matrix = (sb_matrix){.codec = codec, .rows = rows, .cols = cols, .words = w};
    p->src =
        (parity_blob){room(batch * sb_codec_act_elems(codec, cols) * 2), batch * sb_codec_act_elems(codec, cols) * 2};
    fill_activations(codec, cols, batch, p->src.data);
    output(&p->dst, batch * sb_acc_stride(rows));
    p->c = (sb_command){.codec = (uint8_t)codec->id, .batch = (uint16_t)batch, .rows = rows, .cols = cols};
    snprintf(p->what, sizeof p->what, "%s %u x %u, batch %u", codec->name, rows, cols, batch);
}

static void make_quantize(parity_case *p)
{
    const sb_codec *codec = any_codec();
    uint32_t batch = between(1, 5), cols = packed(size_up_to(700), batch);
    for (uint32_t v = 0; v < batch; v++) {
        if (!v)
            p->src = (parity_blob){room((size_t)batch * cols * 4), (size_t)batch * cols * 4};
        fill_f32((float *)p->src.data + (size_t)v * cols, cols, below(2));
    }
    maybe_break(p, p->src.data, (size_t)batch * cols);
    output(&p->dst, batch * sb_codec_act_elems(codec, cols) * 2);
    output(&p->aux, batch * 4);
    p->c = (sb_command){.codec = (uint8_t)codec->id, .batch = (uint16_t)batch, .cols = cols};
    snprintf(p->what, sizeof p->what, "%s, %u numbers, batch %u", codec->name, cols, batch);
}

static void make_scale(parity_case *p)
{
    const sb_codec *codec = any_codec();
    uint32_t rows = size_up_to(500), batch = between(1, 4), stride = stride_of(rows);
    int scale_exp = (int)below(60) - 30;
    p->src = (parity_blob){room(batch * sb_acc_stride(rows)), batch * sb_acc_stride(rows)};
    int64_t *acc = p->src.data;
    uint32_t shift = below(20); /* to the subnormals, and not beyond the largest number */
    for (size_t i = 0; i < p->src.bytes / 8; i++)
        acc[i] = (int64_t)parity_random() >> below(60);
    p->aux = (parity_blob){room(batch * 4), batch * 4};
    for (uint32_t v = 0; v < batch; v++)
        ((int32_t *)p->aux.data)[v] = below(4) ? (int)below(120) - 40 : 90 + (int)shift * 4;
    if (!below(24)) { /* beyond the largest binary32 */
        acc[below(rows)] = INT64_MAX - below(99);
        scale_exp = 90;
        ((int32_t *)p->aux.data)[0] = -96;
        p->must_fail = true;
    }
    output(&p->dst, (size_t)batch * stride * 4);
    p->c = (sb_command){
        .codec = (uint8_t)codec->id, .batch = (uint16_t)batch, .rows = rows, .p = {(uint32_t)scale_exp, stride}};
    snprintf(p->what, sizeof p->what, "%s, %u numbers, batch %u, scale_exp %d", codec->name, rows, batch, scale_exp);
}

static const uint32_t dims[] = {8, 32, 40, 64, 96, 128, 256};

typedef struct {
    uint32_t flags, kv_heads, group, hd, batch, pos, capacity;
} attention_shape;

static attention_shape any_attention(void)
{
    attention_shape a = {.flags = below(SB_ATTN_CAUSAL * 2),
                         .kv_heads = between(1, 3),
                         .group = between(1, 4),
                         .hd = dims[below(7)],
                         .batch = between(1, 5),
                         .pos = below(200)};
    a.capacity = (a.pos + a.batch + below(80) + 63) / 64 * 64;
    return a;
}

static void make_quantize_kv(parity_case *p)
{
    attention_shape a = any_attention();
    uint32_t stride = stride_of(a.kv_heads * a.hd);
    size_t n = (a.batch - 1ull) * stride + a.kv_heads * a.hd;
    maybe_break(p, floats(&p->src, n, below(2)), a.hd); /* in the first head: the gaps between vectors do not count */
    floats(&p->aux, n, below(2));
    size_t bytes = a.kv_heads * sb_attn_kv_bytes(a.hd, a.flags & SB_ATTN_KV8, a.capacity);
    output(&p->dst, bytes);
    p->c = (sb_command){.codec = (uint8_t)a.flags,
                        .batch = (uint16_t)a.batch,
                        .rows = a.kv_heads,
                        .cols = a.hd,
                        .p = {a.pos, a.capacity, stride}};
    snprintf(p->what, sizeof p->what, "%s, %u heads of %u, tokens %u..%u of %u",
             a.flags & SB_ATTN_KV8 ? "8-bit" : "16-bit", a.kv_heads, a.hd, a.pos, a.pos + a.batch - 1, a.capacity);
}

static void make_quantize_q(parity_case *p)
{
    attention_shape a = any_attention();
    uint32_t heads = a.kv_heads * a.group, stride = stride_of(heads * a.hd);
    maybe_break(p, floats(&p->src, (a.batch - 1ull) * stride + heads * a.hd, below(2)), a.hd);
    p->weights.bytes = a.kv_heads * sb_attn_kv_bytes(a.hd, a.flags & SB_ATTN_KV8, a.capacity);
    p->weights.data = room(p->weights.bytes);
    size_t region = p->weights.bytes / a.kv_heads, exps = a.capacity / 64 * 128;
    for (uint32_t g = 0; g < a.kv_heads; g++)
        for (size_t i = region - exps; i < region; i++)
            ((int8_t *)p->weights.data)[g * region + i] = (int8_t)((int)below(193) - 96);
    p->aux.bytes = sb_attn_query_params_bytes(heads);
    p->aux.data = room(p->aux.bytes);
    float slope[12], bias = below(2) ? -(float)below(20000) / 1237 : 0;
    for (uint32_t h = 0; h < heads; h++)
        slope[h] = (float)below(100000) / 77777;
    uint32_t window = below(2) ? 0 : between(1, 100);
    sb_attn_query_params(heads, a.hd, bias, below(2) ? slope : NULL, window, p->aux.data);
    for (uint32_t h = 0; h < heads && !below(8); h++) /* words that are no header's are copied all the same */
        ((uint32_t *)p->aux.data)[16 * (h + 1) + below(16)] = below(1u << 31) * 2 + below(2);
    output(&p->dst, a.batch * heads * sb_attn_query_bytes(a.hd));
    p->c = (sb_command){.codec = (uint8_t)a.flags,
                        .batch = (uint16_t)a.batch,
                        .rows = heads,
                        .cols = a.hd,
                        .p = {a.pos, a.capacity, stride, a.kv_heads}};
    snprintf(p->what, sizeof p->what, "%u heads of %u over %u, tokens %u..%u, flags %u", heads, a.hd, a.kv_heads, a.pos,
             a.pos + a.batch - 1, a.flags);
}

static void make_attention_x(parity_case *p)
{
    attn_case a;
    attn_case_random(&a, below(10) ? 300 : 3000, 5, dims, 7);
    p->c = (sb_command){.codec = (uint8_t)a.a.flags,
                        .batch = (uint16_t)a.a.batch,
                        .rows = a.a.heads,
                        .cols = a.a.head_dim,
                        .p = {a.a.keys, a.a.capacity, a.a.window, a.a.kv_heads}};
    bool kv8 = a.a.flags & SB_ATTN_KV8;
    p->src = (parity_blob){a.queries, a.rows * sb_attn_query_bytes(a.a.head_dim)};
    p->weights = (parity_blob){a.kv, a.a.kv_heads * sb_attn_kv_bytes(a.a.head_dim, kv8, a.a.capacity)};
    if (a.mask)
        p->aux = (parity_blob){a.mask, (a.a.keys + 63) / 64 * sb_attn_mask_tokens(a.a.batch) * 8};
    if (!below(24)) { /* a record that no host writes */
        sb_attn_header *h = p->src.data;
        *(below(2) ? &h->pos : &h->v_exp) = 1 << 21;
        p->must_fail = p->no_core = true;
    }
    output(&p->dst, a.dst_bytes + a.prob_bytes);
    snprintf(p->what, sizeof p->what, "%s%s%s%s%s, %u heads of %u over %u, batch %u, %u keys, window %u",
             a.a.flags & SB_ATTN_SIGMOID ? "sigmoid" : "softmax", kv8 ? " 8-bit" : "",
             a.a.flags & SB_ATTN_CAUSAL ? " causal" : "", a.a.flags & SB_ATTN_BITMAP ? " bitmap" : "",
             a.a.flags & SB_ATTN_EXPORT ? " export" : "", a.a.heads, a.a.head_dim, a.a.kv_heads, a.a.batch, a.a.keys,
             a.a.window);
}

static void make_attn_scale(parity_case *p)
{
    attention_shape a = any_attention();
    uint32_t heads = a.kv_heads * a.group;
    size_t rows = (size_t)a.batch * heads, rb = sb_attn_row_bytes(a.hd), qb = sb_attn_query_bytes(a.hd);
    p->src = (parity_blob){room(rows * rb), rows * rb};
    p->aux = (parity_blob){room(rows * qb), rows * qb};
    for (size_t r = 0; r < rows; r++) {
        int64_t *acc = (int64_t *)(void *)((char *)p->src.data + r * rb);
        for (uint32_t i = 0; i <= a.hd; i++)
            acc[i] = (int64_t)parity_random() >> (5 + below(58));
        acc[a.hd] = acc[a.hd] < 0 ? ~acc[a.hd] : acc[a.hd];
        sb_attn_header h = {.v_exp = below(5) ? (int)below(60) - 40 : (int)below(193) - 60};
        memcpy((char *)p->aux.data + r * qb, &h, sizeof h);
    }
    if (!below(24)) { /* an exponent that only a hostile record holds */
        ((sb_attn_header *)p->aux.data)->v_exp = -128;
        ((int64_t *)p->src.data)[0] = INT64_MAX;
        ((int64_t *)p->src.data)[a.hd] = 1;
        p->must_fail = true;
    }
    output(&p->dst, rows * a.hd * 4);
    p->c = (sb_command){
        .codec = (uint8_t)a.flags, .batch = (uint16_t)a.batch, .rows = heads, .cols = a.hd, .p = {0, 0, 0, a.kv_heads}};
    snprintf(p->what, sizeof p->what, "%s, %u heads of %u over %u, batch %u",
             a.flags & SB_ATTN_SIGMOID ? "sigmoid" : "softmax", heads, a.hd, a.kv_heads, a.batch);
}

static uint32_t f32_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    return u;
}

/* Around 1, for gains, cosines and factors. */
static void fill_near_one(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((int)below(4000001) - 2000000) * 1e-6f;
}

static void make_norm(parity_case *p, bool layer)
{
    bool whole = below(2);
    uint32_t rows = whole ? 1 : between(1, 6), cols = whole ? size_up_to(900) : dims[below(7)], batch = between(1, 4);
    uint32_t stride = stride_of(rows * cols);
    size_t n = (batch - 1ull) * stride + rows * cols;
    floats(&p->src, n, false);
    maybe_break(p, p->src.data, cols);
    fill_near_one(floats(&p->weights, cols, false), cols);
    if (layer && below(2))
        floats(&p->aux, cols, false);
    output(&p->dst, n * 4);
    p->c = (sb_command){.batch = (uint16_t)batch,
                        .rows = rows,
                        .cols = cols,
                        .p = {f32_bits(below(2) ? 1e-5f : 1e-6f), stride, f32_bits(1.0f / (float)cols)}};
    snprintf(p->what, sizeof p->what, "%u x %u, batch %u%s", rows, cols, batch, p->aux.bytes ? ", bias" : "");
}
static void make_rmsnorm(parity_case *p)
{
    make_norm(p, false);
}
static void make_layernorm(parity_case *p)
{
    make_norm(p, true);
}

static void make_rope(parity_case *p)
{
    uint32_t rows = between(1, 9), cols = 2 * size_up_to(130), batch = between(1, 5), stride = stride_of(rows * cols);
    uint32_t aux_stride = stride_of(cols);
    floats(&p->dst, (batch - 1ull) * stride + rows * cols, false);
    maybe_break(p, p->dst.data, cols);
    fill_near_one(floats(&p->aux, (batch - 1ull) * aux_stride + cols, false), (batch - 1ull) * aux_stride + cols);
    p->c = (sb_command){.batch = (uint16_t)batch, .rows = rows, .cols = cols, .p = {below(2), stride, aux_stride}};
    snprintf(p->what, sizeof p->what, "%s, %u x %u, batch %u", p->c.p[0] ? "interleaved" : "half-split", rows, cols,
             batch);
}

/* Gates over the whole range in which they change, and far beyond. */
static void make_gate(parity_case *p)
{
    uint32_t batch = between(1, 4), cols = packed(size_up_to(700), batch),
             stride = below(2) ? 2 * cols : stride_of(cols);
    size_t n = (batch - 1ull) * stride + cols;
    float *g = floats(&p->src, n, false);
    if (below(4))
        for (size_t i = 0; i < n; i++)
            g[i] = (float)((int)below(4000001) - 2000000) * (below(2) ? 1e-5f : 4e-7f);
    maybe_break(p, p->src.data, cols);
    floats(&p->aux, n, false);
    output(&p->dst, (size_t)batch * cols * 4);
    p->c = (sb_command){.batch = (uint16_t)batch, .cols = cols, .p = {stride}};
    snprintf(p->what, sizeof p->what, "%u numbers, stride %u, batch %u", cols, stride, batch);
}

static void make_add(parity_case *p)
{
    uint32_t cols = size_up_to(900), batch = between(1, 4);
    float s = below(2) ? 1 : -0.3125f - (float)below(1000) * 1e-3f;
    floats(&p->src, (size_t)batch * cols, false);
    floats(&p->dst, (size_t)batch * cols, false);
    maybe_break(p, p->src.data, cols);
    p->c = (sb_command){.codec = (uint8_t)below(2), .batch = (uint16_t)batch, .cols = cols, .p = {f32_bits(s)}};
    snprintf(p->what, sizeof p->what, "%u numbers, batch %u%s", cols, batch, p->c.codec ? ", scaled" : "");
}

/* Indices below rows; rarely one that is not. */
static void fill_indices(parity_case *p, parity_blob *b, uint32_t n, uint32_t rows)
{
    *b = (parity_blob){room(n * 4), n * 4};
    for (uint32_t i = 0; i < n; i++)
        ((uint32_t *)b->data)[i] = below(rows);
    if (!below(24)) {
        ((uint32_t *)b->data)[below(n)] = below(2) ? rows : UINT32_MAX;
        p->must_fail = true;
    }
}

static void make_embed(parity_case *p)
{
    const sb_codec *codec = any_codec();
    uint32_t rows = between(1, 40), batch = between(1, 5), cols = packed(size_up_to(400), batch);
    bool plain = !below(4);
    uint32_t words = plain ? cols : (uint32_t)sb_codec_row_words(codec, cols), apart = stride_of(words);
    size_t n = (rows - 1ull) * apart + words;
    uint32_t *w = (uint32_t *)(void *)floats(&p->weights, n, false);
    for (size_t i = 0; !plain && i < n; i++)
        w[i] = (uint32_t)parity_random();
    int scale_exp = (int)below(40) - 20;
    fill_indices(p, &p->src, batch, rows);
    output(&p->dst, (size_t)batch * cols * 4);
    p->c = (sb_command){.codec = (uint8_t)codec->id,
                        .batch = (uint16_t)batch,
                        .rows = rows,
                        .cols = cols,
                        .p = {(uint32_t)scale_exp, plain, apart}};
    snprintf(p->what, sizeof p->what, "%s %u x %u, batch %u", plain ? "binary32" : codec->name, rows, cols, batch);
}

static void make_move(parity_case *p, bool gather)
{
    uint32_t rows = between(1, 30), cols = size_up_to(300), batch = between(1, 12), table = stride_of(cols),
             list = stride_of(cols);
    size_t table_words = (rows - 1ull) * table + cols, list_words = (batch - 1ull) * list + cols;
    floats(gather ? &p->src : &p->dst, table_words, true);
    floats(gather ? &p->dst : &p->src, list_words, true);
    fill_indices(p, &p->aux, batch, rows);
    p->c = (sb_command){
        .batch = (uint16_t)batch, .rows = rows, .cols = cols, .p = {gather ? table : list, gather ? list : table}};
    snprintf(p->what, sizeof p->what, "table of %u x %u, %u rows", rows, cols, batch);
}
static void make_gather(parity_case *p)
{
    make_move(p, true);
}
static void make_scatter(parity_case *p)
{
    make_move(p, false);
}

/* Few distinct values among them, so that equals, and zeros of both signs, are common. */
static void make_choice(parity_case *p, bool top)
{
    uint32_t cols = size_up_to(1500), batch = between(1, 4), stride = stride_of(cols),
             k = 1 + below(cols < 64 ? cols : 64);
    size_t n = (batch - 1ull) * stride + cols;
    float *x = floats(&p->src, n, below(2));
    uint32_t kinds = below(3);
    for (size_t i = 0; kinds && i < n; i++)
        x[i] = kinds == 1 ? (float)((int)below(9) - 4) * 0.5f : below(2) ? 0.0f : -0.0f;
    maybe_break(p, x, cols);
    output(&p->dst, top ? ((batch - 1ull) * sb_topk_stride(k) + k) * 4 : batch * 4);
    if (top)
        output(&p->aux, p->dst.bytes);
    p->c = (sb_command){.batch = (uint16_t)batch, .cols = cols, .p = {stride, top ? k : 0}};
    snprintf(p->what, sizeof p->what, "%u numbers, batch %u, k %u", cols, batch, top ? k : 1);
}
static void make_argmax(parity_case *p)
{
    make_choice(p, false);
}
static void make_topk(parity_case *p)
{
    make_choice(p, true);
}

parity_make_fn parity_maker(sb_op op)
{
    static const parity_make_fn makers[SB_OP_COUNT] = {[SB_OP_MATVEC] = make_matvec,
                                                       [SB_OP_QUANTIZE] = make_quantize,
                                                       [SB_OP_SCALE] = make_scale,
                                                       [SB_OP_QUANTIZE_KV] = make_quantize_kv,
                                                       [SB_OP_QUANTIZE_Q] = make_quantize_q,
                                                       [SB_OP_ATTENTION_X] = make_attention_x,
                                                       [SB_OP_ATTN_SCALE] = make_attn_scale,
                                                       [SB_OP_EMBED] = make_embed,
                                                       [SB_OP_RMSNORM] = make_rmsnorm,
                                                       [SB_OP_LAYERNORM] = make_layernorm,
                                                       [SB_OP_ROPE] = make_rope,
                                                       [SB_OP_SILU_MUL] = make_gate,
                                                       [SB_OP_GELU_MUL] = make_gate,
                                                       [SB_OP_ADD] = make_add,
                                                       [SB_OP_GATHER] = make_gather,
                                                       [SB_OP_SCATTER] = make_scatter,
                                                       [SB_OP_ARGMAX] = make_argmax,
                                                       [SB_OP_TOPK] = make_topk};
    return makers[op];
}

void parity_free(parity_case *p)
{
    free(p->weights.data);
    free(p->src.data);
    free(p->dst.data);
    free(p->aux.data);
    free((void *)(uintptr_t)p->matrix.words);
    *p = (parity_case){0};
}
