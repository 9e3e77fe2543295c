/* SPDX-License-Identifier: Apache-2.0
 * The calls of the CUDA runtime that Seedbed makes, on the emulated device: copies and launches happen at once, a captured stream
 * keeps its launches for the graph. emu_no_device and emu_hang play a machine without a driver and a GPU that never answers. */
#ifndef SEEDBED_TESTS_EMULATOR_RUNTIME_HPP
#define SEEDBED_TESTS_EMULATOR_RUNTIME_HPP

#include <map>
#include <vector>

extern bool emu_no_device, emu_hang;
extern int emu_capability; /* 80: A100, 90: H100 */

enum cudaError_t {
    cudaSuccess = 0,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInsufficientDriver = 35,
    cudaErrorNoDevice = 100,
    cudaErrorNotReady = 600,
    cudaErrorNotSupported = 801
};
enum { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaStreamNonBlocking, cudaEventDisableTiming, cudaHostAllocMapped,
       cudaHostAllocDefault, cudaStreamCaptureModeThreadLocal };
enum { cudaFuncAttributeMaxDynamicSharedMemorySize };
enum { cudaDevAttrComputeCapabilityMajor, cudaDevAttrMultiProcessorCount, cudaDevAttrMaxSharedMemoryPerBlockOptin };

struct emu_stream {
    bool capturing;
    std::vector<std::function<void()>> captured;
};
struct emu_graph {
    std::vector<std::function<void()>> work;
};
typedef int cudaEvent_t;
typedef emu_graph *cudaGraph_t, *cudaGraphExec_t;
struct cudaDeviceProp {
    char name[256];
    int major, minor, multiProcessorCount, l2CacheSize;
    size_t totalGlobalMem;
};

inline cudaError_t cudaGetDeviceCount(int *n)
{
    *n = emu_no_device ? -1 : 1;
    return emu_no_device ? cudaErrorInsufficientDriver : cudaSuccess;
}
inline cudaError_t cudaSetDevice(int) { return cudaSuccess; }
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int)
{
    *p = {"emulated", 8, 0, 4, 1 << 20, 1ull << 30};
    return cudaSuccess;
}
inline cudaError_t cudaGetDevice(int *n)
{
    *n = 0;
    return cudaSuccess;
}
inline cudaError_t cudaDeviceGetAttribute(int *v, int what, int)
{
    *v = what == cudaDevAttrComputeCapabilityMajor ? emu_capability / 10 : what == cudaDevAttrMultiProcessorCount ? 3 : 163 << 10;
    return cudaSuccess;
}
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline const char *cudaGetErrorString(cudaError_t) { return "error"; }
inline const char *cudaGetErrorName(cudaError_t) { return "emulated"; }
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned) { *s = new emu_stream(); return cudaSuccess; }
inline cudaError_t cudaStreamDestroy(cudaStream_t s) { delete s; return cudaSuccess; }
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned) { *e = 1; return cudaSuccess; }
inline cudaError_t cudaEventDestroy(cudaEvent_t) { return cudaSuccess; }
inline cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaEventQuery(cudaEvent_t) { return emu_hang ? cudaErrorNotReady : cudaSuccess; }
inline std::map<uintptr_t, size_t> emu_memory; /* the device's: what is allocated */
inline bool emu_allocated(const void *p, size_t n)
{
    auto after = emu_memory.upper_bound((uintptr_t)p);
    return after != emu_memory.begin() && (uintptr_t)p + n <= std::prev(after)->first + std::prev(after)->second;
}
inline cudaError_t cudaMalloc(void **p, size_t n)
{
    *p = aligned_alloc(256, (n + 255) / 256 * 256);
    if (!*p)
        return cudaErrorMemoryAllocation;
    emu_memory[(uintptr_t)*p] = n;
    return cudaSuccess;
}
inline cudaError_t cudaFree(void *p)
{
    emu_memory.erase((uintptr_t)p);
    free(p);
    return cudaSuccess;
}
inline cudaError_t cudaHostAlloc(void **p, size_t n, unsigned) { return cudaMalloc(p, n); }
inline cudaError_t cudaFreeHost(void *p) { free(p); return cudaSuccess; }
inline cudaError_t cudaHostGetDevicePointer(void **d, void *h, unsigned) { *d = h; return cudaSuccess; }
inline cudaError_t cudaMemcpy(void *d, const void *s, size_t n, int) { memcpy(d, s, n); return cudaSuccess; }
inline cudaError_t cudaMemcpyAsync(void *d, const void *s, size_t n, int, cudaStream_t) { memcpy(d, s, n); return cudaSuccess; }
inline cudaError_t cudaMemset(void *d, int v, size_t n) { memset(d, v, n); return cudaSuccess; }
inline cudaError_t cudaMemsetAsync(void *d, int v, size_t n, cudaStream_t) { memset(d, v, n); return cudaSuccess; }
inline cudaError_t cudaStreamBeginCapture(cudaStream_t s, int) { s->capturing = true; return cudaSuccess; }
inline cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *g)
{
    *g = new emu_graph{s->captured};
    s->captured.clear();
    s->capturing = false;
    return cudaSuccess;
}
inline cudaError_t cudaGraphInstantiate(cudaGraphExec_t *e, cudaGraph_t g, unsigned) { *e = new emu_graph(*g); return cudaSuccess; }
inline cudaError_t cudaGraphDestroy(cudaGraph_t g) { delete g; return cudaSuccess; }
inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t g) { delete g; return cudaSuccess; }
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t g, cudaStream_t)
{
    for (auto &w : g->work)
        w();
    return cudaSuccess;
}
template <class F> cudaError_t cudaFuncSetAttribute(F *, int, int) { return cudaSuccess; }

#endif
