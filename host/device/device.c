/* SPDX-License-Identifier: Apache-2.0
 * The device seam's front: opening by name, memory, and running a command list through a back end's table of operations. */
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "device/device_internal.h"

static const sb_backend *const backends[] = {&sb_backend_cpu, &sb_backend_ref, &sb_backend_sim};
enum { N_BACKENDS = sizeof backends / sizeof *backends };

const sb_device_kind *sb_device_kind_at(size_t i) { return i < N_BACKENDS ? &backends[i]->kind : NULL; }

sb_status sb_device_open(const char *spec, const sb_device_options *opt, sb_device **out, sb_error *err)
{
    *out = NULL;
    size_t n = strcspn(spec, ":");
    const sb_backend *be = NULL;
    for (size_t i = 0; i < N_BACKENDS; i++)
        if (strlen(backends[i]->kind.name) == n && !memcmp(backends[i]->kind.name, spec, n))
            be = backends[i];
    if (!be)
        return sb_fail(err, SB_ERR_ARG, "unknown device '%.*s' (known: cpu, ref, sim; see `seedbed devices`)", (int)n, spec);
    sb_device *dev = calloc(1, sizeof *dev);
    if (!dev)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    dev->be = be;
    if (opt)
        dev->opt = *opt;
    sb_status st = sb_memory_init(&dev->mem, err);
    if (!st)
        st = be->open(dev, spec[n] ? spec + n + 1 : "", err);
    if (st) {
        sb_memory_free(&dev->mem);
        free(dev);
        return st;
    }
    if (dev->opt.threads <= 0) /* after open: to BLAS, no wish is not the same as all */
        dev->opt.threads = omp_get_max_threads();
    *out = dev;
    return SB_OK;
}

void sb_device_close(sb_device *dev)
{
    if (!dev)
        return;
    if (dev->be->close)
        dev->be->close(dev);
    sb_memory_free(&dev->mem);
    free(dev);
}

const char *sb_device_name(const sb_device *dev) { return dev->be->kind.name; }
const char *sb_device_describe(const sb_device *dev) { return dev->describe; }
bool sb_device_is_exact(const sb_device *dev) { return dev->be->exact; }
void sb_device_counters(const sb_device *dev, sb_counters *out) { *out = dev->counters; }

sb_place sb_device_place(const sb_device *dev, sb_op op)
{
    return op < SB_OP_COUNT && dev->be->on_device[op] ? SB_PLACE_DEVICE : SB_PLACE_HOST;
}

sb_status sb_device_alloc(sb_device *dev, size_t bytes, uint64_t *addr, sb_error *err)
{
    return sb_memory_alloc(&dev->mem, bytes, 64, addr, err);
}

sb_status sb_device_write(sb_device *dev, uint64_t addr, const void *src, size_t bytes, sb_error *err)
{
    if (!sb_memory_has(&dev->mem, addr, bytes))
        return sb_fail(err, SB_ERR_ARG, "device write: %zu bytes at 0x%llx are not inside device memory", bytes,
                       (unsigned long long)addr);
    memcpy(sb_ptr(dev, addr), src, bytes);
    return SB_OK;
}

sb_status sb_device_read(sb_device *dev, uint64_t addr, void *dst, size_t bytes, sb_error *err)
{
    if (!sb_memory_has(&dev->mem, addr, bytes))
        return sb_fail(err, SB_ERR_ARG, "device read: %zu bytes at 0x%llx are not inside device memory", bytes,
                       (unsigned long long)addr);
    memcpy(dst, sb_ptr(dev, addr), bytes);
    return SB_OK;
}

sb_status sb_device_load_matrix(sb_device *dev, const sb_matrix *m, uint64_t *addr, sb_error *err)
{
    return dev->be->load_matrix(dev, m, addr, err);
}

sb_status sb_device_load_f32(sb_device *dev, const float *w, size_t rows, size_t cols, uint64_t *addr, sb_error *err)
{
    if (!dev->be->load_f32)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "device %s takes packed weights only", sb_device_name(dev));
    return dev->be->load_f32(dev, w, rows, cols, addr, err);
}

/* Prefixes the message with the command's place. */
static sb_status at_command(sb_status st, uint32_t i, const sb_command *c, sb_error *err)
{
    if (!err)
        return st;
    sb_error inner = *err;
    return sb_fail(err, st, "command %u (tag %u): %.700s", i, c->tag, inner.msg);
}

sb_status sb_device_submit(sb_device *dev, uint64_t addr, uint32_t count, sb_error *err)
{
    if (addr % 64 || !sb_memory_has(&dev->mem, addr, (uint64_t)count * sizeof(sb_command)))
        return sb_fail(err, SB_ERR_ARG, "command list: %u commands at 0x%llx are not inside device memory", count,
                       (unsigned long long)addr);
    const sb_command *c = sb_ptr(dev, addr);
    for (uint32_t i = 0; i < count;) {
        sb_status st = sb_command_check(dev, &c[i], err);
        if (st)
            return at_command(st, i, &c[i], err);
        if (!dev->be->run || !dev->be->on_device[c[i].op]) {
            st = dev->be->op[c[i].op](dev, &c[i], err);
            if (st)
                return at_command(st, i, &c[i], err);
            i++;
            continue;
        }
        uint32_t n = 1, failed = 0;
        while (i + n < count && c[i + n].op < SB_OP_COUNT && dev->be->on_device[c[i + n].op] &&
               sb_command_check(dev, &c[i + n], NULL) == SB_OK)
            n++;
        st = dev->be->run(dev, addr + i * sizeof *c, n, &failed, err);
        if (st)
            return at_command(st, i + failed, &c[i + failed], err);
        i += n;
    }
    return SB_OK;
}
