/* SPDX-License-Identifier: Apache-2.0
 * Flat device memory that grows in place: a reserved range of virtual addresses, to which physical memory is mapped as it is asked
 * for, through the driver's interface (found by the runtime: nothing to link). */
#ifndef SEEDBED_CUDA_ARENA_CUH
#define SEEDBED_CUDA_ARENA_CUH

#include <stdint.h>
#include <stdio.h>
#include <vector>

#ifdef SB_CUDA_EMULATED
#include <sys/mman.h>

struct sb_arena {
    uint8_t *base;
    uint64_t size, mapped;
};
inline uint8_t *sb_arena_base(const sb_arena *a) { return a->base; }
inline int sb_arena_open(sb_arena *a, int, char *why, size_t n)
{
    a->size = 1ull << 36;
    void *p = mmap(NULL, a->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        snprintf(why, n, "emulated device memory: no address space");
        return SB_CUDA_MEMORY;
    }
    a->base = (uint8_t *)p;
    return SB_CUDA_OK;
}
/* Page by page, so that what lies beyond is really out of bounds. */
inline int sb_arena_grow(sb_arena *a, uint64_t bytes, char *why, size_t n)
{
    uint64_t to = (bytes + 4095) / 4096 * 4096;
    if (to > a->size || mprotect(a->base, to, PROT_READ | PROT_WRITE)) {
        snprintf(why, n, "emulated device memory: %llu bytes", (unsigned long long)bytes);
        return SB_CUDA_MEMORY;
    }
    return SB_CUDA_OK;
}
inline void sb_arena_close(sb_arena *a)
{
    if (a->base)
        munmap(a->base, a->size);
}
#else
#include <cuda.h>

struct sb_arena {
    CUdeviceptr base;
    uint64_t size, mapped, granule;
    CUmemAllocationProp prop;
    std::vector<CUmemGenericAllocationHandle> handles;
    std::vector<uint64_t> chunks; /* bytes of each */
};

struct sb_driver {
    decltype(&cuMemGetAllocationGranularity) granularity;
    decltype(&cuMemAddressReserve) reserve;
    decltype(&cuMemAddressFree) address_free;
    decltype(&cuMemCreate) create;
    decltype(&cuMemRelease) release;
    decltype(&cuMemMap) map;
    decltype(&cuMemUnmap) unmap;
    decltype(&cuMemSetAccess) set_access;
    decltype(&cuGetErrorString) error_string;
};

/* NULL where the driver lacks one of them. */
inline const sb_driver *sb_driver_get()
{
    static sb_driver d;
    static bool ok = [] {
        struct {
            const char *name;
            void **to;
        } all[] = {{"cuMemGetAllocationGranularity", (void **)&d.granularity}, {"cuMemAddressReserve", (void **)&d.reserve},
                   {"cuMemAddressFree", (void **)&d.address_free}, {"cuMemCreate", (void **)&d.create},
                   {"cuMemRelease", (void **)&d.release}, {"cuMemMap", (void **)&d.map}, {"cuMemUnmap", (void **)&d.unmap},
                   {"cuMemSetAccess", (void **)&d.set_access}, {"cuGetErrorString", (void **)&d.error_string}};
        for (auto &f : all) {
            cudaDriverEntryPointQueryResult found;
            if (cudaGetDriverEntryPointByVersion(f.name, f.to, 12000, cudaEnableDefault, &found) != cudaSuccess ||
                found != cudaDriverEntryPointSuccess)
                return false;
        }
        return true;
    }();
    return ok ? &d : NULL;
}

inline int sb_arena_fail(const sb_driver *d, CUresult r, const char *what, uint64_t bytes, char *why, size_t n)
{
    const char *text = NULL;
    d->error_string(r, &text);
    snprintf(why, n, "device memory: %s of %llu bytes: %s (%d)", what, (unsigned long long)bytes, text ? text : "?", (int)r);
    return SB_CUDA_MEMORY;
}

inline uint8_t *sb_arena_base(const sb_arena *a) { return (uint8_t *)a->base; }

inline int sb_arena_open(sb_arena *a, int device, char *why, size_t n)
{
    const sb_driver *d = sb_driver_get();
    if (!d) {
        snprintf(why, n, "the CUDA driver has no virtual memory interface");
        return SB_CUDA_ABSENT;
    }
    a->prop = CUmemAllocationProp();
    a->prop.type = CU_MEM_ALLOCATION_TYPE_PINNED;
    a->prop.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    a->prop.location.id = device;
    size_t granule = 0;
    CUresult r = d->granularity(&granule, &a->prop, CU_MEM_ALLOC_GRANULARITY_RECOMMENDED);
    if (r != CUDA_SUCCESS)
        return sb_arena_fail(d, r, "granularity", 0, why, n);
    a->granule = granule;
    for (a->size = 1ull << 40; a->size >= 1ull << 32; a->size >>= 1) {
        r = d->reserve(&a->base, a->size, granule, 0, 0);
        if (r == CUDA_SUCCESS)
            return SB_CUDA_OK;
    }
    return sb_arena_fail(d, r, "address range", a->size, why, n);
}

inline int sb_arena_grow(sb_arena *a, uint64_t bytes, char *why, size_t n)
{
    const sb_driver *d = sb_driver_get();
    if (bytes <= a->mapped)
        return SB_CUDA_OK;
    /* At least 64 MiB or an eighth at a time: few mappings. */
    uint64_t more = bytes - a->mapped, least = a->mapped / 8 > (64ull << 20) ? a->mapped / 8 : 64ull << 20;
    uint64_t sizes[2] = {more > least ? more : least, more};
    CUresult r = CUDA_SUCCESS;
    uint64_t chunk = 0;
    CUmemGenericAllocationHandle h = 0;
    for (int i = 0; i < 2; i++) { /* where the generous chunk does not fit, what is needed may */
        chunk = (sizes[i] + a->granule - 1) / a->granule * a->granule;
        if (a->mapped + chunk > a->size)
            r = CUDA_ERROR_OUT_OF_MEMORY;
        else
            r = d->create(&h, chunk, &a->prop, 0);
        if (r == CUDA_SUCCESS)
            break;
    }
    if (r != CUDA_SUCCESS)
        return sb_arena_fail(d, r, "allocation", chunk, why, n);
    CUmemAccessDesc access = {};
    access.location = a->prop.location;
    access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
    r = d->map(a->base + a->mapped, chunk, 0, h, 0);
    if (r != CUDA_SUCCESS) {
        d->release(h);
        return sb_arena_fail(d, r, "mapping", chunk, why, n);
    }
    r = d->set_access(a->base + a->mapped, chunk, &access, 1);
    cudaError_t e = r == CUDA_SUCCESS ? cudaMemset((void *)(a->base + a->mapped), 0, chunk) : cudaSuccess;
    if (e == cudaSuccess && r == CUDA_SUCCESS)
        e = cudaDeviceSynchronize(); /* the stream of the lists does not wait for the default one */
    if (r != CUDA_SUCCESS || e != cudaSuccess) {
        d->unmap(a->base + a->mapped, chunk);
        d->release(h);
        if (r != CUDA_SUCCESS)
            return sb_arena_fail(d, r, "access", chunk, why, n);
        snprintf(why, n, "device memory: clearing %llu bytes: %s", (unsigned long long)chunk, cudaGetErrorString(e));
        return SB_CUDA_MEMORY;
    }
    a->handles.push_back(h);
    a->chunks.push_back(chunk);
    a->mapped += chunk;
    return SB_CUDA_OK;
}

inline void sb_arena_close(sb_arena *a)
{
    const sb_driver *d = sb_driver_get();
    if (!d || !a->base)
        return;
    uint64_t at = 0;
    for (size_t i = 0; i < a->handles.size(); i++) {
        d->unmap(a->base + at, a->chunks[i]);
        d->release(a->handles[i]);
        at += a->chunks[i];
    }
    d->address_free(a->base, a->size);
}
#endif

#endif
