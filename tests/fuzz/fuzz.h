/* SPDX-License-Identifier: Apache-2.0
 * Fuzz targets: one LLVMFuzzerTestOneInput a file; libFuzzer (make fuzz) or driver.c (make fuzz-smoke) calls it. */
#ifndef SEEDBED_FUZZ_H
#define SEEDBED_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold after a successful parse; a sanitizer shows where it did not. */
#define FUZZ_CHECK(cond)                                                                                               \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #cond);                                   \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* A refusal must say something, in one line. */
#define FUZZ_CHECK_MESSAGE(err) FUZZ_CHECK((err).msg[0] && !strchr((err).msg, '\n'))

#endif
