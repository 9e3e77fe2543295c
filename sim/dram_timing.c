/* SPDX-License-Identifier: Apache-2.0 */
#include "dram_timing.h"

#include <stdlib.h>
#include <string.h>

/* docs/memory-model.md, "The numbers", has the source of each. */
const dram_part dram_ddr4_2400 = {
    .name = "ddr4-2400",
    .mhz = 1200,
    .access_bytes = 64,
    .page_bytes = 8192,
    .groups = 4,
    .banks = 4,
    .burst = 4,
    .cl = 17,
    .cwl = 12,
    .rcd_rd = 17,
    .rcd_wr = 17,
    .rp = 17,
    .ras = 39,
    .rc = 56,
    .ccd_s = 4,
    .ccd_l = 6,
    .rrd_s = 4,
    .rrd_l = 6,
    .faw = 26,
    .rtp = 9,
    .wr = 18,
    .wtr_s = 3,
    .wtr_l = 9,
    .rtw = 11,
    .rfc = 420,
    .refi = 9360,
    .latency = 66,
};
const dram_part dram_hbm2 = {
    .name = "hbm2",
    .mhz = 900,
    .access_bytes = 32,
    .page_bytes = 1024,
    .groups = 4,
    .banks = 4,
    .two_command_buses = true,
    .burst = 2,
    .cl = 17,
    .cwl = 7,
    .rcd_rd = 11,
    .rcd_wr = 6,
    .rp = 13,
    .ras = 26,
    .rc = 39,
    .ccd_s = 2,
    .ccd_l = 3,
    .rrd_s = 4,
    .rrd_l = 6,
    .faw = 16,
    .rtp = 5,
    .wr = 13,
    .wtr_s = 4,
    .wtr_l = 9,
    .rtw = 14,
    .rfc = 234,
    .refi = 3510,
    .latency = 77,
};

enum { HISTORY = 1024 }; /* ticks of reasons kept: more than RD to data */

typedef struct {
    uint64_t access, row, seq;
    uint32_t bank;
} entry;

typedef struct {
    entry e[DRAM_T_READS > DRAM_T_WRITES ? DRAM_T_READS : DRAM_T_WRITES]; /* oldest first */
    uint32_t n;
} queue;

typedef struct {
    bool open, refreshed; /* refreshed: closed by a refresh and not read or written since */
    uint64_t row;
    uint64_t act_ok, pre_ok, rd_ok, wr_ok; /* first tick of the next such command */
} bank_state;

struct dram_timing {
    dram_part p;
    uint64_t now;
    queue reads, writes;
    bool writing;
    uint32_t idle; /* ticks without a read */
    bank_state bank[DRAM_T_MAX_BANKS];
    uint64_t group_act[4], group_rd[4], group_wr[4]; /* first tick allowed by the same bank group */
    uint64_t any_act, any_rd, any_wr;                /* ... by any bank */
    uint64_t turn_rd;                                /* ... by the write before it (tWTR), the same or another group */
    uint64_t acts[4];                                /* ticks of the last four ACT, +1; 0: none */
    uint32_t act_next;
    uint64_t refresh_at;    /* tick at which the next refresh is due */
    uint64_t refresh_until; /* end of tRFC */
    uint64_t sleep;         /* nothing can be issued before this tick */
    uint64_t next_seq;
    uint64_t done[DRAM_T_RESULTS];
    uint8_t why[HISTORY];
    dram_trace_fn trace;
    void *trace_ctx;
    dram_timing_stats stats;
};

static uint64_t max2(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

dram_timing *dram_timing_open(const dram_part *part)
{
    dram_timing *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->p = *part;
    dram_timing_reset(t);
    return t;
}

void dram_timing_close(dram_timing *t)
{
    free(t);
}

void dram_timing_reset(dram_timing *t)
{
    t->reads.n = t->writes.n = 0;
    t->writing = false;
    memset(t->bank, 0, sizeof t->bank);
    for (int i = 0; i < DRAM_T_MAX_BANKS; i++)
        t->bank[i].act_ok = t->now;
    memset(t->why, DRAM_W_NONE, sizeof t->why);
    t->refresh_at = t->now + t->p.refi;
    t->sleep = t->now;
}

/* Consecutive accesses go round the bank groups, so that tCCD_S applies; then through the columns of the four open
 * rows; then to the next bank, whose rows can be opened ahead; then to the next row. */
void dram_timing_map(const dram_part *part, uint64_t addr, uint32_t *bank, uint64_t *row)
{
    uint64_t a = addr / part->access_bytes;
    uint32_t group = (uint32_t)(a % part->groups);
    a /= part->groups;
    a /= part->page_bytes / part->access_bytes;
    *bank = group * part->banks + (uint32_t)(a % part->banks);
    *row = a / part->banks;
}

uint64_t dram_timing_now(const dram_timing *t)
{
    return t->now;
}
uint64_t dram_timing_read_at(const dram_timing *t, uint64_t seq)
{
    return t->done[seq % DRAM_T_RESULTS];
}
const dram_timing_stats *dram_timing_get_stats(const dram_timing *t)
{
    return &t->stats;
}
uint64_t dram_timing_next(const dram_timing *t)
{
    return t->next_seq;
}
uint32_t dram_timing_write_room(const dram_timing *t)
{
    return DRAM_T_WRITES - t->writes.n;
}

void dram_timing_trace(dram_timing *t, dram_trace_fn fn, void *ctx)
{
    t->trace = fn;
    t->trace_ctx = ctx;
}

static void push(dram_timing *t, queue *q, uint64_t addr, uint64_t seq)
{
    entry *e = &q->e[q->n++];
    e->access = addr / t->p.access_bytes;
    e->seq = seq;
    dram_timing_map(&t->p, addr, &e->bank, &e->row);
    t->sleep = t->now;
}

bool dram_timing_read(dram_timing *t, uint64_t addr, uint64_t *seq)
{
    if (t->reads.n == DRAM_T_READS)
        return false;
    *seq = t->next_seq++;
    t->done[*seq % DRAM_T_RESULTS] = UINT64_MAX;
    push(t, &t->reads, addr, *seq);
    return true;
}

bool dram_timing_write(dram_timing *t, uint64_t addr)
{
    for (uint32_t i = 0; i < t->writes.n; i++) {
        if (t->writes.e[i].access == addr / t->p.access_bytes) {
            t->stats.merged++;
            return true;
        }
    }
    if (t->writes.n == DRAM_T_WRITES)
        return false;
    push(t, &t->writes, addr, 0);
    return true;
}

static void note(dram_timing *t, dram_command c, uint32_t bank, uint64_t row)
{
    t->stats.command[c]++;
    if (t->trace)
        t->trace(t->trace_ctx, t->now, c, bank, row);
}

static void take(queue *q, uint32_t i)
{
    memmove(&q->e[i], &q->e[i + 1], (--q->n - i) * sizeof q->e[0]);
}

static void issue_act(dram_timing *t, const entry *e)
{
    const dram_part *p = &t->p;
    bank_state *b = &t->bank[e->bank];
    b->open = true;
    b->row = e->row;
    b->rd_ok = t->now + p->rcd_rd;
    b->wr_ok = t->now + p->rcd_wr;
    b->pre_ok = t->now + p->ras;
    b->act_ok = t->now + p->rc;
    t->group_act[e->bank / p->banks] = t->now + p->rrd_l;
    t->any_act = t->now + p->rrd_s;
    t->acts[t->act_next++ % 4] = t->now + 1;
    note(t, DRAM_C_ACT, e->bank, e->row);
}

static void issue_column(dram_timing *t, queue *q, uint32_t i)
{
    const dram_part *p = &t->p;
    entry e = q->e[i];
    bank_state *b = &t->bank[e.bank];
    uint32_t g = e.bank / p->banks;
    b->refreshed = false;
    if (q == &t->reads) {
        t->any_rd = t->now + p->ccd_s;
        t->group_rd[g] = t->now + p->ccd_l;
        t->any_wr = max2(t->any_wr, t->now + p->rtw);
        b->pre_ok = max2(b->pre_ok, t->now + p->rtp);
        t->done[e.seq % DRAM_T_RESULTS] = t->now + p->cl + p->burst + p->latency;
        note(t, DRAM_C_RD, e.bank, e.row);
    } else {
        uint64_t end = t->now + p->cwl + p->burst;
        t->any_wr = t->now + p->ccd_s;
        t->group_wr[g] = t->now + p->ccd_l;
        t->turn_rd = end + p->wtr_s;
        t->any_rd = max2(t->any_rd, end + p->wtr_s);
        t->group_rd[g] = max2(t->group_rd[g], end + p->wtr_l);
        b->pre_ok = max2(b->pre_ok, end + p->wr);
        note(t, DRAM_C_WR, e.bank, e.row);
    }
    take(q, i);
}

/* The oldest access whose row is open and whose turn the bus allows. *when: the first tick at which one may be. */
static bool try_column(dram_timing *t, uint64_t *when)
{
    queue *q = t->writing ? &t->writes : &t->reads;
    const uint64_t *group = t->writing ? t->group_wr : t->group_rd;
    uint64_t any = t->writing ? t->any_wr : t->any_rd;
    if (q->n && any > t->now) {
        if (any < *when)
            *when = any;
        return false;
    }
    for (uint32_t i = 0; i < q->n; i++) {
        const entry *e = &q->e[i];
        const bank_state *b = &t->bank[e->bank];
        if (!b->open || b->row != e->row)
            continue;
        uint64_t ok = max2(max2(any, group[e->bank / t->p.banks]), t->writing ? b->wr_ok : b->rd_ok);
        if (ok <= t->now) {
            issue_column(t, q, i);
            return true;
        }
        if (ok < *when)
            *when = ok;
    }
    return false;
}

/* ACT or PRE for the oldest access of each bank. A bank that an older entry wants as it is stays so. */
static bool try_row(dram_timing *t, const queue *q, uint32_t *seen, uint64_t *when)
{
    for (uint32_t i = 0; i < q->n; i++) {
        const entry *e = &q->e[i];
        if (*seen >> e->bank & 1)
            continue;
        *seen |= 1u << e->bank;
        bank_state *b = &t->bank[e->bank];
        if (b->open && b->row == e->row)
            continue;
        uint64_t ok = b->pre_ok;
        if (!b->open) {
            uint64_t fourth = t->acts[t->act_next % 4];
            ok = max2(max2(b->act_ok, t->any_act), t->group_act[e->bank / t->p.banks]);
            if (fourth)
                ok = max2(ok, fourth - 1 + t->p.faw);
        }
        if (ok > t->now) {
            if (ok < *when)
                *when = ok;
        } else if (b->open) {
            b->open = false;
            b->refreshed = false;
            b->act_ok = max2(b->act_ok, t->now + t->p.rp);
            note(t, DRAM_C_PRE, e->bank, b->row);
            return true;
        } else {
            issue_act(t, e);
            return true;
        }
    }
    return false;
}

/* All rows closed, tRP, REF, tRFC. */
static void refresh(dram_timing *t)
{
    uint64_t pre = 0, idle = 0;
    bool open = false;
    for (uint32_t i = 0; i < t->p.groups * t->p.banks; i++) {
        open |= t->bank[i].open;
        if (t->bank[i].open)
            pre = max2(pre, t->bank[i].pre_ok);
        idle = max2(idle, t->bank[i].act_ok);
    }
    if (open && pre > t->now) {
        t->sleep = pre;
    } else if (open) {
        for (uint32_t i = 0; i < t->p.groups * t->p.banks; i++) {
            bank_state *b = &t->bank[i];
            if (!b->open)
                continue;
            b->act_ok = max2(b->act_ok, t->now + t->p.rp);
            b->open = false;
            b->refreshed = true;
        }
        note(t, DRAM_C_PREA, 0, 0);
    } else if (idle > t->now) {
        t->sleep = idle;
    } else {
        for (uint32_t i = 0; i < t->p.groups * t->p.banks; i++)
            t->bank[i].act_ok = t->now + t->p.rfc;
        t->refresh_until = t->now + t->p.rfc;
        t->refresh_at += t->p.refi;
        note(t, DRAM_C_REF, 0, 0);
    }
}

static void turn(dram_timing *t)
{
    t->idle = t->reads.n ? 0 : t->idle + 1;
    if (!t->writing) {
        if (t->writes.n >= DRAM_T_DRAIN_AT || (t->writes.n && t->idle > DRAM_T_IDLE)) {
            t->writing = true;
            t->stats.turns++;
            t->sleep = t->now;
        }
    } else if (t->writes.n == 0 || (t->reads.n && t->writes.n <= DRAM_T_DRAIN_TO)) {
        t->writing = false;
        t->sleep = t->now;
    }
}

/* The state of the oldest read before the tick. */
static dram_why blocked_by(const dram_timing *t, bool refreshing)
{
    if (t->reads.n == 0)
        return DRAM_W_NONE;
    const entry *e = &t->reads.e[0];
    const bank_state *b = &t->bank[e->bank];
    if (refreshing || t->now < t->refresh_until || b->refreshed)
        return DRAM_W_REFRESH;
    if (t->writing || t->turn_rd > t->now)
        return DRAM_W_TURNAROUND;
    if (!b->open || b->row != e->row || b->rd_ok > t->now)
        return DRAM_W_ROW;
    if (t->any_rd > t->now)
        return DRAM_W_RATE;
    /* tWTR_L outlasts tWTR_S; a write long ago cannot be what holds it. */
    return t->group_rd[e->bank / t->p.banks] <= t->now                   ? DRAM_W_RATE
           : t->turn_rd && t->now < t->turn_rd + t->p.wtr_l - t->p.wtr_s ? DRAM_W_TURNAROUND
                                                                         : DRAM_W_BANK_GROUP;
}

void dram_timing_tick(dram_timing *t)
{
    bool refreshing = t->p.refi && t->now >= t->refresh_at;
    turn(t);
    t->why[t->now % HISTORY] = (uint8_t)blocked_by(t, refreshing);
    if (t->now >= t->sleep || (refreshing && t->now == t->refresh_at)) {
        uint64_t when = UINT64_MAX;
        if (refreshing) {
            t->sleep = t->now;
            refresh(t);
        } else {
            uint32_t seen = 0;
            bool done = try_column(t, &when);
            if (!done || t->p.two_command_buses) {
                bool row = try_row(t, t->writing ? &t->writes : &t->reads, &seen, &when);
                if (!row && t->writing)
                    row = try_row(t, &t->reads, &seen, &when);
                done |= row;
            }
            t->sleep = done ? t->now : when;
        }
    }
    t->now++;
}

dram_why dram_timing_why(const dram_timing *t, uint32_t ticks)
{
    uint64_t back = t->p.cl + t->p.burst + t->p.latency;
    uint8_t why = DRAM_W_NONE;
    for (uint32_t i = 0; i < ticks; i++) {
        if (t->now < back + i)
            break;
        uint8_t w = t->why[(t->now - back - i) % HISTORY];
        if (w > why)
            why = w;
    }
    return (dram_why)why;
}
