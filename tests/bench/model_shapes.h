/* SPDX-License-Identifier: Apache-2.0
 * The shapes of known models, as their published configurations give them: tests/bench/shapes/NAME.json. */
#ifndef SEEDBED_BENCH_MODEL_SHAPES_H
#define SEEDBED_BENCH_MODEL_SHAPES_H

#include <stdio.h>
#include <stdlib.h>

#include "seedbed/config.h"

/* From the checkout, or from wherever SHAPES is. */
static inline sb_status shape_load(const char *name, sb_model_config *cfg, sb_error *err)
{
    char path[4096], text[8192];
    const char *dir = getenv("SHAPES");
    snprintf(path, sizeof path, "%s/%s.json", dir ? dir : "tests/bench/shapes", name);
    FILE *f = fopen(path, "r");
    if (!f)
        return sb_fail(err, SB_ERR_IO, "no shape '%s': cannot open %s", name, path);
    size_t n = fread(text, 1, sizeof text, f);
    bool whole = feof(f) && !ferror(f);
    fclose(f);
    return whole ? sb_config_parse(path, text, n, cfg, err)
                 : sb_fail(err, SB_ERR_IO, "%s: not read, or too long", path);
}

#endif
