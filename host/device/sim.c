/* SPDX-License-Identifier: Apache-2.0
 * The sim device: MATVEC, and what units are for, in the Verilated core (sim/include/seedbed_sim.h), everything else by
 * the host in the same memory. */
#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/core_driver.h"
#include "seedbed_sim.h"

typedef struct {
    void *lib;
    const sb_sim_interface *api;
    sb_sim *sim;
    sb_core core;
    char trace[PATH_MAX], hang[PATH_MAX];
    uint64_t split; /* the list as the core gets it, where that differs from the caller's */
    uint32_t split_room;
} sim_device;

/* build/sim/w512[pPORTS][UNITS][-trace]/libseedbed_sim.so beside the program, or below $SEEDBED_SIM. */
static void library_path(unsigned bus, unsigned ports, const char *units, bool trace, char *path, size_t size)
{
    char exe[PATH_MAX], variant[32] = "";
    if (ports > 1)
        snprintf(variant, sizeof variant, "p%u", ports);
    const char *dir = getenv("SEEDBED_SIM");
    ssize_t n = dir ? -1 : readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n > 0)
        exe[n] = 0;
    if (dir)
        snprintf(path, size, "%s/w%u%s%s%s/libseedbed_sim.so", dir, bus, variant, units, trace ? "-trace" : "");
    else
        snprintf(path, size, "%s/sim/w%u%s%s%s/libseedbed_sim.so", n > 0 ? dirname(exe) : ".", bus, variant, units,
                 trace ? "-trace" : "");
}

static void sim_close(sb_device *dev)
{
    sim_device *s = dev->priv;
    if (!s)
        return;
    if (s->sim)
        s->api->close(s->sim);
    if (s->lib)
        dlclose(s->lib);
    free(s);
    dev->priv = NULL;
}

static sb_status load(sim_device *s, const char *path, uint64_t bus, uint64_t ports, const char *units, bool trace,
                      sb_error *err)
{
    s->lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!s->lib)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "device sim: %s (build it with `make sim BUS=%llu PORTS=%llu%s%s%s`)",
                       dlerror(), (unsigned long long)bus, (unsigned long long)ports, units[0] ? " UNITS=" : "", units,
                       trace ? " TRACE=1" : "");
    sb_sim_api_fn api = NULL;
    void *sym = dlsym(s->lib, "sb_sim_api");
    memcpy(&api, &sym, sizeof api); /* POSIX's way from object to function pointer */
    if (!api)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: exports no sb_sim_api: not a simulated core", path);
    s->api = api();
    if (s->api->abi != SB_SIM_ABI)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: ABI %u, expected %u: rebuild it", path, s->api->abi, SB_SIM_ABI);
    return SB_OK;
}

static int read_register(void *ctx, uint32_t offset, uint32_t *value)
{
    const sim_device *s = ctx;
    return s->api->reg_read(s->sim, offset, value);
}

static const char *const memory_name[SB_SIM_MEMORIES] = {"ideal", "ddr4-2400", "hbm2"};

static sb_status sim_open(sb_device *dev, const char *params, sb_error *err)
{
    sim_device *s = calloc(1, sizeof *s);
    if (!s)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    dev->priv = s;
    char lib[PATH_MAX] = "", memory[16] = "ideal", units[8] = "";
    /* latency: only for the ideal memory, and there by default about 100 ns at 300 MHz. */
    uint64_t bus = 512, ports = 1, latency = UINT64_MAX, clock = 300, bytes = 0, stall = 0, seed = 1, ref_int = 0,
             ref_len = 0;
    uint64_t dog = 0, from = 0, to = 0, around = 0;
    const sb_param p[] = {{"bus", &bus, 64, 1024, NULL, 0},
                          {"ports", &ports, 1, SB_SIM_MAX_PORTS, NULL, 0},
                          {"units", NULL, 0, 0, units, sizeof units},
                          {"memory", NULL, 0, 0, memory, sizeof memory},
                          {"clock", &clock, 1, 2000, NULL, 0},
                          {"latency", &latency, 0, 100000, NULL, 0},
                          {"bytes_per_cycle", &bytes, 1, 128, NULL, 0},
                          {"stall", &stall, 0, 999, NULL, 0},
                          {"seed", &seed, 0, UINT32_MAX, NULL, 0},
                          {"refresh_interval", &ref_int, 0, UINT32_MAX, NULL, 0},
                          {"refresh_length", &ref_len, 0, UINT32_MAX, NULL, 0},
                          {"watchdog", &dog, 100, UINT64_MAX, NULL, 0},
                          {"trace_from", &from, 0, UINT64_MAX, NULL, 0},
                          {"trace_to", &to, 0, UINT64_MAX, NULL, 0},
                          {"trace", NULL, 0, 0, s->trace, sizeof s->trace},
                          {"trace_on_hang", NULL, 0, 0, s->hang, sizeof s->hang},
                          {"trace_cycles", &around, 1, 1000000000, NULL, 0},
                          {"lib", NULL, 0, 0, lib, sizeof lib}};
    sb_status st = sb_params_parse("sim", params, p, sizeof p / sizeof *p, err);
    int kind = -1;
    for (int i = 0; i < SB_SIM_MEMORIES; i++)
        if (!strcmp(memory, memory_name[i]))
            kind = i;
    if (!st && kind < 0)
        st = sb_fail(err, SB_ERR_ARG, "device sim: memory=%s: expected ideal, ddr4-2400 or hbm2", memory);
    if (!st && kind != SB_SIM_IDEAL && (latency != UINT64_MAX || bytes || ref_int || ref_len))
        st = sb_fail(err, SB_ERR_ARG,
                     "device sim: latency, bytes_per_cycle and refresh_* describe memory=ideal; "
                     "memory=%s has the timing of its standard",
                     memory);
    if (!st && (bus & (bus - 1)))
        st = sb_fail(err, SB_ERR_ARG, "device sim: bus=%llu: expected 64, 128, 256, 512 or 1024",
                     (unsigned long long)bus);
    if (!st && units[0] && strcmp(units, "a") && strcmp(units, "v") && strcmp(units, "av"))
        st = sb_fail(err, SB_ERR_ARG, "device sim: units=%s: expected a (attention), v (vector) or av", units);
    if (!st && s->trace[0] && s->hang[0])
        st = sb_fail(err, SB_ERR_ARG, "device sim: trace and trace_on_hang: a waveform either of all or of a hang");
    if (!st && around && !s->hang[0])
        st = sb_fail(err, SB_ERR_ARG, "device sim: trace_cycles belongs to trace_on_hang=FILE.fst");
    const char *wave = s->trace[0] ? s->trace : s->hang;
    if (latency == UINT64_MAX)
        latency = kind == SB_SIM_IDEAL ? 32 : 0;
    if (!st && !lib[0])
        library_path((unsigned)bus, (unsigned)ports, units, wave[0] != 0, lib, sizeof lib);
    if (!st)
        st = load(s, lib, bus, ports, units, wave[0] != 0, err);
    if (!st && wave[0] && !s->api->can_trace)
        st = sb_fail(err, SB_ERR_ARG,
                     "device sim: %s=%s needs the tracing variant: `make sim BUS=%llu PORTS=%llu TRACE=1`",
                     s->trace[0] ? "trace" : "trace_on_hang", wave, (unsigned long long)bus, (unsigned long long)ports);
    if (!st) {
        sb_sim_config c = {.size = sizeof c,
                           .read_latency = (uint32_t)latency,
                           .write_latency = (uint32_t)latency,
                           .bytes_per_cycle = (uint32_t)bytes,
                           .stall_permille = (uint32_t)stall,
                           .seed = (uint32_t)seed,
                           .refresh_interval = (uint32_t)ref_int,
                           .refresh_length = (uint32_t)ref_len,
                           .watchdog = dog,
                           .fst_path = s->trace[0] ? s->trace : NULL,
                           .trace_from = from,
                           .trace_to = to,
                           .hang_path = s->hang[0] ? s->hang : NULL,
                           .hang_cycles = around ? around : 1000,
                           .memory = (uint32_t)kind,
                           .clock_mhz = (uint32_t)clock};
        char msg[512] = "";
        s->sim = s->api->open(&c, dev->mem.base, dev->mem.size, msg, sizeof msg);
        if (!s->sim)
            st = sb_fail(err, SB_ERR_DEVICE, "device sim: %s", msg);
    }
    if (st) {
        sim_close(dev);
        return st;
    }
    char name[PATH_MAX + 16];
    snprintf(name, sizeof name, "device sim: %s", lib);
    st = sb_core_probe(&s->core, name, read_register, s, err);
    if (st) {
        sim_close(dev);
        return st;
    }
    sb_core_restrict(&s->core, dev);
    dev->counters.bus_bytes = s->core.lanes * 4;
    dev->counters.ports = s->core.ports;
    char what[64];
    if (kind == SB_SIM_IDEAL)
        snprintf(what, sizeof what, "ideal memory, read latency %llu cycles", (unsigned long long)latency);
    else
        snprintf(what, sizeof what, "%s, %llu MHz", memory, (unsigned long long)clock);
    snprintf(dev->describe, sizeof dev->describe, "Verilated core, %u lanes, %u x %u-bit bus%s%s, %s%s",
             s->core.ports * s->core.lanes, s->core.ports, s->api->bus_bits,
             s->core.units & (SB_UNIT_SIGMOID | SB_UNIT_SOFTMAX) ? ", attention unit" : "",
             s->core.units & SB_UNIT_VECTOR ? ", vector unit" : "", what, stall ? ", random stalls" : "");
    return SB_OK;
}

static sb_status sim_load_matrix(sb_device *dev, const sb_matrix *m, uint64_t *addr, sb_error *err)
{
    return sb_core_load_matrix(&((const sim_device *)dev->priv)->core, dev, m, addr, err);
}

static bool sim_takes(const sb_device *dev, const sb_command *c)
{
    return sb_core_takes(&((const sim_device *)dev->priv)->core, c);
}

static uint64_t sim_matrix_bytes(const sb_device *dev, const sb_command *c)
{
    return sb_core_matrix_bytes(&((const sim_device *)dev->priv)->core, c);
}

/* As many commands a batch as the core needs; *n becomes their number, and *addr another list if it is not the
 * caller's. */
static sb_status split_batches(sb_device *dev, uint64_t *addr, uint32_t *n, sb_error *err)
{
    sim_device *s = dev->priv;
    const sb_command *c = sb_ptr(dev, *addr);
    uint32_t total = sb_core_split_count(&s->core, c, *n);
    if (total == *n)
        return SB_OK;
    if (total > s->split_room) {
        sb_status st = sb_device_alloc(dev, (size_t)total * sizeof *c, &s->split, err);
        if (st)
            return st;
        s->split_room = total;
    }
    sb_core_split(&s->core, c, *n, sb_ptr(dev, s->split));
    *addr = s->split;
    *n = total;
    return SB_OK;
}

static sb_status sim_run(sb_device *dev, uint64_t addr, uint32_t n, uint32_t *failed, sb_error *err)
{
    sim_device *s = dev->priv;
    uint64_t at = addr;
    uint32_t m = n;
    sb_status st = split_batches(dev, &at, &m, err);
    if (st)
        return st;
    static _Thread_local sb_sim_report r;
    _Static_assert(SB_SIM_COUNTERS == (int)SB_CORE_COUNTERS, "the report has them in the order of docs/device.md");
    char msg[512] = "";
    sb_sim_status rc =
        s->api->run(s->sim, at, m, sb_core_cycle_limit(&s->core, sb_ptr(dev, at), m), &r, msg, sizeof msg);
    sb_core_count(dev, r.counter);
    if (rc == SB_SIM_OK)
        return SB_OK;
    *failed = sb_core_split_source(&s->core, sb_ptr(dev, addr), n, r.error_index);
    if (rc == SB_SIM_CORE_ERROR)
        return sb_fail(err, SB_ERR_DEVICE, "sim: %s (error %u)", sb_core_error_name(r.error), r.error);
    char line[1800]; /* the diagnosis on one line; it begins with the reason */
    size_t k = 0;
    for (const char *p = r.diagnosis; *p && k + 3 < sizeof line; p++) {
        line[k++] = *p == '\n' ? ';' : *p;
        if (*p == '\n')
            line[k++] = ' ';
    }
    line[k > 2 ? k - 2 : 0] = 0;
    return sb_fail(err, rc == SB_SIM_TIMEOUT ? SB_ERR_TIMEOUT : SB_ERR_DEVICE, "sim: %s", line);
}

const sb_backend sb_backend_sim = {
    .kind = {"sim", "the SystemVerilog core, simulated with Verilator",
             "bus=64..1024, ports=1..8, units=a|v|av, memory=ideal|ddr4-2400|hbm2, clock=MHZ, latency=CYCLES, "
             "bytes_per_cycle=N, "
             "stall=PERMILLE, seed=N, refresh_interval=N, refresh_length=N, "
             "watchdog=CYCLES, trace=FILE.fst, trace_from=CYCLE, trace_to=CYCLE, trace_on_hang=FILE.fst, "
             "trace_cycles=N, lib=PATH"},
    .exact = true,
    .open = sim_open,
    .close = sim_close,
    .load_matrix = sim_load_matrix,
    .matrix_bytes = sim_matrix_bytes,
    .takes = sim_takes,
    .run = sim_run,
    .op = {SB_HOST_OPS, SB_EXACT_OPS},
    .on_device = {SB_CORE_OPS},
};
