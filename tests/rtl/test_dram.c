/* SPDX-License-Identifier: Apache-2.0
 * The AXI4 memory model alone: latency, rate, refresh, errors, strobes, and each protocol rule broken once. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/test_support.h"
#include "dram.h"

enum { BYTES = 16, MEM = 8192 };

static uint8_t mem[MEM], wdata[BYTES], wstrb[BYTES / 8];
static dram *d;
static dram_master m;
static dram_slave s;

static void open_with(dram_config c)
{
    c.bus_bytes = BYTES;
    for (int i = 0; i < MEM; i++)
        mem[i] = (uint8_t)(i * 7 + i / 256);
    memset(&m, 0, sizeof m);
    memset(wstrb, 0xFF, sizeof wstrb);
    m.wdata = wdata;
    m.wstrb = wstrb;
    m.arsize = m.awsize = 4;
    m.arburst = m.awburst = 1;
    m.rready = m.bready = true;
    d = dram_open(&c, mem, MEM);
    ck_assert_ptr_nonnull(d);
}

static bool step(void)
{
    return dram_step(d, &m, &s);
}

static void teardown(void)
{
    dram_close(d);
    d = NULL;
}

/* Offers one read burst; the address is taken at once on an unstalled memory. */
static void ask(uint64_t addr, int beats)
{
    m.arvalid = true;
    m.araddr = addr;
    m.arlen = (uint8_t)(beats - 1);
    step();
    ck_assert(s.arready);
    m.arvalid = false;
}

/* Cycles until `beats` beats have come, checking their data. */
static int collect(uint64_t addr, int beats)
{
    int cycles = 0;
    for (int got = 0; got < beats; cycles++) {
        ck_assert_int_lt(cycles, 10000);
        step();
        if (!s.rvalid)
            continue;
        ck_assert_int_eq(s.rresp, 0);
        ck_assert_mem_eq(s.rdata, mem + addr + BYTES * got, BYTES);
        got++;
        ck_assert_int_eq(s.rlast, got == beats);
    }
    return cycles;
}

START_TEST(read_latency)
{
    for (uint32_t latency = 0; latency < 50; latency += 7) {
        open_with((dram_config){.read_latency = latency});
        ask(256, 4);
        ck_assert_int_eq(collect(256, 4), (int)latency + 4);
        teardown();
    }
    open_with((dram_config){0});
}
END_TEST

START_TEST(bursts_overlap)
{
    open_with((dram_config){.read_latency = 20});
    ask(0, 16);
    ask(512, 16);
    int cycles = collect(0, 16);
    cycles += collect(512, 16);
    ck_assert_int_eq(cycles, 20 + 32 - 1); /* the second was asked for while the first was on its way */
}
END_TEST

START_TEST(peak_rate)
{
    open_with((dram_config){.bytes_per_cycle = BYTES / 4});
    ask(0, 100);
    int cycles = collect(0, 100);
    ck_assert_int_ge(cycles, 4 * 100 - 8);
    ck_assert_int_le(cycles, 4 * 100 + 4);
    teardown();
    open_with((dram_config){.bytes_per_cycle = 10}); /* not a divisor: 16 bytes every 1.6 cycles */
    ask(0, 200);
    cycles = collect(0, 200);
    ck_assert_int_ge(cycles, 310);
    ck_assert_int_le(cycles, 325);
}
END_TEST

START_TEST(refresh)
{
    open_with((dram_config){.refresh_interval = 100, .refresh_length = 10});
    ask(0, 200);
    int cycles = collect(0, 200);
    ck_assert_int_ge(cycles, 220);
    ck_assert_int_le(cycles, 235);
}
END_TEST

START_TEST(stalls_hold_data)
{
    open_with((dram_config){.stall_permille = 500, .seed = 9});
    m.arvalid = true;
    m.araddr = 64;
    m.arlen = 63;
    do
        step();
    while (!s.arready);
    m.arvalid = false;
    int got = 0, waited = 0;
    for (int cycle = 0; got < 64; cycle++) {
        ck_assert_int_lt(cycle, 5000);
        m.rready = cycle % 3 != 0;
        step();
        if (!s.rvalid) {
            waited++;
            continue;
        }
        ck_assert_mem_eq(s.rdata, mem + 64 + BYTES * got, BYTES); /* also while not ready */
        got += m.rready;
    }
    ck_assert_int_gt(waited, 20);
}
END_TEST

START_TEST(read_outside)
{
    open_with((dram_config){0});
    ask(MEM - BYTES, 1);
    collect(MEM - BYTES, 1);
    const uint64_t at[] = {MEM, 1ull << 40, -(uint64_t)4096};
    for (int i = 0; i < 3; i++) {
        ask(at[i], 1);
        do
            step();
        while (!s.rvalid);
        ck_assert_int_eq(s.rresp, 3);
    }
    ck_assert_int_eq(dram_get_stats(d)->decode_errors, 3);
    ck_assert_ptr_null(dram_violation(d));
}
END_TEST

/* One write burst; returns the response. */
static int put(uint64_t addr, int beats)
{
    m.awvalid = true;
    m.awaddr = addr;
    m.awlen = (uint8_t)(beats - 1);
    do
        step();
    while (!s.awready);
    m.awvalid = false;
    m.wvalid = true;
    for (int i = 0; i < beats;) {
        m.wlast = i == beats - 1;
        memset(wdata, 0x40 + i, BYTES);
        step();
        i += s.wready;
    }
    m.wvalid = false;
    do
        step();
    while (!s.bvalid);
    return s.bresp;
}

START_TEST(write_strobes)
{
    open_with((dram_config){.write_latency = 5});
    uint8_t before[MEM];
    memcpy(before, mem, MEM);
    wstrb[0] = 0x0F;
    wstrb[1] = 0x81;
    ck_assert_int_eq(put(1024, 3), 0);
    for (int i = 0; i < MEM; i++) {
        int beat = (i - 1024) / BYTES, lane = i % BYTES;
        bool hit = i >= 1024 && beat < 3 && (lane < 4 || lane == 8 || lane == 15);
        ck_assert_int_eq(mem[i], hit ? 0x40 + beat : before[i]);
    }
    ck_assert_int_eq(dram_get_stats(d)->write_bytes, 18);
}
END_TEST

static bool not_the_second_page(void *ctx, uint64_t addr, uint64_t bytes)
{
    (*(int *)ctx)++;
    return addr + bytes <= 4096 || addr >= 8192 - 64;
}

START_TEST(unmapped)
{
    int asked = 0;
    open_with((dram_config){.mapped = not_the_second_page, .mapped_ctx = &asked});
    m.arvalid = true;
    m.araddr = 8192 - 64 - BYTES;
    m.arlen = 1;
    int decode = 0, good = 0;
    for (int i = 0; i < 20; i++) {
        step();
        m.arvalid = m.arvalid && !s.arready;
        if (s.rvalid)
            s.rresp ? decode++ : good++;
    }
    ck_assert_int_eq(decode, 1);
    ck_assert_int_eq(good, 1);
    ck_assert_int_eq(dram_get_stats(d)->decode_errors, 1);
    ck_assert_int_gt(asked, 1);
}
END_TEST

START_TEST(write_outside)
{
    open_with((dram_config){0});
    ck_assert_int_eq(put(MEM, 2), 3);
    ck_assert_int_eq(put(1ull << 50, 1), 3);
    ck_assert_int_eq(put(MEM - BYTES, 1), 0);
}
END_TEST

START_TEST(rules)
{
    static const char *const expect[] = {
        "crosses 4 KB",
        "not INCR",
        "not the bus width",
        "not aligned",
        "dropped",
        "changed before ready",
        "last in the wrong place",
        "crosses 4 KB",
        "data or strobes changed",
    };
    for (int i = 0; i < 9; i++) {
        open_with((dram_config){.stall_permille = i == 4 || i == 5 ? 999 : 0});
        m.arlen = 1;
        switch (i) {
        case 0:
            m.arvalid = true;
            m.araddr = 4096 - BYTES;
            break;
        case 1:
            m.arvalid = true;
            m.arburst = 2;
            break;
        case 2:
            m.arvalid = true;
            m.arsize = 3;
            break;
        case 3:
            m.arvalid = true;
            m.araddr = 8;
            break;
        case 4:
            m.arvalid = true;
            step();
            m.arvalid = false;
            break;
        case 5:
            m.arvalid = true;
            step();
            m.araddr += BYTES;
            break;
        case 6:
            m.awvalid = true;
            m.awlen = 1;
            step();
            m.awvalid = false;
            m.wvalid = m.wlast = true;
            break;
        case 7:
            m.awvalid = true;
            m.awlen = 255;
            m.awaddr = 16;
            break;
        case 8:
            m.wvalid = true;
            step();
            wdata[0] ^= 1;
            break;
        }
        for (int k = 0; k < 3; k++)
            step();
        const char *v = dram_violation(d);
        ck_assert_msg(v && strstr(v, expect[i]), "rule %d: %s, expected %s", i, v ? v : "nothing", expect[i]);
        ck_assert(!step());
        dram_reset(d);
        ck_assert_ptr_null(dram_violation(d));
        teardown();
    }
    open_with((dram_config){0});
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dram");
    TCase *t = tcase_create("dram");
    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_add_test(t, read_latency);
    tcase_add_test(t, bursts_overlap);
    tcase_add_test(t, peak_rate);
    tcase_add_test(t, refresh);
    tcase_add_test(t, stalls_hold_data);
    tcase_add_test(t, read_outside);
    tcase_add_test(t, write_strobes);
    tcase_add_test(t, unmapped);
    tcase_add_test(t, write_outside);
    tcase_add_test(t, rules);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
