/* SPDX-License-Identifier: Apache-2.0
 * A device's memory made of several buffers. */
#include "device/pieces.h"

#include <stdlib.h>

enum { PAGE = 4096 };

static uint64_t end_of(const sb_pieces *p)
{
    return p->n ? p->piece[p->n - 1].start + p->piece[p->n - 1].bytes : 0;
}

sb_status sb_pieces_reserve(sb_pieces *p, sb_device *dev, uint64_t end, sb_piece_new_fn make, sb_error *err)
{
    uint64_t have = end_of(p);
    if (end <= have)
        return SB_OK;
    sb_piece *grown = realloc(p->piece, (p->n + 1) * sizeof *grown);
    if (!grown)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    p->piece = grown;
    uint64_t bytes = (end - have + PAGE - 1) / PAGE * PAGE;
    p->piece[p->n] = (sb_piece){.start = have, .bytes = bytes > p->chunk ? bytes : p->chunk};
    sb_status st = make(dev, &p->piece[p->n], err);
    if (!st)
        p->n++;
    return st;
}

uint64_t sb_pieces_fit(const sb_pieces *p, uint64_t at, uint64_t bytes)
{
    uint64_t end = end_of(p);
    return at >= end || bytes <= end - at ? at : end;
}

const sb_piece *sb_pieces_find(const sb_pieces *p, uint64_t addr, uint64_t bytes)
{
    size_t lo = 0, hi = p->n; /* the last piece that begins at or below addr */
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (p->piece[mid].start <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    const sb_piece *at = lo ? &p->piece[lo - 1] : NULL;
    return at && bytes <= at->bytes && addr - at->start <= at->bytes - bytes ? at : NULL;
}

/* An address that a command does not use may lie anywhere. */
static uint64_t translate(const sb_pieces *p, uint64_t addr)
{
    const sb_piece *at = sb_pieces_find(p, addr, 1);
    return at ? at->address + (addr - at->start) : addr;
}

sb_status sb_pieces_translate(const sb_pieces *p, const sb_device *dev, sb_command *c, uint32_t n, uint32_t *failed,
                              sb_error *err)
{
    for (uint32_t i = 0; i < n; i++, c++) {
        sb_range r[SB_MAX_RANGES];
        int k;
        sb_status st = sb_command_ranges(dev, c, r, &k, err);
        for (int j = 0; j < k && !st; j++)
            if (!sb_pieces_find(p, r[j].addr, r[j].bytes))
                st = sb_fail(err, SB_ERR_DEVICE, "%s: %s: %llu bytes at 0x%llx are not in one buffer of the device",
                             sb_op_name(c->op), r[j].what, (unsigned long long)r[j].bytes,
                             (unsigned long long)r[j].addr);
        if (st) {
            *failed = i;
            return st;
        }
        c->weights = translate(p, c->weights);
        c->src = translate(p, c->src);
        c->dst = translate(p, c->dst);
        c->aux = translate(p, c->aux);
    }
    return SB_OK;
}
