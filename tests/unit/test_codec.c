/* SPDX-License-Identifier: Apache-2.0
 * What holds for every codec: the table, golden decoding, rows, padding, threads, interruption; and fp16 and int4. */
#include <string.h>

#include "golden.h"
#include "seedbed/codec.h"
#include "test_support.h"

static uint32_t *encode(const sb_codec *c, const float *w, size_t rows, size_t cols, int scale_exp,
                        sb_rounding rounding, int threads)
{
    size_t n = rows * sb_codec_row_words(c, cols);
    uint32_t *words = malloc((n + 1) * sizeof *words);
    memset(words, 0xa5, (n + 1) * sizeof *words);
    sb_encode_options opt = {.rounding = rounding, .threads = threads};
    sb_error err = {""};
    ck_assert_msg(c->encode(w, rows, cols, scale_exp, &opt, words, &err) == SB_OK, "%s", err.msg);
    ck_assert_uint_eq(words[n], 0xa5a5a5a5u); /* nothing past the end */
    return words;
}

/* Squared error relative to the weights, in binary64 from the decoded integers (no overflow at the end of binary32). */
static double nmse(const sb_codec *c, const float *w, size_t rows, size_t cols, int scale_exp, const uint32_t *words)
{
    int64_t *row = malloc(cols * sizeof *row);
    double unit = ldexp((double)c->unit, c->unit_exp + scale_exp);
    double err = 0;
    double sum = 0;
    for (size_t r = 0; r < rows; r++) {
        sb_codec_decode_row_int(c, words + r * sb_codec_row_words(c, cols), cols, row);
        for (size_t i = 0; i < cols; i++) {
            double d = (double)w[r * cols + i] - (double)row[i] * unit;
            err += d * d;
            sum += (double)w[r * cols + i] * (double)w[r * cols + i];
        }
    }
    free(row);
    return err / sum;
}

START_TEST(table)
{
    static const char *const names[] = {"fp16", "int4", "seedlm4", "seedlm3"};
    for (int id = 0; id < SB_CODEC_COUNT; id++) {
        const sb_codec *c = sb_codec_by_id(id);
        ck_assert_ptr_nonnull(c);
        ck_assert_int_eq((int)c->id, id);
        ck_assert_str_eq(c->name, names[id]);
        ck_assert_ptr_eq(sb_codec_by_name(c->name), c);
        ck_assert_int_eq(c->act_block % c->block, 0); /* a slot is whole words */
        double bits = 32.0 * (double)sb_codec_row_words(c, 96 * 8) / (96 * 8);
        ck_assert_double_eq_tol(bits, c->bits_per_weight, 1e-12);
    }
    ck_assert_ptr_null(sb_codec_by_id(-1));
    ck_assert_ptr_null(sb_codec_by_id(SB_CODEC_COUNT));
    ck_assert_ptr_null(sb_codec_by_name("seedlm5"));
    ck_assert_ptr_null(sb_codec_by_name(NULL));
    ck_assert_uint_eq(sb_codec_row_words(sb_codec_by_id(SB_CODEC_SEEDLM3), 100), 9 + 2);
}
END_TEST

START_TEST(golden_decode)
{
    json_object *rows = golden_array("decode");
    int seen[SB_CODEC_COUNT] = {0};
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        json_object *row = json_object_array_get_idx(rows, i);
        const sb_codec *c = sb_codec_by_name(golden_string(row, "codec"));
        ck_assert_ptr_nonnull(c);
        json_object *want = golden_field(row, "w");
        ck_assert_uint_eq(json_object_array_length(want), (size_t)c->block);
        int64_t w[16];
        c->decode_word((uint32_t)golden_int(row, "word"), (uint32_t)golden_int(row, "side"),
                       (size_t)golden_int(row, "index"), w);
        for (int k = 0; k < c->block; k++)
            ck_assert_msg(w[k] == golden_item(want, (size_t)k), "%s row %zu weight %d", c->name, i, k);
        seen[c->id]++;
    }
    for (int id = 0; id < SB_CODEC_COUNT; id++)
        ck_assert_int_gt(seen[id], 20);
}
END_TEST

/* Row decoders against decode_word on random words; 0 decodes to zeros. */
START_TEST(rows_of_words)
{
    uint64_t seed = 5;
    for (int id = 0; id < SB_CODEC_COUNT; id++) {
        const sb_codec *c = sb_codec_by_id(id);
        for (size_t cols = 1; cols < 230; cols += 19) {
            size_t n = sb_codec_row_words(c, cols);
            size_t m = sb_codec_main_words(c, cols);
            uint32_t *row = malloc(n * sizeof *row);
            int64_t *w = malloc(cols * sizeof *w);
            float *f = malloc(cols * sizeof *f);
            for (size_t i = 0; i < n; i++)
                row[i] = (uint32_t)random_bits(&seed);
            sb_codec_decode_row_int(c, row, cols, w);
            sb_codec_decode_row_f32(c, row, cols, -3, f);
            for (size_t i = 0; i < cols; i++) {
                size_t b = i / (size_t)c->block;
                int64_t want[16];
                c->decode_word(row[b], c->has_side ? row[m + b / 8] : 0, b, want);
                ck_assert(w[i] == want[i % (size_t)c->block]);
                ck_assert_float_eq(f[i], (float)ldexp((double)w[i] * (double)c->unit, c->unit_exp - 3));
            }
            memset(row, 0, n * sizeof *row);
            sb_codec_decode_row_int(c, row, cols, w);
            for (size_t i = 0; i < cols; i++)
                ck_assert(w[i] == 0);
            free(row);
            free(w);
            free(f);
        }
    }
}
END_TEST

/* Any number of threads, any split into rows, padded or not: the same words. */
START_TEST(invariance)
{
    const size_t rows = 7;
    const size_t cols = 100;
    const size_t padded = 192; /* whole words and side words of every codec */
    float *w = random_weights(11, rows * cols, 0.7);
    float *p = calloc(rows * padded, sizeof *p);
    for (size_t r = 0; r < rows; r++)
        memcpy(p + r * padded, w + r * cols, cols * sizeof *w);
    for (int id = 0; id < SB_CODEC_COUNT; id++) {
        const sb_codec *c = sb_codec_by_id(id);
        size_t n = sb_codec_row_words(c, cols);
        size_t main_words = sb_codec_main_words(c, cols);
        for (int rounding = 0; rounding < 2; rounding++) {
            uint32_t *one = encode(c, w, rows, cols, 0, (sb_rounding)rounding, 1);
            uint32_t *two = encode(c, w, rows, cols, 0, (sb_rounding)rounding, 2);
            uint32_t *all = encode(c, w, rows, cols, 0, (sb_rounding)rounding, 5);
            uint32_t *last = encode(c, w + (rows - 1) * cols, 1, cols, 0, (sb_rounding)rounding, 1);
            uint32_t *wide = encode(c, p, rows, padded, 0, (sb_rounding)rounding, 2);
            ck_assert_mem_eq(one, two, rows * n * sizeof *one);
            ck_assert_mem_eq(one, all, rows * n * sizeof *one);
            ck_assert_mem_eq(one + (rows - 1) * n, last, n * sizeof *one);
            size_t wide_n = sb_codec_row_words(c, padded);
            size_t wide_main = sb_codec_main_words(c, padded);
            for (size_t r = 0; r < rows; r++) {
                ck_assert_mem_eq(one + r * n, wide + r * wide_n, main_words * sizeof *one);
                for (size_t i = main_words; i < wide_main; i++)
                    ck_assert_uint_eq(wide[r * wide_n + i], 0);
                for (size_t i = 0; i < sb_codec_side_words(c, padded); i++)
                    ck_assert_uint_eq(wide[r * wide_n + wide_main + i],
                                      i < n - main_words ? one[r * n + main_words + i] : 0);
            }
            free(one);
            free(two);
            free(all);
            free(last);
            free(wide);
        }
    }
    free(w);
    free(p);
}
END_TEST

/* Finite input of any size is handled; tiny becomes zero words, huge clamps and keeps its sign. */
START_TEST(extremes)
{
    static const float big[12] = {3.4e38f, -3.4e38f, 1e30f, -1e30f, 3e38f, 0, 3.4e38f, 1, -3.4e38f, 2e38f, 7, -1e38f};
    float tiny[12];
    float zero[12] = {0};
    for (int i = 0; i < 12; i++)
        tiny[i] = i % 2 ? -1e-44f : 1e-45f * (float)i;
    for (int id = 0; id < SB_CODEC_COUNT; id++) {
        const sb_codec *c = sb_codec_by_id(id);
        for (int rounding = 0; rounding < 2; rounding++) {
            size_t n = sb_codec_row_words(c, 12);
            uint32_t *words = encode(c, zero, 1, 12, 0, (sb_rounding)rounding, 1);
            for (size_t i = 0; i < n; i++)
                ck_assert_uint_eq(words[i], 0);
            free(words);
            words = encode(c, tiny, 1, 12, 0, (sb_rounding)rounding, 1);
            int64_t w[12];
            sb_codec_decode_row_int(c, words, 12, w);
            for (int i = 0; i < 12; i++)
                ck_assert(w[i] == 0);
            free(words);
            words = encode(c, big, 1, 12, 0, (sb_rounding)rounding, 1);
            sb_codec_decode_row_int(c, words, 12, w);
            ck_assert(id >= SB_CODEC_SEEDLM4 || (w[0] > 0 && w[1] < 0));
            ck_assert_double_le(nmse(c, big, 1, 12, 0, words), 1); /* no worse than zeros */
            free(words);
            int e = c->choose_scale_exp(big, 12);
            words = encode(c, big, 1, 12, e, (sb_rounding)rounding, 1);
            ck_assert_double_lt(nmse(c, big, 1, 12, e, words), 0.08);
            free(words);
            e = c->choose_scale_exp(tiny, 12);
            words = encode(c, tiny, 1, 12, e, (sb_rounding)rounding, 1);
            sb_codec_decode_row_int(c, words, 12, w);
            ck_assert(w[11] < 0);
            free(words);
        }
        ck_assert_int_eq(c->choose_scale_exp(zero, 12), 0);
    }
}
END_TEST

START_TEST(bad_arguments)
{
    float w[12] = {1};
    uint32_t words[16];
    for (int id = 0; id < SB_CODEC_COUNT; id++) {
        const sb_codec *c = sb_codec_by_id(id);
        sb_encode_options opt = {.rounding = SB_ROUND_NEAREST};
        sb_error err = {""};
        ck_assert_int_eq(c->encode(w, 1, 12, 1000, &opt, words, &err), SB_ERR_ARG);
        ck_assert_ptr_nonnull(strstr(err.msg, "scale_exp 1000"));
        opt.rounding = (sb_rounding)7;
        ck_assert_int_eq(c->encode(w, 1, 12, 0, &opt, words, &err), SB_ERR_ARG);
        opt.rounding = SB_ROUND_NEAREST;
        ck_assert_int_eq(c->encode(w, 0, 12, 0, &opt, words, &err), SB_OK);
    }
}
END_TEST

typedef struct {
    size_t calls, stop_at, done, total;
} watch;

static bool watch_progress(void *ctx, size_t done, size_t total)
{
    watch *s = ctx;
    ck_assert_uint_gt(done, s->done);
    ck_assert_uint_le(done, total);
    s->done = done;
    s->total = total;
    return ++s->calls != s->stop_at;
}

START_TEST(progress)
{
    float *w = random_weights(3, (size_t)300 * 96, 0.6);
    for (int id = 0; id < SB_CODEC_COUNT; id++) {
        const sb_codec *c = sb_codec_by_id(id);
        uint32_t *words = malloc(300 * sb_codec_row_words(c, 96) * sizeof *words);
        for (size_t stop_at = 0; stop_at < 2; stop_at++) {
            watch s = {.stop_at = stop_at};
            sb_encode_options opt = {.threads = 1, .progress = watch_progress, .progress_ctx = &s};
            sb_error err = {""};
            sb_status st = c->encode(w, 300, 96, 0, &opt, words, &err);
            ck_assert_int_eq(st, stop_at ? SB_ERR_INTERRUPTED : SB_OK);
            if (stop_at) {
                ck_assert_uint_eq(s.calls, 1);
                ck_assert_ptr_nonnull(strstr(err.msg, "interrupted"));
            } else {
                ck_assert_uint_gt(s.calls, 1);
                ck_assert_uint_eq(s.done, s.total);
            }
        }
        free(words);
    }
    free(w);
}
END_TEST

START_TEST(fp16_is_rounding)
{
    const sb_codec *c = sb_codec_by_id(SB_CODEC_FP16);
    float *w = random_weights(9, 333, 3);
    w[0] = 70000;
    w[1] = -65519;
    w[2] = -1e30f;
    w[3] = 0x1p-25f;
    w[4] = 0x1.8p-24f; /* tie: to even */
    uint32_t *words = encode(c, w, 1, 333, 0, SB_ROUND_NEAREST, 1);
    for (size_t i = 5; i < 333; i++)
        ck_assert_uint_eq(words[i / 2] >> (16 * (i % 2)) & 0xffff, sb_float_to_half(w[i]));
    ck_assert_uint_eq(words[0], 0xfbff7bffu);
    ck_assert_uint_eq(words[1], 0x0000fbffu);
    ck_assert_uint_eq(words[2] & 0xffff, 2);
    ck_assert_uint_eq(words[166] >> 16, 0); /* 333 is odd */
    free(words);
    /* the pre-scale: only outside [2^-8, 2^15] */
    float small[2] = {0x1p-9f, 0};
    float large[2] = {-0x1p15f, 0};
    ck_assert_int_eq(c->choose_scale_exp(small, 2), -8);
    ck_assert_int_eq(c->choose_scale_exp(large, 2), 0);
    large[0] = -0x1.8p20f;
    ck_assert_int_eq(c->choose_scale_exp(large, 2), 21);
    free(w);
}
END_TEST

START_TEST(int4_golden)
{
    const sb_codec *c = sb_codec_by_id(SB_CODEC_INT4);
    json_object *rows = golden_array("int4");
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        json_object *row = json_object_array_get_idx(rows, i);
        float w[32];
        for (size_t k = 0; k < 32; k++)
            w[k] = (float)golden_item(golden_field(row, "w_1024"), k) / 1024;
        uint32_t *words = encode(c, w, 1, 32, 0, SB_ROUND_NEAREST, 1);
        for (size_t k = 0; k < 4; k++)
            ck_assert_uint_eq(words[k], (uint32_t)golden_item(golden_field(row, "words"), k));
        ck_assert_uint_eq(words[4], (uint32_t)golden_int(row, "scale"));
        free(words);
    }
}
END_TEST

START_TEST(int4_error)
{
    const sb_codec *c = sb_codec_by_id(SB_CODEC_INT4);
    float *w = random_weights(17, 64 * 1024, 1);
    uint32_t *a = encode(c, w, 64, 1024, 0, SB_ROUND_NEAREST, 2);
    uint32_t *b = encode(c, w, 64, 1024, 0, SB_ROUND_SEARCH, 2);
    double nearest = nmse(c, w, 64, 1024, 0, a);
    double search = nmse(c, w, 64, 1024, 0, b);
    ck_assert_double_ge(nearest, 0.0070);
    ck_assert_double_le(nearest, 0.0078);
    ck_assert_double_le(search, 0.0067);
    for (size_t g = 0; g < 64 * 1024 / 32; g++) { /* never worse than nearest, group by group */
        const float *v = w + 32 * g;
        size_t r = g / 32;
        size_t k = g % 32;
        uint32_t block[2][5];
        for (int s = 0; s < 2; s++) {
            const uint32_t *row = (s ? b : a) + r * 144;
            memcpy(block[s], row + 4 * k, 16);
            block[s][4] = row[128 + k / 2] >> (16 * (k % 2)) & 0xffff;
        }
        ck_assert_double_le(nmse(c, v, 1, 32, 0, block[1]), nmse(c, v, 1, 32, 0, block[0]) * (1 + 1e-6));
    }
    free(a);
    free(b);
    free(w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("codec");
    TCase *t = tcase_create("codec");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, table);
    tcase_add_test(t, golden_decode);
    tcase_add_test(t, rows_of_words);
    tcase_add_test(t, invariance);
    tcase_add_test(t, extremes);
    tcase_add_test(t, bad_arguments);
    tcase_add_test(t, progress);
    tcase_add_test(t, fp16_is_rounding);
    tcase_add_test(t, int4_golden);
    tcase_add_test(t, int4_error);
    suite_add_tcase(s, t);
    return run_suite(s);
}
