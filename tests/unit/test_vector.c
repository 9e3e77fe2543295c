/* SPDX-License-Identifier: Apache-2.0
 * The vector operations of docs/numerics.md, section 5, on the cpu device: the golden vectors of
 * tests/golden/make_vector.py word by word, their independence of threads, and a low-rank side path made of them. */
#define GOLDEN_FILE "tests/golden/vector.json"
#include <stdio.h>
#include <string.h>

#include "device/vector_math.h"
#include "golden.h"
#include "seedbed/device.h"
#include "test_support.h"

enum { FILL = 0xa5, FIELDS = 4 };
static const char *const field[FIELDS] = {"weights", "src", "dst", "aux"};

typedef struct {
    uint32_t *w;
    size_t n;
} words;

static words hex_words(const char *text)
{
    words b = {.n = strlen(text) / 8};
    b.w = malloc(b.n * 4 + 4);
    for (size_t i = 0; i < b.n; i++) {
        unsigned u = 0;
        ck_assert_int_eq(sscanf(text + 8 * i, "%8x", &u), 1);
        b.w[i] = u;
    }
    return b;
}

/* A buffer as make_vector.py describes it; n = 0 if there is none. */
static words buffer(json_object *spec)
{
    json_object *x;
    if (!spec)
        return (words){0};
    if (json_object_object_get_ex(spec, "words", &x))
        return hex_words(json_object_get_string(x));
    if (json_object_object_get_ex(spec, "fill", &x)) {
        words b = {.n = (size_t)json_object_get_int64(x)};
        b.w = malloc(b.n * 4 + 4);
        memset(b.w, FILL, b.n * 4);
        return b;
    }
    uint64_t seed = (uint64_t)golden_int(spec, "seed");
    int lo = (int)golden_int(spec, "lo"), hi = (int)golden_int(spec, "hi");
    words b = {.n = (size_t)golden_int(spec, "n")};
    b.w = malloc(b.n * 4 + 4);
    for (size_t i = 0; i < b.n; i++) {
        uint64_t r = random_bits(&seed);
        int e = lo + (int)((r >> 40) % (uint64_t)(hi - lo + 1));
        b.w[i] = (uint32_t)(r >> 63) << 31 | (uint32_t)(e + 127) << 23 | (uint32_t)(r & 0x7fffff);
    }
    return b;
}

static sb_device *open_cpu(int threads)
{
    sb_device *dev = NULL;
    sb_error err;
    ck_assert_msg(!sb_device_open("cpu", &(sb_device_options){.threads = threads}, &dev, &err), "%s", err.msg);
    return dev;
}

static void compare(json_object *c, size_t index, const char *what, const words *got)
{
    json_object *out = golden_field(c, "out"), *x;
    if (!json_object_object_get_ex(out, what, &x))
        return;
    words want = hex_words(json_object_get_string(x));
    ck_assert_uint_eq(want.n, got->n);
    for (size_t i = 0; i < want.n; i++)
        ck_assert_msg(want.w[i] == got->w[i], "command %zu, %s: %s word %zu is %08x, expected %08x", index,
                      golden_string(c, "name"), what, i, got->w[i], want.w[i]);
    free(want.w);
}

static void run_case(sb_device *dev, json_object *c, size_t index)
{
    sb_error err = {{0}};
    sb_command cmd = {.op = (uint8_t)golden_int(c, "op"),
                      .codec = (uint8_t)golden_int(c, "codec"),
                      .batch = (uint16_t)golden_int(c, "batch"),
                      .rows = (uint32_t)golden_int(c, "rows"),
                      .cols = (uint32_t)golden_int(c, "cols"),
                      .tag = 77};
    for (size_t i = 0; i < 4; i++)
        cmd.p[i] = (uint32_t)golden_item(golden_field(c, "p"), i);
    uint64_t *address[FIELDS] = {&cmd.weights, &cmd.src, &cmd.dst, &cmd.aux}, list;
    words b[FIELDS];
    for (int i = 0; i < FIELDS; i++) {
        json_object *spec = NULL;
        json_object_object_get_ex(c, field[i], &spec);
        b[i] = buffer(spec);
        if (!b[i].n)
            continue;
        ck_assert_int_eq(sb_device_alloc(dev, b[i].n * 4, address[i], &err), SB_OK);
        ck_assert_int_eq(sb_device_write(dev, *address[i], b[i].w, b[i].n * 4, &err), SB_OK);
    }
    sb_command both[2] = {{.op = SB_OP_NOP}, cmd};
    ck_assert_int_eq(sb_device_alloc(dev, sizeof both, &list, &err), SB_OK);
    ck_assert_int_eq(sb_device_write(dev, list, both, sizeof both, &err), SB_OK);
    sb_status st = sb_device_submit(dev, list, 2, &err);
    json_object *e;
    if (json_object_object_get_ex(c, "error", &e)) {
        char code[16], where[64];
        snprintf(code, sizeof code, "(error %d)", json_object_get_int(e));
        snprintf(where, sizeof where, "command 1 (tag 77): %s: ", golden_string(c, "name"));
        ck_assert_msg(st == SB_ERR_DEVICE && strstr(err.msg, code) && !strncmp(err.msg, where, strlen(where)) &&
                          !strchr(err.msg, '\n'),
                      "command %zu, %s: expected error %d, got %d: %s", index, golden_string(c, "name"),
                      json_object_get_int(e), st, err.msg);
    } else {
        ck_assert_msg(st == SB_OK, "command %zu: %s", index, err.msg);
        for (int i = 2; i < FIELDS; i++) {
            if (b[i].n)
                ck_assert_int_eq(sb_device_read(dev, *address[i], b[i].w, b[i].n * 4, &err), SB_OK);
            compare(c, index, field[i], &b[i]);
        }
    }
    for (int i = 0; i < FIELDS; i++)
        free(b[i].w);
}

START_TEST(commands_are_golden)
{
    json_object *all = golden_array("commands");
    sb_device *dev = open_cpu(_i);
    for (size_t i = 0; i < json_object_array_length(all); i++)
        run_case(dev, json_object_array_get_idx(all, i), i);
    sb_device_close(dev);
}
END_TEST

static void check_function(const char *key, float (*f)(float))
{
    json_object *all = golden_array(key);
    for (size_t i = 0; i < json_object_array_length(all); i++) {
        json_object *pair = json_object_array_get_idx(all, i);
        uint32_t x = (uint32_t)golden_item(pair, 0), want = (uint32_t)golden_item(pair, 1),
                 got = sb_f32_bits(f(sb_f32_of_bits(x)));
        ck_assert_msg(got == want, "%s(%08x) is %08x, expected %08x", key, x, got, want);
    }
}

START_TEST(functions_are_golden)
{
    check_function("rsqrt32", sb_rsqrt32);
    check_function("sigmoid32", sb_sigmoid32);
    json_object *all = golden_array("sum64");
    for (size_t i = 0; i < json_object_array_length(all); i++) {
        json_object *c = json_object_array_get_idx(all, i);
        words x = buffer(golden_field(c, "x"));
        ck_assert_uint_eq(sb_f32_bits(sb_sum64((const float *)(const void *)x.w, x.n)), (uint32_t)golden_int(c, "sum"));
        free(x.w);
    }
}
END_TEST

/* y += s B(A x) from MATVEC, QUANTIZE, SCALE and the scaled ADD, against binary64. */
START_TEST(low_rank_side_path)
{
    enum { N = 96, RANK = 8, M = 48 };
    const float s = 0.75f;
    const sb_codec *codec = sb_codec_by_id(SB_CODEC_FP16);
    float *a = random_weights(1, RANK * N, 0.1), *b = random_weights(2, M * RANK, 0.1), *x = random_weights(3, N, 1);
    float *y = random_weights(4, M, 1), got[M];
    sb_device *dev = open_cpu(1);
    sb_error err;
    uint64_t wa, wb, xa, ya, act, exps, acc, mid, out, list;
    struct {
        uint64_t *addr;
        size_t bytes;
    } buf[] = {{&xa, N * 4}, {&ya, M * 4}, {&act, 1024},  {&exps, 4},
               {&acc, 1024}, {&mid, 64},   {&out, M * 4}, {&list, 7 * 64}};
    for (size_t i = 0; i < sizeof buf / sizeof *buf; i++)
        ck_assert_int_eq(sb_device_alloc(dev, buf[i].bytes, buf[i].addr, &err), SB_OK);
    uint32_t pa[RANK * N / 2], pb[M * RANK / 2];
    ck_assert_int_eq(codec->encode(a, RANK, N, 0, &(sb_encode_options){.threads = 1}, pa, &err), SB_OK);
    ck_assert_int_eq(codec->encode(b, M, RANK, 0, &(sb_encode_options){.threads = 1}, pb, &err), SB_OK);
    ck_assert_int_eq(sb_device_load_matrix(dev, &(sb_matrix){codec, RANK, N, 0, pa}, &wa, &err), SB_OK);
    ck_assert_int_eq(sb_device_load_matrix(dev, &(sb_matrix){codec, M, RANK, 0, pb}, &wb, &err), SB_OK);
    sb_command c[7] = {
        {.op = SB_OP_QUANTIZE, .batch = 1, .cols = N, .src = xa, .dst = act, .aux = exps},
        {.op = SB_OP_MATVEC, .batch = 1, .rows = RANK, .cols = N, .weights = wa, .src = act, .dst = acc},
        {.op = SB_OP_SCALE, .batch = 1, .rows = RANK, .src = acc, .dst = mid, .aux = exps, .p = {0, RANK}},
        {.op = SB_OP_QUANTIZE, .batch = 1, .cols = RANK, .src = mid, .dst = act, .aux = exps},
        {.op = SB_OP_MATVEC, .batch = 1, .rows = M, .cols = RANK, .weights = wb, .src = act, .dst = acc},
        {.op = SB_OP_SCALE, .batch = 1, .rows = M, .src = acc, .dst = out, .aux = exps, .p = {0, M}},
        {.op = SB_OP_ADD, .codec = 1, .batch = 1, .cols = M, .src = out, .dst = ya, .p = {sb_f32_bits(s)}},
    };
    sb_device_write(dev, xa, x, N * 4, &err);
    sb_device_write(dev, ya, y, M * 4, &err);
    sb_device_write(dev, list, c, sizeof c, &err);
    ck_assert_msg(sb_device_submit(dev, list, 7, &err) == SB_OK, "%s", err.msg);
    sb_device_read(dev, ya, got, sizeof got, &err);
    for (int i = 0; i < M; i++) {
        double sum = 0;
        for (int r = 0; r < RANK; r++) {
            double t = 0;
            for (int j = 0; j < N; j++)
                t += (double)a[r * N + j] * (double)x[j];
            sum += (double)b[i * RANK + r] * t;
        }
        ck_assert_msg(fabs((double)got[i] - ((double)y[i] + (double)s * sum)) < 1e-3, "row %d", i);
    }
    sb_device_close(dev);
    free(a);
    free(b);
    free(x);
    free(y);
}
END_TEST

/* Records with one field out of range. */
START_TEST(refusals)
{
    sb_device *dev = open_cpu(1);
    sb_error err;
    uint64_t m, list;
    ck_assert_int_eq(sb_device_alloc(dev, 4096, &m, &err), SB_OK);
    ck_assert_int_eq(sb_device_alloc(dev, 64, &list, &err), SB_OK);
    const struct {
        sb_command c;
        const char *says;
    } row[] = {
        {{.op = SB_OP_ROPE, .batch = 1, .rows = 1, .cols = 7, .dst = m, .aux = m, .p = {0, 7, 7}}, "ROPE: heads of 7"},
        {{.op = SB_OP_ROPE, .batch = 1, .rows = 1, .cols = 8, .dst = m, .aux = m, .p = {2, 8, 8}}, "pairing 2"},
        {{.op = SB_OP_ADD, .codec = 2, .batch = 1, .cols = 8, .src = m, .dst = m}, "ADD: unknown flags"},
        {{.op = SB_OP_EMBED, .batch = 1, .rows = 2, .cols = 8, .weights = m, .src = m, .dst = m, .p = {0, 1, 7}},
         "do not fit 7 words"},
        {{.op = SB_OP_TOPK, .batch = 1, .cols = 8, .src = m, .dst = m, .aux = m, .p = {8, 9}}, "the 9 largest of 8"},
        {{.op = SB_OP_TOPK, .batch = 1, .cols = 100, .src = m, .dst = m, .aux = m, .p = {8, 65}}, "the 65 largest"},
        {{.op = SB_OP_KV_APPEND, .batch = 1, .rows = 1, .cols = 4, .src = m, .dst = m, .p = {0, 4, 4}},
         "operation of ref"},
        {{.op = SB_OP_GATHER, .batch = 2, .rows = 9, .cols = 128, .src = m, .dst = m, .aux = m, .p = {128, 128}},
         "src: 4608 bytes"},
        {{.op = SB_OP_SCATTER, .batch = 2, .rows = 9, .cols = 128, .src = m, .dst = m, .aux = m, .p = {128, 128}},
         "dst: 4608 bytes"},
        {{.op = SB_OP_ARGMAX, .batch = 1, .src = m, .dst = m}, "empty shape"},
        {{.op = SB_OP_LAYERNORM, .batch = 1, .rows = 1, .cols = 8, .weights = m, .src = m, .dst = m, .aux = 1 << 30},
         "aux: 32 bytes"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sb_device_write(dev, list, &row[i].c, 64, &err);
        ck_assert_int_eq(sb_device_submit(dev, list, 1, &err), SB_ERR_DEVICE);
        ck_assert_msg(strstr(err.msg, row[i].says) != NULL, "%zu: %s", i, err.msg);
    }
    sb_device_close(dev);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("vector operations");
    TCase *t = tcase_create("cpu");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, commands_are_golden, 1, 4); /* threads */
    tcase_add_test(t, functions_are_golden);
    tcase_add_test(t, low_rank_side_path);
    tcase_add_test(t, refusals);
    suite_add_tcase(s, t);
    return run_suite(s);
}
