/* SPDX-License-Identifier: Apache-2.0
 * adapter_config.json of a LoRA adapter as Hugging Face PEFT writes it, and what of it decides the result. */
#ifndef SEEDBED_MODEL_LORA_INTERNAL_H
#define SEEDBED_MODEL_LORA_INTERNAL_H

#include <stdbool.h>

#include "seedbed/lora.h"
#include "seedbed/safetensors.h"

/* A name or pattern of module names, and the number that goes with it. */
typedef struct {
    char *text;
    void *code; /* compiled; NULL: a plain name, which matches itself and what ends in ".name" */
    double value;
} sb_lora_pattern;

typedef struct {
    sb_lora_pattern *item;
    size_t n;
} sb_lora_patterns;

typedef struct {
    int rank;
    double alpha;
    bool rslora;                    /* s = alpha / sqrt(r) */
    bool all_linear;                /* target_modules "all-linear" */
    bool some_left_out;             /* exclude_modules or layers_to_transform: not every target need be adapted */
    sb_lora_patterns targets;       /* names, or one pattern */
    sb_lora_patterns ranks, alphas; /* of modules that have their own: the first that matches */
} sb_lora_config;

/* Fills *c (free it, also after a failure); path is for messages. */
sb_status sb_lora_config_parse(const char *path, const char *json, size_t size, sb_lora_config *c, sb_error *err);
void sb_lora_config_free(sb_lora_config *c);

/* Whether one of the patterns matches the module's name; *at is the first. SB_ERR_UNSUPPORTED: a pattern takes too
 * long. */
sb_status sb_lora_match(const sb_lora_patterns *p, const char *module, bool *hit, size_t *at, sb_error *err);
/* The rank and the factor s of a module. */
sb_status sb_lora_numbers(const sb_lora_config *c, const char *module, int *rank, float *scale, sb_error *err);

/* Puts the tensors of st beside the layers of *m. After a failure *m is as it was. */
sb_status sb_lora_apply(sb_model *m, const sb_lora_config *c, const sb_safetensors *st, const char *path,
                        sb_error *err);

#endif
