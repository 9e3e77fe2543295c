/* SPDX-License-Identifier: Apache-2.0
 * config.json: Llama, OpenELM's published tables, refusals, quantization_config, the tensor map. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/file.h"
#include "model/json_util.h"
#include "seedbed/config.h"
#include "test_support.h"

static sb_model_config parse_ok(const char *text)
{
    sb_model_config c;
    sb_error err = {{0}};
    ck_assert_msg(sb_config_parse("test", text, strlen(text), &c, &err) == SB_OK, "%s", err.msg);
    return c;
}

#define LLAMA "\"architectures\":[\"LlamaForCausalLM\"]"

START_TEST(llama)
{
    sb_model_config c =
        parse_ok("{" LLAMA ",\"hidden_size\":64,\"intermediate_size\":172,\"num_hidden_layers\":5,"
                 "\"num_attention_heads\":8,\"num_key_value_heads\":4,\"vocab_size\":512,\"rms_norm_eps\":1e-05,"
                 "\"rope_theta\":5e5,\"max_position_embeddings\":300,\"tie_word_embeddings\":true,"
                 "\"bos_token_id\":null,\"eos_token_id\":[7,9],\"rope_scaling\":null,\"unknown\":{\"x\":[]}}");
    ck_assert(c.arch == SB_ARCH_LLAMA && c.dim == 64 && c.n_layers == 5 && c.head_dim == 8 && c.vocab == 512);
    ck_assert(c.max_context == 300 && c.norm_eps == 1e-5f && c.rope_theta == 5e5f && c.tied_embeddings && !c.qk_norm);
    for (int l = 0; l < 5; l++)
        ck_assert(c.heads[l] == 8 && c.kv_heads[l] == 4 && c.ffn[l] == 172);
    ck_assert(c.bos_id == -1 && c.n_eos == 2 && c.eos_ids[0] == 7 && c.eos_ids[1] == 9);
    ck_assert(!c.rope.on && !c.quant.present);
    sb_config_free(&c);

    /* what transformers assumes when the file says nothing */
    c = parse_ok("{\"model_type\":\"llama\"}");
    ck_assert(c.dim == 4096 && c.vocab == 32000 && c.n_layers == 32 && c.head_dim == 128 && c.ffn[31] == 11008);
    ck_assert(c.heads[0] == 32 && c.kv_heads[0] == 32 && c.max_context == 2048 && c.norm_eps == 1e-6f &&
              !c.tied_embeddings);
    ck_assert(c.bos_id == 1 && c.n_eos == 1 && c.eos_ids[0] == 2);
    sb_config_free(&c);

    c = parse_ok("{" LLAMA
                 ",\"hidden_size\":60,\"num_attention_heads\":8,\"head_dim\":32,\"rope_parameters\":{\"rope_type\":"
                 "\"default\",\"rope_theta\":77.0}}");
    ck_assert(c.head_dim == 32 && c.rope_theta == 77.0f);
    sb_config_free(&c);
}
END_TEST

/* Llama 3.2 1B's scaling; expected values computed with transformers' formula in double precision. */
START_TEST(rope)
{
    sb_model_config c = parse_ok("{" LLAMA ",\"hidden_size\":2048,\"num_attention_heads\":32,\"rope_theta\":500000.0,"
                                 "\"rope_scaling\":{\"factor\":32.0,\"high_freq_factor\":4.0,\"low_freq_factor\":1.0,"
                                 "\"original_max_position_embeddings\":8192,\"rope_type\":\"llama3\"}}");
    float f[32];
    ck_assert(c.rope.on && c.rope.factor == 32 && c.rope.original_context == 8192);
    sb_config_rope_freqs(&c, f);
    for (int i = 0; i < 32; i++) {
        double inv = pow(500000.0, -i / 32.0), wave = 2 * M_PI / inv, want = inv;
        if (wave > 8192.0 / 1.0)
            want = inv / 32;
        else if (wave >= 8192.0 / 4.0) {
            double smooth = (8192.0 / wave - 1.0) / (4.0 - 1.0);
            want = (1 - smooth) * inv / 32 + smooth * inv;
        }
        ck_assert_msg(fabs(f[i] - want) <= 1e-7 * want, "%d: %g, expected %g", i, f[i], want);
    }
    ck_assert(f[0] == 1.0f && f[31] < 1e-7f);
    sb_config_free(&c);
    c = parse_ok("{" LLAMA ",\"hidden_size\":64,\"num_attention_heads\":8}");
    sb_config_rope_freqs(&c, f);
    ck_assert(f[0] == 1.0f && f[1] == 0.1f && f[2] == 0.01f && f[3] == 0.001f);
    sb_config_free(&c);
}
END_TEST

/* The published models: arXiv 2404.14619, heads and widths layer by layer, and the number of parameters. */
static const struct {
    const char *json;
    int layers, heads[36], ffn[36];
    uint64_t params;
} elm[] = {
    {"{\"model_type\":\"openelm\",\"model_dim\":1280,\"num_transformer_layers\":16}",
     16,
     {12, 12, 12, 12, 12, 16, 16, 16, 16, 16, 16, 16, 20, 20, 20, 20},
     {768, 1024, 1280, 1536, 1792, 2048, 2560, 2816, 3072, 3328, 3584, 3840, 4352, 4608, 4864, 5120},
     271527168},
    {"{\"model_type\":\"openelm\",\"model_dim\":1536,\"num_transformer_layers\":20,\"qkv_multipliers\":[0.5,1.0]}",
     20,
     {12, 12, 12, 16, 16, 16, 16, 16, 16, 16, 20, 20, 20, 20, 20, 20, 24, 24, 24, 24},
     {768,  1024, 1280, 1536, 1792, 2304, 2560, 2816, 3072, 3328,
      3584, 3840, 4096, 4352, 4608, 5120, 5376, 5632, 5888, 6144},
     457179136},
    {"{\"model_type\":\"openelm\",\"model_dim\":2048,\"num_transformer_layers\":28,\"ffn_multipliers\":[0.5,4]}",
     28,
     {16, 16, 16, 20, 20, 20, 20, 20, 20, 20, 24, 24, 24, 24, 24, 24, 24, 24, 28, 28, 28, 28, 28, 28, 32, 32, 32, 32},
     {1024, 1280, 1536, 1792, 2048, 2304, 2560, 2816, 3072, 3328, 3584, 3840, 4096, 4608,
      4608, 5120, 5376, 5632, 5888, 6144, 6400, 6656, 6912, 7168, 7424, 7680, 7936, 8192},
     1079891456},
    {"{\"model_type\":\"openelm\",\"model_dim\":3072,\"num_transformer_layers\":36,\"head_dim\":128}",
     36,
     {12, 12, 12, 12, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16,
      20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 24, 24, 24, 24, 24, 24},
     {1536, 1792, 2048, 2560, 2816,  3072,  3328,  3584,  4096,  4352,  4608,  4864,
      5120, 5632, 5888, 6144, 6400,  6656,  7168,  7424,  7680,  7936,  8192,  8704,
      8960, 9216, 9472, 9728, 10240, 10496, 10752, 11008, 11264, 11776, 12032, 12288},
     3036647424},
};

START_TEST(openelm)
{
    sb_model_config c = parse_ok(elm[_i].json);
    ck_assert(c.arch == SB_ARCH_OPENELM && c.n_layers == elm[_i].layers && c.qk_norm && c.tied_embeddings);
    ck_assert(c.vocab == 32000 && c.max_context == 2048 && c.norm_eps == 1e-6f);
    for (int l = 0; l < c.n_layers; l++)
        ck_assert_msg(c.heads[l] == elm[_i].heads[l] && c.kv_heads[l] * 4 == c.heads[l] && c.ffn[l] == elm[_i].ffn[l],
                      "layer %d: %d heads, %d KV heads, ffn %d", l, c.heads[l], c.kv_heads[l], c.ffn[l]);
    sb_model_tensor *t;
    size_t n;
    uint64_t params = 0;
    ck_assert(sb_model_tensors(&c, &t, &n, NULL) == SB_OK);
    ck_assert_uint_eq(n, 2 + 8 * (size_t)c.n_layers);
    for (size_t i = 0; i < n; i++)
        params += t[i].shape[0] * (t[i].ndim == 2 ? t[i].shape[1] : 1);
    ck_assert_uint_eq(params, elm[_i].params);
    free(t);
    sb_config_free(&c);
}
END_TEST

START_TEST(openelm_lists)
{
    sb_model_config c =
        parse_ok("{\"architectures\":[\"OpenELMForCausalLM\"],\"num_transformer_layers\":3,\"model_dim\":128,"
                 "\"num_query_heads\":[3,4,6],\"num_kv_heads\":[3,2,1],\"ffn_multipliers\":[0.5,1.0,1.5],"
                 "\"ffn_dim_divisor\":16,\"normalize_qk_projections\":false,\"share_input_output_layers\":false}");
    ck_assert(c.heads[0] == 3 && c.heads[2] == 6 && c.kv_heads[1] == 2 && c.kv_heads[2] == 1);
    ck_assert(c.ffn[0] == 64 && c.ffn[1] == 128 && c.ffn[2] == 192 && !c.qk_norm && !c.tied_embeddings);
    sb_model_tensor t;
    ck_assert(!sb_model_tensor_get(&c, 0, SB_ROLE_Q_NORM, &t));
    ck_assert(sb_model_tensor_get(&c, 2, SB_ROLE_QKV, &t));
    ck_assert(t.shape[0] == (6 + 2) * 64 && t.shape[1] == 128 && t.kind == SB_KIND_LINEAR);
    ck_assert(sb_model_tensor_get(&c, -1, SB_ROLE_HEAD, &t));
    ck_assert_str_eq(t.name, "lm_head.weight");
    sb_config_free(&c);
    /* CoreNet's smallest: one layer, where a straight line has no slope; null groups: no sharing */
    c = parse_ok("{\"model_type\":\"openelm\",\"num_transformer_layers\":1,\"model_dim\":128,\"qkv_multipliers\":1.0,"
                 "\"ffn_multipliers\":[0.25,0.75],\"num_gqa_groups\":null,\"ffn_dim_divisor\":32}");
    ck_assert(c.heads[0] == 2 && c.kv_heads[0] == 2 && c.ffn[0] == 32);
    sb_config_free(&c);
}
END_TEST

START_TEST(tensor_map)
{
    sb_model_config c = parse_ok("{" LLAMA ",\"hidden_size\":64,\"intermediate_size\":172,\"num_hidden_layers\":12,"
                                 "\"num_attention_heads\":8,\"num_key_value_heads\":4,\"vocab_size\":512}");
    static const struct {
        sb_role role;
        const char *name;
        int ndim;
        uint64_t rows, cols;
        sb_tensor_kind kind;
    } want[] = {
        {SB_ROLE_EMBED, "model.embed_tokens.weight", 2, 512, 64, SB_KIND_EMBED},
        {SB_ROLE_FINAL_NORM, "model.norm.weight", 1, 64, 0, SB_KIND_NORM},
        {SB_ROLE_HEAD, "lm_head.weight", 2, 512, 64, SB_KIND_LINEAR},
        {SB_ROLE_ATTN_NORM, "model.layers.11.input_layernorm.weight", 1, 64, 0, SB_KIND_NORM},
        {SB_ROLE_Q, "model.layers.11.self_attn.q_proj.weight", 2, 64, 64, SB_KIND_LINEAR},
        {SB_ROLE_K, "model.layers.11.self_attn.k_proj.weight", 2, 32, 64, SB_KIND_LINEAR},
        {SB_ROLE_V, "model.layers.11.self_attn.v_proj.weight", 2, 32, 64, SB_KIND_LINEAR},
        {SB_ROLE_O, "model.layers.11.self_attn.o_proj.weight", 2, 64, 64, SB_KIND_LINEAR},
        {SB_ROLE_FFN_NORM, "model.layers.11.post_attention_layernorm.weight", 1, 64, 0, SB_KIND_NORM},
        {SB_ROLE_GATE, "model.layers.11.mlp.gate_proj.weight", 2, 172, 64, SB_KIND_LINEAR},
        {SB_ROLE_UP, "model.layers.11.mlp.up_proj.weight", 2, 172, 64, SB_KIND_LINEAR},
        {SB_ROLE_DOWN, "model.layers.11.mlp.down_proj.weight", 2, 64, 172, SB_KIND_LINEAR},
    };
    sb_model_tensor t, *all;
    size_t n;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        ck_assert(sb_model_tensor_get(&c, 11, want[i].role, &t));
        ck_assert_str_eq(t.name, want[i].name);
        ck_assert(t.ndim == want[i].ndim && t.shape[0] == want[i].rows && t.shape[1] == want[i].cols &&
                  t.kind == want[i].kind);
    }
    ck_assert_str_eq(t.base, "model.layers.11.mlp.down_proj");
    ck_assert_str_eq(t.qname, "model.layers.11.mlp.down_proj.qweight");
    ck_assert(!sb_model_tensor_get(&c, 0, SB_ROLE_QKV, &t) && !sb_model_tensor_get(&c, 0, SB_ROLE_GATE_UP, &t));
    ck_assert(!sb_model_tensor_get(&c, 12, SB_ROLE_Q, &t) && !sb_model_tensor_get(&c, -1, SB_ROLE_Q, &t));
    ck_assert(!sb_model_tensor_get(&c, 0, SB_ROLE_COUNT, &t));
    ck_assert(sb_model_tensors(&c, &all, &n, NULL) == SB_OK);
    ck_assert_uint_eq(n, 12 * 9 + 3);
    ck_assert_str_eq(all[0].name, "model.embed_tokens.weight");
    ck_assert_str_eq(all[n - 1].name, "lm_head.weight");
    free(all);
    c.tied_embeddings = true;
    ck_assert(!sb_model_tensor_get(&c, -1, SB_ROLE_HEAD, &t));
    sb_config_free(&c);
}
END_TEST

#define Q(x) "{" LLAMA ",\"quantization_config\":" x "}"
#define QT(x) Q("{\"quant_method\":\"seedbed\",\"format_version\":1,\"codec\":\"seedlm4\",\"tensors\":{\"a\":" x "}}")
#define ELM(x) "{\"model_type\":\"openelm\"," x "}"
static const struct {
    const char *json, *word;
    sb_status status;
} refused[] = {
    {"", "JSON", SB_ERR_FORMAT},
    {"{}", "architectures", SB_ERR_FORMAT},
    {"{\"architectures\":[]}", "architectures", SB_ERR_FORMAT},
    {"{\"architectures\":[\"MistralForCausalLM\"]}",
     "architecture MistralForCausalLM is not supported (known: LlamaForCausalLM, OpenELMForCausalLM)",
     SB_ERR_UNSUPPORTED},
    {"{\"model_type\":\"gemma\"}", "gemma", SB_ERR_UNSUPPORTED},
    {"{" LLAMA ",\"hidden_size\":0}", "hidden_size is 0", SB_ERR_FORMAT},
    {"{" LLAMA ",\"hidden_size\":64.5}", "hidden_size", SB_ERR_FORMAT},
    {"{" LLAMA ",\"hidden_size\":\"64\"}", "hidden_size", SB_ERR_FORMAT},
    {"{" LLAMA ",\"hidden_size\":99999999999999999999}", "hidden_size", SB_ERR_FORMAT},
    {"{" LLAMA ",\"hidden_size\":100}", "multiple of num_attention_heads 32", SB_ERR_FORMAT},
    {"{" LLAMA ",\"hidden_size\":96}", "odd", SB_ERR_UNSUPPORTED},
    {"{" LLAMA ",\"num_attention_heads\":1048576,\"head_dim\":2}", "heads of 2 are more", SB_ERR_FORMAT},
    {"{" LLAMA ",\"num_key_value_heads\":0}", "num_key_value_heads", SB_ERR_FORMAT},
    {"{" LLAMA ",\"num_key_value_heads\":5}", "5 KV heads", SB_ERR_FORMAT},
    {"{" LLAMA ",\"num_hidden_layers\":1025}", "num_hidden_layers", SB_ERR_FORMAT},
    {"{" LLAMA ",\"rms_norm_eps\":0}", "rms_norm_eps", SB_ERR_FORMAT},
    {"{" LLAMA ",\"rms_norm_eps\":NaN}", "", SB_ERR_FORMAT},
    {"{" LLAMA ",\"rms_norm_eps\":1e999}", "rms_norm_eps", SB_ERR_FORMAT},
    {"{" LLAMA ",\"rope_theta\":-1}", "rope_theta", SB_ERR_FORMAT},
    {"{" LLAMA ",\"hidden_act\":\"gelu\"}", "gelu", SB_ERR_UNSUPPORTED},
    {"{" LLAMA ",\"attention_bias\":true}", "attention_bias", SB_ERR_UNSUPPORTED},
    {"{" LLAMA ",\"mlp_bias\":true}", "mlp_bias", SB_ERR_UNSUPPORTED},
    {"{" LLAMA ",\"mlp_bias\":1}", "mlp_bias", SB_ERR_FORMAT},
    {"{" LLAMA ",\"partial_rotary_factor\":0.5}", "partial_rotary_factor", SB_ERR_UNSUPPORTED},
    {"{" LLAMA ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":2}}", "linear", SB_ERR_UNSUPPORTED},
    {"{" LLAMA ",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":2}}", "needs", SB_ERR_FORMAT},
    {"{" LLAMA ",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":2,\"low_freq_factor\":4,\"high_freq_factor\":4,"
     "\"original_max_position_embeddings\":8192}}",
     "must exceed", SB_ERR_FORMAT},
    {"{" LLAMA ",\"rope_scaling\":7}", "rope_scaling", SB_ERR_FORMAT},
    {"{" LLAMA ",\"bos_token_id\":32000}", "bos_token_id", SB_ERR_FORMAT},
    {"{" LLAMA ",\"eos_token_id\":[2,-1]}", "eos_token_id", SB_ERR_FORMAT},
    {"{" LLAMA ",\"eos_token_id\":\"x\"}", "eos_token_id", SB_ERR_FORMAT},
    {ELM("\"ffn_with_glu\":false"), "ffn_with_glu", SB_ERR_UNSUPPORTED},
    {ELM("\"activation_fn_name\":\"gelu\""), "gelu", SB_ERR_UNSUPPORTED},
    {ELM("\"normalization_layer_name\":\"layer_norm\""), "layer_norm", SB_ERR_UNSUPPORTED},
    {ELM("\"num_query_heads\":[1,2]"), "num_query_heads", SB_ERR_FORMAT},
    {ELM("\"num_query_heads\":[0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"), "num_query_heads[0]", SB_ERR_FORMAT},
    {ELM("\"ffn_multipliers\":[1,2,3]"), "ffn_multipliers has 3", SB_ERR_FORMAT},
    {ELM("\"ffn_multipliers\":[0.5,\"x\"]"), "ffn_multipliers[1]", SB_ERR_FORMAT},
    {ELM("\"qkv_multipliers\":[0.5,-1]"), "qkv_multipliers[1]", SB_ERR_FORMAT},
    {ELM("\"ffn_dim_divisor\":0"), "ffn_dim_divisor", SB_ERR_FORMAT},
    {ELM("\"num_gqa_groups\":0"), "num_gqa_groups", SB_ERR_FORMAT},
    {ELM("\"model_dim\":1048576,\"ffn_multipliers\":1000"), "feed-forward", SB_ERR_FORMAT},
    {ELM("\"rope_max_length\":1024"), "rope_max_length", SB_ERR_FORMAT},
    {Q("7"), "quantization_config", SB_ERR_FORMAT},
    {Q("{\"quant_method\":\"gptq\"}"), "gptq", SB_ERR_UNSUPPORTED},
    {Q("{\"quant_method\":\"seedbed\",\"format_version\":2}"), "format_version 2", SB_ERR_UNSUPPORTED},
    {Q("{\"quant_method\":\"seedbed\",\"format_version\":1}"), "codec is missing", SB_ERR_FORMAT},
    {Q("{\"quant_method\":\"seedbed\",\"format_version\":1,\"codec\":\"zip\"}"), "codec zip", SB_ERR_UNSUPPORTED},
    {Q("{\"quant_method\":\"seedbed\",\"format_version\":1,\"codec\":\"int4\"}"), "tensors", SB_ERR_FORMAT},
    {Q("{\"quant_method\":\"seedbed\",\"format_version\":1,\"codec\":\"int4\",\"rounding\":\"up\",\"tensors\":{}}"),
     "rounding up", SB_ERR_UNSUPPORTED},
    {Q("{\"quant_method\":\"seedbed\",\"format_version\":1,\"codec\":\"int4\",\"weights_per_word\":12,\"tensors\":{}}"),
     "weights_per_word", SB_ERR_FORMAT},
    {QT("7"), "a: not an object", SB_ERR_FORMAT},
    {QT("{}"), "a: needs", SB_ERR_FORMAT},
    {QT("{\"codec\":\"seedlm4\",\"rows\":0,\"cols\":1,\"scale_exp\":0}"), "rows", SB_ERR_FORMAT},
    {QT("{\"codec\":\"seedlm4\",\"rows\":1,\"cols\":1,\"scale_exp\":99999}"), "scale_exp", SB_ERR_FORMAT},
    {QT("{\"codec\":\"none\",\"rows\":1,\"cols\":1,\"scale_exp\":0}"), "codec none", SB_ERR_UNSUPPORTED},
};

START_TEST(refusals)
{
    sb_model_config c;
    sb_error err = {{0}};
    sb_status st = sb_config_parse("FILE", refused[_i].json, strlen(refused[_i].json), &c, &err);
    ck_assert_msg(st == refused[_i].status, "case %d: status %d, message %s", _i, st, err.msg);
    ck_assert_msg(strstr(err.msg, refused[_i].word) && !strncmp(err.msg, "FILE: ", 6) && !strchr(err.msg, '\n'),
                  "case %d: %s", _i, err.msg);
    sb_config_free(&c);
}
END_TEST

START_TEST(quantized)
{
    static const char in[] = "{\n  \"zebra\": [1, 2.50, \"\\u00e9/\"],\n  " LLAMA ",\n  \"rope_theta\": 1e4,\n"
                             "  \"quantization_config\": {\"old\": 1},\n  \"apple\": null\n}";
    char a[] = "/tmp/sb-config-XXXXXX", b[64];
    int fd = mkstemp(a);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, in, sizeof in - 1), sizeof in - 1);
    close(fd);
    snprintf(b, sizeof b, "%s.out", a);
    sb_quant_config q = {.codec = SB_CODEC_SEEDLM3, .embed_codec = SB_CODEC_INT4, .rounding = SB_ROUND_SEARCH};
    sb_error err = {{0}};
    ck_assert(sb_quant_add(&q, "model.x", SB_CODEC_SEEDLM3, 172, 64, -3, &err) == SB_OK);
    ck_assert(sb_quant_add(&q, "model.a", SB_CODEC_FP16, 1, 2, 0, &err) == SB_OK);
    ck_assert(sb_quant_add(&q, "model.m", SB_CODEC_INT4, 9, 8, 7, &err) == SB_OK);
    ck_assert(sb_quant_add(&q, "model.a", SB_CODEC_INT4, 1, 2, 0, &err) == SB_ERR_ARG);
    ck_assert_msg(sb_config_write_quantized(a, b, &q, &err) == SB_OK, "%s", err.msg);

    char *text;
    size_t size;
    ck_assert(sb_file_read(b, 1 << 20, &text, &size, &err) == SB_OK);
    ck_assert_ptr_nonnull(strstr(text, "2.50")); /* numbers keep their text */
    ck_assert_ptr_nonnull(strstr(text, "1e4"));
    ck_assert_ptr_null(strstr(text, "\"old\""));
    const char *zebra = strstr(text, "zebra"), *arch = strstr(text, "architectures"), *apple = strstr(text, "apple");
    ck_assert(zebra && arch && apple && zebra < arch && arch < apple);
    ck_assert_ptr_nonnull(strstr(text, "\xc3\xa9/"));
    sb_model_config c;
    ck_assert_msg(sb_config_parse(b, text, size, &c, &err) == SB_OK, "%s", err.msg);
    ck_assert(c.quant.present && c.quant.codec == SB_CODEC_SEEDLM3 && c.quant.embed_codec == SB_CODEC_INT4);
    ck_assert(c.quant.rounding == SB_ROUND_SEARCH && c.quant.n == 3);
    const sb_quant_tensor *t = sb_quant_find(&c.quant, "model.x");
    ck_assert(t && t->codec == SB_CODEC_SEEDLM3 && t->rows == 172 && t->cols == 64 && t->scale_exp == -3);
    ck_assert(sb_quant_find(&c.quant, "model.a")->codec == SB_CODEC_FP16 &&
              sb_quant_find(&c.quant, "model.m")->scale_exp == 7);
    ck_assert_ptr_null(sb_quant_find(&c.quant, "model.b"));
    sb_config_free(&c);
    json_object *j;
    ck_assert(sb_json_parse(b, text, size, 1 << 20, &j, &err) == SB_OK);
    json_object *qc = sb_json_get(j, "quantization_config"), *lfsr = sb_json_get(qc, "lfsr");
    ck_assert_int_eq(json_object_get_int(sb_json_get(qc, "side_bits_per_8_words")), 32);
    ck_assert_int_eq(json_object_get_int(sb_json_get(qc, "weights_per_word")), 12);
    ck_assert_str_eq(json_object_to_json_string_ext(sb_json_get(lfsr, "taps"), JSON_C_TO_STRING_PLAIN), "[0,1,3,12]");
    ck_assert_int_eq(json_object_get_int(sb_json_get(lfsr, "coefficients")), 4);
    json_object_put(j);
    free(text);
    ck_assert(sb_config_write_quantized(a, "/nonexistent/c.json", &q, &err) == SB_ERR_IO);
    for (size_t i = 0; i < q.n; i++)
        free(q.tensors[i].base);
    free(q.tensors);
    unlink(a);
    unlink(b);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("config");
    TCase *c = tcase_create("config");
    tcase_add_test(c, llama);
    tcase_add_test(c, rope);
    tcase_add_loop_test(c, openelm, 0, (int)(sizeof elm / sizeof *elm));
    tcase_add_test(c, openelm_lists);
    tcase_add_test(c, tensor_map);
    tcase_add_loop_test(c, refusals, 0, (int)(sizeof refused / sizeof *refused));
    tcase_add_test(c, quantized);
    suite_add_tcase(s, c);
    return run_suite(s);
}
