/* SPDX-License-Identifier: Apache-2.0
 * The DRAM model (sim/dram_timing.c): its numbers against the data sheets' nanoseconds, every command stream against an
 * independent checker of the timing rules, and speeds and latencies against values computed by hand
 * (docs/memory-model.md). */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dram_timing.h"
#include "test_support.h"

static const dram_part *const parts[2] = {&dram_ddr4_2400, &dram_hbm2};

static uint64_t rng;
static uint32_t rnd(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 20);
}

/* ---- the numbers ---- */

static uint32_t clocks(const dram_part *p, double ns)
{
    return (uint32_t)ceil(ns * p->mhz / 1000 - 1e-6);
}
static uint32_t at_least(uint32_t n, uint32_t m)
{
    return n > m ? n : m;
}

START_TEST(numbers_are_the_datasheets)
{
    /* JESD79-4, speed bin DDR4-2400T and the tables of timing parameters, 8 Gb x8. CL and tRP count as nCK in the bin:
     * 14.16 ns is 17 clocks of the rounded 0.833 ns. */
    const dram_part *d = &dram_ddr4_2400;
    ck_assert_uint_eq(d->cl, 17);
    ck_assert_uint_eq(d->rcd_rd, clocks(d, 14.16));
    ck_assert_uint_eq(d->rcd_wr, clocks(d, 14.16));
    ck_assert_uint_eq(d->rp, clocks(d, 14.16));
    ck_assert_uint_eq(d->ras, clocks(d, 32));
    ck_assert_uint_eq(d->rc, d->ras + d->rp);
    ck_assert_uint_eq(d->ccd_s, 4);
    ck_assert_uint_eq(d->ccd_l, at_least(5, clocks(d, 5)));
    ck_assert_uint_eq(d->rrd_s, at_least(4, clocks(d, 3.3)));
    ck_assert_uint_eq(d->rrd_l, at_least(4, clocks(d, 4.9)));
    ck_assert_uint_eq(d->faw, at_least(20, clocks(d, 21)));
    ck_assert_uint_eq(d->rtp, at_least(4, clocks(d, 7.5)));
    ck_assert_uint_eq(d->wr, clocks(d, 15));
    ck_assert_uint_eq(d->wtr_s, at_least(2, clocks(d, 2.5)));
    ck_assert_uint_eq(d->wtr_l, at_least(4, clocks(d, 7.5)));
    ck_assert_uint_eq(d->rtw, d->cl - d->cwl + d->burst + 2);
    ck_assert_uint_eq(d->rfc, clocks(d, 350));
    ck_assert_uint_eq(d->refi, clocks(d, 7800));
    ck_assert_double_eq_tol(2.0 * d->mhz / d->burst / 2 * d->access_bytes / 1000, 19.2, 1e-9);

    const dram_part *h = &dram_hbm2;
    ck_assert_uint_eq(h->cl, clocks(h, 18));
    ck_assert_uint_eq(h->cwl, clocks(h, 7));
    ck_assert_uint_eq(h->rcd_rd, clocks(h, 12));
    ck_assert_uint_eq(h->rcd_wr, clocks(h, 6));
    ck_assert_uint_eq(h->rp, clocks(h, 14));
    ck_assert_uint_eq(h->ras, clocks(h, 28));
    ck_assert_uint_eq(h->rc, h->ras + h->rp);
    ck_assert_uint_eq(h->ccd_s, 2);
    ck_assert_uint_eq(h->ccd_l, clocks(h, 3));
    ck_assert_uint_eq(h->rrd_s, clocks(h, 4));
    ck_assert_uint_eq(h->rrd_l, clocks(h, 6));
    ck_assert_uint_eq(h->faw, at_least(4 * h->rrd_s, clocks(h, 16)));
    ck_assert_uint_eq(h->rtp, clocks(h, 5));
    ck_assert_uint_eq(h->wr, clocks(h, 14));
    ck_assert_uint_eq(h->wtr_s, clocks(h, 4));
    ck_assert_uint_eq(h->wtr_l, clocks(h, 9));
    ck_assert_uint_eq(h->rtw, h->cl - h->cwl + h->burst + 2);
    ck_assert_uint_eq(h->rfc, clocks(h, 260));
    ck_assert_uint_eq(h->refi, clocks(h, 3900));
    ck_assert_double_eq_tol(1.0 * h->mhz / h->burst * h->access_bytes / 1000, 14.4, 1e-9);
}
END_TEST

/* ---- the checker ---- */

typedef struct {
    uint64_t tick;
    dram_command c;
    uint32_t bank;
    uint64_t row;
} command;

typedef struct {
    const dram_part *p;
    command *log;
    size_t n, room;
} trace;

static void on_command(void *ctx, uint64_t tick, dram_command c, uint32_t bank, uint64_t row)
{
    trace *t = ctx;
    if (t->n == t->room)
        t->log = realloc(t->log, (t->room = t->room ? 2 * t->room : 1024) * sizeof *t->log);
    t->log[t->n++] = (command){tick, c, bank, row};
}

static bool is_row(dram_command c)
{
    return c != DRAM_C_RD && c != DRAM_C_WR;
}

/* The least distance from a to a later b; 0: none. */
static uint64_t rule(const dram_part *p, const command *a, const command *b)
{
    bool bank = a->bank == b->bank, group = a->bank / p->banks == b->bank / p->banks;
    uint64_t data = p->cwl + p->burst;
    switch (a->c) {
    case DRAM_C_ACT:
        switch (b->c) {
        case DRAM_C_ACT:
            return bank ? p->rc : group ? p->rrd_l : p->rrd_s;
        case DRAM_C_PRE:
            return bank ? p->ras : 0;
        case DRAM_C_PREA:
            return p->ras;
        case DRAM_C_RD:
            return bank ? p->rcd_rd : 0;
        case DRAM_C_WR:
            return bank ? p->rcd_wr : 0;
        default:
            return p->rc;
        }
    case DRAM_C_PRE:
        return b->c == DRAM_C_REF || (b->c == DRAM_C_ACT && bank) ? p->rp : 0;
    case DRAM_C_PREA:
        return b->c == DRAM_C_REF || b->c == DRAM_C_ACT ? p->rp : 0;
    case DRAM_C_RD:
        if (b->c == DRAM_C_RD)
            return group ? p->ccd_l : p->ccd_s;
        if (b->c == DRAM_C_WR)
            return p->rtw;
        return b->c == DRAM_C_PREA || (b->c == DRAM_C_PRE && bank) ? p->rtp : 0;
    case DRAM_C_WR:
        if (b->c == DRAM_C_WR)
            return group ? p->ccd_l : p->ccd_s;
        if (b->c == DRAM_C_RD)
            return data + (group ? p->wtr_l : p->wtr_s);
        return b->c == DRAM_C_PREA || (b->c == DRAM_C_PRE && bank) ? data + p->wr : 0;
    default: /* REF: nothing but waiting */
        return p->rfc;
    }
}

/* ck_assert marks every call in a file, which is too slow for hundreds of millions. */
#define EXPECT(cond, ...)                                                                                              \
    do {                                                                                                               \
        if (!(cond))                                                                                                   \
            ck_abort_msg(__VA_ARGS__);                                                                                 \
    } while (0)

static void check_trace(const trace *t)
{
    const dram_part *p = t->p;
    uint64_t open[DRAM_T_MAX_BANKS], act[4] = {0};
    size_t acts = 0;
    for (int i = 0; i < DRAM_T_MAX_BANKS; i++)
        open[i] = UINT64_MAX;
    for (size_t i = 0; i < t->n; i++) {
        const command *b = &t->log[i];
        for (size_t k = i; k-- > 0 && t->log[k].tick + p->rfc > b->tick;) {
            const command *a = &t->log[k];
            EXPECT(b->tick - a->tick >= rule(p, a, b), "%s: command %d at %lu, %lu after command %d: at least %lu",
                   p->name, b->c, b->tick, b->tick - a->tick, a->c, rule(p, a, b));
            EXPECT(a->tick != b->tick || (p->two_command_buses && is_row(a->c) != is_row(b->c)),
                   "%s: two commands at %lu", p->name, b->tick);
        }
        if (b->c == DRAM_C_ACT) {
            EXPECT(open[b->bank] == UINT64_MAX, "ACT of an open bank");
            EXPECT(acts < 4 || b->tick - act[acts % 4] >= p->faw, "%s: five ACT in %lu", p->name,
                   b->tick - act[acts % 4]);
            act[acts++ % 4] = b->tick;
            open[b->bank] = b->row;
        } else if (b->c == DRAM_C_PRE) {
            EXPECT(open[b->bank] != UINT64_MAX, "PRE of a closed bank");
            open[b->bank] = UINT64_MAX;
        } else if (b->c == DRAM_C_PREA) {
            for (int k = 0; k < DRAM_T_MAX_BANKS; k++)
                open[k] = UINT64_MAX;
        } else if (b->c == DRAM_C_REF) {
            for (int k = 0; k < DRAM_T_MAX_BANKS; k++)
                EXPECT(open[k] == UINT64_MAX, "REF with an open bank");
        } else {
            EXPECT(open[b->bank] == b->row, "%s: %s of row %lu, open is %lu", p->name, b->c == DRAM_C_RD ? "RD" : "WR",
                   b->row, open[b->bank]);
        }
    }
}

/* ---- driving the model ---- */

typedef struct {
    dram_part part;
    dram_timing *t;
    trace log;
} rig;

static rig *rig_open(const dram_part *p, bool refresh)
{
    rig *r = calloc(1, sizeof *r);
    r->part = *p;
    if (!refresh)
        r->part.refi = DRAM_T_NEVER_REFRESH;
    r->t = dram_timing_open(&r->part);
    ck_assert_ptr_nonnull(r->t);
    r->log.p = &r->part;
    dram_timing_trace(r->t, on_command, &r->log);
    return r;
}

static void rig_close(rig *r)
{
    check_trace(&r->log);
    dram_timing_close(r->t);
    free(r->log.log);
    free(r);
}

/* An address in a bank and row. */
static uint64_t where(const dram_part *p, uint32_t bank, uint64_t row, uint32_t column)
{
    uint64_t columns = p->page_bytes / p->access_bytes, group = bank / p->banks, in_group = bank % p->banks;
    uint64_t a = (((row * p->banks + in_group) * columns + column) * p->groups + group) * p->access_bytes;
    uint32_t b;
    uint64_t r;
    dram_timing_map(p, a, &b, &r);
    if (b != bank || r != row)
        ck_abort_msg("address of bank %u row %lu is bank %u row %lu", bank, row, b, r);
    return a;
}

/* Ticks from pushing a read into the idle model to its data. */
static uint64_t latency(rig *r, uint64_t addr)
{
    uint64_t seq, t0 = dram_timing_now(r->t);
    ck_assert(dram_timing_read(r->t, addr, &seq));
    while (dram_timing_read_at(r->t, seq) > dram_timing_now(r->t))
        dram_timing_tick(r->t);
    return dram_timing_now(r->t) - t0;
}

/* Average ticks between the RDs of n reads, the queue kept full. */
static double pace(rig *r, uint64_t (*addr)(const dram_part *, uint64_t), uint64_t n)
{
    uint64_t seq = 0, i = 0, count = 0, first = 0, last = 0;
    while (i < n) {
        while (i < n && dram_timing_read(r->t, addr(&r->part, i), &seq))
            i++;
        dram_timing_tick(r->t);
    }
    while (dram_timing_read_at(r->t, seq) == UINT64_MAX)
        dram_timing_tick(r->t);
    for (size_t k = 0; k < r->log.n; k++)
        if (r->log.log[k].c == DRAM_C_RD) {
            if (count++ == 0)
                first = r->log.log[k].tick;
            last = r->log.log[k].tick;
        }
    return (double)(last - first) / (double)(count - 1);
}

static uint64_t sequential(const dram_part *p, uint64_t i)
{
    return i * p->access_bytes;
}
static uint64_t one_bank(const dram_part *p, uint64_t i)
{
    return where(p, 5, i, 0);
}
static uint64_t round_banks(const dram_part *p, uint64_t i)
{
    /* a new row each time, going round the groups, then the banks */
    uint32_t k = (uint32_t)(i % 16);
    return where(p, k % p->groups * p->banks + k / p->groups, i / 16, 3);
}
static uint64_t one_group(const dram_part *p, uint64_t i)
{
    return where(p, 4, 7, (uint32_t)(i % (p->page_bytes / p->access_bytes)));
}
static uint64_t two_groups(const dram_part *p, uint64_t i)
{
    return where(p, i % 2 ? 4 : 0, 7, (uint32_t)(i / 2 % (p->page_bytes / p->access_bytes)));
}

START_TEST(sequential_ceiling)
{
    const dram_part *p = parts[_i];
    rig *r = rig_open(p, true);
    double got = p->ccd_s / pace(r, sequential, 500000);
    /* A refresh costs: last RD, tRTP, PREA, tRP, REF, tRFC, ACT, tRCD, first RD; the first four rows open tRRD_S apart.
     */
    double hand = 1 - (double)(p->rtp + p->rp + p->rfc + p->rcd_rd - p->ccd_s + 3 * (p->rrd_s - p->ccd_s)) / p->refi;
    ck_assert_double_eq_tol(hand, _i ? 0.92393 : 0.95096, 1e-5);
    ck_assert_double_eq_tol(got, hand, 0.0005);
    /* tRFC alone bounds it from above. */
    ck_assert_double_lt(got, 1 - (double)p->rfc / p->refi);
    rig_close(r);
    r = rig_open(p, false);
    ck_assert_double_eq_tol(pace(r, sequential, 200000), p->ccd_s, 1e-4);
    rig_close(r);
}
END_TEST

START_TEST(random_rows_reach_the_floor)
{
    const dram_part *p = parts[_i];
    rig *r = rig_open(p, false);
    ck_assert_double_eq_tol(pace(r, one_bank, 2000), p->rc, 1e-9);
    rig_close(r);
    r = rig_open(p, false);
    double hand = p->faw / 4.0 > p->rrd_s ? p->faw / 4.0 : p->rrd_s; /* 16 banks every tRC would allow more */
    ck_assert_double_ge(hand, p->rc / 16.0);
    ck_assert_double_eq_tol(pace(r, round_banks, 20000), hand, 0.02);
    rig_close(r);
}
END_TEST

START_TEST(latencies_are_exact)
{
    const dram_part *p = parts[_i];
    rig *r = rig_open(p, false);
    uint64_t hit = p->cl + p->burst + p->latency;
    ck_assert_uint_eq(latency(r, where(p, 3, 1, 0)), p->rcd_rd + hit);
    ck_assert_uint_eq(latency(r, where(p, 3, 1, 1)), hit);
    for (int i = 0; i < 100; i++)
        dram_timing_tick(r->t); /* tRAS is over */
    ck_assert_uint_eq(latency(r, where(p, 3, 2, 0)), p->rp + p->rcd_rd + hit);
    /* in nanoseconds: 72.5 for DDR4, 106.7 for HBM2 */
    ck_assert_double_eq_tol(1000.0 * (double)hit / p->mhz, _i ? 106.7 : 72.5, 0.05);
    rig_close(r);
}
END_TEST

START_TEST(bank_groups)
{
    const dram_part *p = parts[_i];
    rig *r = rig_open(p, false);
    ck_assert_double_eq_tol(pace(r, one_group, 5000), p->ccd_l, 1e-9);
    rig_close(r);
    r = rig_open(p, false);
    /* in the end the two rows opened tRRD_S apart matter no more */
    ck_assert_double_eq_tol(pace(r, two_groups, 20000), p->ccd_s > p->ccd_l / 2.0 ? p->ccd_s : p->ccd_l / 2.0, 0.001);
    rig_close(r);
}
END_TEST

static uint64_t least(const trace *t, dram_command a, dram_command b, int same_group)
{
    uint64_t d = UINT64_MAX;
    for (size_t i = 1; i < t->n; i++)
        if (t->log[i - 1].c == a && t->log[i].c == b &&
            (same_group < 0 || (t->log[i - 1].bank / t->p->banks == t->log[i].bank / t->p->banks) == same_group) &&
            t->log[i].tick - t->log[i - 1].tick < d)
            d = t->log[i].tick - t->log[i - 1].tick;
    return d;
}

START_TEST(turnaround)
{
    const dram_part *p = parts[_i];
    rig *r = rig_open(p, false);
    /* rows 0 stay open: the only commands are RD and WR, the cost of turning is bare */
    uint64_t seq, n = p->page_bytes / p->access_bytes * p->groups;
    for (uint64_t k = 0; k < 200000; k++) {
        uint64_t one = k < 100000 ? 1 : p->groups; /* in the second half a single group: the controller has no choice */
        dram_timing_read(r->t, rnd() % n / one * one * p->access_bytes, &seq);
        if (k % 16 == 0)
            dram_timing_write(r->t, rnd() % n / one * one * p->access_bytes);
        dram_timing_tick(r->t);
    }
    const dram_timing_stats *s = dram_timing_get_stats(r->t);
    ck_assert_uint_gt(s->turns, 100);
    ck_assert_uint_eq(s->command[DRAM_C_ACT], p->groups);
    ck_assert_uint_eq(least(&r->log, DRAM_C_RD, DRAM_C_WR, -1), p->rtw);
    ck_assert_uint_eq(least(&r->log, DRAM_C_WR, DRAM_C_RD, 0), p->cwl + p->burst + p->wtr_s);
    ck_assert_uint_eq(least(&r->log, DRAM_C_WR, DRAM_C_RD, 1), p->cwl + p->burst + p->wtr_l);
    /* writes go out in batches of DRAM_T_DRAIN_AT - DRAM_T_DRAIN_TO */
    ck_assert_uint_ge(s->command[DRAM_C_WR], s->turns * (DRAM_T_DRAIN_AT - DRAM_T_DRAIN_TO));
    rig_close(r);
}
END_TEST

START_TEST(four_activates)
{
    const dram_part *p = parts[_i];
    rig *r = rig_open(p, false);
    uint64_t seq;
    for (uint64_t i = 0; i < 5; i++)
        ck_assert(dram_timing_read(r->t, round_banks(p, i), &seq));
    for (int i = 0; i < 100; i++)
        dram_timing_tick(r->t);
    uint64_t act[5];
    int n = 0;
    for (size_t i = 0; i < r->log.n && n < 5; i++)
        if (r->log.log[i].c == DRAM_C_ACT)
            act[n++] = r->log.log[i].tick;
    ck_assert_int_eq(n, 5);
    for (int i = 1; i < 4; i++)
        ck_assert_uint_eq(act[i] - act[0], (uint64_t)i * p->rrd_s);
    ck_assert_uint_eq(act[4] - act[0], p->faw);
    rig_close(r);
}
END_TEST

START_TEST(refresh_comes_in_time)
{
    const dram_part *p = parts[_i];
    for (int busy = 0; busy < 2; busy++) {
        rig *r = rig_open(p, true);
        uint64_t seq, last = 0, worst = 0, n = 0;
        for (uint64_t i = 0; i < 200ull * p->refi; i++) {
            if (busy)
                dram_timing_read(r->t, (uint64_t)rnd() * p->access_bytes, &seq);
            dram_timing_tick(r->t);
        }
        for (size_t i = 0; i < r->log.n; i++)
            if (r->log.log[i].c == DRAM_C_REF) {
                uint64_t gap = r->log.log[i].tick - last;
                worst = gap > worst ? gap : worst;
                last = r->log.log[i].tick;
                n++;
            }
        ck_assert_uint_eq(n, 199);
        /* late by at most a row cycle */
        ck_assert_uint_le(worst, p->refi + p->rc + p->wr + p->cwl + p->burst);
        rig_close(r);
    }
}
END_TEST

START_TEST(any_traffic_keeps_the_rules)
{
    const dram_part *p = parts[_i];
    for (int mode = 0; mode < 6; mode++) {
        rig *r = rig_open(p, true);
        uint64_t seq, pushed = 0, at = 0;
        for (uint64_t i = 0; i < 60000; i++) {
            uint64_t span = mode & 1 ? 1u << 30 : 1u << 16;
            if (rnd() % 64 == 0)
                at = rnd() % span;
            at += p->access_bytes;
            if (mode < 4 || rnd() % 50 == 0)
                pushed += dram_timing_read(r->t, mode & 2 ? at : rnd() % span, &seq);
            if (rnd() % (mode == 5 ? 40 : 6) == 0 && dram_timing_write_room(r->t))
                dram_timing_write(r->t, rnd() % span);
            dram_timing_tick(r->t);
        }
        for (int i = 0; i < 20000; i++)
            dram_timing_tick(r->t);
        const dram_timing_stats *s = dram_timing_get_stats(r->t);
        ck_assert_uint_eq(s->command[DRAM_C_RD], pushed); /* all answered */
        ck_assert_uint_eq(dram_timing_write_room(r->t), DRAM_T_WRITES);
        rig_close(r);
    }
}
END_TEST

int main(void)
{
    rng = 88172645463325252u;
    Suite *s = suite_create("dram timing");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, numbers_are_the_datasheets);
    tcase_add_loop_test(t, sequential_ceiling, 0, 2);
    tcase_add_loop_test(t, random_rows_reach_the_floor, 0, 2);
    tcase_add_loop_test(t, latencies_are_exact, 0, 2);
    tcase_add_loop_test(t, bank_groups, 0, 2);
    tcase_add_loop_test(t, turnaround, 0, 2);
    tcase_add_loop_test(t, four_activates, 0, 2);
    tcase_add_loop_test(t, refresh_comes_in_time, 0, 2);
    tcase_add_loop_test(t, any_traffic_keeps_the_rules, 0, 2);
    suite_add_tcase(s, t);
    return run_suite(s);
}
