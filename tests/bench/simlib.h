/* SPDX-License-Identifier: Apache-2.0
 * Lists of MATVECs in a simulated core, for the benches: loads a library, makes a random problem, runs it, compares
 * every result with the exact CPU matvec. */
#ifndef SEEDBED_BENCH_SIMLIB_H
#define SEEDBED_BENCH_SIMLIB_H

#include <dlfcn.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "device/cpu_matvec.h"
#include "device/device_internal.h"
#include "seedbed_sim.h"

static inline void simlib_die(const char *what, const char *detail)
{
    fprintf(stderr, "bench: %s: %s\n", what, detail);
    exit(1);
}

/* NULL if there is no such library. */
static inline const sb_sim_interface *simlib_load(const char *dir, unsigned bus, unsigned ports)
{
    char path[PATH_MAX], suffix[16] = "";
    if (ports > 1)
        snprintf(suffix, sizeof suffix, "p%u", ports);
    snprintf(path, sizeof path, "%s/w%u%s/libseedbed_sim.so", dir, bus, suffix);
    void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!so)
        return NULL;
    sb_sim_api_fn get = NULL;
    void *sym = dlsym(so, "sb_sim_api");
    memcpy(&get, &sym, sizeof get);
    if (!get || get()->abi != SB_SIM_ABI)
        simlib_die(path, "not a simulated core of this ABI: rebuild it");
    return get();
}

static inline unsigned simlib_lanes(const sb_sim_interface *api)
{
    return api->ports * api->bus_bits / 32;
}

typedef struct {
    const sb_codec *codec;
    size_t rows, cols;
    uint32_t *words; /* (rows, row words) */
    int16_t *x;      /* one quantised vector in device layout */
    int64_t *want;   /* (rows) */
} problem;

static inline uint64_t simlib_rnd(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

static inline void *simlib_alloc(size_t n)
{
    void *p = calloc(1, n ? n : 1);
    if (!p)
        simlib_die("memory", "out of it");
    return p;
}

static inline problem problem_make(const sb_codec *codec, size_t rows, size_t cols)
{
    problem p = {.codec = codec, .rows = rows, .cols = cols};
    size_t n = rows * sb_codec_row_words(codec, cols);
    uint64_t seed = 0x9E3779B97F4A7C15u ^ (rows << 32) ^ cols ^ (uint64_t)codec->id << 56;
    p.words = simlib_alloc(n * 4);
    for (size_t i = 0; i < n; i++)
        p.words[i] = (uint32_t)(simlib_rnd(&seed) >> 16);
    p.x = simlib_alloc(sb_codec_act_elems(codec, cols) * 2);
    for (size_t c = 0; c < cols; c++)
        p.x[c / (size_t)codec->act_block * (size_t)codec->act_stride + c % (size_t)codec->act_block] =
            (int16_t)((int)(simlib_rnd(&seed) % 65535) - 32767);
    sb_matrix m = {.codec = codec, .rows = rows, .cols = cols, .words = p.words};
    uint32_t *lanes = simlib_alloc(sb_lane_bytes(codec, rows, cols, SB_CPU_LANES, 1));
    p.want = simlib_alloc((rows + 7) / 8 * 64);
    sb_lane_pack(&m, SB_CPU_LANES, 1, lanes);
    sb_cpu_matvec(sb_group_best(codec), codec, lanes, rows, cols, p.x, 1, p.want, (rows + 7) / 8 * 64, 1);
    free(lanes);
    return p;
}

static inline void problem_free(problem *p)
{
    free(p->words);
    free(p->x);
    free(p->want);
}

/* Runs a list of `chain` commands of the problem's shape, each with weights and results of its own, and checks every
 * result; exits with a message if anything is wrong. */
static inline void problem_run(const sb_sim_interface *api, sb_sim_config cfg, const problem *p, unsigned chain,
                               sb_sim_report *r)
{
    unsigned lanes = api->bus_bits / 32;
    uint64_t w_bytes = (sb_lane_bytes(p->codec, p->rows, p->cols, lanes, api->ports) + 4095) / 4096 * 4096,
             y_bytes = (8 * p->rows + 8191) / 4096 * 4096, x_bytes = sb_codec_act_elems(p->codec, p->cols) * 2;
    /* 4 KB apart: no burst of one touches another */
    uint64_t src = 4096, dst = (src + x_bytes + 8191) / 4096 * 4096, weights = dst + chain * y_bytes;
    uint64_t bytes = weights + chain * w_bytes + 4096;
    uint8_t *mem = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    if (!mem)
        simlib_die("memory", "out of it");
    memset(mem, 0, weights);
    memcpy(mem + src, p->x, x_bytes);
    sb_matrix m = {.codec = p->codec, .rows = p->rows, .cols = p->cols, .words = p->words};
    for (unsigned i = 0; i < chain; i++) {
        sb_command c = {.op = SB_OP_MATVEC,
                        .codec = (uint8_t)p->codec->id,
                        .batch = 1,
                        .rows = (uint32_t)p->rows,
                        .cols = (uint32_t)p->cols,
                        .src = src,
                        .dst = dst + i * y_bytes,
                        .weights = weights + i * w_bytes};
        memcpy(mem + i * sizeof c, &c, sizeof c);
        sb_lane_pack(&m, lanes, api->ports, (uint32_t *)(mem + c.weights));
    }
    char err[512] = "";
    cfg.size = sizeof cfg;
    sb_sim *s = api->open(&cfg, mem, bytes, err, sizeof err);
    if (!s)
        simlib_die("open", err);
    sb_sim_status st = api->run(s, 0, chain, 0, r, err, sizeof err);
    if (st != SB_SIM_OK)
        simlib_die(err, r->diagnosis);
    for (unsigned i = 0; i < chain; i++) {
        if (memcmp(mem + dst + i * y_bytes, p->want, 8 * p->rows)) {
            char what[128];
            snprintf(what, sizeof what, "%s %zux%zu, command %u", p->codec->name, p->rows, p->cols, i);
            simlib_die(what, "the core's result is not the CPU's");
        }
    }
    api->close(s);
    free(mem);
}

#endif
