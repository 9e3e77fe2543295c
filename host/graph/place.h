/* SPDX-License-Identifier: Apache-2.0
 * A model placed on a device: where its weights, gains, KV cache and the buffers of a step lie. */
#ifndef SEEDBED_GRAPH_PLACE_H
#define SEEDBED_GRAPH_PLACE_H

#include "seedbed/device.h"
#include "seedbed/lora.h"

enum { SB_COMMANDS_PER_LAYER = 40 };

/* Parts of a vector begin at multiples of 64 bytes, so that a core finds them on a beat. */
enum { SB_ALIGN_F32 = 16 };
static inline size_t sb_align_f32(size_t n)
{
    return (n + SB_ALIGN_F32 - 1) / SB_ALIGN_F32 * SB_ALIGN_F32;
}

/* A linear layer in device memory. */
typedef struct {
    const sb_linear *linear;
    const sb_codec *codec; /* the layout of its activations; fp16's dense one for binary32 weights */
    uint64_t addr;
} sb_placed;

typedef struct {
    sb_placed part[SB_MAX_PARTS];
    sb_placed lora_a[SB_MAX_PARTS], lora_b[SB_MAX_PARTS]; /* side paths of the parts; linear NULL: none */
    int n;
    size_t rows; /* the stride of the results: of one part its rows, of several each one's rounded up to SB_ALIGN_F32 */
} sb_placed_group;

typedef struct {
    sb_placed_group qkv, out, gate_up, down;
    uint64_t attn_norm, ffn_norm, q_norm, k_norm; /* 0: none */
    uint64_t attn_post_norm, ffn_post_norm;       /* 0: none */
    uint64_t k_cache,
        v_cache; /* (kv_heads, context, head_dim) f32, one behind the other; exact: the cache of numerics.md 6.1, 0 */
} sb_placed_layer;

typedef struct {
    const sb_model *model;
    sb_device *dev;
    int context, position;  /* tokens that the KV cache may have, and has */
    size_t max_batch;       /* tokens of a step */
    bool exact;             /* attention in integers */
    uint32_t capacity;      /* of the KV cache */
    uint8_t attn_flags;     /* of ATTENTION_X */
    uint64_t attn_params;   /* exact: sb_query_params and its lines; else sb_attention_params */
    uint64_t records, sums; /* query records and results of ATTENTION_X */
    sb_placed_layer *layers;
    sb_placed_group head;
    uint64_t embed, final_norm;
    uint32_t embed_stride; /* words from row to row */
    float *rope_freq;      /* (head_dim/2,), of the host: it writes the cosines and sines of a step's tokens */
    float *rope_row;       /* (head_dim,), scratch for that */
    /* Buffers of a step; B = max_batch. */
    uint64_t tokens, exps; /* (B,) u32, i32 */
    uint64_t rope;         /* (B, head_dim rounded up): cosines, then sines, of each token */
    uint64_t next;         /* (B,) u32: ARGMAX of the logits */
    uint64_t x, h, tmp;    /* (B, dim) */
    uint64_t qkv, att;     /* (B, qkv_dim) with the layer's own stride, (B, q_dim) */
    uint64_t gate_up, mid; /* (B, 2*ffn), (B, ffn) */
    uint64_t act, acc;     /* quantised inputs, int64 results */
    uint64_t lora_u;       /* (B, rank padded) of each part of a group, one behind the other: A x */
    uint64_t lora_y;       /* (B, rows) of one part: B u */
    uint64_t logits;       /* (B, vocab) */
    uint64_t list;         /* commands */
    size_t record_bytes, sum_bytes;
    size_t qkv_dim, q_dim, ffn_dim, act_elems, acc_bytes, lora_u_elems, lora_y_elems, max_commands;
    sb_command *commands; /* host copy of the list while it is built */
    uint32_t n_commands;
} sb_placed_model;

/* Places the model with room for `context` tokens and steps of max_batch; kv_bits 16 or 8. *pm is to be freed, also
 * after a failure; device memory goes with the device. */
sb_status sb_place_model(const sb_model *m, sb_device *dev, int context, size_t max_batch, int kv_bits,
                         sb_placed_model *pm, sb_error *err);
void sb_placed_model_free(sb_placed_model *pm);

#endif
