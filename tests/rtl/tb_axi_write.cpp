// SPDX-License-Identifier: Apache-2.0
// axi_write on the memory model: random requests and data, stalls, strobes, 4 KB, completion and error pulses.
#include "Vtop.h"
#include "dram.h"
#include "tb.h"

namespace
{

#ifndef TB_ELEM
#define TB_ELEM 8
#endif
constexpr int kBytes = TB_BUS / 8, kElems = kBytes / TB_ELEM; // TB_ELEM: bytes a strobe

void run(const dram_config &c, uint32_t supply, int requests)
{
    Tb<Vtop> tb;
    Vtop &t = tb.top;
    std::vector<uint8_t> mem(1 << 16, 0xEE), expect = mem;
    dram *d = dram_open(&c, mem.data(), mem.size());
    dram_slave s{};
    t.req_valid_i = t.data_valid_i = 0;
    tb.reset();
    struct Beat {
        uint8_t data[256];
        uint32_t elem;
    };
    std::deque<Beat> beats; // of accepted requests, to be sent
    struct Job {
        int bad;
    };
    std::deque<int> jobs; // per job: does some burst fail?
    int made = 0, bad_now = 0, done = 0, pops = 0, sent = 0, idle = 0, errs_now = 0;
    uint64_t next_addr = 0, next_beats = 0;
    bool have = false, next_last = false;
    std::deque<Beat> next_data;
    while (made < requests || have || !beats.empty() || !jobs.empty() || bad_now >= 0) {
        if (!have && made < requests && chance(400)) {
            have = true;
            made++;
            next_beats = 1 + m_below(&rng, chance(900) ? 3 : 150);
            next_addr = (uint64_t)m_below(&rng, (uint32_t)(mem.size() / kBytes)) * kBytes;
            next_last = made == requests || chance(300);
            next_data.clear();
            for (uint64_t i = 0; i < next_beats; i++) {
                Beat b{};
                for (int k = 0; k < kBytes; k++)
                    b.data[k] = (uint8_t)m_rand(&rng);
                b.elem = 1 + m_below(&rng, (1u << kElems) - 1);
                next_data.push_back(b);
                for (int k = 0; k < kBytes; k++) {
                    uint64_t at = next_addr + i * kBytes + (uint64_t)k;
                    if (!(b.elem >> (k / TB_ELEM) & 1))
                        continue;
                    if (at < mem.size())
                        expect[at] = b.data[k];
                    else
                        bad_now = 1;
                }
            }
            if (next_last) {
                jobs.push_back(bad_now);
                bad_now = made == requests ? -1 : 0;
            }
        }
        t.req_valid_i = have;
        t.req_addr_i = next_addr;
        t.req_beats_i = next_beats;
        t.req_last_i = next_last;
        bool send = !beats.empty() && chance(supply);
        t.data_valid_i = send;
        if (send) {
            std::memcpy(port(t.data_i), beats.front().data, kBytes);
            t.elem_i = beats.front().elem;
        }
        dram_master m{};
        tb.settle();
        m.awvalid = t.awvalid_o;
        m.awaddr = t.awaddr_o;
        m.awlen = t.awlen_o;
        m.awsize = (uint8_t)__builtin_ctz(kBytes);
        m.awburst = 1;
        m.wvalid = t.wvalid_o;
        m.wlast = t.wlast_o;
        m.wdata = port(t.wdata_o);
        m.wstrb = port(t.wstrb_o);
        m.bready = t.bready_o;
        m.rready = true;
        CHECK(dram_step(d, &m, &s), "%s", dram_violation(d));
        t.awready_i = s.awready;
        t.wready_i = s.wready;
        t.bvalid_i = s.bvalid;
        t.bresp_i = s.bresp;
        tb.settle();
        pops += t.pop_o;
        if (t.err_o)
            errs_now++;
        if (t.done_o) {
            CHECK(!jobs.empty(), "done without a job");
            CHECK((errs_now > 0) == (jobs.front() > 0), "job %d: %d error pulses, expected %s", done, errs_now,
                  jobs.front() ? "some" : "none");
            jobs.pop_front();
            errs_now = 0;
            done++;
        }
        CHECK(t.inflight_o <= 8, "%u in flight", t.inflight_o);
        bool took = have && t.req_ready_o, gave = send && t.data_ready_o;
        idle = took || gave || t.pop_o || t.done_o ? 0 : idle + 1;
        CHECK(idle < 20000, "no progress");
        tb.tick();
        if (gave) {
            beats.pop_front();
            sent++;
        }
        if (took) {
            for (auto &b : next_data)
                beats.push_back(b);
            have = false;
        }
    }
    tb.settle();
    CHECK(t.idle_o && pops == sent, "%d beats sent, %d left the FIFO", sent, pops);
    CHECK(mem == expect, "memory differs");
    CHECK(done > 0, "no job");
    dram_close(d);
}

} // namespace

int main()
{
    dram_config c{};
    c.bus_bytes = kBytes;
    run(c, 1000, 300);
    c.write_latency = 25;
    run(c, 700, 300);
    c.stall_permille = 400;
    c.seed = 5;
    c.refresh_interval = 300;
    c.refresh_length = 30;
    run(c, 1000, 300);
    run(c, 200, 200);
    std::printf("axi_write bus %d, %d bytes a strobe: ok\n", TB_BUS, TB_ELEM);
}
