/* SPDX-License-Identifier: Apache-2.0
 * A command list on an OpenCL device: each command is one kernel or a few, in order in one queue; the host waits once
 * for all. */
#ifdef SB_HAVE_OPENCL
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/attention_exact.h"
#include "device/opencl_run.h"

enum { PART = 4096, MASKED = INT32_MIN }; /* PART: commands between two waits */
static size_t up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* The arguments that every kernel has; then it is queued over x, y, z work-items. */
static cl_int arguments(const sb_cl *s, cl_kernel k, cl_uint index, const sb_command *c)
{
    cl_int e = clSetKernelArg(k, 0, sizeof s->mem, &s->mem);
    e = e ? e : clSetKernelArg(k, 1, sizeof s->status, &s->status);
    e = e ? e : clSetKernelArg(k, 2, sizeof index, &index);
    return e ? e : clSetKernelArg(k, 3, sizeof *c, c);
}

static cl_int launch(const sb_cl *s, cl_kernel k, size_t x, size_t y, size_t z, size_t local_x, size_t local_y,
                     cl_event *done)
{
    const size_t global[3] = {x, y, z}, local[3] = {local_x, local_y, 1};
    return clEnqueueNDRangeKernel(s->queue, k, 3, NULL, global, local, 0, NULL, done);
}

/* One kernel over x, y, z work-items in groups of SB_CL_GROUP. */
static cl_int one(const sb_cl *s, sb_cl_kernel which, cl_uint index, const sb_command *c, size_t x, size_t y, size_t z,
                  cl_event *done)
{
    cl_int e = arguments(s, s->kernel[which], index, c);
    return e ? e : launch(s, s->kernel[which], up(x, SB_CL_GROUP), y, z, SB_CL_GROUP, 1, done);
}

static cl_int matvec(const sb_cl *s, cl_uint index, const sb_command *c, cl_event *done)
{
    cl_kernel k = s->kernel[SB_CL_MATVEC + c->codec];
    cl_int e = arguments(s, k, index, c);
    return e ? e
             : launch(s, k, up(c->rows, SB_CL_LANES) / s->width, s->slices, up(c->batch, SB_CL_TILE) / SB_CL_TILE,
                      SB_CL_LANES / s->width, s->slices, done);
}

static cl_int grow_scratch(sb_cl *s, size_t bytes)
{
    cl_int e = CL_SUCCESS;
    if (bytes <= s->scratch_size)
        return e;
    cl_mem mem = clCreateBuffer(s->context, CL_MEM_READ_WRITE, bytes, NULL, &e);
    if (!mem)
        return e;
    if (s->scratch) /* what is queued keeps it alive */
        clReleaseMemObject(s->scratch);
    s->scratch = mem;
    s->scratch_size = bytes;
    return e;
}

/* The rows in parts that fit the scratch memory (its layout: kernels/opencl/attention.cl); few rows are spread over
 * splits of the keys. */
static cl_int attention(sb_cl *s, cl_uint index, const sb_command *c, cl_event *done)
{
    size_t rows = (size_t)c->batch * c->rows, keys = up(c->p[0], 64), blocks = keys / 64, target = 8 * (size_t)s->units;
    cl_int e = one(s, SB_CL_ATTENTION_CHECK, index, c, rows, 1, 1, NULL);
    if (!keys) { /* nothing to see: rows of zeros, by the kernel for the values */
        keys = 64;
        blocks = 1;
    }
    cl_uint splits = (cl_uint)(rows >= target ? 1 : (target + rows - 1) / rows);
    splits = splits > blocks ? (cl_uint)blocks : splits;
    size_t each = keys * 4 + 4 + splits * (c->cols + 1ull) * 8, part = s->scratch_limit / each;
    part = part < 1 ? 1 : part > rows ? rows : part;
    e = e ? e : grow_scratch(s, part * each + 64);
    for (size_t r = 0; r < rows && !e; r += part) {
        size_t n = rows - r < part ? rows - r : part;
        cl_uint r0 = (cl_uint)r;
        const cl_int masked = MASKED;
        e = clEnqueueFillBuffer(s->queue, s->scratch, &masked, sizeof masked, 0, n * 4, 0, NULL, NULL);
        for (int step = 0; step < (splits > 1 ? 3 : 2) && !e; step++) {
            cl_kernel k = s->kernel[SB_CL_ATTENTION_SCORES + step];
            bool last = r + n == rows && step == (splits > 1 ? 2 : 1);
            e = arguments(s, k, index, c);
            e = e ? e : clSetKernelArg(k, 4, sizeof s->scratch, &s->scratch);
            e = e ? e : clSetKernelArg(k, 5, sizeof r0, &r0);
            if (step)
                e = e ? e : clSetKernelArg(k, 6, sizeof splits, &splits);
            size_t x = step == 0 ? keys : step == 1 ? (size_t)splits * SB_CL_GROUP : up(c->cols + 1ull, SB_CL_GROUP);
            e = e ? e : launch(s, k, x, n, 1, SB_CL_GROUP, 1, last ? done : NULL);
        }
    }
    return e;
}

/* Queues the kernels of one command; *done is the last one's event. */
static cl_int enqueue(sb_cl *s, cl_uint index, const sb_command *c, cl_event *done)
{
    size_t group = SB_CL_GROUP, b = c->batch;
    switch ((sb_op)c->op) {
    case SB_OP_MATVEC:
        return matvec(s, index, c, done);
    case SB_OP_QUANTIZE:
        return one(s, SB_CL_QUANTIZE, index, c, b * group, 1, 1, done);
    case SB_OP_SCALE:
        return one(s, SB_CL_SCALE, index, c, c->rows, b, 1, done);
    case SB_OP_QUANTIZE_KV:
        return one(s, SB_CL_QUANTIZE_KV, index, c, c->rows * group, b, 2, done);
    case SB_OP_QUANTIZE_Q:
        return one(s, SB_CL_QUANTIZE_Q, index, c, c->rows * group, b, 1, done);
    case SB_OP_ATTENTION_X:
        return attention(s, index, c, done);
    case SB_OP_ATTN_SCALE:
        return one(s, SB_CL_ATTN_SCALE, index, c, c->cols, b * c->rows, 1, done);
    case SB_OP_RMSNORM:
        return one(s, SB_CL_RMSNORM, index, c, c->rows * group, b, 1, done);
    case SB_OP_LAYERNORM:
        return one(s, SB_CL_LAYERNORM, index, c, c->rows * group, b, 1, done);
    case SB_OP_ROPE:
        return one(s, SB_CL_ROPE, index, c, c->cols / 2, c->rows, b, done);
    case SB_OP_SILU_MUL:
        return one(s, SB_CL_SILU_MUL, index, c, c->cols, b, 1, done);
    case SB_OP_GELU_MUL:
        return one(s, SB_CL_GELU_MUL, index, c, c->cols, b, 1, done);
    case SB_OP_ADD:
        return one(s, SB_CL_ADD, index, c, b * c->cols, 1, 1, done);
    case SB_OP_EMBED:
        return one(s, SB_CL_EMBED, index, c, b * group, 1, 1, done);
    case SB_OP_GATHER:
        return one(s, SB_CL_GATHER, index, c, b * group, 1, 1, done);
    case SB_OP_SCATTER:
        return one(s, SB_CL_SCATTER, index, c, c->cols, 1, 1, done);
    case SB_OP_ARGMAX:
        return one(s, SB_CL_ARGMAX, index, c, b * group, 1, 1, done);
    case SB_OP_TOPK:
        return one(s, SB_CL_TOPK, index, c, b * group, 1, 1, done);
    case SB_OP_NOP:
        return CL_SUCCESS;
    case SB_OP_KV_APPEND: /* ref's */
    case SB_OP_ATTENTION:
    case SB_OP_COUNT:
        break;
    }
    return CL_INVALID_OPERATION;
}

static const char *error_name(cl_uint error)
{
    return error == SB_ERROR_NOT_FINITE ? "a value that is not finite (error 7)"
           : error == SB_ERROR_INDEX    ? "index out of range (error 8)"
           : error == 16                ? "a query record is out of range"
                                        : "?";
}

/* After a wait without an end: which command it was. */
static sb_status diagnose(const sb_cl *s, const sb_command *c, const cl_event *events, uint32_t n, uint32_t *failed,
                          sb_error *err)
{
    static const char *const names[] = {"complete", "running", "submitted", "queued"};
    cl_int state = CL_QUEUED;
    uint32_t i = 0;
    for (; i + 1 < n; i++) {
        if (!events[i]) /* a NOP */
            continue;
        if (clGetEventInfo(events[i], CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL) != CL_SUCCESS ||
            state != CL_COMPLETE)
            break;
    }
    *failed = i;
    return sb_fail(err, SB_ERR_TIMEOUT,
                   "opencl: %s: no end within %llu ms; %u of %u commands complete, %s (%u x %u, batch %u) is %s",
                   s->name, (unsigned long long)s->timeout, i, n, sb_op_name(c[i].op), c[i].rows, c[i].cols, c[i].batch,
                   state >= 0 && state <= CL_QUEUED ? names[state] : "in error");
}

static sb_status run_part(sb_cl *s, const sb_command *c, uint32_t n, uint32_t *failed, sb_error *err)
{
    const cl_uint none = UINT32_MAX;
    cl_event *events = calloc(n, sizeof *events), last = NULL;
    if (!events)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    cl_int e = clEnqueueFillBuffer(s->queue, s->status, &none, sizeof none, 0, 64, 0, NULL, NULL);
    for (uint32_t i = 0; i < n && !e; i++) {
        *failed = i;
        e = enqueue(s, i, &c[i], &events[i]);
    }
    if (!e)
        e = clEnqueueReadBuffer(s->queue, s->status, CL_FALSE, 0, sizeof s->first_error, &s->first_error, 0, NULL,
                                &last);
    if (!e)
        e = clFlush(s->queue);
    sb_status st = e ? sb_cl_fail(err, sb_op_name(c[*failed].op), e) : SB_OK;
    if (!st) {
        *failed = 0;
        st = sb_cl_wait(s, last, "command list", err);
        if (st == SB_ERR_TIMEOUT)
            st = diagnose(s, c, events, n, failed, err);
    }
    if (!st && s->first_error != none) {
        *failed = s->first_error >> 8;
        st = sb_fail(err, SB_ERR_DEVICE, "%s: %s", sb_op_name(c[*failed].op), error_name(s->first_error & 255));
    }
    for (uint32_t i = 0; i < n; i++)
        if (events[i])
            clReleaseEvent(events[i]);
    free(events);
    return st;
}

sb_status sb_cl_run(sb_device *dev, uint64_t addr, uint32_t count, uint32_t *failed, sb_error *err)
{
    sb_cl *s = dev->priv;
    if (s->lost)
        return sb_fail(err, SB_ERR_DEVICE, "opencl: the device did not answer before; open it again");
    const sb_command *c = sb_ptr(dev, addr);
    for (uint32_t i = 0; i < count;) {
        uint32_t n = count - i < PART ? count - i : PART;
        sb_status st = run_part(s, c + i, n, failed, err);
        *failed += i;
        if (st)
            return st;
        i += n;
    }
    return SB_OK;
}
#else
typedef int no_opencl_run;
#endif
