/* SPDX-License-Identifier: Apache-2.0
 * The device seam's front: opening by name, and loading matrices. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device_internal.h"

/* In the order in which `seedbed devices` lists them. */
static const sb_backend *const backends[] = {&sb_backend_cpu,  &sb_backend_ref,    &sb_backend_sim,  &sb_backend_xrt,
                                             &sb_backend_xocl, &sb_backend_opencl, &sb_backend_cuda, &sb_backend_uart};
enum { N_BACKENDS = sizeof backends / sizeof *backends };

const sb_device_kind *sb_device_kind_at(size_t i)
{
    return i < N_BACKENDS ? &backends[i]->kind : NULL;
}

bool sb_device_candidate(size_t kind, size_t i, char *params, size_t size)
{
    return kind < N_BACKENDS && backends[kind]->candidate && backends[kind]->candidate(i, params, size);
}

sb_status sb_device_open(const char *spec, const sb_device_options *opt, sb_device **out, sb_error *err)
{
    *out = NULL;
    size_t n = strcspn(spec, ":");
    char known[128] = "";
    for (size_t i = 0; i < N_BACKENDS; i++) {
        const char *name = backends[i]->kind.name;
        if (strlen(name) == n && !memcmp(name, spec, n))
            return sb_device_open_backend(backends[i], spec[n] ? spec + n + 1 : "", opt, out, err);
        size_t at = strlen(known);
        snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", name);
    }
    return sb_fail(err, SB_ERR_ARG, "unknown device '%.*s' (known: %s; see `seedbed devices`)", (int)n, spec, known);
}

sb_status sb_device_open_backend(const sb_backend *be, const char *params, const sb_device_options *opt,
                                 sb_device **out, sb_error *err)
{
    *out = NULL;
    sb_device *dev = calloc(1, sizeof *dev);
    if (!dev)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    dev->be = be;
    if (opt)
        dev->opt = *opt;
    memcpy(dev->can, be->on_device, sizeof dev->can);
    sb_status st = sb_memory_init(&dev->mem, err);
    if (!st)
        st = be->open(dev, params, err);
    if (st) {
        sb_memory_free(&dev->mem);
        free(dev);
        return st;
    }
    memcpy(dev->on_device, dev->can, sizeof dev->can);
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
    sb_mirror_free(&dev->mirror);
    sb_memory_free(&dev->mem);
    free(dev);
}

const char *sb_device_name(const sb_device *dev)
{
    return dev->be->kind.name;
}
const char *sb_device_describe(const sb_device *dev)
{
    return dev->describe;
}
bool sb_device_is_exact(const sb_device *dev)
{
    return dev->be->exact;
}
void sb_device_counters(const sb_device *dev, sb_counters *out)
{
    *out = dev->counters;
}

sb_status sb_device_load_matrix(sb_device *dev, const sb_matrix *m, uint64_t *addr, sb_error *err)
{
    dev->has_matrices = true;
    return (dev->on_device[SB_OP_MATVEC] ? dev->be->load_matrix : sb_host_load_matrix)(dev, m, addr, err);
}

sb_status sb_device_load_f32(sb_device *dev, const float *w, size_t rows, size_t cols, uint64_t *addr, sb_error *err)
{
    if (!dev->be->load_f32)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "device %s takes packed weights only", sb_device_name(dev));
    return dev->be->load_f32(dev, w, rows, cols, addr, err);
}
