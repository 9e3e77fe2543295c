/* SPDX-License-Identifier: Apache-2.0
 * The command list of a step, for models of many shapes: from EMBED to ARGMAX in operations of the exact contract,
 * every address on a beat where the shape lets it; the arg-max is that of the logits, and prefill gives the bits of
 * decode. */
#include <stdbool.h>
#include <string.h>

#include "device/attention_exact.h"
#include "graph/session_internal.h"
#include "graph_case.h"
#include "test_support.h"

enum { TOKENS = 5 };

static sb_error err;

static void open_both(const sb_model *m, sb_device **dev, sb_session **s)
{
    ck_assert_int_eq(sb_device_open("cpu", &(sb_device_options){.threads = 1}, dev, &err), SB_OK);
    ck_assert_msg(sb_session_open(m, *dev, 64, s, &err) == SB_OK, "%s", err.msg);
}

static int count_tag(const sb_session *s, sb_tag tag)
{
    int n = 0;
    for (uint32_t i = 0; i < s->placed.n_commands; i++)
        n += (s->placed.commands[i].tag & 0xff) == tag;
    return n;
}

START_TEST(list_is_whole)
{
    const shape *p = &shapes[_i];
    sb_model *m = make_shape(p);
    sb_device *dev;
    sb_session *s;
    open_both(m, &dev, &s);
    uint32_t token = 3, count;
    uint64_t list;
    ck_assert_int_eq(sb_session_build(s, &token, 1, false, &list, &count, &err), SB_OK);
    ck_assert_uint_eq(s->placed.commands[0].op, SB_OP_EMBED);
    ck_assert_uint_eq(s->placed.commands[count - 1].op, SB_OP_ARGMAX);
    for (uint32_t i = 0; i < count; i++) {
        const sb_command *c = &s->placed.commands[i];
        ck_assert_msg(sb_device_place(dev, (sb_op)c->op) == SB_PLACE_DEVICE, "%s is not in the contract",
                      sb_op_name(c->op));
        uint64_t all = c->weights | c->src | c->dst | c->aux;
        ck_assert_msg(!p->aligned || all % 64 == 0, "%s: command %u, %s: an address is not a multiple of 64", p->name,
                      i, sb_op_name(c->op));
        if (c->op == SB_OP_ATTENTION_X)
            ck_assert_int_eq((c->codec & SB_ATTN_SIGMOID) != 0, p->sigmoid);
    }
    ck_assert_int_eq(count_tag(s, SB_TAG_ATTN_POST_NORM), p->hybrid ? LAYERS : 0);
    ck_assert_int_eq(count_tag(s, SB_TAG_FFN_POST_NORM), p->hybrid ? LAYERS : 0);
    ck_assert_int_eq(count_tag(s, SB_TAG_Q_NORM), p->qk_norm ? LAYERS : 0);
    sb_session_close(s);
    sb_device_close(dev);
    random_model_free(m);
}
END_TEST

START_TEST(prefill_decode_and_argmax)
{
    const shape *p = &shapes[_i];
    sb_model *m = make_shape(p);
    sb_device *dev[2];
    sb_session *s[2];
    size_t vocab = (size_t)p->vocab;
    uint32_t ids[TOKENS], next;
    float *all = malloc(TOKENS * vocab * sizeof *all), *one = malloc(vocab * sizeof *one);
    for (int i = 0; i < TOKENS; i++)
        ids[i] = random_word() % (uint32_t)p->vocab;
    for (int i = 0; i < 2; i++)
        open_both(m, &dev[i], &s[i]);
    ck_assert_int_eq(sb_session_argmax(s[0], &next, &err), SB_ERR_ARG);
    ck_assert_msg(sb_session_eval(s[0], ids, TOKENS, true, all, &err) == SB_OK, "%s", err.msg);
    for (int t = 0; t < TOKENS; t++) {
        ck_assert_int_eq(sb_session_eval(s[1], &ids[t], 1, false, t % 2 ? NULL : one, &err), SB_OK);
        const float *want = all + (size_t)t * vocab;
        if (t % 2 == 0)
            ck_assert_msg(!memcmp(one, want, vocab * 4), "%s: token %d: decode differs from prefill", p->name, t);
        size_t best = 0;
        for (size_t i = 1; i < vocab; i++)
            best = want[i] > want[best] ? i : best;
        ck_assert_int_eq(sb_session_argmax(s[1], &next, &err), SB_OK);
        ck_assert_msg(next == best, "%s: token %d: %u (%a), expected %zu (%a)", p->name, t, next, (double)want[next],
                      best, (double)want[best]);
    }
    ck_assert_int_eq(sb_session_argmax(s[0], &next, &err), SB_OK); /* of the last row */
    uint32_t last;
    ck_assert_int_eq(sb_session_argmax(s[1], &last, &err), SB_OK);
    ck_assert_uint_eq(next, last);
    ids[0] = (uint32_t)p->vocab;
    ck_assert_int_eq(sb_session_eval(s[1], ids, 1, false, one, &err), SB_ERR_DEVICE);
    ck_assert_msg(!strncmp(err.msg, "embedding: command 0 (tag 1): EMBED: index ", 43) && strstr(err.msg, "(error 8)"),
                  "%s", err.msg);
    for (int i = 0; i < 2; i++) {
        sb_session_close(s[i]);
        sb_device_close(dev[i]);
    }
    free(all);
    free(one);
    random_model_free(m);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("graph");
    TCase *t = tcase_create("cpu");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, list_is_whole, 0, SHAPES);
    tcase_add_loop_test(t, prefill_decode_and_argmax, 0, SHAPES);
    suite_add_tcase(s, t);
    return run_suite(s);
}
