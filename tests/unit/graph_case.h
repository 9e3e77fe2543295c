/* SPDX-License-Identifier: Apache-2.0
 * Small random models of many shapes, for tests of what is emitted for them. */
#ifndef SEEDBED_TESTS_GRAPH_CASE_H
#define SEEDBED_TESTS_GRAPH_CASE_H

#include "../bench/random_model.h"

typedef struct {
    const char *name;
    sb_arch arch;
    int dim, head_dim, vocab, heads, kv_heads, ffn;
    bool qk_norm, sigmoid, hybrid, tied;
    bool aligned; /* every head's numbers are whole beats of 64 bytes together */
} shape;

static const shape shapes[] = {
    {"Llama", SB_ARCH_LLAMA, 64, 16, 96, 4, 2, 172, .aligned = true},
    {"Llama, ragged", SB_ARCH_LLAMA, 72, 6, 101, 5, 5, 50, .tied = true},
    {"OpenELM", SB_ARCH_OPENELM, 64, 32, 64, 4, 1, 128, .qk_norm = true, .tied = true, .aligned = true},
    {"OpenELM, sigmoid, hybrid norm", SB_ARCH_OPENELM, 64, 32, 64, 2, 1, 64, true, true, true, true, true},
};
enum { SHAPES = sizeof shapes / sizeof *shapes, LAYERS = 2 };

static inline sb_model *make_shape(const shape *s)
{
    int heads[LAYERS], kv_heads[LAYERS], ffn[LAYERS], chosen[LAYERS];
    for (int i = 0; i < LAYERS; i++) {
        heads[i] = s->heads;
        kv_heads[i] = s->kv_heads;
        ffn[i] = s->ffn;
        chosen[i] = i;
    }
    sb_model_config c = {.arch = s->arch,
                         .vocab = s->vocab,
                         .dim = s->dim,
                         .n_layers = LAYERS,
                         .head_dim = s->head_dim,
                         .max_context = 64,
                         .norm_eps = 1e-5f,
                         .rope_theta = 10000,
                         .sigmoid = s->sigmoid,
                         .score_bias = s->sigmoid ? -4 : 0,
                         .hybrid_norm = s->hybrid,
                         .qk_norm = s->qk_norm,
                         .tied_embeddings = s->tied,
                         .heads = heads,
                         .kv_heads = kv_heads,
                         .ffn = ffn,
                         .bos_id = 1};
    return random_model(&c, chosen, LAYERS, sb_codec_by_id(SB_CODEC_SEEDLM4), sb_codec_by_id(SB_CODEC_FP16));
}

#endif
