/* SPDX-License-Identifier: Apache-2.0
 * Low-rank adapters (LoRA, arXiv 2106.09685, eq. 3): a side path y += s B(A x) beside a linear layer, with A (r, in), B
 * (out, r) and s = alpha/r, or alpha/sqrt(r) (arXiv 2312.03732). Read from the directories that Hugging Face PEFT
 * writes (docs/formats.md); docs/numerics.md, section 5.5 has the order of operations. */
#ifndef SEEDBED_LORA_H
#define SEEDBED_LORA_H

#include "seedbed/model.h"

enum {
    SB_LORA_MAX_RANK = 1024,
    /* Rows of A and columns of B are padded with zeros to a multiple of this, so that every vector between them begins
     * on 64 bytes. Zeros change no bit of the result. */
    SB_LORA_RANK_PAD = 16
};

struct sb_lora {
    sb_linear a, b; /* (rank padded, cols), (rows, rank padded) of the layer adapted */
    size_t rank;    /* as in the adapter, 1..SB_LORA_MAX_RANK */
    float scale;    /* s */
};

/* Reads DIR/adapter_config.json and DIR/adapter_model.safetensors, or that tensor file and the config beside it, and
 * puts the side paths beside the layers of *m, where they then belong to the model. What would change the result and is
 * not done here is refused by name; so is a second adapter. After a failure *m is as it was. */
sb_status sb_lora_load(sb_model *m, const char *path, sb_error *err);
/* One side path from binary32: a (rank, l->cols), b (l->rows, rank), copied; scale finite. */
sb_status sb_lora_attach(sb_linear *l, size_t rank, const float *a, const float *b, float scale, sb_error *err);
/* Takes all side paths away. */
void sb_lora_drop(sb_model *m);
/* Layers that have one. */
size_t sb_lora_count(const sb_model *m);

#endif
