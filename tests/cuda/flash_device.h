// SPDX-License-Identifier: Apache-2.0
// Device memory for the tests of sb_flash.h: CUDA (on a GPU or on the emulator), or OpenCL with SB_FLASH_OPENCL.
#ifndef SEEDBED_TESTS_FLASH_DEVICE_H
#define SEEDBED_TESTS_FLASH_DEVICE_H

#if defined(SB_FLASH_OPENCL)
#include "sb_flash_opencl.h"
#elif !defined(SB_CUDA_EMULATED)
#include <cuda_runtime.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <vector>

#ifdef SB_FLASH_OPENCL
static cl_context context;
static cl_command_queue queue;
static sb_flash_opencl flash;

template <class T> static cl_mem buffer(const std::vector<T> &x)
{
    cl_int e;
    std::vector<T> more(x);
    more.resize(x.size() + 16); // none is empty
    cl_mem m =
        clCreateBuffer(context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, more.size() * sizeof(T), more.data(), &e);
    if (e) {
        fprintf(stderr, "flash test: out of device memory\n");
        exit(1);
    }
    return m;
}

static bool open_device()
{
    cl_platform_id platform;
    cl_device_id device;
    cl_int e;
    char why[256];
    if (clGetPlatformIDs(1, &platform, nullptr) || clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, nullptr))
        return false;
    context = clCreateContext(nullptr, 1, &device, nullptr, nullptr, &e);
    queue = e ? nullptr : clCreateCommandQueue(context, device, 0, &e);
    if (e || sb_flash_opencl_open(context, device, &flash, why, sizeof why)) {
        fprintf(stderr, "flash test: %s\n", e ? "no context" : why);
        exit(1);
    }
    return true;
}
#else
template <class T> static T *put(const std::vector<T> &x)
{
    void *p = nullptr;
    size_t bytes = x.size() * sizeof(T);
    if (cudaMalloc(&p, bytes + 256) != cudaSuccess ||
        cudaMemcpy(p, x.data(), bytes, cudaMemcpyHostToDevice) != cudaSuccess) {
        fprintf(stderr, "flash test: out of device memory\n");
        exit(1);
    }
    return (T *)p;
}

static bool open_device()
{
    int devices = 0;
    return cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0;
}
#endif

#endif
