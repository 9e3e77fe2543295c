/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "seedbed/generate.h"

static const char help[] =
    "usage: seedbed verify MODEL [--device D] [--prompt TEXT] [-n N] [--threads N] [--kv 16|8] [--lora PATH]\n"
    "                      [--place OP=WHERE] [--report] [--json]\n"
    "\n"
    "Runs N tokens on the cpu device and on D in lock-step and compares every value that every command writes, bit by "
    "bit. Names\n"
    "the first difference: token, layer, tensor, row, and both values. After a difference the cpu's values are copied "
    "to D, so that\n"
    "each command is judged by itself.\n"
    "\n"
    "  --device D      default sim; any that follows the integer contract, see `seedbed devices`\n"
    "  --prompt TEXT   default \"Once upon a time\"; the cpu's greedy continuation fills up to N tokens\n"
    "  -n N            tokens (default 32)\n"
    "  --threads N     default: all\n"
    "  --kv 16|8       bits of the KV cache (default 16)\n"
    "  --lora PATH     a low-rank adapter beside the model: a directory of Hugging Face PEFT, or its tensor file\n"
    "  --place OP=device|host  who does an operation: matvec, quantize, attention_x, ... or all; several with commas, "
    "or again\n"
    "  --report        where each operation ran, how often, bytes that crossed, cycles (in --json always)\n"
    "  --json          keys differing_bits, differing_values, commands, values, tokens, and first (absent if there is "
    "none)\n"
    "\n"
    "Exit status 0: no difference; 1: a difference, or a failure.\n";

typedef struct {
    const char *model, *prompt;
    long n;
    cli_run_options run; /* of the device under test; threads of both */
} arguments;

typedef struct {
    uint32_t *ids;
    int n;
} collected;

static bool collect(void *ctx, uint32_t id, const float *logits)
{
    collected *c = ctx;
    (void)logits;
    c->ids[c->n++] = id;
    return !cli_interrupted();
}

static void report(const arguments *a, const cli_run *r, const sb_device *dev, const sb_verify_result *v, int tokens,
                   double seconds)
{
    sb_counters k;
    sb_device_counters(dev, &k);
    if (a->run.json) {
        json_object *j = json_object_new_object();
        json_object_object_add(j, "device", json_object_new_string(sb_device_name(dev)));
        json_object_object_add(j, "tokens", json_object_new_int(tokens));
        json_object_object_add(j, "commands", json_object_new_int64((int64_t)v->commands));
        json_object_object_add(j, "values", json_object_new_int64((int64_t)v->values));
        json_object_object_add(j, "differing_commands", json_object_new_int64((int64_t)v->differing_commands));
        json_object_object_add(j, "differing_values", json_object_new_int64((int64_t)v->differing_values));
        json_object_object_add(j, "differing_bits", json_object_new_int64((int64_t)v->differing_bits));
        if (v->found) {
            json_object *f = json_object_new_object();
            json_object_object_add(j, "first", f);
            json_object_object_add(f, "token", json_object_new_int64((int64_t)v->step));
            json_object_object_add(f, "where", json_object_new_string(v->where));
            json_object_object_add(f, "op", json_object_new_string(v->op));
            json_object_object_add(f, "row", json_object_new_int64((int64_t)v->row));
            json_object_object_add(f, "expected", json_object_new_int64(v->expected));
            json_object_object_add(f, "got", json_object_new_int64(v->got));
        }
        cli_json_counters(j, &k);
        cli_json_places(j, dev);
        json_object_object_add(j, "seconds", json_object_new_double(seconds));
        cli_print_json(j);
        return;
    }
    printf("%s against %s: %d tokens, %" PRIu64 " commands, %" PRIu64 " values compared: %" PRIu64
           " differing bits (%.1f s)\n",
           sb_device_name(dev), sb_device_name(r->device), tokens, v->commands, v->values, v->differing_bits, seconds);
    if (v->found)
        printf("first difference: token %zu, %s, %s, row %zu: expected %" PRId64 " (0x%016" PRIx64 "), got %" PRId64
               " (0x%016" PRIx64 ")\n%" PRIu64 " of %" PRIu64 " commands differ, in %" PRIu64 " values\n",
               v->step, v->where, v->op, v->row, v->expected, (uint64_t)v->expected, v->got, (uint64_t)v->got,
               v->differing_commands, v->commands, v->differing_values);
    fflush(stdout);
    cli_print_counters(&k, tokens, "token");
    cli_print_places(&a->run.place, dev);
}

static sb_status verify(const arguments *a, bool *equal, sb_error *err)
{
    cli_run r = {0};
    sb_device *dev = NULL;
    sb_session *session = NULL;
    sb_sampler *greedy = NULL;
    sb_ids prompt = {0};
    collected tokens = {0};
    *equal = false;
    sb_status st = cli_run_open(&r, a->model, "cpu", NULL, a->run.threads, a->n, true, err);
    if (!st)
        st = sb_tokenizer_encode(r.tokenizer, a->prompt, strlen(a->prompt), true, &prompt, err);
    if (!st)
        st = cli_run_place(&r, a->run.device, &a->run.place, a->run.threads, a->n, &dev, &session, err);
    if (!st && !sb_device_is_exact(dev))
        st = sb_fail(err, SB_ERR_UNSUPPORTED,
                     "device %s does not follow the integer contract: compare its perplexity instead",
                     sb_device_name(dev));
    int context = st ? 0 : sb_session_context(session), n = a->n < context ? (int)a->n : context;
    if (!st && !(tokens.ids = malloc(((size_t)n + prompt.n + 1) * sizeof *tokens.ids)))
        st = sb_fail(err, SB_ERR_NOMEM, "out of memory");
    if (!st) {
        tokens.n = prompt.n < (size_t)n ? (int)prompt.n : n;
        memcpy(tokens.ids, prompt.ids, (size_t)tokens.n * sizeof *tokens.ids);
        st = sb_sampler_new(r.model->cfg.vocab, &(sb_sampler_options){.top_p = 1}, &greedy, err);
    }
    if (!st && tokens.n < n) {
        sb_generate_options g = {.n = n - tokens.n, .ignore_end = true};
        st = sb_generate(r.session, prompt.ids, (int)prompt.n, &g, greedy, collect, &tokens, err);
        /* A fresh one: the cache of this session holds what the tokens ahead left there. */
        sb_session_close(r.session);
        r.session = NULL;
        if (!st)
            st = cli_session_open(r.model, r.device, context, &r.session, err);
    }
    if (!st && tokens.n < 1)
        st = sb_fail(err, SB_ERR_ARG, "no tokens to run");
    if (!st) {
        sb_verify_result v;
        cli_progress progress;
        cli_progress_start(&progress, "verifying", false);
        st = sb_verify(r.session, session, tokens.ids, tokens.n, cli_progress_step, &progress, &v, err);
        cli_progress_end(&progress);
        if (!st) {
            report(a, &r, dev, &v, tokens.n, cli_now() - progress.start);
            *equal = !v.found;
        }
    }
    sb_sampler_free(greedy);
    free(tokens.ids);
    sb_ids_free(&prompt);
    sb_session_close(session);
    sb_device_close(dev);
    cli_run_close(&r);
    return st;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"prompt", 1, 0, 'p'}, CLI_RUN_OPTIONS};
    arguments a = {.run.device = "sim", .prompt = "Once upon a time", .n = 32};
    int c;
    while ((c = getopt_long(argc, argv, "n:h", options, NULL)) != -1) {
        bool ok = true;
        switch (c) {
        case 'p':
            a.prompt = optarg;
            break;
        case 'n':
            ok = cli_int(&cli_verify, "-n", optarg, 1, 1 << 20, &a.n);
            break;
        case 'h':
            return cli_help(&cli_verify);
        default:
            ok = cli_run_option(&cli_verify, c, &a.run);
        }
        if (!ok)
            return 2;
    }
    if (optind + 1 != argc)
        return cli_usage(&cli_verify, "expected one model directory");
    a.model = argv[optind];
    sb_error err = {{0}};
    bool equal;
    sb_status st = verify(&a, &equal, &err);
    return st ? cli_fail(st, &err) : equal ? 0 : 1;
}

const cli_command cli_verify = {"verify", "compare a device with the CPU, bit by bit", help, run};
