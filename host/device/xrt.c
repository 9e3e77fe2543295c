/* SPDX-License-Identifier: Apache-2.0
 * The xrt device: the core as a Vitis RTL kernel on a card, through XRT's native C API; without a card on the simulated
 * one (docs/xrt.md). XRT is loaded when a device is opened, so the program runs where there is none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/core_driver.h"
#include "device/pieces.h"
#include "device/xclbin.h"
#include "device/xrt_env.h"

#ifdef SB_HAVE_XRT
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>

#include "xrt/xrt_bo.h"
#include "xrt/xrt_device.h"
#include "xrt/xrt_kernel.h"

/* What is used of libxrt_coreutil; the prototypes are its headers'. */
#define XRT_CALLS(X)                                                                                                   \
    X(xrtDeviceOpen)                                                                                                   \
    X(xrtDeviceClose)                                                                                                  \
    X(xrtDeviceLoadXclbin)                                                                                             \
    X(xrtDeviceGetXclbinUUID)                                                                                          \
    X(xrtPLKernelOpenExclusive)                                                                                        \
    X(xrtKernelClose)                                                                                                  \
    X(xrtKernelArgGroupId)                                                                                             \
    X(xrtKernelArgOffset)                                                                                              \
    X(xrtKernelReadRegister)                                                                                           \
    X(xrtRunOpen)                                                                                                      \
    X(xrtRunSetArg)                                                                                                    \
    X(xrtRunStart)                                                                                                     \
    X(xrtRunWaitFor)                                                                                                   \
    X(xrtRunClose)                                                                                                     \
    X(xrtBOAlloc)                                                                                                      \
    X(xrtBOFree)                                                                                                       \
    X(xrtBOAddress)                                                                                                    \
    X(xrtBOMap)                                                                                                        \
    X(xrtBOSync)

/* The kernel's arguments (docs/device.md, "As a Vitis kernel"). */
enum { ARG_COMMANDS, ARG_COUNT, ARG_PORT_STRIDE, ARG_PORT1, SLICE_MS = 200 };

typedef struct {
    void *lib;
#define MEMBER(f) __typeof__(f) *f;
    XRT_CALLS(MEMBER)
#undef MEMBER
    sb_xrt_mode mode;
    xrtDeviceHandle device;
    xrtKernelHandle kernel;
    xrtRunHandle run;
    int group;
    sb_core core;
    sb_pieces memory;
    uint64_t stride; /* 0, or from one port's part of a matrix to the next; then the parts' memory groups: */
    xrtMemoryGroup part_group[8];
    uint64_t slice;       /* of the matrix that is being loaded, else 0 */
    xrtBufferHandle list; /* of commands, as the core gets them */
    uint32_t list_room;
    xrtBufferHandle port[8]; /* what the ports' own arguments point to */
    uint64_t timeout_ms;
    bool lost; /* a command did not end: nothing may be asked of the core any more */
} xrt_device;

static sb_status load_library(xrt_device *x, sb_error *err)
{
    char path[PATH_MAX];
    const char *root = getenv("XILINX_XRT");
    snprintf(path, sizeof path, "%s/lib/libxrt_coreutil.so.2", root);
    x->lib = dlopen(access(path, R_OK) ? "libxrt_coreutil.so.2" : path, RTLD_NOW | RTLD_GLOBAL);
    if (!x->lib)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "device xrt: XRT is not installed: %s", dlerror());
#define FIND(f)                                                                                                        \
    {                                                                                                                  \
        void *symbol = dlsym(x->lib, #f);                                                                              \
        memcpy(&x->f, &symbol, sizeof symbol); /* POSIX's way from object to function pointer */                       \
        if (!symbol)                                                                                                   \
            return sb_fail(err, SB_ERR_UNSUPPORTED,                                                                    \
                           "device xrt: libxrt_coreutil.so.2 has no " #f ": XRT 2.13 or later is wanted");             \
    }
    XRT_CALLS(FIND)
#undef FIND
    return SB_OK;
}

static int read_register(void *ctx, uint32_t offset, uint32_t *value)
{
    const xrt_device *x = ctx;
    return x->xrtKernelReadRegister(x->kernel, offset, value) ? -1 : 0;
}

static sb_status open_kernel(xrt_device *x, unsigned index, const char *xclbin, const char *kernel,
                             sb_xclbin_kernel *found, sb_error *err)
{
    uint8_t *data = NULL;
    size_t bytes;
    char name[160], path[PATH_MAX];
    xuid_t id;
    sb_status st = sb_xrt_env_xclbin("device xrt", xclbin, path, sizeof path, err);
    if (!st)
        st = sb_xclbin_read(path, &data, &bytes, err);
    if (!st)
        st = sb_xclbin_find(path, data, bytes, kernel, found, err);
    if (!st && !(x->device = x->xrtDeviceOpen(index)))
        st = sb_fail(err, SB_ERR_DEVICE, "device xrt: XRT finds no card %u (%s)", index,
                     x->mode == SB_XRT_BOARD ? "is its driver loaded?" : sb_xrt_mode_name(x->mode));
    if (!st && x->xrtDeviceLoadXclbin(x->device, (const struct axlf *)data))
        st = sb_fail(err, SB_ERR_DEVICE, "device xrt: XRT does not load %s into card %u: is it made for this platform?",
                     path, index);
    free(data);
    if (st)
        return st;
    snprintf(name, sizeof name, "%.60s:{%.60s}", kernel, found->cu);
    if (x->xrtDeviceGetXclbinUUID(x->device, id) || !(x->kernel = x->xrtPLKernelOpenExclusive(x->device, id, name)))
        return sb_fail(err, SB_ERR_DEVICE,
                       "device xrt: XRT does not open compute unit %s for this process alone: another may hold it",
                       found->cu);
    x->core = (sb_core){.lanes = found->bus_bits / 32, .ports = found->ports, .max_batch = 16, .act_capacity = 32768};
    if (x->xrtKernelArgOffset(x->kernel, ARG_COMMANDS) != SB_REG_CMD_ADDR ||
        x->xrtKernelArgOffset(x->kernel, ARG_COUNT) != SB_REG_CMD_COUNT ||
        x->xrtKernelArgOffset(x->kernel, ARG_PORT_STRIDE) != SB_REG_PORT_STRIDE)
        return sb_fail(err, SB_ERR_DEVICE, "device xrt: %s: kernel %s has other arguments than docs/device.md says",
                       path, kernel);
    x->group = x->xrtKernelArgGroupId(x->kernel, ARG_COMMANDS);
    if (x->group < 0 || !(x->run = x->xrtRunOpen(x->kernel)))
        return sb_fail(err, SB_ERR_DEVICE, "device xrt: %s: kernel %s is connected to no memory", path, kernel);
    return SB_OK;
}

/* Part p of a matrix goes into the bank that is p strides above the first argument's; all else into the one after that,
 * so that every bank of parts has the same allocations and thus the same offsets. */
static sb_status choose_banks(xrt_device *x, const sb_xclbin_kernel *k, sb_error *err)
{
    xrtBufferHandle probe = x->xrtBOAlloc(x->device, 4096, XRT_BO_FLAGS_NONE, (xrtMemoryGroup)x->group);
    uint64_t at = probe ? x->xrtBOAddress(probe) : 0;
    if (probe)
        x->xrtBOFree(probe);
    unsigned first = 0, home;
    while (first < k->banks && (at < k->bank[first].base || at - k->bank[first].base >= k->bank[first].bytes))
        first++;
    home = first + 1;
    for (unsigned p = 0; p < x->core.ports && first < k->banks; p++) {
        unsigned b = 0;
        while (b < k->banks && (!k->bank[b].bytes || k->bank[b].base != k->bank[first].base + p * x->stride))
            b++;
        if (b == k->banks || b == home)
            first = k->banks;
        x->part_group[p] = b;
    }
    if (!probe || first >= k->banks || home >= k->banks || !k->bank[home].bytes)
        return sb_fail(err, SB_ERR_ARG,
                       "device xrt: stride=%llu: of the card's %u banks none begins so many MiB above that of the port "
                       "before, or none is left over",
                       (unsigned long long)(x->stride >> 20), k->banks);
    x->group = (int)home;
    return SB_OK;
}

/* The ports after the first have an argument each, so that the linker can join them to a bank; the core does not look
 * at it. */
static sb_status join_ports(xrt_device *x, sb_error *err)
{
    for (unsigned p = 1; p < x->core.ports; p++) {
        int arg = (int)(ARG_PORT1 + p - 1), group = x->xrtKernelArgGroupId(x->kernel, arg);
        x->port[p] = group < 0 ? NULL : x->xrtBOAlloc(x->device, 4096, XRT_BO_FLAGS_NONE, (xrtMemoryGroup)group);
        if (!x->port[p] || x->xrtRunSetArg(x->run, arg, x->port[p]))
            return sb_fail(err, SB_ERR_DEVICE, "device xrt: port %u of the core is connected to no memory", p);
    }
    return SB_OK;
}

static void free_piece(xrt_device *x, sb_piece *piece);

static void xrt_close(sb_device *dev)
{
    xrt_device *x = dev->priv;
    if (!x)
        return;
    if (x->run)
        x->xrtRunClose(x->run);
    for (unsigned p = 0; p < 8; p++)
        if (x->port[p])
            x->xrtBOFree(x->port[p]);
    if (x->list)
        x->xrtBOFree(x->list);
    for (size_t i = 0; i < x->memory.n; i++)
        free_piece(x, &x->memory.piece[i]);
    if (x->kernel)
        x->xrtKernelClose(x->kernel);
    if (x->device)
        x->xrtDeviceClose(x->device);
    free(x->memory.piece);
    free(x); /* the library stays: XRT has threads and tables of its own */
    dev->priv = NULL;
}

static sb_status xrt_open(sb_device *dev, const char *params, sb_error *err)
{
    xrt_device *x = calloc(1, sizeof *x);
    if (!x)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    dev->priv = x;
    char xclbin[PATH_MAX] = "", kernel[64] = "seedbed_kernel";
    uint64_t index = 0, chunk = 16384, noop = 0, stride = 0;
    sb_xclbin_kernel found;
    x->timeout_ms = 10000;
    const sb_param p[] = {
        {"xclbin", NULL, 0, 0, xclbin, sizeof xclbin}, {"device", &index, 0, 255, NULL, 0},
        {"kernel", NULL, 0, 0, kernel, sizeof kernel}, {"timeout", &x->timeout_ms, 1, UINT32_MAX, NULL, 0},
        {"chunk", &chunk, 4, 1 << 22, NULL, 0},        {"noop", &noop, 0, 1, NULL, 0},
        {"stride", &stride, 0, 1 << 20, NULL, 0}};
    sb_status st = sb_params_parse("xrt", params, p, sizeof p / sizeof *p, err);
    if (!st)
        st = sb_xrt_env_check("device xrt", &x->mode, err);
    if (!st && (x->mode == SB_XRT_NOOP) != (noop == 1))
        st = sb_fail(err, SB_ERR_ARG,
                     x->mode == SB_XRT_NOOP
                         ? "device xrt: XCL_EMULATION_MODE=noop computes nothing: xrt:noop=1 if the host's side "
                           "alone is to run"
                         : "device xrt: noop=1 needs XCL_EMULATION_MODE=noop");
    if (!st)
        st = load_library(x, err);
    if (!st)
        st = open_kernel(x, (unsigned)index, xclbin, kernel, &found, err);
    x->memory.chunk = chunk / 4 * 4096;
    if (!st && !noop) /* noop has no registers to read: the xclbin's word stands */
        st = sb_core_probe(&x->core, "device xrt", read_register, x, err);
    if (!st && stride && x->core.ports > 1) {
        x->stride = stride << 20;
        st = choose_banks(x, &found, err);
    }
    if (!st)
        st = join_ports(x, err);
    if (st) {
        xrt_close(dev);
        return st;
    }
    sb_core_restrict(&x->core, dev);
    dev->counters.bus_bytes = x->core.lanes * 4;
    dev->counters.ports = x->core.ports;
    snprintf(dev->describe, sizeof dev->describe, "%s %u, %u lanes, %u x %u-bit bus%s%s",
             x->mode == SB_XRT_BOARD ? "card" : "simulated card", (unsigned)index, x->core.ports * x->core.lanes,
             x->core.ports, sb_core_bus_bits(&x->core),
             x->core.units & (SB_UNIT_SIGMOID | SB_UNIT_SOFTMAX) ? ", attention unit" : "",
             noop ? ", noop: nothing is computed, registers cannot be read" : "");
    return SB_OK;
}

/* --- memory
 * ------------------------------------------------------------------------------------------------------------ */

/* A zeroed buffer, or NULL. */
static xrtBufferHandle new_buffer(xrt_device *x, size_t bytes, xrtMemoryGroup group)
{
    xrtBufferHandle b = x->xrtBOAlloc(x->device, bytes, XRT_BO_FLAGS_NONE, group);
    void *host = b ? x->xrtBOMap(b) : NULL;
    if (host)
        memset(host, 0, bytes);
    if (host && !x->xrtBOSync(b, XCL_BO_SYNC_BO_TO_DEVICE, bytes, 0))
        return b;
    if (b)
        x->xrtBOFree(b);
    return NULL;
}

static void free_piece(xrt_device *x, sb_piece *piece)
{
    xrtBufferHandle *part = piece->buffer;
    for (unsigned p = 0; piece->slice && p < x->core.ports; p++)
        if (part[p])
            x->xrtBOFree(part[p]);
    if (piece->slice)
        free(part);
    else
        x->xrtBOFree(piece->buffer);
}

/* A matrix whose parts lie in a bank a port. */
static sb_status new_parts(xrt_device *x, sb_piece *piece, sb_error *err)
{
    xrtBufferHandle *part = calloc(8, sizeof *part);
    if (!part)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    piece->buffer = part;
    piece->slice = x->slice;
    sb_status st = SB_OK;
    for (unsigned p = 0; p < x->core.ports && !st; p++) {
        part[p] = new_buffer(x, x->slice, x->part_group[p]);
        if (!part[p])
            st = sb_fail(err, SB_ERR_NOMEM, "device xrt: no buffer of %llu bytes in memory bank %u",
                         (unsigned long long)x->slice, x->part_group[p]);
        else if (x->xrtBOAddress(part[p]) != x->xrtBOAddress(part[0]) + p * x->stride)
            st = sb_fail(err, SB_ERR_DEVICE,
                         "device xrt: part %u of a matrix is at 0x%llx, not %llu MiB above the first at 0x%llx", p,
                         (unsigned long long)x->xrtBOAddress(part[p]), (unsigned long long)(p * x->stride >> 20),
                         (unsigned long long)x->xrtBOAddress(part[0]));
    }
    if (st)
        free_piece(x, piece);
    else
        piece->address = x->xrtBOAddress(part[0]);
    return st;
}

static sb_status new_piece(sb_device *dev, sb_piece *piece, sb_error *err)
{
    xrt_device *x = dev->priv;
    if (x->slice)
        return new_parts(x, piece, err);
    piece->buffer = new_buffer(x, piece->bytes, (xrtMemoryGroup)x->group);
    if (!piece->buffer)
        return sb_fail(err, SB_ERR_NOMEM, "device xrt: no buffer of %llu bytes in memory group %d, after %llu bytes",
                       (unsigned long long)piece->bytes, x->group, (unsigned long long)piece->start);
    piece->address = x->xrtBOAddress(piece->buffer);
    return SB_OK;
}

static sb_status xrt_reserve(sb_device *dev, uint64_t end, sb_error *err)
{
    return sb_pieces_reserve(&((xrt_device *)dev->priv)->memory, dev, end, new_piece, err);
}

static uint64_t xrt_fit(const sb_device *dev, uint64_t at, uint64_t bytes)
{
    const xrt_device *x = dev->priv;
    return sb_pieces_fit(&x->memory, at,
                         x->slice ? UINT64_MAX : bytes); /* a matrix in parts begins a piece of its own */
}

/* A range of the mirror may run through several pieces. */
static sb_status move(sb_device *dev, uint64_t addr, void *host, size_t bytes, bool to_device, sb_error *err)
{
    xrt_device *x = dev->priv;
    for (uint8_t *p = host; bytes;) {
        const sb_piece *at = sb_pieces_find(&x->memory, addr, 1);
        size_t offset = at ? addr - at->start : 0, room = at ? at->bytes - offset : 0;
        xrtBufferHandle buffer = at ? at->buffer : NULL;
        if (at && at->slice) {
            buffer = ((xrtBufferHandle *)at->buffer)[offset / at->slice];
            offset %= at->slice;
            room = at->slice - offset;
        }
        size_t n = bytes < room ? bytes : room;
        uint8_t *map = buffer ? x->xrtBOMap(buffer) : NULL;
        if (map && to_device)
            memcpy(map + offset, p, n);
        if (!map || x->xrtBOSync(buffer, to_device ? XCL_BO_SYNC_BO_TO_DEVICE : XCL_BO_SYNC_BO_FROM_DEVICE, n, offset))
            return sb_fail(err, SB_ERR_DEVICE, "device xrt: moving %zu bytes %s 0x%llx failed", n,
                           to_device ? "to" : "from", (unsigned long long)addr);
        if (!to_device)
            memcpy(p, map + offset, n);
        addr += n;
        p += n;
        bytes -= n;
    }
    return SB_OK;
}

static sb_status xrt_write(sb_device *dev, uint64_t addr, const void *src, size_t bytes, sb_error *err)
{
    return move(dev, addr, (void *)(uintptr_t)src, bytes, true, err);
}

static sb_status xrt_read(sb_device *dev, uint64_t addr, void *dst, size_t bytes, sb_error *err)
{
    return move(dev, addr, dst, bytes, false, err);
}

static sb_status xrt_load_matrix(sb_device *dev, const sb_matrix *m, uint64_t *addr, sb_error *err)
{
    xrt_device *x = dev->priv;
    uint64_t chunk = x->memory.chunk;
    if (x->stride) {
        x->slice = sb_lane_slice(m->codec, m->rows, m->cols, x->core.lanes, x->core.ports);
        x->memory.chunk = 4096;
    }
    sb_status st = sb_core_load_matrix(&x->core, dev, m, addr, err);
    x->slice = 0;
    x->memory.chunk = chunk;
    return st;
}

static bool xrt_takes(const sb_device *dev, const sb_command *c)
{
    return sb_core_takes(&((const xrt_device *)dev->priv)->core, c);
}

static uint64_t xrt_matrix_bytes(const sb_device *dev, const sb_command *c)
{
    return sb_core_matrix_bytes(&((const xrt_device *)dev->priv)->core, c);
}

/* --- running
 * ----------------------------------------------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The list in the core's form, in a buffer of its own. */
static sb_status put_list(sb_device *dev, const sb_command *c, uint32_t n, uint32_t m, uint32_t *failed, sb_error *err)
{
    xrt_device *x = dev->priv;
    if (m > x->list_room) {
        if (x->list)
            x->xrtBOFree(x->list);
        uint32_t room = m > 1024 ? m : 1024;
        x->list = x->xrtBOAlloc(x->device, room * sizeof *c, XRT_BO_FLAGS_NONE, (xrtMemoryGroup)x->group);
        x->list_room = x->list ? room : 0;
    }
    sb_command *out = x->list ? x->xrtBOMap(x->list) : NULL;
    if (!out)
        return sb_fail(err, SB_ERR_NOMEM, "device xrt: no buffer for a list of %u commands", m);
    sb_core_split(&x->core, c, n, out);
    uint32_t part = 0;
    sb_status st = sb_pieces_translate(&x->memory, dev, out, m, &part, err);
    if (st) {
        *failed = sb_core_split_source(&x->core, c, n, part);
        return st;
    }
    if (x->xrtBOSync(x->list, XCL_BO_SYNC_BO_TO_DEVICE, m * sizeof *c, 0) ||
        x->xrtRunSetArg(x->run, ARG_COMMANDS, x->list) || x->xrtRunSetArg(x->run, ARG_COUNT, m) ||
        x->xrtRunSetArg(x->run, ARG_PORT_STRIDE, x->stride))
        return sb_fail(err, SB_ERR_DEVICE, "device xrt: XRT refuses the list of %u commands", m);
    return SB_OK;
}

/* What changes as long as the core gets on: beats and commands. False if it cannot be read. */
static bool progress(xrt_device *x, uint64_t seen[3], uint64_t *cycles, bool *moved)
{
    uint64_t k[SB_CORE_COUNTERS];
    if (x->mode == SB_XRT_NOOP || sb_core_read_counters(read_register, x, k))
        return false;
    *moved = memcmp(seen, &k[8], 3 * sizeof *seen) != 0;
    memcpy(seen, &k[8], 3 * sizeof *seen);
    *cycles = k[0];
    return true;
}

/* Waits as long as the core gets on, and timeout_ms after it last did. (XRT says TIMEOUT when a wait of its own is
 * over.) */
static sb_status wait_for_end(xrt_device *x, uint64_t limit, sb_error *err)
{
    uint64_t last = now_ms(), cycles = 0, seen[3] = {0};
    for (;;) {
        uint64_t slice = x->timeout_ms < SLICE_MS ? x->timeout_ms : SLICE_MS;
        enum ert_cmd_state state = x->xrtRunWaitFor(x->run, (unsigned)slice);
        if (state == ERT_CMD_STATE_COMPLETED)
            return SB_OK;
        if (state == ERT_CMD_STATE_ERROR || state == ERT_CMD_STATE_ABORT || state > ERT_CMD_STATE_TIMEOUT) {
            x->lost = true;
            return sb_fail(err, SB_ERR_DEVICE, "xrt: XRT ends the command in state %d", state);
        }
        bool moved = false;
        progress(x, seen, &cycles, &moved);
        if (moved)
            last = now_ms();
        if (cycles < limit && now_ms() - last < x->timeout_ms)
            continue;
        char said[1500] = "registers cannot be read";
        if (x->mode != SB_XRT_NOOP)
            sb_core_diagnose(read_register, x, said, sizeof said);
        x->lost = true;
        if (cycles >= limit)
            return sb_fail(err, SB_ERR_TIMEOUT, "xrt: still busy after %llu cycles: %s", (unsigned long long)cycles,
                           said);
        return sb_fail(err, SB_ERR_TIMEOUT, "xrt: no progress for %llu ms: %s", (unsigned long long)x->timeout_ms,
                       said);
    }
}

static sb_status xrt_run(sb_device *dev, uint64_t addr, uint32_t n, uint32_t *failed, sb_error *err)
{
    xrt_device *x = dev->priv;
    const sb_command *c = sb_ptr(dev, addr);
    uint32_t m = sb_core_split_count(&x->core, c, n), error = 0, index = 0;
    uint64_t counter[SB_CORE_COUNTERS];
    if (x->lost)
        return sb_fail(err, SB_ERR_DEVICE, "xrt: an earlier command did not end: open the device again");
    sb_status st = put_list(dev, c, n, m, failed, err);
    if (st)
        return st;
    if (x->xrtRunStart(x->run))
        return sb_fail(err, SB_ERR_DEVICE, "xrt: XRT does not start the core");
    st = wait_for_end(x, sb_core_cycle_limit(&x->core, c, n), err);
    if (x->mode == SB_XRT_NOOP)
        return st;
    if (st) {
        if (!read_register(x, SB_REG_CUR_INDEX, &index))
            *failed = sb_core_split_source(&x->core, c, n, index);
        return st;
    }
    if (read_register(x, SB_REG_ERROR, &error) || read_register(x, SB_REG_ERROR_INDEX, &index) ||
        sb_core_read_counters(read_register, x, counter))
        return sb_fail(err, SB_ERR_DEVICE, "xrt: the core's registers do not answer");
    sb_core_count(dev, counter);
    if (!error)
        return SB_OK;
    *failed = sb_core_split_source(&x->core, c, n, index);
    return sb_fail(err, SB_ERR_DEVICE, "xrt: %s (error %u)", sb_core_error_name(error), error);
}
#else /* built without XRT's headers */

static sb_status xrt_open(sb_device *dev, const char *params, sb_error *err)
{
    (void)dev, (void)params;
    return sb_fail(err, SB_ERR_UNSUPPORTED,
                   "device xrt: this program was built without XRT: install libxrt-dev and uuid-dev (or a card's XRT), "
                   "and make it again");
}
#endif

const sb_backend sb_backend_xrt = {
    .kind = {"xrt", "the core on an FPGA card through XRT, or on the simulated card",
             "xclbin=FILE, device=N, kernel=NAME, timeout=MS, chunk=KIB, stride=MIB, noop=0|1"},
    .exact = true,
    .open = xrt_open,
    .op = {SB_HOST_OPS, SB_EXACT_OPS},
    .on_device = {SB_CORE_OPS},
#ifdef SB_HAVE_XRT
    .close = xrt_close,
    .load_matrix = xrt_load_matrix,
    .matrix_bytes = xrt_matrix_bytes,
    .takes = xrt_takes,
    .run = xrt_run,
    .reserve = xrt_reserve,
    .fit = xrt_fit,
    .write = xrt_write,
    .read = xrt_read,
#endif
};
