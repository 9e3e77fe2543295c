/* SPDX-License-Identifier: Apache-2.0
 * The memory model at its AXI port (sim/dram.c): data under random traffic on every memory, every cycle in one class,
 * the reasons where they are known by hand, and the same run twice. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "dram.h"
#include "test_support.h"

enum { BYTES = 1 << 18, SLOTS = 64 };

static uint64_t rng;
static uint32_t rnd(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 20);
}

typedef struct {
    uint64_t addr;
    uint32_t beats, done;
} burst;

typedef struct {
    burst b[SLOTS];
    uint32_t head, sent, n; /* bursts held; of those with the address accepted */
} line;

static burst *at(line *l, uint32_t i)
{
    return &l->b[(l->head + i) % SLOTS];
}

static bool overlaps(line *l, uint64_t lo, uint64_t hi, uint32_t bus)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (lo < at(l, i)->addr + (uint64_t)at(l, i)->beats * bus && hi > at(l, i)->addr)
            return true;
    return false;
}

static void want(line *l, line *other, uint32_t bus, uint64_t span)
{
    if (l->n == SLOTS)
        return;
    uint32_t most = 4096 / bus < 16 ? 4096 / bus : 16;
    burst b = {rnd() % (span / bus) * bus, 1 + rnd() % most, 0};
    uint32_t left = (uint32_t)((4096 - b.addr % 4096) / bus);
    b.beats = b.beats < left ? b.beats : left;
    uint64_t hi = b.addr + (uint64_t)b.beats * bus;
    /* what a read meets must be settled: AXI orders nothing between the channels, nor here writes among each other */
    if (!overlaps(l, b.addr, hi, bus) && !overlaps(other, b.addr, hi, bus))
        *at(l, l->n++) = b;
}

/* Random reads and writes; returns a hash of all that the port did. */
static uint64_t traffic(dram_config cfg, uint64_t seed, int cycles, uint64_t span)
{
    static uint8_t mem[BYTES], shadow[BYTES];
    rng = seed;
    for (int i = 0; i < BYTES; i++)
        mem[i] = shadow[i] = (uint8_t)rnd();
    uint32_t bus = cfg.bus_bytes, size = 0;
    while ((1u << size) < bus)
        size++;
    dram *d = dram_open(&cfg, mem, BYTES);
    ck_assert_ptr_nonnull(d);
    line reads = {0}, writes = {0};
    uint8_t wdata[128] = {0}, wstrb[16] = {0};
    uint32_t wsent = 0; /* write bursts whose data are all sent */
    dram_master m = {
        .wdata = wdata, .wstrb = wstrb, .arsize = (uint8_t)size, .awsize = (uint8_t)size, .arburst = 1, .awburst = 1};
    dram_slave s = {0};
    uint64_t hash = 1, beats = 0;
    for (int c = 0; c < cycles || reads.n || writes.n; c++) {
        if (c < cycles && rnd() % 8 == 0)
            want(&reads, &writes, bus, span);
        if (c < cycles && rnd() % 12 == 0)
            want(&writes, &reads, bus, span);
        if (!m.arvalid && reads.sent < reads.n && rnd() % 2) {
            m.arvalid = true;
            m.araddr = at(&reads, reads.sent)->addr;
            m.arlen = (uint8_t)(at(&reads, reads.sent)->beats - 1);
        }
        if (!m.awvalid && writes.sent < writes.n && rnd() % 2) {
            m.awvalid = true;
            m.awaddr = at(&writes, writes.sent)->addr;
            m.awlen = (uint8_t)(at(&writes, writes.sent)->beats - 1);
        }
        if (!m.wvalid && wsent < writes.sent && rnd() % 4) {
            burst *b = at(&writes, wsent);
            m.wvalid = true;
            m.wlast = b->done + 1 == b->beats;
            for (uint32_t i = 0; i < bus; i++)
                wdata[i] = (uint8_t)rnd();
            for (uint32_t i = 0; i < bus / 8; i++)
                wstrb[i] = rnd() % 3 ? 0xFF : (uint8_t)rnd();
        }
        m.rready = rnd() % 8 != 0;
        m.bready = rnd() % 4 != 0;
        if (!dram_step(d, &m, &s))
            ck_abort_msg("cycle %d: %s", c, dram_violation(d));
        if (s.rvalid && m.rready) {
            burst *b = at(&reads, 0);
            if (reads.sent == 0)
                ck_abort_msg("a beat that nobody asked for");
            uint64_t a = b->addr + (uint64_t)b->done * bus;
            if (memcmp(s.rdata, shadow + a, bus))
                ck_abort_msg("cycle %d: read of %lx is not what was written", c, a);
            if (s.rlast != (b->done + 1 == b->beats))
                ck_abort_msg("cycle %d: rlast is wrong", c);
            if (++b->done == b->beats)
                reads.head++, reads.n--, reads.sent--;
            hash = (hash ^ (uint64_t)c) * 0x100000001B3u;
            beats++;
        }
        if (s.bvalid && m.bready) {
            if (wsent == 0)
                ck_abort_msg("a response before the data");
            writes.head++, writes.n--, writes.sent--, wsent--;
            hash = (hash ^ ((uint64_t)c << 1 | 1)) * 0x100000001B3u;
        }
        if (m.wvalid && s.wready) {
            burst *b = at(&writes, wsent);
            for (uint32_t i = 0; i < bus; i++)
                if (wstrb[i / 8] >> (i % 8) & 1)
                    shadow[b->addr + (uint64_t)b->done * bus + i] = wdata[i];
            wsent += ++b->done == b->beats;
            m.wvalid = false;
        }
        if (m.arvalid && s.arready)
            m.arvalid = false, reads.sent++;
        if (m.awvalid && s.awready)
            m.awvalid = false, writes.sent++;
        if (c > 100 * cycles)
            ck_abort_msg("no end");
    }
    ck_assert_int_eq(memcmp(mem, shadow, BYTES), 0);
    const dram_stats *st = dram_get_stats(d);
    uint64_t sum = 0;
    for (int i = 0; i < DRAM_R_CLASSES; i++) {
        sum += st->read_class[i];
        hash = (hash ^ st->read_class[i]) * 0x100000001B3u;
    }
    ck_assert_uint_eq(sum, st->cycle);
    ck_assert_uint_eq(st->read_class[DRAM_R_BEAT], beats);
    ck_assert_uint_eq(st->read_beats, beats);
    ck_assert_uint_gt(beats, (uint64_t)cycles / 64);
    ck_assert_uint_eq(st->read_class[DRAM_R_STALL] > 0, cfg.stall_permille > 0);
    dram_close(d);
    return hash;
}

static const dram_config configs[] = {
    {.read_latency = 20, .write_latency = 7},
    {.read_latency = 3,
     .bytes_per_cycle = 5,
     .stall_permille = 200,
     .seed = 3,
     .refresh_interval = 500,
     .refresh_length = 40},
    {.part = &dram_ddr4_2400, .clock_mhz = 300},
    {.part = &dram_ddr4_2400, .clock_mhz = 217, .stall_permille = 100, .seed = 9},
    {.part = &dram_ddr4_2400, .clock_mhz = 1700},
    {.part = &dram_hbm2, .clock_mhz = 450},
    {.part = &dram_hbm2, .clock_mhz = 1000, .stall_permille = 300, .seed = 1},
};
enum { CONFIGS = sizeof configs / sizeof *configs };

START_TEST(data_and_determinism)
{
    for (uint32_t bus = 8; bus <= 128; bus *= 2) {
        dram_config c = configs[_i];
        c.bus_bytes = bus;
        uint64_t span = bus < 64 ? 1 << 13 : BYTES;
        uint64_t h = traffic(c, 12345 + bus, 20000, span);
        ck_assert_uint_eq(h, traffic(c, 12345 + bus, 20000, span));
        ck_assert_uint_ne(h, traffic(c, 54321 + bus, 20000, span));
    }
}
END_TEST

/* A master that reads `n` bursts of `beats`, `stride` bytes apart, as fast as it may; the class counts. */
static dram_stats stream(dram_config cfg, uint64_t n, uint32_t beats, uint64_t stride)
{
    static uint8_t mem[64];
    uint32_t size = 0;
    while ((1u << size) < cfg.bus_bytes)
        size++;
    dram *d = dram_open(&cfg, mem, 0);
    dram_master m = {.rready = true,
                     .wdata = mem,
                     .wstrb = mem,
                     .arsize = (uint8_t)size,
                     .arburst = 1,
                     .arlen = (uint8_t)(beats - 1)};
    dram_slave s = {0};
    uint64_t asked = 0, got = 0;
    while (got < n * beats) {
        m.arvalid = asked < n;
        m.araddr = asked * stride;
        if (!dram_step(d, &m, &s))
            ck_abort_msg("%s", dram_violation(d));
        asked += m.arvalid && s.arready;
        got += s.rvalid;
    }
    dram_stats st = *dram_get_stats(d);
    dram_close(d);
    return st;
}

START_TEST(lost_cycles_have_the_right_name)
{
    /* Sequential, all of the time of the bus: nothing is lost but to the way there and to refresh: per refresh
     * (9 + 17 + 420 + 17 - 4) / 4 = 114.75 cycles of 300 MHz. */
    dram_config c = {.bus_bytes = 64, .part = &dram_ddr4_2400, .clock_mhz = 300};
    dram_stats s = stream(c, 8192, 64, 4096);
    uint64_t refreshes = s.cycle * 4 / 9360;
    ck_assert_uint_ge(refreshes, 200);
    ck_assert_double_eq_tol((double)s.read_class[DRAM_R_REFRESH], 114.75 * (double)refreshes, 1.5 * (double)refreshes);
    ck_assert_uint_le(s.read_class[DRAM_R_LATENCY], 25);
    ck_assert_uint_le(s.read_class[DRAM_R_ROW] + s.read_class[DRAM_R_RATE] + s.read_class[DRAM_R_BANK_GROUP], 100);
    ck_assert_uint_eq(s.read_class[DRAM_R_TURNAROUND] + s.read_class[DRAM_R_STALL] + s.read_class[DRAM_R_BLOCKED], 0);
    /* A core twice as fast waits every other cycle for the peak rate. */
    c.clock_mhz = 600;
    s = stream(c, 2048, 64, 4096);
    ck_assert_double_eq_tol((double)s.read_class[DRAM_R_RATE], (double)s.read_class[DRAM_R_BEAT],
                            0.03 * (double)s.cycle);
    /* One access in each row of one bank: 56 clocks each, 14 cycles, 13 of them lost to rows. */
    c.clock_mhz = 300;
    s = stream(c, 2000, 1, 8192 * 16);
    ck_assert_double_eq_tol((double)s.read_class[DRAM_R_ROW] / (double)s.cycle, 13.0 / 14 * 0.95, 0.02);
    /* One bank group only: 6 clocks instead of 4; a third of the cycles. */
    s = stream(c, 20000, 1, 256);
    ck_assert_double_eq_tol((double)s.read_class[DRAM_R_BANK_GROUP] / (double)s.cycle, 0.95 / 3, 0.02);
    /* A lone read of a closed row: tRCD + CL + burst + controller = 17 + 17 + 4 + 66 clocks = 26 cycles from the edge
     * that took the address to the first in which the beat can be seen; tRCD of it, the last 4.25, is the row's. */
    s = stream(c, 1, 1, 64);
    ck_assert_uint_eq(s.read_class[DRAM_R_LATENCY] + s.read_class[DRAM_R_ROW], 25);
    ck_assert_uint_ge(s.read_class[DRAM_R_ROW], 4);
    ck_assert_uint_le(s.read_class[DRAM_R_ROW], 5);
    c.part = NULL;
    c.read_latency = 30;
    s = stream(c, 4, 1, 64);
    ck_assert_uint_eq(s.read_class[DRAM_R_LATENCY], 30);
}
END_TEST

START_TEST(stream_is_the_ceiling)
{
    dram_config c = {.bus_bytes = 64, .part = &dram_ddr4_2400, .clock_mhz = 300};
    uint64_t n = dram_stream_cycles(&c, 64u << 20);
    ck_assert_double_eq_tol((double)(1u << 20) / (double)n, 0.95096, 0.0005);
    c = (dram_config){.bus_bytes = 32, .part = &dram_hbm2, .clock_mhz = 450};
    n = dram_stream_cycles(&c, 32u << 20);
    ck_assert_double_eq_tol((double)(1u << 20) / (double)n, 0.92393, 0.0005);
    c = (dram_config){.bus_bytes = 64, .read_latency = 10};
    ck_assert_uint_eq(dram_stream_cycles(&c, 6400), 100 + 10 + 1);
    ck_assert_uint_eq(dram_stream_cycles(&c, 0), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dram at its port");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, data_and_determinism, 0, CONFIGS);
    tcase_add_test(t, lost_cycles_have_the_right_name);
    tcase_add_test(t, stream_is_the_ceiling);
    suite_add_tcase(s, t);
    return run_suite(s);
}
