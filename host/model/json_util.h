/* SPDX-License-Identifier: Apache-2.0
 * Bounded parsing of untrusted JSON, and getters that say which key was wrong. */
#ifndef SEEDBED_MODEL_JSON_UTIL_H
#define SEEDBED_MODEL_JSON_UTIL_H

#include <json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seedbed/status.h"

#define SB_JSON_DEPTH 32

/* Strict parse of one JSON object: valid UTF-8, at most max_size bytes, at most SB_JSON_DEPTH levels, no key twice in
 * an object, no NUL in a string, nothing after it. `what` names the text in messages. The caller releases *out with
 * json_object_put. */
sb_status sb_json_parse(const char *what, const char *text, size_t size, size_t max_size, json_object **out,
                        sb_error *err);

/* A printable copy (control characters become '?', cut to fit) for messages. Returns buf. */
const char *sb_json_printable(char *buf, size_t cap, const char *s);

/* The member, or NULL when it is absent or null. */
json_object *sb_json_get(json_object *obj, const char *key);

/* An optional value: absent or null leaves *out untouched. Wrong type or out of [lo, hi] fails and names the key. */
sb_status sb_json_int(const char *what, json_object *obj, const char *key, int64_t lo, int64_t hi, int64_t *out,
                      sb_error *err);
sb_status sb_json_f64(const char *what, json_object *obj, const char *key, double lo, double hi, double *out,
                      sb_error *err);
sb_status sb_json_bool(const char *what, json_object *obj, const char *key, bool *out, sb_error *err);
/* *out points into obj. */
sb_status sb_json_str(const char *what, json_object *obj, const char *key, const char **out, sb_error *err);

/* Whether j is a JSON integer in [lo, hi]; *out gets it. */
bool sb_json_is_int(json_object *j, int64_t lo, int64_t hi, int64_t *out);
/* Whether j is a string; *out gets it. */
bool sb_json_is_str(json_object *j, const char **out);

#endif
