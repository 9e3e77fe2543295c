/* SPDX-License-Identifier: Apache-2.0
 * One DRAM channel at command level (ACT, PRE, RD, WR, REF) behind a memory controller, in memory clocks ("ticks").
 * docs/memory-model.md says what is modelled, where every number comes from and what the ceilings are.
 *
 * The unit of work is an access: one column command, access_bytes of data. Reads are numbered in the order they are
 * pushed and may finish in another; the caller puts them back in order. No data here: only when. */
#ifndef SEEDBED_SIM_DRAM_TIMING_H
#define SEEDBED_SIM_DRAM_TIMING_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    DRAM_T_READS = 32,        /* reads the controller looks at */
    DRAM_T_WRITES = 32,       /* writes it buffers */
    DRAM_T_DRAIN_AT = 24,     /* writes that make it turn the bus round ... */
    DRAM_T_DRAIN_TO = 4,      /* ... and at which it turns back, if reads wait */
    DRAM_T_IDLE = 32,         /* ticks without a read after which writes go out anyway */
    DRAM_T_RESULTS = 16384,   /* reads whose time is remembered, a power of two */
    DRAM_T_NEVER_REFRESH = 0, /* refi */
    DRAM_T_MAX_BANKS = 16
};

/* Timing in ticks, as JEDEC names it without the t. */
typedef struct {
    const char *name;
    uint32_t mhz; /* of the clock; data move on both edges */
    uint32_t access_bytes, page_bytes;
    uint32_t groups, banks; /* bank groups, banks in a group */
    bool two_command_buses; /* row and column commands do not compete (HBM) */
    uint32_t burst;         /* ticks an access holds the data bus */
    uint32_t cl, cwl, rcd_rd, rcd_wr, rp, ras, rc, ccd_s, ccd_l, rrd_s, rrd_l, faw, rtp, wr, wtr_s, wtr_l, rtw, rfc,
        refi;
    uint32_t latency; /* controller, PHY and clock crossing, both ways together */
} dram_part;

extern const dram_part dram_ddr4_2400, dram_hbm2;

typedef enum { DRAM_C_ACT, DRAM_C_PRE, DRAM_C_PREA, DRAM_C_RD, DRAM_C_WR, DRAM_C_REF, DRAM_C_COUNT } dram_command;

/* Why the oldest read got no RD in a tick. */
typedef enum {
    DRAM_W_NONE = 0,   /* there was no read */
    DRAM_W_RATE,       /* the data bus was busy with reads, or it did get its RD */
    DRAM_W_BANK_GROUP, /* tCCD_L */
    DRAM_W_ROW,        /* its row is being opened */
    DRAM_W_TURNAROUND, /* writes, and tWTR after them */
    DRAM_W_REFRESH     /* REF, the PRE before it and the ACT after it */
} dram_why;

typedef struct {
    uint64_t command[DRAM_C_COUNT];
    uint64_t turns;  /* reads to writes */
    uint64_t merged; /* writes that found their access in the buffer */
} dram_timing_stats;

typedef struct dram_timing dram_timing;

dram_timing *dram_timing_open(const dram_part *part); /* NULL: out of memory. The part is copied. */
void dram_timing_close(dram_timing *t);
void dram_timing_reset(dram_timing *t); /* forgets queues and open rows; the clock goes on */

/* The bank (group * banks + bank in the group) and row of an address. */
void dram_timing_map(const dram_part *part, uint64_t addr, uint32_t *bank, uint64_t *row);

/* Before a tick: hand over an access. read: false if the queue is full; *seq is its number. */
bool dram_timing_read(dram_timing *t, uint64_t addr, uint64_t *seq);
uint64_t dram_timing_next(const dram_timing *t); /* the number of the next read */
uint32_t dram_timing_write_room(const dram_timing *t);
bool dram_timing_write(dram_timing *t, uint64_t addr);
void dram_timing_tick(dram_timing *t);

uint64_t dram_timing_now(const dram_timing *t); /* ticks made */
/* The tick at whose end read seq is at the user's side; UINT64_MAX while its RD is not issued. */
uint64_t dram_timing_read_at(const dram_timing *t, uint64_t seq);
/* Why no data came in the last `ticks` ticks: looks back by the time from RD to data. */
dram_why dram_timing_why(const dram_timing *t, uint32_t ticks);
const dram_timing_stats *dram_timing_get_stats(const dram_timing *t);

/* Every command, for checkers. */
typedef void (*dram_trace_fn)(void *ctx, uint64_t tick, dram_command command, uint32_t bank, uint64_t row);
void dram_timing_trace(dram_timing *t, dram_trace_fn fn, void *ctx);

#ifdef __cplusplus
}
#endif

#endif
