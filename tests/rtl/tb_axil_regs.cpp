// SPDX-License-Identifier: Apache-2.0
// axil_regs: ap_ctrl_hs, interrupts, strobes, independent AW and W, back-pressure, every read-only register.
#include "Vtop.h"
#include "tb.h"

namespace
{

Tb<Vtop> tb;
Vtop &t = tb.top;
int starts;

void step()
{
    tb.settle();
    starts += t.start_o;
    tb.tick();
}

void write(uint32_t addr, uint32_t data, uint32_t strb = 15)
{
    // AW and W arrive in any order, B is taken late.
    uint32_t aw_at = m_below(&rng, 4), w_at = m_below(&rng, 4), b_at = m_below(&rng, 5);
    bool aw = false, w = false;
    for (uint32_t i = 0;; i++) {
        CHECK(i < 50, "write to 0x%x hangs", addr);
        t.s_awvalid_i = !aw && i >= aw_at;
        t.s_awaddr_i = addr;
        t.s_wvalid_i = !w && i >= w_at;
        t.s_wdata_i = data;
        t.s_wstrb_i = strb;
        t.s_bready_i = aw && w && i >= b_at + 4;
        tb.settle();
        bool b = t.s_bvalid_o && t.s_bready_i;
        if (b)
            CHECK(t.s_bresp_o == 0, "bresp");
        if (t.s_bvalid_o)
            CHECK(aw && w, "response before the request");
        aw |= t.s_awvalid_i && t.s_awready_o;
        w |= t.s_wvalid_i && t.s_wready_o;
        step();
        if (b)
            break;
    }
    t.s_awvalid_i = t.s_wvalid_i = t.s_bready_i = 0;
}

uint32_t read(uint32_t addr)
{
    bool ar = false;
    uint32_t late = m_below(&rng, 4), first = 0;
    bool seen = false;
    for (uint32_t i = 0;; i++) {
        CHECK(i < 50, "read of 0x%x hangs", addr);
        t.s_arvalid_i = !ar;
        t.s_araddr_i = addr;
        t.s_rready_i = i >= 3 + late;
        tb.settle();
        if (t.s_rvalid_o) {
            if (seen)
                CHECK(t.s_rdata_o == first, "rdata changed while waiting");
            first = t.s_rdata_o;
            seen = true;
            CHECK(t.s_rresp_o == 0, "rresp");
        }
        bool r = t.s_rvalid_o && t.s_rready_i;
        ar |= t.s_arvalid_i && t.s_arready_o;
        step();
        if (r)
            break;
    }
    t.s_arvalid_i = t.s_rready_i = 0;
    return first;
}

void expect(uint32_t addr, uint32_t want)
{
    uint32_t got = read(addr);
    CHECK(got == want, "register 0x%x is 0x%x, expected 0x%x", addr, got, want);
}

void done()
{
    t.done_i = 1;
    t.idle_i = 0;
    step();
    t.done_i = 0;
    t.idle_i = 1;
}

} // namespace

int main()
{
    t.idle_i = 1;
    tb.reset();
    expect(0x00, 4); // idle
    expect(0x40, 0x53454544);
    expect(0x44, 0x00010002);
    expect(0x48, 0x12345678);
    expect(0x4C, 0x0000000F);
    expect(0x6C, 3); // ports
    expect(0x70, 5); // units

    for (int i = 0; i < 200; i++) {
        uint32_t a = m_rand(&rng), b = m_rand(&rng), n = m_rand(&rng), s = m_below(&rng, 16), v = m_rand(&rng);
        write(0x10, a);
        write(0x14, b);
        write(0x1C, n);
        expect(0x10, a);
        expect(0x14, b);
        expect(0x1C, n);
        write(0x24, b);
        write(0x28, n);
        expect(0x24, b);
        expect(0x28, n);
        CHECK(t.port_stride_o == ((uint64_t)n << 32 | b), "stride");
        CHECK(t.cmd_addr_o == ((uint64_t)b << 32 | a) && t.cmd_count_o == n, "outputs");
        write(0x14, v, s);
        uint32_t mask = 0;
        for (int k = 0; k < 4; k++)
            mask |= (s >> k & 1) * (0xFFu << 8 * k);
        expect(0x14, (b & ~mask) | (v & mask));
        t.error_i = m_below(&rng, 16);
        t.error_index_i = m_rand(&rng);
        t.cur_index_i = m_rand(&rng);
        t.state_i = m_rand(&rng);
        t.outstanding_i = m_rand(&rng);
        t.level_i = m_rand(&rng);
        t.unit_state_i = m_rand(&rng);
        for (int k = 0; k < 26; k++) {
            uint32_t c = m_rand(&rng);
            std::memcpy(port(t.counters_i) + 4 * k, &c, 4);
        }
        expect(0x50, t.error_i);
        expect(0x54, t.error_index_i);
        expect(0x58, t.cur_index_i);
        expect(0x74, t.unit_state_i);
        expect(0x5C, t.state_i);
        expect(0x60, t.outstanding_i);
        expect(0x64, t.level_i);
        expect(0x68, 13);
        for (uint32_t k = 0; k < 26; k++) {
            uint32_t c;
            std::memcpy(&c, port(t.counters_i) + 4 * k, 4);
            expect(0x80 + 4 * k, c);
        }
        for (uint32_t k = 0; k < 12; k++) {
            uint32_t c = m_rand(&rng);
            std::memcpy(port(t.beats_i) + 4 * k, &c, 4);
            expect(0x100 + 4 * k, c);
        }
        expect(0x130, 0);
    }
    // Nothing is there, nothing happens.
    write(0x40, 0);
    write(0x300, 0xFFFFFFFF);
    expect(0x40, 0x53454544);
    expect(0x300, 0);
    expect(0x180, 0);
    expect(0xE8, 0);
    CHECK(starts == 0, "started by itself");

    // Start, done (clears on read), idle.
    write(0x00, 1);
    CHECK(starts == 1, "%d starts", starts);
    t.idle_i = 0;
    expect(0x00, 0);
    write(0x00, 1, 14); // strobe of byte 0 off
    done();
    CHECK(starts == 1, "%d starts", starts);
    expect(0x00, 0xE); // ready, idle, done
    expect(0x00, 4);
    CHECK(!t.irq_o, "interrupt without enable");

    // A start while busy waits for idle.
    write(0x00, 1);
    t.idle_i = 0;
    write(0x00, 1);
    CHECK(starts == 2, "%d starts", starts);
    expect(0x00, 1);
    done();
    step();
    CHECK(starts == 3, "%d starts", starts);
    done();
    read(0x00);

    // Interrupts: enabled bits are latched, ISR toggles on write, GIER gates.
    write(0x08, 1);
    done();
    expect(0x0C, 1);
    CHECK(!t.irq_o, "GIER is off");
    write(0x04, 1);
    tb.settle();
    CHECK(t.irq_o, "no interrupt");
    write(0x0C, 1);
    expect(0x0C, 0);
    tb.settle();
    CHECK(!t.irq_o, "interrupt stays");
    write(0x0C, 2);
    expect(0x0C, 2);
    CHECK(!t.irq_o, "bit 1 is not enabled");
    write(0x08, 2);
    tb.settle();
    CHECK(t.irq_o, "bit 1 is enabled");
    std::printf("axil_regs: ok\n");
}
