/* SPDX-License-Identifier: Apache-2.0 */
#include "dram.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RESP_OKAY = 0, RESP_DECERR = 3 };

typedef struct {
    uint64_t addr;      /* of the next beat */
    uint32_t beats;     /* left */
    uint64_t due;       /* read: first cycle of data; write: first cycle of the response */
    uint8_t resp;       /* write: the response to give; the worst of its bytes' */
    uint64_t base, seq; /* read, with a part: its first access, and that access's number */
} burst;

struct dram {
    dram_config cfg;
    uint8_t *mem;
    uint64_t mem_bytes;
    uint64_t rng;
    burst reads[DRAM_QUEUE], writes[DRAM_QUEUE], replies[DRAM_QUEUE];
    uint32_t read_head, read_count, write_head, write_count, reply_head, reply_count;
    uint64_t read_credit, write_credit; /* bytes that may move: the peak rate */
    dram_slave out;                     /* driven in the cycle before */
    dram_master last;
    uint64_t last_w_hash;
    uint8_t *rdata;
    bool violated;
    char violation[256];
    dram_stats stats;
    dram_timing *timing;     /* NULL: ideal */
    uint32_t phase;          /* of the memory clock against the AXI clock, in MHz */
    uint32_t ticks;          /* memory clocks in this cycle */
    uint64_t feed, feed_end; /* accesses of the burst being handed to the controller */
    uint32_t fed;            /* bursts, from read_head on, handed over or begun */
    uint64_t next_seq;       /* of the next access accepted on AR */
};

static uint32_t rnd(dram *d)
{
    d->rng ^= d->rng << 13;
    d->rng ^= d->rng >> 7;
    d->rng ^= d->rng << 17;
    return (uint32_t)(d->rng >> 32);
}

static bool stalls(dram *d)
{
    return d->cfg.stall_permille && rnd(d) % 1000 < d->cfg.stall_permille;
}

static void violate(dram *d, const char *what, uint64_t a, uint64_t b)
{
    if (!d->violated) {
        d->violated = true;
        snprintf(d->violation, sizeof d->violation, "%s (0x%" PRIx64 ", 0x%" PRIx64 ") in cycle %" PRIu64, what, a, b,
                 d->stats.cycle);
    }
}

dram *dram_open(const dram_config *config, uint8_t *mem, uint64_t mem_bytes)
{
    dram *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->cfg = *config;
    if (d->cfg.bytes_per_cycle == 0 || d->cfg.bytes_per_cycle > d->cfg.bus_bytes)
        d->cfg.bytes_per_cycle = d->cfg.bus_bytes;
    d->mem = mem;
    d->mem_bytes = mem_bytes;
    d->rdata = calloc(1, d->cfg.bus_bytes);
    if (!d->rdata) {
        free(d);
        return NULL;
    }
    if (d->cfg.clock_mhz == 0)
        d->cfg.clock_mhz = 300;
    if (d->cfg.part && !(d->timing = dram_timing_open(d->cfg.part))) {
        dram_close(d);
        return NULL;
    }
    d->rng = 0x9E3779B97F4A7C15u ^ ((uint64_t)d->cfg.seed << 17 | 1);
    dram_reset(d);
    return d;
}

void dram_close(dram *d)
{
    if (!d)
        return;
    dram_timing_close(d->timing);
    free(d->rdata);
    free(d);
}

void dram_reset(dram *d)
{
    d->read_count = d->write_count = d->reply_count = 0;
    d->read_credit = d->write_credit = 0;
    memset(&d->out, 0, sizeof d->out);
    memset(&d->last, 0, sizeof d->last);
    d->out.rdata = d->rdata;
    d->violated = false;
    d->stats.reads_open = d->stats.writes_open = 0;
    d->stats.last_progress = d->stats.cycle;
    if (d->timing) {
        dram_timing_reset(d->timing);
        d->feed = d->feed_end = d->fed = 0;
        d->next_seq = dram_timing_next(d->timing);
    }
}

const char *dram_violation(const dram *d)
{
    return d->violated ? d->violation : NULL;
}
const dram_stats *dram_get_stats(const dram *d)
{
    return &d->stats;
}
const dram_timing *dram_get_timing(const dram *d)
{
    return d->timing;
}

/* A beat lies inside the memory, and there where something is, or is answered with DECERR. */
static uint8_t response(const dram *d, bool write, uint64_t addr, uint64_t bytes)
{
    int said = d->cfg.access ? d->cfg.access(d->cfg.access_ctx, write, addr, bytes) : RESP_OKAY;
    bool inside = addr <= d->mem_bytes && bytes <= d->mem_bytes - addr &&
                  (!d->cfg.mapped || d->cfg.mapped(d->cfg.mapped_ctx, addr, bytes));
    return inside ? (uint8_t)said : RESP_DECERR;
}

static void check_burst(dram *d, const char *channel, uint64_t addr, uint8_t len, uint8_t size, uint8_t type)
{
    uint32_t bytes = d->cfg.bus_bytes;
    char what[64];
    if ((1u << size) != bytes) {
        snprintf(what, sizeof what, "%s: size is not the bus width", channel);
        violate(d, what, size, bytes);
    }
    if (type != 1) {
        snprintf(what, sizeof what, "%s: burst type is not INCR", channel);
        violate(d, what, type, addr);
    }
    if (addr % bytes) {
        snprintf(what, sizeof what, "%s: address is not aligned", channel);
        violate(d, what, addr, bytes);
    }
    if (addr / 4096 != (addr + ((uint64_t)len + 1) * bytes - 1) / 4096) {
        snprintf(what, sizeof what, "%s: burst crosses 4 KB", channel);
        violate(d, what, addr, len);
    }
}

static uint64_t hash_bytes(const uint8_t *p, uint32_t n, uint64_t h)
{
    for (uint32_t i = 0; i < n; i += 8) {
        uint64_t v = 0;
        memcpy(&v, p + i, n - i < 8 ? n - i : 8);
        h = (h ^ v) * 0x100000001B3u;
    }
    return h;
}

/* VALID once raised stays until READY, and so does what it says. */
static void check_stable(dram *d, const dram_master *m)
{
    const dram_master *l = &d->last;
    if (l->arvalid && !d->out.arready) {
        if (!m->arvalid)
            violate(d, "AR: valid dropped before ready", l->araddr, l->arlen);
        else if (m->araddr != l->araddr || m->arlen != l->arlen)
            violate(d, "AR: changed before ready", l->araddr, m->araddr);
    }
    if (l->awvalid && !d->out.awready) {
        if (!m->awvalid)
            violate(d, "AW: valid dropped before ready", l->awaddr, l->awlen);
        else if (m->awaddr != l->awaddr || m->awlen != l->awlen)
            violate(d, "AW: changed before ready", l->awaddr, m->awaddr);
    }
    if (l->wvalid && !d->out.wready) {
        if (!m->wvalid)
            violate(d, "W: valid dropped before ready", 0, 0);
        else if (m->wlast != l->wlast)
            violate(d, "W: last changed before ready", l->wlast, m->wlast);
        else if (hash_bytes(m->wstrb, d->cfg.bus_bytes / 8, hash_bytes(m->wdata, d->cfg.bus_bytes, 1)) !=
                 d->last_w_hash)
            violate(d, "W: data or strobes changed before ready", 0, 0);
    }
}

/* Hands the accepted bursts to the controller, an access a memory clock, in order. */
static void feed(dram *d)
{
    uint64_t size = d->cfg.part->access_bytes, seq;
    if (d->feed == d->feed_end) {
        if (d->fed == d->read_count)
            return;
        burst *b = &d->reads[(d->read_head + d->fed++) % DRAM_QUEUE];
        d->feed = b->base;
        d->feed_end = (b->addr + (uint64_t)b->beats * d->cfg.bus_bytes + size - 1) / size;
    }
    if (dram_timing_read(d->timing, d->feed * size, &seq))
        d->feed++;
}

static void run_clock(dram *d)
{
    d->ticks = 0;
    for (d->phase += d->cfg.part->mhz; d->phase >= d->cfg.clock_mhz; d->phase -= d->cfg.clock_mhz) {
        feed(d);
        dram_timing_tick(d->timing);
        d->ticks++;
    }
}

/* True if the data of the next beat are on this side. */
static bool arrived(const dram *d, const burst *b)
{
    uint64_t size = d->cfg.part->access_bytes, now = dram_timing_now(d->timing);
    uint64_t first = b->addr / size, last = (b->addr + d->cfg.bus_bytes - 1) / size;
    if (d->fed == 0 || (d->fed == 1 && last >= d->feed && d->feed != d->feed_end))
        return false;
    for (uint64_t a = first; a <= last; a++)
        if (dram_timing_read_at(d->timing, b->seq + (a - b->base)) > now)
            return false;
    return true;
}

static const dram_read_class class_of_why[] = {
    [DRAM_W_NONE] = DRAM_R_LATENCY,          [DRAM_W_RATE] = DRAM_R_RATE,
    [DRAM_W_BANK_GROUP] = DRAM_R_BANK_GROUP, [DRAM_W_ROW] = DRAM_R_ROW,
    [DRAM_W_TURNAROUND] = DRAM_R_TURNAROUND, [DRAM_W_REFRESH] = DRAM_R_REFRESH,
};

/* DRAM_R_BEAT: the next beat can be offered; otherwise why not. */
static dram_read_class next_beat(const dram *d, bool refresh)
{
    const burst *b = &d->reads[d->read_head];
    if (d->read_count == 0)
        return DRAM_R_IDLE;
    if (d->timing)
        return arrived(d, b) ? DRAM_R_BEAT : class_of_why[dram_timing_why(d->timing, d->ticks)];
    if (d->stats.cycle < b->due)
        return DRAM_R_LATENCY;
    if (refresh)
        return DRAM_R_REFRESH;
    return d->read_credit < d->cfg.bus_bytes ? DRAM_R_RATE : DRAM_R_BEAT;
}

static void offer(dram *d, dram_slave *s)
{
    uint32_t bytes = d->cfg.bus_bytes;
    const burst *b = &d->reads[d->read_head];
    s->rvalid = true;
    s->rchanged = true;
    s->rlast = b->beats == 1;
    s->rresp = response(d, false, b->addr, bytes);
    if (s->rresp == RESP_OKAY) {
        s->rdata = d->mem + b->addr;
    } else {
        memset(d->rdata, 0xA5, bytes);
        s->rdata = d->rdata;
        d->stats.decode_errors++;
    }
}

/* Memory clocks in cycles, rounded up. */
static uint64_t to_cycles(const dram *d, uint32_t ticks)
{
    return ((uint64_t)ticks * d->cfg.clock_mhz + d->cfg.part->mhz - 1) / d->cfg.part->mhz;
}

static bool write_room(const dram *d)
{
    if (!d->timing)
        return d->write_credit >= d->cfg.bus_bytes;
    uint32_t size = d->cfg.part->access_bytes;
    return dram_timing_write_room(d->timing) >= (d->cfg.bus_bytes > size ? d->cfg.bus_bytes / size : 1);
}

static void take_write(dram *d, const dram_master *m)
{
    uint32_t bytes = d->cfg.bus_bytes;
    uint64_t pushed = UINT64_MAX;
    if (d->write_count == 0) {
        violate(d, "W: data without an address", 0, 0);
        return;
    }
    burst *b = &d->writes[d->write_head];
    if (m->wlast != (b->beats == 1))
        violate(d, "W: last in the wrong place", b->addr, b->beats);
    for (uint32_t i = 0; i < bytes; i++) {
        if (!(m->wstrb[i / 8] >> (i % 8) & 1))
            continue;
        /* write_room() has seen to it that there is place. */
        if (d->timing && (b->addr + i) / d->cfg.part->access_bytes != pushed)
            dram_timing_write(d->timing,
                              (pushed = (b->addr + i) / d->cfg.part->access_bytes) * d->cfg.part->access_bytes);
        uint8_t resp = response(d, true, b->addr + i, 1);
        if (resp == RESP_OKAY) {
            d->mem[b->addr + i] = m->wdata[i];
            d->stats.write_bytes++;
        } else if (resp > b->resp) {
            b->resp = resp;
        }
    }
    d->stats.write_beats++;
    if (!d->timing)
        d->write_credit -= bytes;
    b->addr += bytes;
    if (--b->beats == 0) {
        burst *r = &d->replies[(d->reply_head + d->reply_count++) % DRAM_QUEUE];
        *r = *b;
        r->due = d->stats.cycle + 1 + (d->timing ? to_cycles(d, d->cfg.part->latency) : d->cfg.write_latency);
        if (b->resp != RESP_OKAY)
            d->stats.decode_errors++;
        d->write_head = (d->write_head + 1) % DRAM_QUEUE;
        d->write_count--;
    }
}

/* The transfers of the coming edge: both sides as they are driven now. */
static void transfer(dram *d, const dram_master *m, const dram_slave *s)
{
    bool progress = false;
    if (s->arready && m->arvalid) {
        check_burst(d, "AR", m->araddr, m->arlen, m->arsize, m->arburst);
        burst *b = &d->reads[(d->read_head + d->read_count++) % DRAM_QUEUE];
        b->addr = m->araddr;
        b->beats = (uint32_t)m->arlen + 1;
        b->due = d->stats.cycle + 1 + d->cfg.read_latency;
        if (d->timing) {
            uint32_t size = d->cfg.part->access_bytes;
            b->base = b->addr / size;
            b->seq = d->next_seq;
            d->next_seq += (b->addr + (uint64_t)b->beats * d->cfg.bus_bytes + size - 1) / size - b->base;
        }
        d->stats.last_araddr = m->araddr;
        d->stats.read_bursts++;
        progress = true;
    }
    if (s->rvalid && m->rready) {
        burst *b = &d->reads[d->read_head];
        b->addr += d->cfg.bus_bytes;
        if (!d->timing)
            d->read_credit -= d->cfg.bus_bytes;
        d->stats.read_beats++;
        d->stats.read_bytes += d->cfg.bus_bytes;
        if (--b->beats == 0) {
            d->read_head = (d->read_head + 1) % DRAM_QUEUE;
            d->read_count--;
            if (d->timing)
                d->fed--;
        }
        progress = true;
    }
    if (s->awready && m->awvalid) {
        check_burst(d, "AW", m->awaddr, m->awlen, m->awsize, m->awburst);
        burst *b = &d->writes[(d->write_head + d->write_count++) % DRAM_QUEUE];
        *b = (burst){.addr = m->awaddr, .beats = (uint32_t)m->awlen + 1};
        d->stats.last_awaddr = m->awaddr;
        d->stats.write_bursts++;
        progress = true;
    }
    if (s->wready && m->wvalid) {
        take_write(d, m);
        progress = true;
    }
    if (s->bvalid && m->bready) {
        d->reply_head = (d->reply_head + 1) % DRAM_QUEUE;
        d->reply_count--;
        progress = true;
    }
    if (progress)
        d->stats.last_progress = d->stats.cycle;
    d->stats.reads_open = d->read_count;
    d->stats.writes_open = d->write_count + d->reply_count;
}

bool dram_step(dram *d, const dram_master *m, dram_slave *s)
{
    const dram_config *c = &d->cfg;
    check_stable(d, m);

    /* The peak rate is a bucket that holds one beat and a cycle's worth. */
    uint64_t full = (uint64_t)c->bus_bytes + c->bytes_per_cycle - 1;
    bool refresh = !d->timing && c->refresh_interval && d->stats.cycle % c->refresh_interval < c->refresh_length;
    if (d->timing) {
        run_clock(d);
    } else if (!refresh) {
        d->read_credit = d->read_credit + c->bytes_per_cycle > full ? full : d->read_credit + c->bytes_per_cycle;
        d->write_credit = d->write_credit + c->bytes_per_cycle > full ? full : d->write_credit + c->bytes_per_cycle;
    }

    dram_slave o = {.rdata = d->out.rdata};
    dram_read_class why = DRAM_R_IDLE;
    o.arready = d->read_count < DRAM_QUEUE && !stalls(d);
    o.awready = d->write_count + d->reply_count < DRAM_QUEUE && !stalls(d);
    /* An address accepted in this same cycle would do for AXI; one cycle later is simpler and also legal. */
    o.wready = d->write_count > 0 && d->reply_count < DRAM_QUEUE && !refresh && write_room(d) && !stalls(d);
    if (d->out.rvalid && !d->last.rready) { /* hold what was offered */
        o.rvalid = true;
        o.rlast = d->out.rlast;
        o.rresp = d->out.rresp;
    } else {
        why = next_beat(d, refresh);
        if (why == DRAM_R_BEAT && stalls(d))
            why = DRAM_R_STALL;
        else if (why == DRAM_R_BEAT)
            offer(d, &o);
    }
    if (o.rvalid)
        why = m->rready ? DRAM_R_BEAT : DRAM_R_BLOCKED;
    d->stats.read_class[why]++;
    d->stats.last_class = why;
    if (d->out.bvalid && !d->last.bready) {
        o.bvalid = true;
        o.bresp = d->out.bresp;
    } else if (d->reply_count > 0 && d->stats.cycle >= d->replies[d->reply_head].due && !stalls(d)) {
        o.bvalid = true;
        o.bresp = d->replies[d->reply_head].resp;
    }

    transfer(d, m, &o);
    d->last = *m;
    if (m->wvalid && !o.wready)
        d->last_w_hash = hash_bytes(m->wstrb, c->bus_bytes / 8, hash_bytes(m->wdata, c->bus_bytes, 1));
    d->out = o;
    *s = o;
    d->stats.cycle++;
    return !d->violated;
}

uint64_t dram_stream_cycles(const dram_config *config, uint64_t bytes)
{
    uint32_t bus = config->bus_bytes, most = 4096 / bus < 256 ? 4096 / bus : 256, size = 0;
    uint64_t beats = (bytes + bus - 1) / bus, asked = 0, got = 0, cycles = 0;
    uint8_t nothing[128] = {0};
    dram *d = dram_open(config, nothing, 0); /* every address is outside: nothing is read but the clock */
    if (!d || beats == 0) {
        dram_close(d);
        return 0;
    }
    while ((1u << size) < bus)
        size++;
    while (got < beats) {
        dram_master m = {.rready = true, .wdata = nothing, .wstrb = nothing};
        dram_slave s;
        uint64_t n = beats - asked < most ? beats - asked : most;
        m.arvalid = n > 0;
        m.araddr = asked * bus;
        m.arlen = (uint8_t)(n - 1);
        m.arsize = (uint8_t)size;
        m.arburst = 1;
        dram_step(d, &m, &s);
        if (m.arvalid && s.arready)
            asked += n;
        got += s.rvalid;
        cycles++;
    }
    dram_close(d);
    return cycles;
}
