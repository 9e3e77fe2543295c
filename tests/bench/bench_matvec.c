/* SPDX-License-Identifier: Apache-2.0
 * Where do the cycles of a matrix-vector product go? Every shape and codec on every memory, every result compared with
 * the CPU's; one flat record each in the output, and a table with the lost cycles named (docs/memory-model.md).
 *
 *   bench_matvec SIM_DIR OUT.json [--quick | --all] [ROWSxCOLS]
 *     SIM_DIR  holds w512/libseedbed_sim.so and so on; a memory whose library is missing is left out, and said so
 * Shapes up to 1024 x 1024 are measured twice: one command in a list, and eight (chain), as a decoder gives them.
 *     --quick  every shape only with its first 512 rows; --all: every row of every shape
 *     ROWSxCOLS: only this one of the shapes
 *     default: all rows up to 4096 x 14336, of larger shapes the first 1024 */
#include <json-c/json.h>
#include <stdbool.h>

#include "simlib.h"

typedef struct {
    const char *name;
    unsigned bus, ports;
    uint32_t memory, mhz, latency;
    double peak; /* bytes a cycle and port, 0: the bus */
} memory_case;

/* instant: what the core alone loses. ideal: the same rate, at the latency of a DDR4 row hit seen from 300 MHz. */
static const memory_case memories[] = {
    {"instant", 512, 1, SB_SIM_IDEAL, 300, 0, 0},
    {"ideal", 512, 1, SB_SIM_IDEAL, 300, 22, 0},
    {"ddr4-2400", 512, 1, SB_SIM_DDR4_2400, 300, 0, 19200.0 / 300},
    {"hbm2", 256, 1, SB_SIM_HBM2, 450, 0, 14400.0 / 450},
    {"hbm2", 256, 2, SB_SIM_HBM2, 450, 0, 14400.0 / 450},
    {"hbm2", 256, 4, SB_SIM_HBM2, 450, 0, 14400.0 / 450},
};
static const size_t shapes[][2] = {{512, 512}, {1024, 1024}, {2048, 2048}, {4096, 4096}, {4096, 14336}, {8192, 28672}};
enum { CHAIN = 8, CHAINS = 2 };
static const unsigned chains[CHAINS] = {1, CHAIN};
enum { MEMORIES = sizeof memories / sizeof *memories, SHAPES = sizeof shapes / sizeof *shapes };

typedef struct {
    uint64_t cycles, beats, stream;                              /* of the whole list */
    double use, bus_use, theoretical, ceiling, speedup, scaling; /* scaling: speed-up over one port, a port */
    sb_sim_report r;
} result;

static void put_int(struct json_object *o, const char *k, uint64_t v)
{
    json_object_object_add(o, k, json_object_new_int64((int64_t)v));
}
static void put_num(struct json_object *o, const char *k, double v)
{
    json_object_object_add(o, k, json_object_new_double(v));
}

static struct json_object *record(const memory_case *mc, const sb_sim_interface *api, const problem *p, size_t rows,
                                  unsigned chain, const result *x)
{
    const sb_sim_report *r = &x->r;
    struct json_object *o = json_object_new_object();
    put_int(o, "rows", rows);
    put_int(o, "cols", p->cols);
    put_int(o, "simulated_rows", p->rows);
    json_object_object_add(o, "codec", json_object_new_string(p->codec->name));
    put_int(o, "bus", api->bus_bits);
    json_object_object_add(o, "memory", json_object_new_string(mc->name));
    put_int(o, "ports", api->ports);
    put_int(o, "clock_mhz", mc->mhz);
    put_int(o, "chain", chain);
    put_int(o, "cycles", x->cycles);
    put_num(o, "cycles_per_command", (double)x->cycles / chain);
    put_int(o, "beats", x->beats);
    put_int(o, "stream_cycles", x->stream);
    put_num(o, "utilisation", x->use);
    put_num(o, "bus_utilisation", x->bus_use);
    put_num(o, "fraction_of_theoretical", x->theoretical);
    put_num(o, "fraction_of_sequential_ceiling", x->ceiling);
    put_num(o, "speedup_vs_fp16", x->speedup);
    if (x->scaling > 0)
        put_num(o, "port_scaling", x->scaling);
    for (int i = 0; i < SB_SIM_R_CLASSES; i++) {
        char key[64];
        snprintf(key, sizeof key, "wait_%s", sb_sim_read_class_name(i));
        put_int(o, key, r->wait_why[i]);
        snprintf(key, sizeof key, "act_load_%s", sb_sim_read_class_name(i));
        put_int(o, key, r->act_why[i]);
    }
    put_int(o, "useful", r->counter[SB_SIM_USEFUL]);
    put_int(o, "wait_read", r->counter[SB_SIM_WAIT_READ]);
    put_int(o, "stall", r->counter[SB_SIM_STALL]);
    put_int(o, "act_load", r->counter[SB_SIM_ACT_LOAD]);
    put_int(o, "drain", r->counter[SB_SIM_DRAIN]);
    put_int(o, "control", r->counter[SB_SIM_CONTROL]);
    put_int(o, "compute", r->counter[SB_SIM_COMPUTE]);
    put_int(o, "attend", r->counter[SB_SIM_ATTEND]);
    put_int(o, "vector", r->counter[SB_SIM_VECTOR]);
    put_int(o, "read_beats", r->counter[SB_SIM_READ_BEATS]);
    put_int(o, "write_beats", r->counter[SB_SIM_WRITE_BEATS]);
    put_num(o, "cpu_seconds", r->seconds);
    return o;
}

/* "wait: refresh 120, row 3; act_load 70; drain 30; control 28" */
static void lost(const sb_sim_report *r, char *text, size_t size)
{
    const struct {
        const char *name;
        int counter;
        const uint64_t *why;
    } k[] = {{"wait", SB_SIM_WAIT_READ, r->wait_why},
             {"act_load", SB_SIM_ACT_LOAD, r->act_why},
             {"stall", SB_SIM_STALL, NULL},
             {"drain", SB_SIM_DRAIN, NULL},
             {"control", SB_SIM_CONTROL, NULL}};
    size_t n = 0;
    text[0] = 0;
    for (size_t i = 0; i < sizeof k / sizeof *k; i++) {
        if (!r->counter[k[i].counter])
            continue;
        n += (size_t)snprintf(text + n, size - n, "%s%s %" PRIu64, n ? "; " : "", k[i].name, r->counter[k[i].counter]);
        for (int c = 0, first = 1; k[i].why && c < SB_SIM_R_CLASSES; c++) {
            if (!k[i].why[c])
                continue;
            n += (size_t)snprintf(text + n, size - n, "%s%s %" PRIu64, first ? " (" : ", ", sb_sim_read_class_name(c),
                                  k[i].why[c]);
            first = 0;
        }
        if (k[i].why)
            n += (size_t)snprintf(text + n, size - n, ")");
    }
}

static int marks_missed;

static void mark(bool ok, const char *what, const char *memory, unsigned chain, const char *codec, size_t rows,
                 double got, double want)
{
    marks_missed += !ok;
    printf("  %-6s %-28s %-9s chain %u %-8s %5zu: %.4f, mark %.4f\n", ok ? "met" : "MISSED", what, memory, chain, codec,
           rows, got, want);
}

static void marks(const memory_case *mc, unsigned chain, const char *codec, size_t rows, size_t cols, const result *x)
{
    bool square = rows == cols;
    if (mc->memory == SB_SIM_IDEAL && square && (rows == 2048 || rows == 4096)) {
        double want = rows == 2048 ? 0.985 : 0.995;
        mark(x->use >= want, "utilisation", mc->name, chain, codec, rows, x->use, want);
    }
    if (mc->memory == SB_SIM_HBM2) {
        if (square && rows == 4096 && mc->ports > 1)
            mark(x->scaling >= 0.97, mc->ports == 2 ? "scaling over 2 ports" : "scaling over 4 ports", mc->name, chain,
                 codec, rows, x->scaling, 0.97);
        return;
    }
    if (square && !strcmp(codec, "seedlm4")) {
        double want = rows == 512 ? 3.9 : rows >= 2048 ? 3.98 : 0;
        if (want > 0)
            mark(x->speedup >= want, "speed-up over fp16", mc->name, chain, codec, rows, x->speedup, want);
    }
    if (square && rows == 4096 && !strcmp(codec, "seedlm3"))
        mark(x->speedup >= 5.3, "speed-up over fp16", mc->name, chain, codec, rows, x->speedup, 5.3);
    if (mc->memory == SB_SIM_DDR4_2400 && square && rows == 4096) {
        mark(x->ceiling >= 0.98, "of the sequential ceiling", mc->name, chain, codec, rows, x->ceiling, 0.98);
        mark(x->theoretical >= 0.93, "of the theoretical rate", mc->name, chain, codec, rows, x->theoretical, 0.93);
    }
}

static result measure(const memory_case *mc, const sb_sim_interface *api, const problem *p, unsigned chain)
{
    result x = {0};
    sb_sim_config cfg = {.size = sizeof cfg,
                         .memory = mc->memory,
                         .clock_mhz = mc->mhz,
                         .read_latency = mc->latency,
                         .write_latency = mc->latency};
    char err[256] = "";
    unsigned lanes = simlib_lanes(api);
    uint64_t bytes =
        chain * sb_lane_bytes(p->codec, p->rows, p->cols, api->bus_bits / 32, 1); /* without room between parts */
    double peak = (mc->peak > 0 ? mc->peak : api->bus_bits / 8.0) * api->ports;
    problem_run(api, cfg, p, chain, &x.r);
    x.cycles = x.r.counter[SB_SIM_TOTAL];
    x.beats = (bytes + lanes * 4 - 1) / (lanes * 4);
    x.stream = api->stream(&cfg, x.r.read_bytes, err, sizeof err);
    if (!x.stream)
        simlib_die("stream", err);
    x.use = (double)x.beats / (double)x.cycles;
    x.bus_use = (double)x.r.counter[SB_SIM_READ_BEATS] / (double)x.cycles / api->ports;
    x.theoretical = (double)bytes / (double)x.cycles / peak;
    x.ceiling = (double)x.stream / (double)x.cycles;
    if (x.r.counter[SB_SIM_COMMANDS] != chain)
        simlib_die("list", "not every command was counted");
    return x;
}

int main(int argc, char **argv)
{
    bool quick = argc > 3 && !strcmp(argv[3], "--quick"), all = argc > 3 && !strcmp(argv[3], "--all");
    size_t only[2] = {0, 0};
    bool flag = quick || all,
         shape_given = argc == 4 + flag && sscanf(argv[3 + flag], "%zux%zu", &only[0], &only[1]) == 2;
    if (argc < 3 || (argc != 3 + flag && !shape_given))
        simlib_die("usage", "bench_matvec SIM_DIR OUT.json [--quick | --all] [ROWSxCOLS]");
    struct json_object *out = json_object_new_array();
    static result results[CHAINS][MEMORIES][SHAPES][SB_CODEC_COUNT];
    const sb_sim_interface *api[MEMORIES];
    for (size_t i = 0; i < MEMORIES; i++)
        if (!(api[i] = simlib_load(argv[1], memories[i].bus, memories[i].ports)))
            printf("%s left out: no library of %u x %u bits in %s\n", memories[i].name, memories[i].ports,
                   memories[i].bus, argv[1]);
    printf("%-9s %5s %5s %-11s %-8s %5s %9s %7s %7s %7s %7s %7s  lost cycles\n", "memory", "lanes", "MHz", "shape",
           "codec", "chain", "cycles", "util", "bus", "of peak", "of seq.", "vs fp16");
    for (size_t s = 0; s < SHAPES; s++) {
        if (shape_given && (shapes[s][0] != only[0] || shapes[s][1] != only[1]))
            continue;
        size_t rows = shapes[s][0], cols = shapes[s][1],
               limit = quick                                  ? 512
                       : all || rows * cols <= 4096u * 14336u ? rows
                                                              : 1024;
        for (int c = 0; c < SB_CODEC_COUNT; c++) {
            const sb_codec *codec = sb_codec_by_id(c);
            problem p = problem_make(codec, limit < rows ? limit : rows, cols);
            for (size_t n = 0; n < CHAINS * MEMORIES; n++) {
                size_t i = n % MEMORIES, k = n / MEMORIES;
                if (!api[i] || (k && rows * cols > 1024 * 1024))
                    continue;
                result *x = &results[k][i][s][c];
                char text[512], shape[32];
                *x = measure(&memories[i], api[i], &p, chains[k]);
                x->speedup = (double)results[k][i][s][SB_CODEC_FP16].cycles / (double)x->cycles;
                for (size_t one = 0; one < i; one++) /* the same memory with one port */
                    if (memories[one].memory == memories[i].memory && memories[one].bus == memories[i].bus &&
                        memories[one].ports == 1 && memories[i].ports > 1 && api[one])
                        x->scaling = (double)results[k][one][s][c].cycles / (double)x->cycles / memories[i].ports;
                lost(&x->r, text, sizeof text);
                snprintf(shape, sizeof shape, "%zux%zu%s", rows, cols, p.rows < rows ? "*" : "");
                printf("%-9s %5u %5u %-11s %-8s %5u %9.0f %6.2f%% %6.2f%% %6.2f%% %6.2f%% %7.3f  %s\n",
                       memories[i].name, simlib_lanes(api[i]), memories[i].mhz, shape, codec->name, chains[k],
                       (double)x->cycles / chains[k], 100 * x->use, 100 * x->bus_use, 100 * x->theoretical,
                       100 * x->ceiling, x->speedup, text);
                fflush(stdout);
                json_object_array_add(out, record(&memories[i], api[i], &p, rows, chains[k], x));
            }
            problem_free(&p);
        }
    }
    if (!all)
        puts("* only the first rows simulated: simulated_rows in the records");
    puts("cycles are those of a command, lost cycles those of the list");
    if (!quick) {
        puts("marks:");
        for (size_t n = 0; n < CHAINS * MEMORIES; n++)
            for (size_t s = 0; s < SHAPES; s++)
                for (int c = 0; c < SB_CODEC_COUNT; c++)
                    if (results[n / MEMORIES][n % MEMORIES][s][c].cycles && shapes[s][0] <= 4096)
                        marks(&memories[n % MEMORIES], chains[n / MEMORIES], sb_codec_by_id(c)->name, shapes[s][0],
                              shapes[s][1], &results[n / MEMORIES][n % MEMORIES][s][c]);
        printf("%d marks missed\n", marks_missed);
    }
    if (json_object_to_file_ext(argv[2], out, JSON_C_TO_STRING_PRETTY))
        simlib_die(argv[2], json_util_get_last_err());
    json_object_put(out);
    return 0;
}
