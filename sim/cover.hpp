// SPDX-License-Identifier: Apache-2.0
// Line coverage: at the end of a model its counters go to a file of their own in $SEEDBED_COVERAGE.
// Without VM_COVERAGE (every build but `make coverage`) this is nothing.
#ifndef SIM_COVER_HPP
#define SIM_COVER_HPP

#include "verilated.h"

#if VM_COVERAGE
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

#include "verilated_cov.h"

static inline void cover_write(VerilatedContext &context)
{
    static int serial = 0;
    const char *dir = std::getenv("SEEDBED_COVERAGE");
    if (!dir) return;
    char path[4096];
    std::snprintf(path, sizeof path, "%s/%d-%d.dat", dir, (int)getpid(), serial++);
    context.coveragep()->write(path);
}
#else
static inline void cover_write(VerilatedContext &) {}
#endif

#endif
