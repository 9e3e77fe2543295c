/* SPDX-License-Identifier: Apache-2.0
 * One step of a decoder as a command list. */
#ifndef SEEDBED_GRAPH_GRAPH_H
#define SEEDBED_GRAPH_GRAPH_H

#include "graph/place.h"

/* What a command's tag stands for: bits 31..8 layer + 1 (0: not in a layer), bits 5..0 one of these, and of a linear
 * layer bit 6: lora A, bit 7: lora B, both: their sum with the layer's result. */
typedef enum {
    SB_TAG_EMBED = 1,
    SB_TAG_ATTN_NORM,
    SB_TAG_QKV, /* + part */
    SB_TAG_Q_NORM = SB_TAG_QKV + SB_MAX_PARTS,
    SB_TAG_K_NORM,
    SB_TAG_ROPE,
    SB_TAG_KV,
    SB_TAG_ATTENTION,
    SB_TAG_OUT,
    SB_TAG_ADD,
    SB_TAG_FFN_NORM,
    SB_TAG_GATE_UP, /* + part */
    SB_TAG_SILU = SB_TAG_GATE_UP + SB_MAX_PARTS,
    SB_TAG_DOWN,
    SB_TAG_FINAL_NORM,
    SB_TAG_HEAD,
    SB_TAG_ATTN_POST_NORM,
    SB_TAG_FFN_POST_NORM,
    SB_TAG_ARGMAX,
    SB_TAG_LORA_A = 1 << 6,
    SB_TAG_LORA_B = 1 << 7,
    SB_TAG_LORA_SUM = SB_TAG_LORA_A | SB_TAG_LORA_B
} sb_tag;

/* Fills pm->commands with the step of n tokens (1..max_batch) at pm->position; logits of the last alone, or of all. */
void sb_graph_step(sb_placed_model *pm, int n, bool all_logits);
/* "layer 3, model.layers.3.self_attn.q_proj": which layer and which tensor a tag stands for. */
void sb_graph_describe(const sb_placed_model *pm, uint32_t tag, char *buf, size_t size);

#endif
