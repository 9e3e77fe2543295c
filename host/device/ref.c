/* SPDX-License-Identifier: Apache-2.0
 * The ref device: binary32 on decoded weights through BLAS; the accuracy oracle, never compared bit for bit. It runs
 * the same command lists: its "quantised" vectors and "accumulators" simply hold binary32 in the space of the integers.
 */
#include <cblas.h>
#include <stdio.h>
#include <string.h>

#include "device/device_internal.h"
#include "device/ref_ops.h"

/* OpenBLAS's own; cblas.h has it only where it is OpenBLAS's. */
void openblas_set_num_threads(int n);

static sb_status ref_open(sb_device *dev, const char *params, sb_error *err)
{
    sb_status st = sb_params_parse("ref", params, NULL, 0, err);
    if (st)
        return st;
    if (dev->opt.threads > 0)
        openblas_set_num_threads(dev->opt.threads); /* of the whole process: it knows no other */
    snprintf(dev->describe, sizeof dev->describe, "binary32 on decoded weights, BLAS");
    return SB_OK;
}

static sb_status ref_load_f32(sb_device *dev, const float *w, size_t rows, size_t cols, uint64_t *addr, sb_error *err)
{
    sb_status st = sb_device_alloc(dev, rows * cols * 4, addr, err);
    return st ? st : sb_device_write(dev, *addr, w, rows * cols * 4, err);
}

static sb_status ref_load_matrix(sb_device *dev, const sb_matrix *m, uint64_t *addr, sb_error *err)
{
    sb_status st = sb_device_alloc(dev, m->rows * m->cols * 4, addr, err);
    if (st)
        return st;
    float *out = sb_ptr(dev, *addr);
    size_t row_words = sb_codec_row_words(m->codec, m->cols);
#pragma omp parallel for num_threads(dev->opt.threads) schedule(static)
    for (size_t r = 0; r < m->rows; r++)
        sb_codec_decode_row_f32(m->codec, m->words + r * row_words, m->cols, m->scale_exp, out + r * m->cols);
    return SB_OK;
}

static uint64_t ref_matrix_bytes(const sb_device *dev, const sb_command *c)
{
    (void)dev;
    return (uint64_t)c->rows * c->cols * 4;
}

/* The caller's vectors have room for int16 slots only, so the binary32 vector stays where it is and its address
 * travels. */
static sb_status ref_quantize(sb_device *dev, const sb_command *c, sb_error *err)
{
    (void)err;
    uint64_t *dst = sb_ptr(dev, c->dst);
    dst[0] = c->src;
    return SB_OK;
}

static sb_status ref_matvec(sb_device *dev, const sb_command *c, sb_error *err)
{
    uint64_t src = *(const uint64_t *)sb_ptr(dev, c->src);
    if (!sb_memory_has(&dev->mem, src, (uint64_t)c->batch * c->cols * 4))
        return sb_fail(err, SB_ERR_DEVICE, "MATVEC: src was not written by QUANTIZE");
    const float *w = sb_ptr(dev, c->weights), *x = sb_ptr(dev, src);
    int rows = (int)c->rows, cols = (int)c->cols;
    if (c->batch == 1)
        cblas_sgemv(CblasRowMajor, CblasNoTrans, rows, cols, 1, w, cols, x, 1, 0, sb_ptr(dev, c->dst), 1);
    else /* dst[v][r], vectors sb_acc_stride apart */
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, c->batch, rows, cols, 1, x, cols, w, cols, 0,
                    sb_ptr(dev, c->dst), (int)(sb_acc_stride(c->rows) / 4));
    return SB_OK;
}

static sb_status ref_scale(sb_device *dev, const sb_command *c, sb_error *err)
{
    (void)err;
    for (size_t v = 0; v < c->batch; v++)
        memmove((float *)sb_ptr(dev, c->dst) + v * c->p[1], sb_ptr(dev, c->src + v * sb_acc_stride(c->rows)),
                c->rows * 4ull);
    return SB_OK;
}

const sb_backend sb_backend_ref = {
    .kind = {"ref", "binary32 on decoded weights: the accuracy oracle", ""},
    .open = ref_open,
    .load_matrix = ref_load_matrix,
    .load_f32 = ref_load_f32,
    .matrix_bytes = ref_matrix_bytes,
    .op = {SB_HOST_OPS, [SB_OP_MATVEC] = ref_matvec, [SB_OP_QUANTIZE] = ref_quantize, [SB_OP_SCALE] = ref_scale,
           [SB_OP_EMBED] = sb_ref_embed, [SB_OP_RMSNORM] = sb_ref_norm, [SB_OP_LAYERNORM] = sb_ref_norm,
           [SB_OP_SILU_MUL] = sb_ref_gate, [SB_OP_GELU_MUL] = sb_ref_gate, [SB_OP_KV_APPEND] = sb_ref_kv_append,
           [SB_OP_ATTENTION] = sb_ref_attention},
    .on_device = {[SB_OP_MATVEC] = true},
};
