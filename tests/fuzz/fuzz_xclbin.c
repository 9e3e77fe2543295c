/* SPDX-License-Identifier: Apache-2.0
 * Looks for the kernel in the input as an xclbin. */
#include <string.h>

#include "device/xclbin.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sb_xclbin_kernel k;
    sb_error err = {{0}};
    /* A copy of the exact size: a read behind it is seen. */
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    if (sb_xclbin_find("input", copy, size, "seedbed_kernel", &k, &err) != SB_OK)
        FUZZ_CHECK_MESSAGE(err);
    else
        FUZZ_CHECK(k.cu[0] && strlen(k.cu) < sizeof k.cu && k.bus_bits <= 4096);
    free(copy);
    return 0;
}
