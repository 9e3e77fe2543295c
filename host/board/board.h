/* SPDX-License-Identifier: Apache-2.0
 * A board at the end of a byte stream (docs/board-protocol.md): requests with sequence numbers, a window of them on the
 * way, timeouts and repeats. The stream is a seam: a serial port, or a simulated board in a test. */
#ifndef SEEDBED_BOARD_H
#define SEEDBED_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seedbed/status.h"

/* A byte stream. Times are in milliseconds of the stream's own clock. */
typedef struct {
    void *ctx;
    const char *name; /* for messages */
    /* Sends all n bytes. SB_ERR_TIMEOUT if they do not go; SB_ERR_IO if the other end is gone. */
    sb_status (*send)(void *ctx, const uint8_t *data, size_t n, int timeout_ms, sb_error *err);
    /* Waits for at least one byte; *got = 0 after timeout_ms. SB_ERR_IO if the other end is gone. */
    sb_status (*receive)(void *ctx, uint8_t *data, size_t room, size_t *got, int timeout_ms, sb_error *err);
    int64_t (*now)(void *ctx);
    uint32_t (*random)(void *ctx); /* NULL: the system's; a test that must run the same each time has its own */
} sb_stream;

typedef enum { SB_BOARD_WEIGHTS = 3, SB_BOARD_ACTS = 4 } sb_board_memory;

typedef struct {
    uint16_t protocol, version;
    uint8_t board; /* 1 iCEBreaker, 2 ULX3S */
    uint8_t lanes;
    uint8_t codecs;                   /* bit i: codec id i */
    uint32_t weight_words, act_words; /* 32-bit words; two activations a word */
    uint32_t core_version, clock_hz;
} sb_board_info;

typedef struct {
    uint64_t requests, repeats, strays; /* repeats: sent again; strays: right answers to nothing asked */
    uint64_t bytes_out, bytes_in;
} sb_board_stats;

typedef struct {
    uint32_t cycles, useful, stall;
} sb_board_cycles;

typedef struct sb_board sb_board;

/* Asks who is there and opens a session. timeout_ms: without a byte, then the request is sent again, at most `retries`
 * times in a row. SB_ERR_TIMEOUT: nothing answers; SB_ERR_UNSUPPORTED: something else does. */
sb_status sb_board_open(const sb_stream *s, int timeout_ms, int retries, sb_board **out, sb_error *err);
void sb_board_close(sb_board *b); /* the stream stays open */
const sb_board_info *sb_board_get_info(const sb_board *b);
const sb_board_stats *sb_board_get_stats(const sb_board *b);
const char *sb_board_name(uint8_t board);

/* The board forgot the session (it was reset): what it held is lost. After sb_board_reopen write everything again. */
bool sb_board_lost(const sb_board *b);
sb_status sb_board_reopen(sb_board *b, sb_error *err);

sb_status sb_board_write(sb_board *b, sb_board_memory m, uint32_t word, const uint32_t *data, size_t words,
                         sb_error *err);
/* `groups` row groups of `words` main words from weight word `weights` on, activations from element `act` (a multiple
 * of 32) on: groups * lanes numbers to out. At most SB_BOARD_MAX_ROWS of them. */
enum { SB_BOARD_MAX_ROWS = 1024 };
sb_status sb_board_run(sb_board *b, int codec, uint32_t weights, uint32_t groups, uint32_t words, uint32_t act,
                       int64_t *out, sb_board_cycles *cycles, sb_error *err);

/* A serial line at `path`, raw, 8N1, locked against others. SB_ERR_ARG: not a serial line, or a rate that it has not.
 */
sb_status sb_serial_open(const char *path, unsigned long baud, sb_stream *out, sb_error *err);
void sb_serial_close(sb_stream *s);

#endif
