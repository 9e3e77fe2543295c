/* SPDX-License-Identifier: Apache-2.0
 * What the core must do: shapes, lists, batches, hazards, ports, limits, errors, control. Deterministic. */
#include "core_bench.h"

static void test_shapes(bench *b)
{
    sb_sim *s = open_sim(b, (sb_sim_config){0});
    for (int codec = 0; codec < M_CODECS; codec++) {
        for (size_t rows = 1; rows < 3 * b->lanes * b->ports; rows += 1 + b->lanes * b->ports / 5) {
            for (size_t cols = 1; cols < 210; cols += 1 + m_below(&b->rng, 13)) {
                fresh(b);
                command c = make_matvec(b, codec, rows, cols, 0);
                run_list(b, s, 0, &c, 1, "shape");
            }
        }
    }
    b->api->close(s);
}

/* Random shapes and batches, one command or a few at a time, on memories of all tempers. */
static void test_batches(bench *b, int cases)
{
    sb_sim *s = NULL;
    for (int done = 0; done < cases;) {
        if (done % 8 == 0 || !s) {
            if (s)
                b->api->close(s);
            sb_sim_config cfg = {.seed = (uint32_t)done + 1};
            if (m_below(&b->rng, 3))
                cfg.stall_permille = m_below(&b->rng, 500);
            if (m_below(&b->rng, 2))
                cfg.read_latency = m_below(&b->rng, 60), cfg.write_latency = m_below(&b->rng, 200);
            s = open_sim(b, cfg);
        }
        fresh(b);
        command c[4];
        size_t n = 1 + m_below(&b->rng, 3);
        for (size_t i = 0; i < n; i++) {
            int codec = (int)m_below(&b->rng, M_CODECS);
            size_t rows =
                1 + m_below(&b->rng, (uint32_t)(m_below(&b->rng, 4) ? 2 : 5) * (uint32_t)(b->lanes * b->ports));
            size_t cols = 1 + m_below(&b->rng, m_below(&b->rng, 4) ? 60 : 400);
            if (m_below(&b->rng, 6) == 0)
                cols = 1 + m_below(&b->rng, 12); /* a word or so: results come in a row */
            c[i] = make_batch(b, codec, random_batch(b, codec, rows, cols), rows, cols, m_below(&b->rng, 4) * b->align);
        }
        run_list(b, s, 0, c, n, "batch");
        done += (int)n;
    }
    b->api->close(s);
}

/* Every batch of the same problem takes the cycles of the first vector's pass and one a word for each further one, and
 * no stall but that of results waiting for the write bus. */
static void test_batch_cycles(bench *b)
{
    sb_sim *s = open_sim(b, (sb_sim_config){0});
    for (int codec = 0; codec < M_CODECS; codec++) {
        uint64_t one = 0;
        for (int batch = 1; batch <= (int)b->max_batch; batch += 5) {
            size_t rows = 4 * b->lanes * b->ports, cols = 240, bus = b->lanes * 4;
            fresh(b);
            command c = make_batch(b, codec, batch, rows, cols, 0);
            put_command(b, 0, 0, &c);
            snapshot(b);
            model_matvec(b, &c);
            sb_sim_report r = run(b, s, 0, 1, SB_SIM_OK);
            compare(b, &c, 1, "cycles");
            const uint64_t *k = r.counter;
            if (batch == 1)
                one = k[SB_SIM_TOTAL];
            uint64_t further = (uint64_t)(batch - 1) * 4 * m_words(codec, cols),
                     acts = m_act_elems(codec, cols) * 2 / bus + 1;
            /* more to load, and up to two beats each of results at the end, of which eight bursts are under way;
             * with the weights in a stream of their own the two change places in bursts */
            uint64_t most = one + further + (uint64_t)(batch - 1) * (acts + 9);
            CHECK(k[SB_SIM_TOTAL] <= most && k[SB_SIM_STALL] == 0,
                  "%s batch %d: %" PRIu64 " cycles, expected %" PRIu64 " at most; %" PRIu64 " stalls",
                  codec_name[codec], batch, k[SB_SIM_TOTAL], most, k[SB_SIM_STALL]);
        }
    }
    b->api->close(s);
}

static void test_limits(bench *b)
{
    sb_sim *s = open_sim(b, (sb_sim_config){.read_latency = 30});
    for (int codec = 0; codec < M_CODECS; codec++) {
        uint32_t most = codec == M_SEEDLM3 ? b->act_cap / 16 * 12 : b->act_cap;
        fresh(b);
        command c = make_matvec(b, codec, b->lanes * b->ports + 1, most, 0);
        run_list(b, s, 0, &c, 1, "capacity");
        c.cols = most + 1;
        put_command(b, 0, 0, &c);
        snapshot(b);
        sb_sim_report r = run(b, s, 0, 1, SB_SIM_CORE_ERROR);
        CHECK(r.error == 3 && r.error_index == 0, "error %u at %u", r.error, r.error_index);
        compare(b, NULL, 0, "capacity + 1");
        /* The same bound for a batch: cols is the most that n vectors may have. */
        for (uint32_t n = 2; n <= b->max_batch; n = 2 * n + 1) {
            uint32_t each = b->act_cap / n / 32 * 32, cols = codec == M_SEEDLM3 ? each / 16 * 12 : each;
            fresh(b);
            c = make_batch(b, codec, (int)n, 16, cols, 0);
            run_list(b, s, 0, &c, 1, "capacity of a batch");
            c.cols++;
            if ((each + 32) * n <= b->act_cap)
                continue;
            put_command(b, 0, 0, &c);
            snapshot(b);
            r = run(b, s, 0, 1, SB_SIM_CORE_ERROR);
            CHECK(r.error == 3 && r.error_index == 0, "batch: error %u at %u", r.error, r.error_index);
            compare(b, NULL, 0, "capacity of a batch + 1");
        }
    }
    b->api->close(s);
}

static void test_lists(bench *b, int rounds)
{
    for (int round = 0; round < rounds; round++) {
        sb_sim_config cfg = {.seed = (uint32_t)round + 1};
        if (round % 3 != 0)
            cfg.stall_permille = m_below(&b->rng, 600);
        if (round % 2 != 0)
            cfg.read_latency = m_below(&b->rng, 90), cfg.write_latency = m_below(&b->rng, 90);
        if (round % 5 == 1)
            cfg.bytes_per_cycle = 1 + m_below(&b->rng, b->api->bus_bits / 8);
        if (round % 4 == 3)
            cfg.refresh_interval = 200, cfg.refresh_length = 20;
        sb_sim *s = open_sim(b, cfg);
        for (int again = 0; again < 3; again++) {
            fresh(b);
            command c[24];
            size_t n = 1 + m_below(&b->rng, 24);
            uint64_t list = take(b, 64 * 25) + 64 * m_below(&b->rng, 2);
            for (size_t i = 0; i < n; i++) {
                if (m_below(&b->rng, 6) == 0) {
                    c[i] = (command){.op = 0, .rows = m_rand(&b->rng), .weights = 3};
                    continue;
                }
                size_t rows = 1 + m_below(&b->rng, m_below(&b->rng, 4) ? 60 : 300);
                size_t cols = 1 + m_below(&b->rng, m_below(&b->rng, 4) ? 80 : 500);
                if (m_below(&b->rng, 8) == 0)
                    cols = 1 + m_below(&b->rng, 8);
                uint64_t pad = m_below(&b->rng, 64) * b->align;
                int codec = (int)m_below(&b->rng, M_CODECS);
                int batch = m_below(&b->rng, 3) ? 1 : random_batch(b, codec, rows, cols);
                c[i] = make_batch(b, codec, batch, rows, cols, pad);
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
        sb_sim *s = open_sim(
            b, (sb_sim_config){.write_latency = 200, .stall_permille = round % 2 ? 300 : 0, .seed = (uint32_t)round});
        fresh(b);
        int codec = (int)m_below(&b->rng, M_CODECS), codec2 = (int)m_below(&b->rng, M_CODECS);
        size_t lanes = b->lanes * b->ports, cols = 24 * (1 + m_below(&b->rng, 6));
        command c[3];
        size_t need = weight_span(b, codec2, lanes, cols) / 8 + m_act_elems(codec2, cols) / 4 + 64;
        bool as_weights = round % 4 < 2, batches = round % 2 && b->max_batch > 4;
        int vectors = batches ? 4 : 1; /* a multiple of 16 rows, so that there is no gap between the vectors' results */
        c[0] = make_batch(b, codec, vectors, batches ? (need + 63) / 64 * 16 : need, 24, 0);
        c[1] = make_batch(b, codec2, batches ? 2 : 1, batches ? 32 : lanes, cols, 0);
        c[2] = make_batch(b, codec2, batches ? 3 : 1, batches ? 32 : lanes, cols, 0);
        if (as_weights)
            c[1].weights = c[0].dst + b->align * (round % 3), c[1].written = true;
        else
            c[1].src = c[0].dst + b->align * (round % 3);
        if (round % 8 >= 6)
            c[2].src = c[1].dst - b->align; /* overlaps the end of what it reads */
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
        {"op", 1},           {"codec", 2},           {"rows 0", 3},      {"cols 0", 3},
        {"batch 0", 3},      {"batch too large", 3}, {"rows 2^24", 3},   {"cols 2^31", 3},
        {"weights off", 4},  {"src off", 4},         {"dst off", 4},     {"weights outside", 5},
        {"src outside", 5},  {"list ends", 5},       {"dst outside", 6}, {"dst high", 4},
        {"weights high", 4},
    };
    const size_t faults_n = sizeof faults / sizeof *faults;
    for (size_t f = 0; f < 4 * faults_n; f++) {
        const fault *what = &faults[f % faults_n];
        sb_sim *s = open_sim(b, (sb_sim_config){.read_latency = m_below(&b->rng, 60),
                                                .write_latency = m_below(&b->rng, 60),
                                                .stall_permille = f % 2 ? 250 : 0,
                                                .seed = (uint32_t)f});
        fresh(b);
        command c[8], good[8];
        size_t n = 8, bad = f / faults_n == 0 ? 0 : m_below(&b->rng, 8);
        for (size_t i = 0; i < n; i++)
            c[i] = make_batch(b, (int)m_below(&b->rng, M_CODECS),
                              b->align > 64 || m_below(&b->rng, 2) ? 1 : 1 + (int)m_below(&b->rng, b->max_batch),
                              1 + m_below(&b->rng, 90), 1 + m_below(&b->rng, 300), 0);
        memcpy(good, c, sizeof good);
        command *x = &c[bad];
        uint64_t list = 0;
        switch (f % faults_n) {
        case 0:
            x->op = 2 + (int)m_below(&b->rng, 250);
            break;
        case 1:
            x->codec = 4 + (int)m_below(&b->rng, 250);
            break;
        case 2:
            x->rows = 0;
            break;
        case 3:
            x->cols = 0;
            break;
        case 4:
            x->batch = 0;
            break;
        case 5:
            x->batch = m_below(&b->rng, 2)
                           ? (int)b->max_batch + 1
                           : (int)(b->max_batch << m_below(&b->rng, 8)) + 1 + (int)m_below(&b->rng, 200);
            break;
        case 6:
            x->rows = 1u << 24;
            break;
        case 7:
            x->cols = 1u << 31;
            break;
        case 8:
            x->weights += 4u << m_below(&b->rng, 4);
            break;
        case 9:
            x->src += 2u << m_below(&b->rng, 5);
            break;
        case 10:
            x->dst += 8u << m_below(&b->rng, 3);
            break;
        case 11:
            x->weights = b->bytes - b->align * m_below(&b->rng, 2);
            break;
        case 12:
            x->src = b->bytes;
            break;
        case 13:
            list = b->bytes - 64 * bad;
            break;
        case 14:
            x->dst = b->bytes;
            break;
        case 15:
            x->dst |= 1ull << (56 + m_below(&b->rng, 8));
            break;
        case 16:
            x->weights |= 1ull << (56 + m_below(&b->rng, 8));
            break;
        }
        memset(b->mem + b->bytes - 4096, 0, 4096);
        for (size_t i = 0; i < n; i++) {
            if (list + 64 * i + 64 <= b->bytes)
                put_command(b, list, i, &c[i]);
        }
        snapshot(b);
        for (size_t i = 0; i < bad; i++)
            model_matvec(b, &c[i]);
        sb_sim_report r = run(b, s, list, (uint32_t)n, SB_SIM_CORE_ERROR);
        CHECK(r.error == what->error && r.error_index == bad, "%s at %zu: error %u at %u, expected %u", what->name, bad,
              r.error, r.error_index, what->error);
        CHECK(r.counter[SB_SIM_COMMANDS] >= bad, "%s at %zu: %" PRIu64 " commands completed", what->name, bad,
              r.counter[SB_SIM_COMMANDS]);
        /* What the failing command, or one after a failed response, may have written. */
        for (size_t i = bad; i < n; i++) {
            memcpy(b->image + good[i].dst, b->mem + good[i].dst, dst_bytes(&good[i]));
            if (what->error < 5 && i > bad) {
                /* A command refused by its record lets nothing after it begin. */
                for (size_t k = 0; k < dst_bytes(&good[i]); k++)
                    CHECK(b->mem[good[i].dst + k] == b->image[good[i].dst + k], "%s: command %zu wrote", what->name, i);
            }
        }
        compare(b, good, bad, what->name);
        /* The core is as good as new. */
        run_list(b, s, 0, good, n, "after an error");
        b->api->close(s);
    }
}

/* Parts at a stride of the host's choice, as in an HBM with a channel a port: the room between them is used by others.
 */
static void test_stride(bench *b)
{
    for (int round = 0; round < 12; round++) {
        uint64_t region = 4u << 20, top;
        sb_sim *s = open_sim(b, (sb_sim_config){.read_latency = 20,
                                                .write_latency = 100,
                                                .seed = (uint32_t)round,
                                                .stall_permille = round % 2 ? 300 : 0});
        command c[6];
        fresh(b);
        b->stride = region;
        CHECK(!b->api->reg_write(s, 0x24, (uint32_t)region) && !b->api->reg_write(s, 0x28, 0), "PORT_STRIDE");
        for (int i = 0; i < 6; i++) {
            int codec = (int)m_below(&b->rng, M_CODECS);
            size_t rows = 1 + m_below(&b->rng, 90), cols = 1 + m_below(&b->rng, 200);
            c[i] = make_batch(b, codec, m_below(&b->rng, 2) ? 1 : random_batch(b, codec, rows, cols), rows, cols, 0);
            /* the next reads a result that lies between the parts */
            if (i && m_below(&b->rng, 2) && dst_bytes(&c[i - 1]) >= m_act_elems(codec, cols) * 2 * (size_t)c[i].batch)
                c[i].src = c[i - 1].dst;
        }
        CHECK(b->top < region && b->ports * region < b->bytes, "regions");
        top = b->top;
        b->top = (b->ports - 1) * region + top;
        run_list(b, s, 0, c, 6, "stride");
        b->stride = 0;
        b->api->close(s);
    }
}

static void test_control(bench *b)
{
    sb_sim *s = open_sim(b, (sb_sim_config){0});
    fresh(b);
    command c = make_matvec(b, M_SEEDLM4, 40, 100, 0);
    run_list(b, s, 0, &c, 1, "control");
    sb_sim_report r = run(b, s, 0, 0, SB_SIM_OK);
    CHECK(r.counter[SB_SIM_COMMANDS] == 0 && r.counter[SB_SIM_READ_BEATS] == 0, "an empty list did something");
    CHECK(r.id == 0x53454544 && r.codecs == 15 && (r.params & 0xFF) == b->lanes && (r.params >> 8 & 0xFF) == 16,
          "registers");
    r = run(b, s, 32, 1, SB_SIM_CORE_ERROR);
    CHECK(r.error == 4 && r.error_index == 0, "misaligned list: error %u at %u", r.error, r.error_index);
    run_list(b, s, 0, &c, 1, "after a misaligned list");

    /* NOPs only, many. */
    command nops[40];
    for (int i = 0; i < 40; i++)
        nops[i] = (command){0};
    run_list(b, s, 0, nops, 40, "nops");

    /* Bad configurations are refused in words. */
    char err[512] = "";
    sb_sim_config bad = {.size = 4};
    CHECK(!b->api->open(&bad, b->mem, b->bytes, err, sizeof err) && err[0], "size 4 accepted");
    bad = (sb_sim_config){.size = sizeof bad, .stall_permille = 1000};
    CHECK(!b->api->open(&bad, b->mem, b->bytes, err, sizeof err) && strstr(err, "1000"),
          "stall_permille 1000 accepted");
    if (!b->api->can_trace) {
        bad = (sb_sim_config){.size = sizeof bad, .fst_path = "x.fst"};
        CHECK(!b->api->open(&bad, b->mem, b->bytes, err, sizeof err) && strstr(err, "trace"), "trace accepted");
    }

    /* Too many cycles, and a memory that does not answer: said so, and the core lives on. */
    fresh(b);
    c = make_matvec(b, M_SEEDLM4, 400, 1000, 0);
    put_command(b, 0, 0, &c);
    sb_sim_status st = b->api->run(s, 0, 1, 500, &r, err, sizeof err);
    CHECK(st == SB_SIM_TIMEOUT && strstr(err, "500 cycles"), "status %d: %s", st, err);
    CHECK(strstr(r.diagnosis, "command 0: op 1 codec 2") && strstr(r.diagnosis, "rows 400 cols 1000"), "diagnosis:\n%s",
          r.diagnosis);
    run_list(b, s, 0, &c, 1, "after a timeout");
    sb_sim *slow = open_sim(b, (sb_sim_config){.read_latency = 100000, .watchdog = 2000});
    put_command(b, 0, 0, &c);
    st = b->api->run(slow, 0, 1, 0, &r, err, sizeof err);
    CHECK(st == SB_SIM_TIMEOUT && strstr(err, "no transfer"), "status %d: %s", st, err);
    CHECK(strstr(r.diagnosis, "read bursts in flight 1") && strstr(r.diagnosis, "next beat expected: command"),
          "diagnosis:\n%s", r.diagnosis);
    run_list(b, s, 0, &c, 1, "beside a slow one"); /* two simulators at once */
    b->api->close(slow);
    b->api->close(s);
}

void core_tests(bench *b)
{
    test_control(b);
    test_shapes(b);
    test_lists(b, 60);
    test_batches(b, 600);
    test_batch_cycles(b);
    test_hazards(b);
    test_stride(b);
    test_errors(b);
    test_limits(b);
}
