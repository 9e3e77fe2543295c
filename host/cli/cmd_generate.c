/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "model/file.h"
#include "seedbed/generate.h"

static const char help[] =
    "usage: seedbed generate MODEL --prompt TEXT [-n N] [--device D] [--temperature T] [--top-p P] [--seed S] "
    "[--ignore-end]\n"
    "                        [--logits FILE] [--threads N] [--kv 16|8] [--lora PATH] [--place OP=WHERE] [--report] "
    "[--json]\n"
    "\n"
    "Continues TEXT and streams the new text to standard output.\n"
    "\n"
    "  --prompt TEXT       what to continue (\"\" starts from the beginning-of-text token)\n"
    "  -n N                at most N new tokens (default 64); never more than the model's context holds\n"
    "  --device D          ref (binary32), cpu (default; exact integers), sim (the Verilated core),\n"
    "                      opencl, xrt, ...; see `seedbed devices`\n"
    "  --temperature T     0 (default) is greedy\n"
    "  --top-p P           draw from the smallest set of tokens with probability P; default 1\n"
    "  --seed S            of the random draws; default 0\n"
    "  --ignore-end        go on past the model's end token\n"
    "  --logits FILE       write the logits behind every new token: little-endian float32, one vocabulary after "
    "another\n"
    "  --threads N         default: all\n"
    "  --kv 16|8           bits of the KV cache on exact devices (default 16)\n"
    "  --lora PATH         a low-rank adapter beside the model: a directory of Hugging Face PEFT, or its tensor file\n"
    "  --place OP=device|host  who does an operation: matvec, quantize, attention_x, ... or all; several with commas, "
    "or again\n"
    "  --report            where each operation ran, how often, bytes that crossed, cycles (in --json always)\n"
    "  --json              print one JSON object at the end in place of the text\n"
    "\n"
    "A checkpoint that is not compressed runs on ref as it is, and on the exact devices with its weights rounded to "
    "fp16.\n";

typedef struct {
    sb_tokenizer *tok;
    sb_decode_state stream;
    sb_text text; /* all new text */
    bool json;
    sb_file_out logits; /* appears under its name when all are written */
    uint64_t logits_bytes;
    size_t vocab;
    uint32_t *ids;
    int n;
    sb_status status; /* of the decoder and of the logits */
    sb_error *err;
} output;

/* Shows what the decoder appended behind `from`. */
static void emit_text(const output *o, size_t from)
{
    if (!o->json && o->text.len > from) {
        fwrite(o->text.data + from, 1, o->text.len - from, stdout);
        fflush(stdout);
    }
}

static bool on_token(void *ctx, uint32_t id, const float *logits)
{
    output *o = ctx;
    size_t from = o->text.len;
    o->status = sb_tokenizer_decode_next(o->tok, &o->stream, id, &o->text, o->err);
    emit_text(o, from);
    o->ids[o->n++] = id;
    if (!o->status && o->logits.fd >= 0) {
        o->status = sb_file_out_write(&o->logits, o->logits_bytes, logits, o->vocab * sizeof *logits, o->err);
        o->logits_bytes += o->vocab * sizeof *logits;
    }
    return !o->status && !ferror(stdout) && !cli_interrupted();
}

static bool prompt_step(void *ctx, size_t done, size_t total)
{
    bool go = cli_progress_step(ctx, done, total);
    if (done == total || !go)
        cli_progress_end(ctx);
    return go;
}

typedef struct {
    const char *model, *prompt, *logits;
    long n;
    bool ignore_end;
    sb_sampler_options sampler;
    cli_run_options run;
} arguments;

static void report(const arguments *a, const cli_run *r, const output *o, size_t n_prompt, double seconds)
{
    sb_counters k;
    sb_device_counters(r->device, &k);
    double steps = (double)(n_prompt + (size_t)(o->n > 0 ? o->n - 1 : 0)); /* tokens that went through the model */
    if (!a->run.json) {
        putchar('\n');
        fflush(stdout);
        cli_print_counters(&k, steps, "token");
        cli_print_places(&a->run.place, r->device);
        return;
    }
    json_object *j = json_object_new_object(), *ids = json_object_new_array();
    json_object_object_add(j, "device", json_object_new_string(sb_device_name(r->device)));
    json_object_object_add(j, "prompt", json_object_new_string(a->prompt));
    json_object_object_add(j, "text", json_object_new_string_len(o->text.data ? o->text.data : "", (int)o->text.len));
    for (int i = 0; i < o->n; i++)
        json_object_array_add(ids, json_object_new_int64(o->ids[i]));
    json_object_object_add(j, "tokens", ids);
    json_object_object_add(j, "prompt_tokens", json_object_new_int64((int64_t)n_prompt));
    json_object_object_add(j, "steps", json_object_new_double(steps));
    json_object_object_add(j, "seconds", json_object_new_double(seconds));
    json_object_object_add(j, "tokens_per_second", json_object_new_double(steps / (seconds > 0 ? seconds : 1e-9)));
    cli_json_counters(j, &k);
    cli_json_places(j, r->device);
    cli_print_json(j);
}

static sb_status generate(const arguments *a, sb_error *err)
{
    cli_run r;
    sb_ids prompt = {0};
    sb_sampler *sampler = NULL;
    output o = {.json = a->run.json, .err = err, .logits = {.fd = -1}};
    sb_status st = cli_run_open(&r, a->model, a->run.device, &a->run.place, a->run.threads, 0, true, err);
    if (!st)
        st = sb_tokenizer_encode(r.tokenizer, a->prompt, strlen(a->prompt), true, &prompt, err);
    if (!st && !prompt.n)
        st = sb_fail(err, SB_ERR_ARG, "the prompt is empty and the model has no beginning-of-text token");
    if (!st && prompt.n > (size_t)sb_session_context(r.session))
        st = sb_fail(err, SB_ERR_ARG, "a prompt of %zu tokens: the context has room for %d", prompt.n,
                     sb_session_context(r.session));
    if (!st)
        st = sb_sampler_new(r.model->cfg.vocab, &a->sampler, &sampler, err);
    if (!st && a->logits)
        st = sb_file_out_open(&o.logits, a->logits, err);
    if (!st && !(o.ids = malloc(((size_t)a->n + 1) * sizeof *o.ids)))
        st = sb_fail(err, SB_ERR_NOMEM, "out of memory");
    if (!st) {
        o.tok = r.tokenizer;
        o.vocab = (size_t)r.model->cfg.vocab;
        /* The prompt is shown as it was given; decoding it sets what the decoder does at the beginning of the new text.
         */
        for (size_t i = 0; i < prompt.n && !st; i++)
            st = sb_tokenizer_decode_next(r.tokenizer, &o.stream, prompt.ids[i], &o.text, err);
        o.text.len = 0;
    }
    if (!st) {
        if (!a->run.json) {
            fputs(a->prompt, stdout);
            fflush(stdout);
        }
        double t = cli_now();
        cli_progress progress;
        cli_progress_start(&progress, "prompt", !a->run.json && isatty(1)); /* a line of its own would break the text */
        sb_generate_options g = {.n = (int)a->n,
                                 .ignore_end = a->ignore_end,
                                 .logits = a->logits != NULL,
                                 .progress = prompt_step,
                                 .progress_ctx = &progress};
        st = sb_generate(r.session, prompt.ids, (int)prompt.n, &g, sampler, on_token, &o, err);
        st = st ? st : o.status;
        size_t from = o.text.len;
        if (!st)
            st = sb_tokenizer_decode_end(r.tokenizer, &o.stream, &o.text, err);
        emit_text(&o, from);
        if (!st && ferror(stdout)) /* nobody reads on: a closed pipe */
            st = sb_fail(err, SB_ERR_IO, "cannot write to standard output: stopped after %d token%s", o.n,
                         o.n == 1 ? "" : "s");
        if (!st && cli_interrupted())
            st = sb_fail(err, SB_ERR_INTERRUPTED, "interrupted after %d tokens", o.n);
        if (!st && a->logits)
            st = sb_file_out_commit(&o.logits, err);
        if (!st)
            report(a, &r, &o, prompt.n, cli_now() - t);
    }
    sb_file_out_abort(&o.logits);
    free(o.ids);
    sb_ids_free(&prompt);
    sb_text_free(&o.text);
    sb_sampler_free(sampler);
    cli_run_close(&r);
    return st;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"prompt", 1, 0, 'p'}, {"temperature", 1, 0, 'T'}, {"top-p", 1, 0, 'P'},
                                            {"seed", 1, 0, 's'},   {"ignore-end", 0, 0, 'i'},  {"logits", 1, 0, 'l'},
                                            CLI_RUN_OPTIONS};
    arguments a = {.run.device = "cpu", .n = 64, .sampler = {.top_p = 1}};
    double x;
    long v;
    int c;
    while ((c = getopt_long(argc, argv, "n:h", options, NULL)) != -1) {
        bool ok = true;
        switch (c) {
        case 'p':
            a.prompt = optarg;
            break;
        case 'l':
            a.logits = optarg;
            break;
        case 'n':
            ok = cli_int(&cli_generate, "-n", optarg, 0, 1 << 24, &a.n);
            break;
        case 'T':
            ok = cli_float(&cli_generate, "--temperature", optarg, 0, 100, &x);
            a.sampler.temperature = (float)x;
            break;
        case 'P':
            ok = cli_float(&cli_generate, "--top-p", optarg, 1e-6, 1, &x);
            a.sampler.top_p = (float)x;
            break;
        case 's':
            ok = cli_int(&cli_generate, "--seed", optarg, 0, INT64_MAX, &v);
            a.sampler.seed = (uint64_t)v;
            break;
        case 'i':
            a.ignore_end = true;
            break;
        case 'h':
            return cli_help(&cli_generate);
        default:
            ok = cli_run_option(&cli_generate, c, &a.run);
        }
        if (!ok)
            return 2;
    }
    if (optind + 1 != argc || !a.prompt)
        return cli_usage(&cli_generate, "expected one model directory and --prompt TEXT");
    a.model = argv[optind];
    sb_error err = {{0}};
    sb_status st = generate(&a, &err);
    return st ? cli_fail(st, &err) : 0;
}

const cli_command cli_generate = {"generate", "continue a text", help, run};
