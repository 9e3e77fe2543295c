/* SPDX-License-Identifier: Apache-2.0
 * Parses the input as model.safetensors.index.json. */
#include "fuzz.h"
#include "seedbed/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sb_index ix;
    sb_error err = {{0}};
    if (sb_index_parse("input", (const char *)data, size, &ix, &err) != SB_OK) {
        FUZZ_CHECK_MESSAGE(err);
        return 0;
    }
    for (size_t i = 0; i < ix.n; i++) {
        FUZZ_CHECK(ix.entries[i].file[0] && !strchr(ix.entries[i].file, '/') && ix.entries[i].file[0] != '.');
        FUZZ_CHECK(!i || strcmp(ix.entries[i - 1].file, ix.entries[i].file) <= 0);
    }
    sb_index_free(&ix);
    return 0;
}
