/* SPDX-License-Identifier: Apache-2.0
 * The cuda device: the exact contract on a GPU, weights packed in its memory (kernels/include/sb_kernels_cuda.h). A
 * build without nvcc has the name and says so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device_internal.h"

#ifdef SB_HAVE_CUDA
#include "sb_kernels_cuda.h"

typedef struct {
    sb_cuda *cuda;
    double timeout_s;
} cuda_device;

static sb_status status_of(int st)
{
    return st == SB_CUDA_OK        ? SB_OK
           : st == SB_CUDA_ABSENT  ? SB_ERR_UNSUPPORTED
           : st == SB_CUDA_MEMORY  ? SB_ERR_NOMEM
           : st == SB_CUDA_TIMEOUT ? SB_ERR_TIMEOUT
                                   : SB_ERR_DEVICE;
}

static sb_status cuda_open(sb_device *dev, const char *params, sb_error *err)
{
    uint64_t index = 0, timeout = 60, overlap = 1;
    const sb_param known[] = {{"device", &index, 0, 63, NULL, 0},
                              {"timeout", &timeout, 1, 86400, NULL, 0},
                              {"overlap", &overlap, 0, 1, NULL, 0}};
    sb_status st = sb_params_parse("cuda", params, known, 3, err);
    if (st)
        return st;
    cuda_device *d = calloc(1, sizeof *d);
    if (!d)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    char why[512];
    int r = sb_cuda_open((int)index, &d->cuda, why, sizeof why);
    if (r) {
        free(d);
        return sb_fail(err, status_of(r), "device cuda: %s", why);
    }
    sb_cuda_overlap(d->cuda, overlap);
    d->timeout_s = (double)timeout;
    dev->priv = d;
    const sb_cuda_properties *p = sb_cuda_properties_get(d->cuda);
    snprintf(dev->describe, sizeof dev->describe,
             "exact integers, device %d: %.100s, sm_%d%d, %d multiprocessors, %.1f GiB", (int)index, p->name, p->major,
             p->minor, p->multiprocessors, (double)p->memory_bytes / (1 << 30));
    return SB_OK;
}

static void cuda_close(sb_device *dev)
{
    cuda_device *d = dev->priv;
    sb_cuda_close(d->cuda);
    free(d);
}

static sb_status cuda_reserve(sb_device *dev, uint64_t end, sb_error *err)
{
    char why[512];
    int r = sb_cuda_reserve(((cuda_device *)dev->priv)->cuda, end, why, sizeof why);
    return r ? sb_fail(err, status_of(r), "device cuda: %s", why) : SB_OK;
}

static sb_status cuda_write(sb_device *dev, uint64_t addr, const void *src, size_t bytes, sb_error *err)
{
    char why[512];
    int r = sb_cuda_write(((cuda_device *)dev->priv)->cuda, addr, src, bytes, why, sizeof why);
    return r ? sb_fail(err, status_of(r), "device cuda: %s", why) : SB_OK;
}

static sb_status cuda_read(sb_device *dev, uint64_t addr, void *dst, size_t bytes, sb_error *err)
{
    char why[512];
    int r = sb_cuda_read(((cuda_device *)dev->priv)->cuda, addr, dst, bytes, why, sizeof why);
    return r ? sb_fail(err, status_of(r), "device cuda: %s", why) : SB_OK;
}

static uint64_t cuda_matrix_bytes(const sb_device *dev, const sb_command *c)
{
    (void)dev;
    return sb_cuda_matrix_bytes(c->codec, c->rows, c->cols);
}

static sb_status cuda_load_matrix(sb_device *dev, const sb_matrix *m, uint64_t *addr, sb_error *err)
{
    size_t bytes = sb_cuda_matrix_bytes(m->codec->id, m->rows, m->cols);
    void *packed = malloc(bytes);
    sb_status st = packed ? sb_device_alloc(dev, bytes, addr, err) : sb_fail(err, SB_ERR_NOMEM, "out of memory");
    if (!st) {
        sb_cuda_matrix_pack(m->codec->id, m->rows, m->cols, m->words, packed);
        st = sb_device_store(dev, *addr, packed, bytes, err);
    }
    free(packed);
    return st;
}

/* A GPU cannot read 64-bit sums from odd words, which the other devices can. */
static bool sums_aligned(const sb_command *c)
{
    return (c->op != SB_OP_SCALE && c->op != SB_OP_ATTN_SCALE) || c->src % 8 == 0;
}

static sb_status cuda_run(sb_device *dev, uint64_t addr, uint32_t count, uint32_t *failed, sb_error *err)
{
    cuda_device *d = dev->priv;
    const sb_command *c = sb_ptr(dev, addr);
    for (uint32_t i = 0; i < count; i++)
        if (!sums_aligned(&c[i])) {
            *failed = i;
            return sb_fail(err, SB_ERR_DEVICE, "%s: src: address 0x%llx is not a multiple of 8", sb_op_name(c[i].op),
                           (unsigned long long)c[i].src);
        }
    char why[512];
    int r = sb_cuda_run(d->cuda, addr, c, count, d->timeout_s, failed, why, sizeof why);
    return r ? sb_fail(err, status_of(r), "%s%s", r == SB_CUDA_DATA ? "" : "device cuda: ", why) : SB_OK;
}
#else
static sb_status cuda_open(sb_device *dev, const char *params, sb_error *err)
{
    (void)dev, (void)params;
    return sb_fail(err, SB_ERR_UNSUPPORTED, "device cuda: CUDA is not built in (make found no nvcc)");
}
#define cuda_close NULL
#define cuda_reserve NULL
#define cuda_write NULL
#define cuda_read NULL
#define cuda_matrix_bytes NULL
#define cuda_load_matrix NULL
#define cuda_run NULL
#endif

const sb_backend sb_backend_cuda = {
    .kind = {"cuda", "the exact integer contract on a CUDA GPU", "device=N, timeout=SECONDS, overlap=0|1"},
    .exact = true,
    .open = cuda_open,
    .close = cuda_close,
    .load_matrix = cuda_load_matrix,
    .matrix_bytes = cuda_matrix_bytes,
    .run = cuda_run,
    .reserve = cuda_reserve,
    .write = cuda_write,
    .read = cuda_read,
    .fetches_list = true,
    .op = {SB_HOST_OPS, SB_EXACT_OPS},
    .on_device = {SB_EXACT_ON_DEVICE},
};
