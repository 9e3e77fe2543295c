/* SPDX-License-Identifier: Apache-2.0 */
#include "core_bench.h"

#include <dlfcn.h>

const char *const codec_name[M_CODECS] = {"fp16", "int4", "seedlm4", "seedlm3"};

uint64_t take(bench *b, uint64_t bytes)
{
    uint64_t at = b->top;
    b->top += (bytes + b->align - 1) / b->align * b->align;
    CHECK(b->top <= b->bytes, "bench memory too small: %" PRIu64, b->top);
    return at;
}

void fresh(bench *b)
{
    b->top = 4096;
}

static uint32_t random_word(bench *b, int codec)
{
    uint32_t w = m_rand(&b->rng);
    switch (m_below(&b->rng, 16)) {
    case 0:
        return 0;
    case 1:
        return 0xFFFFFFFFu;
    case 2:
        return codec == M_FP16 ? w & 0x83FF83FFu : w & 0x0000FFFFu; /* subnormal halves / zero coefficients */
    case 3:
        return 0x888F8000u | (w & 0xFFFF); /* extreme coefficients, largest shift */
    default:
        return w;
    }
}

size_t port_groups(const bench *b, size_t rows, size_t p)
{
    size_t groups = (rows + b->lanes - 1) / b->lanes;
    return groups > p ? (groups - p + b->ports - 1) / b->ports : 0;
}

static uint64_t group_bytes(const bench *b, int codec, size_t cols)
{
    return (m_words(codec, cols) + m_sides(codec, cols)) * b->lanes * 4;
}

/* From one port's part of the weights to the next: docs/formats.md, unless PORT_STRIDE says otherwise. */
static uint64_t slice_bytes(const bench *b, int codec, size_t rows, size_t cols)
{
    if (b->stride)
        return b->stride;
    return (port_groups(b, rows, 0) * group_bytes(b, codec, cols) + 4095) / 4096 * 4096;
}

/* What a core reads, without what lies between the parts. */
static uint64_t weight_bytes(const bench *b, int codec, size_t rows, size_t cols)
{
    return (rows + b->lanes - 1) / b->lanes * group_bytes(b, codec, cols);
}

uint64_t weight_span(const bench *b, int codec, size_t rows, size_t cols)
{
    return (b->stride ? 0 : (b->ports - 1) * slice_bytes(b, codec, rows, cols)) +
           port_groups(b, rows, 0) * group_bytes(b, codec, cols);
}

/* Where row group g begins, from the weights' address. */
static uint64_t group_at(const bench *b, int codec, size_t rows, size_t cols, size_t g)
{
    return g % b->ports * slice_bytes(b, codec, rows, cols) + g / b->ports * group_bytes(b, codec, cols);
}

static void random_weights(bench *b, const command *c)
{
    size_t m = m_words(c->codec, c->cols), groups = (c->rows + b->lanes - 1) / b->lanes;
    for (size_t g = 0; g < groups; g++) {
        uint32_t *out = (uint32_t *)(b->mem + c->weights + group_at(b, c->codec, c->rows, c->cols, g));
        for (size_t w = 0; w < m; w++) {
            for (int side = m_has_side(c->codec) && w % 8 == 0; side >= 0; side--) {
                for (size_t l = 0; l < b->lanes; l++)
                    *out++ = g * b->lanes + l < c->rows ? random_word(b, c->codec) : 0;
            }
        }
    }
}

static void random_acts(bench *b, const command *c)
{
    size_t blk = (size_t)m_act_block(c->codec), stride = (size_t)m_act_stride(c->codec);
    for (int v = 0; v < c->batch; v++) {
        int16_t *slots = (int16_t *)(b->mem + c->src) + (size_t)v * m_act_elems(c->codec, c->cols);
        bool hard = m_below(&b->rng, 4) == 0;
        memset(slots, 0, m_act_elems(c->codec, c->cols) * 2);
        for (size_t i = 0; i < c->cols; i++) {
            uint32_t r = m_rand(&b->rng);
            slots[i / blk * stride + i % blk] = hard ? (r & 1 ? 32767 : -32767) : (int16_t)((int)(r % 65535) - 32767);
        }
    }
}

uint64_t dst_stride(const command *c)
{
    return (c->rows * 8ull + 63) / 64 * 64;
}
uint64_t dst_bytes(const command *c)
{
    return dst_stride(c) * (uint64_t)(c->batch - 1) + c->rows * 8ull;
}

command make_batch(bench *b, int codec, int batch, size_t rows, size_t cols, uint64_t dst_pad)
{
    command c = {.op = 1, .codec = codec, .batch = batch, .rows = (uint32_t)rows, .cols = (uint32_t)cols};
    c.weights = take(b, weight_span(b, codec, rows, cols));
    c.src = take(b, m_act_elems(codec, cols) * 2 * (size_t)batch);
    c.dst = take(b, dst_bytes(&c) + dst_pad) + dst_pad;
    random_weights(b, &c);
    random_acts(b, &c);
    return c;
}

command make_matvec(bench *b, int codec, size_t rows, size_t cols, uint64_t dst_pad)
{
    return make_batch(b, codec, 1, rows, cols, dst_pad);
}

int random_batch(bench *b, int codec, size_t rows, size_t cols)
{
    size_t most = b->act_cap / m_act_elems(codec, cols);
    if (most > b->max_batch)
        most = b->max_batch;
    if (b->align > 64 && (rows + 7) / 8 % 2)
        most = 1;
    return m_below(&b->rng, 3) && most ? 1 + (int)m_below(&b->rng, (uint32_t)most) : 1;
}

void put_command(bench *b, uint64_t list, size_t index, const command *c)
{
    uint8_t *at = b->mem + list + 64 * index;
    uint16_t batch = (uint16_t)c->batch;
    for (int i = 0; i < 64; i++)
        at[i] = (uint8_t)m_rand(&b->rng); /* fields without a meaning hold noise */
    at[0] = (uint8_t)c->op;
    at[1] = (uint8_t)c->codec;
    memcpy(at + 2, &batch, 2);
    memcpy(at + 4, &c->rows, 4);
    memcpy(at + 8, &c->cols, 4);
    memcpy(at + 16, &c->weights, 8);
    memcpy(at + 24, &c->src, 8);
    memcpy(at + 32, &c->dst, 8);
    if (c->written)
        at[48] &= 0xfe;
}

void model_matvec(bench *b, const command *c)
{
    size_t m = m_words(c->codec, c->cols), sides = m_sides(c->codec, c->cols), blk = (size_t)m_block(c->codec);
    size_t ablk = (size_t)m_act_block(c->codec), stride = (size_t)m_act_stride(c->codec);
    int64_t *all = calloc((size_t)c->batch * c->rows, sizeof *all);
    CHECK(all, "out of memory");
    for (size_t i = 0; i < (size_t)c->batch * c->rows; i++) {
        size_t v = i / c->rows, r = i % c->rows;
        const uint8_t *src = b->image + c->src + v * m_act_elems(c->codec, c->cols) * 2;
        const uint8_t *group = b->image + c->weights + group_at(b, c->codec, c->rows, c->cols, r / b->lanes);
        size_t beat = 0;
        uint32_t side = 0, word;
        uint64_t acc = 0;
        for (size_t w = 0; w < m; w++) {
            if (sides && w % 8 == 0)
                memcpy(&side, group + (beat++ * b->lanes + r % b->lanes) * 4, 4);
            memcpy(&word, group + (beat++ * b->lanes + r % b->lanes) * 4, 4);
            int64_t wi[12];
            m_decode(c->codec, word, side, w, wi);
            for (size_t k = 0; k < blk; k++) {
                size_t col = w * blk + k;
                int16_t x;
                memcpy(&x, src + 2 * (col / ablk * stride + col % ablk), 2);
                acc += (uint64_t)wi[k] * (uint64_t)(int64_t)x;
            }
        }
        all[i] = (int64_t)acc;
    }
    for (size_t v = 0; v < (size_t)c->batch; v++) /* all first: results may overlap what is read */
        memcpy(b->image + c->dst + v * dst_stride(c), all + v * c->rows, c->rows * 8ull);
    free(all);
}

sb_sim *open_sim(bench *b, sb_sim_config cfg)
{
    char err[512] = "";
    cfg.size = sizeof cfg;
    sb_sim *s = b->api->open(&cfg, b->mem, b->bytes, err, sizeof err);
    CHECK(s, "open: %s", err);
    return s;
}

sb_sim_report run(bench *b, sb_sim *s, uint64_t list, uint32_t count, sb_sim_status expect)
{
    static sb_sim_report r;
    char err[512] = "";
    sb_sim_status st = b->api->run(s, list, count, 0, &r, err, sizeof err);
    CHECK(st == expect, "status %d, expected %d: %s\n%s", st, expect, err, r.diagnosis);
    return r;
}

void compare(bench *b, const command *c, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++) {
        b->matvecs += c[i].op == 1;
        for (size_t k = 0; c[i].op == 1 && k < (size_t)c[i].batch * c[i].rows; k++) {
            size_t v = k / c[i].rows, r = k % c[i].rows;
            int64_t got, want;
            memcpy(&got, b->mem + c[i].dst + v * dst_stride(&c[i]) + 8 * r, 8);
            memcpy(&want, b->image + c[i].dst + v * dst_stride(&c[i]) + 8 * r, 8);
            CHECK(got == want, "%s: command %zu, %s %ux%u vector %zu of %d row %zu: got %" PRId64 ", expected %" PRId64,
                  what, i, codec_name[c[i].codec], c[i].rows, c[i].cols, v, c[i].batch, r, got, want);
        }
    }
    for (uint64_t at = 0; at < b->top + 4096; at++)
        CHECK(b->mem[at] == b->image[at], "%s: byte 0x%" PRIx64 " was changed", what, at);
}

void snapshot(bench *b)
{
    memcpy(b->image, b->mem, b->top + 4096);
}

static uint64_t read_beats(const bench *b, const command *c)
{
    uint64_t bus = b->api->bus_bits / 8, stride = (uint64_t)m_act_stride(c->codec),
             blk = (uint64_t)m_act_block(c->codec);
    uint64_t before = (uint64_t)(c->batch - 1) * m_act_elems(c->codec, c->cols), clusters = 0;
    uint64_t act = ((before + (c->cols + blk - 1) / blk * stride) * 2 + bus - 1) / bus;
    while (clusters < b->ports && port_groups(b, c->rows, clusters))
        clusters++;
    return clusters * act + weight_bytes(b, c->codec, c->rows, c->cols) / bus;
}

void run_list(bench *b, sb_sim *s, uint64_t list, command *c, size_t n, const char *what)
{
    uint64_t jobs = 0, weights = 0, further = 0, reads = 0, writes = 0, bus = b->api->bus_bits / 8;
    for (size_t i = 0; i < n; i++)
        put_command(b, list, i, &c[i]);
    snapshot(b);
    for (size_t i = 0; i < n; i++) {
        if (c[i].op != 1)
            continue;
        model_matvec(b, &c[i]);
        jobs++;
        size_t groups = port_groups(b, c[i].rows, 0);
        weights += groups * group_bytes(b, c[i].codec, c[i].cols) / bus;
        further += groups * m_words(c[i].codec, c[i].cols) * (uint64_t)(c[i].batch - 1);
        reads += read_beats(b, &c[i]);
        writes += (c[i].rows * 8ull + bus - 1) / bus * (uint64_t)c[i].batch;
    }
    sb_sim_report r = run(b, s, list, (uint32_t)n, SB_SIM_OK);
    compare(b, c, n, what);
    CHECK(r.counter[SB_SIM_COMMANDS] == n, "%" PRIu64 " commands, expected %zu", r.counter[SB_SIM_COMMANDS], n);
    CHECK(r.counter[SB_SIM_USEFUL] == weights, "%" PRIu64 " useful, expected %" PRIu64, r.counter[SB_SIM_USEFUL],
          weights);
    CHECK(r.counter[SB_SIM_COMPUTE] == further, "%" PRIu64 " compute, expected %" PRIu64, r.counter[SB_SIM_COMPUTE],
          further);
    CHECK(r.counter[SB_SIM_WRITE_BEATS] == writes, "%" PRIu64 " write beats, expected %" PRIu64,
          r.counter[SB_SIM_WRITE_BEATS], writes);
    uint64_t each = 0;
    for (size_t p = 0; p < b->ports; p++)
        each += r.port_read_beats[p];
    CHECK(each == r.counter[SB_SIM_READ_BEATS], "the ports' read beats add up to %" PRIu64, each);
    uint64_t records = (n * 64 + bus - 1) / bus, got = r.counter[SB_SIM_READ_BEATS];
    CHECK(got >= reads + records && got <= reads + records + 1, "%" PRIu64 " read beats, expected %" PRIu64, got,
          reads + records);
    CHECK(r.write_bytes >= writes / 2 && r.read_bytes == got * bus, "bytes moved");
    CHECK(r.error == 0, "error %u", r.error);
}

bench bench_load(const char *path)
{
    void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CHECK(so, "%s", dlerror());
    sb_sim_api_fn get;
    *(void **)&get = dlsym(so, "sb_sim_api");
    CHECK(get, "%s: no sb_sim_api", path);
    bench b = {.api = get(), .rng = {0x5EEDBED1}};
    CHECK(b.api->abi == SB_SIM_ABI, "%s: ABI %u, expected %u", path, b.api->abi, SB_SIM_ABI);
    b.lanes = b.api->bus_bits / 32;
    b.ports = b.api->ports;
    b.align = b.api->bus_bits / 8 > 64 ? b.api->bus_bits / 8 : 64;
    b.bytes = 48u << 20;
    b.mem = malloc(b.bytes);
    b.image = malloc(b.bytes);
    CHECK(b.mem && b.image, "out of memory");
    sb_sim *s = open_sim(&b, (sb_sim_config){0});
    CHECK(b.api->reg_read(s, 0x68, &b.max_batch) == 0 && b.max_batch >= 1 && b.max_batch <= 16, "MAX_BATCH is %u",
          b.max_batch);
    uint32_t params = 0;
    CHECK(b.api->reg_read(s, 0x48, &params) == 0, "PARAMS");
    b.act_cap = 1u << (params >> 16 & 0xFF);
    b.api->close(s);
    for (uint64_t i = 0; i < b.bytes; i += 4)
        memcpy(b.mem + i, &(uint32_t){m_rand(&b.rng)}, 4);
    return b;
}
