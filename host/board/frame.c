/* SPDX-License-Identifier: Apache-2.0
 * Frames of the board protocol. The CRC goes by nibbles: a table of 16 is enough for a serial line. */
#include "board/frame.h"

uint32_t sb_crc32(uint32_t crc, const void *data, size_t n)
{
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                       0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    const uint8_t *p = data;
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static uint8_t *put_escaped(uint8_t *to, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] == SB_FRAME_FLAG || p[i] == SB_FRAME_ESCAPE) {
            *to++ = SB_FRAME_ESCAPE;
            *to++ = p[i] ^ SB_FRAME_FLIP;
        } else {
            *to++ = p[i];
        }
    }
    return to;
}

size_t sb_frame_request(const sb_request *r, const uint32_t *payload, size_t words, uint8_t *line, uint32_t *echo)
{
    uint8_t head[SB_FRAME_HEAD + 4], *to = line;
    head[0] = r->op;
    head[1] = r->codec;
    head[2] = (uint8_t)r->seq;
    head[3] = (uint8_t)(r->seq >> 8);
    put32(head + 4, r->session);
    for (int i = 0; i < 3; i++)
        put32(head + 8 + 4 * i, r->arg[i]);
    *echo = sb_crc32(0, head, SB_FRAME_HEAD);
    put32(head + SB_FRAME_HEAD, *echo);
    *to++ = SB_FRAME_FLAG;
    to = put_escaped(to, head, sizeof head);
    if (words) {
        /* The register goes on from the header's CRC itself, so that a payload belongs to one header only. */
        uint32_t crc = ~*echo;
        uint8_t word[4];
        for (size_t i = 0; i < words; i++) {
            put32(word, payload[i]);
            crc = sb_crc32(crc, word, 4);
            to = put_escaped(to, word, 4);
        }
        put32(word, crc);
        to = put_escaped(to, word, 4);
    }
    *to++ = SB_FRAME_FLAG;
    return (size_t)(to - line);
}

bool sb_frame_push(sb_frame_parser *p, uint8_t byte, sb_answer *a)
{
    if (byte != SB_FRAME_FLAG) {
        if (!p->open)
            return false;
        if (byte == SB_FRAME_ESCAPE) {
            p->escaped = true;
            return false;
        }
        if (p->n == sizeof p->buf) {
            p->over = true;
            return false;
        }
        p->buf[p->n++] = p->escaped ? byte ^ SB_FRAME_FLIP : byte;
        p->escaped = false;
        return false;
    }
    size_t n = p->n;
    bool right =
        n >= SB_FRAME_ANSWER + 4 && !p->over && !p->escaped && sb_crc32(0, p->buf, n - 4) == sb_get32(p->buf + n - 4);
    if (n && !right)
        p->dropped++;
    p->n = 0;
    p->open = true;
    p->over = p->escaped = false;
    if (!right)
        return false;
    *a = (sb_answer){.op = p->buf[0],
                     .status = p->buf[1],
                     .seq = (uint16_t)(p->buf[2] | p->buf[3] << 8),
                     .echo = sb_get32(p->buf + 4),
                     .body = p->buf + SB_FRAME_ANSWER,
                     .bytes = n - SB_FRAME_ANSWER - 4};
    return true;
}
