/* SPDX-License-Identifier: Apache-2.0
 * The whole core through the C ABI, against the plain model.
 *   bench_core LIB...            the tests, deterministic
 *   bench_core LIB... --measure  cycles, bus utilisation and speed of square matrices */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "seedbed_sim.h"

#define CHECK(cond, ...)                                                                                                     \
    do {                                                                                                                     \
        if (!(cond)) {                                                                                                       \
            fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                                                  \
            fprintf(stderr, __VA_ARGS__);                                                                                    \
            fputc('\n', stderr);                                                                                             \
            exit(1);                                                                                                         \
        }                                                                                                                    \
    } while (0)

static const char *const codec_name[M_CODECS] = { "fp16", "int4", "seedlm4", "seedlm3" };

typedef struct {
    const sb_sim_interface *api;
    uint8_t *mem, *image; /* what the core works on; what the model makes of it */
    uint64_t bytes, top;  /* allocated up to here */
    m_rng rng;
    size_t lanes, align;
} bench;

typedef struct {
    int op, codec, batch;
    uint32_t rows, cols;
    uint64_t weights, src, dst;
} command;

static uint64_t take(bench *b, uint64_t bytes)
{
    uint64_t at = b->top;
    b->top += (bytes + b->align - 1) / b->align * b->align;
    CHECK(b->top <= b->bytes, "bench memory too small: %" PRIu64, b->top);
    return at;
}

/* Forgets the allocations. The first page stays free for the command list. */
static void fresh(bench *b) { b->top = 4096; }

static uint32_t random_word(bench *b, int codec)
{
    uint32_t w = m_rand(&b->rng);
    switch (m_below(&b->rng, 16)) {
    case 0: return 0;
    case 1: return 0xFFFFFFFFu;
    case 2: return codec == M_FP16 ? w & 0x83FF83FFu : w & 0x0000FFFFu; /* subnormal halves / zero coefficients */
    case 3: return 0x888F8000u | (w & 0xFFFF);                         /* extreme coefficients, largest shift */
    default: return w;
    }
}

static uint64_t weight_bytes(const bench *b, int codec, size_t rows, size_t cols)
{
    return (rows + b->lanes - 1) / b->lanes * (m_words(codec, cols) + m_sides(codec, cols)) * b->lanes * 4;
}

static void random_weights(bench *b, const command *c)
{
    size_t m = m_words(c->codec, c->cols), groups = (c->rows + b->lanes - 1) / b->lanes;
    uint32_t *out = (uint32_t *)(b->mem + c->weights);
    for (size_t g = 0; g < groups; g++) {
        for (size_t w = 0; w < m; w++) {
            for (int side = m_has_side(c->codec) && w % 8 == 0; side >= 0; side--) {
                for (size_t l = 0; l < b->lanes; l++) *out++ = g * b->lanes + l < c->rows ? random_word(b, c->codec) : 0;
            }
        }
    }
}

static void random_acts(bench *b, const command *c)
{
    int16_t *slots = (int16_t *)(b->mem + c->src);
    size_t blk = (size_t)m_act_block(c->codec), stride = (size_t)m_act_stride(c->codec);
    bool hard = m_below(&b->rng, 4) == 0;
    memset(slots, 0, m_act_elems(c->codec, c->cols) * 2);
    for (size_t i = 0; i < c->cols; i++) {
        uint32_t r = m_rand(&b->rng);
        slots[i / blk * stride + i % blk] = hard ? (r & 1 ? 32767 : -32767) : (int16_t)((int)(r % 65535) - 32767);
    }
}

/* A MATVEC with random contents in fresh memory; dst begins dst_pad bytes (a multiple of 64) into its own. */
static command make_matvec(bench *b, int codec, size_t rows, size_t cols, uint64_t dst_pad)
{
    command c = { .op = 1, .codec = codec, .batch = 1, .rows = (uint32_t)rows, .cols = (uint32_t)cols };
    c.weights = take(b, weight_bytes(b, codec, rows, cols));
    c.src = take(b, m_act_elems(codec, cols) * 2);
    c.dst = take(b, rows * 8 + dst_pad) + dst_pad;
    random_weights(b, &c);
    random_acts(b, &c);
    return c;
}

static void put_command(bench *b, uint64_t list, size_t index, const command *c)
{
    uint8_t *at = b->mem + list + 64 * index;
    uint16_t batch = (uint16_t)c->batch;
    for (int i = 0; i < 64; i++) at[i] = (uint8_t)m_rand(&b->rng); /* fields without a meaning hold noise */
    at[0] = (uint8_t)c->op;
    at[1] = (uint8_t)c->codec;
    memcpy(at + 2, &batch, 2);
    memcpy(at + 4, &c->rows, 4);
    memcpy(at + 8, &c->cols, 4);
    memcpy(at + 16, &c->weights, 8);
    memcpy(at + 24, &c->src, 8);
    memcpy(at + 32, &c->dst, 8);
}

/* docs/formats.md and docs/numerics.md section 3, on the image. */
static void model_matvec(bench *b, const command *c)
{
    size_t m = m_words(c->codec, c->cols), sides = m_sides(c->codec, c->cols), blk = (size_t)m_block(c->codec);
    size_t ablk = (size_t)m_act_block(c->codec), stride = (size_t)m_act_stride(c->codec);
    int64_t *y = calloc(c->rows, sizeof *y);
    CHECK(y, "out of memory");
    for (size_t r = 0; r < c->rows; r++) {
        const uint8_t *group = b->image + c->weights + r / b->lanes * (m + sides) * b->lanes * 4;
        size_t beat = 0;
        uint32_t side = 0, word;
        uint64_t acc = 0;
        for (size_t w = 0; w < m; w++) {
            if (sides && w % 8 == 0) memcpy(&side, group + (beat++ * b->lanes + r % b->lanes) * 4, 4);
            memcpy(&word, group + (beat++ * b->lanes + r % b->lanes) * 4, 4);
            int64_t wi[12];
            m_decode(c->codec, word, side, w, wi);
            for (size_t k = 0; k < blk; k++) {
                size_t col = w * blk + k;
                int16_t x;
                memcpy(&x, b->image + c->src + 2 * (col / ablk * stride + col % ablk), 2);
                acc += (uint64_t)wi[k] * (uint64_t)(int64_t)x;
            }
        }
        y[r] = (int64_t)acc;
    }
    memcpy(b->image + c->dst, y, c->rows * sizeof *y);
    free(y);
}

static sb_sim *open_sim(bench *b, sb_sim_config cfg)
{
    char err[512] = "";
    cfg.size = sizeof cfg;
    sb_sim *s = b->api->open(&cfg, b->mem, b->bytes, err, sizeof err);
    CHECK(s, "open: %s", err);
    return s;
}

static sb_sim_report run(bench *b, sb_sim *s, uint64_t list, uint32_t count, sb_sim_status expect)
{
    static sb_sim_report r;
    char err[512] = "";
    sb_sim_status st = b->api->run(s, list, count, 0, &r, err, sizeof err);
    CHECK(st == expect, "status %d, expected %d: %s\n%s", st, expect, err, r.diagnosis);
    return r;
}

/* Everything that was ever allocated, and some more, is as the model left it; so stray writes show. */
static void compare(const bench *b, const command *c, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t r = 0; c[i].op == 1 && r < c[i].rows; r++) {
            int64_t got, want;
            memcpy(&got, b->mem + c[i].dst + 8 * r, 8);
            memcpy(&want, b->image + c[i].dst + 8 * r, 8);
            CHECK(got == want, "%s: command %zu, %s %ux%u row %zu: got %" PRId64 ", expected %" PRId64, what, i,
                  codec_name[c[i].codec], c[i].rows, c[i].cols, r, got, want);
        }
    }
    for (uint64_t at = 0; at < b->top + 4096; at++)
        CHECK(b->mem[at] == b->image[at], "%s: byte 0x%" PRIx64 " was changed", what, at);
}

static void snapshot(bench *b) { memcpy(b->image, b->mem, b->top + 4096); }

static uint64_t read_beats(const bench *b, const command *c)
{
    uint64_t bus = b->api->bus_bits / 8, stride = (uint64_t)m_act_stride(c->codec), blk = (uint64_t)m_act_block(c->codec);
    uint64_t act = ((c->cols + blk - 1) / blk * stride * 2 + bus - 1) / bus;
    return act + weight_bytes(b, c->codec, c->rows, c->cols) / bus;
}

/* A list that must succeed, checked against the model, with the counters. */
static void run_list(bench *b, sb_sim *s, uint64_t list, command *c, size_t n, const char *what)
{
    uint64_t jobs = 0, weights = 0, reads = 0, writes = 0, bus = b->api->bus_bits / 8;
    for (size_t i = 0; i < n; i++) put_command(b, list, i, &c[i]);
    snapshot(b);
    for (size_t i = 0; i < n; i++) {
        if (c[i].op != 1) continue;
        model_matvec(b, &c[i]);
        jobs++;
        weights += weight_bytes(b, c[i].codec, c[i].rows, c[i].cols) / bus;
        reads += read_beats(b, &c[i]);
        writes += (c[i].rows * 8ull + bus - 1) / bus;
    }
    sb_sim_report r = run(b, s, list, (uint32_t)n, SB_SIM_OK);
    compare(b, c, n, what);
    CHECK(r.counter[SB_SIM_COMMANDS] == n, "%" PRIu64 " commands, expected %zu", r.counter[SB_SIM_COMMANDS], n);
    CHECK(r.counter[SB_SIM_USEFUL] == weights, "%" PRIu64 " useful, expected %" PRIu64, r.counter[SB_SIM_USEFUL], weights);
    CHECK(r.counter[SB_SIM_WRITE_BEATS] == writes, "%" PRIu64 " write beats, expected %" PRIu64, r.counter[SB_SIM_WRITE_BEATS], writes);
    uint64_t records = (n * 64 + bus - 1) / bus, got = r.counter[SB_SIM_READ_BEATS];
    CHECK(got >= reads + records && got <= reads + records + 1, "%" PRIu64 " read beats, expected %" PRIu64, got, reads + records);
    CHECK(r.write_bytes >= writes / 2 && r.read_bytes == got * bus, "bytes moved");
    CHECK(r.error == 0, "error %u", r.error);
}

static void test_shapes(bench *b)
{
    sb_sim *s = open_sim(b, (sb_sim_config){ 0 });
    for (int codec = 0; codec < M_CODECS; codec++) {
        for (size_t rows = 1; rows < 3 * b->lanes; rows += 1 + b->lanes / 5) {
            for (size_t cols = 1; cols < 210; cols += 1 + m_below(&b->rng, 13)) {
                fresh(b);
                command c = make_matvec(b, codec, rows, cols, 0);
                run_list(b, s, 0, &c, 1, "shape");
            }
        }
    }
    b->api->close(s);
}

static void test_limits(bench *b)
{
    sb_sim *s = open_sim(b, (sb_sim_config){ .read_latency = 30 });
    for (int codec = 0; codec < M_CODECS; codec++) {
        uint32_t most = codec == M_SEEDLM3 ? 32768 / 16 * 12 : 32768;
        fresh(b);
        command c = make_matvec(b, codec, b->lanes + 1, most, 0);
        run_list(b, s, 0, &c, 1, "capacity");
        c.cols = most + 1;
        put_command(b, 0, 0, &c);
        snapshot(b);
        sb_sim_report r = run(b, s, 0, 1, SB_SIM_CORE_ERROR);
        CHECK(r.error == 3 && r.error_index == 0, "error %u at %u", r.error, r.error_index);
        compare(b, NULL, 0, "capacity + 1");
    }
    b->api->close(s);
}

static void test_lists(bench *b, int rounds)
{
    for (int round = 0; round < rounds; round++) {
        sb_sim_config cfg = { .seed = (uint32_t)round + 1 };
        if (round % 3 != 0) cfg.stall_permille = m_below(&b->rng, 600);
        if (round % 2 != 0) cfg.read_latency = m_below(&b->rng, 90), cfg.write_latency = m_below(&b->rng, 90);
        if (round % 5 == 1) cfg.bytes_per_cycle = 1 + m_below(&b->rng, b->api->bus_bits / 8);
        if (round % 4 == 3) cfg.refresh_interval = 200, cfg.refresh_length = 20;
        sb_sim *s = open_sim(b, cfg);
        for (int again = 0; again < 3; again++) {
            fresh(b);
            command c[24];
            size_t n = 1 + m_below(&b->rng, 24);
            uint64_t list = take(b, 64 * 25) + 64 * m_below(&b->rng, 2);
            for (size_t i = 0; i < n; i++) {
                if (m_below(&b->rng, 6) == 0) {
                    c[i] = (command){ .op = 0, .rows = m_rand(&b->rng), .weights = 3 };
                    continue;
                }
                size_t rows = 1 + m_below(&b->rng, m_below(&b->rng, 4) ? 60 : 300);
                size_t cols = 1 + m_below(&b->rng, m_below(&b->rng, 4) ? 80 : 500);
                if (m_below(&b->rng, 8) == 0) cols = 1 + m_below(&b->rng, 8);
                uint64_t pad = m_below(&b->rng, 64) * b->align;
                c[i] = make_matvec(b, (int)m_below(&b->rng, M_CODECS), rows, cols, pad);
            }
            run_list(b, s, list, c, n, "list");
        }
        b->api->close(s);
    }
}

/* A command reads what the one before writes: as activations, as weights. The result is that of strict order. */
static void test_hazards(bench *b)
{
    for (int round = 0; round < 40; round++) {
        sb_sim *s = open_sim(b, (sb_sim_config){ .write_latency = 200, .stall_permille = round % 2 ? 300 : 0, .seed = (uint32_t)round });
        fresh(b);
        int codec = (int)m_below(&b->rng, M_CODECS), codec2 = (int)m_below(&b->rng, M_CODECS);
        size_t lanes = b->lanes, cols = 24 * (1 + m_below(&b->rng, 6));
        command c[3];
        size_t need = weight_bytes(b, codec2, lanes, cols) / 8 + m_act_elems(codec2, cols) / 4 + 64;
        c[0] = make_matvec(b, codec, need, 24, 0);
        c[1] = make_matvec(b, codec2, lanes, cols, 0);
        c[2] = make_matvec(b, codec2, lanes, cols, 0);
        bool as_weights = round % 4 < 2;
        if (as_weights) c[1].weights = c[0].dst + b->align * (round % 3);
        else c[1].src = c[0].dst + b->align * (round % 3);
        if (round % 8 >= 6) c[2].src = c[1].dst - b->align; /* overlaps the end of what it reads */
        run_list(b, s, 0, c, 3, as_weights ? "hazard on weights" : "hazard on activations");
        b->api->close(s);
    }
}

typedef struct {
    const char *name;
    uint32_t error;
} fault;

static void test_errors(bench *b)
{
    static const fault faults[] = {
        { "op", 1 },          { "codec", 2 },      { "rows 0", 3 },      { "cols 0", 3 },     { "batch 0", 3 },    { "batch 2", 3 },
        { "rows 2^24", 3 },   { "cols 2^31", 3 },  { "weights off", 4 }, { "src off", 4 },    { "dst off", 4 },    { "weights outside", 5 },
        { "src outside", 5 }, { "list ends", 5 },  { "dst outside", 6 }, { "dst high", 4 },   { "weights high", 4 },
    };
    const size_t faults_n = sizeof faults / sizeof *faults;
    for (size_t f = 0; f < 4 * faults_n; f++) {
        const fault *what = &faults[f % faults_n];
        sb_sim *s = open_sim(b, (sb_sim_config){ .read_latency = m_below(&b->rng, 60), .write_latency = m_below(&b->rng, 60),
                                                 .stall_permille = f % 2 ? 250 : 0, .seed = (uint32_t)f });
        fresh(b);
        command c[8], good[8];
        size_t n = 8, bad = f / faults_n == 0 ? 0 : m_below(&b->rng, 8);
        for (size_t i = 0; i < n; i++)
            c[i] = make_matvec(b, (int)m_below(&b->rng, M_CODECS), 1 + m_below(&b->rng, 90), 1 + m_below(&b->rng, 300), 0);
        memcpy(good, c, sizeof good);
        command *x = &c[bad];
        uint64_t list = 0;
        switch (f % faults_n) {
        case 0: x->op = 2 + (int)m_below(&b->rng, 250); break;
        case 1: x->codec = 4 + (int)m_below(&b->rng, 250); break;
        case 2: x->rows = 0; break;
        case 3: x->cols = 0; break;
        case 4: x->batch = 0; break;
        case 5: x->batch = 2; break;
        case 6: x->rows = 1u << 24; break;
        case 7: x->cols = 1u << 31; break;
        case 8: x->weights += 4u << m_below(&b->rng, 4); break;
        case 9: x->src += 2u << m_below(&b->rng, 5); break;
        case 10: x->dst += 8u << m_below(&b->rng, 3); break;
        case 11: x->weights = b->bytes - b->align * m_below(&b->rng, 2); break;
        case 12: x->src = b->bytes; break;
        case 13: list = b->bytes - 64 * bad; break;
        case 14: x->dst = b->bytes; break;
        case 15: x->dst |= 1ull << (56 + m_below(&b->rng, 8)); break;
        case 16: x->weights |= 1ull << (56 + m_below(&b->rng, 8)); break;
        }
        memset(b->mem + b->bytes - 4096, 0, 4096);
        for (size_t i = 0; i < n; i++) {
            if (list + 64 * i + 64 <= b->bytes) put_command(b, list, i, &c[i]);
        }
        snapshot(b);
        for (size_t i = 0; i < bad; i++) model_matvec(b, &c[i]);
        sb_sim_report r = run(b, s, list, (uint32_t)n, SB_SIM_CORE_ERROR);
        CHECK(r.error == what->error && r.error_index == bad, "%s at %zu: error %u at %u, expected %u", what->name, bad, r.error,
              r.error_index, what->error);
        CHECK(r.counter[SB_SIM_COMMANDS] >= bad, "%s at %zu: %" PRIu64 " commands completed", what->name, bad, r.counter[SB_SIM_COMMANDS]);
        /* What the failing command, or one after a failed response, may have written. */
        for (size_t i = bad; i < n; i++) {
            memcpy(b->image + good[i].dst, b->mem + good[i].dst, good[i].rows * 8ull);
            if (what->error < 5 && i > bad) {
                /* A command refused by its record lets nothing after it begin. */
                for (size_t k = 0; k < good[i].rows * 8ull; k++)
                    CHECK(b->mem[good[i].dst + k] == b->image[good[i].dst + k], "%s: command %zu wrote", what->name, i);
            }
        }
        compare(b, good, bad, what->name);
        /* The core is as good as new. */
        run_list(b, s, 0, good, n, "after an error");
        b->api->close(s);
    }
}

static void test_control(bench *b)
{
    sb_sim *s = open_sim(b, (sb_sim_config){ 0 });
    fresh(b);
    command c = make_matvec(b, M_SEEDLM4, 40, 100, 0);
    run_list(b, s, 0, &c, 1, "control");
    sb_sim_report r = run(b, s, 0, 0, SB_SIM_OK);
    CHECK(r.counter[SB_SIM_COMMANDS] == 0 && r.counter[SB_SIM_READ_BEATS] == 0, "an empty list did something");
    CHECK(r.id == 0x53454544 && r.codecs == 15 && (r.params & 0xFF) == b->lanes && (r.params >> 8 & 0xFF) == 16, "registers");
    r = run(b, s, 32, 1, SB_SIM_CORE_ERROR);
    CHECK(r.error == 4 && r.error_index == 0, "misaligned list: error %u at %u", r.error, r.error_index);
    run_list(b, s, 0, &c, 1, "after a misaligned list");

    /* NOPs only, many. */
    command nops[40];
    for (int i = 0; i < 40; i++) nops[i] = (command){ 0 };
    run_list(b, s, 0, nops, 40, "nops");

    /* Bad configurations are refused in words. */
    char err[512] = "";
    sb_sim_config bad = { .size = 4 };
    CHECK(!b->api->open(&bad, b->mem, b->bytes, err, sizeof err) && err[0], "size 4 accepted");
    bad = (sb_sim_config){ .size = sizeof bad, .stall_permille = 1000 };
    CHECK(!b->api->open(&bad, b->mem, b->bytes, err, sizeof err) && strstr(err, "1000"), "stall_permille 1000 accepted");
    if (!b->api->can_trace) {
        bad = (sb_sim_config){ .size = sizeof bad, .fst_path = "x.fst" };
        CHECK(!b->api->open(&bad, b->mem, b->bytes, err, sizeof err) && strstr(err, "trace"), "trace accepted");
    }

    /* Too many cycles, and a memory that does not answer: said so, and the core lives on. */
    fresh(b);
    c = make_matvec(b, M_SEEDLM4, 400, 1000, 0);
    put_command(b, 0, 0, &c);
    sb_sim_status st = b->api->run(s, 0, 1, 500, &r, err, sizeof err);
    CHECK(st == SB_SIM_TIMEOUT && strstr(err, "500 cycles"), "status %d: %s", st, err);
    CHECK(strstr(r.diagnosis, "command 0: op 1 codec 2") && strstr(r.diagnosis, "rows 400 cols 1000"), "diagnosis:\n%s", r.diagnosis);
    run_list(b, s, 0, &c, 1, "after a timeout");
    sb_sim *slow = open_sim(b, (sb_sim_config){ .read_latency = 100000, .watchdog = 2000 });
    put_command(b, 0, 0, &c);
    st = b->api->run(slow, 0, 1, 0, &r, err, sizeof err);
    CHECK(st == SB_SIM_TIMEOUT && strstr(err, "no transfer"), "status %d: %s", st, err);
    CHECK(strstr(r.diagnosis, "read bursts in flight 1") && strstr(r.diagnosis, "next beat expected: command"), "diagnosis:\n%s",
          r.diagnosis);
    run_list(b, s, 0, &c, 1, "beside a slow one"); /* two simulators at once */
    b->api->close(slow);
    b->api->close(s);
}

static void measure(bench *b)
{
    printf("%-8s %6s %10s %10s %8s %7s %7s %7s %7s %7s %7s %9s\n", "codec", "n", "cycles", "useful", "util", "wait", "stall", "act",
           "drain", "control", "Mw/s", "vs fp16");
    uint64_t fp16[3] = { 0 };
    const size_t sizes[3] = { 512, 2048, 4096 };
    for (int i = 0; i < 3; i++) {
        for (int codec = 0; codec < M_CODECS; codec++) {
            size_t n = sizes[i];
            fresh(b);
            command m = make_matvec(b, codec, n, n, 0);
            put_command(b, 0, 0, &m);
            snapshot(b);
            model_matvec(b, &m);
            sb_sim *s = open_sim(b, (sb_sim_config){ 0 });
            sb_sim_report r = run(b, s, 0, 1, SB_SIM_OK);
            compare(b, &m, 1, "measure");
            const uint64_t *c = r.counter;
            if (codec == 0) fp16[i] = c[0];
            printf("%-8s %6zu %10" PRIu64 " %10" PRIu64 " %7.2f%% %7" PRIu64 " %7" PRIu64 " %7" PRIu64 " %7" PRIu64 " %7" PRIu64
                   " %7.1f %8.2fx\n",
                   codec_name[codec], n, c[0], c[1], 100.0 * (double)c[1] / (double)c[0], c[2], c[3], c[4], c[5], c[6],
                   (double)n * (double)n / r.seconds * 1e-6, (double)fp16[i] / (double)c[0]);
            b->api->close(s);
        }
    }
}

static bench load(const char *path)
{
    void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CHECK(so, "%s", dlerror());
    sb_sim_api_fn get;
    *(void **)&get = dlsym(so, "sb_sim_api");
    CHECK(get, "%s: no sb_sim_api", path);
    bench b = { .api = get(), .rng = { 0x5EEDBED1 } };
    CHECK(b.api->abi == SB_SIM_ABI, "%s: ABI %u, expected %u", path, b.api->abi, SB_SIM_ABI);
    b.lanes = b.api->bus_bits / 32;
    b.align = b.api->bus_bits / 8 > 64 ? b.api->bus_bits / 8 : 64;
    b.bytes = 48u << 20;
    b.mem = malloc(b.bytes);
    b.image = malloc(b.bytes);
    CHECK(b.mem && b.image, "out of memory");
    for (uint64_t i = 0; i < b.bytes; i += 4) memcpy(b.mem + i, &(uint32_t){ m_rand(&b.rng) }, 4);
    return b;
}

int main(int argc, char **argv)
{
    bool measuring = argc > 1 && strcmp(argv[argc - 1], "--measure") == 0;
    int n = argc - 1 - measuring;
    CHECK(n >= 1 && n <= 8, "usage: bench_core LIB... [--measure]");
    bench b[8];
    for (int i = 0; i < n; i++) b[i] = load(argv[1 + i]); /* all at once: the variants must not meet */
    for (int i = 0; i < n; i++) {
        if (measuring) {
            measure(&b[i]);
        } else {
            test_control(&b[i]);
            test_shapes(&b[i]);
            test_lists(&b[i], 60);
            test_hazards(&b[i]);
            test_errors(&b[i]);
            test_limits(&b[i]);
            printf("core %s: ok\n", b[i].api->variant);
        }
        free(b[i].mem);
        free(b[i].image);
    }
    return 0;
}
