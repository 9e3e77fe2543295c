/* SPDX-License-Identifier: Apache-2.0
 * A model on a device as the commands open it, and the options that say how. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "seedbed/lora.h"

enum { MAX_CONTEXT = 1 << 20 }; /* docs/numerics.md, 6.1 */

static sb_session_options session_options;

static bool cli_kv(const cli_command *c, const char *text)
{
    if (strcmp(text, "16") != 0 && strcmp(text, "8") != 0) {
        cli_usage(c, "--kv %s: expected 16 or 8", text);
        return false;
    }
    session_options.kv_bits = atoi(text);
    return true;
}

static const char *adapter; /* --lora */

bool cli_lora(const cli_command *c, const char *path)
{
    if (adapter) {
        cli_usage(c, "--lora: one adapter at a time");
        return false;
    }
    adapter = path;
    return true;
}

sb_status cli_model_load(const char *dir, sb_model **m, sb_error *err)
{
    sb_status st = sb_model_load(dir, m, err);
    if (!st && adapter)
        st = sb_lora_load(*m, adapter, err);
    if (st) {
        sb_model_free(*m);
        *m = NULL;
    }
    return st;
}

sb_status cli_session_open(const sb_model *m, sb_device *dev, long context, sb_session **out, sb_error *err)
{
    return sb_session_open_with(m, dev, (int)context, &session_options, out, err);
}

bool cli_run_option(const cli_command *c, int option, cli_run_options *o)
{
    switch (option) {
    case 'd':
        o->device = optarg;
        return true;
    case 't':
        return cli_int(c, "--threads", optarg, 1, 1024, &o->threads);
    case 'K':
        return cli_kv(c, optarg);
    case 'A':
        return cli_lora(c, optarg);
    case 'L':
        return cli_place_add(c, &o->place, optarg);
    case 'R':
        o->place.report = true;
        return true;
    case 'j':
        o->json = true;
        return true;
    default: /* getopt said what it does not know */
        return false;
    }
}

/* What the model allows, and no more than every device's cache can hold: some configs claim millions of tokens. */
static long fit_context(const sb_model *m, long context)
{
    long most = m->cfg.max_context < MAX_CONTEXT ? m->cfg.max_context : MAX_CONTEXT;
    return context <= 0 || context > most ? most : context;
}

static sb_status open_device(const char *device, const cli_place *place, long threads, sb_device **dev, sb_error *err)
{
    sb_device_options opt = {.threads = (int)threads};
    sb_status st = sb_device_open(device, &opt, dev, err);
    return st || !place ? st : sb_device_place_parse(*dev, place->text, err);
}

sb_status cli_run_place(const cli_run *r, const char *device, const cli_place *place, long threads, long context,
                        sb_device **dev, sb_session **session, sb_error *err)
{
    sb_status st = open_device(device, place, threads, dev, err);
    if (st)
        return st;
    return cli_session_open(r->model, *dev, fit_context(r->model, context), session, err);
}

sb_status cli_run_open(cli_run *r, const char *dir, const char *device, const cli_place *place, long threads,
                       long context, bool want_tokenizer, sb_error *err)
{
    *r = (cli_run){0};
    /* Opened first: a wrong device name should not cost the time to load a model. */
    sb_status st = open_device(device, place, threads, &r->device, err);
    if (!st)
        st = cli_model_load(dir, &r->model, err);
    if (!st && want_tokenizer)
        st = sb_tokenizer_load(dir, &r->tokenizer, err);
    if (!st && want_tokenizer && r->model->cfg.bos_id >= 0)
        st = sb_tokenizer_default_bos(r->tokenizer, (uint32_t)r->model->cfg.bos_id, err);
    if (!st && want_tokenizer && sb_tokenizer_size(r->tokenizer) > (size_t)r->model->cfg.vocab)
        st = sb_fail(err, SB_ERR_FORMAT, "%s/tokenizer.json: %zu tokens, but the model's vocabulary has %d", dir,
                     sb_tokenizer_size(r->tokenizer), r->model->cfg.vocab);
    if (!st && sb_device_is_exact(r->device))
        st = sb_model_pack(r->model, sb_codec_by_id(SB_CODEC_FP16), (int)threads, err);
    if (!st)
        st = cli_session_open(r->model, r->device, fit_context(r->model, context), &r->session, err);
    if (st)
        cli_run_close(r);
    return st;
}

void cli_run_close(cli_run *r)
{
    sb_session_close(r->session);
    sb_device_close(r->device);
    sb_tokenizer_free(r->tokenizer);
    sb_model_free(r->model);
    *r = (cli_run){0};
}
