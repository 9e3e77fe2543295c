/* SPDX-License-Identifier: Apache-2.0 */
#include "model/json_util.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *sb_json_printable(char *buf, size_t cap, const char *s)
{
    size_t n = 0;
    for (; s[n] && n + 1 < cap; n++)
        buf[n] = (unsigned char)s[n] < 0x20 || s[n] == 0x7f ? '?' : s[n];
    if (s[n] && n >= 3)
        memcpy(buf + n - 3, "...", 3);
    buf[n] = 0;
    return buf;
}

/* In valid JSON every member has one colon outside strings, so more colons than members means that a key came twice.
 * *nul: whether a string holds an escaped NUL, which a C string would cut off there. */
static size_t scan(const char *s, size_t n, bool *nul)
{
    size_t colons = 0;
    bool in_string = false;
    *nul = false;
    for (size_t i = 0; i < n; i++) {
        if (in_string) {
            if (s[i] == '\\') {
                *nul |= n - i >= 6 && !memcmp(s + i, "\\u0000", 6);
                i++;
            } else if (s[i] == '"') {
                in_string = false;
            }
        } else if (s[i] == '"') {
            in_string = true;
        } else if (s[i] == ':') {
            colons++;
        }
    }
    return colons;
}

/* Recursion is bounded by the parser's depth limit. */
static size_t count_members(json_object *j)
{
    size_t n = 0;
    if (json_object_is_type(j, json_type_object)) {
        json_object_object_foreach(j, key, val)
        {
            (void)key;
            n += 1 + count_members(val);
        }
    } else if (json_object_is_type(j, json_type_array)) {
        size_t len = json_object_array_length(j);
        for (size_t i = 0; i < len; i++)
            n += count_members(json_object_array_get_idx(j, i));
    }
    return n;
}

sb_status sb_json_parse(const char *what, const char *text, size_t size, size_t max_size, json_object **out,
                        sb_error *err)
{
    *out = NULL;
    if (size > max_size || size > INT_MAX)
        return sb_fail(err, SB_ERR_FORMAT, "%s: JSON text of %zu bytes is larger than the limit of %zu", what, size,
                       max_size);
    json_tokener *tok = json_tokener_new_ex(SB_JSON_DEPTH);
    if (!tok)
        return sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", what);
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    json_object *j = json_tokener_parse_ex(tok, text, (int)size);
    enum json_tokener_error e = json_tokener_get_error(tok);
    size_t end = json_tokener_get_parse_end(tok);
    json_tokener_free(tok);
    if (e == json_tokener_continue)
        return sb_fail(err, SB_ERR_FORMAT, "%s: not JSON: the text ends inside a value", what);
    if (e != json_tokener_success)
        return sb_fail(err, SB_ERR_FORMAT, "%s: not JSON: %s at byte %zu", what, json_tokener_error_desc(e), end);
    sb_status st = SB_OK;
    bool nul;
    size_t colons = scan(text, size, &nul);
    for (; end < size; end++)
        if (!strchr(" \t\r\n", text[end]) || !text[end])
            break;
    if (!json_object_is_type(j, json_type_object))
        st = sb_fail(err, SB_ERR_FORMAT, "%s: expected a JSON object", what);
    else if (end != size)
        st = sb_fail(err, SB_ERR_FORMAT, "%s: not JSON: unexpected text after the object at byte %zu", what, end);
    else if (nul)
        st = sb_fail(err, SB_ERR_FORMAT, "%s: a string holds a NUL character", what);
    else if (colons != count_members(j))
        st = sb_fail(err, SB_ERR_FORMAT, "%s: a key occurs twice in one JSON object", what);
    if (st != SB_OK)
        json_object_put(j);
    else
        *out = j;
    return st;
}

json_object *sb_json_get(json_object *obj, const char *key)
{
    json_object *v = NULL;
    return json_object_object_get_ex(obj, key, &v) ? v : NULL;
}

bool sb_json_is_int(json_object *j, int64_t lo, int64_t hi, int64_t *out)
{
    if (!json_object_is_type(j, json_type_int))
        return false;
    int64_t v = json_object_get_int64(j); /* saturates, so an absurd number fails the range check */
    if (v < lo || v > hi)
        return false;
    *out = v;
    return true;
}

bool sb_json_is_str(json_object *j, const char **out)
{
    if (!json_object_is_type(j, json_type_string))
        return false;
    *out = json_object_get_string(j);
    return true;
}

sb_status sb_json_int(const char *what, json_object *obj, const char *key, int64_t lo, int64_t hi, int64_t *out,
                      sb_error *err)
{
    json_object *v = sb_json_get(obj, key);
    if (!v || sb_json_is_int(v, lo, hi, out))
        return SB_OK;
    char p[64];
    return sb_fail(err, SB_ERR_FORMAT, "%s: %s is %s, expected an integer from %lld to %lld", what, key,
                   sb_json_printable(p, sizeof p, json_object_to_json_string(v)), (long long)lo, (long long)hi);
}

sb_status sb_json_f64(const char *what, json_object *obj, const char *key, double lo, double hi, double *out,
                      sb_error *err)
{
    json_object *v = sb_json_get(obj, key);
    if (!v)
        return SB_OK;
    if (json_object_is_type(v, json_type_double) || json_object_is_type(v, json_type_int)) {
        double d = json_object_get_double(v);
        if (d >= lo && d <= hi) {
            *out = d;
            return SB_OK;
        }
    }
    char p[64];
    return sb_fail(err, SB_ERR_FORMAT, "%s: %s is %s, expected a number from %g to %g", what, key,
                   sb_json_printable(p, sizeof p, json_object_to_json_string(v)), lo, hi);
}

sb_status sb_json_bool(const char *what, json_object *obj, const char *key, bool *out, sb_error *err)
{
    json_object *v = sb_json_get(obj, key);
    if (!v)
        return SB_OK;
    if (json_object_is_type(v, json_type_boolean)) {
        *out = json_object_get_boolean(v);
        return SB_OK;
    }
    char p[64];
    return sb_fail(err, SB_ERR_FORMAT, "%s: %s is %s, expected true or false", what, key,
                   sb_json_printable(p, sizeof p, json_object_to_json_string(v)));
}

sb_status sb_json_str(const char *what, json_object *obj, const char *key, const char **out, sb_error *err)
{
    json_object *v = sb_json_get(obj, key);
    if (!v || sb_json_is_str(v, out))
        return SB_OK;
    char p[64];
    return sb_fail(err, SB_ERR_FORMAT, "%s: %s is %s, expected a string", what, key,
                   sb_json_printable(p, sizeof p, json_object_to_json_string(v)));
}
