/* SPDX-License-Identifier: Apache-2.0
 * Directories of one file and of shards, conversion to float, validation against a config. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "seedbed/checkpoint.h"
#include "seedbed/config.h"
#include "test_support.h"

static sb_error err;

static void write_tensors(const char *file, const sb_tensor_decl *d, size_t n, const void *data, size_t bytes)
{
    sb_safetensors_writer *w;
    ck_assert_msg(sb_safetensors_writer_open(scratch_path(file), d, n, &w, &err) == SB_OK, "%s", err.msg);
    ck_assert(sb_safetensors_writer_write(w, data, bytes, &err) == SB_OK);
    ck_assert_msg(sb_safetensors_writer_commit(w, &err) == SB_OK, "%s", err.msg);
}

static sb_checkpoint *open_ok(void)
{
    sb_checkpoint *ck;
    ck_assert_msg(sb_checkpoint_open(scratch_dir, &ck, &err) == SB_OK, "%s", err.msg);
    return ck;
}

static void open_fails(sb_status status, const char *word)
{
    sb_checkpoint *ck;
    sb_status st = sb_checkpoint_open(scratch_dir, &ck, &err);
    ck_assert_msg(st == status && strstr(err.msg, word), "status %d: %s", st, err.msg);
    ck_assert_ptr_null(ck);
}

START_TEST(converts)
{
    static const struct {
        float f32[6];
        uint16_t f16[4], bf16[4];
        uint32_t u32[1];
    } data = {
        {1, -2, 0.5f, 3e38f, -0.0f, 1e-45f}, {0x3c00, 0xc000, 0x0001, 0x7bff}, {0x3f80, 0xc000, 0x0001, 0x7f7f}, {7}};
    static const sb_tensor_decl d[] = {{"f32", SB_DTYPE_F32, 2, {2, 3}},
                                       {"f16", SB_DTYPE_F16, 1, {4}},
                                       {"bf16", SB_DTYPE_BF16, 3, {2, 1, 2}},
                                       {"u32", SB_DTYPE_U32, 0, {0}}};
    write_tensors("model.safetensors", d, 4, &data, 24 + 8 + 8 + 4);
    sb_checkpoint *ck = open_ok();
    ck_assert_uint_eq(sb_checkpoint_count(ck), 4);
    float out[6];
    const sb_tensor *t = sb_checkpoint_find(ck, "f32");
    ck_assert(sb_tensor_rows(t) == 2 && sb_tensor_cols(t) == 3);
    ck_assert(sb_checkpoint_read_f32(ck, t, 0, 2, out, &err) == SB_OK);
    ck_assert_int_eq(memcmp(out, data.f32, 24), 0);
    ck_assert(sb_checkpoint_read_f32(ck, t, 1, 1, out, &err) == SB_OK && out[0] == 3e38f);
    ck_assert(sb_checkpoint_read_f32(ck, t, 2, 0, out, &err) == SB_OK);
    ck_assert(sb_checkpoint_read_f32(ck, t, 1, 2, out, &err) == SB_ERR_ARG);
    ck_assert(sb_checkpoint_read_f32(ck, t, 1, UINT64_MAX, out, &err) == SB_ERR_ARG);
    t = sb_checkpoint_find(ck, "f16");
    ck_assert(sb_tensor_rows(t) == 1 && sb_tensor_cols(t) == 4);
    ck_assert(sb_checkpoint_read_f32(ck, t, 0, 1, out, &err) == SB_OK);
    ck_assert(out[0] == 1 && out[1] == -2 && out[2] == 0x1p-24f && out[3] == 65504);
    t = sb_checkpoint_find(ck, "bf16");
    ck_assert(sb_tensor_rows(t) == 2 && sb_tensor_cols(t) == 2);
    ck_assert(sb_checkpoint_read_f32(ck, t, 0, 2, out, &err) == SB_OK);
    ck_assert(out[0] == 1 && out[1] == -2 && out[2] == 0x1p-133f && out[3] == 0x1.fep127f);
    ck_assert(sb_checkpoint_read_f32(ck, sb_checkpoint_find(ck, "u32"), 0, 1, out, &err) == SB_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.msg, "tensor u32: dtype U32"));
    sb_checkpoint_close(ck);
}
END_TEST

START_TEST(not_finite)
{
    static const struct {
        uint32_t f32[6];
        uint16_t f16[4], bf16[4];
    } data = {{0, 0, 0, 0, 0x7fc00000, 0}, {0, 0, 0xfc00, 0}, {0, 0x7f80, 0, 0}};
    static const sb_tensor_decl d[] = {
        {"f32", SB_DTYPE_F32, 2, {2, 3}}, {"f16", SB_DTYPE_F16, 2, {2, 2}}, {"bf16", SB_DTYPE_BF16, 2, {2, 2}}};
    write_tensors("model.safetensors", d, 3, &data, sizeof data);
    sb_checkpoint *ck = open_ok();
    float out[6];
    ck_assert(sb_checkpoint_read_f32(ck, sb_checkpoint_find(ck, "f32"), 0, 1, out, &err) == SB_OK);
    ck_assert(sb_checkpoint_read_f32(ck, sb_checkpoint_find(ck, "f32"), 1, 1, out, &err) == SB_ERR_FORMAT);
    ck_assert_msg(strstr(err.msg, "tensor f32: NaN or infinity at row 1, column 1"), "%s", err.msg);
    ck_assert(sb_checkpoint_read_f32(ck, sb_checkpoint_find(ck, "f16"), 0, 2, out, &err) == SB_ERR_FORMAT);
    ck_assert_msg(strstr(err.msg, "row 1, column 0"), "%s", err.msg);
    ck_assert(sb_checkpoint_read_f32(ck, sb_checkpoint_find(ck, "bf16"), 0, 2, out, &err) == SB_ERR_FORMAT);
    ck_assert_msg(strstr(err.msg, "row 0, column 1"), "%s", err.msg);
    sb_checkpoint_close(ck);
}
END_TEST

START_TEST(shards)
{
    static const sb_tensor_decl a[] = {{"x", SB_DTYPE_U8, 1, {2}}, {"stray", SB_DTYPE_U8, 1, {1}}};
    static const sb_tensor_decl b[] = {{"y", SB_DTYPE_U8, 1, {3}}, {"w", SB_DTYPE_U8, 1, {1}}};
    open_fails(SB_ERR_IO, "neither model.safetensors nor");
    scratch_write("model.safetensors.index.json", "{\"metadata\":{\"total_size\":6},\"weight_map\":{\"y\":\"b."
                                                  "safetensors\",\"x\":\"a.safetensors\",\"w\":\"b.safetensors\"}}");
    open_fails(SB_ERR_IO, "a.safetensors: cannot open");
    write_tensors("a.safetensors", a, 2, "xXs", 3);
    write_tensors("b.safetensors", b, 1, "yYy", 3);
    open_fails(SB_ERR_FORMAT, "tensor w is not in b.safetensors");
    write_tensors("b.safetensors", b, 2, "yYyw", 4);
    sb_checkpoint *ck = open_ok();
    ck_assert_uint_eq(sb_checkpoint_count(ck), 3);
    ck_assert_str_eq(sb_checkpoint_at(ck, 0)->name, "w");
    ck_assert_str_eq(sb_checkpoint_at(ck, 2)->name, "y");
    ck_assert_ptr_null(sb_checkpoint_at(ck, 3));
    ck_assert_int_eq(*(const char *)sb_checkpoint_find(ck, "x")->data, 'x');
    ck_assert_int_eq(*(const char *)sb_checkpoint_find(ck, "w")->data, 'w');
    ck_assert_ptr_null(sb_checkpoint_find(ck, "stray"));
    sb_checkpoint_close(ck);
}
END_TEST

static const struct {
    const char *json, *word;
} bad_index[] = {
    {"{}", "weight_map"},
    {"{\"weight_map\":[]}", "weight_map"},
    {"{\"weight_map\":{}}", "weight_map"},
    {"{\"weight_map\":{\"a\":1}}", "tensor a"},
    {"{\"weight_map\":{\"a\":\"../b\"}}", "tensor a"},
    {"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "tensor a"},
    {"{\"weight_map\":{\"a\":\".\"}}", "tensor a"},
    {"{\"weight_map\":{\"a\":\"\"}}", "tensor a"},
    {"{\"weight_map\":{\"a\":\"x\",\"a\":\"y\"}}", "twice"},
};

START_TEST(index_refusals)
{
    sb_index ix;
    ck_assert(sb_index_parse("FILE", bad_index[_i].json, strlen(bad_index[_i].json), &ix, &err) == SB_ERR_FORMAT);
    ck_assert_msg(strstr(err.msg, bad_index[_i].word) && !strncmp(err.msg, "FILE: ", 6), "%s", err.msg);
    ck_assert(ix.n == 0 && !ix.entries);
}
END_TEST

#define TINY                                                                                                           \
    "{\"model_type\":\"llama\",\"hidden_size\":8,\"intermediate_size\":12,\"num_hidden_layers\":1,\"num_attention_"    \
    "heads\":2,"                                                                                                       \
    "\"num_key_value_heads\":1,\"vocab_size\":16,\"tie_word_embeddings\":true"

/* Writes all tensors of the config; `skip` is left out, `bend` gets a row more, `bias` is added. */
static void write_model(const sb_model_config *c, const char *skip, const char *bend, const char *bias)
{
    sb_model_tensor *t;
    sb_tensor_decl d[32];
    size_t n, m = 0, bytes = 0;
    ck_assert(sb_model_tensors(c, &t, &n, &err) == SB_OK);
    for (size_t i = 0; i < n; i++) {
        const sb_quant_tensor *q = sb_quant_find(&c->quant, t[i].base);
        bool packed = q && q->codec != SB_CODEC_FP16;
        d[m] = (sb_tensor_decl){packed ? t[i].qname : t[i].name,
                                packed ? SB_DTYPE_U32
                                : q    ? SB_DTYPE_F16
                                       : SB_DTYPE_F32,
                                t[i].ndim,
                                {t[i].shape[0], t[i].shape[1]}};
        if (packed)
            d[m].shape[1] = sb_codec_row_words(sb_codec_by_id(q->codec), t[i].shape[1]);
        if (skip && !strcmp(d[m].name, skip))
            continue;
        if (bend && !strcmp(d[m].name, bend))
            d[m].shape[0]++;
        bytes += sb_dtype_size(d[m].dtype) * d[m].shape[0] * (d[m].ndim == 2 ? d[m].shape[1] : 1);
        m++;
    }
    if (bias) {
        d[m++] = (sb_tensor_decl){bias, SB_DTYPE_F32, 1, {8}};
        bytes += 32;
    }
    void *zero = calloc(1, bytes);
    write_tensors("model.safetensors", d, m, zero, bytes);
    free(zero);
    free(t);
}

static void validate(const sb_model_config *c, sb_status status, const char *word)
{
    sb_checkpoint *ck = open_ok();
    err.msg[0] = 0;
    sb_status st = sb_model_validate(c, ck, &err);
    ck_assert_msg(st == status && strstr(err.msg, word), "status %d: %s", st, err.msg);
    sb_checkpoint_close(ck);
}

START_TEST(validates)
{
    sb_model_config c;
    const char *plain = TINY "}";
    ck_assert_msg(sb_config_parse("c", plain, strlen(plain), &c, &err) == SB_OK, "%s", err.msg);
    write_model(&c, NULL, NULL, NULL);
    validate(&c, SB_OK, "");
    write_model(&c, "model.norm.weight", NULL, NULL);
    validate(&c, SB_ERR_FORMAT, "tensor model.norm.weight is missing");
    write_model(&c, NULL, "model.layers.0.mlp.up_proj.weight", NULL);
    validate(&c, SB_ERR_FORMAT, "tensor model.layers.0.mlp.up_proj.weight: shape [13, 8], expected [12, 8]");
    write_model(&c, NULL, "model.norm.weight", NULL);
    validate(&c, SB_ERR_FORMAT, "shape [9], expected [8]");
    write_model(&c, NULL, NULL, "model.layers.0.self_attn.q_proj.bias");
    validate(&c, SB_ERR_UNSUPPORTED, "biases");
    sb_config_free(&c);
}
END_TEST

START_TEST(validates_compressed)
{
    sb_model_config c;
    const char *text = TINY
        ",\"quantization_config\":{\"quant_method\":\"seedbed\",\"format_version\":1,\"codec\":\"seedlm3\","
        "\"tensors\":{\"model.layers.0.mlp.up_proj\":{\"codec\":\"seedlm3\",\"rows\":12,\"cols\":8,\"scale_exp\":-3},"
        "\"model.embed_tokens\":{\"codec\":\"fp16\",\"rows\":16,\"cols\":8,\"scale_exp\":0}}}}";
    ck_assert_msg(sb_config_parse("c", text, strlen(text), &c, &err) == SB_OK, "%s", err.msg);
    write_model(&c, NULL, NULL, NULL);
    validate(&c, SB_OK, "");
    sb_checkpoint *ck = open_ok();
    const sb_tensor *t = sb_checkpoint_find(ck, "model.layers.0.mlp.up_proj.qweight");
    ck_assert(t && t->dtype == SB_DTYPE_U32 && t->shape[0] == 12 && t->shape[1] == 2 && sb_tensor_is_aligned(t, 4));
    sb_checkpoint_close(ck);
    write_model(&c, "model.layers.0.mlp.up_proj.qweight", NULL, NULL);
    validate(&c, SB_ERR_FORMAT, "up_proj.qweight is missing");
    write_model(&c, NULL, "model.layers.0.mlp.up_proj.qweight", NULL);
    validate(&c, SB_ERR_FORMAT, "shape [13, 2], expected [12, 2]");
    c.quant.tensors[1].rows = 11;
    ck_assert_str_eq(c.quant.tensors[1].base, "model.layers.0.mlp.up_proj");
    write_model(&c, NULL, NULL, NULL);
    validate(&c, SB_ERR_FORMAT, "as [11, 8], the model needs [12, 8]");
    c.quant.tensors[1].rows = 12;
    c.quant.n = 1; /* forgets up_proj: a plain tensor is expected */
    validate(&c, SB_ERR_FORMAT, "up_proj.weight is missing");
    c.quant.n = 2;
    sb_config_free(&c);
}
END_TEST

START_TEST(real_model)
{
    const char *data = getenv("SEEDBED_DATA");
    char path[512];
    sb_model_config c;
    sb_checkpoint *ck = NULL;
    snprintf(path, sizeof path, "%s/stories260K", data ? data : "../shared/data");
    if (access(path, F_OK) != 0) {
        printf("skipped: test_checkpoint real_model (no data at %s)\n", path);
        return;
    }
    ck_assert_msg(sb_config_load(path, &c, &err) == SB_OK, "%s", err.msg);
    ck_assert_msg(sb_checkpoint_open(path, &ck, &err) == SB_OK, "%s", err.msg);
    ck_assert_msg(sb_model_validate(&c, ck, &err) == SB_OK, "%s", err.msg);
    const sb_tensor *t = sb_checkpoint_find(ck, "model.layers.4.mlp.down_proj.weight");
    ck_assert(t && sb_tensor_rows(t) == 64 && sb_tensor_cols(t) == 172);
    float *w = malloc(64 * 172 * sizeof *w);
    double sum = 0;
    ck_assert(sb_checkpoint_read_f32(ck, t, 0, 64, w, &err) == SB_OK);
    for (int i = 0; i < 64 * 172; i++)
        sum += fabs(w[i]);
    ck_assert(sum > 1);
    free(w);
    sb_checkpoint_close(ck);
    sb_config_free(&c);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("checkpoint");
    TCase *c = tcase_create("checkpoint");
    tcase_add_checked_fixture(c, scratch_make, scratch_remove);
    tcase_add_test(c, converts);
    tcase_add_test(c, not_finite);
    tcase_add_test(c, shards);
    tcase_add_loop_test(c, index_refusals, 0, (int)(sizeof bad_index / sizeof *bad_index));
    tcase_add_test(c, validates);
    tcase_add_test(c, validates_compressed);
    tcase_add_test(c, real_model);
    suite_add_tcase(s, c);
    return run_suite(s);
}
