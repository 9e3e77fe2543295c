/* SPDX-License-Identifier: Apache-2.0
 * A Verilated board top, driven at its pins: bytes in and out go over the UART's two lines, bit by bit. */
#ifndef SEEDBED_BOARD_MODEL_H
#define SEEDBED_BOARD_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct board_model board_model;

board_model *board_model_open(void);
void board_model_close(board_model *m);
/* The reset button, held for some cycles; what is on the lines is lost. */
void board_model_reset(board_model *m);
/* Room in the queue of bytes on their way to the board; they leave one after another. */
size_t board_model_room(const board_model *m);
void board_model_send(board_model *m, const uint8_t *data, size_t n);
/* Runs `cycles` cycles, or until a byte from the board is there if `stop`. */
void board_model_run(board_model *m, uint64_t cycles, bool stop);
/* Bytes that the board has sent. */
size_t board_model_receive(board_model *m, uint8_t *data, size_t room);
uint64_t board_model_cycles(const board_model *m);
/* A hash of the output pins (line and busy LED) in every cycle since the model was opened. */
uint64_t board_model_pins(const board_model *m);
/* Nothing on the lines, nothing in work. */
bool board_model_idle(const board_model *m);
unsigned board_model_clks_per_bit(void);
const char *board_model_name(void);

#ifdef __cplusplus
}
#endif
#endif
