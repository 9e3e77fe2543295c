/* SPDX-License-Identifier: Apache-2.0
 * The vector unit against the cpu device, command by command: random shapes, addresses and values, memory with random
 * stalls, poison around and in every result, errors in the data and on the bus, records that must be refused.
 *   bench_vector [commands] [seed]
 *   bench_vector --measure      one flat JSON record a line: cycles and beats on an ideal bus of 32 cycles latency */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/attention_exact.h"
#include "device/device_internal.h"
#include "model.h"
#include "vec_shim.h"

enum { REGION = 1 << 20 };

static m_rng rng = {0x5EEDBED7};
static uint32_t below(uint32_t n)
{
    return m_below(&rng, n);
}
static bool chance(uint32_t permille)
{
    return below(1000) < permille;
}

static sb_device *dev;
static uint64_t base, top; /* the region, and what of it is given away */
static uint8_t *host;      /* its bytes in the cpu device */

#define DIE(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), exit(1))

static uint64_t take(uint64_t bytes, unsigned align)
{
    top += chance(300) ? 4 * below(40) : 0;
    top = (top + align - 1) / align * align;
    uint64_t at = top;
    top += bytes;
    if (top > base + REGION - 256)
        DIE("bench_vector: a case does not fit its memory");
    return at;
}
static unsigned word_or_line(void)
{
    return chance(400) ? 64 : 4;
}
static void *at(uint64_t addr)
{
    return host + (addr - base);
}

typedef enum { PLAIN, WIDE, TINY, ZEROS, HUGE_ONES, KINDS } value_kind;

static uint32_t value(value_kind k)
{
    uint32_t r = m_rand(&rng), sign = r & 0x80000000u, f = m_rand(&rng) & 0x7FFFFF;
    switch (k) {
    case WIDE:
        return sign | (96 + below(64)) << 23 | f;
    case TINY:
        return sign | below(24) << 23 | f;
    case ZEROS:
        return chance(500) ? sign : sign | (120 + below(10)) << 23 | f;
    case HUGE_ONES:
        return sign | (180 + below(70)) << 23 | f;
    default:
        return sign | (120 + below(10)) << 23 | (chance(200) ? 0 : f);
    }
}
static uint64_t floats(uint64_t n, unsigned align, value_kind k)
{
    uint64_t a = take(4 * n, align);
    uint32_t *x = at(a);
    for (uint64_t i = 0; i < n; i++)
        x[i] = value(k);
    return a;
}
static void spoil(uint64_t addr, uint64_t n) /* a value that is not finite somewhere */
{
    uint32_t *x = at(addr);
    x[below((uint32_t)n)] = chance(500) ? 0x7F800000u | (m_rand(&rng) & 0x80000000u) : 0x7FC00000u;
}

static uint32_t length(uint32_t limit)
{
    uint32_t n = chance(100) ? 1 + below(limit) : chance(500) ? 1 + below(200) : 1 + below(24);
    return n < limit ? n : limit;
}
static value_kind some_kind(void)
{
    return chance(700) ? PLAIN : (value_kind)below(KINDS);
}
static uint32_t bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    return u;
}

static const unsigned ops[] = {SB_OP_ADD,         SB_OP_SCALE,      SB_OP_SILU_MUL,   SB_OP_RMSNORM,
                               SB_OP_QUANTIZE,    SB_OP_ROPE,       SB_OP_ARGMAX,     SB_OP_EMBED,
                               SB_OP_GATHER,      SB_OP_SCATTER,    SB_OP_GELU_MUL,   SB_OP_LAYERNORM,
                               SB_OP_QUANTIZE_KV, SB_OP_ATTN_SCALE, SB_OP_QUANTIZE_Q, SB_OP_TOPK};
enum { N_OPS = sizeof ops / sizeof *ops };

static void make_scale(sb_command *c)
{
    c->codec = (uint8_t)below(4);
    c->batch = (uint16_t)(1 + below(3));
    c->rows = length(1500);
    c->src = take(c->batch * sb_acc_stride(c->rows), 64);
    int64_t *acc = at(c->src);
    for (size_t i = 0; i < c->batch * sb_acc_stride(c->rows) / 8; i++)
        acc[i] = (int64_t)((uint64_t)m_rand(&rng) << 32 | m_rand(&rng)) >> below(64);
    c->p[1] = c->rows + (chance(500) ? below(20) : 0);
    c->dst = take(4ull * c->batch * c->p[1], word_or_line());
    c->aux = take(4ull * c->batch, 4);
    for (size_t v = 0; v < c->batch; v++)
        ((int32_t *)at(c->aux))[v] = chance(900) ? (int32_t)below(193) - 96 : (int32_t)m_rand(&rng);
    c->p[0] = (uint32_t)(chance(850) ? (int32_t)below(40) - 30 : (int32_t)below(400) - 300);
}

static void make_quantize_kv(sb_command *c)
{
    c->codec = (uint8_t)(chance(400) ? SB_ATTN_KV8 : 0) | (uint8_t)(chance(500) ? SB_ATTN_SIGMOID | SB_ATTN_CAUSAL : 0);
    c->batch = (uint16_t)(1 + below(3));
    c->rows = 1 + below(3);
    c->cols = chance(700) ? 8u << below(5) : 1 + below(140);
    c->p[1] = 64 * (1 + below(3));
    c->p[0] = below(c->p[1] - c->batch + 1);
    c->p[2] = c->rows * c->cols + (chance(500) ? below(16) : 0);
    c->src = floats((uint64_t)c->batch * c->p[2], word_or_line(), some_kind());
    c->aux = floats((uint64_t)c->batch * c->p[2], word_or_line(), some_kind());
    c->dst = take(c->rows * sb_attn_kv_bytes(c->cols, c->codec & SB_ATTN_KV8, c->p[1]), 64);
}

/* Cache, parameters and gaps hold random bits: what is not a V exponent that the query sees must not count. */
static void make_quantize_q(sb_command *c)
{
    c->codec = (uint8_t)below(SB_ATTN_FLAGS + 1);
    c->batch = (uint16_t)(1 + below(3));
    c->p[3] = 1 + below(3);
    c->rows = c->p[3] * (1 + below(3));
    c->cols = chance(700) ? 8u << below(5) : 1 + below(140);
    c->p[1] = 64 * (1 + below(6));
    c->p[0] = chance(200) ? 64 * below(c->p[1] / 64) : below(c->p[1] - c->batch + 1); /* a block's first key */
    c->p[2] = c->rows * c->cols + (chance(500) ? below(16) : 0);
    uint64_t n = (uint64_t)c->batch * c->p[2], cache = sb_attn_kv_bytes(c->cols, c->codec & SB_ATTN_KV8, c->p[1]);
    c->src = floats(n, word_or_line(), some_kind());
    if (chance(100))
        memset(at(c->src), 0, 4ull * c->cols);
    c->weights = take(c->p[3] * cache, word_or_line());
    for (uint32_t g = 0; g < c->p[3] && chance(700);
         g++) { /* high ones but for a few, so that the least lies anywhere */
        uint8_t *e = (uint8_t *)at(c->weights) + (g + 1) * cache - c->p[1] / 64 * 128;
        for (uint32_t i = 0; i < c->p[1] / 64 * 128; i++)
            e[i] = chance(950) ? (uint8_t)(90 + below(38)) : (uint8_t)m_rand(&rng);
    }
    c->aux = take(sb_attn_query_params_bytes(c->rows), word_or_line());
    *(uint32_t *)at(c->aux) = chance(400) ? 0 : chance(900) ? 1 + below(c->p[0] + 80) : m_rand(&rng);
    c->dst = take((uint64_t)c->batch * c->rows * sb_attn_query_bytes(c->cols), word_or_line());
}

static void make_topk(sb_command *c)
{
    c->cols = length(2000);
    c->p[0] = c->cols + (chance(500) ? below(20) : 0);
    c->p[1] = chance(300) ? 1 + below(4) : 1 + below(SB_TOPK_MAX);
    c->p[1] = c->p[1] > c->cols ? c->cols : c->p[1];
    c->src = floats((uint64_t)c->batch * c->p[0], word_or_line(), some_kind());
    if (chance(400)) /* equal ones, and zeros of both signs */
        for (uint64_t i = 0; i < c->batch * c->p[0]; i++)
            ((uint32_t *)at(c->src))[i] = chance(500)   ? 0x80000000u * (m_rand(&rng) & 1)
                                          : chance(500) ? 0xBF800000u
                                                        : 0x3F800000u;
    c->dst = take(4ull * c->batch * sb_topk_stride(c->p[1]), word_or_line());
    c->aux = take(4ull * c->batch * sb_topk_stride(c->p[1]), word_or_line());
}

static void make_attn_scale(sb_command *c)
{
    c->codec = (uint8_t)(chance(500) ? SB_ATTN_SIGMOID : 0);
    c->batch = (uint16_t)(1 + below(3));
    c->p[3] = 1 + below(3);
    c->rows = c->p[3] * (1 + below(3));
    c->cols = chance(700) ? 8u << below(5) : 1 + below(140);
    uint64_t n = (uint64_t)c->batch * c->rows, rb = sb_attn_row_bytes(c->cols), qb = sb_attn_query_bytes(c->cols);
    c->src = take(n * rb, 64);
    c->aux = take(n * qb, 64);
    c->dst = take(4 * n * c->cols, word_or_line());
    for (uint64_t r = 0; r < n; r++) {
        int64_t *acc = at(c->src + r * rb);
        unsigned down = 4 + below(56);
        for (uint32_t i = 0; i < c->cols; i++)
            acc[i] = (int64_t)((uint64_t)m_rand(&rng) << 32 | m_rand(&rng)) >> down;
        acc[c->cols] = chance(100) ? 0 : (int64_t)(((uint64_t)m_rand(&rng) << 32 | m_rand(&rng)) >> below(64));
        sb_attn_header *h = at(c->aux + r * qb);
        h->v_exp = chance(950) ? (int32_t)below(120) - 60 : (int32_t)below(400) - 200;
    }
}

/* An index; a few are too large, most of these by one. */
static uint32_t row_of(uint32_t rows)
{
    return chance(970) ? below(rows) : rows + (chance(700) ? 0 : below(3) * 0x10000000u);
}

static void make_move(sb_command *c)
{
    bool gather = c->op == SB_OP_GATHER;
    c->batch = (uint16_t)(1 + below(5));
    c->rows = 1 + below(9);
    c->cols = length(700);
    c->p[0] = c->cols + (chance(500) ? below(20) : 0);
    c->p[1] = c->cols + (chance(500) ? below(20) : 0);
    c->src = take(4ull * (gather ? c->rows : c->batch) * c->p[0], word_or_line());
    c->dst = take(4ull * (gather ? c->batch : c->rows) * c->p[1], word_or_line());
    c->aux = take(4ull * c->batch, 4);
    for (size_t v = 0; v < c->batch; v++)
        ((uint32_t *)at(c->aux))[v] = row_of(c->rows);
}

static void make_embed(sb_command *c)
{
    bool plain = chance(500);
    c->batch = (uint16_t)(1 + below(4));
    c->rows = 1 + below(9);
    c->cols = length(1500);
    c->p[1] = plain;
    c->p[2] = (plain ? c->cols : (c->cols + 1) / 2) + (chance(500) ? below(20) : 0);
    c->p[0] = (uint32_t)(chance(900) ? (int32_t)below(30) - 15 : (int32_t)below(400) - 250);
    uint64_t words = (uint64_t)c->rows * c->p[2];
    if (words * 4 > REGION / 2)
        c->rows = 1, words = c->p[2];
    c->weights = plain ? floats(words, word_or_line(), some_kind()) : take(4 * words, word_or_line());
    c->src = take(4ull * c->batch, 4);
    c->dst = take(4ull * c->batch * c->cols, word_or_line());
    for (size_t v = 0; v < c->batch; v++)
        ((uint32_t *)at(c->src))[v] = row_of(c->rows);
}

/* A command that is right in form; a few have values that are not finite. */
static sb_command make(unsigned op)
{
    sb_command c = {.op = (uint8_t)op, .batch = (uint16_t)(1 + below(3)), .tag = m_rand(&rng)};
    top = base + 64;
    bool bad = chance(40);
    switch (op) {
    case SB_OP_ADD:
        c.codec = chance(300);
        c.cols = length(2500);
        c.p[0] = value(some_kind());
        c.src = floats((uint64_t)c.batch * c.cols, word_or_line(), some_kind());
        c.dst = floats((uint64_t)c.batch * c.cols, word_or_line(), some_kind());
        if (bad)
            spoil(chance(500) ? c.src : c.dst, (uint64_t)c.batch * c.cols);
        break;
    case SB_OP_SCALE:
        make_scale(&c);
        break;
    case SB_OP_SILU_MUL:
    case SB_OP_GELU_MUL: {
        c.cols = length(2500);
        c.p[0] = c.cols + (chance(500) ? below(20) : 0);
        uint64_t n = (uint64_t)c.batch * c.p[0];
        c.src = floats(n, word_or_line(), some_kind());
        c.aux = floats(n, word_or_line(), some_kind());
        c.dst = c.p[0] == c.cols && chance(200) ? c.src : take(4ull * c.batch * c.cols, word_or_line());
        if (bad)
            spoil(chance(500) ? c.src : c.aux, c.cols);
        break;
    }
    case SB_OP_RMSNORM:
    case SB_OP_LAYERNORM: {
        bool heads = chance(600);
        c.rows = heads ? 1 + below(24) : 1;
        c.cols = heads ? (chance(700) ? 8u << below(5) : 1 + below(150)) : length(3000);
        c.p[0] = bits(chance(800) ? 1e-5f : 0.0f);
        c.p[2] = bits(1.0f / (float)c.cols);
        c.p[1] = c.rows * c.cols + (chance(500) ? below(20) : 0);
        value_kind k = some_kind();
        c.src = floats((uint64_t)c.batch * c.p[1], word_or_line(), k);
        c.weights = floats(c.cols, word_or_line(), PLAIN);
        if (op == SB_OP_LAYERNORM && chance(500))
            c.aux = floats(c.cols, word_or_line(), PLAIN);
        c.dst = chance(300) ? c.src : take(4ull * c.batch * c.p[1], word_or_line());
        if (bad)
            spoil(chance(500) ? c.src : c.weights, c.cols);
        break;
    }
    case SB_OP_QUANTIZE: {
        c.codec = (uint8_t)below(4);
        c.cols = length(2500);
        c.src = floats((uint64_t)c.batch * c.cols, word_or_line(), some_kind());
        if (chance(50))
            memset(at(c.src), 0, 4ull * c.cols);
        c.dst = take(2ull * c.batch * sb_codec_act_elems(sb_codec_by_id(c.codec), c.cols), 64);
        c.aux = take(4ull * c.batch, 4);
        if (bad)
            spoil(c.src, (uint64_t)c.batch * c.cols);
        break;
    }
    case SB_OP_ROPE:
        c.rows = 1 + below(24);
        c.cols = chance(700) ? 8u << below(5) : 2 * (1 + below(chance(100) ? 512 : 75));
        c.p[0] = chance(400);
        c.p[1] = c.rows * c.cols + (chance(500) ? below(20) : 0);
        c.p[2] = c.cols + (chance(500) ? below(20) : 0);
        c.dst = floats((uint64_t)c.batch * c.p[1], word_or_line(), some_kind());
        c.aux = floats((uint64_t)c.batch * c.p[2], word_or_line(), PLAIN);
        if (bad)
            spoil(c.dst, c.cols);
        break;
    case SB_OP_ARGMAX:
        c.cols = length(3000);
        c.p[0] = c.cols + (chance(500) ? below(20) : 0);
        c.src = floats((uint64_t)c.batch * c.p[0], word_or_line(), some_kind());
        if (chance(300)) /* equal ones, and zeros of both signs */
            for (uint64_t i = 0; i < c.batch * c.p[0]; i++)
                ((uint32_t *)at(c.src))[i] = chance(500) ? 0x80000000u * (m_rand(&rng) & 1) : 0xBF800000u;
        c.dst = take(4ull * c.batch, 4);
        if (bad)
            spoil(c.src, c.cols);
        break;
    case SB_OP_EMBED:
        make_embed(&c);
        break;
    case SB_OP_GATHER:
    case SB_OP_SCATTER:
        make_move(&c);
        break;
    case SB_OP_QUANTIZE_KV:
        make_quantize_kv(&c);
        if (bad)
            spoil(chance(500) ? c.src : c.aux, c.cols);
        break;
    case SB_OP_ATTN_SCALE:
        make_attn_scale(&c);
        break;
    case SB_OP_QUANTIZE_Q:
        make_quantize_q(&c);
        if (bad)
            spoil(c.src, c.cols);
        break;
    case SB_OP_TOPK:
        make_topk(&c);
        if (bad)
            spoil(c.src, c.cols);
        break;
    default:
        DIE("bench_vector: no case for operation %u", op);
    }
    return c;
}

static void show(const sb_command *c)
{
    fprintf(stderr,
            "%s codec %u batch %u rows %u cols %u weights %" PRIx64 " src %" PRIx64 " dst %" PRIx64 " aux %" PRIx64
            " p %08x %08x %08x %08x (region at %" PRIx64 ")\n",
            sb_op_name(c->op), c->codec, c->batch, c->rows, c->cols, c->weights, c->src, c->dst, c->aux, c->p[0],
            c->p[1], c->p[2], c->p[3], base);
}

/* What the cpu device says: 0, or the number in its message. */
static unsigned run_cpu(const sb_command *c, uint64_t list)
{
    sb_error err = {0};
    if (sb_device_write(dev, list, c, sizeof *c, &err) || !sb_device_submit(dev, list, 1, &err))
        return 0;
    const char *e = strstr(err.msg, "(error ");
    if (!e) {
        show(c);
        DIE("bench_vector: the cpu device refuses a command that was meant to be right: %s", err.msg);
    }
    return (unsigned)atoi(e + 7);
}

/* Every byte, but for what a failed command may leave. */
static void compare(const sb_command *c, const uint8_t *rtl, bool failed)
{
    sb_range r[SB_MAX_RANGES];
    int n = 0;
    sb_error err;
    if (failed && sb_command_ranges(dev, c, r, &n, &err))
        DIE("bench_vector: %s", err.msg);
    for (uint64_t i = 0; i < REGION; i++) {
        if (rtl[i] == host[i])
            continue;
        bool open = false;
        for (int j = 0; j < n; j++)
            open |= r[j].written && base + i >= r[j].addr && base + i < r[j].addr + r[j].bytes;
        if (!open) {
            show(c);
            uint64_t w = i & ~3ull;
            DIE("byte %" PRIx64 " is %02x, expected %02x (word %08x, expected %08x)%s", base + i, rtl[i], host[i],
                *(const uint32_t *)(const void *)(rtl + w), *(const uint32_t *)(void *)(host + w),
                failed ? ", outside the results" : "");
        }
    }
}

typedef struct {
    sb_command c;
    unsigned error;
} refusal;

/* A record made wrong in one way, and the error for it. */
static refusal refuse(sb_command c)
{
    static const uint8_t absent[] = {7, 8, 13, 21, 99, 255};
    refusal r = {c, 0};
    switch (below(8)) {
    case 0:
        r.c.op = absent[below(sizeof absent)], r.error = 1;
        break;
    case 1:
        r.c.batch = chance(500) ? 0 : (uint16_t)(1025 + below(60000)), r.error = 3;
        break;
    case 2:
        if (r.c.op == SB_OP_SCALE)
            r.c.rows = 0;
        else
            r.c.cols = chance(500) ? 0 : (1u << 24) + 1 + below(1u << 30);
        r.error = 3;
        break;
    case 3:
        r.c.dst |= 1 + below(3), r.error = 4;
        break;
    case 4:
        r.c.dst |= 1ull << (56 + below(8)), r.error = 4;
        break;
    case 5: /* what only some operations have */
    case 6:
        r.error = 3;
        if (c.op == SB_OP_TOPK)
            r.c.p[1] = chance(300) ? 0 : chance(500) ? c.cols + 1 : 65 + below(1u << 31);
        else if (c.op == SB_OP_QUANTIZE_Q || c.op == SB_OP_ATTN_SCALE)
            switch (below(4)) {
            case 0:
                r.c.p[3] = 0;
                break;
            case 1:
                r.c.p[3] = c.rows + 1 + below(1u << 30);
                break;
            case 2:
                r.c.rows = 5, r.c.p[3] = 2 + below(3);
                break; /* heads that do not divide */
            default:
                r.c.codec = (uint8_t)(32 + below(224));
                break;
            }
        else if (c.op == SB_OP_QUANTIZE_KV)
            r.c.p[0] = c.p[1] - c.batch + 1 + below(1u << 30);
        else if (c.op == SB_OP_ROPE)
            r.c.cols = chance(500) ? c.cols | 1 : 1026 + 2 * below(1u << 20);
        else
            r.c.batch = 0;
        break;
    default:
        if (r.c.op == SB_OP_QUANTIZE || r.c.op == SB_OP_SCALE)
            r.c.codec = (uint8_t)(4 + below(250)), r.error = 2;
        else if (r.c.op == SB_OP_EMBED)
            r.c.codec = 2, r.c.p[1] = 0, r.error = 2;
        else
            r.c.dst |= 2, r.error = 4;
        break;
    }
    return r;
}

static void check_result(const sb_command *c, const vec_result *r, unsigned want)
{
    if (r->hung || r->protocol || (r->outside && want == 0) || r->error != want) {
        show(c);
        DIE("error %u, expected %u%s%s%s (state %02x, %" PRIu64 " cycles)", r->error, want, r->hung ? ", hung" : "",
            r->protocol ? ", port rule broken" : "", r->outside ? ", wrote outside" : "", r->state, r->cycles);
    }
}

static void random_commands(void *dut, long commands, uint64_t list)
{
    uint8_t *rtl = malloc(REGION);
    long per_op[64] = {0}, failed = 0, refused = 0, bus = 0;
    for (long i = 0; i < commands; i++) {
        uint32_t *w = (uint32_t *)(void *)host;
        for (size_t j = 0; j < REGION / 4; j++)
            w[j] = m_rand(&rng);
        sb_command c = make(ops[below(N_OPS)]);
        uint64_t used = top - base + 256;
        memcpy(rtl, host, REGION);
        vec_env env = {.stall = chance(500) ? below(600) : 0,
                       .latency = below(60),
                       .late = chance(500),
                       .bad_read = -1,
                       .bad_write = -1,
                       .seed = m_rand(&rng)};
        vec_result r;
        if (chance(60)) {
            refusal x = refuse(c);
            vec_dut_run(dut, &x.c, rtl, base, REGION, &env, &r);
            check_result(&x.c, &r, x.error);
            compare(&c, rtl, false);
            refused++;
            continue;
        }
        unsigned want = run_cpu(&c, list);
        if (!want && chance(60)) { /* an error on the bus; which beat and run there are is known from a first try */
            uint8_t *copy = malloc(REGION);
            memcpy(copy, rtl, REGION);
            vec_dut_run(dut, &c, copy, base, REGION, &env, &r);
            memcpy(copy, rtl, REGION);
            bool on_read = r.read_beats && chance(600);
            if (on_read)
                env.bad_read = (long)below((uint32_t)r.read_beats);
            else
                env.bad_write = 0;
            vec_dut_run(dut, &c, copy, base, REGION, &env, &r);
            check_result(&c, &r, on_read ? 5 : 6);
            compare(&c, copy, true);
            free(copy);
            bus++;
            env.bad_read = env.bad_write = -1;
        }
        vec_dut_run(dut, &c, rtl, base, REGION, &env, &r);
        check_result(&c, &r, want);
        compare(&c, rtl, want != 0);
        per_op[c.op]++;
        failed += want != 0;
        (void)used;
    }
    printf("vector unit, %d bits, %d lanes: %ld commands equal to the cpu device (", VEC_BUS, VEC_LANES, commands);
    for (unsigned i = 0; i < N_OPS; i++)
        printf("%s %ld, ", sb_op_name(ops[i]), per_op[ops[i]]);
    printf("%ld of them failed as they must), %ld refused, %ld bus errors: ok\n", failed, refused, bus);
    if (commands >= 500 && (!failed || !refused || !bus))
        DIE("bench_vector: a kind of error did not occur");
    free(rtl);
}

static void measure_one(void *dut, sb_command c, const char *what)
{
    uint8_t *rtl = malloc(REGION);
    memcpy(rtl, host, REGION);
    vec_env env = {.latency = 32, .bad_read = -1, .bad_write = -1, .seed = 1};
    vec_result r;
    vec_dut_run(dut, &c, rtl, base, REGION, &env, &r);
    check_result(&c, &r, 0);
    bool heads = c.op == SB_OP_RMSNORM || c.op == SB_OP_ROPE || c.op == SB_OP_QUANTIZE_Q || c.op == SB_OP_QUANTIZE_KV;
    uint64_t n = (uint64_t)c.batch * (c.op == SB_OP_SCALE ? c.rows : (heads ? c.rows : 1) * c.cols) *
                 (c.op == SB_OP_QUANTIZE_KV ? 2 : 1);
    printf("{\"op\":\"%s\",\"shape\":\"%s\",\"bus\":%d,\"lanes\":%d,\"elements\":%" PRIu64 ",\"cycles\":%" PRIu64
           ",\"read_beats\":%" PRIu64 ",\"write_beats\":%" PRIu64 "}\n",
           sb_op_name(c.op), what, VEC_BUS, VEC_LANES, n, r.cycles, r.read_beats, r.write_beats);
    free(rtl);
}

static void measure(void *dut)
{
    top = base + 64;
    memset(host, 0, REGION);
    uint64_t a = floats(16384, 64, PLAIN), b = floats(16384, 64, PLAIN), d = take(65536, 64), acc = take(8 * 8192, 64);
    uint64_t ints = take(256, 64), cache = take(4 * sb_attn_kv_bytes(64, true, 1024), 64);
    sb_command c = {.batch = 1, .src = a, .dst = d, .aux = b, .weights = b, .cols = 2048, .rows = 1};
#define OP(o, text, ...)                                                                                               \
    do {                                                                                                               \
        sb_command x = c;                                                                                              \
        x.op = o;                                                                                                      \
        __VA_ARGS__;                                                                                                   \
        measure_one(dut, x, text);                                                                                     \
    } while (0)
    OP(SB_OP_ADD, "2048", x.dst = b);
    OP(SB_OP_RMSNORM, "2048", x.p[1] = 2048, x.p[0] = bits(1e-5f), x.p[2] = bits(1.0f / 2048));
    OP(SB_OP_RMSNORM, "20 heads of 64", x.rows = 20, x.cols = 64, x.p[1] = 1280, x.p[2] = bits(1.0f / 64));
    OP(SB_OP_ROPE, "20 heads of 64", x.dst = a, x.rows = 20, x.cols = 64, x.p[1] = 1280, x.p[2] = 64);
    OP(SB_OP_SILU_MUL, "5632", x.cols = 5632, x.p[0] = 5632);
    OP(SB_OP_QUANTIZE, "2048", x.codec = 2, x.aux = ints);
    OP(SB_OP_QUANTIZE, "5632", x.codec = 2, x.cols = 5632, x.aux = ints);
    OP(SB_OP_SCALE, "2048", x.codec = 2, x.rows = 2048, x.src = acc, x.p[1] = 2048, x.aux = ints);
    OP(SB_OP_ARGMAX, "8192", x.cols = 8192, x.p[0] = 8192);
    OP(SB_OP_TOPK, "8 of 8192", x.cols = 8192, x.p[0] = 8192, x.p[1] = 8, x.aux = ints);
    OP(SB_OP_QUANTIZE_Q, "20 heads of 64 over 4, 8 bits, 1024 keys", x.codec = 6, x.rows = 20, x.cols = 64,
       x.p[0] = 1023, x.p[1] = 1024, x.p[2] = 1280, x.p[3] = 4, x.weights = cache,
       x.aux = take(sb_attn_query_params_bytes(20), 64));
    OP(SB_OP_QUANTIZE_KV, "4 heads of 64, 8 bits", x.codec = 2, x.rows = 4, x.cols = 64, x.p[1] = 64, x.p[2] = 256);
#undef OP
}

int main(int argc, char **argv)
{
    bool timing = argc > 1 && !strcmp(argv[1], "--measure");
    long commands = argc > 1 && !timing ? atol(argv[1]) : 500;
    if (argc > 2)
        rng.s = (uint32_t)strtoul(argv[2], NULL, 0) | 1;
    sb_error err;
    sb_device_options opt = {.threads = 1};
    uint64_t list;
    if (sb_device_open("cpu", &opt, &dev, &err) || sb_device_alloc(dev, 64, &list, &err) ||
        sb_device_alloc(dev, REGION + 4096, &base, &err))
        DIE("bench_vector: %s", err.msg);
    base = (base + 4095) / 4096 * 4096;
    host = sb_ptr(dev, base);
    void *dut = vec_dut_new();
    if (timing)
        measure(dut);
    else
        random_commands(dut, commands, list);
    vec_dut_free(dut);
    sb_device_close(dev);
    return 0;
}
