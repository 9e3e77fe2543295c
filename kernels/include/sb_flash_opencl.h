/* SPDX-License-Identifier: Apache-2.0
 * sb_flash.h on OpenCL: the same problem, with buffers in place of its pointers, and any head_dim up to 256. */
#ifndef SB_FLASH_OPENCL_H
#define SB_FLASH_OPENCL_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>

#include "sb_flash.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    cl_program program;
    cl_kernel forward, combine, backward_queries, backward_keys;
} sb_flash_opencl;

/* As in sb_flash; pages: NULL if contiguous, partial: NULL where splits is 1. */
typedef struct {
    cl_mem q, k, v, q_start, kv_start, pages, out, partial;
} sb_flash_buffers;
/* As in sb_flash_gradients. */
typedef struct {
    cl_mem dout, dq, dk, dv;
} sb_flash_gradient_buffers;

/* 0, or 1 and one line in why[n]. forward and backward enqueue and do not wait; they are not safe from two threads on
 * one sb_flash_opencl. Of the buffers, backward uses q, k, v, q_start and kv_start. */
int sb_flash_opencl_open(cl_context context, cl_device_id device, sb_flash_opencl *out, char *why, size_t n);
void sb_flash_opencl_close(sb_flash_opencl *f);
int sb_flash_opencl_forward(const sb_flash_opencl *cl, cl_command_queue queue, const sb_flash *f,
                            const sb_flash_buffers *b, char *why, size_t n);
int sb_flash_opencl_backward(const sb_flash_opencl *cl, cl_command_queue queue, const sb_flash *f,
                             const sb_flash_gradients *g, const sb_flash_buffers *b,
                             const sb_flash_gradient_buffers *gb, char *why, size_t n);

#ifdef __cplusplus
}
#endif
#endif
