/* SPDX-License-Identifier: Apache-2.0
 * The whole core through the C ABI, against the plain model.
 *   bench_core LIB [seed]          the tests
 *   bench_core LIB --measure       cycles, bus utilisation and speed of square matrices */
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
    int codec;
    size_t rows, cols;
    uint64_t weights, src, dst;
    int64_t *expect; /* (rows) */
} job;

typedef struct {
    const sb_sim_interface *api;
    uint8_t *mem, *shadow;
    uint64_t bytes, top; /* allocated up to here */
    m_rng rng;
    size_t lanes, align;
} bench;

static uint64_t take(bench *b, uint64_t bytes)
{
    uint64_t at = b->top;
    b->top += (bytes + b->align - 1) / b->align * b->align;
    CHECK(b->top <= b->bytes, "bench memory too small: %" PRIu64, b->top);
    return at;
}

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

/* Lays out random weights and activations and computes the result. */
static job make_job(bench *b, int codec, size_t rows, size_t cols, uint64_t dst_offset)
{
    job j = { .codec = codec, .rows = rows, .cols = cols };
    size_t m = m_words(codec, cols), s = m_sides(codec, cols), l_n = b->lanes, blk = (size_t)m_block(codec);
    size_t groups = (rows + l_n - 1) / l_n;
    j.weights = take(b, groups * (m + s) * l_n * 4);
    j.src = take(b, m_act_elems(codec, cols) * 2);
    j.dst = take(b, rows * 8 + dst_offset + 64) + dst_offset;
    j.expect = calloc(rows, sizeof *j.expect);

    int16_t *x = calloc(m * blk + 16, sizeof *x);
    int16_t *slots = (int16_t *)(b->mem + j.src);
    memset(slots, 0, m_act_elems(codec, cols) * 2);
    int hard = m_below(&b->rng, 4) == 0;
    for (size_t c = 0; c < cols; c++) {
        uint32_t r = m_rand(&b->rng);
        x[c] = hard ? (r & 1 ? 32767 : -32767) : (int16_t)((int)(r % 65535) - 32767);
        slots[c / (size_t)m_act_block(codec) * (size_t)m_act_stride(codec) + c % (size_t)m_act_block(codec)] = x[c];
    }
    uint32_t *out = (uint32_t *)(b->mem + j.weights);
    uint32_t *side = calloc(l_n, sizeof *side);
    for (size_t g = 0; g < groups; g++) {
        for (size_t w = 0; w < m; w++) {
            if (w % 8 == 0 && s) {
                for (size_t l = 0; l < l_n; l++) {
                    side[l] = g * l_n + l < rows ? random_word(b, codec) : 0;
                    *out++ = side[l];
                }
            }
            for (size_t l = 0; l < l_n; l++) {
                size_t row = g * l_n + l;
                uint32_t word = row < rows ? random_word(b, codec) : 0;
                *out++ = word;
                if (row >= rows) continue;
                int64_t wi[12];
                m_decode(codec, word, side[l], w, wi);
                for (size_t c = 0; c < blk; c++) {
                    /* Past the end of the row the activations are 0, whatever the word says. */
                    j.expect[row] = (int64_t)((uint64_t)j.expect[row] + (uint64_t)wi[c] * (uint64_t)(int64_t)x[w * blk + c]);
                }
            }
        }
    }
    free(side);
    free(x);
    return j;
}

static void put_command(uint8_t *at, int op, int codec, int batch, const job *j)
{
    memset(at, 0, 64);
    at[0] = (uint8_t)op;
    at[1] = (uint8_t)codec;
    uint16_t batch16 = (uint16_t)batch;
    uint32_t rows = (uint32_t)j->rows, cols = (uint32_t)j->cols, tag = 7;
    memcpy(at + 2, &batch16, 2);
    memcpy(at + 4, &rows, 4);
    memcpy(at + 8, &cols, 4);
    memcpy(at + 12, &tag, 4);
    memcpy(at + 16, &j->weights, 8);
    memcpy(at + 24, &j->src, 8);
    memcpy(at + 32, &j->dst, 8);
}

static sb_sim *open_sim(bench *b, sb_sim_config cfg)
{
    char err[512] = "";
    cfg.size = sizeof cfg;
    sb_sim *s = b->api->open(&cfg, b->mem, b->bytes, err, sizeof err);
    CHECK(s, "open: %s", err);
    return s;
}

/* Fills the whole memory with noise so that stray writes show, and forgets the allocations. */
static void fresh(bench *b)
{
    b->top = 4096;
}

static void check_job(const bench *b, const job *j, const char *what)
{
    for (size_t r = 0; r < j->rows; r++) {
        int64_t got;
        memcpy(&got, b->mem + j->dst + 8 * r, 8);
        CHECK(got == j->expect[r], "%s: %s %zux%zu row %zu: got %" PRId64 ", expected %" PRId64, what, codec_name[j->codec], j->rows,
              j->cols, r, got, j->expect[r]);
    }
}

static void test_one(bench *b, int codec, size_t rows, size_t cols)
{
    fresh(b);
    uint64_t cmd = take(b, 64);
    job j = make_job(b, codec, rows, cols, 0);
    put_command(b->mem + cmd, 1, codec, 1, &j);
    sb_sim *s = open_sim(b, (sb_sim_config){ 0 });
    sb_sim_report r;
    char err[512] = "";
    sb_sim_status st = b->api->run(s, cmd, 1, 0, &r, err, sizeof err);
    CHECK(st == SB_SIM_OK, "%s\n%s", err, r.diagnosis);
    check_job(b, &j, "one");
    b->api->close(s);
    free(j.expect);
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
            uint64_t cmd = take(b, 64);
            job j = make_job(b, codec, n, n, 0);
            put_command(b->mem + cmd, 1, codec, 1, &j);
            sb_sim *s = open_sim(b, (sb_sim_config){ 0 });
            sb_sim_report r;
            char err[512] = "";
            sb_sim_status st = b->api->run(s, cmd, 1, 0, &r, err, sizeof err);
            CHECK(st == SB_SIM_OK, "%s\n%s", err, r.diagnosis);
            check_job(b, &j, "measure");
            const uint64_t *c = r.counter;
            if (codec == 0) fp16[i] = c[0];
            printf("%-8s %6zu %10" PRIu64 " %10" PRIu64 " %7.2f%% %7" PRIu64 " %7" PRIu64 " %7" PRIu64 " %7" PRIu64 " %7" PRIu64
                   " %7.1f %8.2fx\n",
                   codec_name[codec], n, c[0], c[1], 100.0 * (double)c[1] / (double)c[0], c[2], c[3], c[4], c[5], c[6],
                   (double)n * (double)n / r.seconds * 1e-6, (double)fp16[i] / (double)c[0]);
            b->api->close(s);
            free(j.expect);
        }
    }
}

int main(int argc, char **argv)
{
    CHECK(argc >= 2, "usage: bench_core LIB [--measure]");
    void *so = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    CHECK(so, "%s", dlerror());
    sb_sim_api_fn get;
    *(void **)&get = dlsym(so, "sb_sim_api");
    CHECK(get, "%s: no sb_sim_api", argv[1]);
    bench b = { .api = get(), .rng = { 0x5EEDBED1 } };
    CHECK(b.api->abi == SB_SIM_ABI, "ABI %u, expected %u", b.api->abi, SB_SIM_ABI);
    b.lanes = b.api->bus_bits / 32;
    b.align = b.api->bus_bits / 8 > 64 ? b.api->bus_bits / 8 : 64;
    b.bytes = 48u << 20;
    b.mem = malloc(b.bytes);
    b.shadow = malloc(b.bytes);
    CHECK(b.mem && b.shadow, "out of memory");
    if (argc > 2 && strcmp(argv[2], "--measure") == 0) {
        measure(&b);
        return 0;
    }
    test_one(&b, M_SEEDLM4, 5, 20);
    for (int codec = 0; codec < M_CODECS; codec++)
        for (size_t rows = 1; rows < 40; rows += 7)
            for (size_t cols = 1; cols < 200; cols += 13) test_one(&b, codec, rows, cols);
    puts("bench_core: ok");
    free(b.mem);
    free(b.shadow);
    return 0;
}
