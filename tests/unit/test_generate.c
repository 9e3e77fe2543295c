/* SPDX-License-Identifier: Apache-2.0
 * Sessions, sampling, generation and perplexity on the shipped model. */
#include "seedbed/generate.h"

#include <string.h>

#include "test_support.h"

#define MODEL "models/tinystories-openelm"

int openblas_get_num_threads(void);

static sb_error err;

static sb_model *load(void)
{
    sb_model *m;
    ck_assert_msg(sb_model_load(MODEL, &m, &err) == SB_OK, "%s", err.msg);
    return m;
}

static sb_device *open_device(const char *spec)
{
    sb_device *dev;
    ck_assert_msg(sb_device_open(spec, &(sb_device_options){.threads = 2}, &dev, &err) == SB_OK, "%s", err.msg);
    return dev;
}

static sb_session *open_session(const sb_model *m, sb_device *dev, int context)
{
    sb_session *s;
    ck_assert_msg(sb_session_open(m, dev, context, &s, &err) == SB_OK, "%s", err.msg);
    return s;
}

static sb_sampler *sampler(int vocab, sb_sampler_options opt)
{
    sb_sampler *s;
    ck_assert_msg(sb_sampler_new(vocab, &opt, &s, &err) == SB_OK, "%s", err.msg);
    return s;
}

/* Any ids will do. */
static void fill(uint32_t *ids, int n)
{
    for (int i = 0; i < n; i++)
        ids[i] = i ? 260 + (uint32_t)i * 37 % 700 : 1;
}

START_TEST(prefill_equals_decode)
{
    enum { N = 21, VOCAB = 1024 };
    sb_model *m = load();
    sb_device *dev = open_device("cpu");
    sb_session *all = open_session(m, dev, 64), *one = open_session(m, dev, 64);
    uint32_t ids[N];
    fill(ids, N);
    ck_assert_int_eq(m->cfg.vocab, VOCAB);
    static float a[SB_SESSION_MAX_BATCH * VOCAB], b[VOCAB];
    for (int i = 0; i < N; i += SB_SESSION_MAX_BATCH) {
        int n = N - i < SB_SESSION_MAX_BATCH ? N - i : SB_SESSION_MAX_BATCH;
        ck_assert_int_eq(sb_session_eval(all, ids + i, n, true, a, &err), SB_OK);
        for (int j = 0; j < n; j++) {
            ck_assert_int_eq(sb_session_eval(one, ids + i + j, 1, false, b, &err), SB_OK);
            ck_assert_msg(!memcmp(a + j * VOCAB, b, sizeof b), "logits of token %d differ", i + j);
        }
    }
    sb_session_close(all);
    sb_session_close(one);
    sb_device_close(dev);
    sb_model_free(m);
}
END_TEST

typedef struct {
    int n, stop_at;
} counting;

static bool count_token(void *ctx, uint32_t token, const float *logits)
{
    counting *c = ctx;
    (void)token, (void)logits;
    return ++c->n != c->stop_at;
}

static bool count_step(void *ctx, size_t done, size_t total)
{
    counting *c = ctx;
    ck_assert_uint_le(done, total);
    return ++c->n != c->stop_at;
}

START_TEST(generation_ends)
{
    sb_model *m = load();
    sb_device *dev = open_device("cpu");
    sb_sampler *greedy = sampler(m->cfg.vocab, (sb_sampler_options){.top_p = 1});
    uint32_t ids[3];
    fill(ids, 3);
    const struct {
        int n, stop_at, eos, want; /* eos: every id is an end token */
    } row[] = {{4, 0, 0, 4}, {100, 0, 0, 6}, {100, 2, 0, 2}, {0, 0, 0, 0}, {100, 0, 1, 0}, {4, 0, 2, 4}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sb_session *s = open_session(m, dev, 8); /* the sixth token is drawn after 8 and not evaluated */
        counting got = {.stop_at = row[i].stop_at}, none = {0};
        sb_generate_options g = {.n = row[i].n, .ignore_end = true};
        ck_assert_int_eq(sb_generate(s, ids, 3, &g, greedy, count_token, &got, &err), SB_OK);
        if (row[i].eos) { /* once more, with the first token drawn as the end */
            float logits[1024];
            sb_session_rewind(s, 0);
            for (int t = 0; t < 3; t++)
                ck_assert_int_eq(sb_session_eval(s, &ids[t], 1, false, logits, &err), SB_OK);
            m->cfg.n_eos = 1;
            m->cfg.eos_ids[0] = (int)sb_sampler_next(greedy, logits);
            sb_session_rewind(s, 0);
            g.ignore_end = row[i].eos == 2;
            got = none;
            ck_assert_int_eq(sb_generate(s, ids, 3, &g, greedy, count_token, &got, &err), SB_OK);
        }
        ck_assert_msg(got.n == row[i].want, "row %zu: %d tokens, expected %d", i, got.n, row[i].want);
        sb_session_close(s);
    }
    sb_session *s = open_session(m, dev, 2);
    counting got = {0};
    ck_assert_int_eq(sb_generate(s, ids, 3, &(sb_generate_options){.n = 1}, greedy, count_token, &got, &err),
                     SB_ERR_ARG);
    ck_assert_int_eq(got.n, 0);
    sb_session_close(s);
    sb_sampler_free(greedy);
    sb_device_close(dev);
    sb_model_free(m);
}
END_TEST

/* A prompt and a window can take minutes on a simulated core: they must not be deaf for so long. */
START_TEST(prompt_and_window_can_be_interrupted)
{
    sb_model *m = load();
    sb_device *dev = open_device("cpu");
    sb_session *s = open_session(m, dev, 256);
    sb_sampler *greedy = sampler(m->cfg.vocab, (sb_sampler_options){.top_p = 1});
    uint32_t ids[200];
    fill(ids, 200);
    counting steps = {.stop_at = 2}, tokens = {0};
    sb_generate_options g = {.n = 5, .progress = count_step, .progress_ctx = &steps};
    ck_assert_int_eq(sb_generate(s, ids, 200, &g, greedy, count_token, &tokens, &err), SB_ERR_INTERRUPTED);
    ck_assert_int_eq(sb_session_position(s), 2 * SB_SESSION_MAX_BATCH);
    ck_assert_int_eq(tokens.n, 0);

    sb_perplexity p;
    steps = (counting){.stop_at = 1};
    ck_assert_int_eq(sb_perplexity_measure(s, ids, 200, 1, 0, count_step, &steps, &p, &err), SB_ERR_INTERRUPTED);
    ck_assert_uint_eq(p.tokens, SB_SESSION_MAX_BATCH);
    steps = (counting){0};
    ck_assert_int_eq(sb_perplexity_measure(s, ids, 200, 1, 0, count_step, &steps, &p, &err), SB_OK);
    ck_assert_uint_eq(p.tokens, 200);
    ck_assert_int_eq(steps.n, 13);
    sb_sampler_free(greedy);
    sb_session_close(s);
    sb_device_close(dev);
    sb_model_free(m);
}
END_TEST

START_TEST(logits_that_are_not_finite_are_an_error)
{
    sb_model *m = load();
    m->final_norm[0] = INFINITY;
    /* ref looks at nothing before the arg-max; the exact contract at every result */
    const char *const name[] = {"ref", "cpu"}, *const where[] = {"arg-max: command ", "final norm: command "};
    for (int i = 0; i < 2; i++) {
        sb_device *dev = open_device(name[i]);
        sb_session *s = open_session(m, dev, 16);
        sb_sampler *greedy = sampler(m->cfg.vocab, (sb_sampler_options){.top_p = 1});
        uint32_t ids[2];
        fill(ids, 2);
        counting got = {0};
        ck_assert_int_eq(sb_generate(s, ids, 2, &(sb_generate_options){.n = 1}, greedy, count_token, &got, &err),
                         SB_ERR_DEVICE);
        ck_assert_int_eq(got.n, 0);
        ck_assert_msg(!strncmp(err.msg, where[i], strlen(where[i])) && strstr(err.msg, "(error 7)"), "%s", err.msg);
        sb_sampler_free(greedy);
        sb_session_close(s);
        sb_device_close(dev);
    }
    sb_model_free(m);
}
END_TEST

START_TEST(sampling)
{
    const float tie[4] = {-1, 2, 2, 0}, two[2] = {0, logf(3)};
    sb_sampler *s = sampler(4, (sb_sampler_options){.top_p = 1});
    ck_assert_uint_eq(sb_sampler_next(s, tie), 1);
    sb_sampler_free(s);

    /* p = 1/4, 3/4; at temperature 1/2 the odds are squared */
    const struct {
        float temperature, top_p;
        double want;
    } row[] = {{1, 1, 0.75}, {0.5f, 1, 0.9}, {1, 0.7f, 1}, {1, 0.8f, 0.75}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        enum { N = 20000 };
        s = sampler(2, (sb_sampler_options){row[i].temperature, row[i].top_p, 7});
        int ones = 0;
        for (int k = 0; k < N; k++)
            ones += sb_sampler_next(s, two) == 1;
        ck_assert_msg(fabs((double)ones / N - row[i].want) < 0.015, "row %zu: %d of %d, expected %g", i, ones, N,
                      row[i].want);
        sb_sampler_free(s);
    }
    const sb_sampler_options bad[] = {{-1, 1, 0}, {NAN, 1, 0}, {101, 1, 0}, {1, 0, 0}, {1, 1.5f, 0}, {1, NAN, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(sb_sampler_new(2, &bad[i], &s, &err), SB_ERR_ARG);
}
END_TEST

START_TEST(ref_keeps_to_its_threads)
{
    for (int n = 2; n >= 1; n--) {
        sb_device *dev;
        ck_assert_int_eq(sb_device_open("ref", &(sb_device_options){.threads = n}, &dev, &err), SB_OK);
        ck_assert_int_eq(openblas_get_num_threads(), n);
        sb_device_close(dev);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("generate");
    TCase *t = tcase_create("generate");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, prefill_equals_decode);
    tcase_add_test(t, generation_ends);
    tcase_add_test(t, prompt_and_window_can_be_interrupted);
    tcase_add_test(t, logits_that_are_not_finite_are_an_error);
    tcase_add_test(t, sampling);
    tcase_add_test(t, ref_keeps_to_its_threads);
    suite_add_tcase(s, t);
    return run_suite(s);
}
