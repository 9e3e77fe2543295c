/* SPDX-License-Identifier: Apache-2.0
 * Device specs: NAME:key=value,key=value. */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "device/device_internal.h"

sb_status sb_params_parse(const char *device, const char *text, const sb_param *params, size_t n, const char **rest_key,
                          char *rest_value, size_t rest_size, sb_error *err)
{
    while (*text) {
        size_t len = strcspn(text, ",");
        const char *eq = memchr(text, '=', len);
        if (!eq)
            return sb_fail(err, SB_ERR_ARG, "device %s: expected key=value, got '%.*s'", device, (int)len, text);
        size_t klen = (size_t)(eq - text), vlen = len - klen - 1;
        const sb_param *hit = NULL;
        for (size_t i = 0; i < n; i++)
            if (strlen(params[i].key) == klen && !memcmp(params[i].key, text, klen))
                hit = &params[i];
        if (hit) {
            char num[32];
            snprintf(num, sizeof num, "%.*s", (int)vlen, eq + 1);
            char *end;
            errno = 0;
            unsigned long long v = strtoull(num, &end, 0);
            if (errno || *end || !vlen || num[0] == '-' || v < hit->min || v > hit->max)
                return sb_fail(err, SB_ERR_ARG, "device %s: %s=%s: expected a number from %llu to %llu", device, hit->key, num,
                               (unsigned long long)hit->min, (unsigned long long)hit->max);
            *hit->value = v;
        } else if (rest_key && *rest_key && strlen(*rest_key) == klen && !memcmp(*rest_key, text, klen)) {
            if (vlen >= rest_size)
                return sb_fail(err, SB_ERR_ARG, "device %s: %s: value too long", device, *rest_key);
            memcpy(rest_value, eq + 1, vlen);
            rest_value[vlen] = 0;
        } else {
            return sb_fail(err, SB_ERR_ARG, "device %s: unknown parameter '%.*s'", device, (int)klen, text);
        }
        text += len + (text[len] == ',');
    }
    return SB_OK;
}
