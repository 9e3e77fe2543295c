/* SPDX-License-Identifier: Apache-2.0
 * Frames of the board protocol (docs/board-protocol.md): HDLC-like framing (RFC 1662, section 4) with CRC-32. */
#ifndef SEEDBED_BOARD_FRAME_H
#define SEEDBED_BOARD_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SB_FRAME_FLAG = 0x7E,
    SB_FRAME_ESCAPE = 0x7D,
    SB_FRAME_FLIP = 0x20,
    SB_FRAME_HEAD = 20,               /* bytes of a request's header, its CRC not counted */
    SB_FRAME_ANSWER = 8,              /* bytes of an answer's header */
    SB_FRAME_MAX = 8 + 8 * 1024 + 16, /* bytes of the longest answer, its CRC not counted */
    SB_FRAME_MAX_WORDS = 256          /* of a request's payload */
};

/* The longest request on the line: everything escaped, two flags. */
enum { SB_FRAME_LINE = 2 * (SB_FRAME_HEAD + 4 + 4 * SB_FRAME_MAX_WORDS + 4) + 2 };

/* CRC-32 of IEEE 802.3. crc is the CRC of what came before, 0 at the beginning. */
uint32_t sb_crc32(uint32_t crc, const void *data, size_t n);

typedef struct {
    uint8_t op, codec;
    uint16_t seq;
    uint32_t session;
    uint32_t arg[3];
} sb_request;

/* Writes the request with `words` words of payload (0: none) to line[SB_FRAME_LINE]; returns its length, and in *echo
 * the header's CRC, which the answer repeats. */
size_t sb_frame_request(const sb_request *r, const uint32_t *payload, size_t words, uint8_t *line, uint32_t *echo);

typedef struct {
    uint8_t op, status;
    uint16_t seq;
    uint32_t echo;
    const uint8_t *body; /* inside the parser: until the next byte is pushed */
    size_t bytes;
} sb_answer;

typedef struct {
    uint8_t buf[SB_FRAME_MAX + 4];
    size_t n;
    bool open, escaped, over;
    uint64_t dropped; /* frames that were not empty and not right */
} sb_frame_parser;

/* Takes a byte of the line. True: it ended a frame whose CRC is right, now in *a. Anything else is dropped; a flag
 * starts the next frame whatever came before. */
bool sb_frame_push(sb_frame_parser *p, uint8_t byte, sb_answer *a);

static inline uint32_t sb_get32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t sb_get64(const uint8_t *p)
{
    return sb_get32(p) | (uint64_t)sb_get32(p + 4) << 32;
}

#endif
