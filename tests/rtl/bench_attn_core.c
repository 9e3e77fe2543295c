/* SPDX-License-Identifier: Apache-2.0
 * The attention unit in the whole core: lists of ATTENTION_X, MATVEC and NOP against attention_exact.c and the plain
 * model, on memories of all tempers; refused records; error responses; cycles. bench_attn_core LIB... [--cases N]    N
 * attention commands a library (default 170) bench_attn_core LIB --measure         one flat JSON record a line */
#include "core_bench.h"

#include "../unit/attention_case.h"
#include "seedbed/command.h"

typedef struct {
    bench b;
    uint32_t units, rows, keys; /* register UNITS: bits, query rows side by side, keys that a softmax may have */
    uint32_t codecs;            /* register CODECS */
} attn_bench;

typedef struct {
    bool attn;
    command m;   /* MATVEC or NOP */
    attn_case c; /* queries, kv and mask are device addresses in rec */
    sb_command rec;
} item;

static const uint32_t dims[] = {8, 32, 40, 64, 72, 96, 128, 256};
enum { DIMS = sizeof dims / sizeof *dims };

static void put(attn_bench *a, uint64_t at, const void *src, size_t bytes)
{
    memcpy(a->b.mem + at, src, bytes);
}

/* Into device memory; the mask at mask_at if that is not 0. */
static item place(attn_bench *a, attn_case c, uint64_t mask_at)
{
    bench *b = &a->b;
    const sb_attn *t = &c.a;
    bool kv8 = t->flags & SB_ATTN_KV8;
    size_t queries = c.rows * sb_attn_query_bytes(t->head_dim),
           kv = t->kv_heads * sb_attn_kv_bytes(t->head_dim, kv8, t->capacity);
    size_t mask = t->mask ? (t->keys + 63) / 64 * sb_attn_mask_tokens(t->batch) * 8 : 0;
    item it = {.attn = true, .c = c};
    it.rec = (sb_command){.op = SB_OP_ATTENTION_X,
                          .codec = (uint8_t)t->flags,
                          .batch = (uint16_t)t->batch,
                          .rows = t->heads,
                          .cols = t->head_dim,
                          .tag = m_rand(&b->rng),
                          .p = {t->keys, t->capacity, t->window, t->kv_heads}};
    it.rec.src = take(b, queries);
    it.rec.weights = take(b, kv);
    it.rec.dst = take(b, c.dst_bytes + c.prob_bytes);
    it.rec.aux = mask_at ? mask_at : mask ? take(b, mask) : m_rand(&b->rng); /* without a bitmap of no meaning */
    put(a, it.rec.src, t->queries, queries);
    put(a, it.rec.weights, t->kv, kv);
    if (mask && !mask_at)
        put(a, it.rec.aux, t->mask, mask);
    return it;
}

/* Cycles that a case takes at most: every tile reads every block. */
static uint64_t cost(const attn_bench *a, const attn_case *c)
{
    const sb_attn *t = &c->a;
    uint64_t words = sb_attn_kv_row(t->head_dim, t->flags & SB_ATTN_KV8) / 64 * 128 + 3, blocks = (t->keys + 63) / 64;
    return (c->rows / a->rows + t->kv_heads) * (blocks * words + 40) * 512 / a->b.api->bus_bits;
}

/* A random case of a bounded number of cycles. */
static attn_case random_case(attn_bench *a, uint32_t max_keys, uint32_t max_batch, uint64_t max_cycles)
{
    attn_case c;
    for (;;) {
        attn_case_random(&c, max_keys, max_batch, dims, DIMS);
        if (cost(a, &c) < max_cycles)
            break;
        attn_case_free(&c);
    }
    if (!(a->units & 1))
        c.a.flags &= ~(unsigned)SB_ATTN_SIGMOID;
    if (!(a->units & 2))
        c.a.flags |= SB_ATTN_SIGMOID;
    return c;
}

/* What the definition makes of it, from and into the image. */
static void model_attention(attn_bench *a, const item *it)
{
    sb_attn t = it->c.a;
    uint8_t *m = a->b.image;
    t.queries = m + it->rec.src;
    t.kv = m + it->rec.weights;
    t.mask = t.mask ? (const uint64_t *)(const void *)(m + it->rec.aux) : NULL;
    t.dst = m + it->rec.dst;
    t.probs = t.flags & SB_ATTN_EXPORT ? (uint32_t *)(void *)(t.dst + it->c.dst_bytes) : NULL;
    CHECK(sb_attention_exact(sb_attn_best(), &t, 1), "out of memory");
}

static void put_items(attn_bench *a, uint64_t list, const item *it, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (it[i].attn)
            put(a, list + 64 * i, &it[i].rec, sizeof it[i].rec);
        else
            put_command(&a->b, list, i, &it[i].m);
    }
}

static const char *shape(const item *it)
{
    static char text[200];
    const sb_attn *t = &it->c.a;
    snprintf(text, sizeof text, "flags %u, batch %u, heads %u/%u, dim %u, keys %u of %u, window %u", t->flags, t->batch,
             t->heads, t->kv_heads, t->head_dim, t->keys, t->capacity, t->window);
    return text;
}

static void compare_items(attn_bench *a, const item *it, size_t n, const char *what)
{
    const bench *b = &a->b;
    for (size_t i = 0; i < n; i++) {
        if (!it[i].attn)
            continue;
        size_t stride = sb_attn_row_bytes(it[i].c.a.head_dim), used = 8 * (it[i].c.a.head_dim + 1);
        for (size_t r = 0; r < it[i].c.rows; r++)
            for (size_t k = 0; k < used; k += 8) {
                int64_t got, want;
                memcpy(&got, b->mem + it[i].rec.dst + r * stride + k, 8);
                memcpy(&want, b->image + it[i].rec.dst + r * stride + k, 8);
                CHECK(got == want, "%s: command %zu (%s): row %zu element %zu: got %" PRId64 ", expected %" PRId64,
                      what, i, shape(&it[i]), r, k / 8, got, want);
            }
        size_t keys = sb_attn_prob_stride(it[i].c.a.keys);
        for (size_t p = 0; p < it[i].c.prob_bytes / 4; p++) {
            uint32_t got, want;
            uint64_t at = it[i].rec.dst + it[i].c.dst_bytes + 4 * p;
            memcpy(&got, b->mem + at, 4);
            memcpy(&want, b->image + at, 4);
            CHECK(got == want, "%s: command %zu (%s): exported head %zu key %zu: got %u, expected %u", what, i,
                  shape(&it[i]), p / keys, p % keys, got, want);
        }
    }
    for (uint64_t at = 0; at < b->top + 4096; at++)
        CHECK(b->mem[at] == b->image[at], "%s: byte 0x%" PRIx64 " was changed", what, at);
}

static sb_sim_report run_items(attn_bench *a, sb_sim *s, uint64_t list, const item *it, size_t n, const char *what)
{
    bench *b = &a->b;
    put_items(a, list, it, n);
    snapshot(b);
    uint64_t attentions = 0;
    for (size_t i = 0; i < n; i++) {
        if (it[i].attn)
            model_attention(a, &it[i]), attentions++;
        else if (it[i].m.op == 1)
            model_matvec(b, &it[i].m);
    }
    sb_sim_report r = run(b, s, list, (uint32_t)n, SB_SIM_OK);
    compare_items(a, it, n, what);
    CHECK(r.counter[SB_SIM_COMMANDS] == n, "%s: %" PRIu64 " commands, expected %zu", what, r.counter[SB_SIM_COMMANDS],
          n);
    CHECK((r.counter[SB_SIM_ATTEND] > 0) == (attentions > 0), "%s: %" PRIu64 " cycles of attention", what,
          r.counter[SB_SIM_ATTEND]);
    return r;
}

static sb_sim_config tempered(bench *b, uint32_t seed)
{
    sb_sim_config cfg = {.seed = seed};
    if (m_below(&b->rng, 3))
        cfg.stall_permille = m_below(&b->rng, 500);
    if (m_below(&b->rng, 2)) {
        cfg.read_latency = m_below(&b->rng, 60);
        cfg.write_latency = m_below(&b->rng, 150);
    }
    return cfg;
}

static item random_matvec(attn_bench *a)
{
    bench *b = &a->b;
    item it = {.attn = false};
    if (!m_below(&b->rng, 4)) {
        it.m = (command){.op = 0, .rows = m_rand(&b->rng), .weights = 3};
        return it;
    }
    size_t rows = 1 + m_below(&b->rng, 60), cols = 1 + m_below(&b->rng, 80);
    int codec;
    do
        codec = (int)m_below(&b->rng, M_CODECS);
    while (!(a->codecs >> codec & 1));
    it.m = make_batch(b, codec, m_below(&b->rng, 3) ? 1 : random_batch(b, codec, rows, cols), rows, cols, 0);
    return it;
}

static void free_items(item *it, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (it[i].attn)
            attn_case_free(&it[i].c);
}

static void test_lists(attn_bench *a, int cases)
{
    bench *b = &a->b;
    sb_sim *s = NULL;
    for (int done = 0, lists = 0; done < cases; lists++) {
        if (!s || lists % 8 == 0) {
            if (s)
                b->api->close(s);
            s = open_sim(b, tempered(b, (uint32_t)lists + 1));
        }
        fresh(b);
        item it[10];
        size_t n = 1 + m_below(&b->rng, 9);
        uint64_t list = take(b, 64 * 10);
        for (size_t i = 0; i < n; i++) {
            if (m_below(&b->rng, 5) < 2) {
                it[i] = random_matvec(a);
                /* the activations are what an attention before it wrote */
                if (i && it[i - 1].attn && it[i].m.op == 1 && it[i - 1].c.dst_bytes >= 4096 && it[i].m.batch == 1)
                    it[i].m.src = it[i - 1].rec.dst;
                continue;
            }
            /* long caches; many tokens, whose masks lie in several lines; anything */
            uint32_t kind = m_below(&b->rng, 12);
            attn_case c = kind == 0  ? random_case(a, 700, 3, 25000)
                          : kind < 2 ? random_case(a, 60, 20, 40000)
                                     : random_case(a, 150, 1 + m_below(&b->rng, 12), 10000);
            /* the mask is what a matrix product before it writes: any bits will do */
            uint64_t mask_at = 0;
            size_t words = c.a.mask ? (c.a.keys + 63) / 64 * sb_attn_mask_tokens(c.a.batch) : 0;
            if (i && words && !it[i - 1].attn && it[i - 1].m.op == 1 && it[i - 1].m.batch == 1 &&
                it[i - 1].m.rows >= words)
                mask_at = it[i - 1].m.dst;
            it[i] = place(a, c, mask_at);
            done++;
        }
        run_items(a, s, list, it, n, "list");
        free_items(it, n);
    }
    b->api->close(s);
}

/* Of more than one KV head, the last of which is not port 0's if there are others. */
static attn_case several_heads(attn_bench *a)
{
    for (;;) {
        attn_case c = random_case(a, 90, 3, 9000);
        if (c.a.kv_heads > 1 && (a->b.ports == 1 || (c.a.kv_heads - 1) % a->b.ports))
            return c;
        attn_case_free(&c);
    }
}

typedef struct {
    const char *name;
    uint32_t error;
} fault;

static void test_errors(attn_bench *a)
{
    static const fault faults[] = {{"flags 16, 32", 3},
                                   {"flag 32", 3},
                                   {"batch 0", 3},
                                   {"batch 1025", 3},
                                   {"heads 0", 3},
                                   {"heads 4096", 3},
                                   {"odd group", 3},
                                   {"KV heads 0", 3},
                                   {"dim 0", 3},
                                   {"dim 12", 3},
                                   {"dim 264", 3},
                                   {"capacity 0", 3},
                                   {"capacity 96", 3},
                                   {"capacity 2^21", 3},
                                   {"keys", 3},
                                   {"softmax keys", 3},
                                   {"cache off", 4},
                                   {"src off", 4},
                                   {"dst off", 4},
                                   {"mask off", 4},
                                   {"cache high", 4},
                                   {"mask high", 4},
                                   {"cache outside", 5},
                                   {"cache ends", 5},
                                   {"src outside", 5},
                                   {"mask outside", 5},
                                   {"dst outside", 6},
                                   {"dst ends", 6},
                                   {"KV heads many", 3},
                                   {"exports outside", 6},
                                   {"only the last KV head's cache outside", 5},
                                   {"only the last row outside", 6}};
    enum { FAULTS = sizeof faults / sizeof *faults, N = 5 };
    bench *b = &a->b;
    for (size_t f = 0; f < 2 * FAULTS; f++) {
        const fault *what = &faults[f % FAULTS];
        sb_sim *s = open_sim(b, (sb_sim_config){.read_latency = m_below(&b->rng, 60),
                                                .write_latency = m_below(&b->rng, 60),
                                                .stall_permille = f >= FAULTS ? 250 : 0,
                                                .seed = (uint32_t)f});
        fresh(b);
        item it[N];
        size_t bad = 1 + m_below(&b->rng, N - 2);
        for (size_t i = 0; i < N; i++)
            it[i] = i == bad && f % FAULTS >= 30      ? place(a, several_heads(a), 0)
                    : i == bad || m_below(&b->rng, 2) ? place(a, random_case(a, 90, 3, b->ports > 1 ? 9000 : 3000), 0)
                                                      : random_matvec(a);
        sb_command good = it[bad].rec, *x = &it[bad].rec;
        uint64_t end = b->bytes;
        switch (f % FAULTS) {
        case 0:
            x->codec |= 48;
            break;
        case 1:
            x->codec |= 32 << m_below(&b->rng, 3);
            break;
        case 2:
            x->batch = 0;
            break;
        case 3:
            x->batch = (uint16_t)(1025 + m_below(&b->rng, 64000));
            break;
        case 4:
            x->rows = 0;
            break;
        case 5:
            x->rows = 4096u << m_below(&b->rng, 20);
            break;
        case 6:
            x->rows = 7, x->p[3] = 3;
            break;
        case 7:
            x->p[3] = 0;
            break;
        case 8:
            x->cols = 0;
            break;
        case 9:
            x->cols = 12;
            break;
        case 10:
            x->cols = 264;
            break;
        case 11:
            x->p[1] = 0, x->p[0] = 0;
            break;
        case 12:
            x->p[1] = 96, x->p[0] = 3;
            break;
        case 13:
            x->p[1] = 1u << 21;
            break;
        case 14:
            x->p[0] = x->p[1] + 1;
            break;
        case 15:
            x->codec &= 0xfe, x->p[1] = 1u << 20, x->p[0] = a->keys + 1;
            break;
        case 16:
            x->weights += 1u << m_below(&b->rng, 6);
            break;
        case 17:
            x->src += 1u << m_below(&b->rng, 6);
            break;
        case 18:
            x->dst += 1u << m_below(&b->rng, 6);
            break;
        case 19:
            x->codec |= 8, x->aux = good.src + (1u << m_below(&b->rng, 6));
            break;
        case 20:
            x->weights |= 1ull << (56 + m_below(&b->rng, 8));
            break;
        case 21:
            x->codec |= 8, x->aux = 1ull << (56 + m_below(&b->rng, 8));
            break;
        case 22:
            x->weights = end;
            break;
        case 23:
            x->weights = end - 4096 * (1 + m_below(&b->rng, 2));
            break;
        case 24:
            x->src = end - 64 * m_below(&b->rng, 2);
            break;
        case 25:
            x->codec |= 8, x->aux = end;
            break;
        case 26:
            x->dst = end;
            break;
        case 27:
            x->dst = end - 64;
            break;
        case 28:
            x->p[3] = x->rows + 1;
            break;
        case 29:
            x->codec |= 16, x->dst = end - it[bad].c.dst_bytes - (x->p[0] > 16 && m_below(&b->rng, 2) ? 64 : 0);
            break;
        case 30:
            x->weights = end - (good.p[3] - 1) * sb_attn_kv_bytes(good.cols, good.codec & SB_ATTN_KV8, good.p[1]);
            break;
        case 31:
            x->codec &= 0xef, x->dst = end - it[bad].c.dst_bytes + sb_attn_row_bytes(good.cols);
            break;
        }
        put_items(a, 0, it, N);
        memset(b->mem + end - 8192, 0, 8192);
        snapshot(b);
        for (size_t i = 0; i < bad; i++) {
            if (it[i].attn)
                model_attention(a, &it[i]);
            else if (it[i].m.op == 1)
                model_matvec(b, &it[i].m);
        }
        uint32_t want = f % FAULTS == 15 && !(a->units & 2) ? 2 : what->error;
        sb_sim_report r = run(b, s, 0, N, SB_SIM_CORE_ERROR);
        CHECK(r.error == want && r.error_index == bad, "%s at %zu (%s): error %u at %u, expected %u", what->name, bad,
              shape(&it[bad]), r.error, r.error_index, want);
        CHECK(r.counter[SB_SIM_COMMANDS] == bad, "%s at %zu: %" PRIu64 " commands completed", what->name, bad,
              r.counter[SB_SIM_COMMANDS]);
        /* Its own results are of no meaning after an error response; those after it did not begin. */
        if (want >= 5)
            memcpy(b->image + good.dst, b->mem + good.dst, it[bad].c.dst_bytes + it[bad].c.prob_bytes);
        compare_items(a, it, bad, what->name);
        it[bad].rec = good;
        run_items(a, s, 0, it, N, "after an error");
        free_items(it, N);
        b->api->close(s);
    }
    if ((a->units & 3) != 3) {
        sb_sim *s = open_sim(b, (sb_sim_config){0});
        fresh(b);
        item it = place(a, random_case(a, 100, 2, 5000), 0);
        it.rec.codec ^= SB_ATTN_SIGMOID;
        put_items(a, 0, &it, 1);
        sb_sim_report r = run(b, s, 0, 1, SB_SIM_CORE_ERROR);
        CHECK(r.error == 2, "mode that is not built in: error %u", r.error);
        free_items(&it, 1);
        b->api->close(s);
    }
}

static void measure_one(attn_bench *a, unsigned flags, bool prefill, uint32_t heads, uint32_t kv_heads, uint32_t dim,
                        uint32_t keys)
{
    bench *b = &a->b;
    attn_case c = {.a = {.flags = flags | SB_ATTN_CAUSAL,
                         .batch = prefill ? keys : 1,
                         .heads = heads,
                         .kv_heads = kv_heads,
                         .head_dim = dim,
                         .keys = keys,
                         .capacity = (keys + 63) / 64 * 64}};
    attn_case_fill(&c, false);
    fresh(b);
    item it = place(a, c, 0);
    sb_sim *s = open_sim(b, (sb_sim_config){.read_latency = 32, .write_latency = 32});
    sb_sim_report r = run_items(a, s, 0, &it, 1, "measure");
    const uint64_t *k = r.counter;
    printf("{\"mode\":\"%s\",\"phase\":\"%s\",\"kv_bits\":%d,\"heads\":%u,\"kv_heads\":%u,\"head_dim\":%u,\"context\":%"
           "u,\"export\":%s,\"rows\":%u,"
           "\"bus\":%u,\"units\":%u,\"cycles\":%" PRIu64 ",\"attend\":%" PRIu64 ",\"read_beats\":%" PRIu64
           ",\"write_beats\":%" PRIu64 ",\"utilisation\":%.4f}\n",
           flags & SB_ATTN_SIGMOID ? "sigmoid" : "softmax", prefill ? "prefill" : "decode",
           flags & SB_ATTN_KV8 ? 8 : 16, heads, kv_heads, dim, keys, flags & SB_ATTN_EXPORT ? "true" : "false", a->rows,
           b->api->bus_bits, a->units & 3, k[SB_SIM_TOTAL], k[SB_SIM_ATTEND], k[SB_SIM_READ_BEATS],
           k[SB_SIM_WRITE_BEATS], (double)k[SB_SIM_READ_BEATS] / (double)k[SB_SIM_TOTAL]);
    fflush(stdout);
    b->api->close(s);
    free_items(&it, 1);
}

static void measure(attn_bench *a)
{
    for (unsigned sigmoid = 0; sigmoid < 2; sigmoid++) {
        if (!(a->units & (sigmoid ? 1 : 2)))
            continue;
        for (unsigned kv8 = 0; kv8 < 2; kv8++)
            for (uint32_t keys = 1024; keys <= 16384; keys *= 4)
                measure_one(a, sigmoid | kv8 * SB_ATTN_KV8, false, 2 * a->rows, 2, 64, keys);
        measure_one(a, sigmoid, true, a->rows, 1, 64, 512);
        measure_one(a, sigmoid, true, a->rows, 1, 128, 512);
        for (unsigned kv8 = 0; a->units & 8 && kv8 < 2; kv8++)
            measure_one(a, sigmoid | kv8 * SB_ATTN_KV8 | SB_ATTN_EXPORT, false, 2 * a->rows, 2, 64, 4096);
    }
}

int main(int argc, char **argv)
{
    int cases = 170, libs = 0;
    bool measuring = false;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--measure"))
            measuring = true;
        else if (!strcmp(argv[i], "--cases") && i + 1 < argc)
            cases = atoi(argv[++i]);
        else
            argv[1 + libs++] = argv[i];
    }
    CHECK(libs, "usage: bench_attn_core LIB... [--cases N | --measure]");
    for (int i = 0; i < libs; i++) {
        attn_bench a = {.b = bench_load(argv[1 + i])};
        sb_sim *s = open_sim(&a.b, (sb_sim_config){0});
        uint32_t units = 0;
        CHECK(a.b.api->reg_read(s, 0x70, &units) == 0 && a.b.api->reg_read(s, 0x4C, &a.codecs) == 0, "UNITS, CODECS");
        a.b.api->close(s);
        a.units = units;
        a.rows = units >> 8 & 31;
        a.keys = 1u << (units >> 16 & 31);
        CHECK(units & 3, "%s: no attention unit", argv[1 + i]);
        if (measuring) {
            measure(&a);
        } else {
            case_kv_heads =
                a.b.ports > 1 ? 2 * (uint32_t)a.b.ports + 1 : 3; /* fewer than units, as many, more; no multiple */
            test_lists(&a, cases);
            test_errors(&a);
            printf("attention in core %s: %d random commands equal to the definition, refusals and error responses as "
                   "stated\n",
                   a.b.api->variant, cases);
        }
        free(a.b.mem);
        free(a.b.image);
    }
    return 0;
}
