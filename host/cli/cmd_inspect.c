/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

static const char help[] = "usage: seedbed inspect MODEL [--lora PATH] [--json]\n"
                           "\n"
                           "Shows what a model directory holds: architecture, shapes per layer, and for every matrix "
                           "its codec, size, bits a weight,\n"
                           "pre-scale and the bits an accumulator can need in the worst case (max over rows of sum "
                           "|w_int| times 2^15; 64 are there).\n"
                           "With --lora also the two matrices beside every layer that the adapter (see `seedbed "
                           "generate --help`) adapts, padded.\n";

/* Bits of a signed accumulator that no activation vector can overflow; 0 for binary32 tensors. */
static sb_status accumulator_bits(const sb_linear *l, int *bits, sb_error *err)
{
    *bits = 0;
    if (!l->words)
        return SB_OK;
    int64_t *w = malloc(l->cols * sizeof *w);
    if (!w)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory for a row of %s", l->name);
    double worst = 0;
    for (size_t r = 0; r < l->rows && !cli_interrupted(); r++) {
        sb_codec_decode_row_int(l->codec, l->words + r * sb_codec_row_words(l->codec, l->cols), l->cols, w);
        double sum = 0;
        for (size_t c = 0; c < l->cols; c++)
            sum += fabs((double)w[c]);
        worst = sum > worst ? sum : worst;
    }
    free(w);
    *bits = worst > 0 ? (int)floor(log2(worst)) + 1 + 15 + 1 : 1;
    return cli_interrupted() ? sb_fail(err, SB_ERR_INTERRUPTED, "interrupted at %s", l->name) : SB_OK;
}

static sb_status show(sb_linear *l, void *ctx, sb_error *err)
{
    json_object *list = ctx;
    const char *codec = l->codec ? l->codec->name : "fp32";
    double bpw = 8.0 * (double)sb_linear_bytes(l) / (double)(l->rows * l->cols);
    int bits;
    sb_status st = accumulator_bits(l, &bits, err);
    if (st)
        return st;
    if (!list) {
        printf("  %-44s %6zu x %-6zu %-8s %6.3f bits %10zu bytes  scale 2^%-4d acc %d bits\n", l->name, l->rows,
               l->cols, codec, bpw, sb_linear_bytes(l), l->scale_exp, bits);
        return SB_OK;
    }
    json_object *o = json_object_new_object();
    json_object_object_add(o, "name", json_object_new_string(l->name));
    json_object_object_add(o, "rows", json_object_new_int64((int64_t)l->rows));
    json_object_object_add(o, "cols", json_object_new_int64((int64_t)l->cols));
    json_object_object_add(o, "codec", json_object_new_string(codec));
    json_object_object_add(o, "bytes", json_object_new_int64((int64_t)sb_linear_bytes(l)));
    json_object_object_add(o, "bits_per_weight", json_object_new_double(bpw));
    json_object_object_add(o, "scale_exp", json_object_new_int(l->scale_exp));
    json_object_object_add(o, "accumulator_bits", json_object_new_int(bits));
    json_object_array_add(list, o);
    return SB_OK;
}

static json_object *ints(const int *v, int n)
{
    json_object *a = json_object_new_array();
    for (int i = 0; i < n; i++)
        json_object_array_add(a, json_object_new_int(v[i]));
    return a;
}

static void print_ints(const char *name, const int *v, int n)
{
    printf("  %-10s", name);
    for (int i = 0; i < n; i++)
        printf(" %d", v[i]);
    putchar('\n');
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", 0, 0, 'j'}, {"lora", 1, 0, 'A'}, {"help", 0, 0, 'h'}, {0, 0, 0, 0}};
    bool json = false;
    int c;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'h')
            return cli_help(&cli_inspect);
        if (c == 'j')
            json = true;
        else if (c != 'A' || !cli_lora(&cli_inspect, optarg))
            return 2;
    }
    if (optind + 1 != argc)
        return cli_usage(&cli_inspect, "expected one model directory");
    sb_model *m;
    sb_error err = {{0}};
    sb_status st = cli_model_load(argv[optind], &m, &err);
    if (st)
        return cli_fail(st, &err);
    const sb_model_config *k = &m->cfg;
    const char *codec = k->quant.present ? sb_codec_by_id(k->quant.codec)->name : "none";
    json_object *list = NULL, *o = NULL;
    if (json) {
        o = json_object_new_object();
        list = json_object_new_array();
        json_object_object_add(o, "architecture", json_object_new_string(sb_arch_name(k->arch)));
        json_object_object_add(o, "codec", json_object_new_string(codec));
        const struct {
            const char *name;
            int value;
        } field[] = {{"vocab", k->vocab},         {"dim", k->dim},
                     {"layers", k->n_layers},     {"head_dim", k->head_dim},
                     {"context", k->max_context}, {"tied_embeddings", k->tied_embeddings}};
        for (size_t i = 0; i < sizeof field / sizeof *field; i++)
            json_object_object_add(o, field[i].name, json_object_new_int(field[i].value));
        json_object_object_add(o, "heads", ints(k->heads, k->n_layers));
        json_object_object_add(o, "kv_heads", ints(k->kv_heads, k->n_layers));
        json_object_object_add(o, "ffn", ints(k->ffn, k->n_layers));
        json_object_object_add(o, "tensors", list);
    } else {
        printf("%s: %s, %d layers, dim %d, head_dim %d, vocabulary %d%s, context %d, codec %s\n", argv[optind],
               sb_arch_name(k->arch), k->n_layers, k->dim, k->head_dim, k->vocab, k->tied_embeddings ? " (tied)" : "",
               k->max_context, codec);
        print_ints("heads", k->heads, k->n_layers);
        print_ints("KV heads", k->kv_heads, k->n_layers);
        print_ints("FFN", k->ffn, k->n_layers);
    }
    st = sb_model_each_linear(m, show, list, &err);
    if (json && !st)
        cli_print_json(o);
    else
        json_object_put(o);
    sb_model_free(m);
    return st ? cli_fail(st, &err) : 0;
}

const cli_command cli_inspect = {"inspect", "show what a model directory holds", help, run};
