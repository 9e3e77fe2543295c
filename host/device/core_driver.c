/* SPDX-License-Identifier: Apache-2.0
 * What every driver of the SystemVerilog core shares. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "device/attention_exact.h"
#include "device/core_driver.h"

sb_status sb_core_probe(sb_core *core, const char *name, sb_core_read_fn read, void *ctx, sb_error *err)
{
    static const uint32_t offset[] = {SB_REG_ID,        SB_REG_VERSION, SB_REG_PARAMS,
                                      SB_REG_MAX_BATCH, SB_REG_PORTS,   SB_REG_UNITS};
    uint32_t v[6];
    for (int i = 0; i < 6; i++)
        if (read(ctx, offset[i], &v[i]))
            return sb_fail(err, SB_ERR_DEVICE, "%s: the core's registers do not answer", name);
    if (v[0] != SB_CORE_ID)
        return sb_fail(err, SB_ERR_DEVICE, "%s: register ID is 0x%08x, expected 0x%08x: not a Seedbed core", name, v[0],
                       SB_CORE_ID);
    *core = (sb_core){.lanes = v[2] & 0xff,
                      .ports = v[4] ? v[4] : 1, /* 0 in cores from before there were several, likewise batches */
                      .max_batch = v[3] ? v[3] : 1,
                      .act_capacity = 1ull << (v[2] >> 16 & 31),
                      .units = v[5]};
    if (!core->lanes || core->lanes > 32 || core->lanes & (core->lanes - 1) || core->ports > 8)
        return sb_fail(err, SB_ERR_DEVICE,
                       "%s: a core of %u ports of %u lanes: expected 1 to 8 ports of 2 to 32 lanes (PARAMS 0x%08x, "
                       "VERSION 0x%08x)",
                       name, core->ports, core->lanes, v[2], v[1]);
    return SB_OK;
}

unsigned sb_core_bus_bits(const sb_core *core)
{
    return core->lanes * 32;
}

sb_status sb_core_load_matrix(const sb_core *core, sb_device *dev, const sb_matrix *m, uint64_t *addr, sb_error *err)
{
    uint64_t bytes = sb_lane_bytes(m->codec, m->rows, m->cols, core->lanes, core->ports);
    sb_status st = sb_device_alloc_aligned(dev, bytes, 128, addr, err);
    if (st || !dev->be->reserve) {
        if (!st)
            sb_lane_pack(m, core->lanes, core->ports, sb_ptr(dev, *addr));
        return st;
    }
    /* The host keeps no copy: packed apart, then stored. */
    bytes = (bytes + 63) / 64 * 64;
    uint32_t *packed = calloc(1, bytes);
    if (!packed)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory for a matrix of %llu bytes", (unsigned long long)bytes);
    sb_lane_pack(m, core->lanes, core->ports, packed);
    st = sb_device_store(dev, *addr, packed, bytes, err);
    free(packed);
    return st;
}

uint64_t sb_core_matrix_bytes(const sb_core *core, const sb_command *c)
{
    return sb_lane_bytes(sb_codec_by_id(c->codec), c->rows, c->cols, core->lanes, core->ports);
}

/* What attn_unit.sv would refuse with an error. */
static bool attention_takes(uint32_t units, const sb_command *c)
{
    bool sigmoid = c->codec & SB_ATTN_SIGMOID;
    uint64_t softmax_keys = 1ull << (units >> 16 & 31);
    return units & (sigmoid ? SB_UNIT_SIGMOID : SB_UNIT_SOFTMAX) &&
           (units & SB_UNIT_EXPORT || !(c->codec & SB_ATTN_EXPORT)) && c->batch <= 1024 && c->rows < 4096 &&
           c->cols <= 256 && c->cols % 8 == 0 && (sigmoid || c->p[0] <= softmax_keys);
}

/* What the vector unit does (hw/rtl/vector/vec_check.sv). */
static const sb_op vector_ops[] = {SB_OP_QUANTIZE,   SB_OP_SCALE,     SB_OP_EMBED,      SB_OP_RMSNORM,
                                   SB_OP_ROPE,       SB_OP_SILU_MUL,  SB_OP_ADD,        SB_OP_QUANTIZE_KV,
                                   SB_OP_ATTN_SCALE, SB_OP_LAYERNORM, SB_OP_GELU_MUL,   SB_OP_GATHER,
                                   SB_OP_SCATTER,    SB_OP_ARGMAX,    SB_OP_QUANTIZE_Q, SB_OP_TOPK};

/* What it would refuse although the cpu device does it. */
static bool vector_takes(const sb_command *c)
{
    switch (c->op) {
    case SB_OP_QUANTIZE:
        return c->dst % 64 == 0;
    case SB_OP_SCALE:
        return c->src % 64 == 0;
    case SB_OP_EMBED:
        return c->p[1] || c->codec == SB_CODEC_FP16;
    case SB_OP_ROPE:
        return c->cols <= 1024;
    case SB_OP_QUANTIZE_KV:
        return c->dst % 64 == 0;
    case SB_OP_ATTN_SCALE:
        return c->cols <= 512 && (c->src | c->aux) % 64 == 0;
    default:
        return true;
    }
}

static bool of_vector(unsigned op)
{
    for (size_t i = 0; i < sizeof vector_ops / sizeof *vector_ops; i++)
        if (vector_ops[i] == op)
            return true;
    return false;
}

/* rows are those of a table of which a vector is one. */
static bool one_row(unsigned op)
{
    return op == SB_OP_EMBED || op == SB_OP_GATHER || op == SB_OP_SCATTER;
}

bool sb_core_takes(const sb_core *core, const sb_command *c)
{
    return c->op == SB_OP_ATTENTION_X ? attention_takes(core->units, c) : !of_vector(c->op) || vector_takes(c);
}

void sb_core_restrict(const sb_core *core, sb_device *dev)
{
    if (!(core->units & (SB_UNIT_SIGMOID | SB_UNIT_SOFTMAX)))
        dev->can[SB_OP_ATTENTION_X] = false;
    for (size_t i = 0; !(core->units & SB_UNIT_VECTOR) && i < sizeof vector_ops / sizeof *vector_ops; i++)
        dev->can[vector_ops[i]] = false;
}

/* How many vectors of this command the core takes at once. */
static uint32_t core_batch(const sb_core *core, const sb_command *c)
{
    uint64_t elems = sb_codec_act_elems(sb_codec_by_id(c->codec), c->cols), fit = core->act_capacity / elems;
    uint32_t n = fit < core->max_batch ? (uint32_t)fit : core->max_batch;
    if (sb_core_bus_bits(core) > 512 && sb_acc_stride(c->rows) % 128) /* results that would not begin on a beat */
        n = 1;
    if (sb_core_bus_bits(core) > 512 && n > 1) /* a part must begin on a beat */
        n &= ~1u;
    return n ? n : 1; /* one that does not fit: the core says so */
}

static uint32_t core_commands(const sb_core *core, const sb_command *c)
{
    if (c->op != SB_OP_MATVEC || c->batch <= 1)
        return 1;
    uint32_t n = core_batch(core, c);
    return (c->batch + n - 1) / n;
}

uint32_t sb_core_split_count(const sb_core *core, const sb_command *c, uint32_t n)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < n; i++)
        total += core_commands(core, &c[i]);
    return total;
}

void sb_core_split(const sb_core *core, const sb_command *c, uint32_t n, sb_command *out)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t parts = core_commands(core, &c[i]), each = parts > 1 ? core_batch(core, &c[i]) : c[i].batch;
        for (uint32_t p = 0; p < parts; p++) {
            uint32_t v = p * each;
            *out = c[i];
            if (parts > 1) {
                out->batch = (uint16_t)(c[i].batch - v < each ? c[i].batch - v : each);
                out->src += v * sb_codec_act_elems(sb_codec_by_id(c[i].codec), c[i].cols) * 2;
                out->dst += v * sb_acc_stride(c[i].rows);
            }
            out++;
        }
    }
}

uint32_t sb_core_split_source(const sb_core *core, const sb_command *c, uint32_t n, uint32_t index)
{
    uint32_t i = 0;
    for (uint32_t k = 0; i + 1 < n && k + core_commands(core, &c[i]) <= index; i++)
        k += core_commands(core, &c[i]);
    return i;
}

uint64_t sb_core_cycle_limit(const sb_core *core, const sb_command *c, uint32_t n)
{
    uint64_t beats = 0;
    for (uint32_t i = 0; i < n; i++)
        if (c[i].op == SB_OP_MATVEC)
            beats += (sb_core_matrix_bytes(core, &c[i]) / 8 + c[i].rows + c[i].cols) * c[i].batch;
        else if (c[i].op == SB_OP_ATTENTION_X) /* as if every row read the whole cache by itself */
            beats += (uint64_t)c[i].batch * c[i].rows * (sb_attn_kv_bytes(c[i].cols, false, c[i].p[1]) / 8 + 1000);
        else if (of_vector(c[i].op))
            beats += c[i].batch * (one_row(c[i].op) ? 1 : c[i].rows + 1ull) * (c[i].cols + 100ull);
    return 100000000 + 10000 * (beats + n);
}

const char *sb_core_error_name(uint32_t error)
{
    static const char *const reason[] = {"no error",
                                         "unknown operation",
                                         "codec or mode not built into this core",
                                         "shape out of range",
                                         "misaligned address",
                                         "read error on the memory bus",
                                         "write error on the memory bus",
                                         "a value that is not finite",
                                         "index out of range"};
    return error < sizeof reason / sizeof *reason ? reason[error] : "?";
}

void sb_core_count(sb_device *dev, const uint64_t counter[SB_CORE_COUNTERS])
{
    sb_counters *k = &dev->counters;
    uint64_t *const field[SB_CORE_COUNTERS] = {
        &k->total,   &k->useful,     &k->wait_read,   &k->stall,    &k->act_load, &k->drain, &k->control,
        &k->compute, &k->read_beats, &k->write_beats, &k->commands, &k->attend,   &k->vector};
    for (int i = 0; i < SB_CORE_COUNTERS; i++)
        *field[i] += counter[i];
}

int sb_core_read_counters(sb_core_read_fn read, void *ctx, uint64_t counter[SB_CORE_COUNTERS])
{
    for (uint32_t i = 0; i < SB_CORE_COUNTERS; i++) {
        uint32_t low, high;
        if (read(ctx, SB_REG_COUNTERS + 8 * i, &low) || read(ctx, SB_REG_COUNTERS + 8 * i + 4, &high))
            return -1;
        counter[i] = low | (uint64_t)high << 32;
    }
    return 0;
}

/* Appends to the line in buf. */
static void add(char *buf, size_t size, size_t *n, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static void add(char *buf, size_t size, size_t *n, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int k = *n < size ? vsnprintf(buf + *n, size - *n, fmt, ap) : 0;
    va_end(ap);
    *n += k > 0 ? (size_t)k : 0;
}

void sb_core_diagnose(sb_core_read_fn read, void *ctx, char *buf, size_t size)
{
    /* The states of cmd_fetch.sv, the beats of register STATE. */
    static const char *const fetch[16] = {"idle",         "fetch", "get",    "hazard", "issue", "ahead",
                                          "weights",      "wait",  "settle", "flush",  "done",  "unit",
                                          "unit at work", "?",     "?",      "?"};
    static const char *const beat[4] = {"command", "activations", "weights", "a unit's"};
    /* The states of attn_unit.sv (two bits) and vector_unit.sv. */
    static const char *const attention[4] = {"idle", "check", "divide", "run"};
    static const char *const vector[16] = {"idle", "check", "divide", "size",   "vector", "tile", "load", "store",
                                           "pass", "run",   "next",   "finish", "?",      "?",    "?",    "?"};
    uint32_t cur, state, out, level, error, index, unit, built;
    uint64_t k[SB_CORE_COUNTERS];
    size_t n = 0;
    *buf = 0;
    if (read(ctx, SB_REG_CUR_INDEX, &cur) || read(ctx, SB_REG_STATE, &state) || read(ctx, SB_REG_OUTSTANDING, &out) ||
        read(ctx, SB_REG_UNIT_STATE, &unit) || read(ctx, SB_REG_UNITS, &built) || read(ctx, SB_REG_LEVELS, &level) ||
        read(ctx, SB_REG_ERROR, &error) || read(ctx, SB_REG_ERROR_INDEX, &index)) {
        add(buf, size, &n, "the core's registers do not answer");
        return;
    }
    add(buf, size, &n, "command %u of the core's list; command processor: %s; engine: %s%s%s%s; next beat: %s; ", cur,
        fetch[state & 15], state & 0x80 ? "job in work" : "no job", state & 0x40 ? ", lanes busy" : "",
        state & 0x20 ? ", no room for results" : "", state & 0x10 ? ", side beat due" : "",
        state & 0x1000 ? beat[state >> 8 & 3] : "none");
    add(buf, size, &n, "in flight: %u read bursts, %u write bursts; FIFOs: %u beats to read, %u to write; ",
        out & 0xffff, out >> 16, level & 0xffff, level >> 16);
    if (built & (SB_UNIT_SIGMOID | SB_UNIT_SOFTMAX))
        add(buf, size, &n, "attention unit: %s, %s (state 0x%02x); ", unit >> 16 & 1 ? "at work" : "not at work",
            attention[unit >> 6 & 3], unit & 0xff);
    if (unit >> 25) /* not port 0 alone */
        add(buf, size, &n, "attention at work at ports 0x%x; ", unit >> 24);
    if (built & SB_UNIT_VECTOR)
        add(buf, size, &n, "vector unit: %s, %s (state 0x%02x); ", unit >> 17 & 1 ? "at work" : "not at work",
            vector[unit >> 8 & 15], unit >> 8 & 0xff);
    if (error)
        add(buf, size, &n, "error %u (%s) at command %u; ", error, sb_core_error_name(error), index);
    if (sb_core_read_counters(read, ctx, k))
        add(buf, size, &n, "counters do not answer");
    else
        add(buf, size, &n,
            "cycles %" PRIu64 ": useful %" PRIu64 ", wait_read %" PRIu64 ", stall %" PRIu64 ", act_load %" PRIu64
            ", drain %" PRIu64 ", control %" PRIu64 ", compute %" PRIu64 ", attend %" PRIu64 ", vector %" PRIu64
            "; beats read %" PRIu64 ", written %" PRIu64 "; commands done %" PRIu64,
            k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7], k[11], k[12], k[8], k[9], k[10]);
}
