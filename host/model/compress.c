/* SPDX-License-Identifier: Apache-2.0
 * Checkpoint to seeds: encode tensor by tensor into OUT.partial, then assemble, then rename the directory. */
#include "seedbed/compress.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "model/file.h"
#include "model/workdir.h"
#include "seedbed/config.h"

typedef struct {
    const sb_compress_options *opt;
    sb_compress_stats *stats;
    sb_workdir *dir;
    sb_model_config cfg;
    sb_checkpoint *ck;
    sb_model_tensor *tensors;
    size_t n;
    sb_quant_config quant; /* filled as tensors are encoded */
    size_t done, total;    /* weights */
} job;

static bool is_head(const sb_model_tensor *t)
{
    return t->role == SB_ROLE_EMBED || t->role == SB_ROLE_HEAD;
}
static const sb_codec *codec_of(const job *j, const sb_model_tensor *t)
{
    return is_head(t) ? j->opt->embed_codec : j->opt->codec;
}

static bool on_progress(void *ctx, size_t done, size_t total)
{
    job *j = ctx;
    (void)total;
    return !j->opt->progress || j->opt->progress(j->opt->progress_ctx, j->done + done, j->total);
}

/* The codec reports parts; translate to weights. */
typedef struct {
    job *j;
    size_t weights;
} scaled_progress;

static bool on_codec_progress(void *ctx, size_t done, size_t total)
{
    scaled_progress *p = ctx;
    return on_progress(p->j, (size_t)((double)p->weights * (double)done / (double)(total ? total : 1)), 0);
}

static sb_status add_error(job *j, const sb_model_tensor *t, const sb_codec *codec, const float *w,
                           const uint32_t *words, int scale_exp, sb_error *err)
{
    size_t rows = (size_t)t->shape[0], cols = (size_t)t->shape[1], row_words = sb_codec_row_words(codec, cols);
    float *row = malloc(cols * sizeof *row);
    double error = 0, energy = 0;
    if (!row)
        return sb_fail(err, SB_ERR_NOMEM, "%s: out of memory for a row", t->name);
    for (size_t r = 0; r < rows; r++) {
        sb_codec_decode_row_f32(codec, words + r * row_words, cols, scale_exp, row);
        for (size_t c = 0; c < cols; c++) {
            double d = (double)w[r * cols + c] - (double)row[c];
            error += d * d;
            energy += (double)w[r * cols + c] * (double)w[r * cols + c];
        }
    }
    free(row);
    j->stats->error += error;
    j->stats->energy += energy;
    double relative = energy > 0 ? sqrt(error / energy) : 0;
    if (relative >= j->stats->worst_relative) {
        j->stats->worst_relative = relative;
        snprintf(j->stats->worst, sizeof j->stats->worst, "%s", t->base);
    }
    return SB_OK;
}

/* Encodes one matrix, or takes its words from an interrupted run. */
static sb_status encode_matrix(job *j, size_t i, sb_error *err)
{
    const sb_model_tensor *t = &j->tensors[i];
    const sb_codec *codec = codec_of(j, t);
    size_t rows = (size_t)t->shape[0], cols = (size_t)t->shape[1], weights = rows * cols;
    size_t bytes = rows * sb_codec_row_words(codec, cols) * 4;
    float *w = malloc(weights * sizeof *w);
    uint32_t *words = malloc(bytes);
    sb_status st =
        w && words ? SB_OK : sb_fail(err, SB_ERR_NOMEM, "%s: out of memory for %zu weights", t->name, weights);
    if (!st)
        st = sb_checkpoint_read_f32(j->ck, sb_checkpoint_find(j->ck, t->name), 0, rows, w, err);
    if (!st) {
        int scale_exp = codec->choose_scale_exp(w, weights);
        if (sb_workdir_take(j->dir, i, words, bytes)) {
            j->stats->reused++;
        } else {
            scaled_progress p = {j, weights};
            sb_encode_options opt = {j->opt->rounding, j->opt->threads, on_codec_progress, &p};
            st = codec->encode(w, rows, cols, scale_exp, &opt, words, err);
            if (!st)
                st = sb_workdir_put(j->dir, i, words, bytes, err);
        }
        if (!st)
            st = sb_quant_add(&j->quant, t->base, codec->id, (uint32_t)rows, (uint32_t)cols, scale_exp, err);
        if (!st && !is_head(t)) {
            j->stats->linear_weights += weights;
            j->stats->linear_bits += 8 * (uint64_t)bytes;
            st = add_error(j, t, codec, w, words, scale_exp, err);
        } else if (!st) {
            j->stats->embed_weights += weights;
            j->stats->embed_bits += 8 * (uint64_t)bytes;
        }
    }
    j->done += weights;
    free(w);
    free(words);
    return st;
}

static sb_tensor_decl declare(const job *j, const sb_model_tensor *t)
{
    sb_tensor_decl d = {.name = t->name, .ndim = t->ndim, .shape = {t->shape[0], t->shape[1]}};
    if (t->kind == SB_KIND_NORM) {
        d.dtype = sb_checkpoint_find(j->ck, t->name)->dtype;
    } else if (codec_of(j, t)->id == SB_CODEC_FP16) {
        d.dtype = SB_DTYPE_F16;
    } else {
        d.name = t->qname;
        d.dtype = SB_DTYPE_U32;
        d.shape[1] = sb_codec_row_words(codec_of(j, t), (size_t)t->shape[1]);
    }
    return d;
}

static sb_status write_tensor(job *j, size_t i, sb_safetensors_writer *w, sb_error *err)
{
    const sb_model_tensor *t = &j->tensors[i];
    if (t->kind == SB_KIND_NORM) {
        const sb_tensor *src = sb_checkpoint_find(j->ck, t->name);
        return sb_safetensors_writer_write(w, src->data, src->bytes, err);
    }
    const sb_codec *codec = codec_of(j, t);
    size_t rows = (size_t)t->shape[0], cols = (size_t)t->shape[1], row_bytes = sb_codec_row_words(codec, cols) * 4;
    uint8_t *words = malloc(rows * row_bytes);
    if (!words)
        return sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", t->name);
    sb_status st = SB_OK;
    if (!sb_workdir_take(j->dir, i, words, rows * row_bytes))
        st = sb_fail(err, SB_ERR_IO, "%s: the encoded words of %s are gone", sb_workdir_path(j->dir), t->name);
    /* fp16 rows of odd length lose their padding half: the tensor is a plain F16 matrix. */
    size_t keep = codec->id == SB_CODEC_FP16 ? cols * 2 : row_bytes;
    for (size_t r = 0; r < rows && !st; r++)
        st = sb_safetensors_writer_write(w, words + r * row_bytes, keep, err);
    free(words);
    return st;
}

static sb_status assemble(job *j, const char *in, sb_error *err)
{
    char *path = sb_file_join(sb_workdir_path(j->dir), "model.safetensors");
    char *cfg_in = sb_file_join(in, "config.json"), *cfg_out = sb_file_join(sb_workdir_path(j->dir), "config.json");
    sb_tensor_decl *d = calloc(j->n, sizeof *d);
    sb_safetensors_writer *w = NULL;
    sb_status st = path && cfg_in && cfg_out && d ? SB_OK : sb_fail(err, SB_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < j->n && !st; i++)
        d[i] = declare(j, &j->tensors[i]);
    if (!st)
        st = sb_safetensors_writer_open(path, d, j->n, &w, err);
    for (size_t i = 0; i < j->n && !st; i++)
        st = write_tensor(j, i, w, err);
    if (!st) {
        st = sb_safetensors_writer_commit(w, err);
        w = NULL;
    }
    sb_safetensors_writer_abort(w);
    for (size_t i = 0; i < j->n && !st; i++) {
        uint64_t bytes = sb_dtype_size(d[i].dtype);
        for (int k = 0; k < d[i].ndim; k++)
            bytes *= d[i].shape[k];
        j->stats->bytes_out += bytes;
    }
    if (!st)
        st = sb_config_write_quantized(cfg_in, cfg_out, &j->quant, err);
    static const char *const extra[] = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                                        "generation_config.json"};
    for (size_t i = 0; i < sizeof extra / sizeof *extra && !st; i++)
        st = sb_workdir_copy(j->dir, in, extra[i], i == 0, err);
    free(path);
    free(cfg_in);
    free(cfg_out);
    free(d);
    return st;
}

/* What the finished tensors of an interrupted run depend on; a run with another identity starts afresh. */
static void identity(const job *j, const char *in, char *buf, size_t size)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a over names, places and sizes */
    for (size_t i = 0; i < sb_checkpoint_count(j->ck); i++) {
        const sb_tensor *t = sb_checkpoint_at(j->ck, i);
        struct stat s = {0};
        (void)stat(t->file, &s);
        uint64_t v[] = {t->offset,           t->bytes,          (uint64_t)s.st_mtim.tv_sec, (uint64_t)s.st_mtim.tv_nsec,
                        (uint64_t)s.st_size, (uint64_t)s.st_ino};
        for (const char *p = t->name; *p; p++)
            h = (h ^ (uint8_t)*p) * 1099511628211u;
        for (size_t k = 0; k < sizeof v; k++)
            h = (h ^ ((const uint8_t *)v)[k]) * 1099511628211u;
    }
    snprintf(buf, size, "seedbed compress 1 %s %s %d %016llx %.200s\n", j->opt->codec->name, j->opt->embed_codec->name,
             (int)j->opt->rounding, (unsigned long long)h, in);
}

/* What would fail only at the end is looked at first: hours of encoding may lie between. */
static sb_status check_places(const char *in, const char *out, bool force, sb_error *err)
{
    char *tokenizer = sb_file_join(in, "tokenizer.json"), *config = sb_file_join(out, "config.json");
    struct stat s, from;
    sb_status st = tokenizer && config ? SB_OK : sb_fail(err, SB_ERR_NOMEM, "out of memory");
    if (!st && stat(tokenizer, &s))
        st = sb_fail(err, SB_ERR_IO, "%s: %s", tokenizer, strerror(errno));
    if (!st && stat(in, &from) == 0 && stat(out, &s) == 0 && s.st_dev == from.st_dev && s.st_ino == from.st_ino)
        st = sb_fail(err, SB_ERR_ARG, "%s: is the model to compress; choose another place", out);
    if (!st && force && lstat(out, &s) == 0 && stat(config, &s))
        st = sb_fail(err, SB_ERR_ARG, "%s: exists and is not a model directory; --force does not replace it", out);
    free(tokenizer);
    free(config);
    return st;
}

static sb_status run(job *j, const char *in, const char *out, sb_error *err)
{
    char id[400];
    sb_status st = sb_config_load(in, &j->cfg, err);
    if (!st)
        st = check_places(in, out, j->opt->force, err);
    if (!st && j->cfg.quant.present)
        st = sb_fail(err, SB_ERR_UNSUPPORTED,
                     "%s/config.json: the model is compressed already (%s); start from the original", in,
                     sb_codec_by_id(j->cfg.quant.codec)->name);
    (void)(st || (st = sb_checkpoint_open(in, &j->ck, err)) || (st = sb_model_validate(&j->cfg, j->ck, err)) ||
           (st = sb_model_tensors(&j->cfg, &j->tensors, &j->n, err)));
    if (st)
        return st;
    for (size_t i = 0; i < j->n; i++) {
        const sb_model_tensor *t = &j->tensors[i];
        j->stats->bytes_in += sb_checkpoint_find(j->ck, t->name)->bytes;
        j->total += t->kind == SB_KIND_NORM ? 0 : (size_t)(t->shape[0] * t->shape[1]);
    }
    j->quant.present = true;
    j->quant.codec = j->opt->codec->id;
    j->quant.embed_codec = j->opt->embed_codec->id;
    j->quant.rounding = j->opt->rounding;
    j->stats->tensors = (int)j->n;
    identity(j, in, id, sizeof id);
    st = sb_workdir_open(out, id, j->opt->force, &j->dir, err);
    for (size_t i = 0; i < j->n && !st; i++)
        if (j->tensors[i].kind != SB_KIND_NORM)
            st = encode_matrix(j, i, err);
    if (!st)
        st = assemble(j, in, err);
    if (!st)
        st = sb_workdir_commit(j->dir, err);
    return st;
}

sb_status sb_compress(const char *in, const char *out, const sb_compress_options *opt, sb_compress_stats *stats,
                      sb_error *err)
{
    *stats = (sb_compress_stats){0};
    job j = {.opt = opt, .stats = stats};
    sb_status st = run(&j, in, out, err);
    sb_workdir_close(j.dir, st == SB_ERR_INTERRUPTED);
    sb_checkpoint_close(j.ck);
    sb_config_free(&j.cfg);
    sb_model_config q = {.quant = j.quant};
    sb_config_free(&q);
    free(j.tensors);
    return st;
}
