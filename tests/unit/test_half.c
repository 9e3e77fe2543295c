/* SPDX-License-Identifier: Apache-2.0
 * binary16: every half; for floats every half's neighbourhood (value, midpoint to the next, one step beside) and a
 * stride through all bit patterns (all of them with SEEDBED_EXHAUSTIVE=1), against arithmetic in double and F16C if
 * there is one. */
#include <string.h>
#ifdef __F16C__
#include <immintrin.h>
#endif

#include "golden.h"
#include "seedbed/codec.h"
#include "test_support.h"

static float from_bits(uint32_t b)
{
    float f;
    memcpy(&f, &b, sizeof f);
    return f;
}

static uint32_t to_bits(float f)
{
    uint32_t b;
    memcpy(&b, &f, sizeof b);
    return b;
}

/* Magnitude rounded to 11 bits, or to multiples of 2^-24; NaN excluded. */
static double reference(float f)
{
    double a = fabs((double)f);
    if (a >= 65520)
        return INFINITY;
    int e = a >= 0x1p-14 ? ilogb(a) : -14;
    return ldexp(nearbyint(ldexp(a, 10 - e)), e - 10);
}

static void check_float(uint32_t bits)
{
    float f = from_bits(bits);
    uint16_t h = sb_float_to_half(f);
#ifdef __F16C__
    uint16_t hw = (uint16_t)_cvtss_sh(f, _MM_FROUND_TO_NEAREST_INT);
    if (h != hw)
        ck_abort_msg("float %08x: half %04x, F16C says %04x", bits, h, hw);
#endif
    bool ok = isnan(f) ? (h & 0x7fff) > 0x7c00 : fabs((double)sb_half_to_float(h)) == reference(f);
    if (!ok || h >> 15 != bits >> 31)
        ck_abort_msg("float %08x: half %04x", bits, h);
}

START_TEST(every_half)
{
    for (uint32_t h = 0; h < 65536; h++) {
        float f = sb_half_to_float((uint16_t)h);
        int exp = h >> 10 & 31;
        int man = h & 1023;
#ifdef __F16C__
        ck_assert_uint_eq(to_bits(f), to_bits(_cvtsh_ss((uint16_t)h)));
#endif
        double units = ldexp(exp ? 1024 + man : man, exp ? exp - 1 : 0) * (h & 0x8000 ? -1 : 1);
        ck_assert(sb_half_to_int((uint16_t)h) == (int64_t)units); /* exponent 31 is one more exponent */
        if (exp < 31) {
            ck_assert((double)f * 0x1p24 == units);
            ck_assert_uint_eq(sb_float_to_half(f), h);
        } else if (man == 0) {
            ck_assert(isinf(f));
            ck_assert_uint_eq(sb_float_to_half(f), h);
        } else {
            ck_assert(isnan(f));
            ck_assert_uint_eq(sb_float_to_half(f), h | 0x200);
        }
    }
}
END_TEST

START_TEST(around_every_half)
{
    for (uint32_t h = 0; h < 0x7c00; h++) {
        double lo = (double)sb_half_to_float((uint16_t)h);
        double hi = h == 0x7bff ? 65536 : (double)sb_half_to_float((uint16_t)(h + 1));
        uint32_t mid = to_bits((float)((lo + hi) / 2));
        uint32_t at[] = {to_bits((float)lo), to_bits((float)lo) + 1, mid - 1, mid, mid + 1};
        for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
            check_float(at[i]);
            check_float(at[i] | 0x80000000u);
        }
    }
}
END_TEST

START_TEST(all_floats)
{
    uint64_t step = getenv("SEEDBED_EXHAUSTIVE") ? 1 : 2039;
    for (uint64_t b = 0; b < (uint64_t)1 << 32; b += step)
        check_float((uint32_t)b);
}
END_TEST

START_TEST(golden_halves)
{
    json_object *rows = golden_array("half");
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        json_object *pair = json_object_array_get_idx(rows, i);
        ck_assert_uint_eq(sb_float_to_half(from_bits((uint32_t)golden_item(pair, 0))), (unsigned)golden_item(pair, 1));
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("half");
    TCase *t = tcase_create("half");
    tcase_set_timeout(t, 600);
    tcase_add_test(t, every_half);
    tcase_add_test(t, around_every_half);
    tcase_add_test(t, all_floats);
    tcase_add_test(t, golden_halves);
    suite_add_tcase(s, t);
    return run_suite(s);
}
