/* SPDX-License-Identifier: Apache-2.0
 * The device side of sb_kernels_cuda.h: memory, command lists in a stream, captured graphs, waits that end. */
#include "sb_kernels_cuda.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <vector>

#include "arena.cuh"
#include "kernels.cuh"
#include "runtime_text.hpp"

#include "device/attention_table.h"

namespace {

struct graph_entry {
    std::vector<uint32_t> key;
    cudaGraphExec_t exec; /* NULL: seen once */
    uint64_t used;
};

enum { MaxGraphs = 16 };

} // namespace

struct sb_cuda {
    int device;
    sb_cuda_properties props;
    sb_arena arena;
    cudaStream_t stream;
    cudaEvent_t done;
    sb_cuda_report *report, *report_device; /* mapped host memory */
    unsigned long long *first, *first_host; /* in device memory; pinned copy */
    uint32_t *table;
    int32_t *scratch;
    size_t scratch_bytes;
    std::vector<graph_entry> graphs;
    sb_cuda_counts counts;
    bool overlap; /* launches may overlap (compute capability 9.0) */
    bool lost; /* after a timeout or a failed kernel */
};

namespace {

int fail(int code, char *why, size_t n, const char *what, cudaError_t e)
{
    cudaGetLastError(); /* so that it is not reported twice */
    snprintf(why, n, "%s: %s (%s, CUDA error %d)", what, cudaGetErrorString(e), cudaGetErrorName(e), (int)e);
    return code;
}
#define TRY(call, what)                                        \
    do {                                                       \
        cudaError_t e_ = (call);                               \
        if (e_ != cudaSuccess)                                 \
            return fail(SB_CUDA_FAILED, why, n, what, e_);     \
    } while (0)

double now()
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The work enqueued so far is done, or there is an error: never an endless wait. */
cudaError_t wait_until(sb_cuda *cuda, double timeout_s)
{
    cudaError_t e = cudaEventRecord(cuda->done, cuda->stream);
    double end = now() + timeout_s;
    for (unsigned spins = 0; e == cudaSuccess; spins++) {
        e = cudaEventQuery(cuda->done);
        if (e != cudaErrorNotReady)
            return e;
        if (now() > end)
            return cudaErrorNotReady;
        e = cudaSuccess;
        if (spins > 2000) { /* a decode step is over by now, or long: do not burn the core */
            struct timespec t = {0, 50000};
            nanosleep(&t, NULL);
        }
    }
    return e;
}

int open_device(sb_cuda *cuda, char *why, size_t n)
{
    TRY(cudaSetDevice(cuda->device), "cudaSetDevice");
    cudaDeviceProp p;
    TRY(cudaGetDeviceProperties(&p, cuda->device), "cudaGetDeviceProperties");
    snprintf(cuda->props.name, sizeof cuda->props.name, "%.*s", (int)sizeof cuda->props.name - 1, p.name);
    cuda->props.major = p.major;
    cuda->props.minor = p.minor;
    cuda->props.multiprocessors = p.multiProcessorCount;
    cuda->props.memory_bytes = p.totalGlobalMem;
    cuda->props.l2_bytes = (size_t)p.l2CacheSize;
    if (p.major < 8) {
        snprintf(why, n, "device %d is a %s of compute capability %d.%d; the kernels need 8.0", cuda->device, p.name, p.major, p.minor);
        return SB_CUDA_ABSENT;
    }
    cuda->overlap = p.major >= 9;
    TRY(cudaStreamCreateWithFlags(&cuda->stream, cudaStreamNonBlocking), "cudaStreamCreate");
    TRY(cudaEventCreateWithFlags(&cuda->done, cudaEventDisableTiming), "cudaEventCreate");
    TRY(cudaHostAlloc((void **)&cuda->report, sizeof *cuda->report, cudaHostAllocMapped), "cudaHostAlloc");
    TRY(cudaHostGetDevicePointer((void **)&cuda->report_device, cuda->report, 0), "cudaHostGetDevicePointer");
    TRY(cudaHostAlloc((void **)&cuda->first_host, sizeof *cuda->first_host, cudaHostAllocDefault), "cudaHostAlloc");
    TRY(cudaMalloc((void **)&cuda->first, sizeof *cuda->first), "cudaMalloc");
    TRY(cudaMalloc((void **)&cuda->table, sizeof sb_attn_table), "cudaMalloc");
    TRY(cudaMemcpy(cuda->table, sb_attn_table, sizeof sb_attn_table, cudaMemcpyHostToDevice), "cudaMemcpy");
    return sb_arena_open(&cuda->arena, cuda->device, why, n);
}

void drop_graphs(sb_cuda *cuda)
{
    for (graph_entry &g : cuda->graphs)
        if (g.exec)
            cudaGraphExecDestroy(g.exec);
    cuda->graphs.clear();
}

int reserve_scratch(sb_cuda *cuda, const sb_command *c, uint32_t count, char *why, size_t n)
{
    size_t need = 0;
    for (uint32_t i = 0; i < count; i++) {
        size_t bytes = c[i].op == SB_OP_ATTENTION_X ? sb_cuda_attention_scratch(c[i]) : 0;
        need = bytes > need ? bytes : need;
    }
    if (need <= cuda->scratch_bytes)
        return SB_CUDA_OK;
    drop_graphs(cuda); /* they hold the old address */
    cudaFree(cuda->scratch);
    cuda->scratch = NULL;
    cuda->scratch_bytes = 0;
    TRY(cudaMalloc((void **)&cuda->scratch, need + need / 2), "scratch memory of ATTENTION_X");
    cuda->scratch_bytes = need + need / 2;
    return SB_CUDA_OK;
}

void enqueue(sb_cuda *cuda, uint64_t list, const sb_command *c, uint32_t count)
{
    sb_cuda_arg arg = {};
    arg.base = sb_arena_base(&cuda->arena);
    arg.report = cuda->report_device;
    arg.first = cuda->first;
    arg.table = cuda->table;
    arg.scratch = cuda->scratch;
    arg.overlap = cuda->overlap;
    for (uint32_t i = 0; i < count; i++) {
        arg.c = (const sb_command *)(arg.base + list) + i;
        arg.index = i;
        if (sb_cuda_launcher launch = sb_cuda_launcher_of(c[i].op))
            launch(arg, c[i], cuda->stream);
    }
}

/* What the launches of a list depend on. */
void shape_key(uint64_t list, const sb_command *c, uint32_t count, std::vector<uint32_t> &key)
{
    key.clear();
    key.push_back((uint32_t)list);
    key.push_back((uint32_t)(list >> 32));
    for (uint32_t i = 0; i < count; i++) {
        key.push_back(c[i].op | (uint32_t)c[i].codec << 8 | (uint32_t)c[i].batch << 16);
        key.push_back(c[i].rows);
        key.push_back(c[i].cols);
        key.push_back(c[i].p[3]);
        key.push_back(c[i].op == SB_OP_ATTENTION_X ? sb_cuda_attention_bucket(c[i]) : 0);
    }
}

/* Enqueues the list, as a graph if one of its shape exists or is due. */
int enqueue_list(sb_cuda *cuda, uint64_t list, const sb_command *c, uint32_t count, char *why, size_t n)
{
    std::vector<uint32_t> key;
    shape_key(list, c, count, key);
    graph_entry *hit = NULL, *oldest = NULL;
    for (graph_entry &g : cuda->graphs) {
        if (g.key == key)
            hit = &g;
        if (!oldest || g.used < oldest->used)
            oldest = &g;
    }
    if (hit && hit->exec) {
        hit->used = cuda->counts.lists;
        cuda->counts.replays++;
        TRY(cudaGraphLaunch(hit->exec, cuda->stream), "cudaGraphLaunch");
        return SB_CUDA_OK;
    }
    if (!hit) { /* once: as it comes */
        if (cuda->graphs.size() < MaxGraphs) {
            cuda->graphs.push_back(graph_entry());
            oldest = &cuda->graphs.back();
        } else if (oldest->exec) {
            cudaGraphExecDestroy(oldest->exec);
        }
        oldest->key = key;
        oldest->exec = NULL;
        oldest->used = cuda->counts.lists;
        enqueue(cuda, list, c, count);
        TRY(cudaGetLastError(), "kernel launch");
        return SB_CUDA_OK;
    }
    cudaGraph_t graph = NULL;
    TRY(cudaStreamBeginCapture(cuda->stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
    enqueue(cuda, list, c, count);
    cudaError_t launched = cudaGetLastError();
    TRY(cudaStreamEndCapture(cuda->stream, &graph), "cudaStreamEndCapture");
    cudaError_t made = launched != cudaSuccess ? launched : cudaGraphInstantiate(&hit->exec, graph, 0);
    cudaGraphDestroy(graph);
    if (made != cudaSuccess) {
        hit->exec = NULL;
        return fail(SB_CUDA_FAILED, why, n, "cudaGraphInstantiate", made);
    }
    hit->used = cuda->counts.lists;
    cuda->counts.graphs++;
    cuda->counts.replays++;
    TRY(cudaGraphLaunch(hit->exec, cuda->stream), "cudaGraphLaunch");
    return SB_CUDA_OK;
}

} // namespace

extern "C" {

int sb_cuda_open(int device, sb_cuda **out, char *why, size_t n)
{
    *out = NULL;
    int count = 0;
    cudaError_t e = cudaGetDeviceCount(&count);
    if (e == cudaErrorInsufficientDriver || e == cudaErrorNoDevice) {
        cudaGetLastError();
        snprintf(why, n, "no CUDA GPU here: %s (CUDA error %d)",
                 e == cudaErrorNoDevice ? "the driver sees no device" : "no driver, or one too old for this build", (int)e);
        return SB_CUDA_ABSENT;
    }
    if (e != cudaSuccess)
        return fail(SB_CUDA_ABSENT, why, n, "cudaGetDeviceCount", e);
    if (device < 0 || device >= count) {
        snprintf(why, n, "no CUDA device %d: there %s %d", device, count == 1 ? "is" : "are", count);
        return SB_CUDA_ABSENT;
    }
    sb_cuda *cuda = new sb_cuda();
    cuda->device = device;
    int st = open_device(cuda, why, n);
    if (st) {
        sb_cuda_close(cuda);
        return st;
    }
    *out = cuda;
    return SB_CUDA_OK;
}

void sb_cuda_close(sb_cuda *cuda)
{
    if (!cuda)
        return;
    if (!cuda->lost) { /* a lost device may never answer: its memory goes with the process */
        drop_graphs(cuda);
        cudaFree(cuda->scratch);
        cudaFree(cuda->table);
        cudaFree(cuda->first);
        cudaFreeHost(cuda->first_host);
        cudaFreeHost(cuda->report);
        if (cuda->done)
            cudaEventDestroy(cuda->done);
        if (cuda->stream)
            cudaStreamDestroy(cuda->stream);
        sb_arena_close(&cuda->arena);
    }
    delete cuda;
}

const sb_cuda_properties *sb_cuda_properties_get(const sb_cuda *cuda) { return &cuda->props; }
void sb_cuda_counts_get(const sb_cuda *cuda, sb_cuda_counts *out) { *out = cuda->counts; }

int sb_cuda_reserve(sb_cuda *cuda, uint64_t bytes, char *why, size_t n) { return sb_arena_grow(&cuda->arena, bytes, why, n); }

int sb_cuda_write(sb_cuda *cuda, uint64_t addr, const void *src, size_t bytes, char *why, size_t n)
{
    TRY(cudaMemcpyAsync(sb_arena_base(&cuda->arena) + addr, src, bytes, cudaMemcpyHostToDevice, cuda->stream), "copy to the device");
    /* From pageable memory, as all of ours is, the call returns when `src` has been read; the stream keeps the order. */
    return SB_CUDA_OK;
}

int sb_cuda_read(sb_cuda *cuda, uint64_t addr, void *dst, size_t bytes, char *why, size_t n)
{
    TRY(cudaMemcpyAsync(dst, sb_arena_base(&cuda->arena) + addr, bytes, cudaMemcpyDeviceToHost, cuda->stream), "copy from the device");
    TRY(cudaStreamSynchronize(cuda->stream), "copy from the device");
    return SB_CUDA_OK;
}

void sb_cuda_overlap(sb_cuda *cuda, bool on)
{
    cuda->overlap = on && cuda->props.major >= 9;
    drop_graphs(cuda);
}

bool sb_cuda_can(unsigned op) { return op == SB_OP_NOP || sb_cuda_launcher_of(op) != NULL; }

int sb_cuda_run(sb_cuda *cuda, uint64_t list, const sb_command *copy, uint32_t count, double timeout_s, uint32_t *failed, char *why,
                size_t n)
{
    *failed = 0;
    if (cuda->lost) {
        snprintf(why, n, "the CUDA device is of no use after an earlier failure");
        return SB_CUDA_FAILED;
    }
    if (!count || count > SB_CUDA_MAX_COMMANDS) {
        snprintf(why, n, "%u commands in a list, 1..%d are possible", count, (int)SB_CUDA_MAX_COMMANDS);
        return SB_CUDA_DATA;
    }
    int st = reserve_scratch(cuda, copy, count, why, n);
    if (st)
        return st;
    cuda->counts.lists++;
    cuda->counts.commands += count;
    cuda->report->begun = 0;
    TRY(cudaMemsetAsync(cuda->first, 0xff, sizeof *cuda->first, cuda->stream), "cudaMemset");
    st = enqueue_list(cuda, list, copy, count, why, n);
    if (st)
        return st;
    TRY(cudaMemcpyAsync(cuda->first_host, cuda->first, sizeof *cuda->first, cudaMemcpyDeviceToHost, cuda->stream), "cudaMemcpy");
    cudaError_t e = wait_until(cuda, timeout_s);
    uint32_t begun = cuda->report->begun;
    *failed = begun ? begun - 1 : 0;
    if (e == cudaErrorNotReady) {
        cuda->lost = true;
        sb_cuda_timeout_text(copy, count, begun, timeout_s, why, n);
        return SB_CUDA_TIMEOUT;
    }
    if (e != cudaSuccess) {
        cuda->lost = true; /* an error of a kernel stays with the process */
        return fail(SB_CUDA_FAILED, why, n, "the GPU gave up", e);
    }
    unsigned long long first = *cuda->first_host;
    if (first != ~0ull) {
        *failed = (uint32_t)(first >> 44);
        sb_cuda_error_text(&copy[*failed], first, why, n);
        return SB_CUDA_DATA;
    }
    return SB_CUDA_OK;
}
}
