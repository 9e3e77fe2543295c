/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "seedbed/generate.h"

static const char help[] =
    "usage: seedbed perplexity MODEL --text FILE [--device D] [--context N] [--tokens N] [--threads N] [--kv 16|8]\n"
    "                          [--lora PATH] [--place OP=WHERE] [--report] [--json]\n"
    "\n"
    "Perplexity of the model over a text: exp of the mean of -ln p over the tokens predicted. The text is cut into "
    "windows of N\n"
    "tokens that do not overlap; each starts with the beginning-of-text token and is predicted from its first token "
    "on.\n"
    "\n"
    "  --device D     ref, cpu (default), sim, opencl, xrt, ...; see `seedbed devices`\n"
    "  --context N    window (default: the model's context, at most 256)\n"
    "  --tokens N     only the first N tokens of the text\n"
    "  --threads N    default: all\n"
    "  --kv 16|8      bits of the KV cache on exact devices (default 16)\n"
    "  --lora PATH    a low-rank adapter beside the model: a directory of Hugging Face PEFT, or its tensor file\n"
    "  --place OP=device|host  who does an operation: matvec, quantize, attention_x, ... or all; several with commas, "
    "or again\n"
    "  --report       where each operation ran, how often, bytes that crossed, cycles (in --json always)\n"
    "  --json         keys perplexity, tokens, nll, bits_per_byte (if the whole text was used), seconds\n";

typedef struct {
    const char *model, *text;
    long context, tokens;
    cli_run_options run;
} arguments;

static sb_status measure(const arguments *a, sb_error *err)
{
    cli_run r = {0};
    char *text = NULL;
    size_t size = 0;
    sb_ids ids = {0};
    sb_perplexity p = {0};
    sb_status st = cli_read_text(a->text, &text, &size, err);
    if (!st)
        st = cli_run_open(&r, a->model, a->run.device, &a->run.place, a->run.threads, a->context ? a->context : 256,
                          true, err);
    if (!st && a->context > r.model->cfg.max_context)
        st = sb_fail(err, SB_ERR_ARG, "--context %ld: the model's context is %d", a->context, r.model->cfg.max_context);
    if (!st)
        st = sb_tokenizer_encode(r.tokenizer, text, size, false, &ids, err);
    if (!st) {
        cli_progress progress;
        cli_progress_start(&progress, "perplexity", false);
        st = sb_perplexity_measure(r.session, ids.ids, ids.n, r.model->cfg.bos_id, (size_t)a->tokens, cli_progress_step,
                                   &progress, &p, err);
        cli_progress_end(&progress);
        double seconds = cli_now() - progress.start;
        sb_counters k;
        sb_device_counters(r.device, &k);
        bool whole = !a->tokens || (size_t)a->tokens >= ids.n;
        double bpb = p.nll / 0.69314718055994530942 / (double)(size ? size : 1);
        if (!st && a->run.json) {
            json_object *j = json_object_new_object();
            json_object_object_add(j, "device", json_object_new_string(sb_device_name(r.device)));
            json_object_object_add(j, "perplexity", json_object_new_double(p.perplexity));
            json_object_object_add(j, "tokens", json_object_new_int64((int64_t)p.tokens));
            json_object_object_add(j, "nll", json_object_new_double(p.nll));
            json_object_object_add(j, "context", json_object_new_int(sb_session_context(r.session)));
            if (whole)
                json_object_object_add(j, "bits_per_byte", json_object_new_double(bpb));
            json_object_object_add(j, "seconds", json_object_new_double(seconds));
            cli_json_counters(j, &k);
            cli_json_places(j, r.device);
            cli_print_json(j);
        } else if (!st) {
            printf("perplexity %.4f over %zu tokens, windows of %d, device %s, %.1f s\n", p.perplexity, p.tokens,
                   sb_session_context(r.session), sb_device_name(r.device), seconds);
            cli_print_counters(&k, (double)p.tokens, "token");
            cli_print_places(&a->run.place, r.device);
        }
    }
    free(text);
    sb_ids_free(&ids);
    cli_run_close(&r);
    return st;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        {"text", 1, 0, 'x'}, {"context", 1, 0, 'c'}, {"tokens", 1, 0, 'k'}, CLI_RUN_OPTIONS};
    arguments a = {.run.device = "cpu"};
    int c;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        bool ok = true;
        switch (c) {
        case 'x':
            a.text = optarg;
            break;
        case 'c':
            ok = cli_int(&cli_perplexity, "--context", optarg, 1, 1 << 24, &a.context);
            break;
        case 'k':
            ok = cli_int(&cli_perplexity, "--tokens", optarg, 1, INT64_MAX, &a.tokens);
            break;
        case 'h':
            return cli_help(&cli_perplexity);
        default:
            ok = cli_run_option(&cli_perplexity, c, &a.run);
        }
        if (!ok)
            return 2;
    }
    if (optind + 1 != argc || !a.text)
        return cli_usage(&cli_perplexity, "expected one model directory and --text FILE");
    a.model = argv[optind];
    sb_error err = {{0}};
    sb_status st = measure(&a, &err);
    return st ? cli_fail(st, &err) : 0;
}

const cli_command cli_perplexity = {"perplexity", "measure a model on a text", help, run};
