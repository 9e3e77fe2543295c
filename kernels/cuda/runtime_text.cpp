/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime_text.hpp"

#include <stdio.h>

/* Names as in the messages of the cpu device. */
static const char *op_name(unsigned op)
{
    static const char *const name[] = {
        "NOP",        "MATVEC",    "QUANTIZE", "SCALE",  "EMBED",      "RMSNORM",     "ROPE",
        "KV_APPEND",  "ATTENTION", "SILU_MUL", "ADD",    "QUANTIZE_Q", "QUANTIZE_KV", "ATTENTION_X",
        "ATTN_SCALE", "LAYERNORM", "GELU_MUL", "GATHER", "SCATTER",    "ARGMAX",      "TOPK"};
    return op < sizeof name / sizeof *name ? name[op] : "?";
}

void sb_cuda_error_text(const sb_command *c, unsigned long long first, char *why, size_t n)
{
    unsigned reason = (unsigned)(first >> 41 & 7);
    unsigned long long d = first & ((1ull << 41) - 1);
    const char *op = op_name(c->op);
    unsigned vector = (unsigned)(d >> 24), element = (unsigned)(d & 0xffffff);
    if (reason == 2) { /* a query record */
        snprintf(why, n, "%s: query record %llu is out of range", op, d);
    } else if (reason == 1) {
        snprintf(why, n, "%s: index %u of vector %u, the table has %u rows (error 8)", op, (unsigned)d,
                 (unsigned)(d >> 32), c->rows);
    } else if (c->op == SB_OP_QUANTIZE_KV) {
        snprintf(why, n, "%s: %s %u of head %u, token %u is not finite (error 7)", op, d >> 13 & 1 ? "value" : "key",
                 (unsigned)(d & 0x1fff), (unsigned)(d >> 14 & 0x1ffff), c->p[0] + (unsigned)(d >> 31));
    } else if (c->op == SB_OP_QUANTIZE_Q) {
        snprintf(why, n, "%s: query %u of head %u, vector %u is not finite (error 7)", op, (unsigned)(d & 0x1fff),
                 (unsigned)(d >> 14 & 0x1ffff), (unsigned)(d >> 31));
    } else if (c->op == SB_OP_ATTN_SCALE) {
        unsigned row = (unsigned)(d >> 13), group = c->rows / c->p[3];
        snprintf(why, n, "%s: result %u of vector %u is not finite (error 7)", op,
                 (row / (group * c->batch) * group + row % group) * c->cols + (unsigned)(d & 0x1fff),
                 row / group % c->batch);
    } else {
        snprintf(why, n, "%s: %s %u of vector %u is not finite (error 7)", op,
                 reason == 3               ? "result"
                 : c->op == SB_OP_QUANTIZE ? "activation"
                                           : "value",
                 element, vector);
    }
}

void sb_cuda_timeout_text(const sb_command *list, uint32_t count, uint32_t begun, double seconds, char *why, size_t n)
{
    if (!begun) {
        snprintf(
            why, n,
            "not done after %.1f s: none of %u commands has begun (first: %s, tag %u); is the GPU busy with others?",
            seconds, count, op_name(list[0].op), list[0].tag);
        return;
    }
    const sb_command *c = &list[begun - 1];
    snprintf(why, n,
             "not done after %.1f s: command %u of %u (%s, tag %u, codec %u, batch %u, %u x %u) was the last to begin",
             seconds, begun - 1, count, op_name(c->op), c->tag, c->codec, c->batch, c->rows, c->cols);
}
