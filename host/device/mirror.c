/* SPDX-License-Identifier: Apache-2.0
 * Memory of a device that is not the host's: sb_device.mem mirrors it, and two bits a 64-byte line say which side is
 * behind. A side's stale lines are copied when it is about to use them, so that what one side alone uses (weights on
 * the device, the embedding table of a host's EMBED) never crosses twice. */
#include <stdlib.h>
#include <string.h>

#include "device/device_internal.h"

enum { LINE = 64 };

static bool shared(const sb_device *dev)
{
    return !dev->be->reserve;
}

sb_status sb_mirror_grow(sb_device *dev, sb_error *err)
{
    if (shared(dev))
        return SB_OK;
    sb_mirror *m = &dev->mirror;
    size_t need = (size_t)(dev->mem.used / LINE / 64 + 1);
    if (need > m->words) {
        size_t words = need > 2 * m->words ? need : 2 * m->words;
        for (int i = 0; i < 2; i++) {
            uint64_t **bits = &m->stale[i].bits, *p = realloc(*bits, words * sizeof *p);
            if (!p)
                return sb_fail(err, SB_ERR_NOMEM, "out of memory for the state of %llu bytes of device memory",
                               (unsigned long long)dev->mem.used);
            memset(p + m->words, 0, (words - m->words) * sizeof *p);
            *bits = p;
        }
        m->words = words;
    }
    return dev->be->reserve(dev, dev->mem.used, err);
}

void sb_mirror_free(sb_mirror *m)
{
    free(m->stale[0].bits);
    free(m->stale[1].bits);
    *m = (sb_mirror){0};
}

/* The first line in from..end-1 whose bit is `value`, or end. */
static uint64_t find(const uint64_t *bits, uint64_t from, uint64_t end, bool value)
{
    while (from < end) {
        uint64_t w = (value ? bits[from / 64] : ~bits[from / 64]) >> from % 64;
        if (w) {
            from += (uint64_t)__builtin_ctzll(w);
            return from < end ? from : end;
        }
        from = (from / 64 + 1) * 64;
    }
    return end;
}

static void set(sb_mirror *m, bool host, uint64_t from, uint64_t end, bool value)
{
    uint64_t *bits = m->stale[host].bits, *count = &m->stale[host].count;
    if (value) {
        m->stale[host].first = *count && m->stale[host].first < from ? m->stale[host].first : from;
        m->stale[host].end = *count && m->stale[host].end > end ? m->stale[host].end : end;
    } else if (!*count) {
        return;
    }
    for (uint64_t i = from; i < end;) {
        uint64_t last = (i / 64 + 1) * 64 < end ? (i / 64 + 1) * 64 : end, n = last - i;
        uint64_t mask = (n == 64 ? ~0ull : (1ull << n) - 1) << i % 64;
        uint64_t before = bits[i / 64], after = value ? before | mask : before & ~mask;
        if (before != after) {
            *count += (uint64_t)__builtin_popcountll(after) - (uint64_t)__builtin_popcountll(before);
            bits[i / 64] = after;
        }
        i = last;
    }
}

static sb_status copy(sb_device *dev, bool to_host, uint64_t addr, uint64_t bytes, sb_op_stats *stats, sb_error *err)
{
    uint64_t *bits = dev->mirror.stale[to_host].bits, l = addr / LINE, end = (addr + bytes + LINE - 1) / LINE;
    uint64_t first_stale = dev->mirror.stale[to_host].first, end_stale = dev->mirror.stale[to_host].end;
    sb_status st = SB_OK;
    if (!dev->mirror.stale[to_host].count)
        return st;
    l = l > first_stale ? l : first_stale;
    end = end < end_stale ? end : end_stale;
    for (; !st && (l = find(bits, l, end, true)) < end;) {
        uint64_t last = find(bits, l, end, false), at = l * LINE, n = (last - l) * LINE;
        n = at + n > dev->mem.used ? dev->mem.used - at : n; /* the last allocation may end within a line */
        st = to_host ? dev->be->read(dev, at, sb_ptr(dev, at), n, err)
                     : dev->be->write(dev, at, sb_ptr(dev, at), n, err);
        if (!st) {
            set(&dev->mirror, to_host, l, last, false);
            *(to_host ? &stats->to_host : &stats->to_device) += n;
        }
        l = last;
    }
    return st;
}

sb_status sb_mirror_to_host(sb_device *dev, uint64_t addr, uint64_t bytes, sb_op_stats *stats, sb_error *err)
{
    return shared(dev) || !bytes ? SB_OK : copy(dev, true, addr, bytes, stats, err);
}

sb_status sb_mirror_to_device(sb_device *dev, uint64_t addr, uint64_t bytes, sb_op_stats *stats, sb_error *err)
{
    return shared(dev) || !bytes ? SB_OK : copy(dev, false, addr, bytes, stats, err);
}

sb_status sb_mirror_host_writes(sb_device *dev, uint64_t addr, uint64_t bytes, sb_op_stats *stats, sb_error *err)
{
    if (shared(dev) || !bytes)
        return SB_OK;
    uint64_t first = addr / LINE, end = (addr + bytes + LINE - 1) / LINE;
    /* Lines that are overwritten whole need not be fetched; the ends may be parts. */
    sb_status st = addr % LINE ? copy(dev, true, addr, 1, stats, err) : SB_OK;
    if (!st && (addr + bytes) % LINE)
        st = copy(dev, true, addr + bytes - 1, 1, stats, err);
    if (!st) {
        set(&dev->mirror, true, first, end, false);
        set(&dev->mirror, false, first, end, true);
    }
    return st;
}

void sb_mirror_device_wrote(sb_device *dev, uint64_t addr, uint64_t bytes)
{
    if (shared(dev) || !bytes)
        return;
    uint64_t first = addr / LINE, end = (addr + bytes + LINE - 1) / LINE;
    set(&dev->mirror, true, first, end, true);
    set(&dev->mirror, false, first, end, false);
}

sb_status sb_device_alloc_aligned(sb_device *dev, size_t bytes, size_t align, uint64_t *addr, sb_error *err)
{
    uint64_t used = dev->mem.used;
    if (dev->be->fit)
        dev->mem.used = dev->be->fit(dev, (used + align - 1) / align * align, bytes);
    sb_status st = sb_memory_alloc(&dev->mem, bytes, align, addr, err);
    if (st)
        dev->mem.used = used;
    return st ? st : sb_mirror_grow(dev, err);
}

sb_status sb_device_alloc(sb_device *dev, size_t bytes, uint64_t *addr, sb_error *err)
{
    return sb_device_alloc_aligned(dev, bytes, LINE, addr, err);
}

sb_status sb_device_store(sb_device *dev, uint64_t addr, const void *src, size_t bytes, sb_error *err)
{
    if (shared(dev)) {
        memcpy(sb_ptr(dev, addr), src, bytes);
        return SB_OK;
    }
    sb_status st = dev->be->write(dev, addr, src, bytes, err);
    if (!st) {
        sb_mirror_device_wrote(dev, addr, bytes);
        dev->stats[SB_STATS_ACCESS].to_device += bytes;
    }
    return st;
}

sb_status sb_device_write(sb_device *dev, uint64_t addr, const void *src, size_t bytes, sb_error *err)
{
    if (!sb_memory_has(&dev->mem, addr, bytes))
        return sb_fail(err, SB_ERR_ARG, "device write: %zu bytes at 0x%llx are not inside device memory", bytes,
                       (unsigned long long)addr);
    sb_status st = sb_mirror_host_writes(dev, addr, bytes, &dev->stats[SB_STATS_ACCESS], err);
    if (!st && bytes)
        memcpy(sb_ptr(dev, addr), src, bytes);
    return st;
}

sb_status sb_device_read(sb_device *dev, uint64_t addr, void *dst, size_t bytes, sb_error *err)
{
    if (!sb_memory_has(&dev->mem, addr, bytes))
        return sb_fail(err, SB_ERR_ARG, "device read: %zu bytes at 0x%llx are not inside device memory", bytes,
                       (unsigned long long)addr);
    sb_status st = sb_mirror_to_host(dev, addr, bytes, &dev->stats[SB_STATS_ACCESS], err);
    if (!st && bytes)
        memcpy(dst, sb_ptr(dev, addr), bytes);
    return st;
}
