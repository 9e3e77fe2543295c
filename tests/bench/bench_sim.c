/* SPDX-License-Identifier: Apache-2.0
 * How fast does the simulation run? Cycles and weights a second of processor time of one host core, traces off.
 *   bench_sim SIM_DIR OUT.json [REPEAT]   the best of REPEAT runs (3): on a loaded machine take more */
#include <json-c/json.h>

#include "simlib.h"

int main(int argc, char **argv)
{
    static const unsigned buses[] = {64, 512};
    static const struct {
        const char *name;
        uint32_t memory;
    } memories[] = {{"ideal", SB_SIM_IDEAL}, {"ddr4-2400", SB_SIM_DDR4_2400}};
    enum { COLS = 2048 };
    int repeat = argc == 4 ? atoi(argv[3]) : 3;
    if (argc < 3 || argc > 4 || repeat < 1)
        simlib_die("usage", "bench_sim SIM_DIR OUT.json [REPEAT]");
    struct json_object *out = json_object_new_array();
    printf("%4s %9s %-10s %-8s %10s %12s %12s  (best of %d)\n", "bus", "weights/c", "memory", "codec", "cycles",
           "cycles/s", "weights/s", repeat);
    for (size_t b = 0; b < sizeof buses / sizeof *buses; b++) {
        const sb_sim_interface *api = simlib_load(argv[1], buses[b], 1);
        if (!api)
            simlib_die(argv[1], "library missing");
        for (int c = 0; c < SB_CODEC_COUNT; c++) {
            const sb_codec *codec = sb_codec_by_id(c);
            problem p = problem_make(codec, buses[b] == 64 ? 1024 : 4096, COLS);
            for (size_t m = 0; m < sizeof memories / sizeof *memories; m++) {
                double best = 1e30;
                sb_sim_report r;
                for (int i = 0; i < repeat; i++) {
                    sb_sim_config cfg = {.memory = memories[m].memory, .read_latency = memories[m].memory ? 0 : 22};
                    problem_run(api, cfg, &p, 1, &r);
                    best = r.seconds < best ? r.seconds : best;
                }
                unsigned rate = simlib_lanes(api) * (unsigned)codec->block;
                double cps = (double)r.cycles / best, wps = (double)(p.rows * p.cols) / best;
                printf("%4u %9u %-10s %-8s %10" PRIu64 " %12.0f %12.0f\n", buses[b], rate, memories[m].name,
                       codec->name, r.cycles, cps, wps);
                struct json_object *o = json_object_new_object();
                json_object_object_add(o, "bus", json_object_new_int((int)buses[b]));
                json_object_object_add(o, "ports", json_object_new_int((int)api->ports));
                json_object_object_add(o, "weights_per_cycle", json_object_new_int((int)rate));
                json_object_object_add(o, "memory", json_object_new_string(memories[m].name));
                json_object_object_add(o, "codec", json_object_new_string(codec->name));
                json_object_object_add(o, "rows", json_object_new_int64((int64_t)p.rows));
                json_object_object_add(o, "cols", json_object_new_int64((int64_t)p.cols));
                json_object_object_add(o, "cycles", json_object_new_int64((int64_t)r.cycles));
                json_object_object_add(o, "cpu_seconds", json_object_new_double(best));
                json_object_object_add(o, "cycles_per_second", json_object_new_double(cps));
                json_object_object_add(o, "weights_per_second", json_object_new_double(wps));
                json_object_array_add(out, o);
            }
            problem_free(&p);
        }
    }
    if (json_object_to_file_ext(argv[2], out, JSON_C_TO_STRING_PRETTY))
        simlib_die(argv[2], json_util_get_last_err());
    json_object_put(out);
    return 0;
}
