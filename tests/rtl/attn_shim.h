/* SPDX-License-Identifier: Apache-2.0
 * The Verilated attention engine as plain C: one call a clock cycle. */
#ifndef SEEDBED_ATTN_SHIM_H
#define SEEDBED_ATTN_SHIM_H
#include <stdbool.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef struct {
    bool reset;
    bool job_valid, sigmoid, kv8, causal, bitmap, exports;
    unsigned lines, qlines, rows, blocks, key0, keys, window, dim;
    uint64_t word; /* 3 bits a row */
    bool beat_valid;
    unsigned tag;
    const uint8_t *data;
    bool out_ready, exp_ready;
    /* outputs, as they stood before the clock edge */
    bool job_ready, beat_ready, useful, out_valid, out_one, exp_valid, busy;
    uint8_t out[64];
    uint8_t exp[48]; /* 24 bits a row */
} attn_pins;
void *attn_dut_new(void);
void attn_dut_free(void *dut);
void attn_dut_cycle(void *dut, attn_pins *p);
#ifdef __cplusplus
}
#endif
#endif
