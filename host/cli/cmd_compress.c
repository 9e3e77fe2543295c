/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "seedbed/compress.h"

static const char help[] =
    "usage: seedbed compress IN -o OUT [--codec CODEC] [--embed CODEC] [--round nearest|search] [--threads N] "
    "[--force] [--json]\n"
    "\n"
    "Compresses the Hugging Face directory IN (config.json, model.safetensors or shards, tokenizer.json) into OUT, "
    "which has the\n"
    "same layout. Linear layers take CODEC, the embedding table and the output head take --embed.\n"
    "\n"
    "  -o, --output DIR   where to write; must not exist unless --force\n"
    "  --codec CODEC      seedlm4 (default; 4 bits a weight), seedlm3 (3 bits), int4 (4.5 bits), fp16\n"
    "  --embed CODEC      default fp16\n"
    "  --round HOW        nearest (default), or search: tries the floor and ceiling of every coefficient; slower, less "
    "error\n"
    "  --threads N        default: all; the result does not depend on it\n"
    "  --force            replace OUT if it exists\n"
    "  --json             print the result as JSON\n"
    "\n"
    "Ctrl-C stops cleanly; the finished tensors stay in OUT.partial and the same command resumes with them.\n";

static int report(const sb_compress_options *o, const sb_compress_stats *s, double seconds, const char *out, bool json)
{
    double bpw = s->linear_weights ? (double)s->linear_bits / (double)s->linear_weights : 0;
    double embed_bpw = s->embed_weights ? (double)s->embed_bits / (double)s->embed_weights : 0;
    double relative = s->energy > 0 ? sqrt(s->error / s->energy) : 0;
    if (json) {
        json_object *j = json_object_new_object();
        json_object_object_add(j, "output", json_object_new_string(out));
        json_object_object_add(j, "codec", json_object_new_string(o->codec->name));
        json_object_object_add(j, "embed_codec", json_object_new_string(o->embed_codec->name));
        json_object_object_add(j, "bytes_in", json_object_new_int64((int64_t)s->bytes_in));
        json_object_object_add(j, "bytes_out", json_object_new_int64((int64_t)s->bytes_out));
        json_object_object_add(j, "linear_weights", json_object_new_int64((int64_t)s->linear_weights));
        json_object_object_add(j, "bits_per_weight", json_object_new_double(bpw));
        json_object_object_add(j, "embed_bits_per_weight", json_object_new_double(embed_bpw));
        json_object_object_add(j, "relative_error", json_object_new_double(relative));
        json_object_object_add(j, "worst_tensor", json_object_new_string(s->worst));
        json_object_object_add(j, "worst_relative_error", json_object_new_double(s->worst_relative));
        json_object_object_add(j, "resumed_tensors", json_object_new_int(s->reused));
        json_object_object_add(j, "seconds", json_object_new_double(seconds));
        cli_print_json(j);
        return 0;
    }
    printf("%s: %.3f MB -> %.3f MB (%.2fx)\n", out, 1e-6 * (double)s->bytes_in, 1e-6 * (double)s->bytes_out,
           (double)s->bytes_in / (double)(s->bytes_out ? s->bytes_out : 1));
    printf("linear layers: %s, %.3f bits a weight, relative error %.4f (worst %.4f: %s)\n", o->codec->name, bpw,
           relative, s->worst_relative, s->worst);
    printf("embedding: %s, %.3f bits a weight; %.1f s", o->embed_codec->name, embed_bpw, seconds);
    printf(s->reused ? ", %d tensors from an interrupted run\n" : "\n", s->reused);
    return 0;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"output", 1, 0, 'o'}, {"codec", 1, 0, 'c'},   {"embed", 1, 0, 'e'},
                                            {"round", 1, 0, 'r'},  {"threads", 1, 0, 't'}, {"force", 0, 0, 'f'},
                                            {"json", 0, 0, 'j'},   {"help", 0, 0, 'h'},    {0, 0, 0, 0}};
    sb_compress_options o = {.codec = sb_codec_by_name("seedlm4"), .embed_codec = sb_codec_by_name("fp16")};
    const char *out = NULL;
    bool json = false;
    long threads = 0;
    int c;
    while ((c = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
        switch (c) {
        case 'o':
            out = optarg;
            break;
        case 'c':
        case 'e': {
            const sb_codec *codec = sb_codec_by_name(optarg);
            if (!codec)
                return cli_usage(&cli_compress, "unknown codec '%s' (known: fp16, int4, seedlm4, seedlm3)", optarg);
            *(c == 'c' ? &o.codec : &o.embed_codec) = codec;
            break;
        }
        case 'r':
            if (strcmp(optarg, "nearest") && strcmp(optarg, "search"))
                return cli_usage(&cli_compress, "--round %s: expected nearest or search", optarg);
            o.rounding = strcmp(optarg, "search") ? SB_ROUND_NEAREST : SB_ROUND_SEARCH;
            break;
        case 't':
            if (!cli_int(&cli_compress, "--threads", optarg, 1, 1024, &threads))
                return 2;
            break;
        case 'f':
            o.force = true;
            break;
        case 'j':
            json = true;
            break;
        case 'h':
            return cli_help(&cli_compress);
        default:
            return 2;
        }
    }
    if (optind + 1 != argc || !out)
        return cli_usage(&cli_compress, "expected one model directory and -o OUT");
    cli_progress progress;
    cli_progress_start(&progress, "compressing", false);
    o.threads = (int)threads;
    o.progress = cli_progress_step;
    o.progress_ctx = &progress;
    sb_compress_stats stats;
    sb_error err = {{0}};
    sb_status st = sb_compress(argv[optind], out, &o, &stats, &err);
    cli_progress_end(&progress);
    if (st)
        return cli_fail(st, &err);
    return report(&o, &stats, cli_now() - progress.start, out, json);
}

const cli_command cli_compress = {"compress", "turn a checkpoint into seeds", help, run};
