/* SPDX-License-Identifier: Apache-2.0
 * What every back end shares: the memory arena, the table of operations, placement, command checking. */
#ifndef SEEDBED_DEVICE_INTERNAL_H
#define SEEDBED_DEVICE_INTERNAL_H

#include "seedbed/device.h"

typedef struct {
    uint8_t *base;
    uint64_t size; /* reserved address space */
    uint64_t used;
} sb_memory;

sb_status sb_memory_init(sb_memory *m, sb_error *err);
void sb_memory_free(sb_memory *m);
sb_status sb_memory_alloc(sb_memory *m, size_t bytes, size_t align, uint64_t *addr, sb_error *err);
/* True if [addr, addr+bytes) lies inside what has been allocated. */
bool sb_memory_has(const sb_memory *m, uint64_t addr, uint64_t bytes);

typedef sb_status (*sb_op_fn)(sb_device *dev, const sb_command *c, sb_error *err);

typedef struct sb_backend {
    sb_device_kind kind;
    bool exact;
    /* sb_device_candidate; NULL: there is one, opened by its name alone. */
    bool (*candidate)(size_t i, char *params, size_t size);
    /* params: the text after ':' in the spec, or "". */
    sb_status (*open)(sb_device *dev, const char *params, sb_error *err);
    void (*close)(sb_device *dev);
    sb_status (*load_matrix)(sb_device *dev, const sb_matrix *m, uint64_t *addr, sb_error *err);
    sb_status (*load_f32)(sb_device *dev, const float *w, size_t rows, size_t cols, uint64_t *addr, sb_error *err);
    /* Bytes that a MATVEC reads at sb_command.weights. */
    uint64_t (*matrix_bytes)(const sb_device *dev, const sb_command *c);
    sb_op_fn op[SB_OP_COUNT];    /* by the host, through sb_ptr() */
    bool on_device[SB_OP_COUNT]; /* what it can do; open() may take back what this device lacks (sb_device.can) */
    /* Whether the hardware takes this command of an operation that it can do; NULL: any. The host does what it does not
     * take. */
    bool (*takes)(const sb_device *dev, const sb_command *c);
    /* Hands a run of consecutive on_device commands to the hardware; NULL: op[] is called for each. */
    sb_status (*run)(sb_device *dev, uint64_t addr, uint32_t count, uint32_t *failed, sb_error *err);
    /* A back end with memory of its own has these three; sb_device.mem is then the host's mirror of it (mirror.c). */
    sb_status (*reserve)(sb_device *dev, uint64_t end,
                         sb_error *err); /* addresses below end must exist; new ones hold 0 */
    sb_status (*write)(sb_device *dev, uint64_t addr, const void *src, size_t bytes, sb_error *err);
    sb_status (*read)(sb_device *dev, uint64_t addr, void *dst, size_t bytes, sb_error *err);
    /* Where at or after `at` an allocation may begin, so that it lies in one piece in the device's memory. NULL:
     * anywhere. */
    uint64_t (*fit)(const sb_device *dev, uint64_t at, uint64_t bytes);
    bool fetches_list; /* run() reads the records in the device's memory, not through sb_ptr() */
} sb_backend;

/* Bit i: 64-byte line i has a newer value on the other side. Never both. */
typedef struct {
    struct {
        uint64_t *bits;
        uint64_t count;      /* bits set */
        uint64_t first, end; /* lines outside are not set: mostly there is little to look at */
    } stale[2];              /* 0: the device is behind, 1: the host */
    size_t words;
} sb_mirror;

struct sb_device {
    const sb_backend *be;
    sb_memory mem;
    sb_mirror mirror;
    sb_device_options opt;
    sb_counters counters;
    bool can[SB_OP_COUNT], on_device[SB_OP_COUNT];
    bool has_matrices; /* the placement of MATVEC is settled */
    sb_op_stats stats[SB_STATS_COUNT];
    char describe[256];
    void *priv;
};

extern const sb_backend sb_backend_ref, sb_backend_cpu, sb_backend_sim, sb_backend_xrt, sb_backend_xocl;
extern const sb_backend sb_backend_opencl, sb_backend_cuda, sb_backend_uart;

/* sb_device_open of a back end that is in no table. */
sb_status sb_device_open_backend(const sb_backend *be, const char *params, const sb_device_options *opt,
                                 sb_device **out, sb_error *err);

static inline void *sb_ptr(const sb_device *dev, uint64_t addr)
{
    return dev->mem.base + addr;
}

/* Device memory where host and device do not share it; without effect where they do. stats: of whom it is done for.
 * to_host, to_device: brings the lines of a range that are stale there up to date. host_writes: before the host changes
 * a range through sb_ptr(); device_wrote: after the device did. */
sb_status sb_mirror_grow(sb_device *dev, sb_error *err);
void sb_mirror_free(sb_mirror *m);
sb_status sb_mirror_to_host(sb_device *dev, uint64_t addr, uint64_t bytes, sb_op_stats *stats, sb_error *err);
sb_status sb_mirror_to_device(sb_device *dev, uint64_t addr, uint64_t bytes, sb_op_stats *stats, sb_error *err);
sb_status sb_mirror_host_writes(sb_device *dev, uint64_t addr, uint64_t bytes, sb_op_stats *stats, sb_error *err);
void sb_mirror_device_wrote(sb_device *dev, uint64_t addr, uint64_t bytes);
/* Like sb_device_alloc, with the alignment that a back end needs. */
sb_status sb_device_alloc_aligned(sb_device *dev, size_t bytes, size_t align, uint64_t *addr, sb_error *err);
/* Writes past the mirror: for weights, of which the host need not keep a copy. addr and bytes are multiples of 64. */
sb_status sb_device_store(sb_device *dev, uint64_t addr, const void *src, size_t bytes, sb_error *err);

/* The matrix of a host's MATVEC: the layout of the cpu device. */
sb_status sb_host_load_matrix(sb_device *dev, const sb_matrix *m, uint64_t *addr, sb_error *err);
uint64_t sb_host_matrix_bytes(const sb_device *dev, const sb_command *c);
sb_status sb_host_matvec(sb_device *dev, const sb_command *c, sb_error *err);

/* Byte ranges that a command touches. */
typedef struct {
    uint64_t addr, bytes;
    bool written;
    bool sparse; /* written in few places only */
    const char *what;
} sb_range;
enum { SB_MAX_RANGES = 6 };
/* Checks the shapes of *c and lists its ranges; the ranges are not yet checked against memory. */
sb_status sb_command_ranges(const sb_device *dev, const sb_command *c, sb_range r[SB_MAX_RANGES], int *n,
                            sb_error *err);
/* sb_command_ranges and bounds: after SB_OK the operation may touch memory without further checks. */
sb_status sb_command_check(const sb_device *dev, const sb_command *c, sb_error *err);

/* key=value,key=value parser of device specs: a number in min..max into value, or a text into text[size]. */
typedef struct {
    const char *key;
    uint64_t *value;
    uint64_t min, max;
    char *text;
    size_t size;
} sb_param;
sb_status sb_params_parse(const char *device, const char *text, const sb_param *params, size_t n, sb_error *err);

/* Lane layout (docs/formats.md) for `ports` ports of `lanes` lanes each. Port p's part lies p * slice bytes into it;
 * what lies between the parts is not written by sb_lane_pack. */
uint64_t sb_lane_slice(const sb_codec *codec, size_t rows, size_t cols, unsigned lanes, unsigned ports);
uint64_t sb_lane_bytes(const sb_codec *codec, size_t rows, size_t cols, unsigned lanes, unsigned ports);
void sb_lane_pack(const sb_matrix *m, unsigned lanes, unsigned ports, uint32_t *out);

/* "OP: what i of vector v is not finite (error 7)". */
sb_status sb_not_finite(const sb_command *c, const char *what, size_t i, size_t vector, sb_error *err);
/* fl32(unit * 2^(unit_exp + scale_exp - k)), docs/numerics.md, section 4. */
float sb_scale_factor(const sb_codec *codec, int scale_exp, int k);

/* The operations of the exact contract; each assumes sb_command_check passed. */
sb_status sb_quantize(sb_device *dev, const sb_command *c, sb_error *err);
sb_status sb_scale(sb_device *dev, const sb_command *c, sb_error *err);
sb_status sb_embed(sb_device *dev, const sb_command *c, sb_error *err);
sb_status sb_rmsnorm(sb_device *dev, const sb_command *c, sb_error *err);
sb_status sb_rope(sb_device *dev, const sb_command *c, sb_error *err);
sb_status sb_quantize_q(sb_device *dev, const sb_command *c, sb_error *err);
sb_status sb_quantize_kv(sb_device *dev, const sb_command *c, sb_error *err);
sb_status sb_attention_x(sb_device *dev, const sb_command *c, sb_error *err);
sb_status sb_attn_scale(sb_device *dev, const sb_command *c, sb_error *err);
sb_status sb_silu_mul(sb_device *dev, const sb_command *c, sb_error *err);
sb_status sb_gelu_mul(sb_device *dev, const sb_command *c, sb_error *err);
sb_status sb_layernorm(sb_device *dev, const sb_command *c, sb_error *err);
sb_status sb_add(sb_device *dev, const sb_command *c, sb_error *err);
sb_status sb_gather(sb_device *dev, const sb_command *c, sb_error *err);
sb_status sb_scatter(sb_device *dev, const sb_command *c, sb_error *err);
sb_status sb_argmax(sb_device *dev, const sb_command *c, sb_error *err);
sb_status sb_topk(sb_device *dev, const sb_command *c, sb_error *err);
sb_status sb_nop(sb_device *dev, const sb_command *c, sb_error *err);

/* Entries of sb_backend.op, in software: what ref does like everybody (no function is approximated in it), and the rest
 * of the exact contract. */
#define SB_HOST_OPS                                                                                                    \
    [SB_OP_NOP] = sb_nop, [SB_OP_ROPE] = sb_rope, [SB_OP_ADD] = sb_add, [SB_OP_GATHER] = sb_gather,                    \
    [SB_OP_SCATTER] = sb_scatter, [SB_OP_ARGMAX] = sb_argmax, [SB_OP_TOPK] = sb_topk
#define SB_EXACT_OPS                                                                                                   \
    [SB_OP_MATVEC] = sb_host_matvec, [SB_OP_QUANTIZE] = sb_quantize, [SB_OP_SCALE] = sb_scale,                         \
    [SB_OP_EMBED] = sb_embed, [SB_OP_RMSNORM] = sb_rmsnorm, [SB_OP_LAYERNORM] = sb_layernorm,                          \
    [SB_OP_SILU_MUL] = sb_silu_mul, [SB_OP_GELU_MUL] = sb_gelu_mul, [SB_OP_QUANTIZE_Q] = sb_quantize_q,                \
    [SB_OP_QUANTIZE_KV] = sb_quantize_kv, [SB_OP_ATTENTION_X] = sb_attention_x, [SB_OP_ATTN_SCALE] = sb_attn_scale

/* Entries of sb_backend.on_device for hardware that does the whole exact contract; NOP apart, which is no work. */
#define SB_EXACT_ON_DEVICE                                                                                             \
    [SB_OP_MATVEC] = true, [SB_OP_QUANTIZE] = true, [SB_OP_SCALE] = true, [SB_OP_EMBED] = true,                        \
    [SB_OP_RMSNORM] = true, [SB_OP_LAYERNORM] = true, [SB_OP_ROPE] = true, [SB_OP_SILU_MUL] = true,                    \
    [SB_OP_GELU_MUL] = true, [SB_OP_ADD] = true, [SB_OP_QUANTIZE_Q] = true, [SB_OP_QUANTIZE_KV] = true,                \
    [SB_OP_ATTENTION_X] = true, [SB_OP_ATTN_SCALE] = true, [SB_OP_GATHER] = true, [SB_OP_SCATTER] = true,              \
    [SB_OP_ARGMAX] = true, [SB_OP_TOPK] = true

#endif
