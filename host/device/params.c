/* SPDX-License-Identifier: Apache-2.0
 * Device specs: NAME:key=value,key=value. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device_internal.h"

static sb_status number(const char *device, const sb_param *p, const char *text, size_t len, sb_error *err)
{
    char num[32], *end;
    snprintf(num, sizeof num, "%.*s", (int)len, text);
    errno = 0;
    unsigned long long v = strtoull(num, &end, 0);
    if (errno || *end || !len || num[0] == '-' || v < p->min || v > p->max)
        return sb_fail(err, SB_ERR_ARG, "device %s: %s=%s: expected a number from %llu to %llu", device, p->key, num,
                       (unsigned long long)p->min, (unsigned long long)p->max);
    *p->value = v;
    return SB_OK;
}

sb_status sb_params_parse(const char *device, const char *text, const sb_param *params, size_t n, sb_error *err)
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
        if (!hit)
            return sb_fail(err, SB_ERR_ARG, "device %s: unknown parameter '%.*s'", device, (int)klen, text);
        if (hit->value) {
            sb_status st = number(device, hit, eq + 1, vlen, err);
            if (st)
                return st;
        } else if (vlen >= hit->size) {
            return sb_fail(err, SB_ERR_ARG, "device %s: %s: value too long", device, hit->key);
        } else {
            memcpy(hit->text, eq + 1, vlen);
            hit->text[vlen] = 0;
        }
        text += len + (text[len] == ',');
    }
    return SB_OK;
}
