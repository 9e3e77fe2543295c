/* SPDX-License-Identifier: Apache-2.0
 * What does a token cost in the simulated core? A decode step from embedding to arg-max, at a context of N tokens, for
 * the shapes of known models with random weights: cycles by class, bytes, share of the memory's rate, and the tokens/s
 * that follow.
 *
 *   bench_token SIM_DIR OUT.json [--all | --whole] [--context N] [--embed CODEC] [--kv 8|16] [MODEL]
 *
 * How a token is composed: the step's list is built by host/graph for a model of some representative layers; embedding,
 * each layer, and the end (norm, head, arg-max) run as lists of their own and are counted apart. Token = embedding +
 * the sum of the layers + end, a layer that was not simulated being taken, class by class, between its two neighbours
 * by the bytes of its weights (--all: every layer of different shape is simulated). Nothing is read ahead from one part
 * to the next then; --whole: all layers, and the step is one list, as a session runs it. What an operation costs that
 * the device does not do (sb_device_place) is not in the cycles: such operations are named, and the host's seconds
 * stand in the record. A simulator with more units (make sim UNITS=av) is taken where there is one. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "graph/session_internal.h"
#include "model_shapes.h"
#include "random_model.h"

typedef struct {
    const char *name, *spec;
    unsigned bus, ports;
    double mhz, peak; /* bytes a cycle and port that the memory could give */
} memory_case;

static const memory_case memories[] = {
    {"ddr4-2400", "memory=ddr4-2400,clock=300", 512, 1, 300, 19200.0 / 300},
    {"ddr4-2400", "memory=ddr4-2400,clock=300", 512, 4, 300, 19200.0 / 300},
    {"hbm2", "memory=hbm2,clock=450", 256, 4, 450, 14400.0 / 450},
};
enum { MEMORIES = sizeof memories / sizeof *memories };

/* Boards whose memory is `channels` of the case's ports. */
typedef struct {
    const char *name, *memory;
    unsigned channels;
} board;
static const board boards[] = {{"KV260", "ddr4-2400", 1}, {"U250", "ddr4-2400", 4}, {"U55C", "hbm2", 32}};
enum { BOARDS = sizeof boards / sizeof *boards };

/* OpenELM-1.1B and Llama-2-7B by their published shapes, the small models by their directories. */
typedef struct {
    const char *name;
    const char *shape; /* tests/bench/shapes, or */
    const char *dir;   /* a model directory, whose shapes are taken */
} model_shape;
static const model_shape shapes[] = {
    {.name = "tinystories-openelm", .dir = "models/tinystories-openelm"},
    {.name = "stories260K", .dir = "stories260K"}, /* below the shared data */
    {.name = "OpenELM-270M", .shape = "openelm-270m"},
    {.name = "OpenELM-1.1B", .shape = "openelm-1.1b"},
    {.name = "Llama-2-7B", .shape = "llama-2-7b"},
};
enum { MODELS = sizeof shapes / sizeof *shapes };

/* Per segment or token; sums and interpolations of these are meant. */
enum {
    TOTAL,
    USEFUL,
    COMPUTE,
    ATTEND,
    VECTOR,
    WAIT_READ,
    STALL,
    ACT_LOAD,
    DRAIN,
    CONTROL,
    READ_BEATS,
    WRITE_BEATS,
    HOST_SECONDS,
    COSTS
};
static const char *const cost_name[] = {"cycles_per_token", "engine_matvec",  "engine_matvec_batch", "engine_attention",
                                        "engine_vector",    "lost_wait_read", "lost_stall",          "lost_act_load",
                                        "lost_drain",       "lost_control",   "read_beats",          "write_beats",
                                        "host_seconds"};
_Static_assert(sizeof cost_name / sizeof *cost_name == COSTS, "one name a cost");
typedef struct {
    double v[COSTS];
} cost;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

static cost now(const sb_device *dev)
{
    sb_counters k;
    sb_device_counters(dev, &k);
    double host = 0;
    for (unsigned op = 0; op < SB_OP_COUNT; op++) {
        sb_op_stats s;
        sb_device_op_stats(dev, op, &s);
        if (sb_device_place(dev, (sb_op)op) == SB_PLACE_HOST)
            host += s.seconds;
    }
    return (cost){{(double)k.total, (double)k.useful, (double)k.compute, (double)k.attend, (double)k.vector,
                   (double)k.wait_read, (double)k.stall, (double)k.act_load, (double)k.drain, (double)k.control,
                   (double)k.read_beats, (double)k.write_beats, host}};
}

static cost plus(cost a, cost b, double f)
{
    for (int i = 0; i < COSTS; i++)
        a.v[i] += f * b.v[i];
    return a;
}

/* Layers to simulate, ascending: all of different shape, or at most four of them. */
static int choose(const sb_model_config *c, const sb_codec *codec, bool all, int *chosen)
{
    int n = 0;
    for (int i = 0; i < c->n_layers; i++)
        if (!i || c->heads[i] != c->heads[i - 1] || c->kv_heads[i] != c->kv_heads[i - 1] || c->ffn[i] != c->ffn[i - 1])
            chosen[n++] = i;
    if (all || n <= 6)
        return n;
    for (int k = 1; k < n; k++)
        if (layer_bytes(c, chosen[k], codec) <= layer_bytes(c, chosen[k - 1], codec))
            return n; /* not ordered by size: no interpolation */
    for (int k = 0; k < 4; k++)
        chosen[k] = chosen[k * (n - 1) / 3];
    return 4;
}

/* The layer's cost from those simulated: equal bytes, or on the line through its neighbours. */
static cost layer_cost(double bytes, const double *at, const cost *known, int n)
{
    int k = 0;
    while (k + 1 < n && at[k + 1] < bytes)
        k++;
    for (int j = 0; j < n; j++)
        if (at[j] == bytes)
            return known[j];
    double f = (bytes - at[k]) / (at[k + 1] - at[k]);
    return plus(plus((cost){{0}}, known[k], 1 - f), known[k + 1], f);
}

typedef struct {
    cost token, layers, ends;
    double weight_bytes;
    int simulated;
    char host_ops[512];
} result;

/* Names of what the list needs and the device does not do. */
static void name_host_ops(const sb_device *dev, const sb_command *c, uint32_t n, char *text, size_t size)
{
    bool seen[SB_OP_COUNT] = {false};
    text[0] = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (seen[c[i].op] || sb_device_place(dev, (sb_op)c[i].op) == SB_PLACE_DEVICE)
            continue;
        seen[c[i].op] = true;
        size_t len = strlen(text);
        snprintf(text + len, size - len, "%s%s", len ? " " : "", sb_op_name(c[i].op));
    }
}

/* Which part of the step a command belongs to: 0 the embedding, 1.. the layers, n + 1 the end. */
static int segment_of(uint32_t tag, int n)
{
    return tag >> 8 ? (int)(tag >> 8) : (tag & 0xff) == SB_TAG_EMBED ? 0 : n + 1;
}

/* What is measured, the same for every memory. */
typedef struct {
    const sb_codec *codec, *embed;
    int context, kv;
    bool all, whole;
} setting;

static void measure(const sb_model_config *cfg, const setting *set, const char *spec, result *r)
{
    const sb_codec *codec = set->codec;
    int chosen[SB_MAX_LAYERS], n = choose(cfg, codec, set->all, chosen);
    for (int i = 0; set->whole && i < cfg->n_layers; i++)
        chosen[i] = i, n = cfg->n_layers;
    int context = set->context < cfg->max_context ? set->context : cfg->max_context;
    sb_model *m = random_model(cfg, chosen, n, codec, set->embed);
    sb_error err;
    sb_device *dev;
    sb_session *s;
    if (sb_device_open(spec, NULL, &dev, &err) ||
        sb_session_open_with(m, dev, context, &(sb_session_options){.kv_bits = set->kv}, &s, &err))
        die(spec, err.msg);
    s->placed.position = context - 1; /* the cache before it holds zeros: no operation's time depends on values */
    uint32_t token = 0, count;
    uint64_t list;
    if (sb_session_build(s, &token, 1, false, &list, &count, &err))
        die(spec, err.msg);
    name_host_ops(dev, s->placed.commands, count, r->host_ops, sizeof r->host_ops);
    cost part[SB_MAX_LAYERS + 2] = {{{0}}};
    for (uint32_t i = 0, to; i < count; i = to) {
        int seg = segment_of(s->placed.commands[i].tag, n);
        for (to = i; to < count && (set->whole || segment_of(s->placed.commands[to].tag, n) == seg); to++)
            ;
        cost before = now(dev);
        if (sb_device_submit(dev, list + i * sizeof(sb_command), to - i, &err))
            die(spec, err.msg);
        part[seg] = plus(plus(part[seg], now(dev), 1), before, -1);
    }
    double at[SB_MAX_LAYERS];
    for (int k = 0; k < n; k++)
        at[k] = layer_bytes(cfg, chosen[k], codec);
    r->simulated = n;
    r->ends = plus(part[0], part[n + 1], 1);
    r->layers = (cost){{0}};
    const sb_linear *head = m->head.rows ? &m->head : &m->embed;
    r->weight_bytes = 4.0 * (double)(head->rows * sb_codec_row_words(head->codec, head->cols));
    for (int i = 0; i < cfg->n_layers; i++) {
        double bytes = layer_bytes(cfg, i, codec);
        r->layers = plus(r->layers, layer_cost(bytes, at, part + 1, n), 1);
        r->weight_bytes += bytes;
    }
    r->token = plus(r->ends, r->layers, 1);
    if (set->whole)
        r->token = r->layers = part[0]; /* embedding and head are in it */
    sb_session_close(s);
    sb_device_close(dev);
    random_model_free(m);
}

static bool load_config(const model_shape *shape, sb_model_config *cfg)
{
    sb_error err;
    char dir[4096];
    if (shape->shape) {
        if (shape_load(shape->shape, cfg, &err))
            die(shape->name, err.msg);
        return true;
    }
    const char *data = getenv("SEEDBED_DATA");
    snprintf(dir, sizeof dir, "%s%s%s",
             strchr(shape->dir, '/') ? ""
             : data                  ? data
                                     : "../shared/data",
             strchr(shape->dir, '/') ? "" : "/", shape->dir);
    if (access(dir, R_OK)) {
        printf("skipped: %s (no data at %s)\n", shape->name, dir);
        return false;
    }
    if (sb_config_load(dir, cfg, &err))
        die(dir, err.msg);
    return true;
}

static void text(json_object *o, const char *key, const char *v)
{
    json_object_object_add(o, key, json_object_new_string(v));
}
static void number(json_object *o, const char *key, double v)
{
    json_object_object_add(o, key, json_object_new_double(v));
}

static void add_record(json_object *out, const char *model, const sb_model_config *cfg, const memory_case *mem,
                       const setting *set, const result *r)
{
    const double *v = r->token.v;
    double bus = mem->bus / 8.0, bytes = (v[READ_BEATS] + v[WRITE_BEATS]) * bus, cycles = v[TOTAL];
    json_object *o = json_object_new_object();
    json_object_array_add(out, o);
    text(o, "model", model);
    text(o, "memory", mem->name);
    number(o, "bus", mem->bus);
    number(o, "ports", mem->ports);
    number(o, "clock_mhz", mem->mhz);
    text(o, "codec", set->codec->name);
    text(o, "head_codec", cfg->tied_embeddings ? set->embed->name : set->codec->name);
    number(o, "tokens", 1);
    number(o, "context", set->context < cfg->max_context ? set->context : cfg->max_context);
    number(o, "kv_bits", set->kv);
    number(o, "layers", cfg->n_layers);
    number(o, "layers_simulated", r->simulated);
    number(o, "weight_bytes_per_token", r->weight_bytes);
    number(o, "bytes_per_token", bytes);
    number(o, "utilisation", bytes / (cycles * mem->peak * mem->ports));
    number(o, "utilisation_layers",
           (r->layers.v[READ_BEATS] + r->layers.v[WRITE_BEATS]) * bus / (r->layers.v[TOTAL] * mem->peak * mem->ports));
    number(o, "tokens_per_second", mem->mhz * 1e6 / cycles);
    for (int i = 0; i < COSTS; i++)
        number(o, cost_name[i], v[i]);
    text(o, "host_ops", r->host_ops);
    text(o, "composed",
         set->whole                      ? "one list"
         : r->simulated == cfg->n_layers ? "embedding + every layer + head"
                                         : "embedding + layers (the simulated ones, the others by their bytes) + head");
    printf("%-20s %-9s %u x %3u  %12.0f %14.0f  %6.2f %%  %9.2f   ", model, mem->name, mem->ports, mem->bus, cycles,
           bytes, 100 * bytes / (cycles * mem->peak * mem->ports), mem->mhz * 1e6 / cycles);
    for (int i = USEFUL; i <= CONTROL; i++)
        if (v[i] > 0)
            printf("%s %.2f %%%s", cost_name[i] + (i >= WAIT_READ ? 5 : 7), 100 * v[i] / cycles,
                   i < CONTROL ? ", " : "");
    printf("\n%22son the host, not in the cycles: %s\n", "", r->host_ops[0] ? r->host_ops : "nothing");
    fflush(stdout);
}

/* Tokens/s of the boards, from the simulated memory with the most ports that the board's is made of. */
static void print_boards(const char *model, const result r[MEMORIES], const bool have[MEMORIES])
{
    for (int b = 0; b < BOARDS; b++) {
        int best = -1;
        for (int i = 0; i < MEMORIES; i++)
            if (have[i] && !strcmp(memories[i].name, boards[b].memory) && memories[i].ports <= boards[b].channels &&
                (best < 0 || memories[i].ports > memories[best].ports))
                best = i;
        if (best < 0)
            continue;
        double scale = (double)boards[b].channels / memories[best].ports;
        printf("%-20s %-6s %8.2f tokens/s%s (%u x %s%s)\n", model, boards[b].name,
               memories[best].mhz * 1e6 / r[best].token.v[TOTAL] * scale,
               r[best].host_ops[0] ? " without what the host does" : "", boards[b].channels, boards[b].memory,
               scale > 1 ? "; more channels than simulated: in proportion" : "");
    }
}

/* The simulator of the memory's ports with the most units (make sim UNITS=av, a, v). False: there is none. */
static bool library(const char *dir, const memory_case *mem, char *path, size_t size)
{
    static const char *const units[] = {"av", "a", "v", ""};
    for (int i = 0; i < 4; i++) {
        char ports[16] = "";
        if (mem->ports > 1)
            snprintf(ports, sizeof ports, "p%u", mem->ports);
        snprintf(path, size, "%s/w%u%s%s/libseedbed_sim.so", dir, mem->bus, ports, units[i]);
        if (!access(path, R_OK))
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    setting set = {
        .codec = sb_codec_by_id(SB_CODEC_SEEDLM4), .embed = sb_codec_by_id(SB_CODEC_FP16), .context = 512, .kv = 16};
    const char *only = NULL;
    for (int i = 3; i < argc; i++) {
        if (!strcmp(argv[i], "--all"))
            set.all = true;
        else if (!strcmp(argv[i], "--whole"))
            set.whole = true;
        else if (!strcmp(argv[i], "--context") && i + 1 < argc)
            set.context = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--embed") && i + 1 < argc)
            set.embed = sb_codec_by_name(argv[++i]);
        else if (!strcmp(argv[i], "--kv") && i + 1 < argc)
            set.kv = atoi(argv[++i]);
        else
            only = argv[i];
    }
    if (argc < 3 || set.context < 1 || !set.embed)
        die("usage",
            "bench_token SIM_DIR OUT.json [--all | --whole] [--context N] [--embed CODEC] [--kv 8|16] [MODEL]");
    json_object *out = json_object_new_array();
    printf("%-20s %-9s %8s  %12s %14s  %8s  %9s\n", "model", "memory", "ports", "cycles", "bytes a token", "of peak",
           "tokens/s");
    for (int i = 0; i < MODELS; i++) {
        sb_model_config cfg = {0};
        if ((only && strcmp(only, shapes[i].name)) || !load_config(&shapes[i], &cfg))
            continue;
        static result r[MEMORIES];
        bool have[MEMORIES] = {false};
        for (int k = 0; k < MEMORIES; k++) {
            char lib[4096], spec[4400];
            if (!library(argv[1], &memories[k], lib, sizeof lib))
                continue; /* boards say what they are made of */
            snprintf(spec, sizeof spec, "sim:lib=%s,bus=%u,ports=%u,%s", lib, memories[k].bus, memories[k].ports,
                     memories[k].spec);
            measure(&cfg, &set, spec, &r[k]);
            have[k] = true;
            add_record(out, shapes[i].name, &cfg, &memories[k], &set, &r[k]);
        }
        print_boards(shapes[i].name, r, have);
        if (!strcmp(shapes[i].name, "Llama-2-7B"))
            puts("published, the same model in 4 bits: 4.9 to 5 tokens/s on KV260 (arXiv 2502.10659); 55 on U280, HBM "
                 "(FlightLLM, arXiv 2401.03868)");
        sb_config_free(&cfg);
        fflush(stdout);
    }
    if (json_object_to_file_ext(argv[2], out, JSON_C_TO_STRING_PRETTY))
        die(argv[2], json_util_get_last_err());
    json_object_put(out);
    return 0;
}
