/* SPDX-License-Identifier: Apache-2.0
 * Which operations the device does and which the host does for it. */
#include <string.h>
#include <strings.h>

#include "device/device_internal.h"

sb_place sb_device_place(const sb_device *dev, sb_op op)
{
    return op < SB_OP_COUNT && dev->on_device[op] ? SB_PLACE_DEVICE : SB_PLACE_HOST;
}

sb_status sb_device_set_place(sb_device *dev, sb_op op, sb_place place, sb_error *err)
{
    const char *device = sb_device_name(dev), *name = sb_op_name(op);
    bool there = place == SB_PLACE_DEVICE;
    if (op >= SB_OP_COUNT)
        return sb_fail(err, SB_ERR_ARG, "place: unknown operation %d", (int)op);
    if (there == dev->on_device[op])
        return SB_OK;
    if (!dev->be->run)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "device %s is the host itself: no operation can be moved", device);
    if (there && !dev->can[op])
        return sb_fail(err, SB_ERR_UNSUPPORTED, "device %s cannot do %s: it stays on the host", device, name);
    if (!there && !dev->be->op[op])
        return sb_fail(err, SB_ERR_UNSUPPORTED, "the host cannot do %s for device %s", name, device);
    if (op == SB_OP_MATVEC && dev->has_matrices)
        return sb_fail(err, SB_ERR_ARG, "MATVEC cannot be moved: matrices are loaded already");
    dev->on_device[op] = there;
    return SB_OK;
}

sb_status sb_device_place_parse(sb_device *dev, const char *text, sb_error *err)
{
    for (size_t len; *text; text += len + (text[len] == ',')) {
        len = strcspn(text, ",");
        const char *eq = memchr(text, '=', len);
        size_t n = eq ? (size_t)(eq - text) : 0, rest = eq ? len - n - 1 : 0;
        bool device = rest == 6 && !memcmp(eq + 1, "device", 6), host = rest == 4 && !memcmp(eq + 1, "host", 4);
        if (!n || (!device && !host))
            return sb_fail(err, SB_ERR_ARG, "place: expected OP=device or OP=host, got '%.*s'", (int)len, text);
        bool all = n == 3 && !strncasecmp(text, "all", 3), known = all;
        for (unsigned op = 1; op < SB_OP_COUNT; op++) {
            bool this = strlen(sb_op_name(op)) == n && !strncasecmp(text, sb_op_name(op), n);
            known |= this;
            if (!this && !(all && (device ? dev->can[op] : dev->on_device[op])))
                continue;
            sb_status st = sb_device_set_place(dev, (sb_op)op, device ? SB_PLACE_DEVICE : SB_PLACE_HOST, err);
            if (st)
                return st;
        }
        if (!known)
            return sb_fail(err, SB_ERR_ARG, "place: unknown operation '%.*s' (such as matvec, attention_x; or all)",
                           (int)n, text);
    }
    return SB_OK;
}

void sb_device_op_stats(const sb_device *dev, unsigned i, sb_op_stats *out)
{
    *out = i < SB_STATS_COUNT ? dev->stats[i] : (sb_op_stats){0};
}
