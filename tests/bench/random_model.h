/* SPDX-License-Identifier: Apache-2.0
 * Decoders of any shape with random weights, for benches and tests. */
#ifndef SEEDBED_TESTS_RANDOM_MODEL_H
#define SEEDBED_TESTS_RANDOM_MODEL_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seedbed/model.h"

static inline void *random_need(void *p)
{
    if (!p) {
        fprintf(stderr, "bench: out of memory\n");
        exit(1);
    }
    return p;
}

static uint64_t random_state = 88172645463325252u;
static inline uint32_t random_word(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16);
}

/* Random words that a compressor could have written: no infinities, no seed 0, and the exponents kept small, so that no
 * value overflows on its way through the layers. */
static inline sb_linear random_linear(const char *name, const sb_codec *codec, size_t rows, size_t cols)
{
    sb_linear l = {.rows = rows, .cols = cols, .codec = codec};
    snprintf(l.name, sizeof l.name, "%s", name);
    size_t row = sb_codec_row_words(codec, cols), n = rows * row,
           main_words = (cols + (size_t)codec->block - 1) / (size_t)codec->block;
    bool seeds = codec->id == SB_CODEC_SEEDLM4 || codec->id == SB_CODEC_SEEDLM3;
    l.words = random_need(malloc(n * 4));
    for (size_t i = 0, at = 0; i < n; i++, at = at + 1 == row ? 0 : at + 1) {
        uint32_t w = random_word();
        if (codec->id == SB_CODEC_FP16 || (codec->id == SB_CODEC_INT4 && at >= main_words))
            w &= 0xb3ffb3ffu; /* weights, or scales, below 2^-2 */
        else if (seeds && at < main_words)
            w = (w & 0xfff3ffffu) | 0x20000u | (w & 0xffff ? 0 : 1); /* e = -6 or -5 */
        l.words[i] = w;
    }
    return l;
}

static inline float *random_gains(size_t n)
{
    float *x = random_need(malloc(n * sizeof *x));
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(1 + random_word() % 256) / 128;
    return x;
}

static inline void random_layer(sb_layer *l, const sb_model_config *c, int i, const sb_codec *codec)
{
    size_t dim = (size_t)c->dim, hd = (size_t)c->head_dim, q = (size_t)c->heads[i] * hd,
           k = (size_t)c->kv_heads[i] * hd;
    size_t ffn = (size_t)c->ffn[i];
    bool fused = c->arch == SB_ARCH_OPENELM;
    *l = (sb_layer){.qkv = {.n = fused ? 1 : 3}, .out = {.n = 1}, .gate_up = {.n = fused ? 1 : 2}, .down = {.n = 1}};
    if (fused) {
        l->qkv.part[0] = random_linear("qkv", codec, q + 2 * k, dim);
        l->gate_up.part[0] = random_linear("gate_up", codec, 2 * ffn, dim);
    } else {
        for (int p = 0; p < 3; p++)
            l->qkv.part[p] = random_linear("q, k, v", codec, p ? k : q, dim);
        for (int p = 0; p < 2; p++)
            l->gate_up.part[p] = random_linear("gate, up", codec, ffn, dim);
    }
    l->out.part[0] = random_linear("out", codec, dim, q);
    l->down.part[0] = random_linear("down", codec, dim, ffn);
    l->attn_norm = random_gains(dim);
    l->ffn_norm = random_gains(dim);
    if (c->qk_norm) {
        l->q_norm = random_gains(hd);
        l->k_norm = random_gains(hd);
    }
    if (c->hybrid_norm) {
        l->attn_post_norm = random_gains(dim);
        l->ffn_post_norm = random_gains(dim);
    }
}

/* A model of the layers chosen[0..n) of cfg. Linear layers, and a head of its own, in `codec`; the table, and the head
 * tied to it, in `embed`. */
static inline sb_model *random_model(const sb_model_config *cfg, const int *chosen, int n, const sb_codec *codec,
                                     const sb_codec *embed)
{
    sb_model *m = random_need(calloc(1, sizeof *m));
    m->cfg = *cfg;
    m->cfg.n_layers = n;
    m->cfg.quant = (sb_quant_config){0};
    m->cfg.heads = random_need(calloc((size_t)n, sizeof(int)));
    m->cfg.kv_heads = random_need(calloc((size_t)n, sizeof(int)));
    m->cfg.ffn = random_need(calloc((size_t)n, sizeof(int)));
    m->layers = random_need(calloc((size_t)n, sizeof *m->layers));
    for (int i = 0; i < n; i++) {
        m->cfg.heads[i] = cfg->heads[chosen[i]];
        m->cfg.kv_heads[i] = cfg->kv_heads[chosen[i]];
        m->cfg.ffn[i] = cfg->ffn[chosen[i]];
        random_layer(&m->layers[i], &m->cfg, i, codec);
    }
    size_t vocab = (size_t)cfg->vocab, dim = (size_t)cfg->dim;
    m->embed = random_linear("embedding", embed, vocab, dim);
    if (!cfg->tied_embeddings)
        m->head = random_linear("head", codec, vocab, dim);
    m->final_norm = random_gains(dim);
    return m;
}

static inline void random_free_group(sb_linear_group *g)
{
    for (int p = 0; p < g->n; p++)
        free(g->part[p].words);
}

static inline void random_model_free(sb_model *m)
{
    for (int i = 0; i < m->cfg.n_layers; i++) {
        sb_layer *l = &m->layers[i];
        random_free_group(&l->qkv);
        random_free_group(&l->out);
        random_free_group(&l->gate_up);
        random_free_group(&l->down);
        free(l->attn_norm);
        free(l->ffn_norm);
        free(l->q_norm);
        free(l->k_norm);
        free(l->attn_post_norm);
        free(l->ffn_post_norm);
    }
    free(m->cfg.heads);
    free(m->cfg.kv_heads);
    free(m->cfg.ffn);
    free(m->layers);
    free(m->embed.words);
    free(m->head.words);
    free(m->final_norm);
    free(m);
}

/* Bytes of the packed weights of layer i: what a token must read of it. */
static inline double layer_bytes(const sb_model_config *c, int i, const sb_codec *codec)
{
    size_t dim = (size_t)c->dim, hd = (size_t)c->head_dim, q = (size_t)c->heads[i] * hd,
           k = (size_t)c->kv_heads[i] * hd;
    size_t ffn = (size_t)c->ffn[i];
    return 4.0 * (double)((q + 2 * k + 2 * ffn) * sb_codec_row_words(codec, dim) + dim * sb_codec_row_words(codec, q) +
                          dim * sb_codec_row_words(codec, ffn));
}

#endif
