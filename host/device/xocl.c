/* SPDX-License-Identifier: Apache-2.0
 * The opencl-xrt device: the same core on the same card as the xrt device, by the OpenCL that comes with XRT
 * (libxilinxopencl), as older Vitis programs do it. OpenCL cannot read the core's registers: what the core is like is
 * told by the xclbin, and whether a list went well by a command behind it, which runs only if all before it did. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/core_driver.h"
#include "device/pieces.h"
#include "device/xclbin.h"
#include "device/xrt_env.h"

#if defined SB_HAVE_XRT && defined SB_HAVE_OPENCL
#include <limits.h>
#include <time.h>
#include <unistd.h>

#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <CL/cl_ext_xilinx.h>

/* The kernel's arguments (docs/device.md, "As a Vitis kernel"); the command behind a list, of one row of so many
 * columns. */
enum { ARG_COMMANDS, ARG_COUNT, ARG_PORT_STRIDE, ARG_PORT1, SENTINEL_COLS = 8, SENTINEL_DST = 64, SENTINEL_SRC = 128 };

typedef struct {
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    cl_program program;
    cl_kernel kernel;
    __typeof__(xclGetMemObjDeviceAddress) *address_of;
    sb_core core;
    sb_pieces memory;
    cl_mem list; /* of commands, as the core gets them, the sentinel last */
    uint64_t list_address;
    uint32_t list_room;
    sb_command *records; /* list_room of them */
    cl_mem sentinel;     /* its matrix of zeros, then result and vector */
    uint64_t sentinel_address, sentinel_matrix;
    cl_mem port[8];
    uint64_t timeout_ms;
    bool lost; /* a command did not end: nothing may be released any more */
} xocl_device;

static sb_status failed_call(const char *call, cl_int e, sb_error *err)
{
    return sb_fail(err, SB_ERR_DEVICE, "device opencl-xrt: %s fails (OpenCL error %d)", call, e);
}

/* The platform that XRT brings, among those of the ICD loader. */
static sb_status find_platform(xocl_device *x, unsigned index, sb_error *err)
{
    cl_platform_id p[16];
    cl_device_id d[16];
    cl_uint n = 0, devices = 0;
    char name[64];
    if (clGetPlatformIDs(16, p, &n) != CL_SUCCESS)
        n = 0;
    for (cl_uint i = 0; i < n && i < 16; i++) {
        if (clGetPlatformInfo(p[i], CL_PLATFORM_NAME, sizeof name, name, NULL) != CL_SUCCESS || strcmp(name, "Xilinx"))
            continue;
        if (clGetDeviceIDs(p[i], CL_DEVICE_TYPE_ACCELERATOR, 16, d, &devices) != CL_SUCCESS || index >= devices)
            return sb_fail(err, SB_ERR_DEVICE, "device opencl-xrt: XRT finds no card %u (it has %u)", index, devices);
        void *f = clGetExtensionFunctionAddressForPlatform(p[i], "xclGetMemObjDeviceAddress");
        memcpy(&x->address_of, &f, sizeof f); /* POSIX's way from object to function pointer */
        if (!f)
            return sb_fail(err, SB_ERR_UNSUPPORTED, "device opencl-xrt: XRT's OpenCL has no xclGetMemObjDeviceAddress");
        x->id = d[index];
        return SB_OK;
    }
    return sb_fail(err, SB_ERR_UNSUPPORTED,
                   "device opencl-xrt: no OpenCL platform \"Xilinx\" among %u: the loader wants a xilinx.icd that "
                   "names libxilinxopencl.so.2, "
                   "e.g. OCL_ICD_VENDORS=build/sim/xrt/opencl (`make xrt-sim`)",
                   n);
}

/* A buffer in the memory that an argument of the kernel is connected to. The migration makes it resident: of buffers
 * that are not, and are no arguments, the runtime would move the host's copy alone. */
static sb_status new_buffer(xocl_device *x, unsigned arg, size_t bytes, cl_mem *mem, uint64_t *address, sb_error *err)
{
    cl_mem_ext_ptr_t where = {.argidx = arg, .kernel = x->kernel};
    cl_int e;
    *mem = clCreateBuffer(x->context, CL_MEM_READ_WRITE | (uint32_t)CL_MEM_EXT_PTR_XILINX, bytes, &where, &e);
    if (e != CL_SUCCESS)
        *mem = NULL;
    else
        e = clEnqueueMigrateMemObjects(x->queue, 1, mem, 0, 0, NULL, NULL);
    if (e == CL_SUCCESS)
        e = clFinish(x->queue);
    if (e == CL_SUCCESS)
        e = x->address_of(*mem, x->id, sizeof *address, address);
    return e == CL_SUCCESS
               ? SB_OK
               : sb_fail(err, SB_ERR_NOMEM,
                         "device opencl-xrt: no buffer of %zu bytes for argument %u (OpenCL error %d)", bytes, arg, e);
}

static sb_status fill_zero(xocl_device *x, cl_mem mem, size_t bytes, sb_error *err)
{
    void *zero = calloc(1, bytes);
    if (!zero)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    cl_int e = clEnqueueWriteBuffer(x->queue, mem, CL_TRUE, 0, bytes, zero, 0, NULL, NULL);
    free(zero);
    return e == CL_SUCCESS ? SB_OK : failed_call("clEnqueueWriteBuffer", e, err);
}

static sb_status open_kernel(xocl_device *x, const char *xclbin, const char *kernel, sb_error *err)
{
    char path[PATH_MAX];
    uint8_t *data = NULL;
    size_t bytes;
    sb_xclbin_kernel found;
    cl_int e = CL_SUCCESS, loaded = CL_SUCCESS;
    sb_status st = sb_xrt_env_xclbin("device opencl-xrt", xclbin, path, sizeof path, err);
    if (!st)
        st = sb_xclbin_read(path, &data, &bytes, err);
    if (!st)
        st = sb_xclbin_find(path, data, bytes, kernel, &found, err);
    if (!st && (!found.ports || found.ports > 8 || found.bus_bits < 64 || found.bus_bits > 1024))
        st = sb_fail(err, SB_ERR_FORMAT, "%s: its metadata give kernel %s %u AXI masters of %u bits", path, kernel,
                     found.ports, found.bus_bits);
    if (!st && (x->context = clCreateContext(NULL, 1, &x->id, NULL, NULL, &e), e != CL_SUCCESS))
        st = failed_call("clCreateContext", e, err);
    if (!st && (x->queue = clCreateCommandQueue(x->context, x->id, 0, &e), e != CL_SUCCESS))
        st = failed_call("clCreateCommandQueue", e, err);
    if (!st) {
        const unsigned char *binary = data;
        x->program = clCreateProgramWithBinary(x->context, 1, &x->id, &bytes, &binary, &loaded, &e);
        if (e != CL_SUCCESS || loaded != CL_SUCCESS ||
            (e = clBuildProgram(x->program, 0, NULL, NULL, NULL, NULL)) != CL_SUCCESS)
            st = sb_fail(err, SB_ERR_DEVICE, "device opencl-xrt: XRT does not load %s: is it made for this platform?",
                         path);
    }
    free(data);
    if (!st && (x->kernel = clCreateKernel(x->program, kernel, &e), e != CL_SUCCESS))
        st = failed_call("clCreateKernel", e, err);
    if (!st) /* the registers that would say the rest cannot be read: what every core of the default build takes */
        x->core = (sb_core){.lanes = found.bus_bits / 32, .ports = found.ports, .max_batch = 16, .act_capacity = 32768};
    return st;
}

/* What the sentinel reads and writes, and the ports' own arguments. */
static sb_status open_buffers(xocl_device *x, sb_error *err)
{
    x->sentinel_matrix = 4096;
    sb_status st = new_buffer(x, ARG_COMMANDS, 65536, &x->sentinel, &x->sentinel_address, err);
    if (!st)
        st = fill_zero(x, x->sentinel, 65536, err);
    uint64_t none;
    for (unsigned p = 1; p < x->core.ports && !st; p++) {
        st = new_buffer(x, ARG_PORT1 + p - 1, 4096, &x->port[p], &none, err);
        cl_int e = st ? CL_SUCCESS : clSetKernelArg(x->kernel, ARG_PORT1 + p - 1, sizeof x->port[p], &x->port[p]);
        if (e != CL_SUCCESS)
            st = sb_fail(err, SB_ERR_DEVICE, "device opencl-xrt: port %u of the core is connected to no memory", p);
    }
    return st;
}

static void xocl_close(sb_device *dev)
{
    xocl_device *x = dev->priv;
    if (!x)
        return;
    if (!x->lost) { /* the runtime would wait for what does not end */
        for (unsigned p = 0; p < 8; p++)
            if (x->port[p])
                clReleaseMemObject(x->port[p]);
        for (size_t i = 0; i < x->memory.n; i++)
            clReleaseMemObject(x->memory.piece[i].buffer);
        if (x->list)
            clReleaseMemObject(x->list);
        if (x->sentinel)
            clReleaseMemObject(x->sentinel);
        if (x->kernel)
            clReleaseKernel(x->kernel);
        if (x->program)
            clReleaseProgram(x->program);
        if (x->queue)
            clReleaseCommandQueue(x->queue);
        if (x->context)
            clReleaseContext(x->context);
    }
    free(x->memory.piece);
    free(x->records);
    free(x);
    dev->priv = NULL;
}

static sb_status xocl_open(sb_device *dev, const char *params, sb_error *err)
{
    xocl_device *x = calloc(1, sizeof *x);
    if (!x)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    dev->priv = x;
    char xclbin[PATH_MAX] = "", kernel[64] = "seedbed_kernel";
    uint64_t index = 0, chunk = 16384, batch = 16;
    sb_xrt_mode mode;
    x->timeout_ms = 60000;
    const sb_param p[] = {
        {"xclbin", NULL, 0, 0, xclbin, sizeof xclbin}, {"device", &index, 0, 255, NULL, 0},
        {"kernel", NULL, 0, 0, kernel, sizeof kernel}, {"timeout", &x->timeout_ms, 1, UINT32_MAX, NULL, 0},
        {"chunk", &chunk, 4, 1 << 22, NULL, 0},        {"batch", &batch, 1, 16, NULL, 0}};
    sb_status st = sb_params_parse("opencl-xrt", params, p, sizeof p / sizeof *p, err);
    if (!st)
        st = sb_xrt_env_check("device opencl-xrt", &mode, err);
    if (!st && mode == SB_XRT_NOOP)
        st = sb_fail(err, SB_ERR_UNSUPPORTED, "device opencl-xrt: XCL_EMULATION_MODE=noop computes nothing");
    if (!st)
        st = find_platform(x, (unsigned)index, err);
    x->memory.chunk = chunk / 4 * 4096;
    if (!st)
        st = open_kernel(x, xclbin, kernel, err);
    x->core.max_batch = (uint32_t)batch;
    if (!st)
        st = open_buffers(x, err);
    if (st) {
        xocl_close(dev);
        return st;
    }
    dev->counters.bus_bytes = x->core.lanes * 4;
    dev->counters.ports = x->core.ports;
    snprintf(dev->describe, sizeof dev->describe, "%s %u through OpenCL, %u lanes, %u x %u-bit bus, no counters",
             mode == SB_XRT_BOARD ? "card" : "simulated card", (unsigned)index, x->core.ports * x->core.lanes,
             x->core.ports, sb_core_bus_bits(&x->core));
    return SB_OK;
}

/* --- memory
 * ------------------------------------------------------------------------------------------------------------ */

static sb_status new_piece(sb_device *dev, sb_piece *piece, sb_error *err)
{
    xocl_device *x = dev->priv;
    cl_mem mem;
    sb_status st = new_buffer(x, ARG_COMMANDS, piece->bytes, &mem, &piece->address, err);
    if (!st)
        st = fill_zero(x, mem, piece->bytes, err);
    if (st && mem)
        clReleaseMemObject(mem);
    piece->buffer = mem;
    return st;
}

static sb_status xocl_reserve(sb_device *dev, uint64_t end, sb_error *err)
{
    return sb_pieces_reserve(&((xocl_device *)dev->priv)->memory, dev, end, new_piece, err);
}

static uint64_t xocl_fit(const sb_device *dev, uint64_t at, uint64_t bytes)
{
    return sb_pieces_fit(&((const xocl_device *)dev->priv)->memory, at, bytes);
}

static sb_status move(sb_device *dev, uint64_t addr, void *host, size_t bytes, bool to_device, sb_error *err)
{
    xocl_device *x = dev->priv;
    if (x->lost)
        return sb_fail(err, SB_ERR_DEVICE, "opencl-xrt: an earlier command did not end: open the device again");
    for (uint8_t *p = host; bytes;) {
        const sb_piece *at = sb_pieces_find(&x->memory, addr, 1);
        size_t offset = at ? addr - at->start : 0, n = at && bytes > at->bytes - offset ? at->bytes - offset : bytes;
        cl_int e = !at         ? CL_INVALID_MEM_OBJECT
                   : to_device ? clEnqueueWriteBuffer(x->queue, at->buffer, CL_TRUE, offset, n, p, 0, NULL, NULL)
                               : clEnqueueReadBuffer(x->queue, at->buffer, CL_TRUE, offset, n, p, 0, NULL, NULL);
        if (e != CL_SUCCESS)
            return failed_call(to_device ? "clEnqueueWriteBuffer" : "clEnqueueReadBuffer", e, err);
        addr += n;
        p += n;
        bytes -= n;
    }
    return SB_OK;
}

static sb_status xocl_write(sb_device *dev, uint64_t addr, const void *src, size_t bytes, sb_error *err)
{
    return move(dev, addr, (void *)(uintptr_t)src, bytes, true, err);
}

static sb_status xocl_read(sb_device *dev, uint64_t addr, void *dst, size_t bytes, sb_error *err)
{
    return move(dev, addr, dst, bytes, false, err);
}

static sb_status xocl_load_matrix(sb_device *dev, const sb_matrix *m, uint64_t *addr, sb_error *err)
{
    return sb_core_load_matrix(&((const xocl_device *)dev->priv)->core, dev, m, addr, err);
}

static uint64_t xocl_matrix_bytes(const sb_device *dev, const sb_command *c)
{
    return sb_core_matrix_bytes(&((const xocl_device *)dev->priv)->core, c);
}

/* --- running
 * ----------------------------------------------------------------------------------------------------------- */

static sb_status make_room(xocl_device *x, uint32_t m, sb_error *err)
{
    if (m <= x->list_room)
        return SB_OK;
    uint32_t room = m > 1024 ? m : 1024;
    sb_command *records = realloc(x->records, room * sizeof *records);
    if (!records)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    x->records = records;
    if (x->list)
        clReleaseMemObject(x->list);
    sb_status st = new_buffer(x, ARG_COMMANDS, room * sizeof *records, &x->list, &x->list_address, err);
    x->list_room = st ? 0 : room;
    return st;
}

/* A product with a vector of zeros: it turns the ones of its result into zeros, if it is reached. */
static sb_command sentinel(const xocl_device *x, uint8_t codec)
{
    return (sb_command){.op = SB_OP_MATVEC,
                        .codec = codec,
                        .batch = 1,
                        .rows = 1,
                        .cols = SENTINEL_COLS,
                        .weights = x->sentinel_address + x->sentinel_matrix,
                        .src = x->sentinel_address + 2 * SENTINEL_SRC,
                        .dst = x->sentinel_address};
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* XRT's destructors wait for every command, also for one that will never end: leave before them. */
static void leave(int status, void *unused)
{
    (void)unused;
    fflush(NULL);
    _exit(status);
}

/* The first m records and the sentinel; *done: it was reached. */
static sb_status run_records(xocl_device *x, uint32_t m, bool *done, sb_error *err)
{
    static const uint64_t ones = UINT64_MAX;
    uint64_t result = ones;
    cl_ulong stride = 0;
    cl_uint count = m + 1;
    cl_event event = NULL;
    sb_command kept = x->records[m];
    x->records[m] = sentinel(x, x->records[0].codec);
    cl_int e = clEnqueueWriteBuffer(x->queue, x->sentinel, CL_TRUE, 0, sizeof ones, &ones, 0, NULL, NULL);
    if (e == CL_SUCCESS)
        e = clEnqueueWriteBuffer(x->queue, x->list, CL_TRUE, 0, count * sizeof(sb_command), x->records, 0, NULL, NULL);
    x->records[m] = kept;
    if (e == CL_SUCCESS)
        e = clSetKernelArg(x->kernel, ARG_COMMANDS, sizeof x->list, &x->list);
    if (e == CL_SUCCESS)
        e = clSetKernelArg(x->kernel, ARG_COUNT, sizeof count, &count);
    if (e == CL_SUCCESS)
        e = clSetKernelArg(x->kernel, ARG_PORT_STRIDE, sizeof stride, &stride);
    if (e == CL_SUCCESS)
        e = clEnqueueTask(x->queue, x->kernel, 0, NULL, &event);
    if (e != CL_SUCCESS)
        return failed_call("starting the core", e, err);
    cl_int state = CL_QUEUED; /* submitted as it is: XRT's clFlush waits for the end */
    for (double end = now() + 1e-3 * (double)x->timeout_ms; state > CL_COMPLETE; nap()) {
        e = clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
        if (e != CL_SUCCESS || (state > CL_COMPLETE && now() > end)) {
            x->lost = true;
            on_exit(leave, NULL);
            return sb_fail(err, SB_ERR_TIMEOUT,
                           "opencl-xrt: %u commands did not end within %llu ms; OpenCL cannot read where the core "
                           "stands: device xrt can",
                           m, (unsigned long long)x->timeout_ms);
        }
    }
    clReleaseEvent(event);
    if (state < 0)
        return sb_fail(err, SB_ERR_DEVICE, "opencl-xrt: XRT ends the command with OpenCL error %d", state);
    e = clEnqueueReadBuffer(x->queue, x->sentinel, CL_TRUE, 0, sizeof result, &result, 0, NULL, NULL);
    if (e != CL_SUCCESS)
        return failed_call("clEnqueueReadBuffer", e, err);
    *done = result == 0;
    return SB_OK;
}

static sb_status xocl_run(sb_device *dev, uint64_t addr, uint32_t n, uint32_t *failed, sb_error *err)
{
    xocl_device *x = dev->priv;
    const sb_command *c = sb_ptr(dev, addr);
    uint32_t m = sb_core_split_count(&x->core, c, n), part = 0;
    if (x->lost)
        return sb_fail(err, SB_ERR_DEVICE, "opencl-xrt: an earlier command did not end: open the device again");
    sb_status st = make_room(x, m + 1, err);
    if (st)
        return st;
    sb_core_split(&x->core, c, n, x->records);
    st = sb_pieces_translate(&x->memory, dev, x->records, m, &part, err);
    bool done = false;
    if (!st)
        st = run_records(x, m, &done, err);
    if (st || done) {
        *failed = sb_core_split_source(&x->core, c, n, part);
        return st;
    }
    /* Which one: the first of the beginnings of the list that is not done. A product may be computed again. */
    for (part = 0, done = true; part + 1 < m && done && !st; part += done)
        st = run_records(x, part + 1, &done, err);
    *failed = sb_core_split_source(&x->core, c, n, part);
    return st ? st
              : sb_fail(
                    err, SB_ERR_DEVICE,
                    "opencl-xrt: the core refuses it, or its memory failed; OpenCL cannot read why: device xrt can");
}
#else /* built without one of the two */

static sb_status xocl_open(sb_device *dev, const char *params, sb_error *err)
{
    (void)dev, (void)params;
    return sb_fail(err, SB_ERR_UNSUPPORTED,
                   "device opencl-xrt: this program was built without XRT and OpenCL: install libxrt-dev, uuid-dev and "
                   "ocl-icd-opencl-dev, and "
                   "make it again");
}
#endif

const sb_backend sb_backend_xocl = {
    .kind = {"opencl-xrt",
             "the same card through the OpenCL that XRT brings: no registers, so no counters and no reasons",
             "xclbin=FILE, device=N, kernel=NAME, timeout=MS, chunk=KIB, batch=1..16"},
    .exact = true,
    .open = xocl_open,
    .op = {SB_HOST_OPS, SB_EXACT_OPS},
    .on_device = {[SB_OP_MATVEC] = true},
#if defined SB_HAVE_XRT && defined SB_HAVE_OPENCL
    .close = xocl_close,
    .load_matrix = xocl_load_matrix,
    .matrix_bytes = xocl_matrix_bytes,
    .run = xocl_run,
    .reserve = xocl_reserve,
    .fit = xocl_fit,
    .write = xocl_write,
    .read = xocl_read,
#endif
};
