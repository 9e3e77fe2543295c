/* SPDX-License-Identifier: Apache-2.0
 * Low-rank adapters: what is read of PEFT's two files and what is refused; and that the side path in a step of a model
 * of any shape gives what merged weights give, in a batch as one by one. */
#include <stdio.h>
#include <string.h>

#include "device/attention_exact.h"
#include "graph/session_internal.h"
#include "graph_case.h"
#include "model/lora_internal.h"
#include "scratch.h"
#include "test_support.h"

static sb_error err;

/* ---- adapter_config.json ---- */

#define TARGETS "\"target_modules\":[\"q_proj\"]"
#define MINIMAL "\"peft_type\":\"LORA\",\"r\":4,\"lora_alpha\":8," TARGETS

static const struct {
    const char *json, *message; /* NULL: accepted */
} configs[] = {
    {"{" MINIMAL "}", NULL},
    {"{" MINIMAL
     ",\"bias\":\"none\",\"use_dora\":false,\"modules_to_save\":null,\"layer_replication\":null,\"lora_dropout\":0.1,"
     "\"inference_mode\":true,\"task_type\":\"CAUSAL_LM\",\"rank_pattern\":{},\"alpha_pattern\":{},\"init_lora_"
     "weights\":\"gaussian\"}",
     NULL},
    /* the keys that PEFT 0.21 writes, as it writes them for a plain adapter */
    {"{" MINIMAL ",\"alora_invocation_tokens\":null,\"alpha_pattern\":{},\"arrow_config\":null,\"auto_mapping\":null,"
     "\"base_model_name_or_path\":\"m\",\"bias\":\"none\",\"corda_config\":null,\"ensure_weight_tying\":false,"
     "\"eva_config\":null,\"exclude_modules\":null,\"fan_in_fan_out\":false,\"inference_mode\":true,\"init_lora_"
     "weights\":true,"
     "\"kasa_config\":null,\"layer_replication\":null,\"layers_pattern\":null,\"layers_to_transform\":null,\"loftq_"
     "config\":{},"
     "\"lora_bias\":false,\"lora_dropout\":0.0,\"lora_ga_config\":null,\"megatron_config\":null,"
     "\"megatron_core\":\"megatron.core\",\"modules_to_save\":null,\"monteclora_config\":null,\"peft_version\":\"0.21."
     "2\","
     "\"qalora_group_size\":16,\"rank_pattern\":{},\"revision\":null,\"target_parameters\":null,\"task_type\":\"CAUSAL_"
     "LM\","
     "\"trainable_token_indices\":null,\"use_bdlora\":null,\"use_dora\":false,\"use_qalora\":false,\"use_rslora\":"
     "false,"
     "\"velora_config\":null}",
     NULL},
    {"{" MINIMAL ",\"something_new\":null,\"another\":false,\"third\":[],\"fourth\":{}}", NULL},
    {"{" MINIMAL ",\"something_new\":0}", "unknown key something_new"},
    {"{" MINIMAL ",\"something_new\":\"x\"}", "unknown key something_new"},
    {"{" MINIMAL ",\"use_dora\":true}", "use_dora: DoRA is not supported"},
    {"{" MINIMAL ",\"modules_to_save\":[\"lm_head\"]}", "modules_to_save: modules trained whole"},
    {"{" MINIMAL ",\"fan_in_fan_out\":true}", "fan_in_fan_out: transposed weights"},
    {"{" MINIMAL ",\"lora_bias\":true}", "lora_bias: a bias on lora_B"},
    {"{" MINIMAL ",\"bias\":\"lora_only\"}", "bias is \"lora_only\", only \"none\""},
    {"{" MINIMAL ",\"init_lora_weights\":\"olora\"}", "init_lora_weights \"olora\" is not supported"},
    {"{" MINIMAL ",\"use_rslora\":1}", "use_rslora is 1, expected true or false"},
    {"{" MINIMAL ",\"rank_pattern\":{\"q_proj\":0}}", "rank_pattern: q_proj is 0, expected an integer from 1 to 1024"},
    {"{" MINIMAL ",\"rank_pattern\":{\"q_proj\":null}}", "rank_pattern: q_proj is null"},
    {"{" MINIMAL ",\"rank_pattern\":[1]}", "rank_pattern is not an object"},
    {"{" MINIMAL ",\"alpha_pattern\":{\"q_proj\":\"2\"}}", "alpha_pattern: q_proj is \"2\", expected a number"},
    {"{" MINIMAL ",\"alpha_pattern\":{\"a)\":2}}", "alpha_pattern: the pattern a): "},
    {"{" MINIMAL ",\"alpha_pattern\":{\"\":2}}", "alpha_pattern: an empty name"},
    {"{\"peft_type\":\"LORA\",\"r\":1025,\"lora_alpha\":8," TARGETS "}",
     "r is 1025, expected an integer from 1 to 1024"},
    {"{\"peft_type\":\"LORA\",\"r\":2.5,\"lora_alpha\":8," TARGETS "}", "r is 2.5"},
    {"{\"peft_type\":\"LORA\",\"lora_alpha\":8," TARGETS "}", "r is missing"},
    {"{\"peft_type\":\"LORA\",\"r\":8," TARGETS "}", "lora_alpha is missing"},
    {"{\"peft_type\":\"LORA\",\"r\":8,\"lora_alpha\":1e7," TARGETS "}", "lora_alpha is 1e7"},
    {"{\"peft_type\":\"IA3\"," TARGETS "}", "peft_type is \"IA3\", only \"LORA\""},
    {"{\"r\":8,\"lora_alpha\":8," TARGETS "}", "peft_type is missing"},
    {"{\"peft_type\":\"LORA\",\"r\":8,\"lora_alpha\":8}", "target_modules is missing"},
    {"{\"peft_type\":\"LORA\",\"r\":8,\"lora_alpha\":8,\"target_modules\":[]}", "target_modules is missing"},
    {"{\"peft_type\":\"LORA\",\"r\":8,\"lora_alpha\":8,\"target_modules\":[7]}",
     "target_modules: entry 0 is not a name"},
    {"{\"peft_type\":\"LORA\",\"r\":8,\"lora_alpha\":8,\"target_modules\":\"*\"}", "target_modules: the pattern *: "},
    {"[]", "expected a JSON object"},
    {"{" MINIMAL, "not JSON"},
};

START_TEST(config)
{
    sb_lora_config c;
    sb_status st = sb_lora_config_parse("f", configs[_i].json, strlen(configs[_i].json), &c, &err);
    if (configs[_i].message)
        ck_assert_msg(st && strstr(err.msg, configs[_i].message) && !strncmp(err.msg, "f: ", 3), "%s: %s",
                      configs[_i].json, st ? err.msg : "accepted");
    else
        ck_assert_msg(!st && c.rank == 4 && c.alpha == 8, "%s: %s", configs[_i].json, st ? err.msg : "other numbers");
    sb_lora_config_free(&c);
}
END_TEST

START_TEST(numbers)
{
    static const char json[] = "{" MINIMAL ",\"use_rslora\":true,\"rank_pattern\":{\"layers.[0-1].mlp.up_proj\":16,"
                               "\"up_proj\":9},\"alpha_pattern\":{\"v_proj\":3}}";
    static const struct {
        const char *module;
        int rank;
        double alpha;
    } want[] = {{"model.layers.0.mlp.up_proj", 16, 8},
                {"model.layers.2.mlp.up_proj", 9, 8},
                {"up_proj", 9, 8},
                {"my_up_proj", 4, 8},
                {"a.v_proj", 4, 3},
                {"a.qkv_proj", 4, 8},
                {"a.v_proj.b", 4, 8}};
    for (int rs = 0; rs < 2; rs++) {
        sb_lora_config c;
        ck_assert_msg(!sb_lora_config_parse("f", json, sizeof json - 1, &c, &err), "%s", err.msg);
        c.rslora = rs;
        for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
            int rank;
            float scale;
            ck_assert_int_eq(sb_lora_numbers(&c, want[i].module, &rank, &scale, &err), SB_OK);
            ck_assert_int_eq(rank, want[i].rank);
            float s = (float)(want[i].alpha / (rs ? sqrt(want[i].rank) : want[i].rank));
            ck_assert_msg(scale == s, "%s: %a, expected %a", want[i].module, (double)scale, (double)s);
        }
        sb_lora_config_free(&c);
    }
}
END_TEST

/* ---- the tensors ---- */

/* Layers as a checkpoint names them. */
static void name_layers(sb_model *m)
{
    static const sb_role roles[] = {SB_ROLE_Q,    SB_ROLE_K,  SB_ROLE_V,       SB_ROLE_QKV, SB_ROLE_O,
                                    SB_ROLE_GATE, SB_ROLE_UP, SB_ROLE_GATE_UP, SB_ROLE_DOWN};
    for (int i = 0; i < m->cfg.n_layers; i++) {
        sb_linear_group *g[] = {&m->layers[i].qkv,     &m->layers[i].qkv,     &m->layers[i].qkv,
                                &m->layers[i].qkv,     &m->layers[i].out,     &m->layers[i].gate_up,
                                &m->layers[i].gate_up, &m->layers[i].gate_up, &m->layers[i].down};
        const int part[] = {0, 1, 2, 0, 0, 0, 1, 0, 0};
        for (size_t k = 0; k < sizeof roles / sizeof *roles; k++) {
            sb_model_tensor t;
            if (sb_model_tensor_get(&m->cfg, i, roles[k], &t)) {
                sb_linear *l = &g[k]->part[part[k]];
                snprintf(l->name, sizeof l->name, "%s", t.base);
                ck_assert(l->rows == t.shape[0] && l->cols == t.shape[1]);
            }
        }
    }
}

/* Tensors of random numbers; nan_at: the tensor whose first number is none, or -1. */
static void write_tensors(const sb_tensor_decl *t, size_t n, int nan_at)
{
    sb_safetensors_writer *w;
    ck_assert_msg(!sb_safetensors_writer_open(scratch_path("adapter_model.safetensors"), t, n, &w, &err), "%s",
                  err.msg);
    for (size_t i = 0; i < n; i++) {
        size_t count = 1;
        for (int d = 0; d < t[i].ndim; d++)
            count *= t[i].shape[d];
        float *x = random_weights(i + 1, count, 0.1);
        if ((int)i == nan_at)
            x[0] = NAN;
        if (sb_dtype_size(t[i].dtype) == 4) {
            ck_assert_int_eq(sb_safetensors_writer_write(w, x, count * 4, &err), SB_OK);
        } else {
            uint16_t *h = malloc(count * 2);
            for (size_t k = 0; k < count; k++)
                h[k] = sb_float_to_half(x[k]);
            ck_assert_int_eq(sb_safetensors_writer_write(w, h, count * 2, &err), SB_OK);
            free(h);
        }
        free(x);
    }
    ck_assert_msg(!sb_safetensors_writer_commit(w, &err), "%s", err.msg);
}

#define LAYER "base_model.model.model.layers.1.self_attn."
#define CONFIG(more) "{" MINIMAL more ",\"layers_to_transform\":[1]}"
#define Q(what, dtype, ...)                                                                                            \
    {                                                                                                                  \
        LAYER "q_proj." what ".weight", dtype, 2,                                                                      \
        {                                                                                                              \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }

/* Of shapes[0]: Llama, dim 64, q_proj (64, 64), k_proj (32, 64). */
static const struct {
    const char *what, *config, *message; /* NULL: good */
    sb_tensor_decl t[4];
    size_t n;
    int nan_at;
} files[] = {
    {"one layer", CONFIG(""), NULL, {Q("lora_A", SB_DTYPE_F32, 4, 64), Q("lora_B", SB_DTYPE_F32, 64, 4)}, 2, -1},
    {"two dtypes", CONFIG(""), NULL, {Q("lora_A", SB_DTYPE_F16, 4, 64), Q("lora_B", SB_DTYPE_BF16, 64, 4)}, 2, -1},
    {"its own rank",
     CONFIG(",\"rank_pattern\":{\"q_proj\":3}"),
     NULL,
     {Q("lora_A", SB_DTYPE_F32, 3, 64), Q("lora_B", SB_DTYPE_F32, 64, 3)},
     2,
     -1},
    {"another rank",
     CONFIG(""),
     "lora_A.weight: shape [5, 64], expected [4, 64] (rank 4 of a layer of 64 x 64)",
     {Q("lora_A", SB_DTYPE_F32, 5, 64), Q("lora_B", SB_DTYPE_F32, 64, 5)},
     2,
     -1},
    {"swapped",
     CONFIG(""),
     "lora_A.weight: shape [64, 4], expected [4, 64]",
     {Q("lora_A", SB_DTYPE_F32, 64, 4), Q("lora_B", SB_DTYPE_F32, 4, 64)},
     2,
     -1},
    {"B too short",
     CONFIG(""),
     "lora_B.weight: shape [32, 4], expected [64, 4]",
     {Q("lora_A", SB_DTYPE_F32, 4, 64), Q("lora_B", SB_DTYPE_F32, 32, 4)},
     2,
     -1},
    {"no B", CONFIG(""), "lora_A.weight has no lora_B beside it", {Q("lora_A", SB_DTYPE_F32, 4, 64)}, 1, -1},
    {"no A", CONFIG(""), "lora_B.weight has no lora_A beside it", {Q("lora_B", SB_DTYPE_F32, 64, 4)}, 1, -1},
    {"integers",
     CONFIG(""),
     "dtype I32, expected F32, F16 or BF16",
     {Q("lora_A", SB_DTYPE_F32, 4, 64), Q("lora_B", SB_DTYPE_I32, 64, 4)},
     2,
     -1},
    {"not a number",
     CONFIG(""),
     "lora_B.weight: NaN or infinity at row 0, column 0",
     {Q("lora_A", SB_DTYPE_F32, 4, 64), Q("lora_B", SB_DTYPE_F32, 64, 4)},
     2,
     1},
    {"a cube",
     CONFIG(""),
     "shape [4, 64, 1], expected [4, 64]",
     {{LAYER "q_proj.lora_A.weight", SB_DTYPE_F32, 3, {4, 64, 1}}, Q("lora_B", SB_DTYPE_F32, 64, 4)},
     2,
     -1},
    {"DoRA's tensor",
     CONFIG(""),
     "lora_magnitude_vector: expected base_model.model.MODULE.lora_A.weight or .lora_B.weight",
     {Q("lora_A", SB_DTYPE_F32, 4, 64),
      Q("lora_B", SB_DTYPE_F32, 64, 4),
      {LAYER "q_proj.lora_magnitude_vector", SB_DTYPE_F32, 1, {64}}},
     3,
     -1},
    {"no prefix",
     CONFIG(""),
     "expected base_model.model.MODULE",
     {{"model.layers.1.self_attn.q_proj.lora_A.weight", SB_DTYPE_F32, 2, {4, 64}}},
     1,
     -1},
    {"no such layer",
     CONFIG(""),
     "none of the model's layers has a linear layer model.layers.7.self_attn.q_proj",
     {{"base_model.model.model.layers.7.self_attn.q_proj.lora_A.weight", SB_DTYPE_F32, 2, {4, 64}}},
     1,
     -1},
    {"the head",
     CONFIG(""),
     "none of the model's layers has a linear layer lm_head",
     {{"base_model.model.lm_head.lora_A.weight", SB_DTYPE_F32, 2, {4, 64}}},
     1,
     -1},
    {"not a target",
     CONFIG(""),
     "not one of the config's target_modules",
     {{LAYER "k_proj.lora_A.weight", SB_DTYPE_F32, 2, {4, 64}},
      {LAYER "k_proj.lora_B.weight", SB_DTYPE_F32, 2, {32, 4}}},
     2,
     -1},
    {"a target without tensors",
     "{" MINIMAL "}",
     "model.layers.0.self_attn.q_proj is one of the config's target_modules, but has no tensors",
     {Q("lora_A", SB_DTYPE_F32, 4, 64), Q("lora_B", SB_DTYPE_F32, 64, 4)},
     2,
     -1},
    {"a hostile pattern",
     CONFIG(",\"rank_pattern\":{\"((a*)*)*x|(([a-z_.0-9]*)*)*!\":3}"),
     "fails on model.layers.1.self_attn.q_proj: match limit",
     {Q("lora_A", SB_DTYPE_F32, 4, 64), Q("lora_B", SB_DTYPE_F32, 64, 4)},
     2,
     -1},
    {"nothing", CONFIG(""), "no tensors", {{0}}, 0, -1},
};

START_TEST(load)
{
    sb_model *m = make_shape(&shapes[0]);
    name_layers(m);
    write_tensors(files[_i].t, files[_i].n, files[_i].nan_at);
    scratch_write("adapter_config.json", files[_i].config);
    for (int form = 0; form < 2; form++) { /* the directory, the file */
        sb_status st = sb_lora_load(m, form ? scratch_path("adapter_model.safetensors") : scratch_dir, &err);
        if (files[_i].message) {
            ck_assert_msg(st && strstr(err.msg, files[_i].message) && !strchr(err.msg, '\n'), "%s: %s", files[_i].what,
                          st ? err.msg : "accepted");
            ck_assert_uint_eq(sb_lora_count(m), 0);
            continue;
        }
        ck_assert_msg(!st, "%s: %s", files[_i].what, err.msg);
        ck_assert_uint_eq(sb_lora_count(m), 1);
        const sb_lora *l = m->layers[1].qkv.part[0].lora;
        size_t rank = files[_i].t[0].shape[0];
        ck_assert(l && l->rank == rank && l->scale == 8.0f / (float)rank && l->a.rows == 16 && l->b.cols == 16);
        float *a = random_weights(1, rank * 64, 0.1), *b = random_weights(2, 64 * rank, 0.1);
        for (size_t r = 0; r < 16; r++)
            for (size_t c = 0; c < 64; c++) {
                double da = (double)l->a.f32[r * 64 + c] - (r < rank ? (double)a[r * 64 + c] : 0);
                ck_assert_msg(fabs(da) < 1e-3, "A[%zu][%zu]", r, c);
                if (files[_i].t[1].dtype == SB_DTYPE_F32)
                    ck_assert(l->b.f32[c * 16 + r] == (r < rank ? b[c * rank + r] : 0));
            }
        free(a);
        free(b);
        ck_assert_int_eq(sb_lora_load(m, scratch_dir, &err), SB_ERR_UNSUPPORTED); /* one at a time */
        ck_assert_uint_eq(sb_lora_count(m), 1);
        sb_lora_drop(m);
    }
    remove(scratch_path("adapter_config.json"));
    ck_assert(sb_lora_load(m, scratch_dir, &err) && strstr(err.msg, "adapter_config.json: "));
    random_model_free(m);
}
END_TEST

/* ---- the step ---- */

enum { TOKENS = 7, RANKS = 5 };
static const size_t ranks[RANKS] = {1, 5, 16, 17, 40};

static sb_status to_f32(sb_linear *l, void *ctx, sb_error *e)
{
    (void)ctx, (void)e;
    if (!l->words)
        return SB_OK;
    l->f32 = malloc(l->rows * l->cols * sizeof *l->f32);
    for (size_t r = 0; r < l->rows; r++)
        sb_codec_decode_row_f32(l->codec, l->words + r * sb_codec_row_words(l->codec, l->cols), l->cols, l->scale_exp,
                                l->f32 + r * l->cols);
    free(l->words);
    l->words = NULL;
    l->codec = NULL;
    return SB_OK;
}

static void free_f32(sb_model *m)
{
    sb_lora_drop(m);
    for (int i = 0; i < LAYERS; i++) {
        sb_linear_group *g[] = {&m->layers[i].qkv, &m->layers[i].out, &m->layers[i].gate_up, &m->layers[i].down};
        for (int k = 0; k < 4; k++)
            for (int p = 0; p < g[k]->n; p++)
                free(g[k]->part[p].f32);
    }
    free(m->embed.f32);
    free(m->head.f32);
    random_model_free(m);
}

/* Every layer but some gets a side path of its own rank and scale; merge: into the weights instead. */
static void adapt_all(sb_model *m, bool merge, double scale)
{
    int at = 0;
    for (int i = 0; i < LAYERS; i++) {
        sb_linear_group *g[] = {&m->layers[i].qkv, &m->layers[i].out, &m->layers[i].gate_up, &m->layers[i].down};
        for (int k = 0; k < 4; k++)
            for (int p = 0; p < g[k]->n; p++, at++) {
                sb_linear *l = &g[k]->part[p];
                size_t rank = ranks[at % RANKS];
                float s = (float)(scale * (1 + at % 3));
                if (at % 7 == 6) /* left as it is */
                    continue;
                float *a = random_weights((uint64_t)at * 2 + 1, rank * l->cols, 1 / sqrt((double)l->cols));
                float *b = random_weights((uint64_t)at * 2 + 2, l->rows * rank, 1 / sqrt((double)rank));
                if (!merge)
                    ck_assert_msg(!sb_lora_attach(l, rank, a, b, s, &err), "%s", err.msg);
                for (size_t r = 0; merge && r < l->rows; r++)
                    for (size_t c = 0; c < l->cols; c++) {
                        double w = (double)l->f32[r * l->cols + c];
                        for (size_t j = 0; j < rank; j++)
                            w += (double)s * (double)b[r * rank + j] * (double)a[j * l->cols + c];
                        l->f32[r * l->cols + c] = (float)w;
                    }
                free(a);
                free(b);
            }
    }
}

static void eval(const sb_model *m, const char *device, bool batch, uint32_t *ids, float *logits)
{
    sb_device *dev;
    sb_session *s;
    size_t vocab = (size_t)m->cfg.vocab;
    ck_assert_int_eq(sb_device_open(device, &(sb_device_options){.threads = 1}, &dev, &err), SB_OK);
    ck_assert_msg(sb_session_open(m, dev, 64, &s, &err) == SB_OK, "%s", err.msg);
    for (int i = 0; i < TOKENS; i += batch ? TOKENS : 1)
        ck_assert_msg(!sb_session_eval(s, ids + i, batch ? TOKENS : 1, true, logits + (size_t)i * vocab, &err), "%s",
                      err.msg);
    sb_session_close(s);
    sb_device_close(dev);
}

static double apart(const float *got, const float *want, size_t n)
{
    double d = 0, w = 0;
    for (size_t i = 0; i < n; i++) {
        d += ((double)got[i] - (double)want[i]) * ((double)got[i] - (double)want[i]);
        w += (double)want[i] * (double)want[i];
    }
    return sqrt(d / w);
}

/* A model of a shape, tokens, and room for the logits of some runs. */
typedef struct {
    const char *name;
    sb_model *m;
    size_t n; /* logits of a run */
    uint32_t ids[TOKENS];
    float *y[4];
} runs;

static runs runs_begin(const shape *p)
{
    runs r = {.name = p->name, .m = make_shape(p), .n = TOKENS * (size_t)p->vocab};
    for (size_t i = 0; i < sizeof r.y / sizeof *r.y; i++)
        r.y[i] = malloc(r.n * sizeof *r.y[i]);
    for (int i = 0; i < TOKENS; i++)
        r.ids[i] = random_word() % (uint32_t)p->vocab;
    return r;
}

static void runs_end(runs *r)
{
    free_f32(r->m);
    for (size_t i = 0; i < sizeof r->y / sizeof *r->y; i++)
        free(r->y[i]);
}

static void run(runs *r, const char *device, bool batch, int into)
{
    eval(r->m, device, batch, r->ids, r->y[into]);
}

static void check_same(const runs *r, int a, int b, const char *what)
{
    ck_assert_msg(!memcmp(r->y[a], r->y[b], r->n * sizeof *r->y[a]), "%s: %s", r->name, what);
}

static double runs_apart(const runs *r, int got, int want)
{
    return apart(r->y[got], r->y[want], r->n);
}

static void adapt_packed(sb_model *m, double scale)
{
    adapt_all(m, false, scale);
    ck_assert_int_eq(sb_model_pack(m, sb_codec_by_id(SB_CODEC_FP16), 1, &err), SB_OK);
}

START_TEST(step)
{
    enum { PLAIN, WITH, OTHER };
    runs r = runs_begin(&shapes[_i]);
    (void)sb_model_each_linear(r.m, to_f32, NULL, NULL);
    for (int batch = 0; batch < 2; batch++) {
        run(&r, "ref", batch, PLAIN);
        adapt_all(r.m, false, 0.3);
        run(&r, "ref", batch, WITH);
        ck_assert_msg(runs_apart(&r, WITH, PLAIN) > 0.05, "%s: the side paths do nothing", r.name);
        sb_lora_drop(r.m);
        adapt_all(r.m, false, 0);
        run(&r, "ref", batch, OTHER);
        check_same(&r, OTHER, PLAIN, "s = 0 changes something");
        sb_lora_drop(r.m);
    }
    adapt_all(r.m, true, 0.3);
    for (int batch = 0; batch < 2; batch++) {
        run(&r, "ref", batch, OTHER);
        ck_assert_msg(runs_apart(&r, WITH, OTHER) < 1e-4, "%s: %g from the merged weights", r.name,
                      runs_apart(&r, WITH, OTHER));
    }
    runs_end(&r);
}
END_TEST

/* The exact step: a batch gives the bits of one by one; nearly ref's numbers; s = 0 the bits of none. */
START_TEST(exact)
{
    enum { PLAIN, WITH, OTHER, REF };
    runs r = runs_begin(&shapes[_i]);
    run(&r, "cpu", true, PLAIN);
    adapt_packed(r.m, 0);
    run(&r, "cpu", true, OTHER);
    check_same(&r, OTHER, PLAIN, "s = 0 changes something");
    sb_lora_drop(r.m);
    adapt_packed(r.m, 0.3);
    run(&r, "cpu", true, WITH);
    run(&r, "cpu", false, OTHER);
    check_same(&r, OTHER, WITH, "decode differs from prefill");
    run(&r, "ref", true, REF);
    ck_assert_msg(runs_apart(&r, WITH, REF) < 0.02, "%s: %g from ref", r.name, runs_apart(&r, WITH, REF));
    ck_assert_msg(runs_apart(&r, WITH, PLAIN) > 0.05, "%s: the side paths do nothing", r.name);
    runs_end(&r);
}
END_TEST

/* Addresses, counts and names of what is emitted. */
START_TEST(list)
{
    const shape *p = &shapes[_i];
    sb_model *m = make_shape(p);
    name_layers(m);
    adapt_all(m, false, 0.3);
    ck_assert_int_eq(sb_model_pack(m, sb_codec_by_id(SB_CODEC_FP16), 1, &err), SB_OK);
    sb_device *dev;
    sb_session *s;
    ck_assert_int_eq(sb_device_open("cpu", &(sb_device_options){.threads = 1}, &dev, &err), SB_OK);
    ck_assert_msg(sb_session_open(m, dev, 64, &s, &err) == SB_OK, "%s", err.msg);
    uint32_t ids[SB_SESSION_MAX_BATCH] = {0}, count;
    uint64_t list;
    for (int n = 1; n <= SB_SESSION_MAX_BATCH; n += SB_SESSION_MAX_BATCH - 1) {
        ck_assert_int_eq(sb_session_build(s, ids, n, true, &list, &count, &err), SB_OK);
        ck_assert_uint_le(count, s->placed.max_commands);
        size_t a = 0, b = 0, sums = 0;
        for (uint32_t i = 0; i < count; i++) {
            const sb_command *c = &s->placed.commands[i];
            uint64_t all = c->weights | c->src | c->dst | c->aux;
            ck_assert_msg(!p->aligned || all % 64 == 0, "%s: command %u, %s: an address is not a multiple of 64",
                          p->name, i, sb_op_name(c->op));
            char where[300];
            sb_session_describe(s, c->tag, where, sizeof where);
            bool mv = c->op == SB_OP_MATVEC, in_a = strstr(where, ", lora A of "), in_b = strstr(where, ", lora B of ");
            a += mv && in_a;
            b += mv && in_b;
            sums += strstr(where, ", lora sum of ") != NULL;
            ck_assert_msg(!strstr(where, "?"), "%s", where);
            if (c->tag == (1 << 8 | SB_TAG_QKV | SB_TAG_LORA_A))
                ck_assert_str_eq(where, p->arch == SB_ARCH_LLAMA
                                            ? "layer 0, lora A of model.layers.0.self_attn.q_proj"
                                            : "layer 0, lora A of transformer.layers.0.attn.qkv_proj");
        }
        ck_assert_uint_eq(a, sb_lora_count(m));
        ck_assert_uint_eq(b, sb_lora_count(m));
        ck_assert_uint_ge(sums, sb_lora_count(m));
    }
    sb_session_close(s);
    sb_device_close(dev);
    sb_lora_drop(m);
    random_model_free(m);
}
END_TEST

START_TEST(attach)
{
    float w[64] = {0};
    sb_linear l = {.rows = 4, .cols = 8};
    ck_assert_int_eq(sb_lora_attach(&l, 0, w, w, 1, &err), SB_ERR_ARG);
    ck_assert_int_eq(sb_lora_attach(&l, SB_LORA_MAX_RANK + 1, w, w, 1, &err), SB_ERR_ARG);
    ck_assert_ptr_null(l.lora);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lora");
    TCase *t = tcase_create("files");
    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_loop_test(t, config, 0, sizeof configs / sizeof *configs);
    tcase_add_test(t, numbers);
    tcase_add_loop_test(t, load, 0, sizeof files / sizeof *files);
    tcase_add_test(t, attach);
    suite_add_tcase(s, t);
    t = tcase_create("steps");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, step, 0, SHAPES);
    tcase_add_loop_test(t, exact, 0, SHAPES);
    tcase_add_loop_test(t, list, 0, SHAPES);
    suite_add_tcase(s, t);
    return run_suite(s);
}
