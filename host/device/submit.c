/* SPDX-License-Identifier: Apache-2.0
 * The device seam's front: running a command list, on the device and on the host. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "device/device_internal.h"

/* Prefixes the message with the command's place. */
static sb_status at_command(sb_status st, uint32_t i, const sb_command *c, sb_error *err)
{
    if (!err)
        return st;
    sb_error inner = *err;
    return sb_fail(err, st, "command %u (tag %u): %.1900s", i, c->tag, inner.msg);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Snapshot of the caches that a host operation writes in few places, to see afterwards which lines it changed. */
static sb_status changed_lines(sb_device *dev, const sb_range *r, const uint8_t *before, sb_op_stats *stats,
                               sb_error *err)
{
    sb_status st = SB_OK;
    const uint8_t *after = sb_ptr(dev, r->addr);
    for (uint64_t i = 0; i < r->bytes && !st;) {
        uint64_t line = 64 - (r->addr + i) % 64, n = r->bytes - i < line ? r->bytes - i : line;
        if (memcmp(after + i, before + i, n))
            st = sb_mirror_host_writes(dev, r->addr + i, n, stats, err);
        i += n;
    }
    return st;
}

/* One command by the host, in the device's memory or in its mirror. */
static sb_status run_host(sb_device *dev, const sb_command *c, sb_error *err)
{
    sb_op_stats *s = &dev->stats[c->op];
    if (!dev->be->op[c->op])
        return sb_fail(err, SB_ERR_UNSUPPORTED, "device %s cannot do %s", sb_device_name(dev), sb_op_name(c->op));
    double start = now();
    sb_status st = SB_OK;
    if (!dev->be->reserve) {
        st = dev->be->op[c->op](dev, c, err);
    } else {
        sb_range r[SB_MAX_RANGES];
        int n;
        uint8_t *before[SB_MAX_RANGES] = {0};
        st = sb_command_ranges(dev, c, r, &n, err);
        for (int i = 0; i < n && !st; i++) { /* what is written too: parts of it may stay as they are */
            st = sb_mirror_to_host(dev, r[i].addr, r[i].bytes, s, err);
            if (!st && r[i].sparse) {
                before[i] = malloc(r[i].bytes);
                if (!before[i])
                    st = sb_fail(err, SB_ERR_NOMEM, "out of memory");
                else
                    memcpy(before[i], sb_ptr(dev, r[i].addr), r[i].bytes);
            }
        }
        if (!st) {
            st = dev->be->op[c->op](dev, c, err);
            for (int i = 0; i < n; i++) { /* after a failure too: part of it may be written */
                sb_status sw = !r[i].written ? SB_OK
                               : r[i].sparse ? changed_lines(dev, &r[i], before[i], s, err)
                                             : sb_mirror_host_writes(dev, r[i].addr, r[i].bytes, s, err);
                st = st ? st : sw;
            }
        }
        for (int i = 0; i < n; i++)
            free(before[i]);
    }
    s->host++;
    s->seconds += now() - start;
    return st;
}

/* n commands at addr by the hardware. */
static sb_status run_device(sb_device *dev, uint64_t addr, uint32_t n, uint32_t *failed, sb_error *err)
{
    const sb_command *c = sb_ptr(dev, addr);
    sb_range r[SB_MAX_RANGES];
    int k;
    sb_op_stats *s = &dev->stats[c->op];
    double start = now();
    uint64_t cycles = dev->counters.total;
    sb_status st = SB_OK;
    if (dev->be->fetches_list)
        st = sb_mirror_to_device(dev, addr, n * sizeof *c, &dev->stats[SB_STATS_ACCESS], err);
    for (uint32_t i = 0; i < n && !st && dev->be->reserve; i++) {
        st = sb_command_ranges(dev, &c[i], r, &k, err);
        for (int j = 0; j < k && !st; j++)
            st = sb_mirror_to_device(dev, r[j].addr, r[j].bytes, &dev->stats[c[i].op], err);
    }
    if (st)
        return st;
    st = dev->be->run(dev, addr, n, failed, err);
    for (uint32_t i = 0; i < n; i++) {
        if (c[i].op != c->op)
            s = &dev->stats[SB_STATS_MIXED];
        dev->stats[c[i].op].device += !st || i < *failed;
        if (!dev->be->reserve || sb_command_ranges(dev, &c[i], r, &k, NULL))
            continue;
        for (int j = 0; j < k; j++)
            if (r[j].written)
                sb_mirror_device_wrote(dev, r[j].addr, r[j].bytes);
    }
    s->cycles += dev->counters.total - cycles;
    s->seconds += now() - start;
    return st;
}

/* Whether the hardware does this command. */
static bool by_hardware(const sb_device *dev, const sb_command *c)
{
    return dev->be->run && c->op < SB_OP_COUNT && dev->on_device[c->op] && (!dev->be->takes || dev->be->takes(dev, c));
}

sb_status sb_device_submit(sb_device *dev, uint64_t addr, uint32_t count, sb_error *err)
{
    if (addr % 64 || !sb_memory_has(&dev->mem, addr, (uint64_t)count * sizeof(sb_command)))
        return sb_fail(err, SB_ERR_ARG, "command list: %u commands at 0x%llx are not inside device memory", count,
                       (unsigned long long)addr);
    const sb_command *c = sb_ptr(dev, addr);
    sb_status st = sb_mirror_to_host(dev, addr, count * sizeof *c, &dev->stats[SB_STATS_ACCESS], err);
    if (st)
        return st;
    for (uint32_t i = 0; i < count;) {
        st = sb_command_check(dev, &c[i], err);
        if (st)
            return at_command(st, i, &c[i], err);
        if (!by_hardware(dev, &c[i])) {
            st = run_host(dev, &c[i], err);
            if (st)
                return at_command(st, i, &c[i], err);
            i++;
            continue;
        }
        uint32_t n = 1, failed = 0;
        while (i + n < count && by_hardware(dev, &c[i + n]) && sb_command_check(dev, &c[i + n], NULL) == SB_OK)
            n++;
        st = run_device(dev, addr + i * sizeof *c, n, &failed, err);
        if (st)
            return at_command(st, i + failed, &c[i + failed], err);
        i += n;
    }
    return SB_OK;
}
