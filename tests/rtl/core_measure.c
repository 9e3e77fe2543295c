/* SPDX-License-Identifier: Apache-2.0
 * Cycles, bus utilisation and speed of square matrices, and of batches. */
#include "core_bench.h"

static void measure(bench *b)
{
    printf("%-8s %6s %10s %10s %8s %7s %7s %7s %7s %7s %7s %9s\n", "codec", "n", "cycles", "useful", "util", "wait",
           "stall", "act", "drain", "control", "Mw/s", "vs fp16");
    uint64_t fp16[3] = {0};
    const size_t sizes[3] = {512, 2048, 4096};
    for (int i = 0; i < 3; i++) {
        for (int codec = 0; codec < M_CODECS; codec++) {
            size_t n = sizes[i];
            fresh(b);
            command m = make_matvec(b, codec, n, n, 0);
            put_command(b, 0, 0, &m);
            snapshot(b);
            model_matvec(b, &m);
            sb_sim *s = open_sim(b, (sb_sim_config){0});
            sb_sim_report r = run(b, s, 0, 1, SB_SIM_OK);
            compare(b, &m, 1, "measure");
            const uint64_t *c = r.counter;
            if (codec == 0)
                fp16[i] = c[0];
            printf("%-8s %6zu %10" PRIu64 " %10" PRIu64 " %7.2f%% %7" PRIu64 " %7" PRIu64 " %7" PRIu64 " %7" PRIu64
                   " %7" PRIu64 " %7.1f %8.2fx\n",
                   codec_name[codec], n, c[0], c[1], 100.0 * (double)c[1] / (double)c[0], c[2], c[3], c[4], c[5], c[6],
                   (double)n * (double)n / r.seconds * 1e-6, (double)fp16[i] / (double)c[0]);
            b->api->close(s);
        }
    }
}

static void measure_batches(bench *b)
{
    printf("%-8s %6s %6s %10s %12s %10s %10s %7s %7s %7s %7s %7s\n", "codec", "n", "batch", "cycles", "a vector",
           "useful", "compute", "wait", "stall", "act", "drain", "control");
    for (int codec = 0; codec < M_CODECS; codec++) {
        for (int batch = 1; batch <= (int)b->max_batch; batch *= 2) {
            size_t n = 1024;
            fresh(b);
            command m = make_batch(b, codec, batch, n, n, 0);
            put_command(b, 0, 0, &m);
            snapshot(b);
            model_matvec(b, &m);
            sb_sim *s = open_sim(b, (sb_sim_config){.read_latency = 32, .write_latency = 32});
            sb_sim_report r = run(b, s, 0, 1, SB_SIM_OK);
            compare(b, &m, 1, "measure");
            const uint64_t *c = r.counter;
            printf("%-8s %6zu %6d %10" PRIu64 " %12.1f %10" PRIu64 " %10" PRIu64 " %7" PRIu64 " %7" PRIu64 " %7" PRIu64
                   " %7" PRIu64 " %7" PRIu64 "\n",
                   codec_name[codec], n, batch, c[0], (double)c[0] / batch, c[1], c[7], c[2], c[3], c[4], c[5], c[6]);
            b->api->close(s);
        }
    }
}

void core_measure(bench *b)
{
    measure(b);
    measure_batches(b);
}
