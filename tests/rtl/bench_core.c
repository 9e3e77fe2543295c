/* SPDX-License-Identifier: Apache-2.0
 * The whole core through the C ABI, against the plain model.
 *   bench_core LIB...            the tests, deterministic
 *   bench_core LIB... --measure  cycles, bus utilisation and speed of square matrices */
#include "core_bench.h"

int main(int argc, char **argv)
{
    bool measuring = argc > 1 && strcmp(argv[argc - 1], "--measure") == 0;
    int n = argc - 1 - measuring;
    CHECK(n >= 1 && n <= 8, "usage: bench_core LIB... [--measure]");
    bench b[8];
    for (int i = 0; i < n; i++)
        b[i] = bench_load(argv[1 + i]); /* all at once: the variants must not meet */
    for (int i = 0; i < n; i++) {
        if (measuring) {
            core_measure(&b[i]);
        } else {
            core_tests(&b[i]);
            printf("core %s: ok, %" PRIu64 " products equal to the model\n", b[i].api->variant, b[i].matvecs);
        }
        free(b[i].mem);
        free(b[i].image);
    }
    return 0;
}
