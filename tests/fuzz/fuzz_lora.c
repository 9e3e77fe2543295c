/* SPDX-License-Identifier: Apache-2.0
 * The input up to the first NUL byte is adapter_config.json; the rest is adapter_model.safetensors, for a model of one
 * layer of 6 x 4. What is accepted lies beside it as it should, what is refused leaves nothing. */
#include <math.h>

#include "fuzz.h"
#include "model/lora_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t json = nul ? (size_t)(nul - data) : size;
    sb_lora_config c;
    sb_error err = {{0}};
    if (sb_lora_config_parse("input", (const char *)data, json, &c, &err) != SB_OK) {
        FUZZ_CHECK_MESSAGE(err);
        sb_lora_config_free(&c);
        return 0;
    }
    FUZZ_CHECK(c.rank >= 1 && c.rank <= SB_LORA_MAX_RANK && isfinite(c.alpha) && (c.all_linear || c.targets.n));
    sb_layer layer = {.qkv = {.part = {{.name = "model.layers.0.self_attn.q_proj", .rows = 6, .cols = 4}}, .n = 1}};
    sb_model m = {.cfg = {.n_layers = 1}, .layers = &layer};
    sb_linear *l = &layer.qkv.part[0];
    int rank;
    float scale;
    if (sb_lora_numbers(&c, l->name, &rank, &scale, &err) == SB_OK)
        FUZZ_CHECK(rank >= 1 && rank <= SB_LORA_MAX_RANK && isfinite(scale));
    else
        FUZZ_CHECK_MESSAGE(err);
    sb_safetensors *st;
    err = (sb_error){{0}};
    if (nul && sb_safetensors_parse("input", nul + 1, size - json - 1, &st, &err) == SB_OK) {
        err = (sb_error){{0}};
        if (sb_lora_apply(&m, &c, st, "input", &err) != SB_OK) {
            FUZZ_CHECK_MESSAGE(err);
            FUZZ_CHECK(!l->lora);
        } else {
            const sb_lora *s = l->lora;
            FUZZ_CHECK(s && sb_lora_count(&m) == 1 && (int)s->rank == rank && s->scale == scale &&
                       s->a.rows >= s->rank && s->a.rows % SB_LORA_RANK_PAD == 0 && s->a.cols == 4 && s->b.rows == 6 &&
                       s->b.cols == s->a.rows);
            for (size_t i = 0; i < s->a.rows * 4; i++)
                FUZZ_CHECK(isfinite(s->a.f32[i]) && (i / 4 < s->rank || s->a.f32[i] == 0));
            for (size_t i = 0; i < 6 * s->b.cols; i++)
                FUZZ_CHECK(isfinite(s->b.f32[i]) && (i % s->b.cols < s->rank || s->b.f32[i] == 0));
        }
        sb_safetensors_close(st);
    }
    sb_lora_drop(&m);
    sb_lora_config_free(&c);
    return 0;
}
