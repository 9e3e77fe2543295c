/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "board/frame.h"
#include "test_support.h"

/* An answer as a board frames it; returns its length. */
static size_t frame(const uint8_t *bytes, size_t n, uint32_t spoil, uint8_t *line)
{
    uint8_t all[SB_FRAME_MAX + 4];
    uint32_t crc = sb_crc32(0, bytes, n) ^ spoil;
    memcpy(all, bytes, n);
    for (int i = 0; i < 4; i++)
        all[n + (size_t)i] = (uint8_t)(crc >> 8 * i);
    size_t k = 0;
    line[k++] = SB_FRAME_FLAG;
    for (size_t i = 0; i < n + 4; i++) {
        if (all[i] == SB_FRAME_FLAG || all[i] == SB_FRAME_ESCAPE) {
            line[k++] = SB_FRAME_ESCAPE;
            line[k++] = all[i] ^ SB_FRAME_FLIP;
        } else {
            line[k++] = all[i];
        }
    }
    line[k++] = SB_FRAME_FLAG;
    return k;
}

static int push(sb_frame_parser *p, const uint8_t *line, size_t n, sb_answer *a)
{
    int answers = 0;
    for (size_t i = 0; i < n; i++)
        answers += sb_frame_push(p, line[i], a);
    return answers;
}

/* The check value of CRC-32/ISO-HDLC. */
START_TEST(crc_check_value)
{
    ck_assert_uint_eq(sb_crc32(0, "123456789", 9), 0xCBF43926u);
    ck_assert_uint_eq(sb_crc32(sb_crc32(0, "1234", 4), "56789", 5), 0xCBF43926u);
}
END_TEST

START_TEST(answer_comes_back)
{
    static sb_frame_parser p;
    static uint8_t line[2 * SB_FRAME_MAX + 16], bytes[SB_FRAME_MAX];
    sb_answer a;
    memset(&p, 0, sizeof p);
    for (size_t n = 0; n <= 600; n++) {
        for (size_t i = 0; i < 8 + n; i++)
            bytes[i] = (uint8_t)(i * 0x7d + n);
        size_t k = frame(bytes, 8 + n, 0, line);
        ck_assert_int_eq(push(&p, line, k, &a), 1);
        ck_assert_uint_eq(a.bytes, n);
        ck_assert_uint_eq(a.seq, bytes[2] | bytes[3] << 8);
        ck_assert_mem_eq(a.body, bytes + 8, n);
    }
    ck_assert_uint_eq(p.dropped, 0);
}
END_TEST

/* Every single flipped bit, lost byte and doubled byte of a frame: no answer, and the next frame is read. */
START_TEST(no_damage_passes)
{
    static sb_frame_parser p;
    static uint8_t line[200], spoilt[400];
    static const uint8_t bytes[20] = {0x85, 0, 1, 2, 0x7e, 0x7d, 5, 6, 7, 8, 0x7e};
    sb_answer a;
    size_t n = frame(bytes, sizeof bytes, 0, line);
    for (size_t i = 1; i + 1 < n; i++) {
        for (int how = 0; how < 10; how++) {
            size_t k = 0;
            for (size_t b = 0; b < n; b++) {
                if (b != i) {
                    spoilt[k++] = line[b];
                } else if (how < 8) {
                    spoilt[k++] = line[b] ^ (uint8_t)(1 << how);
                } else if (how == 8) {
                    spoilt[k++] = line[b];
                    spoilt[k++] = line[b];
                }
            }
            memset(&p, 0, sizeof p);
            int answers = push(&p, spoilt, k, &a);
            /* Doubling the escape character changes nothing in what is escaped. */
            bool same = how == 8 && line[i] == SB_FRAME_ESCAPE;
            ck_assert_int_eq(answers, same);
            ck_assert_int_eq(push(&p, line, n, &a), 1);
            ck_assert_mem_eq(a.body, bytes + 8, 12);
        }
    }
}
END_TEST

START_TEST(noise_and_overlong_frames)
{
    static sb_frame_parser p;
    static uint8_t line[200];
    static const uint8_t bytes[8] = {0x82};
    sb_answer a;
    size_t n = frame(bytes, sizeof bytes, 0, line);
    memset(&p, 0, sizeof p);
    for (uint32_t i = 0, x = 1; i < 200000; i++) {
        x = x * 1664525u + 1013904223u;
        ck_assert(!sb_frame_push(&p, (uint8_t)(x >> 24), &a));
    }
    ck_assert_int_eq(push(&p, line, n, &a), 1);
    for (size_t i = 0; i < 3 * sizeof p.buf; i++)
        ck_assert(!sb_frame_push(&p, 0x55, &a));
    ck_assert_int_eq(push(&p, line, n, &a), 1);
    n = frame(bytes, sizeof bytes, 1, line);
    ck_assert_int_eq(push(&p, line, n, &a), 0);
    n = frame(bytes, 7, 0, line); /* right, and too short to be an answer */
    ck_assert_int_eq(push(&p, line, n, &a), 0);
}
END_TEST

/* The words on the line, taken apart by hand: header, its CRC, payload, the CRC that goes on from the header's. */
START_TEST(request_layout)
{
    static uint8_t line[SB_FRAME_LINE], raw[SB_FRAME_LINE];
    uint32_t words[3] = {0x7e7d0001, 2, 0xffffffff}, echo;
    sb_request r = {.op = 3, .codec = 2, .seq = 0x1234, .session = 0xA0B0C0D0, .arg = {1, 3, 0x7d7e}};
    size_t n = sb_frame_request(&r, words, 3, line, &echo), k = 0;
    ck_assert(line[0] == SB_FRAME_FLAG && line[n - 1] == SB_FRAME_FLAG);
    for (size_t i = 1; i + 1 < n; i++) {
        ck_assert(line[i] != SB_FRAME_FLAG);
        raw[k++] = line[i] == SB_FRAME_ESCAPE ? line[++i] ^ SB_FRAME_FLIP : line[i];
    }
    ck_assert_uint_eq(k, 24 + 12 + 4);
    ck_assert_uint_eq(raw[0], 3);
    ck_assert_uint_eq(raw[2] | raw[3] << 8, 0x1234);
    ck_assert_uint_eq(sb_get32(raw + 4), 0xA0B0C0D0);
    ck_assert_uint_eq(sb_get32(raw + 16), 0x7d7e);
    ck_assert_uint_eq(sb_get32(raw + 20), sb_crc32(0, raw, 20));
    ck_assert_uint_eq(echo, sb_get32(raw + 20));
    ck_assert_uint_eq(sb_get32(raw + 24), words[0]);
    ck_assert_uint_eq(sb_get32(raw + 36), sb_crc32(~echo, raw + 24, 12));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("board frames");
    TCase *t = tcase_create("board frames");
    tcase_add_test(t, crc_check_value);
    tcase_add_test(t, answer_comes_back);
    tcase_add_test(t, no_damage_passes);
    tcase_add_test(t, noise_and_overlong_frames);
    tcase_add_test(t, request_layout);
    suite_add_tcase(s, t);
    return run_suite(s);
}
