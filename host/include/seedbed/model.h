/* SPDX-License-Identifier: Apache-2.0
 * A decoder-only transformer in host memory: its shapes, its linear layers (packed or binary32) and its gains. */
#ifndef SEEDBED_MODEL_H
#define SEEDBED_MODEL_H

#include "seedbed/codec.h"
#include "seedbed/config.h"

/* A low-rank side path of a linear layer (seedbed/lora.h). */
typedef struct sb_lora sb_lora;

/* A linear layer y = W x, or the embedding table. Exactly one of words and f32 is set. */
typedef struct {
    char name[160]; /* checkpoint name without ".weight": model.layers.0.mlp.up_proj */
    size_t rows, cols;
    const sb_codec *codec; /* NULL: binary32 weights */
    int scale_exp;
    uint32_t *words; /* (rows, sb_codec_row_words) */
    float *f32;      /* (rows, cols) */
    sb_lora *lora;   /* NULL: none */
} sb_linear;

enum { SB_MAX_PARTS = 3 };
/* Linear layers that share one input and whose outputs lie one after another (q|k|v, gate|up; fused or not). */
typedef struct {
    sb_linear part[SB_MAX_PARTS];
    int n;
} sb_linear_group;

typedef struct {
    sb_linear_group qkv, out, gate_up, down;
    float *attn_norm, *ffn_norm;           /* (dim,) */
    float *attn_post_norm, *ffn_post_norm; /* (dim,) or NULL */
    float *q_norm, *k_norm;                /* (head_dim,) or NULL */
} sb_layer;

typedef struct {
    sb_model_config cfg;
    sb_linear embed;   /* (vocab, dim) */
    sb_linear head;    /* (vocab, dim); head.rows == 0: tied to embed */
    sb_layer *layers;  /* (n_layers,) */
    float *final_norm; /* (dim,) */
} sb_model;

/* Loads a Hugging Face directory, compressed by us or not. Norms and shapes are checked; the first thing missing is
 * named. */
sb_status sb_model_load(const char *dir, sb_model **out, sb_error *err);
void sb_model_free(sb_model *m);

/* Gives every linear layer that holds binary32 a packed form, so that exact devices can take it; binary32 is dropped.
 * threads 0: all. */
sb_status sb_model_pack(sb_model *m, const sb_codec *codec, int threads, sb_error *err);

/* Calls fn for every linear layer and the embedding table (and the head if it is not tied), and for the two matrices of
 * a side path, behind the layer that it adapts. */
typedef sb_status (*sb_linear_fn)(sb_linear *l, void *ctx, sb_error *err);
sb_status sb_model_each_linear(sb_model *m, sb_linear_fn fn, void *ctx, sb_error *err);

size_t sb_linear_bytes(const sb_linear *l);

#endif
