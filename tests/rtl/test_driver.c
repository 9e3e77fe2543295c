/* SPDX-License-Identifier: Apache-2.0
 * The drivers of the core against the cpu device: batches beyond what the core takes are split, and errors name the
 * caller's command.  test_driver LIB|xrt:...|opencl-xrt:... ... */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "seedbed/codec.h"
#include "seedbed/device.h"

static void check(bool ok, const char *what, const char *detail)
{
    if (ok)
        return;
    fprintf(stderr, "test_driver: %s: %s\n", what, detail);
    exit(1);
}

typedef struct {
    const sb_codec *codec;
    uint32_t rows, cols, batch;
} shape;

enum { COMMANDS = 6 };

/* The commands of `s` on one device, in one list; out[i]: results of command i, whole strides. */
static void run(const char *spec, const shape *s, uint64_t seed, uint8_t **out, sb_counters *counters, uint32_t bad)
{
    sb_error err = {{0}};
    sb_device *dev = NULL;
    check(!sb_device_open(spec, NULL, &dev, &err), spec, err.msg);
    m_rng rng = {seed};
    sb_command list[COMMANDS];
    for (int i = 0; i < COMMANDS; i++) {
        size_t words = s[i].rows * sb_codec_row_words(s[i].codec, s[i].cols),
               elems = sb_codec_act_elems(s[i].codec, s[i].cols);
        uint32_t *w = malloc(words * 4);
        int16_t *x = calloc(s[i].batch, elems * 2);
        check(w && x, spec, "out of memory");
        for (size_t k = 0; k < words; k++)
            w[k] = m_rand(&rng);
        size_t blk = (size_t)m_act_block(s[i].codec->id), slot = (size_t)m_act_stride(s[i].codec->id);
        for (size_t v = 0; v < s[i].batch; v++)
            for (size_t c = 0; c < s[i].cols; c++)
                x[v * elems + c / blk * slot + c % blk] = (int16_t)((int)m_below(&rng, 65535) - 32767);
        sb_matrix m = {.codec = s[i].codec, .rows = s[i].rows, .cols = s[i].cols, .words = w};
        list[i] = (sb_command){.op = SB_OP_MATVEC,
                               .codec = (uint8_t)s[i].codec->id,
                               .batch = (uint16_t)s[i].batch,
                               .rows = s[i].rows,
                               .cols = s[i].cols,
                               .tag = (uint32_t)i + 100};
        check(!sb_device_load_matrix(dev, &m, &list[i].weights, &err), spec, err.msg);
        check(!sb_device_alloc(dev, elems * 2 * s[i].batch, &list[i].src, &err), spec, err.msg);
        check(!sb_device_write(dev, list[i].src, x, elems * 2 * s[i].batch, &err), spec, err.msg);
        check(!sb_device_alloc(dev, sb_acc_stride(s[i].rows) * s[i].batch, &list[i].dst, &err), spec, err.msg);
        free(w);
        free(x);
    }
    uint64_t at;
    check(!sb_device_alloc(dev, sizeof list, &at, &err), spec, err.msg);
    check(!sb_device_write(dev, at, list, sizeof list, &err), spec, err.msg);
    sb_status st = sb_device_submit(dev, at, COMMANDS, &err);
    if (bad < COMMANDS) {
        char want[64];
        snprintf(want, sizeof want, "command %u (tag %u): %.*s: %s", bad, bad + 100, (int)strcspn(spec, ":"), spec,
                 *spec == 'o' ? "the core refuses it" : "shape out of range"); /* OpenCL reads no registers */
        check(st && !strncmp(err.msg, want, strlen(want)), want, err.msg);
    } else {
        check(!st, spec, err.msg);
    }
    for (int i = 0; i < COMMANDS; i++) {
        size_t bytes = sb_acc_stride(s[i].rows) * s[i].batch;
        out[i] = malloc(bytes);
        check(out[i] != NULL, spec, "out of memory");
        check(!sb_device_read(dev, list[i].dst, out[i], bytes, &err), spec, err.msg);
    }
    sb_device_counters(dev, counters);
    sb_device_close(dev);
}

int main(int argc, char **argv)
{
    check(argc > 1, "usage", "test_driver LIB...");
    for (int a = 1; a < argc; a++) {
        char spec[4096];
        bool whole = !strncmp(argv[a], "xrt", 3) || !strncmp(argv[a], "opencl", 6);
        snprintf(spec, sizeof spec, "%s%s", whole ? "" : "sim:latency=3,lib=", argv[a]);
        m_rng rng = {0xD21BE7 + (uint64_t)a};
        for (int round = 0; round < 24; round++) {
            shape s[COMMANDS];
            uint64_t expected = 0;
            uint32_t bad = round % 4 == 3 ? 1 + m_below(&rng, COMMANDS - 1) : COMMANDS;
            for (uint32_t i = 0; i < COMMANDS; i++) {
                /* Some are bound by the number of vectors, some by the buffer of 65536 activations. */
                bool wide = m_below(&rng, 3) == 0;
                s[i] = (shape){.codec = sb_codec_by_id((int)m_below(&rng, M_CODECS)),
                               .rows = 1 + m_below(&rng, 20),
                               .cols = wide ? 4097 + m_below(&rng, 18000) : 1 + m_below(&rng, 90),
                               .batch = 1 + m_below(&rng, wide ? 16 : 50)};
                if (i == bad)
                    s[i].cols = 70000;
                uint32_t fit = 65536 / (uint32_t)sb_codec_act_elems(s[i].codec, s[i].cols), each = fit < 16 ? fit : 16;
                expected += (s[i].batch + (each ? each : 1) - 1) / (each ? each : 1);
            }
            uint8_t *cpu[COMMANDS], *sim[COMMANDS];
            sb_counters k, none;
            uint64_t seed = 77 + (uint64_t)round;
            run("cpu", s, seed, cpu, &none, COMMANDS);
            run(spec, s, seed, sim, &k, bad);
            char text[128];
            for (uint32_t i = 0; i < COMMANDS; i++) {
                snprintf(text, sizeof text, "round %d command %u: %s %ux%u batch %u", round, i, s[i].codec->name,
                         s[i].rows, s[i].cols, s[i].batch);
                if (i < bad) /* the gaps between vectors hold the zeros of fresh memory on both */
                    check(!memcmp(cpu[i], sim[i], sb_acc_stride(s[i].rows) * s[i].batch), text,
                          "the core's results are not the CPU's");
                free(cpu[i]);
                free(sim[i]);
            }
            snprintf(text, sizeof text, "round %d: %llu commands, expected %llu", round, (unsigned long long)k.commands,
                     (unsigned long long)expected);
            check(bad < COMMANDS || k.commands == expected || *spec == 'o', text, "not the fewest");
        }
        printf("driver %s: ok\n", argv[a]);
    }
    return 0;
}
