/* SPDX-License-Identifier: Apache-2.0
 * Tokens against Hugging Face's library (tests/golden/make_tokenizers.py), streaming, refusals, speed. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/file.h"
#include "model/json_util.h"
#include "seedbed/tokenizer.h"
#include "test_support.h"

static const char *golden_dir(void)
{
    const char *d = getenv("SEEDBED_GOLDEN");
    return d ? d : "tests/golden";
}

static sb_tokenizer *parse_ok(const char *text)
{
    sb_tokenizer *t = NULL;
    sb_error err = {{0}};
    ck_assert_msg(sb_tokenizer_parse("test", text, strlen(text), &t, &err) == SB_OK, "%s", err.msg);
    return t;
}

static size_t unhex(const char *h, char *out)
{
    size_t n = strlen(h) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned v;
        ck_assert_int_eq(sscanf(h + 2 * i, "%2x", &v), 1);
        out[i] = (char)v;
    }
    return n;
}

static void read_ids(json_object *list, sb_ids *out)
{
    out->n = json_object_array_length(list);
    out->ids = malloc((out->n + 1) * sizeof *out->ids);
    for (size_t i = 0; i < out->n; i++)
        out->ids[i] = (uint32_t)json_object_get_int(json_object_array_get_idx(list, i));
}

static void check_encode(const char *name, const sb_tokenizer *t, json_object *list)
{
    sb_error err = {{0}};
    size_t n = json_object_array_length(list);
    ck_assert_uint_gt(n, 50);
    for (size_t i = 0; i < n; i++) {
        json_object *c = json_object_array_get_idx(list, i);
        const char *h = json_object_get_string(json_object_array_get_idx(c, 0));
        sb_ids want, got = {0};
        read_ids(json_object_array_get_idx(c, 1), &want);
        char *text = malloc(strlen(h) / 2 + 1); /* exact size: the sanitizer then sees a read past the end */
        size_t len = unhex(h, text);
        ck_assert_msg(sb_tokenizer_encode(t, text, len, true, &got, &err) == SB_OK, "%s: %s", name, err.msg);
        bool same = got.n == want.n && (!got.n || !memcmp(got.ids, want.ids, got.n * sizeof *got.ids));
        if (!same) {
            fprintf(stderr, "%s: text %s\n want", name, h);
            for (size_t k = 0; k < want.n; k++)
                fprintf(stderr, " %u", want.ids[k]);
            fprintf(stderr, "\n got ");
            for (size_t k = 0; k < got.n; k++)
                fprintf(stderr, " %u", got.ids[k]);
            fprintf(stderr, "\n");
        }
        ck_assert_msg(same, "%s: encode case %zu", name, i);
        free(text);
        sb_ids_free(&want);
        sb_ids_free(&got);
    }
}

static void check_decode(const char *name, const sb_tokenizer *t, json_object *list)
{
    sb_error err = {{0}};
    size_t n = json_object_array_length(list);
    ck_assert_uint_gt(n, 50);
    for (size_t i = 0; i < n; i++) {
        json_object *c = json_object_array_get_idx(list, i);
        const char *h = json_object_get_string(json_object_array_get_idx(c, 1));
        sb_ids ids;
        sb_text got = {0};
        read_ids(json_object_array_get_idx(c, 0), &ids);
        char *want = malloc(strlen(h) / 2 + 1);
        size_t len = unhex(h, want);
        ck_assert_msg(sb_tokenizer_decode(t, ids.ids, ids.n, &got, &err) == SB_OK, "%s: %s", name, err.msg);
        bool same = got.len == len && !memcmp(got.len ? got.data : "", want, len);
        if (!same)
            fprintf(stderr, "%s: ids %s\n want %.*s\n got  %.*s\n", name,
                    json_object_to_json_string(json_object_array_get_idx(c, 0)), (int)len, want, (int)got.len,
                    got.data);
        ck_assert_msg(same, "%s: decode case %zu", name, i);
        free(want);
        sb_ids_free(&ids);
        sb_text_free(&got);
    }
}

START_TEST(same_as_oracle)
{
    DIR *d = opendir(golden_dir());
    int files = 0;
    ck_assert_msg(d != NULL, "no folder %s", golden_dir());
    for (struct dirent *e; (e = readdir(d));) {
        size_t n = strlen(e->d_name), size = 0;
        if (strncmp(e->d_name, "tokenizer_", 10) != 0 || n < 5 || strcmp(e->d_name + n - 5, ".json") != 0)
            continue;
        char *path = sb_file_join(golden_dir(), e->d_name), *text = NULL;
        sb_error err = {{0}};
        json_object *j = NULL;
        ck_assert_msg(sb_file_read(path, 64 << 20, &text, &size, &err) == SB_OK, "%s", err.msg);
        ck_assert_msg(sb_json_parse(path, text, size, 64 << 20, &j, &err) == SB_OK, "%s", err.msg);
        sb_tokenizer *t = parse_ok(json_object_to_json_string(sb_json_get(j, "tokenizer")));
        check_encode(e->d_name, t, sb_json_get(j, "encode"));
        check_decode(e->d_name, t, sb_json_get(j, "decode"));
        sb_tokenizer_free(t);
        json_object_put(j);
        free(text);
        free(path);
        files++;
    }
    closedir(d);
    ck_assert_int_ge(files, 10);
}
END_TEST

/* ---- a tokenizer small enough to follow by hand ---- */
#define MODEL(extra)                                                                                                   \
    "\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"byte_fallback\":true," extra                                \
    "\"vocab\":{\"<unk>\":0,\"<s>\":1,\"</"                                                                            \
    "s>\":2,\"<0xE2>\":3,\"<0x82>\":4,\"<0xAC>\":5,\"\xe2\x96\x81\":6,\"a\":7,\"b\":8,"                                \
    "\"ab\":9,\"\xe2\x96\x81"                                                                                          \
    "ab\":10,\"<0xFF>\":11,\"aa\":12,\"aaaa\":13},"                                                                    \
    "\"merges\":[\"a b\",\"\xe2\x96\x81 ab\",\"a a\",\"aa aa\"]}"
#define ADDED                                                                                                          \
    "\"added_tokens\":[{\"id\":1,\"content\":\"<s>\",\"special\":true},{\"id\":2,\"content\":\"</"                     \
    "s>\",\"special\":true}]"
#define NORM                                                                                                           \
    "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"\xe2\x96\x81\"},"      \
    "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\xe2\x96\x81\"}]}"
#define DEC                                                                                                            \
    "\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"\xe2\x96\x81\"}" \
    ","                                                                                                                \
    "\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" "           \
    "\",\"start\":1,\"stop\":0}]}"
#define TINY "{\"version\":\"1.0\"," ADDED "," NORM "," DEC "," MODEL("") "}"

static void next(const sb_tokenizer *t, sb_decode_state *st, uint32_t id, const char *want)
{
    sb_text x = {0};
    sb_error err = {{0}};
    ck_assert(sb_tokenizer_decode_next(t, st, id, &x, &err) == SB_OK);
    ck_assert_msg(x.len == strlen(want) && !memcmp(x.len ? x.data : "", want, x.len),
                  "id %u: got \"%.*s\", want \"%s\"", id, (int)x.len, x.len ? x.data : "", want);
    sb_text_free(&x);
}

static void end(const sb_tokenizer *t, sb_decode_state *st, const char *want)
{
    sb_text x = {0};
    ck_assert(sb_tokenizer_decode_end(t, st, &x, NULL) == SB_OK);
    ck_assert(x.len == strlen(want) && !memcmp(x.len ? x.data : "", want, x.len));
    sb_text_free(&x);
}

START_TEST(streaming)
{
    sb_tokenizer *t = parse_ok(TINY);
    sb_decode_state st = {0};
    next(t, &st, 1, "");     /* special */
    next(t, &st, 10, "ab");  /* the first space goes */
    next(t, &st, 10, " ab"); /* later ones stay */
    next(t, &st, 3, "");     /* E2 */
    next(t, &st, 4, "");     /* 82 */
    next(t, &st, 5, "\xe2\x82\xac");
    next(t, &st, 11, "\xef\xbf\xbd"); /* FF can begin nothing */
    next(t, &st, 3, "");
    next(t, &st, 7,
         "\xef\xbf\xbd"
         "a"); /* a run that text cuts off */
    next(t, &st, 3, "");
    next(t, &st, 4, "");
    next(t, &st, 999, ""); /* a padded vocabulary */
    end(t, &st, "\xef\xbf\xbd\xef\xbf\xbd");
    next(t, &st, 10, "ab"); /* and the state is new */
    end(t, &st, "");
    st.keep_special = true;
    next(t, &st, 1, "<s>");
    next(t, &st, 10, " ab");
    end(t, &st, "");
    sb_tokenizer_free(t);
}
END_TEST

START_TEST(lookup_and_bos)
{
    sb_tokenizer *t = parse_ok(TINY);
    sb_error err = {{0}};
    sb_ids ids = {0};
    ck_assert_uint_eq(sb_tokenizer_size(t), 14);
    ck_assert_int_eq(sb_tokenizer_find(t, "ab"), 9);
    ck_assert_int_eq(sb_tokenizer_find(t, "abc"), -1);
    ck_assert_str_eq(sb_tokenizer_token(t, 9), "ab");
    ck_assert_ptr_null(sb_tokenizer_token(t, 14));
    ck_assert(sb_tokenizer_is_special(t, 2) && !sb_tokenizer_is_special(t, 9));
    ck_assert(sb_tokenizer_default_bos(t, 14, &err) == SB_ERR_ARG);
    ck_assert(sb_tokenizer_default_bos(t, 1, &err) == SB_OK);
    ck_assert(sb_tokenizer_encode(t, "ab\xe2\x82\xac", 5, true, &ids, &err) == SB_OK);
    const uint32_t want[] = {1, 10, 3, 4, 5};
    ck_assert(ids.n == 5 && !memcmp(ids.ids, want, sizeof want));
    ids.n = 0;
    ck_assert(sb_tokenizer_encode(t, "", 0, false, &ids, &err) == SB_OK && ids.n == 0);
    sb_ids_free(&ids);
    sb_tokenizer_free(t);
}
END_TEST

/* A long text without any boundary: merging must not be quadratic. */
START_TEST(long_text)
{
    sb_tokenizer *t = parse_ok(TINY);
    sb_error err = {{0}};
    size_t n = 1 << 20;
    char *text = malloc(n);
    memset(text, 'a', n);
    sb_ids ids = {0};
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    ck_assert(sb_tokenizer_encode(t, text, n, false, &ids, &err) == SB_OK);
    clock_gettime(CLOCK_MONOTONIC, &b);
    double s = (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
    ck_assert_uint_eq(ids.n, 1 + n / 4);
    ck_assert_msg(s < 10, "1 MiB took %g s", s);
    sb_ids_free(&ids);
    free(text);
    sb_tokenizer_free(t);
}
END_TEST

/* What is not supported is refused, and the message has the word. */
static const struct {
    const char *json, *word;
    sb_status status;
} refused[] = {
    {"[]", "object", SB_ERR_FORMAT},
    {"{", "JSON", SB_ERR_FORMAT},
    {"{}", "model", SB_ERR_FORMAT},
    {"{\"a\":1,\"a\":2}", "twice", SB_ERR_FORMAT},
    {"{\"surprise\":1}", "surprise", SB_ERR_UNSUPPORTED},
    {"{\"version\":\"2.0\"}", "2.0", SB_ERR_UNSUPPORTED},
    {"{\"truncation\":{}}", "truncation", SB_ERR_UNSUPPORTED},
    {"{\"padding\":{}}", "padding", SB_ERR_UNSUPPORTED},
    {"{\"model\":{\"type\":\"Unigram\"}}", "Unigram", SB_ERR_UNSUPPORTED},
    {"{\"model\":{\"type\":\"BPE\",\"novelty\":1}}", "novelty", SB_ERR_UNSUPPORTED},
    {"{" DEC "," MODEL("\"dropout\":0.1,") "}", "dropout", SB_ERR_UNSUPPORTED},
    {"{" DEC "," MODEL("\"end_of_word_suffix\":\"x\",") "}", "end_of_word_suffix", SB_ERR_UNSUPPORTED},
    {"{" DEC "," MODEL("\"continuing_subword_prefix\":\"x\",") "}", "continuing_subword_prefix", SB_ERR_UNSUPPORTED},
    {"{\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"vocab\":{\"a\":-1},\"merges\":[]}}", "id of a", SB_ERR_FORMAT},
    {"{\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"vocab\":{\"a\":1,\"b\":1},\"merges\":[]}}", "two tokens",
     SB_ERR_FORMAT},
    {"{\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"vocab\":{\"a\":9999999},\"merges\":[]}}", "9999999", SB_ERR_FORMAT},
    {"{\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"a b\"]}}", "merges[0]",
     SB_ERR_FORMAT},
    {"{\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"a\"]}}", "merges[0]",
     SB_ERR_FORMAT},
    {"{\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"vocab\":{\"a\":0},\"merges\":[],\"unk_token\":\"u\"}}", "unk_token",
     SB_ERR_FORMAT},
    {"{" DEC "," MODEL("") ",\"normalizer\":{\"type\":\"NFC\"}}", "NFC", SB_ERR_UNSUPPORTED},
    {"{" DEC "," MODEL("") ",\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"a\"},\"content\":\"\"}}",
     "Regex", SB_ERR_UNSUPPORTED},
    {"{" DEC "," MODEL("") ",\"pre_tokenizer\":{\"type\":\"Whitespace\"}}", "Whitespace", SB_ERR_UNSUPPORTED},
    {"{" DEC
     "," MODEL("") ",\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"odd\"}}",
     "odd", SB_ERR_UNSUPPORTED},
    {"{" DEC "," MODEL("") ",\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"__\"}}", "one character",
     SB_ERR_FORMAT},
    {"{" DEC
     "," MODEL("") ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(\"},\"behavior\":\"Isolated\"}}",
     "parenthesis", SB_ERR_UNSUPPORTED},
    {"{" DEC
     "," MODEL("") ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\"(\"},\"behavior\":\"Odd\"}}",
     "Odd", SB_ERR_UNSUPPORTED},
    {"{" DEC "," MODEL("") ",\"post_processor\":{\"type\":\"RobertaProcessing\"}}", "RobertaProcessing",
     SB_ERR_UNSUPPORTED},
    {"{" DEC "," MODEL("") ",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[]}}", "sequence",
     SB_ERR_FORMAT},
    {"{" MODEL("") "}", "decoder", SB_ERR_UNSUPPORTED},
    {"{" MODEL("") ",\"decoder\":{\"type\":\"WordPiece\"}}", "WordPiece", SB_ERR_UNSUPPORTED},
    {"{" MODEL("") ",\"decoder\":{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}}", "Fuse",
     SB_ERR_UNSUPPORTED},
    {"{" DEC "," MODEL("") ",\"added_tokens\":[{\"id\":1,\"content\":\"b\"}]}", "disagrees", SB_ERR_FORMAT},
    {"{" DEC "," MODEL("") ",\"added_tokens\":[{\"id\":1,\"content\":\"<s>\",\"single_word\":true}]}", "single_word",
     SB_ERR_UNSUPPORTED},
};

START_TEST(refusals)
{
    sb_tokenizer *t = (sb_tokenizer *)&t;
    sb_error err = {{0}};
    sb_status st = sb_tokenizer_parse("FILE", refused[_i].json, strlen(refused[_i].json), &t, &err);
    ck_assert_msg(st == refused[_i].status, "case %d: status %d, message %s", _i, st, err.msg);
    ck_assert_ptr_null(t);
    ck_assert_msg(strstr(err.msg, refused[_i].word) && !strncmp(err.msg, "FILE: ", 6) && !strchr(err.msg, '\n'),
                  "case %d: %s", _i, err.msg);
}
END_TEST

START_TEST(no_unk)
{
    sb_tokenizer *t = parse_ok("{\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"vocab\":{\"a\":0},\"merges\":[]}}");
    sb_error err = {{0}};
    sb_ids ids = {0};
    ck_assert(sb_tokenizer_encode(t, "aab", 3, true, &ids, &err) == SB_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.msg, "U+0062"));
    sb_ids_free(&ids);
    sb_tokenizer_free(t);
}
END_TEST

/* A pattern that backtracks without end is stopped, with a message. */
START_TEST(hostile_pattern)
{
    sb_tokenizer *t =
        parse_ok("{" DEC "," MODEL("") ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a+)+(b+)+$\"},"
                                       "\"behavior\":\"Isolated\"}}");
    sb_error err = {{0}};
    sb_ids ids = {0};
    char text[201];
    memset(text, 'a', 200);
    text[100] = 'b';
    text[199] = 'c';
    ck_assert(sb_tokenizer_encode(t, text, 200, true, &ids, &err) == SB_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.msg, "match limit"));
    sb_ids_free(&ids);
    sb_tokenizer_free(t);
}
END_TEST

START_TEST(real_model)
{
    const char *data = getenv("SEEDBED_DATA");
    char *dir = sb_file_join(data ? data : "../shared/data", "stories260K");
    char *file = sb_file_join(data ? data : "../shared/data", "text/tinystories-eval.txt"), *text = NULL;
    sb_tokenizer *t = NULL;
    sb_error err = {{0}};
    size_t n = 0;
    if (sb_tokenizer_load(dir, &t, &err) != SB_OK || sb_file_read(file, 1 << 30, &text, &n, &err) != SB_OK) {
        printf("skipped: test_tokenizer real_model (no data at %s)\n", dir);
    } else {
        sb_ids ids = {0};
        sb_text back = {0};
        ck_assert(sb_tokenizer_encode(t, text, n, true, &ids, &err) == SB_OK);
        ck_assert_uint_eq(ids.n, 59403); /* as the tokenizers library says */
        ck_assert_uint_eq(ids.ids[0], 1);
        ck_assert(sb_tokenizer_decode(t, ids.ids, ids.n, &back, &err) == SB_OK);
        ck_assert(back.len == n && !memcmp(back.data, text, n));
        sb_ids_free(&ids);
        sb_text_free(&back);
    }
    sb_tokenizer_free(t);
    free(text);
    free(file);
    free(dir);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tokenizer");
    TCase *c = tcase_create("tokenizer");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, same_as_oracle);
    tcase_add_test(c, streaming);
    tcase_add_test(c, lookup_and_bos);
    tcase_add_test(c, long_text);
    tcase_add_loop_test(c, refusals, 0, (int)(sizeof refused / sizeof *refused));
    tcase_add_test(c, no_unk);
    tcase_add_test(c, hostile_pattern);
    tcase_add_test(c, real_model);
    suite_add_tcase(s, c);
    return run_suite(s);
}
