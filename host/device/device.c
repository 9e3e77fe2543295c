/* SPDX-License-Identifier: Apache-2.0
 * The device seam's front: opening by name, and running a command list, on the device and on the host. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "device/device_internal.h"

/* In the order in which `seedbed devices` lists them. */
static const sb_backend *const backends[] = {&sb_backend_cpu,  &sb_backend_ref,  &sb_backend_sim,
                                             &sb_backend_xrt,  &sb_backend_xocl, &sb_backend_opencl, &sb_backend_cuda, &sb_backend_uart};
enum { N_BACKENDS = sizeof backends / sizeof *backends };

const sb_device_kind *sb_device_kind_at(size_t i) { return i < N_BACKENDS ? &backends[i]->kind : NULL; }

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

sb_status sb_device_open_backend(const sb_backend *be, const char *params, const sb_device_options *opt, sb_device **out,
                                 sb_error *err)
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

const char *sb_device_name(const sb_device *dev) { return dev->be->kind.name; }
const char *sb_device_describe(const sb_device *dev) { return dev->describe; }
bool sb_device_is_exact(const sb_device *dev) { return dev->be->exact; }
void sb_device_counters(const sb_device *dev, sb_counters *out) { *out = dev->counters; }

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
static sb_status changed_lines(sb_device *dev, const sb_range *r, const uint8_t *before, sb_op_stats *stats, sb_error *err)
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
