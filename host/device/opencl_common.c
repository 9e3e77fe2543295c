/* SPDX-License-Identifier: Apache-2.0
 * What the OpenCL back end's parts share: the words of an error, and waiting that ends. */
#ifdef SB_HAVE_OPENCL
#include <stdio.h>
#include <time.h>

#include "device/opencl_common.h"

const char *sb_cl_error_name(cl_int e)
{
    static const struct {
        cl_int code;
        const char *name;
    } names[] = {{CL_DEVICE_NOT_FOUND, "CL_DEVICE_NOT_FOUND"},
                 {CL_DEVICE_NOT_AVAILABLE, "CL_DEVICE_NOT_AVAILABLE"},
                 {CL_COMPILER_NOT_AVAILABLE, "CL_COMPILER_NOT_AVAILABLE"},
                 {CL_MEM_OBJECT_ALLOCATION_FAILURE, "CL_MEM_OBJECT_ALLOCATION_FAILURE"},
                 {CL_OUT_OF_RESOURCES, "CL_OUT_OF_RESOURCES"},
                 {CL_OUT_OF_HOST_MEMORY, "CL_OUT_OF_HOST_MEMORY"},
                 {CL_BUILD_PROGRAM_FAILURE, "CL_BUILD_PROGRAM_FAILURE"},
                 {CL_INVALID_VALUE, "CL_INVALID_VALUE"},
                 {CL_INVALID_BUFFER_SIZE, "CL_INVALID_BUFFER_SIZE"},
                 {CL_INVALID_KERNEL_NAME, "CL_INVALID_KERNEL_NAME"},
                 {CL_INVALID_KERNEL_ARGS, "CL_INVALID_KERNEL_ARGS"},
                 {CL_INVALID_ARG_SIZE, "CL_INVALID_ARG_SIZE"},
                 {CL_INVALID_WORK_GROUP_SIZE, "CL_INVALID_WORK_GROUP_SIZE"},
                 {CL_INVALID_COMMAND_QUEUE, "CL_INVALID_COMMAND_QUEUE"},
                 {-1001, "no platform installed"}};
    static _Thread_local char other[32];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == e)
            return names[i].name;
    snprintf(other, sizeof other, "OpenCL error %d", e);
    return other;
}

sb_status sb_cl_fail(sb_error *err, const char *what, cl_int e)
{
    return sb_fail(err, SB_ERR_DEVICE, "device opencl: %s: %s", what, sb_cl_error_name(e));
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* clWaitForEvents knows no timeout: look, and sleep longer the longer it takes. */
sb_status sb_cl_wait(sb_cl *s, cl_event event, const char *what, sb_error *err)
{
    cl_int state = CL_QUEUED, e;
    long sleep = 2000;
    for (uint64_t start = now_ms();;) {
        e = clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
        if (e != CL_SUCCESS || state <= CL_COMPLETE)
            break;
        if (now_ms() - start >= s->timeout) {
            s->lost = true;
            return sb_fail(err, SB_ERR_TIMEOUT, "device opencl: %s: no end within %llu ms", what,
                           (unsigned long long)s->timeout);
        }
        nanosleep(&(struct timespec){.tv_nsec = sleep}, NULL);
        sleep = sleep < 500000 ? sleep * 3 / 2 : sleep;
    }
    clReleaseEvent(event);
    return e != CL_SUCCESS ? sb_cl_fail(err, what, e) : state < 0 ? sb_cl_fail(err, what, state) : SB_OK;
}
#else
typedef int no_opencl;
#endif
