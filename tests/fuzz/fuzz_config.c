/* SPDX-License-Identifier: Apache-2.0
 * Parses the input as config.json and uses what it accepts as the rest of the program would. */
#include <math.h>

#include "fuzz.h"
#include "seedbed/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sb_model_config c;
    sb_error err = {{0}};
    if (sb_config_parse("input", (const char *)data, size, &c, &err) != SB_OK) {
        FUZZ_CHECK_MESSAGE(err);
        sb_config_free(&c);
        return 0;
    }
    FUZZ_CHECK(c.dim > 0 && c.dim <= SB_MAX_DIM && c.vocab > 0 && c.vocab <= SB_MAX_VOCAB && c.n_layers > 0 &&
               c.n_layers <= SB_MAX_LAYERS && c.head_dim > 0 && c.head_dim <= SB_MAX_HEAD_DIM && c.head_dim % 2 == 0 &&
               c.max_context > 0 && c.norm_eps > 0 && c.rope_theta >= 1 && c.n_eos >= 0 && c.n_eos <= SB_MAX_EOS);
    for (int l = 0; l < c.n_layers; l++)
        FUZZ_CHECK(c.kv_heads[l] > 0 && c.heads[l] % c.kv_heads[l] == 0 &&
                   (int64_t)c.heads[l] * c.head_dim <= SB_MAX_DIM && c.ffn[l] > 0 && c.ffn[l] <= SB_MAX_FFN);
    for (int i = 0; i < c.n_eos; i++)
        FUZZ_CHECK(c.eos_ids[i] >= 0 && c.eos_ids[i] < c.vocab);
    FUZZ_CHECK(c.bos_id >= -1 && c.bos_id < c.vocab);
    float freqs[SB_MAX_HEAD_DIM / 2];
    sb_config_rope_freqs(&c, freqs);
    for (int i = 0; i < c.head_dim / 2; i++)
        FUZZ_CHECK(isfinite(freqs[i]) && freqs[i] >= 0);
    sb_model_tensor *t;
    size_t n;
    FUZZ_CHECK(sb_model_tensors(&c, &t, &n, &err) == SB_OK);
    for (size_t i = 0; i < n; i++)
        FUZZ_CHECK(t[i].shape[0] > 0 && (t[i].ndim == 1 || t[i].shape[1] > 0) && t[i].shape[0] <= 1 << 24);
    free(t);
    for (size_t i = 0; i < c.quant.n; i++)
        FUZZ_CHECK(sb_codec_by_id(c.quant.tensors[i].codec) &&
                   sb_quant_find(&c.quant, c.quant.tensors[i].base) == &c.quant.tensors[i]);
    sb_config_free(&c);
    return 0;
}
