/* SPDX-License-Identifier: Apache-2.0
 * The device seam with memory that is not the host's: the same bits wherever each operation runs, what crosses,
 * refusals. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "device/attention_exact.h"
#include "fake_device.h"
#include "seedbed/session.h"
#include "test_support.h"

static sb_error err;

static sb_device *open_fake(void)
{
    sb_device *dev;
    ck_assert_msg(sb_device_open_backend(&fake_backend, "", &(sb_device_options){.threads = 1}, &dev, &err) == SB_OK,
                  "%s", err.msg);
    return dev;
}

static sb_op_stats stats(const sb_device *dev, unsigned i)
{
    sb_op_stats s;
    sb_device_op_stats(dev, i, &s);
    return s;
}

static uint64_t upload(sb_device *dev, const void *p, size_t bytes)
{
    uint64_t at;
    ck_assert_int_eq(sb_device_alloc(dev, bytes, &at, &err), SB_OK);
    ck_assert_int_eq(sb_device_write(dev, at, p, bytes, &err), SB_OK);
    return at;
}

static sb_status submit(sb_device *dev, uint64_t list, const sb_command *c, uint32_t n)
{
    ck_assert_int_eq(sb_device_write(dev, list, c, n * sizeof *c, &err), SB_OK);
    return sb_device_submit(dev, list, n, &err);
}

/* The shipped model with random placements, step by step against cpu; every placement crosses other buffers. */
START_TEST(same_bits_wherever_it_runs)
{
    enum { VOCAB = 1024, STEPS = 6 };
    static float want[VOCAB], got[VOCAB];
    sb_model *m;
    ck_assert_int_eq(sb_model_load("models/tinystories-openelm", &m, &err), SB_OK);
    ck_assert_int_eq(sb_model_pack(m, sb_codec_by_id(SB_CODEC_FP16), 1, &err), SB_OK);
    sb_device *cpu, *dev = open_fake();
    ck_assert_int_eq(sb_device_open("cpu", &(sb_device_options){.threads = 1}, &cpu, &err), SB_OK);
    uint64_t rng = (uint64_t)_i + 1;
    if (_i % 3 == 0) /* the weights' layout too */
        ck_assert_int_eq(sb_device_set_place(dev, SB_OP_MATVEC, SB_PLACE_HOST, &err), SB_OK);
    sb_session *a, *b;
    ck_assert_int_eq(sb_session_open(m, cpu, 64, &a, &err), SB_OK);
    ck_assert_int_eq(sb_session_open(m, dev, 64, &b, &err), SB_OK);
    for (int t = 0; t < STEPS; t++) {
        for (unsigned op = 1; op < SB_OP_COUNT; op++)
            if (op != SB_OP_MATVEC && dev->can[op] && random_bits(&rng) % 2)
                ck_assert_int_eq(
                    sb_device_set_place(dev, (sb_op)op, dev->on_device[op] ? SB_PLACE_HOST : SB_PLACE_DEVICE, &err),
                    SB_OK);
        uint32_t ids[3] = {random_bits(&rng) % VOCAB, random_bits(&rng) % VOCAB, random_bits(&rng) % VOCAB};
        int n = 1 + (int)(random_bits(&rng) % 3);
        ck_assert_int_eq(sb_session_eval(a, ids, n, false, want, &err), SB_OK);
        ck_assert_msg(sb_session_eval(b, ids, n, false, got, &err) == SB_OK, "%s", err.msg);
        ck_assert_msg(!memcmp(want, got, sizeof want), "step %d: logits differ", t);
    }
    sb_session_close(a);
    sb_session_close(b);
    sb_device_close(cpu);
    sb_device_close(dev);
    sb_model_free(m);
}
END_TEST

/* QUANTIZE on the device, ADD on the host: what crosses is what the other side lacks, once. */
START_TEST(only_what_is_stale_crosses)
{
    sb_device *dev = open_fake();
    fake_device *f = dev->priv;
    float x[64], y[64];
    for (int i = 0; i < 64; i++)
        x[i] = (float)i, y[i] = 1;
    uint64_t ax = upload(dev, x, sizeof x), ay = upload(dev, y, sizeof y), q, k, list;
    sb_device_alloc(dev, 128, &q, &err);
    sb_device_alloc(dev, 4, &k, &err);
    sb_device_alloc(dev, 256, &list, &err);
    sb_command add = {.op = SB_OP_ADD, .batch = 1, .cols = 64, .src = ay, .dst = ax};
    sb_command quant = {
        .op = SB_OP_QUANTIZE, .codec = SB_CODEC_FP16, .batch = 1, .cols = 64, .src = ax, .dst = q, .aux = k};
    sb_command both[3] = {add, quant, quant};
    ck_assert_int_eq(submit(dev, list, both, 3), SB_OK);
    ck_assert_uint_eq(f->runs, 1); /* two commands, one run */
    ck_assert_uint_eq(stats(dev, SB_OP_ADD).host, 1);
    ck_assert_uint_eq(stats(dev, SB_OP_QUANTIZE).device, 2);
    ck_assert_uint_eq(stats(dev, SB_OP_ADD).to_device, 0);
    ck_assert_uint_eq(stats(dev, SB_OP_QUANTIZE).to_device, 256); /* x; y never leaves the host */
    ck_assert_int_eq(submit(dev, list, &quant, 1), SB_OK);
    ck_assert_uint_eq(stats(dev, SB_OP_QUANTIZE).to_device, 256); /* x is there already */
    int16_t out[64];
    int32_t e;
    ck_assert_int_eq(sb_device_read(dev, q, out, sizeof out, &err), SB_OK);
    ck_assert_int_eq(sb_device_read(dev, k, &e, sizeof e, &err), SB_OK);
    ck_assert_int_eq(e, 8); /* the largest is 64 */
    for (int i = 0; i < 64; i++)
        ck_assert_int_eq(out[i], (i + 1) << 8);
    ck_assert_uint_eq(stats(dev, SB_STATS_ACCESS).to_host, 128 + 64); /* k shares its line with nothing */
    sb_device_close(dev);
}
END_TEST

/* A cache of which the host changes one token: that token's lines cross, not the cache; and bytes beside a part of a
 * line stay. */
START_TEST(a_token_is_not_a_cache)
{
    enum { HD = 32, CAP = 256, HEADS = 2 };
    sb_device *dev = open_fake();
    ck_assert_int_eq(sb_device_place_parse(dev, "quantize_kv=host", &err), SB_OK);
    size_t cache_bytes = HEADS * sb_attn_kv_bytes(HD, false, CAP);
    float kv[2 * HEADS * HD];
    for (int i = 0; i < 2 * HEADS * HD; i++)
        kv[i] = (float)(i % 7 - 3);
    uint64_t src = upload(dev, kv, sizeof kv), par, rec, list, cache;
    sb_device_alloc(dev, cache_bytes, &cache, &err);
    sb_device_alloc(dev, 4096, &rec, &err);
    sb_device_alloc(dev, 4096, &par, &err);
    sb_device_alloc(dev, 256, &list, &err);
    sb_command c[2] = {{.op = SB_OP_QUANTIZE_KV,
                        .codec = 4,
                        .batch = 1,
                        .rows = HEADS,
                        .cols = HD,
                        .src = src,
                        .aux = src + HEADS * HD * 4,
                        .dst = cache,
                        .p = {70, CAP, HEADS * HD}},
                       {.op = SB_OP_QUANTIZE_Q,
                        .codec = 4,
                        .batch = 1,
                        .rows = HEADS,
                        .cols = HD,
                        .src = src,
                        .weights = cache,
                        .dst = rec,
                        .aux = par,
                        .p = {70, CAP, HEADS * HD, HEADS}}};
    ck_assert_int_eq(submit(dev, list, c, 2), SB_OK);
    /* A head's row of K, of V, and two lines of exponents; then the queries' source and nothing of the parameters (all
     * zero). */
    ck_assert_uint_eq(stats(dev, SB_OP_QUANTIZE_Q).to_device, HEADS * 4 * 64 + HEADS * HD * 4);
    ck_assert_uint_eq(stats(dev, SB_OP_QUANTIZE_KV).to_host, 0);
    /* The device wrote two records of two lines; the host changes the end of one's first line, and the beginning of the
     * other's. */
    uint8_t part[60] = {0}, record[256];
    ck_assert_int_eq(sb_device_write(dev, rec + 4, part, 60, &err), SB_OK);
    ck_assert_int_eq(sb_device_write(dev, rec + 128 + 64, part, 16, &err), SB_OK);
    ck_assert_int_eq(sb_device_read(dev, rec, record, sizeof record, &err), SB_OK);
    int32_t pos;
    int16_t q[2];
    memcpy(&pos, record, 4);
    memcpy(q, record + 128 + 64 + 14, 4);
    ck_assert_int_eq(pos, 70);
    ck_assert_int_eq(q[0], 0);
    ck_assert_int_ne(q[1], 0);
    sb_device_close(dev);
}
END_TEST

START_TEST(failure_names_the_command)
{
    sb_device *dev = open_fake();
    fake_device *f = dev->priv;
    float x[8] = {1};
    uint64_t ax = upload(dev, x, sizeof x), q, k, list;
    sb_device_alloc(dev, 64, &q, &err);
    sb_device_alloc(dev, 64, &k, &err);
    sb_device_alloc(dev, 256, &list, &err);
    sb_command quant = {
        .op = SB_OP_QUANTIZE, .codec = 0, .batch = 1, .cols = 8, .src = ax, .dst = q, .aux = k, .tag = 9};
    sb_command c[4] = {quant, quant, quant, quant};
    f->fail_at = 3;
    ck_assert_int_eq(submit(dev, list, c, 4), SB_ERR_DEVICE);
    ck_assert_msg(strstr(err.msg, "command 2 (tag 9): fake"), "%s", err.msg);
    ck_assert_uint_eq(stats(dev, SB_OP_QUANTIZE).device, 2);
    sb_device_close(dev);
}
END_TEST

START_TEST(refusals)
{
    sb_device *dev = open_fake();
    const struct {
        const char *text, *message;
    } bad[] = {{"add=device", "cannot do ADD"},
               {"flux=host", "unknown operation 'flux'"},
               {"matvec", "expected OP=device"},
               {"matvec=moon", "expected OP=device"},
               {"=host", "expected OP=device"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_ne(sb_device_place_parse(dev, bad[i].text, &err), SB_OK);
        ck_assert_msg(strstr(err.msg, bad[i].message), "%s: %s", bad[i].text, err.msg);
    }
    ck_assert_int_eq(sb_device_place_parse(dev, "all=host,Scale=device", &err), SB_OK);
    ck_assert_int_eq(sb_device_place(dev, SB_OP_SCALE), SB_PLACE_DEVICE);
    ck_assert_int_eq(sb_device_place(dev, SB_OP_MATVEC), SB_PLACE_HOST);
    ck_assert_int_eq(sb_device_place_parse(dev, "all=device", &err), SB_OK);
    ck_assert_int_eq(sb_device_place(dev, SB_OP_MATVEC), SB_PLACE_DEVICE);
    ck_assert_int_eq(sb_device_place(dev, SB_OP_ADD), SB_PLACE_HOST);
    uint32_t words[8] = {0};
    sb_matrix m = {.codec = sb_codec_by_id(SB_CODEC_SEEDLM4), .rows = 8, .cols = 8, .words = words};
    uint64_t addr;
    ck_assert_int_eq(sb_device_load_matrix(dev, &m, &addr, &err), SB_OK);
    ck_assert_int_eq(sb_device_place_parse(dev, "matvec=host", &err), SB_ERR_ARG);
    sb_device_close(dev);
    ck_assert_int_eq(sb_device_open("cpu", NULL, &dev, &err), SB_OK);
    ck_assert_int_eq(sb_device_place_parse(dev, "matvec=host", &err), SB_ERR_UNSUPPORTED);
    sb_device_close(dev);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("placement");
    TCase *t = tcase_create("fake device");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, same_bits_wherever_it_runs, 0, 12);
    tcase_add_test(t, only_what_is_stale_crosses);
    tcase_add_test(t, a_token_is_not_a_cache);
    tcase_add_test(t, failure_names_the_command);
    tcase_add_test(t, refusals);
    suite_add_tcase(s, t);
    return run_suite(s);
}
