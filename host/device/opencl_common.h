/* SPDX-License-Identifier: Apache-2.0
 * What the OpenCL back end's parts share: opencl.c (finding a device, its memory), opencl_program.c (kernels/opencl,
 * built for it), opencl_run.c (command lists). */
#ifndef SEEDBED_OPENCL_COMMON_H
#define SEEDBED_OPENCL_COMMON_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include "device/device_internal.h"

/* Work-items of a group; rows of a MATVEC's group, which is the lane layout's number of lanes; vectors for which a
 * block is decoded once. */
enum { SB_CL_GROUP = 64, SB_CL_LANES = 32, SB_CL_TILE = 4 };

typedef enum {
    SB_CL_MATVEC, /* + codec id */
    SB_CL_QUANTIZE = SB_CL_MATVEC + SB_CODEC_COUNT,
    SB_CL_SCALE,
    SB_CL_ATTENTION_CHECK,
    SB_CL_ATTENTION_SCORES,
    SB_CL_ATTENTION_VALUES,
    SB_CL_ATTENTION_COMBINE,
    SB_CL_QUANTIZE_KV,
    SB_CL_QUANTIZE_Q,
    SB_CL_ATTN_SCALE,
    SB_CL_RMSNORM,
    SB_CL_LAYERNORM,
    SB_CL_ROPE,
    SB_CL_SILU_MUL,
    SB_CL_GELU_MUL,
    SB_CL_ADD,
    SB_CL_EMBED,
    SB_CL_GATHER,
    SB_CL_SCATTER,
    SB_CL_ARGMAX,
    SB_CL_TOPK,
    SB_CL_KERNELS
} sb_cl_kernel;

typedef struct {
    cl_device_id id;
    cl_context context;
    cl_command_queue queue; /* in order */
    cl_program program;
    cl_kernel kernel[SB_CL_KERNELS]; /* NULL: the device lacks what it needs */
    cl_mem mem;                      /* device memory: addresses are offsets */
    uint64_t size, max_size;
    cl_uint first_error; /* where a copy of status[0] goes */
    cl_mem status;       /* index << 8 | error of the first command that failed */
    cl_mem scratch;
    size_t scratch_size, scratch_limit;
    cl_uint units;          /* compute units */
    unsigned width, slices; /* rows of a work-item of a MATVEC, and slices of a row */
    uint64_t timeout;       /* of a command list, in ms */
    bool lost;              /* a wait ended without an answer: nothing can be released any more */
    char name[128];
} sb_cl;

/* "CL_INVALID_VALUE" etc. */
const char *sb_cl_error_name(cl_int e);
sb_status sb_cl_fail(sb_error *err, const char *what, cl_int e);
/* Waits for the event and releases it; SB_ERR_TIMEOUT after s->timeout. */
sb_status sb_cl_wait(sb_cl *s, cl_event event, const char *what, sb_error *err);

#endif
