/* SPDX-License-Identifier: Apache-2.0
 * The opencl device: the exact contract in the kernels of kernels/opencl, on any device with an OpenCL 1.2 driver. Its
 * memory is one buffer that grows, so that the addresses in command records are offsets into it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "device/device_internal.h"

#ifdef SB_HAVE_OPENCL
#include "device/opencl_program.h"
#include "device/opencl_run.h"

/* Device number or part of its name, in any case; "" fits all. */
static bool matches(const char *wish, unsigned index, const char *name)
{
    char *end;
    unsigned long n = strtoul(wish, &end, 10);
    if (!*wish || (!*end && n == index))
        return true;
    for (; *name; name++)
        if (!strncasecmp(name, wish, strlen(wish)))
            return true;
    return false;
}

/* False for FPGA cards, which take finished images (device opencl-xrt). */
static bool compiles(cl_device_id id)
{
    cl_bool compiler = CL_FALSE;
    return clGetDeviceInfo(id, CL_DEVICE_COMPILER_AVAILABLE, sizeof compiler, &compiler, NULL) == CL_SUCCESS &&
           compiler;
}

/* The first device that fits, GPUs and accelerators before CPUs; a platform without devices is passed over. */
static sb_status find(const char *platform, const char *device, sb_cl *s, char *platform_name, size_t size,
                      sb_error *err)
{
    static const cl_device_type order[] = {CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_ACCELERATOR, CL_DEVICE_TYPE_ALL};
    cl_platform_id platforms[16];
    cl_uint n = 0;
    cl_int e = clGetPlatformIDs(16, platforms, &n);
    if (e != CL_SUCCESS || !n)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "device opencl: no OpenCL platform (%s); for the CPU: pocl-opencl-icd",
                       sb_cl_error_name(e ? e : -1001));
    for (int pass = 0; pass < 2; pass++) {
        for (cl_uint p = 0; p < n && p < 16; p++) {
            cl_device_id ids[16];
            cl_uint k = 0;
            *platform_name = 0;
            clGetPlatformInfo(platforms[p], CL_PLATFORM_NAME, size, platform_name, NULL);
            if (!matches(platform, p, platform_name) ||
                clGetDeviceIDs(platforms[p], order[pass], 16, ids, &k) != CL_SUCCESS)
                continue;
            for (cl_uint d = 0; d < k && d < 16; d++) {
                clGetDeviceInfo(ids[d], CL_DEVICE_NAME, sizeof s->name, s->name, NULL);
                if (matches(device, d, s->name) && compiles(ids[d])) {
                    s->id = ids[d];
                    return SB_OK;
                }
            }
        }
    }
    return sb_fail(err, SB_ERR_UNSUPPORTED,
                   "device opencl: no device fits platform='%s', device='%s' (%u platform%s; see clinfo)", platform,
                   device, n, n == 1 ? "" : "s");
}

static void opencl_close(sb_device *dev)
{
    sb_cl *s = dev->priv;
    if (!s)
        return;
    dev->priv = NULL;
    if (s->lost) { /* something still runs in these objects and copies to the mirror; releasing them could wait for ever
                    */
        dev->mem = (sb_memory){0};
        return;
    }
    for (int i = 0; i < SB_CL_KERNELS; i++)
        if (s->kernel[i])
            clReleaseKernel(s->kernel[i]);
    cl_mem *const mems[] = {&s->mem, &s->status, &s->scratch};
    for (int i = 0; i < 3; i++)
        if (*mems[i])
            clReleaseMemObject(*mems[i]);
    if (s->program)
        clReleaseProgram(s->program);
    if (s->queue)
        clReleaseCommandQueue(s->queue);
    if (s->context)
        clReleaseContext(s->context);
    free(s);
}

/* The contract's arithmetic: subnormals, infinities, rounding to nearest. */
static sb_status check_arithmetic(const sb_cl *s, sb_error *err)
{
    cl_device_fp_config fp = 0, need = CL_FP_DENORM | CL_FP_INF_NAN | CL_FP_ROUND_TO_NEAREST;
    cl_bool little = CL_FALSE;
    clGetDeviceInfo(s->id, CL_DEVICE_SINGLE_FP_CONFIG, sizeof fp, &fp, NULL);
    clGetDeviceInfo(s->id, CL_DEVICE_ENDIAN_LITTLE, sizeof little, &little, NULL);
    if ((fp & need) != need || !little)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "device opencl: %s lacks %s, which the exact contract needs", s->name,
                       !little             ? "little-endian memory"
                       : fp & CL_FP_DENORM ? "IEEE-754 rounding and infinities"
                                           : "binary32 subnormals");
    return SB_OK;
}

static sb_status opencl_open(sb_device *dev, const char *params, sb_error *err)
{
    char platform[64] = "", device[64] = "", platform_name[128];
    uint64_t width = 0, slices = 0, scratch = 65536;
    sb_cl *s = calloc(1, sizeof *s);
    if (!s)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    dev->priv = s;
    s->timeout = 60000;
    const sb_param p[] = {{"platform", NULL, 0, 0, platform, sizeof platform},
                          {"device", NULL, 0, 0, device, sizeof device},
                          {"timeout", &s->timeout, 1, UINT32_MAX, NULL, 0},
                          {"width", &width, 1, 8, NULL, 0},
                          {"slices", &slices, 1, 32, NULL, 0},
                          {"scratch", &scratch, 1, 1 << 22, NULL, 0}};
    cl_int e = CL_SUCCESS;
    cl_device_type type = 0;
    cl_ulong max_alloc = 0;
    sb_status st = sb_params_parse("opencl", params, p, sizeof p / sizeof *p, err);
    if (!st && width > 1 && width < 8)
        st = sb_fail(err, SB_ERR_ARG, "device opencl: width=%u: expected 1 or 8", (unsigned)width);
    (void)(st || (st = find(platform, device, s, platform_name, sizeof platform_name, err)) ||
           (st = check_arithmetic(s, err)));
    if (!st) {
        clGetDeviceInfo(s->id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
        clGetDeviceInfo(s->id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof s->units, &s->units, NULL);
        clGetDeviceInfo(s->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof max_alloc, &max_alloc, NULL);
        s->max_size = max_alloc;
        /* A CPU has its threads full with the rows alone, and wants its vectors written out. */
        bool cpu = type & CL_DEVICE_TYPE_CPU;
        s->width = width ? (unsigned)width : cpu ? 8 : 1;
        s->scratch_limit = (size_t)scratch << 10;
        s->slices = slices ? (unsigned)slices : cpu ? 1 : 8;
        s->context = clCreateContext(NULL, 1, &s->id, NULL, NULL, &e);
        if (s->context)
            s->queue = clCreateCommandQueue(s->context, s->id, 0, &e);
        if (s->queue)
            s->status = clCreateBuffer(s->context, CL_MEM_READ_WRITE, 64, NULL, &e);
        st = s->status ? sb_cl_build(s, err) : sb_cl_fail(err, s->name, e);
    }
    if (st) {
        opencl_close(dev);
        return st;
    }
    snprintf(dev->describe, sizeof dev->describe, "%.100s, %.100s, %u compute units", platform_name, s->name, s->units);
    return SB_OK;
}

/* Grows by doubling, and copies on the device; what is new holds 0. */
static sb_status opencl_reserve(sb_device *dev, uint64_t end, sb_error *err)
{
    sb_cl *s = dev->priv;
    if (end <= s->size)
        return SB_OK;
    uint64_t size = s->size ? 2 * s->size : 1 << 20;
    while (size < end)
        size *= 2;
    if (size > s->max_size)
        size = s->max_size / 4096 * 4096;
    if (size < end)
        return sb_fail(err, SB_ERR_NOMEM, "device opencl: %s has buffers of at most %llu bytes, %llu are asked for",
                       s->name, (unsigned long long)s->max_size, (unsigned long long)end);
    cl_int e;
    cl_event done;
    const cl_uint zero = 0;
    cl_mem mem = clCreateBuffer(s->context, CL_MEM_READ_WRITE, size, NULL, &e);
    if (!mem)
        return sb_cl_fail(err, "clCreateBuffer", e);
    if (s->mem)
        e = clEnqueueCopyBuffer(s->queue, s->mem, mem, 0, 0, s->size, 0, NULL, NULL);
    if (e == CL_SUCCESS)
        e = clEnqueueFillBuffer(s->queue, mem, &zero, sizeof zero, s->size, size - s->size, 0, NULL, &done);
    if (e != CL_SUCCESS) {
        clReleaseMemObject(mem);
        return sb_cl_fail(err, "growing device memory", e);
    }
    if (s->mem)
        clReleaseMemObject(s->mem);
    s->mem = mem;
    s->size = size;
    return sb_cl_wait(s, done, "growing device memory", err);
}

static sb_status opencl_write(sb_device *dev, uint64_t addr, const void *src, size_t bytes, sb_error *err)
{
    sb_cl *s = dev->priv;
    cl_event done;
    cl_int e = clEnqueueWriteBuffer(s->queue, s->mem, CL_FALSE, addr, bytes, src, 0, NULL, &done);
    return e == CL_SUCCESS ? sb_cl_wait(s, done, "write", err) : sb_cl_fail(err, "write", e);
}

static sb_status opencl_read(sb_device *dev, uint64_t addr, void *dst, size_t bytes, sb_error *err)
{
    sb_cl *s = dev->priv;
    cl_event done;
    cl_int e = clEnqueueReadBuffer(s->queue, s->mem, CL_FALSE, addr, bytes, dst, 0, NULL, &done);
    return e == CL_SUCCESS ? sb_cl_wait(s, done, "read", err) : sb_cl_fail(err, "read", e);
}

static uint64_t opencl_matrix_bytes(const sb_device *dev, const sb_command *c)
{
    (void)dev;
    return sb_lane_bytes(sb_codec_by_id(c->codec), c->rows, c->cols, SB_CL_LANES, 1);
}

static sb_status opencl_load_matrix(sb_device *dev, const sb_matrix *m, uint64_t *addr, sb_error *err)
{
    size_t bytes = sb_lane_bytes(m->codec, m->rows, m->cols, SB_CL_LANES, 1); /* a multiple of 128 */
    uint32_t *words = malloc(bytes);
    sb_status st = words ? sb_device_alloc(dev, bytes, addr, err) : sb_fail(err, SB_ERR_NOMEM, "out of memory");
    if (!st) {
        sb_lane_pack(m, SB_CL_LANES, 1, words);
        st = sb_device_store(dev, *addr, words, bytes, err);
    }
    if (!((sb_cl *)dev->priv)->lost)
        free(words);
    return st;
}
#else
static sb_status opencl_open(sb_device *dev, const char *params, sb_error *err)
{
    (void)dev, (void)params;
    return sb_fail(err, SB_ERR_UNSUPPORTED,
                   "device opencl: built without OpenCL (Debian: ocl-icd-opencl-dev, opencl-headers; for the CPU: "
                   "pocl-opencl-icd)");
}
#endif

const sb_backend sb_backend_opencl = {
    .kind = {"opencl", "the exact integer contract in OpenCL kernels",
             "platform=N|NAME, device=N|NAME, timeout=MS, width=1|8, slices=1..32, scratch=KIB"},
    .exact = true,
    .open = opencl_open,
#ifdef SB_HAVE_OPENCL
    .close = opencl_close,
    .load_matrix = opencl_load_matrix,
    .matrix_bytes = opencl_matrix_bytes,
    .run = sb_cl_run,
    .reserve = opencl_reserve,
    .write = opencl_write,
    .read = opencl_read,
#endif
    .op = {SB_HOST_OPS, SB_EXACT_OPS},
    .on_device = {[SB_OP_NOP] = true, SB_EXACT_ON_DEVICE},
};
