/* SPDX-License-Identifier: Apache-2.0
 * A device with memory of its own that needs no hardware: its operations are the host's, run in another block of
 * memory. */
#ifndef SEEDBED_TESTS_FAKE_DEVICE_H
#define SEEDBED_TESTS_FAKE_DEVICE_H

#include <stdlib.h>
#include <string.h>

#include "device/cpu_matvec.h"
#include "device/device_internal.h"

typedef struct {
    uint8_t *mem;
    uint64_t end;
    uint32_t runs, writes, reads;
    uint32_t fail_at; /* the n-th command from now fails; 0: none */
} fake_device;

static sb_status fake_open(sb_device *dev, const char *params, sb_error *err)
{
    (void)params;
    dev->priv = calloc(1, sizeof(fake_device));
    return dev->priv ? SB_OK : sb_fail(err, SB_ERR_NOMEM, "out of memory");
}

static void fake_close(sb_device *dev)
{
    fake_device *f = dev->priv;
    free(f->mem);
    free(f);
}

static sb_status fake_reserve(sb_device *dev, uint64_t end, sb_error *err)
{
    fake_device *f = dev->priv;
    if (end <= f->end)
        return SB_OK;
    uint8_t *p = aligned_alloc(64, (end + 63) / 64 * 64);
    if (!p)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    if (f->end)
        memcpy(p, f->mem, f->end);
    memset(p + f->end, 0, end - f->end);
    free(f->mem);
    f->mem = p;
    f->end = end;
    return SB_OK;
}

static sb_status fake_write(sb_device *dev, uint64_t addr, const void *src, size_t bytes, sb_error *err)
{
    fake_device *f = dev->priv;
    if (addr + bytes > f->end)
        return sb_fail(err, SB_ERR_DEVICE, "fake: write of %zu bytes at 0x%llx", bytes, (unsigned long long)addr);
    memcpy(f->mem + addr, src, bytes);
    f->writes++;
    return SB_OK;
}

static sb_status fake_read(sb_device *dev, uint64_t addr, void *dst, size_t bytes, sb_error *err)
{
    fake_device *f = dev->priv;
    if (addr + bytes > f->end)
        return sb_fail(err, SB_ERR_DEVICE, "fake: read of %zu bytes at 0x%llx", bytes, (unsigned long long)addr);
    memcpy(dst, f->mem + addr, bytes);
    f->reads++;
    return SB_OK;
}

static sb_status fake_load_matrix(sb_device *dev, const sb_matrix *m, uint64_t *addr, sb_error *err)
{
    size_t bytes = sb_lane_bytes(m->codec, m->rows, m->cols, SB_CPU_LANES, 1), whole = (bytes + 63) / 64 * 64;
    uint32_t *words = calloc(1, whole);
    sb_status st = words ? sb_device_alloc(dev, whole, addr, err) : sb_fail(err, SB_ERR_NOMEM, "out of memory");
    if (!st) {
        sb_lane_pack(m, SB_CPU_LANES, 1, words);
        st = sb_device_store(dev, *addr, words, whole, err);
    }
    free(words);
    return st;
}

static sb_status fake_run(sb_device *dev, uint64_t addr, uint32_t count, uint32_t *failed, sb_error *err)
{
    fake_device *f = dev->priv;
    sb_device inside = *dev;
    inside.mem.base = f->mem;
    f->runs++;
    const sb_command *c = sb_ptr(dev, addr);
    for (uint32_t i = 0; i < count; i++) {
        *failed = i;
        if (f->fail_at && !--f->fail_at)
            return sb_fail(err, SB_ERR_DEVICE, "fake: asked to fail");
        sb_status st = dev->be->op[c[i].op](&inside, &c[i], err);
        if (st)
            return st;
    }
    return SB_OK;
}

static const sb_backend fake_backend = {
    .kind = {"fake", "memory of its own", ""},
    .exact = true,
    .open = fake_open,
    .close = fake_close,
    .load_matrix = fake_load_matrix,
    .matrix_bytes = sb_host_matrix_bytes,
    .run = fake_run,
    .reserve = fake_reserve,
    .write = fake_write,
    .read = fake_read,
    .op = {SB_HOST_OPS, SB_EXACT_OPS},
    .on_device = {[SB_OP_MATVEC] = true,
                  [SB_OP_QUANTIZE] = true,
                  [SB_OP_SCALE] = true,
                  [SB_OP_EMBED] = true,
                  [SB_OP_RMSNORM] = true,
                  [SB_OP_ROPE] = true,
                  [SB_OP_SILU_MUL] = true,
                  [SB_OP_QUANTIZE_Q] = true,
                  [SB_OP_QUANTIZE_KV] = true,
                  [SB_OP_ATTENTION_X] = true,
                  [SB_OP_ATTN_SCALE] = true},
};

#endif
