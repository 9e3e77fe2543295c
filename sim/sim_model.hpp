// SPDX-License-Identifier: Apache-2.0
// The Verilated kernel, clocked against the memory model of dram.c: clock, reset, registers, counters.
// sim_core.cpp puts it behind the C ABI.
#ifndef SIM_MODEL_HPP
#define SIM_MODEL_HPP

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "Vseedbed_kernel.h"
#include "Vseedbed_kernel___024root.h"
#include "dram.h"
#include "seedbed_sim.h"
#include "cover.hpp"
#include "verilated.h"
#if VM_TRACE_FST
#include "hang_trace.hpp"
#include "verilated_fst_c.h"
#endif

#ifndef SB_VARIANT
#error "SB_VARIANT, SB_BUS and SB_PORTS come from the makefile"
#endif

constexpr uint32_t kBusBytes = SB_BUS / 8;
constexpr uint32_t kPorts = SB_PORTS;

enum Reg : uint32_t {
    kCtrl = 0x00, kGier = 0x04, kIer = 0x08, kIsr = 0x0C, kCmdAddrLo = 0x10, kCmdAddrHi = 0x14, kCmdCount = 0x1C,
    kId = 0x40, kVersion = 0x44, kParams = 0x48, kCodecs = 0x4C, kError = 0x50, kErrorIndex = 0x54, kCurIndex = 0x58,
    kState = 0x5C, kOutstanding = 0x60, kLevels = 0x64, kUnits = 0x70, kUnitState = 0x74, kCounters = 0x80, kPortBeats = 0x100
};

static_assert(int(SB_SIM_R_CLASSES) == int(DRAM_R_CLASSES) && int(SB_SIM_R_STALL) == int(DRAM_R_STALL), "dram.h");

// Splits the core's waiting cycles by what the memory was doing. A beat is two cycles from the R channel to the engine
// (axi_read), so a cycle is charged to the R channel's class of two cycles before.
struct WaitSplit {
    uint64_t wait[DRAM_R_CLASSES] = {}, act[DRAM_R_CLASSES] = {};
    dram_read_class before[2] = { DRAM_R_IDLE, DRAM_R_IDLE };

    // Called before a clock edge with what sim/public.vlt exposes; now: the R channel's class of this same cycle.
    void cycle(uint32_t core_class, bool running, dram_read_class now)
    {
        if (running && core_class >> 1 & 1) wait[before[1]]++;
        if (running && core_class >> 3 & 1) act[before[1]]++;
        before[1] = before[0];
        before[0] = now;
    }
};

// Ports are QData (64 bits) or VlWide (more); both are little-endian words, so bytes can be copied.
template <class T> const uint8_t *bytes_of(const T &port) { return reinterpret_cast<const uint8_t *>(&port); }
template <class T> uint8_t *bytes_of(T &port) { return reinterpret_cast<uint8_t *>(&port); }

// The signals of one AXI port of the kernel, in the order of their declaration here.
struct Pins {
    CData &arvalid, &arready;
    QData &araddr;
    CData &arlen, &arsize, &arburst, &rvalid, &rready;
    uint8_t *rdata;
    CData &rresp, &rlast, &awvalid, &awready;
    QData &awaddr;
    CData &awlen, &awsize, &awburst, &wvalid, &wready;
    const uint8_t *wdata, *wstrb;
    CData &wlast, &bvalid, &bready, &bresp;
};
#define PINS(p)                                                                                                          \
    {                                                                                                                    \
        t.p##_ARVALID, t.p##_ARREADY, t.p##_ARADDR, t.p##_ARLEN, t.p##_ARSIZE, t.p##_ARBURST, t.p##_RVALID, t.p##_RREADY, \
            bytes_of(t.p##_RDATA), t.p##_RRESP, t.p##_RLAST, t.p##_AWVALID, t.p##_AWREADY, t.p##_AWADDR, t.p##_AWLEN,    \
            t.p##_AWSIZE, t.p##_AWBURST, t.p##_WVALID, t.p##_WREADY, bytes_of(t.p##_WDATA), bytes_of(t.p##_WSTRB),       \
            t.p##_WLAST, t.p##_BVALID, t.p##_BREADY, t.p##_BRESP                                                         \
    }

struct sb_sim {
    sb_sim_config cfg;
    VerilatedContext context;
    std::unique_ptr<Vseedbed_kernel> top;
    std::vector<Pins> pins;
    dram *mem[kPorts] = {}; // a channel a port, all of the same contents
    dram_slave slave[kPorts] = {};
    WaitSplit split;
    uint64_t watchdog = 0;
#if VM_TRACE_FST
    std::unique_ptr<VerilatedFstC> fst;
    HangTrace hang;

    bool open_fst(const char *path)
    {
        fst = std::make_unique<VerilatedFstC>();
        top->trace(fst.get(), 99);
        fst->open(path);
        return fst->isOpen();
    }
#endif

    ~sb_sim()
    {
#if VM_TRACE_FST
        if (fst) fst->close();
#endif
        // The scopes that sim/public.vlt brings unregister from the thread's context, which may be another simulator's.
        Verilated::threadContextp(&context);
        if (top) {
            top->final();
            cover_write(context);
        }
        top.reset();
        for (dram *m : mem) dram_close(m);
    }

    void connect()
    {
        Vseedbed_kernel &t = *top;
        std::vector<Pins> all = {
#if SB_PORTS == 1
            PINS(m_axi_gmem),
#else
            PINS(m_axi_gmem0), PINS(m_axi_gmem1),
#if SB_PORTS > 2
            PINS(m_axi_gmem2),
#endif
#if SB_PORTS > 3
            PINS(m_axi_gmem3),
#endif
#if SB_PORTS > 4
            PINS(m_axi_gmem4),
#endif
#if SB_PORTS > 5
            PINS(m_axi_gmem5),
#endif
#if SB_PORTS > 6
            PINS(m_axi_gmem6),
#endif
#if SB_PORTS > 7
            PINS(m_axi_gmem7),
#endif
#endif
        };
        pins.swap(all);
    }

    const char *violation() const
    {
        for (dram *m : mem)
            if (dram_violation(m)) return dram_violation(m);
        return nullptr;
    }

    // The ports' memories step together.
    uint64_t cycle() const { return dram_get_stats(mem[0])->cycle; }
    uint64_t last_progress() const
    {
        uint64_t last = 0;
        for (dram *m : mem)
            if (dram_get_stats(m)->last_progress > last) last = dram_get_stats(m)->last_progress;
        return last;
    }
    uint64_t sum(uint64_t dram_stats::*field) const
    {
        uint64_t n = 0;
        for (dram *m : mem) n += dram_get_stats(m)->*field;
        return n;
    }
    uint32_t sum(uint32_t dram_stats::*field) const
    {
        uint32_t n = 0;
        for (dram *m : mem) n += dram_get_stats(m)->*field;
        return n;
    }

    void dump()
    {
#if VM_TRACE_FST
        uint64_t cycle = context.time() / 2;
        if (fst && cycle >= cfg.trace_from && (cfg.trace_to == 0 || cycle <= cfg.trace_to)) fst->dump(context.time());
#endif
    }

    // One clock cycle. The AXI outputs read here depend on registers alone, so they are what the coming edge sees.
    bool tick()
    {
        Vseedbed_kernel &t = *top;
        bool ok = true;
        for (uint32_t i = 0; i < kPorts; i++) {
            Pins &p = pins[i];
            dram_slave &v = slave[i];
            dram_master m;
            m.arvalid = p.arvalid;
            m.araddr = p.araddr;
            m.arlen = p.arlen;
            m.arsize = p.arsize;
            m.arburst = p.arburst;
            m.rready = p.rready;
            m.awvalid = p.awvalid;
            m.awaddr = p.awaddr;
            m.awlen = p.awlen;
            m.awsize = p.awsize;
            m.awburst = p.awburst;
            m.wvalid = p.wvalid;
            m.wlast = p.wlast;
            m.wdata = p.wdata;
            m.wstrb = p.wstrb;
            m.bready = p.bready;
            ok = dram_step(mem[i], &m, &v) && ok;
            p.arready = v.arready;
            p.rvalid = v.rvalid;
            p.rlast = v.rlast;
            p.rresp = v.rresp;
            if (v.rchanged) memcpy(p.rdata, v.rdata, kBusBytes);
            p.awready = v.awready;
            p.wready = v.wready;
            p.bvalid = v.bvalid;
            p.bresp = v.bresp;
        }
        const auto &root = *t.rootp;
        split.cycle(root.seedbed_kernel__DOT__u_core__DOT__cycle_class, !root.seedbed_kernel__DOT__u_core__DOT__fetch_idle,
                    dram_get_stats(mem[0])->last_class);

        t.ap_clk = 1;
        t.eval();
        dump();
        context.timeInc(1);
        t.ap_clk = 0;
        t.eval();
        dump();
        context.timeInc(1);
        return ok;
    }

    void reset()
    {
        Vseedbed_kernel &t = *top;
        t.ap_rst_n = 0;
        t.s_axi_control_AWVALID = t.s_axi_control_WVALID = t.s_axi_control_ARVALID = 0;
        t.s_axi_control_BREADY = t.s_axi_control_RREADY = 0;
        t.eval();
        // The outputs mean nothing before the reset has acted, so the memory does not look at them.
        for (int i = 0; i < 4; i++) {
            t.ap_clk = 1;
            t.eval();
            t.ap_clk = 0;
            t.eval();
        }
        for (dram *m : mem) dram_reset(m);
        t.ap_rst_n = 1;
        tick();
    }

    int reg_write(uint32_t offset, uint32_t value)
    {
        Vseedbed_kernel &t = *top;
        t.s_axi_control_AWADDR = offset & 0xFFF;
        t.s_axi_control_WDATA = value;
        t.s_axi_control_WSTRB = 0xF;
        t.s_axi_control_AWVALID = t.s_axi_control_WVALID = 1;
        t.s_axi_control_BREADY = 1;
        bool aw = false, w = false;
        for (int i = 0; i < 100; i++) {
            bool aw_now = t.s_axi_control_AWVALID && t.s_axi_control_AWREADY;
            bool w_now = t.s_axi_control_WVALID && t.s_axi_control_WREADY;
            bool b_now = t.s_axi_control_BVALID;
            tick();
            if (aw_now) t.s_axi_control_AWVALID = 0, aw = true;
            if (w_now) t.s_axi_control_WVALID = 0, w = true;
            if (b_now && aw && w) {
                t.s_axi_control_BREADY = 0;
                return 0;
            }
        }
        t.s_axi_control_AWVALID = t.s_axi_control_WVALID = t.s_axi_control_BREADY = 0;
        return -1;
    }

    int reg_read(uint32_t offset, uint32_t *value)
    {
        Vseedbed_kernel &t = *top;
        t.s_axi_control_ARADDR = offset & 0xFFF;
        t.s_axi_control_ARVALID = 1;
        t.s_axi_control_RREADY = 1;
        for (int i = 0; i < 100; i++) {
            bool ar_now = t.s_axi_control_ARVALID && t.s_axi_control_ARREADY;
            bool r_now = t.s_axi_control_RVALID;
            uint32_t data = t.s_axi_control_RDATA;
            tick();
            if (ar_now) t.s_axi_control_ARVALID = 0;
            if (r_now) {
                t.s_axi_control_RREADY = 0;
                *value = data;
                return 0;
            }
        }
        t.s_axi_control_ARVALID = t.s_axi_control_RREADY = 0;
        return -1;
    }

    uint32_t reg(uint32_t offset)
    {
        uint32_t v = 0xDEADDEAD;
        reg_read(offset, &v);
        return v;
    }

    void counters(sb_sim_report *r)
    {
        for (uint32_t i = 0; i < SB_SIM_COUNTERS; i++) {
            r->counter[i] = reg(kCounters + 8 * i) | uint64_t(reg(kCounters + 8 * i + 4)) << 32;
        }
        for (uint32_t i = 0; i < kPorts; i++) {
            r->port_read_beats[i] = reg(kPortBeats + 16 * i) | uint64_t(reg(kPortBeats + 16 * i + 4)) << 32;
            r->port_write_beats[i] = reg(kPortBeats + 16 * i + 8) | uint64_t(reg(kPortBeats + 16 * i + 12)) << 32;
        }
    }

    void diagnose(sb_sim_report *r, const char *why, uint64_t cmd_addr, const uint8_t *host, uint64_t host_bytes);
};

#endif
