/* SPDX-License-Identifier: Apache-2.0
 * The safetensors reader on good and hostile files, and the writer up to a full disk. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/file.h"
#include "scratch.h"
#include "seedbed/safetensors.h"
#include "test_support.h"

/* length field (or the true one when len < 0), header, then n data bytes 0, 1, 2, ... in exactly sized memory */
static char *image(const char *header, long long len, size_t n, size_t *size)
{
    size_t h = strlen(header);
    char *p = malloc(8 + h + n);
    uint64_t l = len < 0 ? h : (uint64_t)len;
    for (int i = 0; i < 8; i++)
        p[i] = (char)(l >> 8 * i);
    memcpy(p + 8, header, h);
    for (size_t i = 0; i < n; i++)
        p[8 + h + i] = (char)i;
    *size = 8 + h + n;
    return p;
}

START_TEST(reads)
{
    size_t size;
    char *p =
        image("{\"__metadata__\":{\"format\":\"pt\"},\"b\":{\"dtype\":\"I32\",\"shape\":[2,1],\"data_offsets\":[4,12]},"
              "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
              "\"scalar\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[12,14]},"
              "\"empty\":{\"dtype\":\"F64\",\"shape\":[0,7],\"data_offsets\":[12,12]}}  ",
              -1, 14, &size);
    sb_safetensors *s;
    sb_error err = {{0}};
    char shape[64];
    ck_assert_msg(sb_safetensors_parse("mem", p, size, &s, &err) == SB_OK, "%s", err.msg);
    ck_assert_uint_eq(sb_safetensors_count(s), 4);
    const sb_tensor *b = sb_safetensors_find(s, "b");
    ck_assert_ptr_nonnull(b);
    ck_assert(b->dtype == SB_DTYPE_I32 && b->ndim == 2 && b->shape[0] == 2 && b->shape[1] == 1 && b->bytes == 8);
    ck_assert_int_eq(*(const char *)b->data, 4);
    ck_assert_uint_eq(b->offset, (size_t)((const char *)b->data - p));
    ck_assert_str_eq(sb_tensor_shape_str(b, shape, sizeof shape), "[2, 1]");
    ck_assert_str_eq(sb_safetensors_at(s, 0)->name, "a");
    ck_assert_str_eq(sb_safetensors_at(s, 1)->name, "b");
    ck_assert_ptr_null(sb_safetensors_at(s, 4));
    ck_assert_uint_eq(sb_safetensors_find(s, "empty")->bytes, 0);
    ck_assert_int_eq(sb_safetensors_find(s, "scalar")->ndim, 0);
    ck_assert_str_eq(sb_tensor_shape_str(sb_safetensors_find(s, "scalar"), shape, sizeof shape), "[]");
    ck_assert_ptr_null(sb_safetensors_find(s, "c"));
    ck_assert_ptr_null(sb_safetensors_find(s, "__metadata__"));
    ck_assert_str_eq(sb_safetensors_metadata(s, "format"), "pt");
    ck_assert_ptr_null(sb_safetensors_metadata(s, "x"));
    sb_safetensors_close(s);
    free(p);
}
END_TEST

#define T(name, dtype, shape, offs)                                                                                    \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offs "}"
static const struct {
    const char *header;
    long long len;
    size_t data;
    const char *word;
} hostile[] = {
    {"{}", 0x7fffffffffffffff, 0, "header of 9223372036854775807 bytes"},
    {"{}", 3, 0, "header of 3 bytes in a file of 10"},
    {"", -1, 0, "not JSON"},
    {"{", -1, 0, "not JSON"},
    {"[]", -1, 0, "JSON object"},
    {"{} x", -1, 0, "not JSON"},
    {"nonsense", -1, 0, "not JSON"},
    {"{\"a\":\"\xff\"}", -1, 0, "not JSON"},
    {"{" T("a", "U8", "[1]", "[0,1]") "," T("a", "U8", "[1]", "[0,1]") "}", -1, 1, "twice"},
    {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", -1, 1, "twice"},
    {"{\"a\\u0000b\":1}", -1, 0, "NUL"},
    {"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", -1, 0, "nesting"},
    {"{\"a\":1}", -1, 0, "tensor a: its entry"},
    {"{\"__metadata__\":1}", -1, 0, "__metadata__"},
    {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", -1, 1, "tensor a: dtype"},
    {"{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,1]}}", -1, 1, "tensor a: dtype"},
    {"{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", -1, 1, "tensor a: shape is missing"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", -1, 1, "tensor a: data_offsets is missing"},
    {"{" T("a", "F17", "[1]", "[0,1]") "}", -1, 1, "unknown dtype F17"},
    {"{" T("a", "U8", "7", "[0,1]") "}", -1, 1, "shape is not a list"},
    {"{" T("a", "U8", "[-1]", "[0,1]") "}", -1, 1, "shape holds"},
    {"{" T("a", "U8", "[1.5]", "[0,1]") "}", -1, 1, "shape holds"},
    {"{" T("a", "U8", "[\"1\"]", "[0,1]") "}", -1, 1, "shape holds"},
    {"{" T("a", "U8", "[null]", "[0,1]") "}", -1, 1, "shape holds"},
    {"{" T("a", "U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]") "}", -1, 1, "9 dimensions"},
    {"{" T("a", "F32", "[4294967296,4294967296]", "[0,1]") "}", -1, 1, "overflows"},
    {"{" T("a", "F64", "[9223372036854775807]", "[0,1]") "}", -1, 1, "overflows"},
    {"{" T("a", "U8", "[99999999999999999999999]", "[0,1]") "}", -1, 1, "tensor a: "},
    {"{" T("a", "U8", "[1]", "[0]") "}", -1, 1, "pair"},
    {"{" T("a", "U8", "[1]", "[0,1,2]") "}", -1, 1, "pair"},
    {"{" T("a", "U8", "[1]", "[-1,0]") "}", -1, 1, "pair"},
    {"{" T("a", "U8", "[1]", "[0,1e0]") "}", -1, 1, "pair"},
    {"{" T("a", "U8", "[1]", "[1,0]") "}", -1, 1, "backwards"},
    {"{" T("a", "U8", "[2]", "[0,2]") "}", -1, 1, "leave the file's 1 data bytes"},
    {"{" T("a", "U8", "[1]", "[99999999999999999999,99999999999999999999]") "}", -1, 1, "leave the file"},
    {"{" T("a", "U8", "[2]", "[0,1]") "}", -1, 1, "1 bytes of data, but U8 [2] needs 2"},
    {"{" T("a", "U8", "[2]", "[0,2]") "," T("b", "U8", "[2]", "[1,3]") "}", -1, 3, "overlapping"},
    {"{" T("a", "U8", "[1]", "[0,1]") "," T("b", "U8", "[1]", "[2,3]") "}", -1, 3, "gap"},
    {"{" T("a", "U8", "[1]", "[1,2]") "}", -1, 2, "gap"},
    {"{" T("a", "U8", "[1]", "[0,1]") "}", -1, 2, "1 bytes after the last tensor"},
    {"{" T("", "U8", "[1]", "[0,1]") "}", -1, 1, "name has 0 bytes"},
    {"{" T("a\\nb", "U8", "[1]", "[0,1]") "}", -1, 1, "control character"},
};

START_TEST(refuses)
{
    size_t size;
    char *p = image(hostile[_i].header, hostile[_i].len, hostile[_i].data, &size);
    sb_safetensors *s = (sb_safetensors *)p;
    sb_error err = {{0}};
    ck_assert_msg(sb_safetensors_parse("FILE", p, size, &s, &err) != SB_OK, "case %d was accepted", _i);
    ck_assert_ptr_null(s);
    ck_assert_msg(strstr(err.msg, hostile[_i].word) && !strncmp(err.msg, "FILE: ", 6) && !strchr(err.msg, '\n'),
                  "case %d: %s", _i, err.msg);
    free(p);
}
END_TEST

START_TEST(short_files)
{
    sb_safetensors *s;
    sb_error err = {{0}};
    for (size_t n = 0; n < 8; n++) {
        char *p = calloc(n + !n, 1);
        ck_assert(sb_safetensors_parse("FILE", p, n, &s, &err) == SB_ERR_FORMAT);
        ck_assert_ptr_nonnull(strstr(err.msg, "at least 8"));
        free(p);
    }
    /* 2^63 as the length */
    ck_assert(sb_safetensors_parse("FILE", "\0\0\0\0\0\0\0\x80{}", 10, &s, &err) == SB_ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.msg, "9223372036854775808"));
    char path[100];
    snprintf(path, sizeof path, "%s/none", scratch_dir);
    ck_assert(sb_safetensors_open(path, &s, &err) == SB_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.msg, "none: cannot open"));
    ck_assert(sb_safetensors_open(scratch_dir, &s, &err) == SB_ERR_IO);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert(sb_safetensors_open(path, &s, &err) == SB_ERR_IO); /* and does not hang */
    ck_assert_ptr_nonnull(strstr(err.msg, "not a regular file"));
}
END_TEST

static const sb_tensor_decl decls[] = {
    {"odd", SB_DTYPE_BOOL, 1, {3}},      {"w", SB_DTYPE_U32, 2, {2, 3}},
    {"e", SB_DTYPE_F16, 2, {1, 1}},      {"none", SB_DTYPE_F32, 1, {0}},
    {"g", SB_DTYPE_F32, 1, {2}},         {"long \"name\" \xc3\xa9", SB_DTYPE_I64, 0, {0}},
    {"last empty", SB_DTYPE_U8, 1, {0}},
};
#define DECLS (sizeof decls / sizeof *decls)
#define STREAM (3 + 24 + 2 + 0 + 8 + 8)

static size_t files_in_dir(void)
{
    char cmd[100];
    unsigned n = 0;
    snprintf(cmd, sizeof cmd, "ls %s | wc -l", scratch_dir);
    FILE *f = popen(cmd, "r");
    ck_assert_int_eq(fscanf(f, "%u", &n), 1);
    pclose(f);
    return n;
}

START_TEST(round_trip)
{
    char path[100], stream[STREAM];
    snprintf(path, sizeof path, "%s/m.safetensors", scratch_dir);
    for (int i = 0; i < STREAM; i++)
        stream[i] = (char)(i * 7 + 1);
    sb_safetensors_writer *w;
    sb_error err = {{0}};
    ck_assert_msg(sb_safetensors_writer_open(path, decls, DECLS, &w, &err) == SB_OK, "%s", err.msg);
    ck_assert_int_ne(access(path, F_OK), 0); /* not there before it is whole */
    for (int at = 0, n; at < STREAM; at += n) {
        n = _i + 1 < STREAM - at ? _i + 1 : STREAM - at;
        ck_assert(sb_safetensors_writer_write(w, stream + at, (size_t)n, &err) == SB_OK);
    }
    ck_assert(sb_safetensors_writer_write(w, stream, 1, &err) == SB_ERR_ARG);
    ck_assert_msg(sb_safetensors_writer_commit(w, &err) == SB_OK, "%s", err.msg);
    ck_assert_uint_eq(files_in_dir(), 1);

    sb_safetensors *s;
    ck_assert_msg(sb_safetensors_open(path, &s, &err) == SB_OK, "%s", err.msg);
    ck_assert_uint_eq(sb_safetensors_count(s), DECLS);
    ck_assert_str_eq(sb_safetensors_metadata(s, "format"), "pt");
    const char *p = stream;
    for (size_t i = 0; i < DECLS; i++) {
        const sb_tensor *t = sb_safetensors_find(s, decls[i].name);
        ck_assert_ptr_nonnull(t);
        ck_assert(t->dtype == decls[i].dtype && t->ndim == decls[i].ndim);
        ck_assert(sb_tensor_is_aligned(t, sb_dtype_size(t->dtype)));
        ck_assert_int_eq(memcmp(t->data, p, t->bytes), 0);
        p += t->bytes;
    }
    ck_assert_uint_eq(sb_safetensors_at(s, 0)->offset % 8, 0);
    sb_safetensors_close(s);
}
END_TEST

START_TEST(incomplete_and_abort)
{
    char path[100];
    snprintf(path, sizeof path, "%s/m.safetensors", scratch_dir);
    sb_safetensors_writer *w;
    sb_error err = {{0}};
    ck_assert(sb_safetensors_writer_open(path, decls, DECLS, &w, &err) == SB_OK);
    ck_assert(sb_safetensors_writer_write(w, "abcd", 4, &err) == SB_OK);
    ck_assert(sb_safetensors_writer_commit(w, &err) == SB_ERR_ARG);
    ck_assert_ptr_nonnull(strstr(err.msg, "tensor w: only 1 of 24 bytes"));
    ck_assert_uint_eq(files_in_dir(), 0);
    ck_assert(sb_safetensors_writer_open(path, decls, DECLS, &w, &err) == SB_OK);
    ck_assert_uint_eq(files_in_dir(), 1);
    sb_safetensors_writer_abort(w);
    ck_assert_uint_eq(files_in_dir(), 0);
    sb_safetensors_writer_abort(NULL);
}
END_TEST

START_TEST(bad_declarations)
{
    char path[100];
    snprintf(path, sizeof path, "%s/m.safetensors", scratch_dir);
    sb_safetensors_writer *w;
    sb_error err = {{0}};
    const sb_tensor_decl bad[][2] = {
        {{"a", SB_DTYPE_U8, 1, {1}}, {"a", SB_DTYPE_U8, 1, {1}}},
        {{"a", SB_DTYPE_U8, 1, {1}}, {"", SB_DTYPE_U8, 1, {1}}},
        {{"a", SB_DTYPE_U8, 1, {1}}, {"__metadata__", SB_DTYPE_U8, 1, {1}}},
        {{"a", SB_DTYPE_U8, 1, {1}}, {"b", SB_DTYPE_COUNT, 1, {1}}},
        {{"a", SB_DTYPE_U8, 1, {1}}, {"b", SB_DTYPE_U8, 9, {1}}},
        {{"a", SB_DTYPE_U8, 1, {1}}, {"b", SB_DTYPE_F64, 2, {1ull << 40, 1ull << 40}}},
        {{"a", SB_DTYPE_U8, 1, {1ull << 62}}, {"b", SB_DTYPE_U8, 1, {1ull << 62}}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_msg(sb_safetensors_writer_open(path, bad[i], 2, &w, &err) == SB_ERR_ARG, "case %zu", i);
        ck_assert_ptr_null(w);
    }
    ck_assert(sb_safetensors_writer_open("/nonexistent/m.safetensors", decls, DECLS, &w, &err) == SB_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.msg, "/nonexistent/m.safetensors.tmp-"));
    ck_assert_uint_eq(files_in_dir(), 0);
}
END_TEST

/* A file that may not grow stands in for a full disk: what was there before stays, and no temporary file is left. */
START_TEST(full_disk)
{
    char path[100];
    snprintf(path, sizeof path, "%s/m.safetensors", scratch_dir);
    FILE *f = fopen(path, "w");
    fputs("precious", f);
    fclose(f);
    sb_tensor_decl big = {"big", SB_DTYPE_U8, 1, {1 << 20}};
    char *zero = calloc(1, 1 << 20);
    sb_safetensors_writer *w;
    sb_error err = {{0}};
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit lim = {100000, 100000};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &lim), 0);
    ck_assert(sb_safetensors_writer_open(path, &big, 1, &w, &err) == SB_OK);
    ck_assert(sb_safetensors_writer_write(w, zero, 1 << 20, &err) == SB_ERR_IO);
    ck_assert_msg(strstr(err.msg, "cannot write at offset 100000: File too large"), "%s", err.msg);
    sb_safetensors_writer_abort(w);
    ck_assert_uint_eq(files_in_dir(), 1);
    char back[16] = "";
    f = fopen(path, "r");
    ck_assert_ptr_nonnull(fgets(back, sizeof back, f));
    fclose(f);
    ck_assert_str_eq(back, "precious");
    free(zero);
}
END_TEST

/* The real thing: a write that the kernel answers with ENOSPC. */
START_TEST(dev_full)
{
    sb_file_out out = {.fd = open("/dev/full", O_WRONLY)};
    if (out.fd < 0) {
        printf("skipped: test_safetensors dev_full (no /dev/full)\n");
        return;
    }
    sb_error err = {{0}};
    char name[] = "/dev/full";
    out.tmp = name;
    ck_assert(sb_file_out_write(&out, 0, "x", 1, &err) == SB_ERR_IO);
    ck_assert_msg(strstr(err.msg, "/dev/full: cannot write at offset 0: No space left on device"), "%s", err.msg);
    close(out.fd);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("safetensors");
    TCase *c = tcase_create("safetensors");
    tcase_add_checked_fixture(c, scratch_make, scratch_remove);
    tcase_add_test(c, reads);
    tcase_add_loop_test(c, refuses, 0, (int)(sizeof hostile / sizeof *hostile));
    tcase_add_test(c, short_files);
    tcase_add_loop_test(c, round_trip, 0, STREAM);
    tcase_add_test(c, incomplete_and_abort);
    tcase_add_test(c, bad_declarations);
    tcase_add_test(c, full_disk);
    tcase_add_test(c, dev_full);
    suite_add_tcase(s, c);
    return run_suite(s);
}
