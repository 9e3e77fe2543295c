/* SPDX-License-Identifier: Apache-2.0
 * Device commands: 64-byte little-endian records (docs/device.md). */
#ifndef SEEDBED_COMMAND_H
#define SEEDBED_COMMAND_H

#include <stddef.h>
#include <stdint.h>

/* Strides are in elements between the vectors of a batch. f32 parameters travel as their bits. docs/device.md has the
 * records as one table, docs/numerics.md (sections 2 to 6) what each operation computes, to the bit. */
typedef enum {
    SB_OP_NOP = 0,
    SB_OP_MATVEC = 1, /* dst int64 [batch][rows] = weights (rows, cols) . src; p0: SB_MATVEC_CONSTANT */
    SB_OP_QUANTIZE =
        2, /* dst int16 vectors in the codec's layout, aux int32 [batch] exponents <- src f32 [batch][cols] */
    SB_OP_SCALE =
        3, /* dst f32 [batch][p1] <- src int64 [batch][rows], aux int32 [batch]; p0 = scale_exp, p1 = dst stride */
    SB_OP_EMBED = 4,   /* dst f32 [batch][cols] <- row src[v] (u32) < rows of weights: packed rows (p0 = scale_exp), or
                          f32 if p1;   p2 = 32-bit words from row to row */
    SB_OP_RMSNORM = 5, /* dst <- src f32 [batch][rows][cols], norm over cols; weights gain f32 [cols]; p0 = eps, p1 =
                          stride, p2 = fl32(1/cols) */
    SB_OP_ROPE = 6, /* dst f32 [batch][rows][cols] in place; aux f32 [batch][cols] = cos[cols/2], sin[cols/2]; p0 = 1:
                       pairs are interleaved, else half-split; p1 = stride, p2 = stride of aux */
    SB_OP_KV_APPEND =
        7, /* ref only: dst cache f32 [rows][p1][cols], tokens p0.. <- src f32 [batch][rows][cols], p2 = src stride */
    SB_OP_ATTENTION = 8, /* ref only: dst f32 [batch][rows][cols] <- queries src (stride p2), K cache weights, V cache
                            aux; p0 = first position, p1 = cache capacity, p3 = KV heads; causal. codec 1: V cache right
                            behind the K cache, aux sb_attention_params */
    SB_OP_SILU_MUL = 9,  /* dst f32 [batch][cols] <- silu(src) * aux, both with stride p0 */
    SB_OP_ADD = 10,      /* dst f32 [batch][cols] += src; codec 1: += p0 (f32) * src */
    /* Attention in exact integers, docs/numerics.md 6; codec holds the flags of docs/device.md; rows heads, cols
       head_dim. */
    SB_OP_QUANTIZE_Q =
        11, /* dst query records <- src f32 [batch][rows][cols] (stride p2), V exponents of the cache weights,
               aux sb_query_params and a line a head; p0 = first position, p1 = capacity, p3 = KV heads */
    SB_OP_QUANTIZE_KV = 12, /* cache dst, tokens p0.. <- K src, V aux f32 [batch][rows][cols] (stride p2); rows KV
                               heads, p1 = capacity */
    SB_OP_ATTENTION_X = 13, /* dst rows of int64 (and probabilities behind them) <- query records src, cache weights,
                               mask aux; p0 = keys, p1 = capacity, p2 = window, p3 = KV heads */
    SB_OP_ATTN_SCALE = 14,  /* dst f32 [batch][rows][cols] <- src rows of int64, aux query records; p3 = KV heads */
    SB_OP_LAYERNORM = 15,   /* as RMSNORM; aux bias f32 [cols], or 0: none */
    SB_OP_GELU_MUL = 16,    /* as SILU_MUL: dst <- gelu(src) * aux, the tanh form */
    SB_OP_GATHER =
        17, /* dst rows [batch] (cols words, p1 apart) <- rows aux[v] (u32) < rows of the table src, p0 words apart */
    SB_OP_SCATTER =
        18, /* rows aux[v] < rows of the table dst (p1 words apart) <- src rows [batch] (cols words, p0 apart) */
    SB_OP_ARGMAX = 19, /* dst u32 [batch] <- src f32 [batch][cols], stride p0: the lowest index of the largest */
    SB_OP_TOPK =
        20, /* dst u32 [batch][sb_topk_stride], aux f32 likewise <- src f32 [batch][cols], stride p0: the p1 largest */
    SB_OP_COUNT
} sb_op;

/* Bytes from one vector of MATVEC's results to the next: 8*rows rounded up to 64. */
static inline size_t sb_acc_stride(size_t rows)
{
    return (8 * rows + 63) / 64 * 64;
}

/* Bit of MATVEC's p0: no command of the list writes its weights, so a core may read them before it comes to the
 * command. */
enum { SB_MATVEC_CONSTANT = 1 };

enum { SB_TOPK_MAX = 64 };
/* Elements between the results of two vectors of a TOPK. */
static inline uint32_t sb_topk_stride(uint32_t k)
{
    return (k + 15) / 16 * 16;
}

/* Why a command ended: the code of a core's register ERROR (docs/device.md). A software device puts "(error N)" at the
 * end of its message for the two that lie in the data. */
enum { SB_ERROR_NOT_FINITE = 7, SB_ERROR_INDEX = 8 };

/* What a layer's attention needs to know besides its shape: for ATTENTION, in real numbers. */
typedef struct {
    uint32_t sigmoid; /* 0: softmax */
    float bias;       /* added to the scores, natural units */
    uint32_t window;  /* 0: none; else a query sees the keys at most window-1 before it */
    uint32_t alibi;   /* 1: slope[heads] follow as f32; the score gets -slope |query position - key position| */
} sb_attention_params;

/* The same for QUANTIZE_Q, in integers: this line, then one of 64 bytes a head, the header of its query records
 * (docs/numerics.md, section 6.1) as far as the query does not decide it: shift is -scale_exp - 16, pos and v_exp are
 * not looked at. */
typedef struct {
    uint32_t window; /* 0: none; else a query sees the keys at most window-1 before it */
    uint32_t zero[15];
} sb_query_params;

typedef struct {
    uint8_t op;
    uint8_t codec;
    uint16_t batch;
    uint32_t rows;
    uint32_t cols;
    uint32_t tag;
    uint64_t weights;
    uint64_t src;
    uint64_t dst;
    uint64_t aux;
    uint32_t p[4];
} sb_command;

#ifndef __cplusplus /* kernels/cuda reads this header too */
_Static_assert(sizeof(sb_command) == 64, "a command is one 512-bit beat");
#endif

/* "MATVEC" etc.; "?" if out of range. */
const char *sb_op_name(unsigned op);

#endif
