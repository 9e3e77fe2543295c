/* SPDX-License-Identifier: Apache-2.0 */
#include "dram.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RESP_OKAY = 0, RESP_DECERR = 3 };

typedef struct {
    uint64_t addr; /* of the next beat */
    uint32_t beats; /* left */
    uint64_t due;  /* read: first cycle of data; write: first cycle of the response */
    bool failed;   /* write: some byte was outside the memory */
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
};

static uint32_t rnd(dram *d)
{
    d->rng ^= d->rng << 13;
    d->rng ^= d->rng >> 7;
    d->rng ^= d->rng << 17;
    return (uint32_t)(d->rng >> 32);
}

static bool stalls(dram *d) { return d->cfg.stall_permille && rnd(d) % 1000 < d->cfg.stall_permille; }

static void violate(dram *d, const char *what, uint64_t a, uint64_t b)
{
    if (!d->violated) {
        d->violated = true;
        snprintf(d->violation, sizeof d->violation, "%s (0x%" PRIx64 ", 0x%" PRIx64 ") in cycle %" PRIu64, what, a, b, d->stats.cycle);
    }
}

dram *dram_open(const dram_config *config, uint8_t *mem, uint64_t mem_bytes)
{
    dram *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    d->cfg = *config;
    if (d->cfg.bytes_per_cycle == 0 || d->cfg.bytes_per_cycle > d->cfg.bus_bytes) d->cfg.bytes_per_cycle = d->cfg.bus_bytes;
    d->mem = mem;
    d->mem_bytes = mem_bytes;
    d->rdata = calloc(1, d->cfg.bus_bytes);
    if (!d->rdata) {
        free(d);
        return NULL;
    }
    d->rng = 0x9E3779B97F4A7C15u ^ ((uint64_t)d->cfg.seed << 17 | 1);
    dram_reset(d);
    return d;
}

void dram_close(dram *d)
{
    if (!d) return;
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
}

const char *dram_violation(const dram *d) { return d->violated ? d->violation : NULL; }
const dram_stats *dram_get_stats(const dram *d) { return &d->stats; }

/* A beat lies inside the memory or is answered with DECERR. */
static bool inside(const dram *d, uint64_t addr, uint64_t bytes)
{
    return addr <= d->mem_bytes && bytes <= d->mem_bytes - addr;
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
        if (!m->arvalid) violate(d, "AR: valid dropped before ready", l->araddr, l->arlen);
        else if (m->araddr != l->araddr || m->arlen != l->arlen) violate(d, "AR: changed before ready", l->araddr, m->araddr);
    }
    if (l->awvalid && !d->out.awready) {
        if (!m->awvalid) violate(d, "AW: valid dropped before ready", l->awaddr, l->awlen);
        else if (m->awaddr != l->awaddr || m->awlen != l->awlen) violate(d, "AW: changed before ready", l->awaddr, m->awaddr);
    }
    if (l->wvalid && !d->out.wready) {
        if (!m->wvalid) violate(d, "W: valid dropped before ready", 0, 0);
        else if (m->wlast != l->wlast) violate(d, "W: last changed before ready", l->wlast, m->wlast);
        else if (hash_bytes(m->wstrb, d->cfg.bus_bytes / 8, hash_bytes(m->wdata, d->cfg.bus_bytes, 1)) != d->last_w_hash)
            violate(d, "W: data or strobes changed before ready", 0, 0);
    }
}

static void drive_read(dram *d, dram_slave *s)
{
    uint32_t bytes = d->cfg.bus_bytes;
    burst *b = &d->reads[d->read_head];
    if (d->read_count == 0 || d->stats.cycle < b->due || d->read_credit < bytes) return;
    s->rvalid = true;
    s->rchanged = true;
    s->rlast = b->beats == 1;
    if (inside(d, b->addr, bytes)) {
        s->rdata = d->mem + b->addr;
        s->rresp = RESP_OKAY;
    } else {
        memset(d->rdata, 0xA5, bytes);
        s->rdata = d->rdata;
        s->rresp = RESP_DECERR;
        d->stats.decode_errors++;
    }
}

static void take_write(dram *d, const dram_master *m)
{
    uint32_t bytes = d->cfg.bus_bytes;
    if (d->write_count == 0) {
        violate(d, "W: data without an address", 0, 0);
        return;
    }
    burst *b = &d->writes[d->write_head];
    if (m->wlast != (b->beats == 1)) violate(d, "W: last in the wrong place", b->addr, b->beats);
    for (uint32_t i = 0; i < bytes; i++) {
        if (!(m->wstrb[i / 8] >> (i % 8) & 1)) continue;
        if (inside(d, b->addr + i, 1)) {
            d->mem[b->addr + i] = m->wdata[i];
            d->stats.write_bytes++;
        } else {
            b->failed = true;
        }
    }
    d->stats.write_beats++;
    d->write_credit -= bytes;
    b->addr += bytes;
    if (--b->beats == 0) {
        burst *r = &d->replies[(d->reply_head + d->reply_count++) % DRAM_QUEUE];
        *r = *b;
        r->due = d->stats.cycle + 1 + d->cfg.write_latency;
        if (b->failed) d->stats.decode_errors++;
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
        d->stats.last_araddr = m->araddr;
        d->stats.read_bursts++;
        progress = true;
    }
    if (s->rvalid && m->rready) {
        burst *b = &d->reads[d->read_head];
        b->addr += d->cfg.bus_bytes;
        d->read_credit -= d->cfg.bus_bytes;
        d->stats.read_beats++;
        d->stats.read_bytes += d->cfg.bus_bytes;
        if (--b->beats == 0) {
            d->read_head = (d->read_head + 1) % DRAM_QUEUE;
            d->read_count--;
        }
        progress = true;
    }
    if (s->awready && m->awvalid) {
        check_burst(d, "AW", m->awaddr, m->awlen, m->awsize, m->awburst);
        burst *b = &d->writes[(d->write_head + d->write_count++) % DRAM_QUEUE];
        *b = (burst){ .addr = m->awaddr, .beats = (uint32_t)m->awlen + 1 };
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
    if (progress) d->stats.last_progress = d->stats.cycle;
    d->stats.reads_open = d->read_count;
    d->stats.writes_open = d->write_count + d->reply_count;
}

bool dram_step(dram *d, const dram_master *m, dram_slave *s)
{
    const dram_config *c = &d->cfg;
    check_stable(d, m);

    /* The peak rate is a bucket that holds one beat and a cycle's worth. */
    uint64_t full = (uint64_t)c->bus_bytes + c->bytes_per_cycle - 1;
    bool refresh = c->refresh_interval && d->stats.cycle % c->refresh_interval < c->refresh_length;
    if (!refresh) {
        d->read_credit = d->read_credit + c->bytes_per_cycle > full ? full : d->read_credit + c->bytes_per_cycle;
        d->write_credit = d->write_credit + c->bytes_per_cycle > full ? full : d->write_credit + c->bytes_per_cycle;
    }

    dram_slave o = { .rdata = d->out.rdata };
    o.arready = d->read_count < DRAM_QUEUE && !stalls(d);
    o.awready = d->write_count + d->reply_count < DRAM_QUEUE && !stalls(d);
    /* An address accepted in this same cycle would do for AXI; one cycle later is simpler and also legal. */
    o.wready = d->write_count > 0 && d->reply_count < DRAM_QUEUE && !refresh && d->write_credit >= c->bus_bytes && !stalls(d);
    if (d->out.rvalid && !d->last.rready) { /* hold what was offered */
        o.rvalid = true;
        o.rlast = d->out.rlast;
        o.rresp = d->out.rresp;
    } else if (!refresh && !stalls(d)) {
        drive_read(d, &o);
    }
    if (d->out.bvalid && !d->last.bready) {
        o.bvalid = true;
        o.bresp = d->out.bresp;
    } else if (d->reply_count > 0 && d->stats.cycle >= d->replies[d->reply_head].due && !stalls(d)) {
        o.bvalid = true;
        o.bresp = d->replies[d->reply_head].failed ? RESP_DECERR : RESP_OKAY;
    }

    transfer(d, m, &o);
    d->last = *m;
    if (m->wvalid && !o.wready) d->last_w_hash = hash_bytes(m->wstrb, c->bus_bytes / 8, hash_bytes(m->wdata, c->bus_bytes, 1));
    d->out = o;
    *s = o;
    d->stats.cycle++;
    return !d->violated;
}
