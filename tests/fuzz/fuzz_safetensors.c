/* SPDX-License-Identifier: Apache-2.0
 * Parses the input as a safetensors file and reads every byte and every float of what it accepts. */
#include <math.h>

#include "fuzz.h"
#include "seedbed/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sb_safetensors *s;
    sb_error err = {{0}};
    if (sb_safetensors_parse("input", data, size, &s, &err) != SB_OK) {
        FUZZ_CHECK_MESSAGE(err);
        return 0;
    }
    uint64_t bytes = 0, sum = 0;
    for (size_t i = 0; i < sb_safetensors_count(s); i++) {
        const sb_tensor *t = sb_safetensors_at(s, i);
        char shape[64];
        FUZZ_CHECK(sb_safetensors_find(s, t->name) == t);
        FUZZ_CHECK(t->offset + t->bytes <= size && (const uint8_t *)t->data == data + t->offset);
        sb_tensor_shape_str(t, shape, sizeof shape);
        for (uint64_t k = 0; k < t->bytes; k++)
            sum += ((const uint8_t *)t->data)[k];
        uint64_t rows = sb_tensor_rows(t), cols = sb_tensor_cols(t);
        FUZZ_CHECK(rows * cols * sb_dtype_size(t->dtype) == t->bytes);
        float *out = malloc((size_t)(rows * cols) * sizeof *out + 1);
        if (out && sb_checkpoint_read_f32(NULL, t, 0, rows, out, &err) == SB_OK)
            for (uint64_t k = 0; k < rows * cols; k++)
                FUZZ_CHECK(isfinite(out[k]));
        free(out);
        bytes += t->bytes;
    }
    FUZZ_CHECK(bytes <= size && sum <= 255 * bytes);
    sb_safetensors_metadata(s, "format");
    sb_safetensors_close(s);
    return 0;
}
