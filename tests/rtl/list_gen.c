/* SPDX-License-Identifier: Apache-2.0 */
#include "list_gen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../parity/cases.h"
#include "../unit/attention_case.h"
#include "device/attention_exact.h"
#include "device/core_driver.h"

static uint64_t state;
static uint64_t top, limit; /* memory is given away from top to limit */

uint64_t lg_random(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
uint32_t lg_below(uint32_t n)
{
    return (uint32_t)((lg_random() >> 32) * n >> 32);
}
void lg_seed(uint64_t seed)
{
    state = seed;
    case_rng = seed | 1; /* attention_case.h has its own */
}
static bool chance(uint32_t percent)
{
    return lg_below(100) < percent;
}

/* 0: no room. */
static uint64_t take(uint64_t bytes, unsigned align)
{
    uint64_t at = (top + lg_below(3) * 4 * lg_below(40) + align - 1) / align * align;
    if (bytes > LG_MEM || at + bytes + 128 > limit)
        return 0;
    top = at + bytes;
    return at;
}

/* Copies a blob to a place of its own; without data the memory stays as it is. */
static bool place(uint8_t *mem, const parity_blob *b, unsigned align, uint64_t *addr)
{
    if (!b->bytes)
        return true;
    *addr = take(b->bytes, align);
    if (*addr && b->data)
        memcpy(mem + *addr, b->data, b->bytes);
    return *addr != 0;
}

/* Every word of random memory is a valid weight; activations must not be -32768, which QUANTIZE never gives. */
static bool make_matvec(const lm_core *k, uint8_t *mem, sb_command *c)
{
    const sb_codec *codec = sb_codec_by_id((int)lg_below(SB_CODEC_COUNT));
    *c = (sb_command){.op = SB_OP_MATVEC,
                      .codec = (uint8_t)codec->id,
                      .batch = 1,
                      .rows = 1 + lg_below(chance(80) ? 24 : 90),
                      .cols = 1 + lg_below(chance(80) ? 90 : 400),
                      .p = {lg_below(2) ? SB_MATVEC_CONSTANT : 0}};
    if (chance(40))
        c->batch = (uint16_t)(1 + lg_below(k->max_batch));
    uint64_t act = c->batch * sb_codec_act_elems(codec, c->cols) * 2;
    c->weights = take(sb_lane_bytes(codec, c->rows, c->cols, k->lanes, 1), 64);
    c->src = take(act, 64);
    c->dst = take(c->batch * sb_acc_stride(c->rows), 64);
    if (!c->weights || !c->src || !c->dst)
        return false;
    int16_t *x = (int16_t *)(void *)(mem + c->src);
    for (uint64_t i = 0; i < act / 2; i++)
        x[i] = x[i] == INT16_MIN ? 0 : x[i];
    return true;
}

static bool make_attention(const lm_core *k, parity_case *p)
{
    static const uint32_t dims[] = {8, 16, 32, 40, 64, 96};
    attn_case a;
    attn_case_random(&a, chance(80) ? 70 : 200, 3, dims, 6);
    if (!(k->units & SB_UNIT_EXPORT)) /* what is not built in is for the mutations */
        a.a.flags &= ~(unsigned)SB_ATTN_EXPORT;
    if (!(k->units & SB_UNIT_SIGMOID))
        a.a.flags &= ~(unsigned)SB_ATTN_SIGMOID;
    if (!(k->units & SB_UNIT_SOFTMAX))
        a.a.flags |= SB_ATTN_SIGMOID;
    p->c = (sb_command){.codec = (uint8_t)a.a.flags,
                        .batch = (uint16_t)a.a.batch,
                        .rows = a.a.heads,
                        .cols = a.a.head_dim,
                        .p = {a.a.keys, a.a.capacity, a.a.window, a.a.kv_heads}};
    p->src = (parity_blob){a.queries, a.rows * sb_attn_query_bytes(a.a.head_dim)};
    p->weights =
        (parity_blob){a.kv, a.a.kv_heads * sb_attn_kv_bytes(a.a.head_dim, a.a.flags & SB_ATTN_KV8, a.a.capacity)};
    if (a.mask)
        p->aux = (parity_blob){a.mask, (a.a.keys + 63) / 64 * sb_attn_mask_tokens(a.a.batch) * 8};
    p->dst.bytes = a.dst_bytes + (a.a.flags & SB_ATTN_EXPORT ? a.prob_bytes : 0);
    return true;
}

static bool make_of(unsigned op, const lm_core *k, uint8_t *mem, sb_command *c)
{
    if (op == SB_OP_NOP) {
        *c = (sb_command){.rows = (uint32_t)lg_random(), .weights = lg_random(), .dst = lg_random()};
        return true;
    }
    if (op == SB_OP_MATVEC)
        return make_matvec(k, mem, c);
    parity_case p = {0};
    parity_seed(lg_random(), chance(40));
    if (op == SB_OP_ATTENTION_X)
        make_attention(k, &p);
    else
        parity_maker((sb_op)op)(&p);
    unsigned align = op == SB_OP_ATTENTION_X || chance(50) ? 64 : 4;
    *c = p.c;
    c->op = (uint8_t)op;
    bool ok = place(mem, &p.weights, align, &c->weights) && place(mem, &p.src, align, &c->src) &&
              place(mem, &p.dst, align, &c->dst) && place(mem, &p.aux, align, &c->aux);
    parity_free(&p);
    return ok;
}

void lg_make(lg_list *l, const lm_core *k, uint8_t *mem, uint32_t most, uint64_t cycles)
{
    uint64_t *word = (uint64_t *)(void *)mem;
    for (size_t i = 0; i < LG_MEM / 8; i++)
        word[i] = lg_random();
    uint32_t n = 1 + lg_below(most), after = chance(70) ? lg_below(3) : lg_below(60);
    *l = (lg_list){.n = n, .count = n};
    l->addr = l->at = LG_MEM - 64 * (n + after); /* behind it records of zeros, then the end of memory */
    memset(mem + l->at, 0, LG_MEM - l->at);
    top = 4096;
    limit = l->at;
    sb_command last = {0};
    for (uint32_t i = 0; i < n;) {
        sb_command c;
        uint64_t before = top;
        unsigned op = chance(20) ? SB_OP_MATVEC : chance(15) ? SB_OP_ATTENTION_X : lg_below(SB_OP_COUNT);
        if ((op != SB_OP_NOP && !k->op[op]) || !make_of(op, k, mem, &c) || lm_check(k, &c) ||
            lm_cycles(k, &c, 30) > cycles) {
            top = before;
            continue;
        }
        /* Weights that the command before writes, which a core must not read ahead. They end below the rest of c's
         * operands. */
        if (i && op == SB_OP_MATVEC && last.op != SB_OP_NOP && last.dst % 64 == 0 && chance(40)) {
            c.weights = last.dst;
            c.p[0] = 0;
        }
        c.tag = (uint32_t)lg_random();
        last = c;
        memcpy(mem + l->at + 64 * i++, &c, sizeof c);
    }
}

static uint64_t *field(sb_command *c, unsigned i)
{
    uint64_t *const f[] = {&c->weights, &c->src, &c->dst, &c->aux};
    return f[i % 4];
}

static uint32_t strange(uint32_t v)
{
    static const uint32_t s[] = {0,
                                 1,
                                 2,
                                 64,
                                 255,
                                 256,
                                 1024,
                                 1025,
                                 4095,
                                 4096,
                                 65535,
                                 65536,
                                 65537,
                                 1u << 20,
                                 (1u << 24) - 1,
                                 1u << 24,
                                 (1u << 24) + 1,
                                 1u << 31,
                                 UINT32_MAX};
    switch (lg_below(5)) {
    case 0:
        return v + 1;
    case 1:
        return v - 1;
    case 2:
        return v << lg_below(16);
    case 3:
        return (uint32_t)lg_random();
    default:
        return s[lg_below(sizeof s / sizeof *s)];
    }
}

static void lengths(sb_command *c)
{
    switch (lg_below(7)) {
    case 0:
        c->rows = strange(c->rows);
        break;
    case 1:
        c->cols = strange(c->cols);
        break;
    case 2:
        c->batch = (uint16_t)strange(c->batch);
        break;
    default:
        c->p[lg_below(4)] = strange(c->p[lg_below(4)]);
        break;
    }
}

static uint64_t outside(void)
{
    switch (lg_below(5)) {
    case 0:
        return LG_MEM - 64 * lg_below(40);
    case 1:
        return LG_MEM + 64 * (uint64_t)lg_below(1 << 20);
    case 2:
        return 1ull << (20 + lg_below(44));
    case 3:
        return lg_random() >> 8 & ~63ull;
    default:
        return ~0ull << lg_below(57);
    }
}

/* An address that the command reads, or writes, if that can be told. */
static uint64_t touched(const lm_core *k, const sb_command *c, const uint8_t *mem, bool write)
{
    lm_rows r[LM_ROWS];
    int n = lm_check(k, c) ? 0 : lm_rows_of(k, c, mem, LG_MEM, r);
    for (int tries = 0; n && tries < 10; tries++) {
        const lm_rows *x = &r[lg_below((uint32_t)n)];
        uint64_t rows = x->n1 * x->n2;
        if (x->write == write && rows && rows < 1 << 20 && x->bytes)
            return lm_row_at(x, lg_below((uint32_t)rows)) + lg_random() % x->bytes;
    }
    return lg_below(LG_MEM);
}

/* Names of the cases of one(), in their order. */
static const char *const mutation[] = {"bits",       "fields",     "halves",     "address out", "address within",
                                       "misaligned", "overlap",    "length",     "op",          "codec",
                                       "zeros",      "noise",      "copy",       "count",       "list address",
                                       "data",       "read error", "write error"};
enum { MUTATIONS = sizeof mutation / sizeof *mutation };

static void one(lg_list *l, const lm_core *k, uint8_t *mem)
{
    uint8_t *records = mem + l->at;
    uint32_t i = lg_below(l->n), j = lg_below(l->n), what = lg_below(MUTATIONS);
    sb_command c, d;
    memcpy(&c, records + 64 * i, 64);
    memcpy(&d, records + 64 * j, 64);
    size_t len = strlen(l->what);
    snprintf(l->what + len, sizeof l->what - len, "%s%s of %u", len ? ", " : "", mutation[what], i);
    uint8_t *bytes = (uint8_t *)&c;
    switch (what) {
    case 0:
        for (uint32_t n = 1 + lg_below(3); n; n--)
            bytes[lg_below(64)] ^= (uint8_t)(1 << lg_below(8));
        break;
    case 1: { /* 64-bit fields change places */
        uint64_t *x = field(&c, lg_below(4)), *y = field(&c, lg_below(4)), t = *x;
        *x = *y;
        *y = t;
        break;
    }
    case 2: { /* 32-bit words */
        uint32_t x = 4 * lg_below(16), y = 4 * lg_below(16), t;
        memcpy(&t, bytes + x, 4);
        memmove(bytes + x, bytes + y, 4);
        memcpy(bytes + y, &t, 4);
        break;
    }
    case 3:
        *field(&c, lg_below(4)) = outside();
        break;
    case 4:
        *field(&c, lg_below(4)) = lg_below(LG_MEM) & ~(chance(70) ? 63u : 3u);
        break;
    case 5:
        *field(&c, lg_below(4)) += 1u << lg_below(7);
        break;
    case 6:
        *field(&c, lg_below(4)) = *field(&d, lg_below(4)) + (chance(50) ? 0 : 64 * lg_below(6));
        break;
    case 7:
        lengths(&c);
        break;
    case 8:
        c.op = (uint8_t)lg_below(chance(60) ? SB_OP_COUNT + 2 : 256);
        break;
    case 9:
        c.codec = (uint8_t)lg_below(chance(70) ? 33 : 256);
        break;
    case 10:
        memset(&c, 0, sizeof c);
        break;
    case 11:
        for (int b = 0; b < 64; b++)
            bytes[b] = (uint8_t)lg_random();
        break;
    case 12:
        c = d;
        break;
    case 13:
        l->count = chance(30)   ? lg_below(l->n)
                   : chance(50) ? l->n + lg_below((uint32_t)(LG_MEM - l->at) / 64 - l->n + 3)
                                : UINT32_MAX >> lg_below(20);
        break;
    case 14:
        l->addr = chance(30)   ? l->addr + (1u << lg_below(7))
                  : chance(30) ? lg_below(LG_MEM) & ~63u
                  : chance(50) ? LG_MEM - 64 * lg_below(4)
                               : outside();
        break;
    case 15: { /* a value that is not finite, a huge index */
        uint64_t at = touched(k, &c, mem, false) & ~3ull;
        static const uint32_t v[] = {0x7f800000, 0xff800000, 0x7fc00000, UINT32_MAX, 0x80000000, 0, 0x00000001};
        if (at < l->at)
            memcpy(mem + at, &v[lg_below(7)], 4);
        break;
    }
    default: {
        bool write = what == 17;
        uint64_t at = !write && chance(15) ? l->at + 64 * i + lg_below(64) : touched(k, &c, mem, write);
        l->fault = (lg_fault){
            .lo = at, .hi = at + 1 + lg_below(chance(50) ? 1 : 200), .response = chance(50) ? 2 : 3, .write = write};
        break;
    }
    }
    memcpy(records + 64 * i, &c, 64);
}

void lg_mutate(lg_list *l, const lm_core *k, uint8_t *mem)
{
    l->mutated = true;
    for (uint32_t n = chance(60) ? 1 : 2 + lg_below(2); n; n--)
        one(l, k, mem);
}
