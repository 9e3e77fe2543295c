/* SPDX-License-Identifier: Apache-2.0
 * config.json of a Hugging Face directory: the shape of a model, and which tensors it is made of.
 * Known architectures: LlamaForCausalLM and OpenELMForCausalLM (arXiv 2404.14619, layer-wise scaling). */
#ifndef SEEDBED_CONFIG_H
#define SEEDBED_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seedbed/checkpoint.h"
#include "seedbed/codec.h"
#include "seedbed/status.h"

typedef enum { SB_ARCH_LLAMA = 0, SB_ARCH_OPENELM = 1, SB_ARCH_COUNT } sb_arch;

/* Limits that every accepted config obeys, so that products of two of them fit in 64 bits with room to spare. */
#define SB_MAX_LAYERS 1024
#define SB_MAX_DIM (1 << 20) /* dim, heads * head_dim */
#define SB_MAX_FFN (1 << 22)
#define SB_MAX_VOCAB (1 << 24)
#define SB_MAX_CONTEXT (1 << 27)
#define SB_MAX_HEAD_DIM 4096 /* even: RoPE turns pairs */
#define SB_MAX_EOS 16

/* "llama3" frequency scaling; `on` false: plain RoPE. */
typedef struct {
    bool on;
    float factor, low_freq_factor, high_freq_factor;
    int original_context;
} sb_rope_scaling;

/* One compressed matrix of quantization_config. */
typedef struct {
    char *base; /* tensor name without ".weight" / ".qweight" */
    sb_codec_id codec;
    uint32_t rows, cols;
    int scale_exp;
} sb_quant_tensor;

typedef struct {
    bool present;
    sb_codec_id codec, embed_codec;
    sb_rounding rounding;
    size_t n;
    sb_quant_tensor *tensors; /* sorted by base */
} sb_quant_config;

typedef struct {
    sb_arch arch;
    int vocab, dim, n_layers, head_dim, max_context;
    float norm_eps, rope_theta;
    sb_rope_scaling rope;
    bool sigmoid;                /* sigmoid attention (arXiv 2409.04431) instead of softmax */
    float score_bias;            /* added to the scores: -ln(training context) for sigmoid models, 0 for softmax */
    bool hybrid_norm;            /* a second norm after attention and after the feed-forward, before the residual */
    bool qk_norm;                /* per-head RMSNorm of q and k, before RoPE */
    bool tied_embeddings;        /* no HEAD tensor: the embedding serves */
    int *heads, *kv_heads, *ffn; /* (n_layers): heads % kv_heads == 0 */
    int bos_id;                  /* -1: none */
    int n_eos;
    int eos_ids[SB_MAX_EOS];
    sb_quant_config quant;
} sb_model_config;

const char *sb_arch_name(sb_arch a); /* as in "architectures" */

/* Fills *cfg (free it with sb_config_free, also after a failure); path is for messages. */
sb_status sb_config_parse(const char *path, const char *json, size_t size, sb_model_config *cfg, sb_error *err);
/* DIR/config.json */
sb_status sb_config_load(const char *dir, sb_model_config *cfg, sb_error *err);
void sb_config_free(sb_model_config *cfg);

/* Inverse frequencies of RoPE, out[head_dim/2], scaling included: theta^(-2i/head_dim), in double, rounded once. */
void sb_config_rope_freqs(const sb_model_config *cfg, float *out);

/* NULL if base is not compressed. */
const sb_quant_tensor *sb_quant_find(const sb_quant_config *q, const char *base);
/* Appends a copy; keeps the order sorted. */
sb_status sb_quant_add(sb_quant_config *q, const char *base, sb_codec_id codec, uint32_t rows, uint32_t cols,
                       int scale_exp, sb_error *err);

/* Writes out_path = the JSON of in_path with quantization_config added (or replaced); all else keeps its order and
 * value. */
sb_status sb_config_write_quantized(const char *in_path, const char *out_path, const sb_quant_config *q, sb_error *err);

/* ---- the tensor map ---- */
typedef enum {
    SB_ROLE_EMBED = 0,  /* [vocab, dim] */
    SB_ROLE_FINAL_NORM, /* [dim] */
    SB_ROLE_HEAD,       /* [vocab, dim], absent when tied */
    SB_ROLE_ATTN_NORM,  /* [dim]; from here on: one a layer */
    SB_ROLE_Q,          /* [heads*head_dim, dim] */
    SB_ROLE_K,          /* [kv_heads*head_dim, dim] */
    SB_ROLE_V,
    SB_ROLE_QKV,    /* [(heads + 2 kv_heads)*head_dim, dim]: q rows, then k, then v */
    SB_ROLE_Q_NORM, /* [head_dim] */
    SB_ROLE_K_NORM,
    SB_ROLE_O,              /* [dim, heads*head_dim] */
    SB_ROLE_ATTN_POST_NORM, /* [dim], hybrid norm only */
    SB_ROLE_FFN_NORM,       /* [dim] */
    SB_ROLE_FFN_POST_NORM,
    SB_ROLE_GATE, /* [ffn, dim] */
    SB_ROLE_UP,
    SB_ROLE_GATE_UP, /* [2*ffn, dim]: gate rows, then up */
    SB_ROLE_DOWN,    /* [dim, ffn] */
    SB_ROLE_COUNT
} sb_role;

typedef enum { SB_KIND_LINEAR = 0 /* to be compressed */, SB_KIND_EMBED, SB_KIND_NORM } sb_tensor_kind;

typedef struct {
    char base[80];  /* name without ".weight" */
    char name[96];  /* base + ".weight", as in an uncompressed checkpoint */
    char qname[96]; /* base + ".qweight", as in a compressed one */
    sb_role role;
    int layer; /* -1: none */
    sb_tensor_kind kind;
    int ndim; /* 1 or 2 */
    uint64_t shape[2];
} sb_model_tensor;

/* False if the architecture has no such tensor (fused or split otherwise, tied) or layer is out of range. */
bool sb_model_tensor_get(const sb_model_config *cfg, int layer, sb_role role, sb_model_tensor *out);
/* All of them, in the order of use (embedding, layers, final norm, head): the caller frees *out. */
sb_status sb_model_tensors(const sb_model_config *cfg, sb_model_tensor **out, size_t *n, sb_error *err);
/* Names the first tensor that is missing, mis-shaped, of a wrong type, or not supported (biases). Knows compressed
 * checkpoints. */
sb_status sb_model_validate(const sb_model_config *cfg, const sb_checkpoint *ck, sb_error *err);

#endif
