// SPDX-License-Identifier: Apache-2.0
// axi_read on the memory model: random requests, stalls, refresh and consumer; protocol checked by the model; errors;
// flush; full rate.
#include "Vtop.h"
#include "dram.h"
#include "tb.h"

namespace
{

constexpr int kBytes = TB_BUS / 8;

struct Request {
    uint64_t addr;
    uint64_t beats, done;
    int tag;
};

struct Bench {
    Tb<Vtop> tb;
    std::vector<uint8_t> mem = std::vector<uint8_t>(1 << 15);
    dram *d = nullptr;
    dram_slave s{};
    uint64_t max_inflight = 0;

    explicit Bench(const dram_config &c)
    {
        for (auto &b : mem)
            b = (uint8_t)m_rand(&rng);
        d = dram_open(&c, mem.data(), mem.size());
        tb.top.flush_i = tb.top.req_valid_i = tb.top.ready_i = 0;
        tb.top.most_i = TB_OUTSTANDING;
        tb.reset();
    }
    ~Bench() { dram_close(d); }

    void memory()
    {
        Vtop &t = tb.top;
        dram_master m{};
        m.arvalid = t.arvalid_o;
        m.araddr = t.araddr_o;
        m.arlen = t.arlen_o;
        m.arsize = (uint8_t)__builtin_ctz(kBytes);
        m.arburst = 1;
        m.rready = t.rready_o;
        uint8_t none[256] = {0};
        m.wdata = m.wstrb = none;
        CHECK(dram_step(d, &m, &s), "%s", dram_violation(d));
        CHECK(t.rready_o, "rready dropped");
        t.arready_i = s.arready;
        t.rvalid_i = s.rvalid;
        t.rlast_i = s.rlast;
        t.rresp_i = s.rresp;
        if (s.rchanged)
            std::memcpy(port(t.rdata_i), s.rdata, kBytes);
        if (t.inflight_o > max_inflight)
            max_inflight = t.inflight_o;
        CHECK(t.inflight_o <= TB_OUTSTANDING, "%u bursts in flight", t.inflight_o);
    }
};

void random_traffic(const dram_config &c, uint32_t consume, int requests)
{
    Bench b(c);
    Vtop &t = b.tb.top;
    std::deque<Request> open;
    Request next{};
    bool have = false;
    int made = 0;
    uint64_t idle = 0, beats = 0, errors = 0;
    while (made < requests || !open.empty()) {
        if (!have && made < requests && chance(300)) {
            have = true;
            made++;
            next.beats = chance(500) ? 1 + m_below(&rng, 8) : 1 + m_below(&rng, 700);
            uint64_t span = b.mem.size() / kBytes;
            next.addr = (uint64_t)m_below(&rng, (uint32_t)span) * kBytes; // may run past the end of the memory
            next.done = 0;
            next.tag = (int)m_below(&rng, 3);
        }
        t.req_valid_i = have;
        t.req_addr_i = next.addr;
        t.req_beats_i = next.beats;
        t.req_tag_i = next.tag;
        t.ready_i = chance(consume);
        b.memory();
        b.tb.settle();
        bool took = have && t.req_ready_o;
        if (t.valid_o) {
            CHECK(!open.empty(), "data without a request");
            Request &r = open.front();
            CHECK(t.pend_o && t.tag_o == r.tag, "tag %u, expected %d", t.tag_o, r.tag);
            uint64_t at = r.addr + r.done * kBytes;
            bool outside = at + kBytes > b.mem.size();
            CHECK(t.err_o == outside, "error %d at 0x%llx", t.err_o, (unsigned long long)at);
            if (!outside)
                CHECK(!std::memcmp(port(t.data_o), &b.mem[at], kBytes), "data at 0x%llx", (unsigned long long)at);
            CHECK(t.last_o == (r.done + 1 == r.beats), "last at beat %llu of %llu", (unsigned long long)r.done,
                  (unsigned long long)r.beats);
            if (t.ready_i) {
                beats++;
                errors += outside;
                idle = 0;
                if (++r.done == r.beats)
                    open.pop_front();
            }
        }
        CHECK(++idle < 20000, "no progress");
        b.tb.tick();
        if (took) {
            open.push_back(next);
            have = false;
        }
    }
    CHECK(beats > 0 && errors > 0, "nothing tested");
    if (consume == 1000)
        CHECK(b.max_inflight == TB_OUTSTANDING, "never more than %llu in flight", (unsigned long long)b.max_inflight);
    for (int i = 0; i < 5; i++)
        b.tb.tick();
    CHECK(t.idle_o && t.level_o == 0 && !t.pend_o, "not idle at the end");
}

void full_rate()
{
    dram_config c{};
    c.bus_bytes = kBytes;
    c.read_latency = 20;
    Bench b(c);
    Vtop &t = b.tb.top;
    const uint64_t beats = 4000;
    t.req_valid_i = 1;
    t.req_addr_i = 3 * kBytes;
    t.req_beats_i = beats;
    t.ready_i = 1;
    uint64_t got = 0, cycles = 0;
    while (got < beats) {
        b.memory();
        b.tb.settle();
        got += t.valid_o;
        bool took = t.req_valid_i && t.req_ready_o;
        b.tb.tick();
        if (took)
            t.req_valid_i = 0;
        CHECK(++cycles < 2 * beats, "too slow: %llu", (unsigned long long)got);
    }
    CHECK(cycles <= beats + 30, "%llu cycles for %llu beats", (unsigned long long)cycles, (unsigned long long)beats);
}

/* No more bursts in flight than it is told. */
void few()
{
    dram_config c{};
    c.bus_bytes = kBytes;
    c.read_latency = 200;
    Bench b(c);
    Vtop &t = b.tb.top;
    t.most_i = 1;
    t.req_valid_i = 1;
    t.req_addr_i = 0;
    t.req_beats_i = 500;
    t.ready_i = 1;
    for (uint64_t got = 0, cycles = 0; got < 500; got += t.valid_o) {
        b.memory();
        b.tb.settle();
        bool took = t.req_valid_i && t.req_ready_o;
        b.tb.tick();
        if (took)
            t.req_valid_i = 0;
        CHECK(++cycles < 20000, "no progress");
    }
    CHECK(b.max_inflight == 1, "%llu bursts in flight, 1 wanted", (unsigned long long)b.max_inflight);
}

void flush()
{
    dram_config c{};
    c.bus_bytes = kBytes;
    c.read_latency = 30;
    c.stall_permille = 200;
    c.seed = 3;
    Bench b(c);
    Vtop &t = b.tb.top;
    for (int round = 0; round < 50; round++) {
        t.req_valid_i = 1;
        t.req_addr_i = 0;
        t.req_beats_i = 2000;
        t.req_tag_i = 2;
        t.ready_i = 0;
        for (uint32_t i = m_below(&rng, 200) + 3; i; i--) {
            b.memory();
            b.tb.settle();
            bool took = t.req_valid_i && t.req_ready_o;
            b.tb.tick();
            if (took)
                t.req_valid_i = 0;
        }
        t.req_valid_i = 0;
        t.flush_i = 1;
        uint64_t waited = 0;
        do {
            b.memory();
            b.tb.settle();
            CHECK(!t.valid_o, "a beat during flush");
            b.tb.tick();
            b.tb.settle();
            CHECK(++waited < 5000, "flush does not end");
        } while (!t.idle_o);
        b.memory();
        b.tb.tick();
        t.flush_i = 0;
        // A new request gets its own data, not the old.
        t.req_valid_i = 1;
        t.req_addr_i = 64 * kBytes;
        t.req_beats_i = 5;
        t.req_tag_i = 1;
        t.ready_i = 1;
        for (uint64_t got = 0; got < 5;) {
            b.memory();
            b.tb.settle();
            if (t.valid_o) {
                CHECK(t.tag_o == 1 && !std::memcmp(port(t.data_o), &b.mem[(64 + got) * kBytes], kBytes),
                      "old data after flush");
                got++;
            }
            bool took = t.req_valid_i && t.req_ready_o;
            b.tb.tick();
            if (took)
                t.req_valid_i = 0;
        }
        b.tb.settle();
        CHECK(!t.valid_o && t.level_o == 0, "beats left over");
    }
}

} // namespace

int main()
{
    dram_config c{};
    c.bus_bytes = kBytes;
    random_traffic(c, 1000, 60);
    c.read_latency = 40;
    random_traffic(c, 1000, 60);
    random_traffic(c, 300, 60);
    c.stall_permille = 300;
    c.refresh_interval = 500;
    c.refresh_length = 40;
    c.seed = 7;
    random_traffic(c, 700, 80);
    c.bytes_per_cycle = kBytes / 3;
    random_traffic(c, 1000, 40);
    full_rate();
    flush();
    few();
    std::printf("axi_read bus %d: ok\n", TB_BUS);
}
