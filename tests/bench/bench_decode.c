/* SPDX-License-Identifier: Apache-2.0
 * Decode steps of a model of known shape with random weights, by the ordinary path (host/graph), on any device:
 * embedding to arg-max, greedy, the token fed back. The weights are drawn as packed words, so that no compressor runs.
 *
 *   bench_decode --out OUT.json [--device SPEC] [--shape NAME] [--codec CODEC] [--embed CODEC] [--kv 8|16] [--context
 * N] [--steps N]
 *                [--layers N] [--verify N] [--check DIR] [--ops] [--label TEXT]
 *
 * --shape   tests/bench/shapes/NAME.json; --layers: only the first N of its layers
 * --context the last step has this many keys; those before the first step are zeros (no operation's time depends on
 * values)
 * --verify  before anything is timed, N tokens from an empty cache, the logits of each compared with those of `cpu`,
 * bit for bit
 * --check   the same, 8 tokens, for a model directory, packed in the codec
 * --ops     what each kind of command costs: all of a step's commands of the kind as one list, timed apart
 * Any difference is an error. A step is timed as a program sees it: building the list, running it, reading the token.
 */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "device/attention_exact.h"
#include "graph/session_internal.h"
#include "model_shapes.h"
#include "random_model.h"

enum { WARM = 4, OP_REPEATS = 9, CHECK_TOKENS = 8 };

typedef struct {
    const char *out, *device, *shape, *check, *label;
    const sb_codec *codec, *embed;
    int kv, context, steps, layers, verify;
    bool ops;
} options;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_decode: %s: %s\n", what, why);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Processor time of all threads: on a loaded machine what the work costs. */
static double processor(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}
static double quantile(double *v, int n, double q)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return v[(int)(q * (n - 1) + 0.5)];
}

static sb_session *open_session(const sb_model *m, sb_device *dev, int context, int kv)
{
    sb_error err;
    sb_session *s;
    sb_session_options opt = {.kv_bits = kv};
    if (sb_session_open_with(m, dev, context, &opt, &s, &err))
        die("session", err.msg);
    return s;
}

static sb_device *open_device(const char *spec)
{
    sb_error err;
    sb_device *dev;
    if (sb_device_open(spec, NULL, &dev, &err))
        die("device", err.msg);
    return dev;
}

/* n tokens on `dev` and on `cpu`, greedy: the logits of each must be the same bits. */
static void compare(const sb_model *m, const char *name, sb_device *dev, int n, int kv)
{
    sb_error err;
    sb_device *cpu = open_device("cpu");
    sb_session *want = open_session(m, cpu, n, kv), *got = open_session(m, dev, n, kv);
    size_t vocab = (size_t)m->cfg.vocab;
    float *a = random_need(malloc(vocab * 4)), *b = random_need(malloc(vocab * 4));
    uint32_t token = (uint32_t)m->cfg.bos_id % (uint32_t)m->cfg.vocab, chosen, bits = 0;
    for (int i = 0; i < n; i++) {
        uint32_t at[2];
        if (sb_session_eval(want, &token, 1, false, a, &err) || sb_session_eval(got, &token, 1, false, b, &err) ||
            sb_session_argmax(want, &at[0], &err) || sb_session_argmax(got, &at[1], &err))
            die(name, err.msg);
        for (size_t k = 0; k < vocab; k++)
            if (memcmp(&a[k], &b[k], 4)) {
                fprintf(stderr, "bench_decode: %s: token %d, logit %zu: cpu %a, %s %a\n", name, i, k, (double)a[k],
                        sb_device_name(dev), (double)b[k]);
                exit(1);
            }
        if (at[0] != at[1])
            die(name, "the same logits, another arg-max");
        uint32_t word;
        for (size_t k = 0; k < vocab; k++) {
            memcpy(&word, &a[k], 4);
            bits ^= word * 2654435761u + bits;
        }
        chosen = at[0];
        token = chosen;
    }
    printf("%s: %d tokens, %zu logits each, %s = cpu bit for bit (hash %08x)\n", name, n, vocab, sb_device_name(dev),
           bits);
    fflush(stdout);
    free(a);
    free(b);
    sb_session_close(want);
    sb_session_close(got);
    sb_device_close(cpu);
}

static void check_directory(const options *o)
{
    sb_error err;
    sb_model *m;
    if (sb_model_load(o->check, &m, &err) || sb_model_pack(m, o->codec, 0, &err))
        die(o->check, err.msg);
    sb_device *dev = open_device(o->device);
    compare(m, o->check, dev, CHECK_TOKENS, o->kv);
    sb_device_close(dev);
    sb_model_free(m);
}

static void text(json_object *o, const char *key, const char *v)
{
    json_object_object_add(o, key, json_object_new_string(v));
}
static void number(json_object *o, const char *key, double v)
{
    json_object_object_add(o, key, json_object_new_double(v));
}

/* Bytes that a step must read or write once: packed weights, one row of the table, the KV cache up to `keys`, its new
 * token. */
static double step_bytes(const sb_session *s, int keys, double *weights)
{
    const sb_model_config *c = sb_session_config(s);
    const sb_linear *head = s->placed.head.part[0].linear;
    double w = (double)sb_linear_bytes(head), kv = 0, hd = c->head_dim;
    for (int i = 0; i < c->n_layers; i++) {
        const sb_layer *l = &s->placed.model->layers[i];
        const sb_linear_group *g[] = {&l->qkv, &l->out, &l->gate_up, &l->down};
        for (int k = 0; k < 4; k++)
            for (int p = 0; p < g[k]->n; p++)
                w += (double)sb_linear_bytes(&g[k]->part[p]);
        kv += 2.0 * c->kv_heads[i] * hd * (s->placed.attn_flags & SB_ATTN_KV8 ? 1 : 2) * (keys + 1);
    }
    *weights = w;
    return w + kv;
}

/* Each kind of command of the last step by itself. The values that the commands work on are what the steps left. */
static void time_ops(sb_session *s, json_object *record)
{
    sb_error err;
    sb_device *dev = sb_session_device(s);
    uint32_t count = s->placed.n_commands, token = 1;
    uint64_t list;
    s->placed.position--;
    if (sb_session_build(s, &token, 1, false, &list, &count, &err))
        die("ops", err.msg);
    sb_command *all = random_need(malloc(count * sizeof *all)), *some = random_need(malloc(count * sizeof *all));
    memcpy(all, s->placed.commands, count * sizeof *all);
    json_object *ops = json_object_new_object();
    double sum = 0;
    for (unsigned op = 0; op < SB_OP_COUNT; op++)
        for (unsigned codec = 0; codec < (op == SB_OP_MATVEC ? SB_CODEC_COUNT : 1u); codec++) {
            uint32_t n = 0;
            for (uint32_t i = 0; i < count; i++)
                if (all[i].op == op && (op != SB_OP_MATVEC || all[i].codec == codec))
                    some[n++] = all[i];
            if (!n)
                continue;
            double t[OP_REPEATS];
            for (int i = -3; i < OP_REPEATS; i++) {
                if (sb_device_write(dev, list, some, n * sizeof *some, &err))
                    die("ops", err.msg);
                double start = now();
                if (sb_device_submit(dev, list, n, &err))
                    die(sb_op_name(op), err.msg);
                if (i >= 0)
                    t[i] = now() - start;
            }
            char name[64];
            snprintf(name, sizeof name, "%s%s%s", sb_op_name(op), op == SB_OP_MATVEC ? " " : "",
                     op == SB_OP_MATVEC ? sb_codec_by_id((int)codec)->name : "");
            double ms = 1e3 * quantile(t, OP_REPEATS, 0.5);
            sum += ms;
            printf("  %-16s %4u a step %9.4f ms, %7.2f us each\n", name, n, ms, 1e3 * ms / n);
            number(ops, name, ms);
        }
    printf("  %-16s               %9.4f ms (apart, each list with its own start and end)\n", "sum", sum);
    json_object_object_add(record, "ops_ms", ops);
    free(all);
    free(some);
}

static void add_counters(json_object *record, const sb_counters *a, const sb_counters *b, int steps, double seconds)
{
    static const char *const name[] = {"cycles", "useful",   "compute", "attend",  "vector",     "wait_read",
                                       "stall",  "act_load", "drain",   "control", "read_beats", "write_beats"};
    double v[] = {(double)(b->total - a->total),           (double)(b->useful - a->useful),
                  (double)(b->compute - a->compute),       (double)(b->attend - a->attend),
                  (double)(b->vector - a->vector),         (double)(b->wait_read - a->wait_read),
                  (double)(b->stall - a->stall),           (double)(b->act_load - a->act_load),
                  (double)(b->drain - a->drain),           (double)(b->control - a->control),
                  (double)(b->read_beats - a->read_beats), (double)(b->write_beats - a->write_beats)};
    if (v[0] == 0)
        return;
    printf("  cycles a step %.0f (%.2f M cycles a second):", v[0] / steps, v[0] / seconds * 1e-6);
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        number(record, name[i], v[i] / steps);
        if (i && i < 10 && v[i] > 0)
            printf(" %s %.2f %%", name[i], 100 * v[i] / v[0]);
    }
    puts("");
}

/* Which operations of the step the host did. */
static void add_places(json_object *record, const sb_session *s)
{
    char host[512] = "";
    bool seen[SB_OP_COUNT] = {false};
    for (uint32_t i = 0; i < s->placed.n_commands; i++) {
        sb_op op = (sb_op)s->placed.commands[i].op;
        if (seen[op] || sb_device_place(s->placed.dev, op) == SB_PLACE_DEVICE)
            continue;
        seen[op] = true;
        size_t at = strlen(host);
        snprintf(host + at, sizeof host - at, "%s%s", at ? " " : "", sb_op_name(op));
    }
    text(record, "host_ops", host);
    printf("  %u commands a step; done by the host: %s\n", s->placed.n_commands, host[0] ? host : "none");
}

static void decode(const options *o, const sb_model *m, sb_device *dev, json_object *out)
{
    sb_error err;
    int context = o->context, steps = o->steps, warm = sb_device_is_exact(dev) && steps > 1 ? WARM : 0;
    if (context > m->cfg.max_context || steps + warm > context)
        die("--context", "more than the model has, or fewer than the steps");
    sb_session *s = open_session(m, dev, context, o->kv);
    s->placed.position = context - steps - warm;
    double *t = random_need(malloc((size_t)steps * sizeof *t)), build = 0, submit = 0, begin = now(),
           work = processor();
    uint32_t token = (uint32_t)m->cfg.bos_id % (uint32_t)m->cfg.vocab, count;
    uint64_t list;
    sb_counters before, after;
    for (int i = -warm; i < steps; i++) {
        if (!i)
            sb_device_counters(dev, &before), begin = now(), work = processor();
        double a = now();
        if (sb_session_build(s, &token, 1, false, &list, &count, &err))
            die("step", err.msg);
        double b = now();
        if (sb_device_submit(dev, list, count, &err))
            die("step", err.msg);
        double c = now();
        if (sb_session_finish(s, 1, false, NULL, &err) || sb_session_argmax(s, &token, &err))
            die("step", err.msg);
        double d = now();
        if (i >= 0)
            t[i] = d - a, build += b - a, submit += c - b;
    }
    double seconds = now() - begin;
    work = (processor() - work) / steps;
    sb_device_counters(dev, &after);
    double weights, bytes = step_bytes(s, context, &weights);
    double median = quantile(t, steps, 0.5), low = quantile(t, steps, 0.05), high = quantile(t, steps, 0.95);
    json_object *r = json_object_new_object();
    json_object_array_add(out, r);
    text(r, "shape", o->shape);
    text(r, "device", o->device);
    text(r, "describe", sb_device_describe(dev));
    text(r, "codec", o->codec->name);
    text(r, "head_codec", m->head.rows ? o->codec->name : o->embed->name);
    if (o->label)
        text(r, "label", o->label);
    number(r, "layers", m->cfg.n_layers);
    number(r, "kv_bits", s->placed.attn_flags & SB_ATTN_KV8 ? 8 : 16);
    number(r, "context", context);
    number(r, "steps", steps);
    number(r, "ms_per_token", 1e3 * median);
    number(r, "ms_5_percent", 1e3 * low);
    number(r, "ms_95_percent", 1e3 * high);
    number(r, "ms_build", 1e3 * build / steps);
    number(r, "ms_submit", 1e3 * submit / steps);
    number(r, "processor_seconds", work);
    number(r, "tokens_per_second", 1 / median);
    number(r, "weight_bytes", weights);
    number(r, "bytes_per_token", bytes);
    number(r, "gb_per_second", bytes / median * 1e-9);
    printf("%s, %s (head %s), %d layers, context %d, KV in %d bits, %s%s%s\n", o->shape, o->codec->name,
           m->head.rows ? o->codec->name : o->embed->name, m->cfg.n_layers, context,
           s->placed.attn_flags & SB_ATTN_KV8 ? 8 : 16, o->device, o->label ? ", " : "", o->label ? o->label : "");
    printf("  %.4f ms a token (5..95 %%: %.4f..%.4f; mean of list %.4f, of build %.4f; %.2f s of processor time), %.2f "
           "tokens/s, %.4f GB a token, %.1f GB/s\n",
           1e3 * median, 1e3 * low, 1e3 * high, 1e3 * submit / steps, 1e3 * build / steps, work, 1 / median,
           bytes * 1e-9, bytes / median * 1e-9);
    add_places(r, s);
    add_counters(r, &before, &after, steps, seconds);
    fflush(stdout);
    if (o->ops)
        time_ops(s, r);
    fflush(stdout);
    free(t);
    sb_session_close(s);
}

static int integer(const char *what, const char *v, int low)
{
    char *end;
    long n = strtol(v, &end, 10);
    if (!*v || *end || n < low || n > 1 << 20)
        die(what, "not a number in range");
    return (int)n;
}

static const sb_codec *codec_named(const char *what, const char *v)
{
    const sb_codec *c = sb_codec_by_name(v);
    if (!c)
        die(what, "not a codec");
    return c;
}

static options parse(int argc, char **argv)
{
    options o = {.device = "cpu",
                 .shape = "openelm-1.1b",
                 .codec = sb_codec_by_id(SB_CODEC_SEEDLM4),
                 .embed = sb_codec_by_id(SB_CODEC_FP16),
                 .kv = 16,
                 .context = 512,
                 .steps = 32};
    for (int i = 1; i < argc; i++) {
        const char *k = argv[i], *v = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(k, "--ops")) {
            o.ops = true;
            continue;
        }
        if (!v)
            die(k, "wants a value (usage: the head of tests/bench/bench_decode.c)");
        i++;
        if (!strcmp(k, "--out"))
            o.out = v;
        else if (!strcmp(k, "--device"))
            o.device = v;
        else if (!strcmp(k, "--shape"))
            o.shape = v;
        else if (!strcmp(k, "--check"))
            o.check = v;
        else if (!strcmp(k, "--label"))
            o.label = v;
        else if (!strcmp(k, "--codec"))
            o.codec = codec_named(k, v);
        else if (!strcmp(k, "--embed"))
            o.embed = codec_named(k, v);
        else if (!strcmp(k, "--kv"))
            o.kv = integer(k, v, 8);
        else if (!strcmp(k, "--context"))
            o.context = integer(k, v, 1);
        else if (!strcmp(k, "--steps"))
            o.steps = integer(k, v, 1);
        else if (!strcmp(k, "--layers"))
            o.layers = integer(k, v, 1);
        else if (!strcmp(k, "--verify"))
            o.verify = integer(k, v, 1);
        else
            die(k, "unknown option (usage: the head of tests/bench/bench_decode.c)");
    }
    if (!o.out)
        die("--out", "missing");
    return o;
}

int main(int argc, char **argv)
{
    options o = parse(argc, argv);
    sb_error err;
    sb_model_config cfg = {0};
    if (o.check)
        check_directory(&o);
    if (shape_load(o.shape, &cfg, &err))
        die("--shape", err.msg);
    int n = o.layers && o.layers < cfg.n_layers ? o.layers : cfg.n_layers, chosen[SB_MAX_LAYERS];
    for (int i = 0; i < n; i++)
        chosen[i] = i;
    double start = now();
    sb_model *m = random_model(&cfg, chosen, n, o.codec, o.embed);
    sb_device *dev = open_device(o.device);
    printf("%s: %.1f s for random weights; %s: %s\n", o.shape, now() - start, o.device, sb_device_describe(dev));
    if (o.verify)
        compare(m, o.shape, dev, o.verify, o.kv);
    json_object *out = json_object_new_array();
    decode(&o, m, dev, out);
    if (json_object_to_file_ext(o.out, out, JSON_C_TO_STRING_PRETTY))
        die(o.out, json_util_get_last_err());
    json_object_put(out);
    sb_device_close(dev);
    random_model_free(m);
    sb_config_free(&cfg);
    return 0;
}
