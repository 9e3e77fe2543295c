/* SPDX-License-Identifier: Apache-2.0
 * The device seam: one small interface for the CPU, the fp32 reference, the simulated core, and what follows.
 * A device owns a flat memory; a command list (seedbed/command.h) is executed in it, in order. What a device cannot do
 * in hardware the host does in the device's memory, and sb_device_place() says so. Where that memory is not the host's
 * (a GPU, a board), what either side lacks is copied before it works. */
#ifndef SEEDBED_DEVICE_H
#define SEEDBED_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seedbed/codec.h"
#include "seedbed/command.h"
#include "seedbed/status.h"

typedef struct sb_device sb_device;

typedef enum { SB_PLACE_DEVICE, SB_PLACE_HOST } sb_place;

/* What the hardware counted since the device was opened. All zero for software devices. Every cycle is in exactly one
 * of the classes useful..vector, so they add up to total (docs/device.md). */
typedef struct {
    uint64_t total, useful, wait_read, stall, act_load, drain, control, compute, attend, vector;
    uint64_t read_beats, write_beats, commands;
    unsigned bus_bytes; /* bytes of one beat; 0 for software devices */
    unsigned ports;     /* each can move a beat a cycle; the beats are those of all, the classes those of port 0 */
} sb_counters;

/* What was done where since the device was opened. */
typedef struct {
    uint64_t device, host;       /* commands done by either */
    uint64_t to_device, to_host; /* bytes that crossed for them; 0 where host and device share the memory */
    uint64_t cycles;             /* of lists of this operation alone; 0 for devices without counters */
    double seconds;              /* wall time, of the same on the device, and of the host's work */
} sb_op_stats;
/* Beside the operations: lists of several operations (cycles and seconds only), and what the host put in and took out.
 */
enum { SB_STATS_MIXED = SB_OP_COUNT, SB_STATS_ACCESS, SB_STATS_COUNT };

typedef struct {
    int threads; /* of the host's share too; 0: all the machine has */
} sb_device_options;

typedef struct {
    const char *name;
    const char *summary;
    const char *params; /* what may follow the name in a spec */
} sb_device_kind;

/* The kinds built in; NULL past the end. */
const sb_device_kind *sb_device_kind_at(size_t i);

/* A kind of which there may be several here, boards at serial lines: what follows "NAME:" in the spec of the i-th place
 * to look at. False past the end, and for kinds of which there is one. */
bool sb_device_candidate(size_t kind, size_t i, char *params, size_t size);

/* spec: NAME or NAME:key=value,key=value. */
sb_status sb_device_open(const char *spec, const sb_device_options *opt, sb_device **out, sb_error *err);
void sb_device_close(sb_device *dev);
const char *sb_device_name(const sb_device *dev);
/* One line: what it is and with which parameters it was opened. */
const char *sb_device_describe(const sb_device *dev);
sb_place sb_device_place(const sb_device *dev, sb_op op);
/* Moves an operation. SB_ERR_UNSUPPORTED: the device cannot do it. SB_ERR_ARG: MATVEC, after a matrix was loaded (its
 * layout depends on who reads it). */
sb_status sb_device_set_place(sb_device *dev, sb_op op, sb_place place, sb_error *err);
/* The same from text: "op=device|host" with commas between; op as in sb_op_name, in any case, or "all" (of what it can
 * do). */
sb_status sb_device_place_parse(sb_device *dev, const char *text, sb_error *err);
/* i: an operation or SB_STATS_MIXED, SB_STATS_ACCESS. */
void sb_device_op_stats(const sb_device *dev, unsigned i, sb_op_stats *out);
/* False for ref: fp32 arithmetic, not the integer contract. */
bool sb_device_is_exact(const sb_device *dev);

/* Device memory: zeroed, 64-byte aligned, freed with the device. Addresses are never 0. */
sb_status sb_device_alloc(sb_device *dev, size_t bytes, uint64_t *addr, sb_error *err);
sb_status sb_device_write(sb_device *dev, uint64_t addr, const void *src, size_t bytes, sb_error *err);
sb_status sb_device_read(sb_device *dev, uint64_t addr, void *dst, size_t bytes, sb_error *err);

/* Puts a matrix into device memory in the device's own layout; addr goes into sb_command.weights of a MATVEC. */
sb_status sb_device_load_matrix(sb_device *dev, const sb_matrix *m, uint64_t *addr, sb_error *err);
/* The same from fp32 weights: ref only. */
sb_status sb_device_load_f32(sb_device *dev, const float *w, size_t rows, size_t cols, uint64_t *addr, sb_error *err);

/* Executes count commands at addr and waits for them. The error names the command's index. */
sb_status sb_device_submit(sb_device *dev, uint64_t addr, uint32_t count, sb_error *err);
void sb_device_counters(const sb_device *dev, sb_counters *out);

#endif
