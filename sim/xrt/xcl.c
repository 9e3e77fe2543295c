/* SPDX-License-Identifier: Apache-2.0
 * An XRT 2.13 user-space driver ("shim") in C: the xcl* functions over the simulated card of model.h. The C++ classes
 * around them come from the libxrt_hwemu.a of the XRT package, whose own shim the linker leaves out because these
 * definitions come first. XRT loads the result as $XILINX_XRT/lib/libxrt_hwemu.so.2 with XCL_EMULATION_MODE=hw_emu. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "xrt.h"

/* --- the C++ side, reached by its linker names
 * ------------------------------------------------------------------------- */

typedef struct {
    void *object, *control; /* std::shared_ptr */
} shared_ptr;

/* A std::shared_ptr is returned through a pointer passed first. */
void core_device_get(shared_ptr *result, void *handle,
                     unsigned index) __asm__("_ZN8xrt_core5hwemu17get_userpf_deviceEPvj");
void core_device_register(void *core_device, const struct axlf *) __asm__("_ZN8xrt_core6device13register_axlfEPK4axlf");

/* What the archive's classes want of the shim that this one replaces. */
void *hwemu_check(void *handle) __asm__("_ZN11xclhwemhal28HwEmShim11handleCheckEPv");
void *hwemu_check(void *handle)
{
    (void)handle;
    return NULL;
}
int hwemu_query(void *self, int key) __asm__("_ZN11xclhwemhal28HwEmShim11deviceQueryEN8xrt_core5query8key_typeE");
int hwemu_query(void *self, int key)
{
    (void)self, (void)key;
    return 0;
}
int update_stat(xclDeviceHandle h) __asm__("_Z22xclUpdateSchedulerStatPv");
int update_stat(xclDeviceHandle h)
{
    (void)h;
    return 0;
}
int cma_enable(xclDeviceHandle h, bool on, uint64_t bytes) __asm__("_Z12xclCmaEnablePvbm");
int cma_enable(xclDeviceHandle h, bool on, uint64_t bytes)
{
    (void)h, (void)on, (void)bytes;
    return -ENOSYS;
}
int close_export(int handle) __asm__("_Z20xclCloseExportHandlei");
int close_export(int handle)
{
    (void)handle;
    return -ENOSYS;
}
int internal_reset(xclDeviceHandle h, int kind) __asm__("_Z22xclInternalResetDevicePv12xclResetKind");
int internal_reset(xclDeviceHandle h, int kind)
{
    (void)h, (void)kind;
    return -ENOSYS;
}

/* --- the device
 * -------------------------------------------------------------------------------------------------------- */

enum { MAX_BO = 8192 };

typedef struct {
    uint8_t *host; /* NULL: not in use */
    size_t size;
    uint32_t flags;
    uint64_t addr; /* of the card; none for commands, which the host keeps */
    bool own;      /* host was allocated here */
} bo;

typedef struct {
    shared_ptr core;
    model *model;
    bo bo[MAX_BO];
} device;

unsigned xclProbe(void)
{
    return 1;
}
unsigned xclVersion(void)
{
    return 2;
}

xclDeviceHandle xclOpen(unsigned index, const char *log, enum xclVerbosityLevel level)
{
    (void)log, (void)level;
    device *d = index ? NULL : calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->model = model_open();
    if (!d->model) {
        free(d);
        return NULL;
    }
    core_device_get(&d->core, d, index);
    return d;
}

/* XRT's tables still refer to the handle after this: it stays, empty. */
void xclClose(xclDeviceHandle h)
{
    device *d = h;
    if (!d || !d->model)
        return;
    model_close(d->model);
    d->model = NULL;
}

int xclGetDeviceInfo2(xclDeviceHandle h, struct xclDeviceInfo2 *info)
{
    (void)h;
    memset(info, 0, sizeof *info);
    info->mMagic = 0x586C0C6C;
    info->mHALMajorVersion = 2;
    info->mDataAlignment = 4096;
    info->mDDRBankCount = 1;
    info->mDMAThreads = 1;
    info->mOCLFrequency[0] = 300;
    strcpy(info->mName, "seedbed_sim");
    return 0;
}

int xclLoadXclBin(xclDeviceHandle h, const struct axlf *x)
{
    device *d = h;
    int rc = d->model ? model_load(d->model, x) : -ENODEV;
    if (!rc)
        core_device_register(d->core.object, x);
    return rc;
}

/* One core and any number of users: contexts have nothing to arbitrate. ip -1: no compute unit in particular. */
int xclOpenContext(xclDeviceHandle h, const xuid_t id, unsigned ip, bool shared)
{
    (void)h, (void)id, (void)shared;
    return ip == 0 || ip == (unsigned)-1 ? 0 : -EINVAL;
}

int xclCloseContext(xclDeviceHandle h, const xuid_t id, unsigned ip)
{
    (void)h, (void)id, (void)ip;
    return 0;
}

/* --- buffers
 * ----------------------------------------------------------------------------------------------------------- */

static bo *bo_of(xclDeviceHandle h, xclBufferHandle b)
{
    device *d = h;
    return d && d->model && b > 0 && b < MAX_BO && d->bo[b].host ? &d->bo[b] : NULL;
}

static xclBufferHandle bo_new(device *d, void *user, size_t size, uint32_t flags)
{
    xclBufferHandle i = 1;
    while (i < MAX_BO && d->bo[i].host)
        i++;
    if (!d->model || i == MAX_BO || !size || size > SIZE_MAX - 4096) {
        errno = ENOMEM;
        return XRT_NULL_BO;
    }
    bo b = {.size = size, .flags = flags, .own = !user, .host = user};
    if (!user && (b.host = aligned_alloc(4096, (size + 4095) & ~(size_t)4095)))
        memset(b.host, 0, size);
    int rc = !b.host ? -ENOMEM : 0;
    if (!rc && !(flags & XCL_BO_FLAGS_EXECBUF))
        rc = model_alloc(d->model, flags & XRT_BO_FLAGS_MEMIDX_MASK, size, &b.addr);
    if (rc) {
        if (b.own)
            free(b.host);
        errno = -rc;
        return XRT_NULL_BO;
    }
    d->bo[i] = b;
    return i;
}

xclBufferHandle xclAllocBO(xclDeviceHandle h, size_t size, int unused, unsigned flags)
{
    (void)unused;
    return bo_new(h, NULL, size, flags);
}

xclBufferHandle xclAllocUserPtrBO(xclDeviceHandle h, void *user, size_t size, unsigned flags)
{
    return user ? bo_new(h, user, size, flags) : XRT_NULL_BO;
}

void xclFreeBO(xclDeviceHandle h, xclBufferHandle handle)
{
    device *d = h;
    if (!d || handle == 0 || handle >= MAX_BO || !d->bo[handle].host)
        return;
    bo *b = &d->bo[handle];
    if (d->model && b->flags & XCL_BO_FLAGS_EXECBUF)
        model_forget(d->model, b->host);
    else if (d->model)
        model_free(d->model, b->addr);
    if (b->own)
        free(b->host);
    *b = (bo){0};
}

void *xclMapBO(xclDeviceHandle h, xclBufferHandle handle, bool write)
{
    (void)write;
    bo *b = bo_of(h, handle);
    return b ? b->host : NULL;
}

int xclUnmapBO(xclDeviceHandle h, xclBufferHandle handle, void *at)
{
    (void)h, (void)handle, (void)at;
    return 0;
}

static bool inside(const bo *b, size_t bytes, size_t offset)
{
    return b && offset <= b->size && bytes <= b->size - offset;
}

int xclSyncBO(xclDeviceHandle h, xclBufferHandle handle, enum xclBOSyncDirection dir, size_t bytes, size_t offset)
{
    bo *b = bo_of(h, handle);
    if (!inside(b, bytes, offset) || b->flags & XCL_BO_FLAGS_EXECBUF)
        return -EINVAL;
    model *m = ((device *)h)->model;
    return dir == XCL_BO_SYNC_BO_TO_DEVICE ? model_write(m, b->addr + offset, b->host + offset, bytes)
                                           : model_read(m, b->addr + offset, b->host + offset, bytes);
}

int xclCopyBO(xclDeviceHandle h, xclBufferHandle dst, xclBufferHandle src, size_t bytes, size_t to, size_t from)
{
    bo *d = bo_of(h, dst), *s = bo_of(h, src);
    if (!inside(d, bytes, to) || !inside(s, bytes, from) || (d->flags | s->flags) & XCL_BO_FLAGS_EXECBUF)
        return -EINVAL;
    return model_copy(((device *)h)->model, d->addr + to, s->addr + from, bytes);
}

int xclGetBOProperties(xclDeviceHandle h, xclBufferHandle handle, struct xclBOProperties *p)
{
    bo *b = bo_of(h, handle);
    if (!b)
        return -EINVAL;
    *p = (struct xclBOProperties){.handle = handle, .flags = b->flags, .size = b->size, .paddr = b->addr};
    return 0;
}

size_t xclWriteBO(xclDeviceHandle h, xclBufferHandle handle, const void *src, size_t bytes, size_t seek)
{
    bo *b = bo_of(h, handle);
    if (!inside(b, bytes, seek))
        return (size_t)-EINVAL;
    memcpy(b->host + seek, src, bytes);
    return 0;
}

size_t xclReadBO(xclDeviceHandle h, xclBufferHandle handle, void *dst, size_t bytes, size_t skip)
{
    bo *b = bo_of(h, handle);
    if (!inside(b, bytes, skip))
        return (size_t)-EINVAL;
    memcpy(dst, b->host + skip, bytes);
    return 0;
}

xclBufferExportHandle xclExportBO(xclDeviceHandle h, xclBufferHandle b)
{
    (void)h, (void)b;
    return XRT_NULL_BO_EXPORT;
}

xclBufferHandle xclImportBO(xclDeviceHandle h, xclBufferExportHandle fd, unsigned flags)
{
    (void)h, (void)fd, (void)flags;
    return XRT_NULL_BO;
}

ssize_t xclUnmgdPread(xclDeviceHandle h, unsigned flags, void *dst, size_t bytes, uint64_t addr)
{
    (void)flags;
    device *d = h;
    return d->model ? model_read(d->model, addr, dst, bytes) : -ENODEV;
}

ssize_t xclUnmgdPwrite(xclDeviceHandle h, unsigned flags, const void *src, size_t bytes, uint64_t addr)
{
    (void)flags;
    device *d = h;
    return d->model ? model_write(d->model, addr, src, bytes) : -ENODEV;
}

/* --- the compute unit
 * -------------------------------------------------------------------------------------------------- */

int xclRegWrite(xclDeviceHandle h, uint32_t ip, uint32_t offset, uint32_t value)
{
    device *d = h;
    return ip || !d->model ? -EINVAL : model_reg_write(d->model, offset, value);
}

int xclRegRead(xclDeviceHandle h, uint32_t ip, uint32_t offset, uint32_t *value)
{
    device *d = h;
    return ip || !d->model ? -EINVAL : model_reg_read(d->model, offset, value);
}

int xclExecBuf(xclDeviceHandle h, xclBufferHandle handle)
{
    bo *b = bo_of(h, handle);
    if (!b)
        return -EINVAL;
    struct ert_start_kernel_cmd *c = (struct ert_start_kernel_cmd *)b->host;
    return model_submit(((device *)h)->model, c, b->size);
}

int xclExecWait(xclDeviceHandle h, int milliseconds)
{
    device *d = h;
    return d->model ? model_wait(d->model, milliseconds) : -ENODEV;
}

int xclReClock2(xclDeviceHandle h, unsigned short region, const unsigned short *target)
{
    (void)h, (void)region, (void)target;
    return -ENOSYS;
}

int xclP2pEnable(xclDeviceHandle h, bool enable, bool force)
{
    (void)h, (void)enable, (void)force;
    return -ENOSYS;
}

/* The old way to the registers, of which XRT 2.13 asks nothing in hw_emu. */
size_t xclWrite(xclDeviceHandle h, enum xclAddressSpace space, uint64_t offset, const void *src, size_t bytes)
{
    (void)h, (void)space, (void)offset, (void)src, (void)bytes;
    return (size_t)-ENOSYS;
}

size_t xclRead(xclDeviceHandle h, enum xclAddressSpace space, uint64_t offset, void *dst, size_t bytes)
{
    (void)h, (void)space, (void)offset, (void)dst, (void)bytes;
    return (size_t)-ENOSYS;
}
