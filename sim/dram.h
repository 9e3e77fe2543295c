/* SPDX-License-Identifier: Apache-2.0
 * AXI4 memory model: one port, one ID, in-order, INCR bursts. Plain C; knows nothing of Verilator.
 *
 * Once a cycle, after the clock edge: dram_step() looks at the master's outputs, and at what it itself drove in the
 * cycle before, decides which transfers the *coming* edge will make, and drives its outputs for it. */
#ifndef SEEDBED_SIM_DRAM_H
#define SEEDBED_SIM_DRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "dram_timing.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DRAM_QUEUE 64 /* bursts of each direction that the memory accepts before it stops AR / AW */

typedef struct {
    uint32_t bus_bytes;
    uint32_t read_latency, write_latency;
    uint32_t bytes_per_cycle; /* 0: bus_bytes */
    uint32_t stall_permille;
    uint32_t seed;
    uint32_t refresh_interval, refresh_length;
    /* NULL: the ideal memory of the fields above. Otherwise a DRAM channel; of the above only bus_bytes, stall_permille
     * and seed count. */
    const dram_part *part;
    uint32_t clock_mhz; /* of the AXI side; 0: 300. Only a part looks at it. */
    /* Whether something is mapped at these bytes of the memory; NULL: everywhere. */
    bool (*mapped)(void *ctx, uint64_t addr, uint64_t bytes);
    void *mapped_ctx;
    /* Asked for every beat read and every byte written, wherever it lies: the response to give, 0 (OKAY), 2 (SLVERR) or
     * 3 (DECERR). NULL: OKAY inside the memory. */
    int (*access)(void *ctx, bool write, uint64_t addr, uint64_t bytes);
    void *access_ctx;
} dram_config;

/* What the R channel did in a cycle: exactly one (docs/memory-model.md). */
typedef enum {
    DRAM_R_BEAT = 0, /* a beat was transferred */
    DRAM_R_BLOCKED,  /* a beat was offered and not taken */
    DRAM_R_IDLE,    /* no read accepted and unanswered; the rest: there is, and its data are not there because of ... */
    DRAM_R_LATENCY, /* ... the way there and back */
    DRAM_R_REFRESH, /* ... a refresh */
    DRAM_R_ROW,     /* ... a row being closed and opened */
    DRAM_R_TURNAROUND, /* ... writes */
    DRAM_R_BANK_GROUP, /* ... the pause within a bank group */
    DRAM_R_RATE,       /* ... the peak rate of the memory, less than the bus's */
    DRAM_R_STALL,      /* ... a random stall */
    DRAM_R_CLASSES
} dram_read_class;

/* The master's outputs. wdata and wstrb point at bus_bytes and bus_bytes/8 bytes. */
typedef struct {
    bool arvalid, rready, awvalid, wvalid, wlast, bready;
    uint64_t araddr, awaddr;
    uint8_t arlen, arsize, arburst, awlen, awsize, awburst;
    const uint8_t *wdata, *wstrb;
} dram_master;

/* What the memory drives. rdata points at bus_bytes bytes, to be copied to the port when it changes. */
typedef struct {
    bool arready, rvalid, rlast, awready, wready, bvalid;
    bool rchanged; /* rdata is new in this cycle */
    uint8_t rresp, bresp;
    const uint8_t *rdata;
} dram_slave;

typedef struct dram dram;

dram *dram_open(const dram_config *config, uint8_t *mem, uint64_t mem_bytes);
void dram_close(dram *d);
/* Forgets everything in flight. */
void dram_reset(dram *d);
/* Returns false once the master has broken a rule of the protocol; dram_violation() says which. */
bool dram_step(dram *d, const dram_master *m, dram_slave *s);
const char *dram_violation(const dram *d); /* NULL: none */

typedef struct {
    uint64_t cycle, last_progress; /* cycles stepped; the last one in which a transfer was made */
    uint64_t read_beats, write_beats, read_bytes, write_bytes;
    uint64_t read_bursts, write_bursts;
    uint32_t reads_open, writes_open; /* bursts accepted and not answered */
    uint64_t last_araddr, last_awaddr;
    uint64_t decode_errors;
    uint64_t read_class[DRAM_R_CLASSES]; /* adds up to cycle */
    dram_read_class last_class;          /* of the latest cycle */
} dram_stats;

const dram_stats *dram_get_stats(const dram *d);
const dram_timing *dram_get_timing(const dram *d); /* NULL: ideal */

/* Cycles in which a master that does nothing else reads `bytes` (rounded up to beats) from address 0, in the longest
 * bursts that AXI allows, as many at a time as the memory accepts: the ceiling of any core. From the first AR to the
 * last beat. 0: out of memory. */
uint64_t dram_stream_cycles(const dram_config *config, uint64_t bytes);

#ifdef __cplusplus
}
#endif

#endif
