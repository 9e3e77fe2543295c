// SPDX-License-Identifier: Apache-2.0
// The simulated core behind sb_sim_api(): configuration, runs, what is checked after each, and the diagnosis of a hang.
#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <ctime>
#include <new>

#include "sim_model.hpp"

namespace
{

double cpu_seconds()
{
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

void fail(char *err, size_t errlen, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void fail(char *err, size_t errlen, const char *fmt, ...)
{
    if (!err || !errlen)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err, errlen, fmt, ap);
    va_end(ap);
}

// Which memory, and every error of the configuration that the memory model would not notice.
bool memory_config(const sb_sim_config *c, dram_config *d, char *err, size_t errlen)
{
    if (!c || c->size != sizeof *c) {
        fail(err, errlen, "sim: config size is %u, this library expects %zu", c ? c->size : 0, sizeof *c);
        return false;
    }
    static const dram_part *const part[SB_SIM_MEMORIES] = {nullptr, &dram_ddr4_2400, &dram_hbm2};
    if (c->memory >= SB_SIM_MEMORIES) {
        fail(err, errlen, "sim: memory is %u, expected 0..%d", c->memory, SB_SIM_MEMORIES - 1);
        return false;
    }
    if (c->memory != SB_SIM_IDEAL &&
        (c->read_latency || c->write_latency || c->bytes_per_cycle || c->refresh_interval)) {
        fail(err, errlen, "sim: latency, bytes_per_cycle and refresh belong to the ideal memory, not to %s",
             part[c->memory]->name);
        return false;
    }
    if (c->clock_mhz > 2000) {
        fail(err, errlen, "sim: clock_mhz is %u, expected 1..2000", c->clock_mhz);
        return false;
    }
    if (c->stall_permille > 999) {
        fail(err, errlen, "sim: stall_permille is %u, expected 0..999", c->stall_permille);
        return false;
    }
    if (c->refresh_interval && c->refresh_length >= c->refresh_interval) {
        fail(err, errlen, "sim: refresh_length %u is not below refresh_interval %u", c->refresh_length,
             c->refresh_interval);
        return false;
    }
    *d = dram_config{};
    d->bus_bytes = kBusBytes;
    d->read_latency = c->read_latency;
    d->write_latency = c->write_latency;
    d->bytes_per_cycle = c->bytes_per_cycle;
    d->stall_permille = c->stall_permille;
    d->seed = c->seed;
    d->refresh_interval = c->refresh_interval;
    d->refresh_length = c->refresh_length;
    d->part = part[c->memory];
    d->clock_mhz = c->clock_mhz;
    d->mapped = c->mapped;
    d->mapped_ctx = c->mapped_ctx;
    d->access = c->access;
    d->access_ctx = c->access_ctx;
    return true;
}

} // namespace

void sb_sim::diagnose(sb_sim_report *r, const char *why, uint64_t cmd_addr, const uint8_t *host, uint64_t host_bytes)
{
    static const char *const fetch[16] = {"idle",         "fetch", "get",    "hazard", "issue", "ahead",
                                          "weights",      "wait",  "settle", "flush",  "done",  "unit",
                                          "unit at work", "?",     "?",      "?"};
    static const char *const tag[4] = {"command", "activations", "weights", "a unit's"};
    dram_stats s = *dram_get_stats(mem[0]);
    uint32_t state = reg(kState), out = reg(kOutstanding), level = reg(kLevels), cur = reg(kCurIndex);
    counters(r);
    size_t n = 0;
    auto line = [&](const char *fmt, auto... a) {
        if (n < sizeof r->diagnosis)
            n += size_t(snprintf(r->diagnosis + n, sizeof r->diagnosis - n, fmt, a...));
    };
    line("%s\n", why);
    line("cycle %" PRIu64 ", last transfer in cycle %" PRIu64 "\n", cycle(), last_progress());
    line("command processor: %s\n", fetch[state & 15]);
    if (reg(kError))
        line("error %u at command %u\n", reg(kError), reg(kErrorIndex));
    line("engine: %s%s%s%s\n", state & 0x80 ? "job in work" : "no job", state & 0x40 ? ", lanes busy" : "",
         state & 0x20 ? ", no room for results" : "", state & 0x10 ? ", side beat due" : "");
    static const char *const attention[4] = {"idle", "check", "divide", "run"};
    static const char *const vector[16] = {"idle", "check", "divide", "size",   "vector", "tile", "load", "store",
                                           "pass", "run",   "next",   "finish", "?",      "?",    "?",    "?"};
    uint32_t unit = reg(kUnitState), built = reg(kUnits);
    if (built & 3)
        line("attention unit: %s, %s (state 0x%02x)\n", unit >> 16 & 1 ? "at work" : "not at work",
             attention[unit >> 6 & 3], unit & 0xFF);
    if (built & 3 && unit >> 25)
        line("attention at work at ports 0x%x; above, the lowest of them\n", unit >> 24);
    if (built & 4)
        line("vector unit: %s, %s (state 0x%02x)\n", unit >> 17 & 1 ? "at work" : "not at work", vector[unit >> 8 & 15],
             unit >> 8 & 0xFF);
    line("next beat expected: %s\n", state & 0x1000 ? tag[(state >> 8) & 3] : "none");
    if (kPorts > 1)
        line("ports with reads to come: 0x%x, with results on the way: 0x%x; below, port 0\n", state >> 16 & 0xFF,
             state >> 24);
    line("read bursts in flight %u (memory: %u), read FIFO %u beats\n", out & 0xFFFF, s.reads_open, level & 0xFFFF);
    line("write bursts in flight %u (memory: %u), write FIFO %u beats\n", out >> 16, s.writes_open, level >> 16);
    line("last read address 0x%" PRIx64 ", last write address 0x%" PRIx64 "\n", s.last_araddr, s.last_awaddr);
    uint64_t at = cmd_addr + 64 * uint64_t(cur);
    if (at < host_bytes && host_bytes - at >= 64) {
        uint32_t w[16];
        memcpy(w, host + at, 64);
        line("command %u: op %u codec %u batch %u rows %u cols %u tag %u weights 0x%" PRIx64 " src 0x%" PRIx64
             " dst 0x%" PRIx64 " aux 0x%" PRIx64 " p 0x%x 0x%x 0x%x 0x%x\n",
             cur, w[0] & 0xFF, w[0] >> 8 & 0xFF, w[0] >> 16, w[1], w[2], w[3], w[4] | uint64_t(w[5]) << 32,
             w[6] | uint64_t(w[7]) << 32, w[8] | uint64_t(w[9]) << 32, w[10] | uint64_t(w[11]) << 32, w[12], w[13],
             w[14], w[15]);
    }
    line("counters: total %" PRIu64 " useful %" PRIu64 " wait_read %" PRIu64 " stall %" PRIu64 " act_load %" PRIu64
         " drain %" PRIu64 " control %" PRIu64 " compute %" PRIu64 " attend %" PRIu64 " vector %" PRIu64
         ", beats read %" PRIu64 " written %" PRIu64 ", commands %" PRIu64 "\n",
         r->counter[0], r->counter[1], r->counter[2], r->counter[3], r->counter[4], r->counter[5], r->counter[6],
         r->counter[7], r->counter[SB_SIM_ATTEND], r->counter[SB_SIM_VECTOR], r->counter[SB_SIM_READ_BEATS],
         r->counter[SB_SIM_WRITE_BEATS], r->counter[SB_SIM_COMMANDS]);
}

namespace
{

struct Host {
    sb_sim sim;
    uint8_t *mem;
    uint64_t bytes;
};

sb_sim *api_open(const sb_sim_config *config, uint8_t *mem, uint64_t mem_bytes, char *err, size_t errlen)
{
    dram_config d;
    if (!memory_config(config, &d, err, errlen))
        return nullptr;
#if !VM_TRACE_FST
    if (config->fst_path || config->hang_path) {
        fail(err, errlen, "sim: %s cannot trace; use the -trace variant for %s", SB_VARIANT,
             config->fst_path ? config->fst_path : config->hang_path);
        return nullptr;
    }
#endif
    if (config->fst_path && config->hang_path) {
        fail(err, errlen, "sim: a waveform either of all or of a hang");
        return nullptr;
    }
    Host *h = new (std::nothrow) Host();
    if (!h) {
        fail(err, errlen, "sim: out of memory");
        return nullptr;
    }
    sb_sim &s = h->sim;
    s.cfg = *config;
    h->mem = mem;
    h->bytes = mem_bytes;
    s.watchdog = config->watchdog ? config->watchdog : 100000;
    for (dram *&m : s.mem) {
        m = dram_open(&d, mem, mem_bytes);
        d.seed += 0x9E3779B9; // the ports do not stall in step
        if (!m) {
            fail(err, errlen, "sim: out of memory");
            delete h;
            return nullptr;
        }
    }
#if VM_TRACE_FST
    s.context.traceEverOn(config->fst_path || config->hang_path);
#endif
    s.context.randReset(2);
    s.context.randSeed(int(config->seed) + 1);
    Verilated::threadContextp(&s.context);
    s.top = std::make_unique<Vseedbed_kernel>(&s.context, "seedbed");
    s.connect();
#if VM_TRACE_FST
    if (config->fst_path && !s.open_fst(config->fst_path)) {
        fail(err, errlen, "sim: cannot write %s", config->fst_path);
        delete h;
        return nullptr;
    }
#endif
    s.reset();
    return &s;
}

Host *host_of(sb_sim *s)
{
    return reinterpret_cast<Host *>(s);
} // sim is Host's first member

// Registers and ap_start of a list; -1 if they hang.
int start(sb_sim *s, uint64_t cmd_addr, uint32_t count)
{
    s->reg_write(kGier, 1);
    s->reg_write(kIer, 1);
    uint32_t isr = s->reg(kIsr);
    if (isr)
        s->reg_write(kIsr, isr);
    s->reg_write(kCmdAddrLo, uint32_t(cmd_addr));
    s->reg_write(kCmdAddrHi, uint32_t(cmd_addr >> 32));
    s->reg_write(kCmdCount, count);
    return s->reg_write(kCtrl, 1);
}

#if VM_TRACE_FST
// In the process kept from the beginning of the list: the same cycles again, up to the end of the window.
[[noreturn]] void replay(sb_sim *s, HangTrace::Window w, uint64_t cmd_addr, uint32_t count)
{
    s->cfg.trace_from = w.from;
    s->cfg.trace_to = w.to;
    if (!s->open_fst(s->cfg.hang_path))
        _exit(1);
    start(s, cmd_addr, count);
    while (s->cycle() < w.to && s->tick()) {
    }
    s->fst->close();
    _exit(0);
}

// The window around the last transfer, from the process kept; says so in the report.
void trace_hang(sb_sim *s, uint64_t begin, uint64_t end, sb_sim_report *r)
{
    uint64_t last = s->last_progress(), n = s->cfg.hang_cycles;
    if (last < begin)
        last = begin;
    HangTrace::Window w = {last > begin + n ? last - n : begin, last + n < end ? last + n : end};
    bool ok = s->hang.play(w);
    size_t at = strlen(r->diagnosis);
    snprintf(r->diagnosis + at, sizeof r->diagnosis - at,
             ok ? "waveform of cycles %" PRIu64 " to %" PRIu64 ": %s\n"
                : "no waveform of cycles %" PRIu64 " to %" PRIu64 ": cannot write %s\n",
             w.from, w.to, s->cfg.hang_path);
}
#endif

sb_sim_status api_run(sb_sim *s, uint64_t cmd_addr, uint32_t count, uint64_t max_cycles, sb_sim_report *r, char *err,
                      size_t errlen)
{
    Host *h = host_of(s);
    double t0 = cpu_seconds();
    dram_stats before[kPorts];
    for (uint32_t i = 0; i < kPorts; i++)
        before[i] = *dram_get_stats(s->mem[i]);
    uint64_t read_before = s->sum(&dram_stats::read_bytes), write_before = s->sum(&dram_stats::write_bytes);
    s->split = WaitSplit{};
    memset(r, 0, sizeof *r);

#if VM_TRACE_FST
    HangTrace::Window window;
    if (s->cfg.hang_path && s->hang.keep(&window))
        replay(s, window, cmd_addr, count);
#endif
    int hung = start(s, cmd_addr, count);

    sb_sim_status status = SB_SIM_OK;
    uint64_t begin = s->cycle();
    char why[512];
    // The start itself counts as progress.
    while (!s->top->__SYM__interrupt) {
        bool ok = s->tick();
        if (!ok) {
            status = SB_SIM_PROTOCOL;
            snprintf(why, sizeof why, "AXI protocol: %s", s->violation());
            break;
        }
        uint64_t last = s->last_progress(), quiet = s->cycle() - (last > begin ? last : begin);
        if (hung || quiet > s->watchdog) {
            status = SB_SIM_TIMEOUT;
            snprintf(why, sizeof why, "no transfer on the memory bus for %" PRIu64 " cycles", quiet);
            break;
        }
        if (max_cycles && s->cycle() - begin > max_cycles) {
            status = SB_SIM_TIMEOUT;
            snprintf(why, sizeof why, "not done after %" PRIu64 " cycles", max_cycles);
            break;
        }
    }
    [[maybe_unused]] const uint64_t end = s->cycle();
    r->id = s->reg(kId);
    r->version = s->reg(kVersion);
    r->params = s->reg(kParams);
    r->codecs = s->reg(kCodecs);
    r->error = s->reg(kError);
    r->error_index = s->reg(kErrorIndex);
    if (status == SB_SIM_OK) {
        s->counters(r);
        uint32_t ctrl = s->reg(kCtrl);
        if (s->violation()) {
            status = SB_SIM_PROTOCOL;
            snprintf(why, sizeof why, "AXI protocol: %s", s->violation());
        } else if ((ctrl & 6) != 6) { // ap_done and ap_idle
            status = SB_SIM_PROTOCOL;
            snprintf(why, sizeof why, "interrupt without ap_done and ap_idle: CTRL is 0x%x", ctrl);
        } else if (s->sum(&dram_stats::reads_open) || s->sum(&dram_stats::writes_open)) {
            status = SB_SIM_PROTOCOL;
            snprintf(why, sizeof why, "done with %u reads and %u writes in flight", s->sum(&dram_stats::reads_open),
                     s->sum(&dram_stats::writes_open));
        } else {
            uint64_t sum = r->counter[SB_SIM_ATTEND] + r->counter[SB_SIM_VECTOR];
            for (int i = SB_SIM_USEFUL; i <= SB_SIM_COMPUTE; i++)
                sum += r->counter[i];
            uint64_t reads = 0, writes = 0;
            for (uint32_t p = 0; p < kPorts; p++)
                reads += r->port_read_beats[p], writes += r->port_write_beats[p];
            if (reads != r->counter[SB_SIM_READ_BEATS] || writes != r->counter[SB_SIM_WRITE_BEATS]) {
                status = SB_SIM_PROTOCOL;
                snprintf(why, sizeof why,
                         "the ports' beats add up to %" PRIu64 " and %" PRIu64 ", the counters are %" PRIu64
                         " and %" PRIu64,
                         reads, writes, r->counter[SB_SIM_READ_BEATS], r->counter[SB_SIM_WRITE_BEATS]);
            }
            if (sum != r->counter[SB_SIM_TOTAL]) {
                status = SB_SIM_PROTOCOL;
                snprintf(why, sizeof why, "counter classes add up to %" PRIu64 ", total is %" PRIu64, sum,
                         r->counter[SB_SIM_TOTAL]);
            }
            uint64_t wait = 0, act = 0;
            for (int i = 0; i < SB_SIM_R_CLASSES; i++) {
                wait += r->wait_why[i] = s->split.wait[i];
                act += r->act_why[i] = s->split.act[i];
            }
            if (wait != r->counter[SB_SIM_WAIT_READ] || act != r->counter[SB_SIM_ACT_LOAD]) {
                status = SB_SIM_PROTOCOL;
                snprintf(why, sizeof why,
                         "waits split by reason add up to %" PRIu64 " and %" PRIu64 ", the counters are %" PRIu64
                         " and %" PRIu64,
                         wait, act, r->counter[SB_SIM_WAIT_READ], r->counter[SB_SIM_ACT_LOAD]);
            }
        }
    }
    if (status != SB_SIM_OK) {
        s->diagnose(r, why, cmd_addr, h->mem, h->bytes);
        fail(err, errlen, "sim: %s", why);
    } else if (r->error) {
        status = SB_SIM_CORE_ERROR;
        fail(err, errlen, "sim: the core stopped with error %u at command %u", r->error, r->error_index);
    }
#if VM_TRACE_FST
    if (s->cfg.hang_path && (status == SB_SIM_TIMEOUT || status == SB_SIM_PROTOCOL))
        trace_hang(s, begin, end, r);
    else if (s->cfg.hang_path)
        s->hang.dismiss();
#endif
    r->cycles = s->cycle() - before[0].cycle;
    for (uint32_t p = 0; p < kPorts; p++) {
        const uint64_t *now = dram_get_stats(s->mem[p])->read_class;
        for (int i = 0; i < SB_SIM_R_CLASSES; i++)
            r->read_cycles[p][i] = now[i] - before[p].read_class[i];
    }
    r->read_bytes = s->sum(&dram_stats::read_bytes) - read_before;
    r->write_bytes = s->sum(&dram_stats::write_bytes) - write_before;
    if (status == SB_SIM_TIMEOUT || status == SB_SIM_PROTOCOL)
        s->reset();
    r->seconds = cpu_seconds() - t0;
    return status;
}

int api_reg_read(sb_sim *s, uint32_t offset, uint32_t *value)
{
    return s->reg_read(offset, value);
}
int api_reg_write(sb_sim *s, uint32_t offset, uint32_t value)
{
    return s->reg_write(offset, value);
}

void api_close(sb_sim *s)
{
    if (s)
        delete host_of(s);
}

uint64_t api_stream(const sb_sim_config *config, uint64_t bytes, char *err, size_t errlen)
{
    dram_config d;
    if (!memory_config(config, &d, err, errlen))
        return 0;
    uint64_t cycles = dram_stream_cycles(&d, (bytes + kPorts - 1) / kPorts);
    if (!cycles)
        fail(err, errlen, bytes ? "sim: out of memory" : "sim: nothing to stream");
    return cycles;
}

const char *api_violation(const sb_sim *s)
{
    return s->violation();
}

const sb_sim_interface kInterface = {
    SB_SIM_ABI, SB_BUS,       kPorts,        VM_TRACE_FST, SB_VARIANT, api_open,
    api_run,    api_reg_read, api_reg_write, api_close,    api_stream, api_violation,
};

} // namespace

extern "C" __attribute__((visibility("default"))) const sb_sim_interface *sb_sim_api(void)
{
    return &kInterface;
}
