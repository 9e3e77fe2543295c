/* SPDX-License-Identifier: Apache-2.0
 * The Verilated core behind a C ABI. A variant (bus width, ports, tracing) is a shared library that exports one symbol,
 * sb_sim_api; several may be loaded in one process. A simulator is not thread-safe; different simulators are
 * independent.
 *
 * Device addresses are offsets into the caller's memory. An access outside [0, mem_bytes), or where nothing is mapped,
 * is answered with DECERR, which the core reports as error 5 or 6 (docs/device.md); it never touches host memory. */
#ifndef SEEDBED_SIM_H
#define SEEDBED_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SB_SIM_ABI 7
#define SB_SIM_MAX_PORTS 8

/* Counter indices of sb_sim_report.counter (docs/device.md). */
enum {
    SB_SIM_TOTAL = 0,
    SB_SIM_USEFUL = 1,
    SB_SIM_WAIT_READ = 2,
    SB_SIM_STALL = 3,
    SB_SIM_ACT_LOAD = 4,
    SB_SIM_DRAIN = 5,
    SB_SIM_CONTROL = 6,
    SB_SIM_COMPUTE = 7,
    SB_SIM_READ_BEATS = 8,
    SB_SIM_WRITE_BEATS = 9,
    SB_SIM_COMMANDS = 10,
    SB_SIM_ATTEND = 11, /* cycle classes of the units */
    SB_SIM_VECTOR = 12,
    SB_SIM_COUNTERS = 13
};

/* What a port's R channel did in a cycle: exactly one, and why no data came (docs/memory-model.md). */
enum {
    SB_SIM_R_BEAT = 0,
    SB_SIM_R_BLOCKED,
    SB_SIM_R_IDLE,
    SB_SIM_R_LATENCY,
    SB_SIM_R_REFRESH,
    SB_SIM_R_ROW,
    SB_SIM_R_TURNAROUND,
    SB_SIM_R_BANK_GROUP,
    SB_SIM_R_RATE,
    SB_SIM_R_STALL,
    SB_SIM_R_CLASSES
};

/* Memory behind each port. */
enum { SB_SIM_IDEAL = 0, SB_SIM_DDR4_2400 = 1, SB_SIM_HBM2 = 2, SB_SIM_MEMORIES };

typedef struct {
    uint32_t size;             /* sizeof(sb_sim_config): lets the structure grow */
    uint32_t read_latency;     /* cycles from AR accepted to the first beat; 0: the next cycle */
    uint32_t write_latency;    /* cycles from the last W beat to B; 0: the next cycle */
    uint32_t bytes_per_cycle;  /* peak of reads and writes each; 0 or more than the bus: the bus */
    uint32_t stall_permille;   /* 0..1000: chance that a channel (AR, R, AW, W, B) does nothing in a cycle */
    uint32_t seed;             /* of the stalls */
    uint32_t refresh_interval; /* every so many cycles ... (0: never) */
    uint32_t refresh_length;   /* ... no data moves for so many */
    uint64_t watchdog;         /* cycles without a transfer on any channel before giving up; 0: 100000 */
    const char *fst_path;      /* NULL: none; only the tracing variants can */
    uint64_t trace_from;       /* first and last cycle traced; trace_to 0: to the end */
    uint64_t trace_to;
    /* SB_SIM_IDEAL: latency, bytes_per_cycle and refresh as above. Otherwise a DRAM channel per port, of which the
     * standard says the timing; then those fields must be 0. */
    uint32_t memory;
    uint32_t clock_mhz; /* of the core: how many memory clocks a cycle is; 0: 300. Meaningless for SB_SIM_IDEAL */
    /* Whether something is mapped at these bytes of the memory (a driver's buffers); an access elsewhere is answered
     * with DECERR. NULL: all of it is. Called while the core runs. */
    bool (*mapped)(void *ctx, uint64_t addr, uint64_t bytes);
    void *mapped_ctx;
    /* For tests: asked for every beat read and every byte written, wherever it lies; the AXI response to give, 0
     * (OKAY), 2 (SLVERR) or 3 (DECERR). What is not OKAY is not written. NULL: OKAY. Called while the core runs. */
    int (*access)(void *ctx, bool write, uint64_t addr, uint64_t bytes);
    void *access_ctx;
    /* Where a list does not end (SB_SIM_TIMEOUT, SB_SIM_PROTOCOL): a waveform from hang_cycles before the last transfer
     * to as many after it. NULL: none; only the tracing variants can, and not together with fst_path. Each list forks a
     * process. */
    const char *hang_path;
    uint64_t hang_cycles;
} sb_sim_config;

typedef enum {
    SB_SIM_OK = 0,
    SB_SIM_CORE_ERROR, /* the core ended the list with ERROR set: report.error, report.error_index */
    SB_SIM_TIMEOUT,    /* max_cycles passed, or the watchdog bit: report.diagnosis */
    SB_SIM_PROTOCOL,   /* the core broke AXI rules: report.diagnosis */
    SB_SIM_BAD_CONFIG
} sb_sim_status;

typedef struct {
    uint64_t counter[SB_SIM_COUNTERS];
    uint32_t id, version, params, codecs; /* registers */
    uint32_t error, error_index;          /* ERROR, ERROR_INDEX */
    uint64_t cycles;                      /* simulated in this run, register accesses included */
    uint64_t read_bytes;                  /* moved on R and W (strobed bytes) */
    uint64_t write_bytes;
    uint64_t port_read_beats[SB_SIM_MAX_PORTS], port_write_beats[SB_SIM_MAX_PORTS]; /* add up to their counters */
    /* The cycles of the run by what each port's R channel did; a port's classes add up to cycles. */
    uint64_t read_cycles[SB_SIM_MAX_PORTS][SB_SIM_R_CLASSES];
    /* counter[SB_SIM_WAIT_READ] and counter[SB_SIM_ACT_LOAD] split by the R channel's class when the data would have
     * had to come; each adds up to its counter. */
    uint64_t wait_why[SB_SIM_R_CLASSES], act_why[SB_SIM_R_CLASSES];
    double seconds;       /* processor time of the run */
    char diagnosis[4096]; /* several lines, after a timeout or a protocol error */
} sb_sim_report;

typedef struct sb_sim sb_sim;

typedef struct {
    uint32_t abi;      /* SB_SIM_ABI */
    uint32_t bus_bits; /* of a port, which feeds bus_bits / 32 lanes */
    uint32_t ports;
    uint32_t can_trace;
    const char *variant; /* "w512", "w256p4", "w64-trace", ... */
    /* mem stays the caller's and must outlive the simulator. NULL and a message in err on failure. */
    sb_sim *(*open)(const sb_sim_config *config, uint8_t *mem, uint64_t mem_bytes, char *err, size_t errlen);
    /* Executes count commands at cmd_addr. The report is filled whatever the outcome; err gets one line when it is
     * not SB_SIM_OK. After a timeout or protocol error the core is reset, so that the simulator can be used again. */
    sb_sim_status (*run)(sb_sim *sim, uint64_t cmd_addr, uint32_t count, uint64_t max_cycles, sb_sim_report *report,
                         char *err, size_t errlen);
    /* One access to a register, as a driver would do it; for tests and for drivers that poll. 0, or -1 if it hung. */
    int (*reg_read)(sb_sim *sim, uint32_t offset, uint32_t *value);
    int (*reg_write)(sb_sim *sim, uint32_t offset, uint32_t value);
    void (*close)(sb_sim *sim);
    /* Cycles in which the configured memory alone delivers `bytes` (over all ports) to a master that only reads, in
     * order: what no core can beat. 0, and a message in err, on failure. */
    uint64_t (*stream)(const sb_sim_config *config, uint64_t bytes, char *err, size_t errlen);
    /* The AXI rule that the core has broken, for who drives it by reg_write and reg_read; NULL: none. */
    const char *(*violation)(const sb_sim *sim);
} sb_sim_interface;

/* "beat", "blocked", ... */
static inline const char *sb_sim_read_class_name(int c)
{
    static const char *const name[SB_SIM_R_CLASSES] = {"beat", "blocked",    "idle",       "latency", "refresh",
                                                       "row",  "turnaround", "bank_group", "rate",    "stall"};
    return c >= 0 && c < SB_SIM_R_CLASSES ? name[c] : "?";
}

/* The one exported symbol. */
const sb_sim_interface *sb_sim_api(void);
typedef const sb_sim_interface *(*sb_sim_api_fn)(void);

#ifdef __cplusplus
}
#endif

#endif
