/* SPDX-License-Identifier: Apache-2.0
 * The packed MATVEC of the opencl device beside what a plain kernel reads: binary32 and int8 dot products of the same
 * shape, a pass that only reads, and the cpu device. Processor time where the device is this CPU, wall time elsewhere.
 *   bench_opencl OUT.json [ROWS COLS [DEVICE]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef SB_HAVE_OPENCL
#include <json-c/json.h>
#include <time.h>

#include "device/opencl_common.h"

enum { REPEAT = 7 };

static sb_error err;
static bool host_is_device;

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench_opencl: %s: %s\n", what, err.msg);
    exit(1);
}

static double clock_now(void)
{
    struct timespec t;
    clock_gettime(host_is_device ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What one weight of each costs: the plain kernels, as one writes them for a row-major matrix. */
static const char *const plain =
    "kernel void read_pass(global const uint4 *w, global float *y, uint n, uint per) {"
    "  size_t i = get_global_id(0); uint4 s = 0;"
    "  for (uint k = 0; k < per; k++) s ^= w[i * per + k];"
    "  y[i] = s.x ^ s.y ^ s.z ^ s.w; }\n"
    "kernel void dot_f32(global const float8 *w, global const float8 *x, global float *y, uint n) {"
    "  size_t r = get_global_id(0); float8 s = 0;"
    "  for (uint k = 0; k < n / 8; k++) s = fma(w[r * (n / 8) + k], x[k], s);"
    "  float4 a = s.lo + s.hi; y[r] = a.x + a.y + a.z + a.w; }\n"
    "kernel void dot_s8(global const char16 *w, global const short16 *x, global int *y, uint n) {"
    "  size_t r = get_global_id(0); int16 s = 0;"
    "  for (uint k = 0; k < n / 16; k++) s += convert_int16(w[r * (n / 16) + k]) * convert_int16(x[k]);"
    "  int8 a = s.lo + s.hi; int4 b = a.lo + a.hi; y[r] = b.x + b.y + b.z + b.w; }\n";

static double run_plain(sb_cl *s, cl_program p, const char *name, cl_mem w, cl_mem x, cl_mem y, cl_uint rows, cl_uint n)
{
    cl_int e;
    cl_kernel k = clCreateKernel(p, name, &e);
    size_t global = rows, local = 32;
    cl_uint per = n / 4; /* uint4 in a row of binary32 */
    bool reads = !strcmp(name, "read_pass");
    e |= clSetKernelArg(k, 0, sizeof w, &w);
    e |= reads ? clSetKernelArg(k, 1, sizeof y, &y) : clSetKernelArg(k, 1, sizeof x, &x);
    e |= reads ? clSetKernelArg(k, 2, sizeof n, &n) : clSetKernelArg(k, 2, sizeof y, &y);
    e |= reads ? clSetKernelArg(k, 3, sizeof per, &per) : clSetKernelArg(k, 3, sizeof n, &n);
    need(e == CL_SUCCESS, name);
    double best = 1e30;
    for (int i = 0; i < REPEAT; i++) {
        cl_event done;
        double t = clock_now();
        need(clEnqueueNDRangeKernel(s->queue, k, 1, NULL, &global, &local, 0, NULL, &done) == CL_SUCCESS, name);
        clFlush(s->queue);
        need(sb_cl_wait(s, done, name, &err) == SB_OK, name);
        t = clock_now() - t;
        best = i && t < best ? t : best; /* the first builds the work-group */
    }
    clReleaseKernel(k);
    return best;
}

static double run_packed(const char *device, int codec_id, uint32_t rows, uint32_t cols)
{
    sb_device *dev;
    const sb_codec *codec = sb_codec_by_id(codec_id);
    size_t words = rows * sb_codec_row_words(codec, cols);
    uint32_t *w = malloc(words * 4), z = 1;
    for (size_t i = 0; i < words; i++)
        w[i] = z = z * 1664525 + 1013904223;
    sb_matrix m = {.codec = codec, .rows = rows, .cols = cols, .words = w};
    sb_command c = {.op = SB_OP_MATVEC, .codec = (uint8_t)codec_id, .batch = 1, .rows = rows, .cols = cols};
    uint64_t list;
    need(!sb_device_open(device, &(sb_device_options){.threads = 2}, &dev, &err) &&
             !sb_device_load_matrix(dev, &m, &c.weights, &err) &&
             !sb_device_alloc(dev, sb_codec_act_elems(codec, cols) * 2, &c.src, &err) &&
             !sb_device_alloc(dev, sb_acc_stride(rows), &c.dst, &err) && !sb_device_alloc(dev, 64, &list, &err) &&
             !sb_device_write(dev, list, &c, sizeof c, &err),
         device);
    double best = 1e30;
    for (int i = 0; i < REPEAT; i++) {
        double t = clock_now();
        need(sb_device_submit(dev, list, 1, &err) == SB_OK, device);
        t = clock_now() - t;
        best = i && t < best ? t : best;
    }
    sb_device_close(dev);
    free(w);
    return best;
}

static void record(struct json_object *out, const char *what, const char *engine, uint32_t rows, uint32_t cols,
                   double bytes, double s, double read_rate, double f32_seconds)
{
    double gbs = bytes / s * 1e-9;
    printf("%-8s %-8s %10.2f %12.2f %12.3f %14.2f\n", engine, what, s * 1e3, gbs, bytes / s / read_rate,
           f32_seconds / s);
    struct json_object *o = json_object_new_object();
    json_object_object_add(o, "engine", json_object_new_string(engine));
    json_object_object_add(o, "weights", json_object_new_string(what));
    json_object_object_add(o, "rows", json_object_new_int64(rows));
    json_object_object_add(o, "cols", json_object_new_int64(cols));
    json_object_object_add(o, "seconds", json_object_new_double(s));
    json_object_object_add(o, "gbytes_per_second", json_object_new_double(gbs));
    json_object_object_add(o, "of_read_rate", json_object_new_double(bytes / s / read_rate));
    json_object_object_add(o, "speed_to_f32", json_object_new_double(f32_seconds / s));
    json_object_array_add(out, o);
}

int main(int argc, char **argv)
{
    uint32_t rows = argc > 3 ? (uint32_t)strtoul(argv[2], NULL, 10) : 4096,
             cols = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 4096;
    const char *device = argc > 4 ? argv[4] : "opencl";
    sb_device *dev;
    if (argc < 2 || rows % 32 || cols % 16)
        return fprintf(stderr, "usage: bench_opencl OUT.json [ROWS COLS [DEVICE]]; multiples of 32 and 16\n"), 2;
    if (sb_device_open(device, NULL, &dev, &err)) {
        printf("skipped: bench-opencl (%s)\n", err.msg);
        return 0;
    }
    sb_cl *s = dev->priv;
    cl_device_type type = 0;
    cl_int e;
    clGetDeviceInfo(s->id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    host_is_device = type & CL_DEVICE_TYPE_CPU;
    cl_program p = clCreateProgramWithSource(s->context, 1, (const char **)&plain, NULL, &e);
    need(p && clBuildProgram(p, 1, &s->id, "", NULL, NULL) == CL_SUCCESS, "plain kernels");
    size_t n = (size_t)rows * cols;
    cl_mem w = clCreateBuffer(s->context, CL_MEM_READ_WRITE, n * 4, NULL, &e),
           x = clCreateBuffer(s->context, CL_MEM_READ_WRITE, cols * 4, NULL, &e);
    cl_mem y = clCreateBuffer(s->context, CL_MEM_READ_WRITE, rows * 4, NULL, &e);
    const cl_uint one = 0x3f800000;
    need(w && x && y && !clEnqueueFillBuffer(s->queue, w, &one, 4, 0, n * 4, 0, NULL, NULL) &&
             !clEnqueueFillBuffer(s->queue, x, &one, 4, 0, cols * 4, 0, NULL, NULL) && !clFinish(s->queue),
         "buffers");
    double read = run_plain(s, p, "read_pass", w, x, y, rows, cols), rate = (double)n * 4 / read;
    double f32 = run_plain(s, p, "dot_f32", w, x, y, rows, cols), s8 = run_plain(s, p, "dot_s8", w, x, y, rows, cols);
    struct json_object *out = json_object_new_array();
    printf("%s; %u x %u; %s\n", sb_device_describe(dev), rows, cols,
           host_is_device ? "processor time of all threads" : "wall time");
    printf("%-8s %-8s %10s %12s %12s %14s\n", "engine", "weights", "ms", "GB/s", "of reading", "speed to f32");
    record(out, "(read)", "opencl", rows, cols, (double)n * 4, read, rate, f32);
    record(out, "f32", "opencl", rows, cols, (double)n * 4, f32, rate, f32);
    record(out, "int8", "opencl", rows, cols, (double)n, s8, rate, f32);
    for (int c = 0; c < SB_CODEC_COUNT; c++) {
        const sb_codec *codec = sb_codec_by_id(c);
        double bytes = (double)rows * (double)sb_codec_row_words(codec, cols) * 4;
        record(out, codec->name, "opencl", rows, cols, bytes, run_packed(device, c, rows, cols), rate, f32);
        record(out, codec->name, "cpu", rows, cols, bytes, run_packed("cpu", c, rows, cols), rate, f32);
    }
    if (json_object_to_file_ext(argv[1], out, JSON_C_TO_STRING_PRETTY))
        return fprintf(stderr, "bench_opencl: cannot write %s\n", argv[1]), 1;
    json_object_put(out);
    clReleaseMemObject(w);
    clReleaseMemObject(x);
    clReleaseMemObject(y);
    clReleaseProgram(p);
    sb_device_close(dev);
    return 0;
}
#else
int main(void)
{
    printf("skipped: bench-opencl (built without OpenCL)\n");
    return 0;
}
#endif
