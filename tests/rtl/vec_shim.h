/* SPDX-License-Identifier: Apache-2.0
 * vector_unit behind a memory with random timing: one command at a time. */
#ifndef VEC_SHIM_H
#define VEC_SHIM_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    unsigned stall;   /* chance in 1000 that a channel does nothing in a cycle */
    unsigned latency; /* cycles from a request to its first beat, from the last beat to the response */
    bool late;        /* what is written becomes visible at the end; what is read is what was there at the request */
    long bad_read, bad_write; /* index of the read beat or write run that is answered with an error; -1: none */
    uint32_t seed;
} vec_env;

typedef struct {
    bool hung, outside, protocol; /* no end; a write outside the memory; a rule of the port was broken */
    unsigned error;
    uint64_t cycles, read_beats, write_beats;
    uint8_t state;
} vec_result;

void *vec_dut_new(void);
void vec_dut_free(void *dut);
/* mem: `size` bytes at device address `base`; reads elsewhere are answered with an error. */
void vec_dut_run(void *dut, const void *record, uint8_t *mem, uint64_t base, uint64_t size, const vec_env *env,
                 vec_result *r);

#ifdef __cplusplus
}
#endif
#endif
