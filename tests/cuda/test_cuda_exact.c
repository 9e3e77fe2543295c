/* SPDX-License-Identifier: Apache-2.0
 * The cuda device against the cpu device, bit for bit: every operation over random shapes, modes and masks; errors;
 * graphs; waits. Built twice: over the emulator (SB_CUDA_EMULATED: no GPU needed, threads in three orders), and over
 * the CUDA library, where it runs on a GPU or skips by name. */
#include "../unit/attention_case.h"
#include "pair.h"
#include "sb_kernels_cuda.h"

#ifdef SB_CUDA_EMULATED
extern int emu_order;
extern bool emu_no_device, emu_hang;
#define LOOPS(emulated, gpu) (emulated)
#else
static int emu_order;
#define LOOPS(emulated, gpu) (gpu)
#endif

/* ---- MATVEC ---- */

static void matvec(const sb_codec *codec, size_t rows, size_t cols, uint16_t batch)
{
    pair p;
    pair_open(&p);
    size_t row_words = sb_codec_row_words(codec, cols), elems = sb_codec_act_elems(codec, cols);
    uint32_t *words = malloc(rows * row_words * 4);
    int16_t *x = calloc(batch * elems, 2);
    for (size_t i = 0; i < rows * row_words; i++)
        words[i] = rnd() ^ rnd() << 16;
    for (size_t v = 0; v < batch; v++)
        for (size_t c = 0; c < cols; c++)
            x[v * elems + c / (size_t)codec->act_block * (size_t)codec->act_stride + c % (size_t)codec->act_block] =
                (int16_t)(rnd() % 8   ? (int)(rnd() % 65535) - 32767
                          : rnd() & 1 ? 32767
                                      : -32767);
    sb_matrix m = {.codec = codec, .rows = rows, .cols = cols, .words = words};
    sb_command c = {.op = SB_OP_MATVEC,
                    .codec = (uint8_t)codec->id,
                    .batch = batch,
                    .rows = (uint32_t)rows,
                    .cols = (uint32_t)cols};
    c.src = pair_put(&p, x, batch * elems * 2);
    c.dst = pair_alloc(&p, batch * sb_acc_stride(rows));
    sb_command d = c;
    sb_error err;
    ck_assert(!sb_device_load_matrix(p.cpu, &m, &c.weights, &err) &&
              !sb_device_load_matrix(p.cuda, &m, &d.weights, &err));
    pair_run(&p, &c, &d, 1, "matvec");
    free(words);
    free(x);
    pair_close(&p);
}

START_TEST(matvec_shapes)
{
    const sb_codec *codec = sb_codec_by_id(_i / 3);
    emu_order = _i % 3;
    for (int i = 0; i < LOOPS(14, 200); i++)
        matvec(codec, 1 + below(40), 1 + below(i % 4 ? 90 : 700), (uint16_t)(1 + below(6)));
    matvec(codec, 5, 1, 1);
    matvec(codec, 9, 4097, 1); /* columns over the warps of a block */
    matvec(codec, 67, 300, 9);
    matvec(codec, 67, 4097, 1);  /* a last group of rows that overlaps the one before */
    matvec(codec, 32, 21600, 1); /* activations in two parts */
#ifndef SB_CUDA_EMULATED
    matvec(codec, 4096, 14336, 1);
    matvec(codec, 14336, 4096, 1);
    matvec(codec, 9000, 4096, 16);
#endif
}
END_TEST

/* ---- vector operations ---- */

static uint64_t indices(pair *p, size_t n, uint32_t rows)
{
    uint32_t *id = malloc(n * 4);
    for (size_t i = 0; i < n; i++)
        id[i] = below(rows);
    uint64_t a = pair_put(p, id, n * 4);
    free(id);
    return a;
}

static uint32_t f32_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    return u;
}

static void vector_op(unsigned op, bool wild)
{
    pair p;
    pair_open(&p);
    uint32_t b = 1 + below(4), rows = 1 + below(5), cols = 1 + below(wild ? 300 : 90), pad = below(3) * 16;
    if (op == SB_OP_ROPE)
        cols += cols % 2;
    uint32_t stride = rows * cols + pad;
    sb_command c = {.op = (uint8_t)op, .batch = (uint16_t)b, .rows = rows, .cols = cols};
    switch (op) {
    case SB_OP_QUANTIZE:
        c.codec = (uint8_t)below(SB_CODEC_COUNT);
        c.src = pair_floats(&p, b * cols, wild);
        c.dst = pair_alloc(&p, b * sb_codec_act_elems(sb_codec_by_id(c.codec), cols) * 2);
        c.aux = pair_alloc(&p, b * 4);
        break;
    case SB_OP_SCALE: {
        c.codec = (uint8_t)below(SB_CODEC_COUNT);
        c.rows = cols;
        c.p[0] = (uint32_t)((int)below(20) - 10);
        c.p[1] = cols + pad;
        size_t n = b * sb_acc_stride(cols) / 8;
        int64_t *acc = malloc(n * 8);
        int32_t *k = malloc(b * 4);
        for (size_t i = 0; i < n; i++)
            acc[i] = (int64_t)((uint64_t)rnd() << 32 | rnd()) >> below(60);
        for (size_t i = 0; i < b; i++)
            k[i] = wild ? (int)below(192) - 20 : (int)below(20);
        c.src = pair_put(&p, acc, n * 8);
        c.aux = pair_put(&p, k, b * 4);
        c.dst = pair_alloc(&p, b * c.p[1] * 4);
        free(acc);
        free(k);
        break;
    }
    case SB_OP_EMBED: {
        c.codec = (uint8_t)below(SB_CODEC_COUNT);
        c.p[1] = below(3) == 0;
        const sb_codec *codec = sb_codec_by_id(c.codec);
        size_t n = c.p[1] ? cols : sb_codec_row_words(codec, cols);
        c.p[0] = (uint32_t)((int)below(9) - 4);
        c.p[2] = (uint32_t)n + below(5);
        c.rows = 20;
        uint32_t *words = malloc(c.p[2] * 20 * 4);
        for (size_t i = 0; i < c.p[2] * 20; i++)
            words[i] = c.p[1] ? f32_bits((float)(int)rnd() * 1e-6f) : rnd() ^ rnd() << 16;
        c.weights = pair_put(&p, words, c.p[2] * 20 * 4);
        c.src = indices(&p, b, wild && !below(4) ? 25 : 20);
        c.dst = pair_alloc(&p, b * cols * 4);
        free(words);
        break;
    }
    case SB_OP_RMSNORM:
    case SB_OP_LAYERNORM:
        c.weights = pair_floats(&p, cols, false);
        c.src = pair_floats(&p, b * stride, wild);
        c.dst = below(2) ? c.src : pair_alloc(&p, b * stride * 4);
        if (op == SB_OP_LAYERNORM && below(2))
            c.aux = pair_floats(&p, cols, false);
        c.p[0] = f32_bits(1e-6f);
        c.p[1] = stride;
        c.p[2] = f32_bits(1.0f / (float)cols);
        break;
    case SB_OP_ROPE:
        c.dst = pair_floats(&p, b * stride, wild);
        c.p[0] = below(2);
        c.p[1] = stride;
        c.p[2] = cols + pad;
        c.aux = pair_floats(&p, b * c.p[2], false);
        break;
    case SB_OP_SILU_MUL:
    case SB_OP_GELU_MUL:
        c.p[0] = cols + pad;
        c.src = pair_floats(&p, b * c.p[0], wild);
        c.aux = pair_floats(&p, b * c.p[0], wild);
        c.dst = pair_alloc(&p, b * cols * 4);
        break;
    case SB_OP_ADD:
        c.codec = (uint8_t)below(2);
        c.p[0] = f32_bits(0.37f);
        c.src = pair_floats(&p, b * cols, wild);
        c.dst = pair_floats(&p, b * cols, wild);
        break;
    case SB_OP_GATHER:
    case SB_OP_SCATTER: {
        bool gather = op == SB_OP_GATHER;
        c.rows = 7;
        c.p[0] = cols + below(4);
        c.p[1] = cols + below(4);
        c.aux = indices(&p, b, wild && !below(4) ? 9 : 7);
        c.src = pair_floats(&p, (gather ? c.rows : b) * c.p[0], wild);
        c.dst = pair_alloc(&p, (gather ? b : c.rows) * c.p[1] * 4);
        break;
    }
    case SB_OP_ARGMAX:
    case SB_OP_TOPK: {
        cols = c.cols = 1 + below(3000);
        c.p[0] = cols + pad;
        float *x = malloc(b * c.p[0] * 4);
        for (size_t i = 0; i < b * c.p[0]; i++)
            x[i] = below(9) ? (float)(int)below(wild ? 9 : 100000) - 4 : below(2) ? 0.0f : -0.0f; /* ties */
        if (wild && !below(5))
            x[below(b * c.p[0])] = below(2) ? NAN : INFINITY;
        c.src = pair_put(&p, x, b * c.p[0] * 4);
        free(x);
        c.p[1] = 1 + below(cols < 64 ? cols : wild && LOOPS(below(5), 0) ? 7 : 64);
        size_t n = b * sb_topk_stride(c.p[1]);
        c.dst = pair_alloc(&p, n * 4);
        if (op == SB_OP_TOPK)
            c.aux = pair_alloc(&p, n * 4);
        break;
    }
    default:
        ck_abort_msg("no case for %s", sb_op_name(op));
    }
    if (wild && c.src && !below(6) && op != SB_OP_SCALE && op != SB_OP_EMBED) { /* something that is not finite */
        float bad = below(2) ? NAN : -INFINITY;
        sb_error err;
        uint64_t at = c.src + 4 * (uint64_t)below(cols);
        sb_device_write(p.cpu, at, &bad, 4, &err);
        sb_device_write(p.cuda, at, &bad, 4, &err);
    }
    pair_run(&p, &c, NULL, 1, "vector operation");
    pair_close(&p);
}

static const unsigned vector_ops[] = {SB_OP_QUANTIZE, SB_OP_SCALE,    SB_OP_EMBED,    SB_OP_RMSNORM, SB_OP_LAYERNORM,
                                      SB_OP_ROPE,     SB_OP_SILU_MUL, SB_OP_GELU_MUL, SB_OP_ADD,     SB_OP_GATHER,
                                      SB_OP_SCATTER,  SB_OP_ARGMAX,   SB_OP_TOPK};

START_TEST(vector_operations)
{
    for (int i = 0; i < LOOPS(30, 200); i++) {
        emu_order = i % 3;
        vector_op(vector_ops[_i], i & 1);
    }
}
END_TEST

/* ---- attention ---- */

START_TEST(attention_from_records)
{
    static const uint32_t dims[] = {8, 32, 40, 64, 96, 128, 200, 256};
    case_rng += (uint64_t)_i * 7919 + 1;
    for (int i = 0; i < LOOPS(25, 100); i++) {
        emu_order = i % 3;
        attn_case c;
        attn_case_random(&c, i % 5 ? 150 : 700, 9, dims, 8);
        const sb_attn *a = &c.a;
        pair p;
        pair_open(&p);
        sb_command cmd = {.op = SB_OP_ATTENTION_X,
                          .codec = (uint8_t)a->flags,
                          .batch = (uint16_t)a->batch,
                          .rows = a->heads,
                          .cols = a->head_dim,
                          .p = {a->keys, a->capacity, a->window, a->kv_heads}};
        bool kv8 = a->flags & SB_ATTN_KV8;
        cmd.src = pair_put(&p, c.queries, c.rows * sb_attn_query_bytes(a->head_dim));
        cmd.weights = pair_put(&p, c.kv, a->kv_heads * sb_attn_kv_bytes(a->head_dim, kv8, a->capacity));
        if (a->flags & SB_ATTN_BITMAP)
            cmd.aux = pair_put(&p, c.mask, (a->keys + 63) / 64 * sb_attn_mask_tokens(a->batch) * 8);
        cmd.dst = pair_alloc(&p, c.dst_bytes + c.prob_bytes);
        pair_run(&p, &cmd, NULL, 1, "attention");
        sb_command scale = {.op = SB_OP_ATTN_SCALE,
                            .codec = cmd.codec,
                            .batch = cmd.batch,
                            .rows = cmd.rows,
                            .cols = cmd.cols,
                            .src = cmd.dst,
                            .aux = cmd.src,
                            .p = {0, 0, 0, a->kv_heads}};
        scale.dst = pair_alloc(&p, c.rows * a->head_dim * 4);
        pair_run(&p, &scale, NULL, 1, "attention scale");
        pair_close(&p);
        attn_case_free(&c);
    }
}
END_TEST

/* From f32 queries, keys and values, a few tokens at a time, four commands a list: the list of a decode step. */
START_TEST(attention_steps)
{
    static const uint32_t dims[] = {8, 64, 40, 128};
    emu_order = _i % 3;
    bool kv8 = _i & 1, sigmoid = _i & 2, alibi = _i & 4;
    uint32_t kv_heads = 1 + _i % 2, heads = kv_heads * (1 + (uint32_t)_i % 3), hd = dims[_i % 4], capacity = 64,
             tokens = 20;
    pair p;
    pair_open(&p);
    float slope[64];
    _Alignas(64) uint8_t params[65 * 64];
    uint32_t window = _i % 3 ? 0 : 7;
    for (uint32_t h = 0; h < heads; h++)
        slope[h] = exp2f(-8.0f * (float)(h + 1) / (float)heads);
    sb_attn_query_params(heads, hd, -2.3f, alibi ? slope : NULL, window, params);
    uint64_t par = pair_put(&p, params, sb_attn_query_params_bytes(heads));
    uint64_t q = pair_floats(&p, tokens * heads * hd, false), k = pair_floats(&p, tokens * kv_heads * hd, false),
             v = pair_floats(&p, tokens * kv_heads * hd, true);
    size_t cache_bytes = kv_heads * sb_attn_kv_bytes(hd, kv8, capacity);
    uint8_t *zero = calloc(1, cache_bytes);
    uint64_t cache = pair_put(&p, zero, cache_bytes);
    free(zero);
    uint64_t records = pair_alloc(&p, tokens * heads * sb_attn_query_bytes(hd)),
             sums = pair_alloc(&p, tokens * heads * sb_attn_row_bytes(hd)),
             dst = pair_alloc(&p, tokens * heads * hd * 4);
    uint8_t flags = (uint8_t)(SB_ATTN_CAUSAL | (sigmoid ? SB_ATTN_SIGMOID : 0) | (kv8 ? SB_ATTN_KV8 : 0));
    uint32_t step = _i % 4 == 3 ? 3 : 1, qs = heads * hd, ks = kv_heads * hd;
    for (uint32_t t = 0; t < tokens; t += step) {
        uint16_t n = (uint16_t)(tokens - t < step ? tokens - t : step);
        sb_command c[4] = {
            {.op = SB_OP_QUANTIZE_KV,
             .codec = flags,
             .batch = n,
             .rows = kv_heads,
             .cols = hd,
             .src = k + 4ull * t * ks,
             .aux = v + 4ull * t * ks,
             .dst = cache,
             .p = {t, capacity, ks}},
            {.op = SB_OP_QUANTIZE_Q,
             .codec = flags,
             .batch = n,
             .rows = heads,
             .cols = hd,
             .weights = cache,
             .src = q + 4ull * t * qs,
             .dst = records,
             .aux = par,
             .p = {t, capacity, qs, kv_heads}},
            {.op = SB_OP_ATTENTION_X,
             .codec = flags,
             .batch = n,
             .rows = heads,
             .cols = hd,
             .weights = cache,
             .src = records,
             .dst = sums,
             .p = {t + n, capacity, window, kv_heads}},
            {.op = SB_OP_ATTN_SCALE,
             .codec = flags,
             .batch = n,
             .rows = heads,
             .cols = hd,
             .src = sums,
             .aux = records,
             .dst = dst + 4ull * t * qs,
             .p = {0, 0, 0, kv_heads}},
        };
        pair_run(&p, c, NULL, 4, "attention step");
    }
    pair_close(&p);
}
END_TEST

/* ---- lists ---- */

/* A list of one shape is captured the second time and replayed after that, with other addresses, positions and data. */
START_TEST(graphs_replay)
{
    sb_cuda *cuda;
    char why[256];
    ck_assert_msg(!sb_cuda_open(0, &cuda, why, sizeof why), "%s", why);
    ck_assert(!sb_cuda_reserve(cuda, 1 << 20, why, sizeof why));
    float x[6][8], y[8];
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 8; j++)
            x[i][j] = (float)(10 * i + j);
    ck_assert(!sb_cuda_write(cuda, 8192, x, sizeof x, why, sizeof why));
    for (uint32_t i = 0; i < 6; i++) {
        sb_command c[2] = {{.op = SB_OP_GATHER,
                            .batch = 1,
                            .rows = 6,
                            .cols = 8,
                            .src = 8192,
                            .dst = 16384 + 64 * i,
                            .aux = 32768,
                            .p = {8, 8}},
                           {.op = SB_OP_ADD, .batch = 1, .cols = 8, .src = 16384 + 64 * i, .dst = 16384 + 64 * i}};
        uint32_t failed;
        ck_assert(!sb_cuda_write(cuda, 4096, c, sizeof c, why, sizeof why) &&
                  !sb_cuda_write(cuda, 32768, &i, 4, why, sizeof why));
        ck_assert_msg(!sb_cuda_run(cuda, 4096, c, 2, 5, &failed, why, sizeof why), "%s", why);
        ck_assert(!sb_cuda_read(cuda, 16384 + 64 * i, y, sizeof y, why, sizeof why));
        for (int j = 0; j < 8; j++)
            ck_assert_msg(y[j] == 2 * x[i][j], "list %u, element %d: %g", i, j, (double)y[j]);
    }
    sb_cuda_counts n;
    sb_cuda_counts_get(cuda, &n);
    ck_assert_uint_eq(n.lists, 6);
    ck_assert_uint_eq(n.graphs, 1);
    ck_assert_uint_eq(n.replays, 5);
    sb_cuda_close(cuda);
}
END_TEST

/* An error ends the list: what comes after it is not done. */
START_TEST(an_error_ends_the_list)
{
    pair p;
    pair_open(&p);
    float bad[4] = {1, NAN, 2, 3};
    uint64_t x = pair_put(&p, bad, 16), q = pair_alloc(&p, 64), k = pair_alloc(&p, 4), y = pair_floats(&p, 4, false),
             z = pair_floats(&p, 4, false);
    sb_command c[3] = {
        {.op = SB_OP_ADD, .batch = 1, .cols = 4, .src = y, .dst = z},
        {.op = SB_OP_QUANTIZE, .codec = 2, .batch = 1, .cols = 4, .tag = 77, .src = x, .dst = q, .aux = k},
        {.op = SB_OP_ADD, .batch = 1, .cols = 4, .src = y, .dst = z}};
    for (int round = 0; round < 3; round++) { /* the third time from a graph */
        float before[4], after[2][4], add[4];
        sb_error err;
        sb_device_read(p.cuda, z, before, 16, &err);
        sb_device_read(p.cuda, y, add, 16, &err);
        pair_run(&p, c, NULL, 3, "list with an error");
        sb_device_read(p.cpu, z, after[0], 16, &err);
        sb_device_read(p.cuda, z, after[1], 16, &err);
        for (int i = 0; i < 4; i++) {
            ck_assert_msg(after[1][i] == before[i] + add[i], "the command after the error was done");
            ck_assert(after[0][i] == after[1][i]);
        }
    }
    pair_close(&p);
}
END_TEST

START_TEST(misaligned_sums_are_refused)
{
    pair p;
    pair_open(&p);
    sb_error err;
    uint64_t a = pair_alloc(&p, 256);
    sb_command c = {
        .op = SB_OP_SCALE, .codec = 2, .batch = 1, .rows = 2, .src = a + 4, .dst = a + 64, .aux = a + 128, .p = {0, 2}};
    sb_device_write(p.cuda, p.list, &c, sizeof c, &err);
    ck_assert_int_eq(sb_device_submit(p.cuda, p.list, 1, &err), SB_ERR_DEVICE);
    ck_assert_msg(strstr(err.msg, "not a multiple of 8"), "%s", err.msg);
    pair_close(&p);
}
END_TEST

#ifdef SB_CUDA_EMULATED
START_TEST(a_hang_ends_in_a_diagnosis)
{
    pair p;
    pair_open(&p);
    sb_error err;
    uint64_t y = pair_floats(&p, 4, false);
    sb_command c[2] = {{.op = SB_OP_ADD, .batch = 1, .cols = 4, .src = y, .dst = y},
                       {.op = SB_OP_ADD, .batch = 1, .cols = 4, .tag = 9, .src = y, .dst = y}};
    sb_device_write(p.cuda, p.list, c, sizeof c, &err);
    emu_hang = true;
    ck_assert_int_eq(sb_device_submit(p.cuda, p.list, 2, &err), SB_ERR_TIMEOUT);
    ck_assert_msg(strstr(err.msg, "not done after 2.0 s: command 1 of 2 (ADD, tag 9"), "%s", err.msg);
    emu_hang = false;
    ck_assert_int_eq(sb_device_submit(p.cuda, p.list, 2, &err), SB_ERR_DEVICE);
    ck_assert_msg(strstr(err.msg, "of no use after an earlier failure"), "%s", err.msg);
    pair_close(&p);
}
END_TEST

START_TEST(no_device_is_one_line)
{
    sb_device *dev;
    sb_error err;
    emu_no_device = true;
    ck_assert_int_eq(sb_device_open_backend(&sb_backend_cuda, "", NULL, &dev, &err), SB_ERR_UNSUPPORTED);
    ck_assert_str_eq(err.msg,
                     "device cuda: no CUDA GPU here: no driver, or one too old for this build (CUDA error 35)");
    emu_no_device = false;
    ck_assert_int_eq(sb_device_open_backend(&sb_backend_cuda, "device=3", NULL, &dev, &err), SB_ERR_UNSUPPORTED);
    ck_assert_str_eq(err.msg, "device cuda: no CUDA device 3: there is 1");
    ck_assert_int_eq(sb_device_open_backend(&sb_backend_cuda, "devise=3", NULL, &dev, &err), SB_ERR_ARG);
}
END_TEST
#endif

int main(void)
{
#ifndef SB_CUDA_EMULATED
    sb_device *dev = NULL;
    sb_error err;
    if (sb_device_open_backend(&sb_backend_cuda, "", NULL, &dev, &err)) {
        printf("skipped: test_cuda_exact (%s)\n", err.msg);
        return 0;
    }
    printf("%s\n", sb_device_describe(dev));
    sb_device_close(dev);
#endif
    Suite *s = suite_create("cuda exact");
    TCase *t = tcase_create("operations");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, matvec_shapes, 0, 3 * SB_CODEC_COUNT);
    tcase_add_loop_test(t, vector_operations, 0, (int)(sizeof vector_ops / sizeof *vector_ops));
    tcase_add_loop_test(t, attention_from_records, 0, 20);
    tcase_add_loop_test(t, attention_steps, 0, 12);
    suite_add_tcase(s, t);
    t = tcase_create("lists");
    tcase_add_test(t, graphs_replay);
    tcase_add_test(t, an_error_ends_the_list);
    tcase_add_test(t, misaligned_sums_are_refused);
#ifdef SB_CUDA_EMULATED
    tcase_add_test(t, a_hang_ends_in_a_diagnosis);
    tcase_add_test(t, no_device_is_one_line);
#endif
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
#ifndef SB_CUDA_EMULATED
    srunner_set_fork_status(r, CK_NOFORK); /* a CUDA context does not survive a fork */
#endif
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
