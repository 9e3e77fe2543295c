/* SPDX-License-Identifier: Apache-2.0
 * What each codec loses and what encoding costs. Prints a table and writes flat JSON records (default
 * build/bench/codec.json): codec, rounding, distribution, bpw, nmse, us_per_block (CPU time on one core; a block is a
 * main word). For the SeedLM codecs also, over the first 64 blocks: seeds_equal (blocks where the scan and the naive
 * search give the same word), naive_us_per_block (every seed through the same scalar quantiser) and ratio; and, for
 * nearest, pinv_us_per_block: the paper's Algorithm 3 with cached float32 pseudo-inverses, a fairer yardstick of speed.
 * nmse = sum (w - decoded)^2 / sum w^2 with a decoder of its own, written from docs/formats.md. */
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/seedlm_internal.h"

enum { COLS = 768, ROWS = 384, CHECKED = 64, PINV_BLOCKS = 16 };

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *need(void *p)
{
    if (!p) {
        fprintf(stderr, "bench_codec: out of memory\n");
        exit(1);
    }
    return p;
}

/* ---- data ---- */

typedef struct {
    char name[32];
    size_t rows, cols;
    float *w;
} sample;

static uint64_t random_state;

static double uniform(void)
{
    uint64_t z = (random_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

static double normal(void)
{
    double r = sqrt(-2 * log(uniform()));
    return r * cos(6.283185307179586 * uniform());
}

/* freedom 0: normal, the same draws for every sigma; else Student's t */
static sample make_sample(const char *name, double sigma, int freedom)
{
    random_state = 42;
    sample s = {.rows = ROWS, .cols = COLS, .w = need(malloc(sizeof(float) * ROWS * COLS))};
    snprintf(s.name, sizeof s.name, "%s", name);
    for (size_t i = 0; i < s.rows * s.cols; i++) {
        double chi2 = 0;
        for (int k = 0; k < freedom; k++) {
            double z = normal();
            chi2 += z * z;
        }
        s.w[i] = (float)(sigma * normal() / (freedom ? sqrt(chi2 / freedom) : 1));
    }
    return s;
}

/* GPT-2's matrices lie [in, out]: transposed, so that a row is an output. False if absent. */
static bool load_gpt2(const char *dir, const char *layer, sample *s)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/gpt2-weights/%s.attn.c_proj.w.f32le", dir, layer);
    snprintf(s->name, sizeof s->name, "gpt2 %s.attn.c_proj", layer);
    FILE *f = fopen(path, "rb");
    if (!f) {
        printf("skipped: %s (no data at %s)\n", s->name, path);
        return false;
    }
    s->rows = s->cols = 768;
    float *stored = need(malloc(sizeof(float) * 768 * 768));
    s->w = need(malloc(sizeof(float) * 768 * 768));
    if (fread(stored, sizeof(float), (size_t)768 * 768, f) != (size_t)768 * 768) {
        fprintf(stderr, "bench_codec: %s: expected %d bytes\n", path, 768 * 768 * 4);
        exit(1);
    }
    fclose(f);
    for (size_t i = 0; i < 768; i++)
        for (size_t k = 0; k < 768; k++)
            s->w[k * 768 + i] = stored[i * 768 + k];
    free(stored);
    return true;
}

/* ---- an independent decoder ---- */

static double half_value(uint32_t h)
{
    int e = h >> 10 & 31;
    double v = e ? ldexp(1 + (h & 1023) / 1024.0, e - 15) : ldexp(h & 1023, -24);
    return h & 0x8000 ? -v : v;
}

static int nibble(uint32_t word, unsigned i)
{
    int n = (int)(word >> (4 * i) & 15);
    return n > 7 ? n - 16 : n;
}

/* Weight i of a packed row, before scale_exp. */
static double decode_weight(const sb_codec *c, const uint32_t *row, size_t cols, size_t i)
{
    size_t b = i / (size_t)c->block;
    unsigned k = (unsigned)(i % (size_t)c->block);
    uint32_t word = row[b];
    uint32_t side = c->has_side ? row[(cols + (size_t)c->block - 1) / (size_t)c->block + b / 8] : 0;
    if (c->id == SB_CODEC_FP16)
        return half_value(word >> (16 * k) & 0xffff);
    if (c->id == SB_CODEC_INT4)
        return nibble(word, k) * half_value(b % 8 < 4 ? side & 0xffff : side >> 16);
    unsigned p = c->id == SB_CODEC_SEEDLM4 ? 3 : 4;
    uint64_t x = word & 0xffff; /* the bit stream: state n is x[n..n+15] */
    for (unsigned n = 0; n + 16 < 64; n++)
        x |= ((x >> n ^ x >> (n + 1) ^ x >> (n + 3) ^ x >> (n + 12)) & 1) << (n + 16);
    double sum = 0;
    for (unsigned j = 0; j < p; j++) {
        int q = j < 3 ? nibble(word, 5 + j) : nibble(side, (unsigned)(b % 8));
        sum += q * ((double)(x >> (k * p + j + 1) & 0xffff) - 32768) / 32767;
    }
    return ldexp(sum, (int)(word >> 16 & 15) - 8);
}

static double nmse(const sb_codec *c, const sample *s, int scale_exp, const uint32_t *words)
{
    double err = 0;
    double sum = 0;
    for (size_t r = 0; r < s->rows; r++) {
        for (size_t i = 0; i < s->cols; i++) {
            double w = (double)s->w[r * s->cols + i];
            double d = w - ldexp(decode_weight(c, words + r * sb_codec_row_words(c, s->cols), s->cols, i), scale_exp);
            err += d * d;
            sum += w * w;
        }
    }
    return err / sum;
}

/* ---- yardsticks of the seed search ---- */

typedef struct {
    int equal;
    double us;
} naive_result;

static naive_result check_naive(const sb_codec *c, const sample *s, int scale_exp, const uint32_t *words,
                                sb_rounding rounding)
{
    sb_seedlm_shape shape = {c->block, c->id == SB_CODEC_SEEDLM4 ? 3 : 4};
    size_t main_words = sb_codec_main_words(c, s->cols);
    naive_result res = {0, 0};
    for (size_t i = 0; i < CHECKED; i++) { /* the row's first whole blocks, 16 of each row */
        size_t r = i / 16;
        size_t b = i % 16;
        const uint32_t *row = words + r * sb_codec_row_words(c, s->cols);
        double w[SB_SEEDLM_MAX_C];
        for (int k = 0; k < shape.c; k++)
            w[k] = ldexp((double)s->w[r * s->cols + b * (size_t)shape.c + (size_t)k], -scale_exp);
        double start = cpu_seconds();
        sb_seedlm_code code = sb_seedlm_encode_naive(shape, w, rounding);
        res.us += (cpu_seconds() - start) * 1e6 / CHECKED;
        uint32_t word = code.seed ? code.seed | (uint32_t)(code.e + 8) << 16 : 0;
        for (int p = 0; p < 3; p++)
            word |= ((uint32_t)code.q[p] & 15u) << (20 + 4 * p);
        bool same = row[b] == word;
        if (shape.p == 4)
            same = same && nibble(row[main_words + b / 8], (unsigned)(b % 8)) == code.q[3];
        res.equal += same;
    }
    return res;
}

/* Algorithm 3 as printed: t = pinv(U) w from a table, quantise, reconstruct, compare. One block takes the time of all.
 */
static inline __attribute__((always_inline)) double pinv_block(int c, int p, const float *pinv, const float *basis,
                                                               const float *w, int *seed)
{
    float best = INFINITY;
    for (int j = 0; j < SB_SEEDLM_SEEDS; j++, pinv += c * p, basis += c * p) {
        float t[SB_SEEDLM_MAX_P] = {0};
        float amax = 1e-30f;
        for (int i = 0; i < p; i++) {
            for (int k = 0; k < c; k++)
                t[i] += pinv[i * c + k] * w[k];
            amax = fmaxf(amax, fabsf(t[i]));
        }
        int e;
        frexpf(amax, &e);
        e = e - 3 < -8 ? -8 : e - 3 > 7 ? 7 : e - 3;
        float scale = (float)(1 << (e + 8)) * 0x1p-8f;
        for (int i = 0; i < p; i++)
            t[i] = fminf(fmaxf(nearbyintf(t[i] / scale), -8), 7) * scale;
        float err = 0;
        for (int k = 0; k < c; k++) {
            float d = w[k];
            for (int i = 0; i < p; i++)
                d -= basis[i * c + k] * t[i];
            err += d * d;
        }
        if (err < best) {
            best = err;
            *seed = j;
        }
    }
    return (double)best;
}

static double time_pinv(const sb_codec *codec)
{
    const int c = codec->block;
    const int p = codec->id == SB_CODEC_SEEDLM4 ? 3 : 4;
    const sb_seedlm_table *t = sb_seedlm_table_get((sb_seedlm_shape){c, p});
    float *pinv = need(malloc(sizeof(float) * SB_SEEDLM_SEEDS * (size_t)(c * p)));
    float *basis = need(malloc(sizeof(float) * SB_SEEDLM_SEEDS * (size_t)(c * p)));
    for (int j = 0; j < SB_SEEDLM_SEEDS; j++) { /* rows of pinv by solving for unit vectors: Gauss-Jordan on [G | U'] */
        double m[SB_SEEDLM_MAX_P][SB_SEEDLM_MAX_P + SB_SEEDLM_MAX_C] = {{0}};
        double u[SB_SEEDLM_MAX_P][SB_SEEDLM_MAX_C];
        for (int i = 0; i < p; i++)
            for (int k = 0; k < c; k++)
                m[i][p + k] = u[i][k] = (t->cycle[j + 1 + k * p + i] - 32768) / 32767.0;
        for (int i = 0; i < p; i++)
            for (int l = 0; l < p; l++)
                for (int k = 0; k < c; k++)
                    m[i][l] += u[i][k] * u[l][k];
        for (int i = 0; i < p; i++) {
            double pivot = 1 / m[i][i];
            for (int k = 0; k < p + c; k++)
                m[i][k] *= pivot;
            for (int l = 0; l < p; l++) {
                double f = m[l][i];
                for (int k = 0; l != i && k < p + c; k++)
                    m[l][k] -= f * m[i][k];
            }
        }
        for (int i = 0; i < p; i++) {
            for (int k = 0; k < c; k++) {
                pinv[(size_t)j * (size_t)(c * p) + (size_t)(i * c + k)] = (float)m[i][p + k];
                basis[(size_t)j * (size_t)(c * p) + (size_t)(i * c + k)] = (float)u[i][k];
            }
        }
    }
    double total = 0;
    volatile double sink = 0;
    for (int b = 0; b < PINV_BLOCKS; b++) {
        float w[SB_SEEDLM_MAX_C];
        int seed = 0;
        for (int k = 0; k < c; k++)
            w[k] = (float)normal();
        double start = cpu_seconds();
        sink =
            sink + (p == 3 ? pinv_block(8, 3, pinv, basis, w, &seed) : pinv_block(12, 4, pinv, basis, w, &seed)) + seed;
        total += cpu_seconds() - start;
    }
    free(pinv);
    free(basis);
    return total * 1e6 / PINV_BLOCKS;
}

/* ---- the table ---- */

static bool run(const sb_codec *c, sb_rounding rounding, const sample *s, double pinv_us, json_object *out)
{
    size_t blocks = s->rows * sb_codec_main_words(c, s->cols);
    uint32_t *words = need(malloc(s->rows * sb_codec_row_words(c, s->cols) * sizeof *words));
    sb_encode_options opt = {.rounding = rounding, .threads = 1};
    sb_error err;
    int scale_exp = c->choose_scale_exp(s->w, s->rows * s->cols);
    double start = cpu_seconds();
    if (c->encode(s->w, s->rows, s->cols, scale_exp, &opt, words, &err) != SB_OK) {
        fprintf(stderr, "bench_codec: %s\n", err.msg);
        exit(1);
    }
    double us = (cpu_seconds() - start) * 1e6 / (double)blocks;
    double bpw = 32.0 * (double)sb_codec_row_words(c, s->cols) / (double)s->cols;
    double loss = nmse(c, s, scale_exp, words);
    const char *round_name = rounding == SB_ROUND_SEARCH ? "search" : "nearest";
    bool ok = true;

    json_object *rec = json_object_new_object();
    json_object_object_add(rec, "codec", json_object_new_string(c->name));
    json_object_object_add(rec, "rounding", json_object_new_string(round_name));
    json_object_object_add(rec, "distribution", json_object_new_string(s->name));
    json_object_object_add(rec, "weights", json_object_new_int64((int64_t)(s->rows * s->cols)));
    json_object_object_add(rec, "bpw", json_object_new_double(bpw));
    json_object_object_add(rec, "nmse", json_object_new_double(loss));
    json_object_object_add(rec, "us_per_block", json_object_new_double(us));
    printf("%-8s %-8s %-20s %6.3f %11.4e %9.3f", c->name, round_name, s->name, bpw, loss, us);
    if (c->id >= SB_CODEC_SEEDLM4) {
        naive_result n = check_naive(c, s, scale_exp, words, rounding);
        ok = n.equal == CHECKED;
        json_object_object_add(rec, "naive_us_per_block", json_object_new_double(n.us));
        json_object_object_add(rec, "ratio", json_object_new_double(n.us / us));
        json_object_object_add(rec, "seeds_equal", json_object_new_int(n.equal));
        json_object_object_add(rec, "seeds_checked", json_object_new_int(CHECKED));
        printf(" %9.0f %6.0f %5d/%d", n.us, n.us / us, n.equal, CHECKED);
        if (rounding == SB_ROUND_NEAREST) {
            json_object_object_add(rec, "pinv_us_per_block", json_object_new_double(pinv_us));
            printf(" %8.0f", pinv_us);
        }
    }
    printf("\n");
    fflush(stdout);
    json_object_array_add(out, rec);
    free(words);
    return ok;
}

static bool write_json(const char *path, json_object *records)
{
    char beside[1024];
    snprintf(beside, sizeof beside, "%s.tmp", path);
    if (json_object_to_file_ext(beside, records, JSON_C_TO_STRING_PRETTY) != 0 || rename(beside, path) != 0) {
        fprintf(stderr, "bench_codec: cannot write %s: %s\n", path, json_util_get_last_err());
        return false;
    }
    printf("wrote %s\n", path);
    return true;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "build/bench/codec.json";
    const char *dir = getenv("SEEDBED_DATA") ? getenv("SEEDBED_DATA") : "../shared/data";
    sample samples[8];
    size_t n = 0;
    samples[n++] = make_sample("N(0,1)", 1, 0);
    samples[n++] = make_sample("N(0,0.02^2)", 0.02, 0);
    samples[n++] = make_sample("N(0,0.001^2)", 0.001, 0);
    samples[n++] = make_sample("Student-t(5)", 1, 5);
    n += load_gpt2(dir, "h1", &samples[n]);
    n += load_gpt2(dir, "h7", &samples[n]);

    json_object *records = json_object_new_array();
    bool ok = true;
    printf("%-8s %-8s %-20s %6s %11s %9s %9s %6s %8s %8s\n", "codec", "rounding", "distribution", "bpw", "nmse",
           "us/block", "naive us", "ratio", "equal", "pinv us");
    for (int id = 0; id < SB_CODEC_COUNT; id++) {
        const sb_codec *c = sb_codec_by_id(id);
        double pinv_us = id >= SB_CODEC_SEEDLM4 ? time_pinv(c) : 0;
        for (int rounding = 0; rounding <= (id == SB_CODEC_FP16 ? 0 : 1); rounding++)
            for (size_t i = 0; i < n; i++)
                ok &= run(c, (sb_rounding)rounding, &samples[i], pinv_us, records);
    }
    ok &= write_json(path, records);
    json_object_put(records);
    for (size_t i = 0; i < n; i++)
        free(samples[i].w);
    return ok ? 0 : 1;
}
