/* SPDX-License-Identifier: Apache-2.0
 * The OpenCL form of sb_flash.h: compiles kernels/opencl/flash_attention.cl and flash_backward.cl for a device and
 * enqueues them on buffers of the caller. */
#include "sb_flash_opencl.h"

#include <stdio.h>

/* The source, as text (the assembler finds it from the directory of the build). */
__asm__(".section .rodata\n"
        "sb_flash_source:\n"
        ".incbin \"kernels/opencl/flash_attention.cl\"\n"
        ".incbin \"kernels/opencl/flash_backward.cl\"\n"
        "sb_flash_source_end:\n"
        ".byte 0\n"
        ".previous\n");
extern const char sb_flash_source[], sb_flash_source_end[];

static int fail(char *why, size_t n, const char *what, cl_int e)
{
    snprintf(why, n, "flash: %s: OpenCL error %d", what, (int)e);
    return 1;
}

int sb_flash_opencl_open(cl_context context, cl_device_id device, sb_flash_opencl *out, char *why, size_t n)
{
    *out = (sb_flash_opencl){0};
    const char *text = sb_flash_source;
    size_t length = (size_t)(sb_flash_source_end - sb_flash_source);
    cl_int e;
    out->program = clCreateProgramWithSource(context, 1, &text, &length, &e);
    if (e)
        return fail(why, n, "program", e);
    e = clBuildProgram(out->program, 1, &device, "", NULL, NULL);
    const struct {
        const char *name;
        cl_kernel *kernel;
    } kernels[] = {{"flash_forward", &out->forward},
                   {"flash_combine", &out->combine},
                   {"flash_backward_queries", &out->backward_queries},
                   {"flash_backward_keys", &out->backward_keys}};
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels && !e; i++)
        *kernels[i].kernel = clCreateKernel(out->program, kernels[i].name, &e);
    if (e) {
        sb_flash_opencl_close(out);
        return fail(why, n, "build", e);
    }
    return 0;
}

void sb_flash_opencl_close(sb_flash_opencl *f)
{
    const cl_kernel kernels[] = {f->forward, f->combine, f->backward_queries, f->backward_keys};
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (kernels[i])
            clReleaseKernel(kernels[i]);
    if (f->program)
        clReleaseProgram(f->program);
    *f = (sb_flash_opencl){0};
}

/* Arguments in order; the first error stays. */
typedef struct {
    cl_kernel kernel;
    cl_uint next;
    cl_int error;
} arguments;
static void put(arguments *a, size_t bytes, const void *value)
{
    cl_int e = clSetKernelArg(a->kernel, a->next++, bytes, value);
    a->error = a->error ? a->error : e;
}

int sb_flash_opencl_forward(const sb_flash_opencl *cl, cl_command_queue queue, const sb_flash *f,
                            const sb_flash_buffers *b, char *why, size_t n)
{
    if (!f->head_dim || f->head_dim > 256 || !f->kv_heads || !f->heads || f->heads % f->kv_heads || !f->max_q ||
        !f->splits || !f->sequences || (f->splits > 1 && !b->partial) || (b->pages && (!f->page || !f->max_pages))) {
        snprintf(why, n, "flash: head_dim %u (1..256), %u heads over %u KV heads, %u splits: out of range", f->head_dim,
                 f->heads, f->kv_heads, f->splits);
        return 1;
    }
    cl_uint page = b->pages ? f->page : 0;
    cl_int sigmoid = f->sigmoid, causal = f->causal, bf16 = f->type == SB_FLASH_BF16;
    arguments a = {cl->forward, 0, 0};
    const cl_mem *buffers[] = {&b->q,        &b->k,
                               &b->v,        &b->q_start,
                               &b->kv_start, b->pages ? &b->pages : &b->kv_start,
                               &b->out,      b->partial ? &b->partial : &b->out};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        put(&a, sizeof(cl_mem), buffers[i]);
    const cl_uint words[] = {f->heads, f->kv_heads, f->head_dim, f->total_q, f->splits};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        put(&a, 4, &words[i]);
    put(&a, 4, &sigmoid);
    put(&a, 4, &causal);
    put(&a, 4, &bf16);
    put(&a, 4, &f->scale);
    put(&a, 4, &f->bias);
    put(&a, 4, &page);
    put(&a, 4, &f->max_pages);
    size_t global[3] = {(size_t)f->max_q * 64, f->heads, (size_t)f->sequences * f->splits}, local[3] = {64, 1, 1};
    cl_int e = a.error ? a.error : clEnqueueNDRangeKernel(queue, cl->forward, 3, NULL, global, local, 0, NULL, NULL);
    if (e || f->splits == 1)
        return e ? fail(why, n, "forward", e) : 0;
    cl_uint rows = f->total_q * f->heads;
    a = (arguments){cl->combine, 0, 0};
    put(&a, sizeof(cl_mem), &b->partial);
    put(&a, sizeof(cl_mem), &b->out);
    put(&a, 4, &f->head_dim);
    put(&a, 4, &rows);
    put(&a, 4, &f->splits);
    put(&a, 4, &sigmoid);
    size_t all = (size_t)rows * 64;
    e = a.error ? a.error : clEnqueueNDRangeKernel(queue, cl->combine, 1, NULL, &all, local, 0, NULL, NULL);
    return e ? fail(why, n, "combine", e) : 0;
}

int sb_flash_opencl_backward(const sb_flash_opencl *cl, cl_command_queue queue, const sb_flash *f,
                             const sb_flash_gradients *g, const sb_flash_buffers *b,
                             const sb_flash_gradient_buffers *gb, char *why, size_t n)
{
    if (sb_flash_backward_refused(f, g, b->pages != NULL, why, n))
        return 1;
    if (!f->head_dim || f->head_dim > 256) {
        snprintf(why, n, "flash backward: head_dim %u; 1..256", f->head_dim);
        return 1;
    }
    const cl_int flags[] = {f->causal, f->type == SB_FLASH_BF16, g->fp32};
    for (int keys = 0; keys < 2; keys++) {
        arguments a = {keys ? cl->backward_keys : cl->backward_queries, 0, 0};
        const cl_mem *buffers[] = {&b->q,  &b->k, &b->v, &gb->dout, &b->q_start, &b->kv_start, keys ? &gb->dk : &gb->dq,
                                   &gb->dv};
        for (int i = 0; i < 7 + keys; i++)
            put(&a, sizeof(cl_mem), buffers[i]);
        const cl_uint words[] = {f->heads, f->kv_heads, f->head_dim};
        for (int i = 0; i < 3; i++)
            put(&a, 4, &words[i]);
        for (int i = 0; i < 3; i++)
            put(&a, 4, &flags[i]);
        put(&a, 4, &f->scale);
        put(&a, 4, &f->bias);
        size_t global[3] = {(size_t)(keys ? g->max_k : f->max_q) * 64, keys ? f->kv_heads : f->heads, f->sequences},
               local[3] = {64, 1, 1};
        if (!global[0])
            continue; /* no queries, or no keys, at all */
        cl_int e = a.error ? a.error : clEnqueueNDRangeKernel(queue, a.kernel, 3, NULL, global, local, 0, NULL, NULL);
        if (e)
            return fail(why, n, keys ? "backward, keys" : "backward, queries", e);
    }
    return 0;
}
