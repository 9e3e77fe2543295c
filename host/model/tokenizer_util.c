/* SPDX-License-Identifier: Apache-2.0
 * What the parts of the tokenizer loader share: refusals, and the frame of a typed JSON object. */
#include <string.h>

#include "model/tokenizer_internal.h"

sb_status tok_nomem(const sb_tokenizer *t, sb_error *err)
{
    return sb_fail(err, SB_ERR_NOMEM, "%s: out of memory in the tokenizer", t->path);
}

sb_status tok_unsupported(const sb_tokenizer *t, const char *where, const char *what, sb_error *err)
{
    char p[80];
    return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: %s: %s is not supported", t->path, where,
                   sb_json_printable(p, sizeof p, what));
}

sb_status tok_only_keys(const sb_tokenizer *t, const char *where, json_object *j, const char *const *keys,
                        sb_error *err)
{
    json_object_object_foreach(j, key, val)
    {
        (void)val;
        int i = 0;
        while (keys[i] && strcmp(keys[i], key) != 0)
            i++;
        if (!keys[i])
            return tok_unsupported(t, where, key, err);
    }
    return SB_OK;
}

sb_status tok_type(const sb_tokenizer *t, const char *where, json_object *j, const char **type, sb_error *err)
{
    *type = NULL;
    if (json_object_is_type(j, json_type_object)) {
        sb_status st = sb_json_str(t->path, j, "type", type, err);
        if (st != SB_OK || *type)
            return st;
    }
    return sb_fail(err, SB_ERR_FORMAT, "%s: %s has no type", t->path, where);
}
