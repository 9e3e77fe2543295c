/* SPDX-License-Identifier: Apache-2.0
 * The cpu device and a cuda device side by side: the same buffers, the same commands, every byte of every buffer
 * compared. */
#ifndef SEEDBED_TESTS_PAIR_H
#define SEEDBED_TESTS_PAIR_H

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/attention_exact.h"
#include "device/device_internal.h"

static uint64_t pair_rng = 0x9e3779b97f4a7c15u;
static inline uint32_t rnd(void)
{
    pair_rng ^= pair_rng << 13;
    pair_rng ^= pair_rng >> 7;
    pair_rng ^= pair_rng << 17;
    return (uint32_t)(pair_rng >> 16);
}
static inline uint32_t below(uint32_t n)
{
    return rnd() % n;
}

enum { MAX_BUFFERS = 64, GUARD = 64 };
typedef struct {
    sb_device *cpu, *cuda;
    struct {
        uint64_t addr, bytes;
    } buffer[MAX_BUFFERS];
    int buffers;
    uint64_t list;
} pair;

static inline void pair_open(pair *p)
{
    sb_error err;
    memset(p, 0, sizeof *p);
    ck_assert_msg(!sb_device_open("cpu", &(sb_device_options){.threads = 1}, &p->cpu, &err), "%s", err.msg);
    ck_assert_msg(
        !sb_device_open_backend(&sb_backend_cuda, "timeout=2", &(sb_device_options){.threads = 1}, &p->cuda, &err),
        "%s", err.msg);
    uint64_t a, b;
    sb_device_alloc(p->cpu, 64 * 64, &a, &err);
    sb_device_alloc(p->cuda, 64 * 64, &b, &err);
    ck_assert(a == b);
    p->list = a;
}

static inline void pair_close(pair *p)
{
    sb_device_close(p->cpu);
    sb_device_close(p->cuda);
}

/* At the same address on both; poisoned, and a guard behind it. */
static inline uint64_t pair_alloc(pair *p, size_t bytes)
{
    sb_error err;
    uint64_t a, b;
    size_t n = (bytes + 63) / 64 * 64 + GUARD;
    ck_assert(!sb_device_alloc(p->cpu, n, &a, &err) && !sb_device_alloc(p->cuda, n, &b, &err));
    ck_assert_msg(a == b, "buffers come before matrices");
    uint8_t *poison = malloc(n);
    memset(poison, 0xa5, n);
    sb_device_write(p->cpu, a, poison, n, &err);
    sb_device_write(p->cuda, a, poison, n, &err);
    free(poison);
    ck_assert_int_lt(p->buffers, MAX_BUFFERS);
    p->buffer[p->buffers].addr = a;
    p->buffer[p->buffers++].bytes = n;
    return a;
}

static inline uint64_t pair_put(pair *p, const void *data, size_t bytes)
{
    sb_error err;
    uint64_t a = pair_alloc(p, bytes);
    sb_device_write(p->cpu, a, data, bytes, &err);
    sb_device_write(p->cuda, a, data, bytes, &err);
    return a;
}

/* f32, mostly ordinary, some zeros, subnormals and large ones. */
static inline uint64_t pair_floats(pair *p, size_t n, bool wild)
{
    float *x = malloc(n * sizeof *x + 4);
    for (size_t i = 0; i < n; i++) {
        x[i] = ((float)(int)(rnd() % 200001) - 100000.0f) * 4e-5f;
        if (wild && !below(5))
            x[i] = below(3) ? ldexpf(x[i], (int)below(60) - 30) : below(2) ? -0.0f : 1e-41f;
    }
    uint64_t a = pair_put(p, x, n * sizeof *x);
    free(x);
    return a;
}

/* The same list on both, then every buffer. cuda: its own records where weights lie elsewhere, or NULL. */
static inline void pair_run(pair *p, const sb_command *c, const sb_command *cuda, uint32_t n, const char *what)
{
    sb_error ea = {{0}}, eb = {{0}};
    sb_device_write(p->cpu, p->list, c, n * sizeof *c, &ea);
    sb_device_write(p->cuda, p->list, cuda ? cuda : c, n * sizeof *c, &eb);
    sb_status a = sb_device_submit(p->cpu, p->list, n, &ea), b = sb_device_submit(p->cuda, p->list, n, &eb);
    ck_assert_msg(a == b && !strcmp(ea.msg, eb.msg), "%s: cpu %d '%s', cuda %d '%s'", what, a, ea.msg, b, eb.msg);
    for (int i = 0; i < p->buffers && !a; i++) {
        size_t bytes = p->buffer[i].bytes;
        uint8_t *x = malloc(bytes), *y = malloc(bytes);
        sb_device_read(p->cpu, p->buffer[i].addr, x, bytes, &ea);
        sb_device_read(p->cuda, p->buffer[i].addr, y, bytes, &eb);
        for (size_t k = 0; k < bytes && memcmp(x, y, bytes); k++) /* Check writes a file at every assertion */
            ck_assert_msg(x[k] == y[k],
                          "%s: op %s codec %u batch %u rows %u cols %u: buffer %d byte %zu of %zu: cpu %02x, cuda %02x",
                          what, sb_op_name(c[n - 1].op), c[n - 1].codec, c[n - 1].batch, c[n - 1].rows, c[n - 1].cols,
                          i, k, bytes, x[k], y[k]);
        free(x);
        free(y);
    }
}

#endif
