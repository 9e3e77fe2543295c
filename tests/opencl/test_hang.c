/* SPDX-License-Identifier: Apache-2.0
 * A command that never ends in the middle of a list on the opencl device: the wait ends, names the command, and the
 * device takes nothing more. The kernel is kept from running by an event of this program that has not happened: it
 * stands between the back end and the OpenCL library. Says so where there is no OpenCL. */
#define CL_TARGET_OPENCL_VERSION 120
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef SB_HAVE_OPENCL
#include <CL/cl.h>

#include "seedbed/device.h"

#define CHECK(cond, ...)                                                                                               \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            fprintf(stderr, "test_hang: " __VA_ARGS__);                                                                \
            fputc('\n', stderr);                                                                                       \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static int launches, hang_at = -1; /* which launch from now on waits for ever */
static cl_event never;

typedef cl_int (*launch_fn)(cl_command_queue, cl_kernel, cl_uint, const size_t *, const size_t *, const size_t *,
                            cl_uint, const cl_event *, cl_event *);

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dim, const size_t *offset,
                              const size_t *global, const size_t *local, cl_uint n, const cl_event *wait,
                              cl_event *done)
{
    launch_fn real;
    void *sym = dlsym(RTLD_NEXT, "clEnqueueNDRangeKernel");
    memcpy(&real, &sym, sizeof real);
    if (launches++ == hang_at) {
        cl_context context;
        cl_int e = clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context, &context, NULL);
        if (e == CL_SUCCESS)
            never = clCreateUserEvent(context, &e);
        if (e != CL_SUCCESS)
            return e;
        return real(queue, kernel, dim, offset, global, local, 1, &never, done);
    }
    return real(queue, kernel, dim, offset, global, local, n, wait, done);
}

int main(void)
{
    enum { N = 4, COLS = 48, BAD = 2 };
    sb_device *dev;
    sb_error err = {0};
    if (sb_device_open("opencl:timeout=20000", NULL, &dev, &err)) {
        printf("skipped: test_hang (%s)\n", err.msg);
        return 0;
    }
    uint64_t x, list;
    float ones[COLS];
    for (int i = 0; i < COLS; i++)
        ones[i] = 1;
    CHECK(!sb_device_alloc(dev, sizeof ones, &x, &err) && !sb_device_alloc(dev, 64 * N, &list, &err), "%s", err.msg);
    sb_command c[N];
    for (uint32_t i = 0; i < N; i++)
        c[i] = (sb_command){.op = i % 2 ? SB_OP_ARGMAX : SB_OP_ADD,
                            .batch = 1,
                            .cols = COLS,
                            .tag = 100 + i,
                            .src = x,
                            .dst = x,
                            .p = {COLS}};
    CHECK(!sb_device_write(dev, x, ones, sizeof ones, &err) && !sb_device_write(dev, list, c, sizeof c, &err), "%s",
          err.msg);
    CHECK(!sb_device_submit(dev, list, N, &err), "%s", err.msg); /* the kernels are compiled now */
    CHECK(launches == N, "%d launches, expected %d", launches, N);
    sb_device_close(dev);

    CHECK(!sb_device_open("opencl:timeout=4000", NULL, &dev, &err), "%s", err.msg);
    CHECK(!sb_device_alloc(dev, sizeof ones, &x, &err) && !sb_device_alloc(dev, 64 * N, &list, &err), "%s", err.msg);
    CHECK(!sb_device_write(dev, x, ones, sizeof ones, &err) && !sb_device_write(dev, list, c, sizeof c, &err), "%s",
          err.msg);
    hang_at = launches + BAD;
    sb_status st = sb_device_submit(dev, list, N, &err);
    CHECK(st == SB_ERR_TIMEOUT, "status %d: %s", st, err.msg);
    CHECK(strstr(err.msg, "command 2 (tag 102)") && strstr(err.msg, "no end within 4000 ms") &&
              strstr(err.msg, "2 of 4 commands complete, ADD (0 x 48, batch 1) is "),
          "%s", err.msg);
    printf("ok: %s\n", err.msg);
    st = sb_device_submit(dev, list, N, &err);
    CHECK(st == SB_ERR_DEVICE && strstr(err.msg, "did not answer before"), "afterwards: status %d: %s", st, err.msg);
    CHECK(clSetUserEventStatus(never, CL_COMPLETE) == CL_SUCCESS,
          "clSetUserEventStatus"); /* so that the library can end its threads */
    sb_device_close(dev);
    return 0;
}
#else
int main(void)
{
    printf("skipped: test_hang (built without OpenCL)\n");
    return 0;
}
#endif
