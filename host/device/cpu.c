/* SPDX-License-Identifier: Apache-2.0
 * The cpu device: the exact integer contract of docs/numerics.md, vectorised and threaded. Its MATVEC is also what the
 * host does for other devices. */
#include <omp.h>
#include <stdio.h>

#include "device/cpu_matvec.h"
#include "device/device_internal.h"

static sb_status cpu_open(sb_device *dev, const char *params, sb_error *err)
{
    sb_status st = sb_params_parse("cpu", params, NULL, 0, err);
    if (st)
        return st;
    if (dev->opt.threads <= 0)
        dev->opt.threads = omp_get_max_threads();
#ifdef __AVX2__
    const char *isa = "AVX2";
#else
    const char *isa = "portable C";
#endif
    snprintf(dev->describe, sizeof dev->describe, "exact integers, %s, %d threads", isa, dev->opt.threads);
    return SB_OK;
}

sb_status sb_host_load_matrix(sb_device *dev, const sb_matrix *m, uint64_t *addr, sb_error *err)
{
    size_t bytes = sb_lane_bytes(m->codec, m->rows, m->cols, SB_CPU_LANES, 1);
    sb_status st = sb_device_alloc(dev, bytes, addr, err);
    if (!st)
        st = sb_mirror_host_writes(dev, *addr, bytes, &dev->stats[SB_STATS_ACCESS], err);
    if (!st)
        sb_lane_pack(m, SB_CPU_LANES, 1, sb_ptr(dev, *addr));
    return st;
}

uint64_t sb_host_matrix_bytes(const sb_device *dev, const sb_command *c)
{
    (void)dev;
    return sb_lane_bytes(sb_codec_by_id(c->codec), c->rows, c->cols, SB_CPU_LANES, 1);
}

sb_status sb_host_matvec(sb_device *dev, const sb_command *c, sb_error *err)
{
    (void)err;
    const sb_codec *codec = sb_codec_by_id(c->codec);
    sb_cpu_matvec(sb_group_best(codec), codec, sb_ptr(dev, c->weights), c->rows, c->cols, sb_ptr(dev, c->src), c->batch,
                  sb_ptr(dev, c->dst), sb_acc_stride(c->rows), dev->opt.threads);
    return SB_OK;
}

const sb_backend sb_backend_cpu = {
    .kind = {"cpu", "the exact integer contract on the CPU", ""},
    .exact = true,
    .open = cpu_open,
    .load_matrix = sb_host_load_matrix,
    .matrix_bytes = sb_host_matrix_bytes,
    .op = {SB_HOST_OPS, SB_EXACT_OPS},
    .on_device = {[SB_OP_NOP] = true, SB_EXACT_ON_DEVICE},
};
