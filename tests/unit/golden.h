/* SPDX-License-Identifier: Apache-2.0
 * Reads the golden vectors: tests/golden/codec.json (made by make_codec.py) unless GOLDEN_FILE names another; the tests
 * run in the repository's root. */
#ifndef SEEDBED_TESTS_GOLDEN_H
#define SEEDBED_TESTS_GOLDEN_H

#include <check.h>
#include <json-c/json.h>
#include <stdint.h>

#ifndef GOLDEN_FILE
#define GOLDEN_FILE "tests/golden/codec.json"
#endif

/* The array `key`, never empty. The tree lives until the process ends. */
static inline json_object *golden_array(const char *key)
{
    static json_object *root; /* stays reachable for the leak checker */
    if (!root)
        root = json_object_from_file(GOLDEN_FILE);
    ck_assert_msg(root != NULL, "%s: %s (run from the repository root)", GOLDEN_FILE, json_util_get_last_err());
    json_object *rows;
    ck_assert_msg(json_object_object_get_ex(root, key, &rows), "%s: no %s", GOLDEN_FILE, key);
    ck_assert_uint_gt(json_object_array_length(rows), 0);
    return rows;
}

static inline json_object *golden_field(json_object *row, const char *key)
{
    json_object *v;
    ck_assert_msg(json_object_object_get_ex(row, key, &v), "%s: no %s", GOLDEN_FILE, key);
    return v;
}

static inline int64_t golden_int(json_object *row, const char *key)
{
    return json_object_get_int64(golden_field(row, key));
}
static inline const char *golden_string(json_object *row, const char *key)
{
    return json_object_get_string(golden_field(row, key));
}
static inline int64_t golden_item(json_object *array, size_t i)
{
    return json_object_get_int64(json_object_array_get_idx(array, i));
}

#endif
