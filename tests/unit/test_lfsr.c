/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>

#include "golden.h"
#include "seedbed/lfsr.h"
#include "test_support.h"

START_TEST(golden_states)
{
    json_object *rows = golden_array("lfsr");
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        json_object *row = json_object_array_get_idx(rows, i);
        json_object *states = golden_field(row, "states");
        int n = (int)json_object_array_length(states);
        uint32_t v[64];
        ck_assert_int_le(n, 64);
        sb_lfsr_basis((int)golden_int(row, "k"), (uint32_t)golden_int(row, "seed"), n / 2, 2, v);
        for (int j = 0; j < n; j++)
            ck_assert_uint_eq(v[j], (uint32_t)golden_item(states, (size_t)j));
    }
}
END_TEST

/* The figure of the paper: K=3, seed 4, C=4, P=2. */
START_TEST(paper_example)
{
    static const uint32_t want[8] = {2, 5, 6, 7, 3, 1, 4, 2};
    uint32_t v[8];
    sb_lfsr_basis(3, 4, 4, 2, v);
    for (int i = 0; i < 8; i++)
        ck_assert_uint_eq(v[i], want[i]);
}
END_TEST

START_TEST(full_period)
{
    for (int k = SB_LFSR_MIN_K; k <= SB_LFSR_MAX_K; k++) {
        uint32_t s = 1;
        uint32_t n = 0;
        bool inside = true;
        do {
            s = sb_lfsr_step(k, s);
            n++;
            inside = inside && s < 1u << k;
        } while (s != 1 && n < 1u << k);
        ck_assert_msg(inside, "K=%d: a state has more than K bits", k);
        ck_assert_msg(n == (1u << k) - 1, "K=%d: period %u, expected %u", k, n, (1u << k) - 1);
        ck_assert_uint_eq(sb_lfsr_step(k, 0), 0);
    }
}
END_TEST

START_TEST(taps_of_the_paper)
{
    ck_assert_uint_eq(sb_lfsr_taps(16), 0x100b); /* (0,1,3,12) */
    ck_assert_uint_eq(sb_lfsr_taps(8), 0x1d);    /* (0,2,3,4) */
    ck_assert_uint_eq(sb_lfsr_taps(24), 0x87);   /* (0,1,2,7) */
    ck_assert_uint_eq(sb_lfsr_taps(SB_LFSR_MIN_K - 1), 0);
    ck_assert_uint_eq(sb_lfsr_taps(SB_LFSR_MAX_K + 1), 0);
    ck_assert_uint_eq(sb_lfsr_taps(-1), 0);
}
END_TEST

/* states are windows of one bit stream: what the hardware's generator is built on */
START_TEST(bit_stream)
{
    for (uint32_t seed = 1; seed < 65536; seed += 97) {
        uint8_t x[16 + 48];
        uint32_t v[48];
        for (int i = 0; i < 16; i++)
            x[i] = seed >> i & 1;
        for (int n = 0; n < 48; n++)
            x[n + 16] = x[n] ^ x[n + 1] ^ x[n + 3] ^ x[n + 12];
        sb_lfsr_basis(16, seed, 12, 4, v);
        for (int n = 1; n <= 48; n++) {
            uint32_t s = 0;
            for (int i = 0; i < 16; i++)
                s |= (uint32_t)x[n + i] << i;
            if (v[n - 1] != s)
                ck_abort_msg("seed %u: state %d is %04x, the stream's window %04x", seed, n, v[n - 1], s);
        }
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lfsr");
    TCase *t = tcase_create("lfsr");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, golden_states);
    tcase_add_test(t, paper_example);
    tcase_add_test(t, full_period);
    tcase_add_test(t, taps_of_the_paper);
    tcase_add_test(t, bit_stream);
    suite_add_tcase(s, t);
    return run_suite(s);
}
