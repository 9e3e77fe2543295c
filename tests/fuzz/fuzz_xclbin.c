/* SPDX-License-Identifier: Apache-2.0
 * Looks for the kernel in the input as an xclbin. */
#include <string.h>

#include "device/xclbin.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char cu[32] = "";
    sb_error err = {{0}};
    /* A copy of the exact size: a read behind it is seen. */
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    if (sb_xclbin_find("input", copy, size, "seedbed_kernel", cu, sizeof cu, &err) != SB_OK)
        FUZZ_CHECK_MESSAGE(err);
    else
        FUZZ_CHECK(strlen(cu) < sizeof cu);
    free(copy);
    return 0;
}
