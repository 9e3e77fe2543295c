/* SPDX-License-Identifier: Apache-2.0
 * --place and --report: which operation ran where, and what that took. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

bool cli_place_add(const cli_command *c, cli_place *p, const char *text)
{
    size_t n = strlen(p->text);
    int k = snprintf(p->text + n, sizeof p->text - n, "%s%s", n ? "," : "", text);
    if (k >= 0 && (size_t)k < sizeof p->text - n)
        return true;
    cli_usage(c, "--place: too long");
    return false;
}

static const char *row_name(unsigned i)
{
    return i == SB_STATS_MIXED ? "(mixed lists)" : i == SB_STATS_ACCESS ? "(load, tokens, logits)" : sb_op_name(i);
}

static bool row(const sb_device *dev, unsigned i, sb_op_stats *s)
{
    sb_device_op_stats(dev, i, s);
    return s->device || s->host || s->to_device || s->to_host || s->cycles || s->seconds > 0;
}

void cli_print_places(const cli_place *p, const sb_device *dev)
{
    if (!p->report)
        return;
    fprintf(stderr, "%-23s%-8s%10s%10s%16s%16s%16s%10s\n", "operation", "place", "on device", "on host",
            "bytes to device", "bytes to host", "cycles", "seconds");
    for (unsigned i = 0; i < SB_STATS_COUNT; i++) {
        sb_op_stats s;
        if (!row(dev, i, &s))
            continue;
        const char *place = i >= SB_OP_COUNT                                    ? ""
                            : sb_device_place(dev, (sb_op)i) == SB_PLACE_DEVICE ? "device"
                                                                                : "host";
        fprintf(stderr, "%-23s%-8s%10" PRIu64 "%10" PRIu64 "%16" PRIu64 "%16" PRIu64 "%16" PRIu64 "%10.3f\n",
                row_name(i), place, s.device, s.host, s.to_device, s.to_host, s.cycles, s.seconds);
    }
}

void cli_json_places(json_object *o, const sb_device *dev)
{
    json_object *list = json_object_new_array();
    json_object_object_add(o, "operations", list);
    for (unsigned i = 0; i < SB_STATS_COUNT; i++) {
        sb_op_stats s;
        if (!row(dev, i, &s))
            continue;
        json_object *r = json_object_new_object();
        json_object_array_add(list, r);
        json_object_object_add(r, "operation", json_object_new_string(row_name(i)));
        if (i < SB_OP_COUNT)
            json_object_object_add(
                r, "place",
                json_object_new_string(sb_device_place(dev, (sb_op)i) == SB_PLACE_DEVICE ? "device" : "host"));
        json_object_object_add(r, "on_device", json_object_new_int64((int64_t)s.device));
        json_object_object_add(r, "on_host", json_object_new_int64((int64_t)s.host));
        json_object_object_add(r, "bytes_to_device", json_object_new_int64((int64_t)s.to_device));
        json_object_object_add(r, "bytes_to_host", json_object_new_int64((int64_t)s.to_host));
        json_object_object_add(r, "cycles", json_object_new_int64((int64_t)s.cycles));
        json_object_object_add(r, "seconds", json_object_new_double(s.seconds));
    }
}
