/* SPDX-License-Identifier: Apache-2.0
 * Parses the input as what comes from a board's line: frames among anything. Every answer given out must be one whose
 * bytes, framed again, are the same answer. */
#include "board/frame.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sb_frame_parser p, q;
    static uint8_t again[SB_FRAME_MAX + 4];
    memset(&p, 0, sizeof p);
    for (size_t i = 0; i < size; i++) {
        sb_answer a;
        if (!sb_frame_push(&p, data[i], &a))
            continue;
        FUZZ_CHECK(data[i] == SB_FRAME_FLAG && a.bytes <= SB_FRAME_MAX - SB_FRAME_ANSWER);
        size_t n = SB_FRAME_ANSWER + a.bytes + 4;
        memcpy(again, a.body - SB_FRAME_ANSWER, n);
        FUZZ_CHECK(sb_crc32(0, again, n - 4) == sb_get32(again + n - 4));
        memset(&q, 0, sizeof q);
        sb_answer b;
        FUZZ_CHECK(!sb_frame_push(&q, SB_FRAME_FLAG, &b));
        for (size_t k = 0; k < n; k++) {
            if (again[k] == SB_FRAME_FLAG || again[k] == SB_FRAME_ESCAPE) {
                FUZZ_CHECK(!sb_frame_push(&q, SB_FRAME_ESCAPE, &b));
                again[k] ^= SB_FRAME_FLIP;
            }
            FUZZ_CHECK(!sb_frame_push(&q, again[k], &b));
        }
        FUZZ_CHECK(sb_frame_push(&q, SB_FRAME_FLAG, &b) && b.op == a.op && b.seq == a.seq && b.bytes == a.bytes);
        FUZZ_CHECK(!memcmp(a.body, b.body, a.bytes));
    }
    return 0;
}
