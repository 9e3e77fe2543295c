/* SPDX-License-Identifier: Apache-2.0
 * What every driver of the SystemVerilog core shares (docs/device.md): its registers, its matrices, command lists cut
 * to what it takes, its errors and its state in words. Used by the sim, xrt and xocl back ends. */
#ifndef SEEDBED_CORE_DRIVER_H
#define SEEDBED_CORE_DRIVER_H

#include "device/device_internal.h"

/* Offsets of registers. */
enum {
    SB_REG_CTRL = 0x00,
    SB_REG_CMD_ADDR = 0x10,
    SB_REG_CMD_COUNT = 0x1c,
    SB_REG_PORT_STRIDE = 0x24,
    SB_REG_ID = 0x40,
    SB_REG_VERSION = 0x44,
    SB_REG_PARAMS = 0x48,
    SB_REG_CODECS = 0x4c,
    SB_REG_ERROR = 0x50,
    SB_REG_ERROR_INDEX = 0x54,
    SB_REG_CUR_INDEX = 0x58,
    SB_REG_STATE = 0x5c,
    SB_REG_OUTSTANDING = 0x60,
    SB_REG_LEVELS = 0x64,
    SB_REG_MAX_BATCH = 0x68,
    SB_REG_PORTS = 0x6c,
    SB_REG_UNITS = 0x70,
    SB_REG_UNIT_STATE = 0x74,
    SB_REG_COUNTERS = 0x80,
};
enum { SB_CORE_ID = 0x53454544, SB_CORE_COUNTERS = 13 };
/* Bits of register UNITS. */
enum { SB_UNIT_SIGMOID = 1, SB_UNIT_SOFTMAX = 2, SB_UNIT_VECTOR = 4, SB_UNIT_EXPORT = 8 };

typedef struct {
    unsigned lanes, ports; /* lanes of a port, each 32 bits of its bus */
    uint32_t max_batch;    /* vectors a MATVEC may have, and elements of all of them: larger batches are split */
    uint64_t act_capacity;
    uint32_t units; /* register UNITS: SB_UNIT_*, and what the attention unit is built for; 0 in cores from before there
                       were any */
} sb_core;

/* sb_backend.on_device of a driver: what a core may have; sb_core_restrict takes back what this one lacks. */
#define SB_CORE_OPS SB_EXACT_ON_DEVICE

/* Reads the register at a byte offset: 0, or -1 if that failed. */
typedef int (*sb_core_read_fn)(void *ctx, uint32_t offset, uint32_t *value);

/* Who the core is. name begins the messages, e.g. "device sim". */
sb_status sb_core_probe(sb_core *core, const char *name, sb_core_read_fn read, void *ctx, sb_error *err);
unsigned sb_core_bus_bits(const sb_core *core);

/* sb_backend.load_matrix and .matrix_bytes of a core. */
sb_status sb_core_load_matrix(const sb_core *core, sb_device *dev, const sb_matrix *m, uint64_t *addr, sb_error *err);
uint64_t sb_core_matrix_bytes(const sb_core *core, const sb_command *c);

/* Whether a core with these units takes this command. (The attention unit: docs/attention.md, Bounds.) */
bool sb_core_takes(const sb_core *core, const sb_command *c);
/* sb_device.can of the operations of units: false for those that the core lacks. */
void sb_core_restrict(const sb_core *core, sb_device *dev);

/* How many commands the core needs for these n; those commands; and whose part number `index` of them is. */
uint32_t sb_core_split_count(const sb_core *core, const sb_command *c, uint32_t n);
void sb_core_split(const sb_core *core, const sb_command *c, uint32_t n, sb_command *out);
uint32_t sb_core_split_source(const sb_core *core, const sb_command *c, uint32_t n, uint32_t index);

/* Far more cycles than a list can need on the slowest memory; a core that is still busy then never ends. */
uint64_t sb_core_cycle_limit(const sb_core *core, const sb_command *c, uint32_t n);

/* The value of register ERROR in words. */
const char *sb_core_error_name(uint32_t error);
/* Adds the core's counters, in the order of docs/device.md, to the device's. */
void sb_core_count(sb_device *dev, const uint64_t counter[SB_CORE_COUNTERS]);
/* Reads all of them; -1 if a read failed. */
int sb_core_read_counters(sb_core_read_fn read, void *ctx, uint64_t counter[SB_CORE_COUNTERS]);
/* What the registers say about a core that does not end, on one line. */
void sb_core_diagnose(sb_core_read_fn read, void *ctx, char *buf, size_t size);

#endif
