/* SPDX-License-Identifier: Apache-2.0
 * A directory of a test's own, removed after it. */
#ifndef SEEDBED_TESTS_SCRATCH_H
#define SEEDBED_TESTS_SCRATCH_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char scratch_dir[64];

/* For tcase_add_checked_fixture. */
static inline void scratch_make(void)
{
    strcpy(scratch_dir, "/tmp/seedbed-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scratch_dir));
}

static inline void scratch_remove(void)
{
    char cmd[100];
    snprintf(cmd, sizeof cmd, "rm -rf %s", scratch_dir);
    ck_assert_int_eq(system(cmd), 0);
}

/* The path of a file in it; the next call overwrites it. */
static inline const char *scratch_path(const char *name)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", scratch_dir, name);
    return path;
}

static inline void scratch_write(const char *name, const char *text)
{
    FILE *f = fopen(scratch_path(name), "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    ck_assert_int_eq(fclose(f), 0);
}

#endif
