/* SPDX-License-Identifier: Apache-2.0
 * The cpu device's MATVEC against the definition: rows decoded to integers, one sum modulo 2^64. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "device/cpu_matvec.h"
#include "device/device_internal.h"
#include "test_support.h"

static uint64_t rng = 88172645463325252u;
static uint32_t rnd(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 16);
}

/* Any word is a valid word: random bits reach every seed, exponent, coefficient and binary16. */
static void check_shape(const sb_codec *codec, size_t rows, size_t cols, size_t batch, int threads, sb_group_fn fn)
{
    size_t row_words = sb_codec_row_words(codec, cols), elems = sb_codec_act_elems(codec, cols);
    uint32_t *words = malloc(rows * row_words * 4);
    uint32_t *lanes = malloc(sb_lane_bytes(codec, rows, cols, SB_CPU_LANES, 1));
    int16_t *x = calloc(batch * elems, 2);
    size_t stride = sb_acc_stride(rows);
    uint8_t *dst = malloc(batch * stride);
    int64_t *w = malloc(cols * sizeof *w);
    memset(dst, 0xa5, batch * stride);
    for (size_t i = 0; i < rows * row_words; i++)
        words[i] = rnd();
    /* numerics.md section 2: slots of act_block elements, act_stride apart, zero elsewhere */
    for (size_t v = 0; v < batch; v++)
        for (size_t c = 0; c < cols; c++)
            x[v * elems + c / (size_t)codec->act_block * (size_t)codec->act_stride + c % (size_t)codec->act_block] =
                (int16_t)(rnd() % 8   ? (int)(rnd() % 65535) - 32767
                          : rnd() & 1 ? 32767
                                      : -32767);
    sb_matrix m = {.codec = codec, .rows = rows, .cols = cols, .words = words};
    sb_lane_pack(&m, SB_CPU_LANES, 1, lanes);
    sb_cpu_matvec(fn, codec, lanes, rows, cols, x, batch, dst, stride, threads);
    for (size_t r = 0; r < rows; r++) {
        sb_codec_decode_row_int(codec, words + r * row_words, cols, w);
        for (size_t v = 0; v < batch; v++) {
            uint64_t want = 0;
            for (size_t c = 0; c < cols; c++)
                want += (uint64_t)w[c] *
                        (uint64_t)(int64_t)x[v * elems + c / (size_t)codec->act_block * (size_t)codec->act_stride +
                                             c % (size_t)codec->act_block];
            int64_t got;
            memcpy(&got, dst + v * stride + 8 * r, 8);
            ck_assert_msg(got == (int64_t)want, "%s %zux%zu batch %zu: row %zu vector %zu: %lld, expected %lld",
                          codec->name, rows, cols, batch, r, v, (long long)got, (long long)want);
        }
    }
    for (size_t v = 0; v < batch; v++) /* nothing written past the last row */
        for (size_t i = 8 * rows; i < stride; i++)
            ck_assert_uint_eq(dst[v * stride + i], 0xa5);
    free(words);
    free(lanes);
    free(x);
    free(dst);
    free(w);
}

static void check_codec(int id, bool best)
{
    const sb_codec *codec = sb_codec_by_id(id);
    sb_group_fn fn = best ? sb_group_best(codec) : sb_group_generic;
    for (size_t rows = 1; rows <= 17; rows += 4)
        for (size_t cols = 1; cols <= 70; cols += cols < 30 ? 1 : 7)
            check_shape(codec, rows, cols, 1 + rnd() % 6, 1, fn);
    check_shape(codec, 200, 1000, 4, 2, fn);
    check_shape(codec, 33, 4097, 1, 2, fn);
}

START_TEST(best_equals_definition)
{
    check_codec(_i, true);
}
END_TEST
START_TEST(generic_equals_definition)
{
    check_codec(_i, false);
}
END_TEST

static void quantize(const sb_codec *codec, const float *x, size_t n, int16_t *q, int32_t *k, sb_status want)
{
    sb_device *dev;
    sb_error err;
    uint64_t src, dst, aux, list;
    ck_assert_int_eq(sb_device_open("cpu", NULL, &dev, &err), SB_OK);
    ck_assert_int_eq(sb_device_alloc(dev, n * 4, &src, &err), SB_OK);
    ck_assert_int_eq(sb_device_alloc(dev, sb_codec_act_elems(codec, n) * 2, &dst, &err), SB_OK);
    ck_assert_int_eq(sb_device_alloc(dev, 4, &aux, &err), SB_OK);
    ck_assert_int_eq(sb_device_alloc(dev, 64, &list, &err), SB_OK);
    sb_command c = {.op = SB_OP_QUANTIZE,
                    .codec = (uint8_t)codec->id,
                    .batch = 1,
                    .cols = (uint32_t)n,
                    .src = src,
                    .dst = dst,
                    .aux = aux};
    sb_device_write(dev, src, x, n * 4, &err);
    sb_device_write(dev, list, &c, 64, &err);
    ck_assert_int_eq(sb_device_submit(dev, list, 1, &err), want);
    sb_device_read(dev, dst, q, sb_codec_act_elems(codec, n) * 2, &err);
    sb_device_read(dev, aux, k, 4, &err);
    sb_device_close(dev);
}

START_TEST(quantize_rounds_to_even_and_scales_by_powers_of_two)
{
    const sb_codec *dense = sb_codec_by_id(SB_CODEC_SEEDLM4);
    int16_t q[64];
    int32_t k;
    /* max 1 -> k = 14; 0.5/16384 and 1.5/16384 are ties */
    float a[5] = {1.0f, -1.0f, 0x1p-15f, 0x1.8p-14f, -0x1.4p-13f};
    quantize(dense, a, 5, q, &k, SB_OK);
    ck_assert_int_eq(k, 14);
    ck_assert_int_eq(q[0], 16384);
    ck_assert_int_eq(q[1], -16384);
    ck_assert_int_eq(q[2], 0);
    ck_assert_int_eq(q[3], 2);
    ck_assert_int_eq(q[4], -2);
    ck_assert_int_eq(q[5], 0);
    /* rounding up to 2^15 is clamped */
    float b[1] = {0x1.ffffep0f};
    quantize(dense, b, 1, q, &k, SB_OK);
    ck_assert_int_eq(k, 14);
    ck_assert_int_eq(q[0], 32767);
    float z[2] = {0, -0.0f}, tiny[1] = {0x1p-140f}, huge[1] = {0x1p127f};
    quantize(dense, z, 2, q, &k, SB_OK);
    ck_assert_int_eq(k, 0);
    quantize(dense, tiny, 1, q, &k, SB_OK);
    ck_assert_int_eq(k, 96);
    ck_assert_int_eq(q[0], 0);
    quantize(dense, huge, 1, q, &k, SB_OK);
    ck_assert_int_eq(k, -96);
    ck_assert_int_eq(q[0], 32767);
    float nan[1] = {__builtin_nanf("")}, inf[1] = {__builtin_inff()};
    quantize(dense, nan, 1, q, &k, SB_ERR_DEVICE);
    quantize(dense, inf, 1, q, &k, SB_ERR_DEVICE);
}
END_TEST

START_TEST(quantize_slots_of_twelve)
{
    const sb_codec *codec = sb_codec_by_id(SB_CODEC_SEEDLM3);
    float x[25];
    int16_t q[64];
    int32_t k;
    for (int i = 0; i < 25; i++)
        x[i] = (float)(i + 1);
    quantize(codec, x, 25, q, &k, SB_OK);
    ck_assert_int_eq(k, 10);
    for (int i = 0; i < 64; i++) {
        int col = i / 16 * 12 + i % 16;
        int want = i % 16 < 12 && col < 25 ? (col + 1) << 10 : 0;
        ck_assert_int_eq(q[i], want);
    }
}
END_TEST

START_TEST(command_outside_memory_is_refused)
{
    sb_device *dev;
    sb_error err = {{0}};
    uint64_t list;
    ck_assert_int_eq(sb_device_open("cpu", NULL, &dev, &err), SB_OK);
    ck_assert_int_eq(sb_device_alloc(dev, 4096, &list, &err), SB_OK);
    /* random bits in every field of every operation: refused or harmless, never a crash */
    for (int i = 0; i < 20000; i++) {
        sb_command c;
        uint32_t *u = (uint32_t *)&c;
        for (int j = 0; j < 16; j++)
            u[j] = rnd() % 3 ? rnd() % 4200 : rnd();
        c.op = (uint8_t)(rnd() % (SB_OP_COUNT + 1));
        c.codec = (uint8_t)(rnd() % 5);
        c.weights &= ~63ull, c.src &= ~63ull, c.dst &= ~63ull, c.aux &= ~63ull;
        sb_device_write(dev, list, &c, sizeof c, &err);
        (void)sb_device_submit(dev, list, 1, &err);
    }
    sb_command bad = {
        .op = SB_OP_MATVEC, .codec = 2, .batch = 1, .rows = 8, .cols = 8, .weights = 1 << 30, .src = list, .dst = list};
    sb_device_write(dev, list, &bad, sizeof bad, &err);
    ck_assert_int_eq(sb_device_submit(dev, list, 1, &err), SB_ERR_DEVICE);
    ck_assert_ptr_nonnull(strstr(err.msg, "command 0"));
    ck_assert_ptr_nonnull(strstr(err.msg, "weights"));
    sb_device_close(dev);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("matvec");
    TCase *t = tcase_create("core");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, best_equals_definition, 0, SB_CODEC_COUNT);
    tcase_add_loop_test(t, generic_equals_definition, 0, SB_CODEC_COUNT);
    tcase_add_test(t, quantize_rounds_to_even_and_scales_by_powers_of_two);
    tcase_add_test(t, quantize_slots_of_twelve);
    tcase_add_test(t, command_outside_memory_is_refused);
    suite_add_tcase(s, t);
    return run_suite(s);
}
