/* SPDX-License-Identifier: Apache-2.0
 * The SeedLM encoder: golden words, the scan against every seed, error bounds. */
#include <omp.h>
#include <string.h>

#include "codec/seedlm_internal.h"
#include "golden.h"
#include "seedbed/lfsr.h"
#include "test_support.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOW 4 /* fewer blocks under a sanitiser */
#else
#define SLOW 1
#endif

static const sb_seedlm_shape shapes[2] = {{8, 3}, {12, 4}};

START_TEST(golden_encode)
{
    json_object *rows = golden_array("encode");
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        json_object *row = json_object_array_get_idx(rows, i);
        const sb_codec *c = sb_codec_by_name(golden_string(row, "codec"));
        json_object *weights = golden_field(row, "w_1024");
        size_t n = (size_t)c->block;
        ck_assert_uint_eq(json_object_array_length(weights), n);
        float w[SB_SEEDLM_MAX_C];
        double wd[SB_SEEDLM_MAX_C];
        for (size_t k = 0; k < n; k++)
            wd[k] = (double)(w[k] = (float)golden_item(weights, k) / 1024);
        sb_rounding rounding = strcmp(golden_string(row, "rounding"), "search") ? SB_ROUND_NEAREST : SB_ROUND_SEARCH;
        sb_encode_options opt = {.rounding = rounding, .threads = 1};
        uint32_t words[2] = {1, 0};
        sb_error err;
        ck_assert_int_eq(c->encode(w, 1, n, 0, &opt, words, &err), SB_OK);
        ck_assert_msg(words[0] == (uint32_t)golden_int(row, "word"), "%s row %zu: word %08x, expected %08x", c->name, i,
                      words[0], (uint32_t)golden_int(row, "word"));
        ck_assert_uint_eq(words[1], (uint32_t)golden_int(row, "side"));
        sb_seedlm_shape shape = shapes[c->id == SB_CODEC_SEEDLM3];
        uint16_t states[48];
        uint32_t v[48];
        sb_lfsr_basis(16, words[0] & 0xffff, shape.c, shape.p, v);
        for (int k = 0; k < shape.c * shape.p; k++)
            states[k] = (uint16_t)v[k];
        double want = json_object_get_double(golden_field(row, "err"));
        ck_assert_double_eq_tol(sb_seedlm_quantise(shape, wd, states, rounding).err, want, 1e-9 * want);
    }
}
END_TEST

/* Blocks that are hard in some way; the rest is normal. */
static void fill_block(sb_seedlm_shape shape, int kind, uint64_t *seed, double *w)
{
    const sb_seedlm_table *t = sb_seedlm_table_get(shape);
    for (int i = 0; i < shape.c; i++)
        w[i] = (double)(float)random_normal(seed);
    if (kind % 8 == 1) { /* exactly what some word decodes to: the error reaches 0 */
        uint32_t s = 1 + (uint32_t)(random_bits(seed) % 65535);
        if (kind % 16 == 1) /* .. and the seed is nearly singular */
            s = t->cycle[t->stiff[random_bits(seed) % (uint64_t)t->stiff_count].j];
        uint32_t v[48];
        sb_lfsr_basis(16, s, shape.c, shape.p, v);
        int q[4];
        for (int p = 0; p < shape.p; p++)
            q[p] = (int)(random_bits(seed) % 16) - 8;
        for (int i = 0; i < shape.c; i++) {
            w[i] = 0;
            for (int p = 0; p < shape.p; p++)
                w[i] += q[p] * ((double)v[i * shape.p + p] - 32768);
            w[i] *= (double)0x1.0002p-15f * 0.25;
        }
    } else if (kind % 8 == 3) { /* one outlier */
        w[random_bits(seed) % (uint64_t)shape.c] *= 100;
    } else if (kind % 16 == 5) { /* one weight alone */
        for (int i = 1; i < shape.c; i++)
            w[i] = 0;
    } else if (kind % 16 == 13) { /* constant */
        for (int i = 1; i < shape.c; i++)
            w[i] = w[0];
    } else if (kind == 7) { /* at the exponents' lower end */
        for (int i = 0; i < shape.c; i++)
            w[i] *= 0x1p-8;
    } else if (kind == 15) { /* beyond the upper end */
        for (int i = 0; i < shape.c; i++)
            w[i] *= 0x1p14;
    } else if (kind == 23) {
        memset(w, 0, (size_t)shape.c * sizeof *w);
    } else if (kind == 31) { /* at the end of binary32, scaled as far as it goes */
        for (int i = 0; i < shape.c; i++)
            w[i] *= 0x1p380;
    } else if (kind == 39) {
        for (int i = 0; i < shape.c; i++)
            w[i] *= 0x1p-400;
    }
}

static void check_same(const char *what, int block, const sb_seedlm_code *a, const sb_seedlm_code *b)
{
    ck_assert_msg(a->seed == b->seed && a->e == b->e && memcmp(a->q, b->q, sizeof a->q) == 0 && a->err == b->err,
                  "block %d: %s finds seed %u error %.17g, naive seed %u error %.17g", block, what, a->seed, a->err,
                  b->seed, b->err);
}

START_TEST(scan_is_naive)
{
    const sb_seedlm_shape shape = shapes[_i / 2];
    const sb_rounding rounding = (sb_rounding)(_i % 2);
    const int blocks = 64 / SLOW;
    static double w[64][SB_SEEDLM_MAX_C];
    static sb_seedlm_code naive[64];
    uint64_t seed = 1000 + (uint64_t)_i;
    for (int b = 0; b < blocks; b++)
        fill_block(shape, b, &seed, w[b]);
#pragma omp parallel for schedule(dynamic)
    for (int b = 0; b < blocks; b++)
        naive[b] = sb_seedlm_encode_naive(shape, w[b], rounding);
    static sb_seedlm_group g;
    g.table = sb_seedlm_table_get(shape);
    g.rounding = rounding;
    for (int first = 0; first < blocks; first += 15) { /* a lane stays idle */
        int n = blocks - first < 15 ? blocks - first : 15;
        memcpy(g.w, w[first], (size_t)n * sizeof w[0]);
        sb_seedlm_scan(&g, n, sb_seedlm_scan_plain);
        for (int k = 0; k < n; k++)
            check_same("plain scan", first + k, &g.best[k], &naive[first + k]);
#ifdef SB_SEEDLM_HAVE_AVX2
        sb_seedlm_scan(&g, n, sb_seedlm_scan_avx2);
        for (int k = 0; k < n; k++)
            check_same("avx2 scan", first + k, &g.best[k], &naive[first + k]);
#endif
    }
}
END_TEST

/* |projection of w on the basis|^2 / |w|^2, by Gram-Schmidt in long double. */
static long double exact_energy(sb_seedlm_shape shape, const uint16_t *states, const double *w)
{
    long double basis[SB_SEEDLM_MAX_P][SB_SEEDLM_MAX_C];
    long double energy = 0;
    long double norm2 = 0;
    for (int c = 0; c < shape.c; c++)
        norm2 += (long double)w[c] * w[c];
    for (int p = 0; p < shape.p; p++) {
        for (int c = 0; c < shape.c; c++)
            basis[p][c] = (states[c * shape.p + p] - 32768) / 32767.0L;
        for (int twice = 0; twice < 2; twice++) {
            for (int m = 0; m < p; m++) {
                long double dot = 0;
                for (int c = 0; c < shape.c; c++)
                    dot += basis[m][c] * basis[p][c];
                for (int c = 0; c < shape.c; c++)
                    basis[p][c] -= dot * basis[m][c];
            }
        }
        long double length = 0;
        long double dot = 0;
        for (int c = 0; c < shape.c; c++)
            length += basis[p][c] * basis[p][c];
        for (int c = 0; c < shape.c; c++) {
            basis[p][c] /= sqrtl(length);
            dot += basis[p][c] * w[c];
        }
        energy += dot * dot;
    }
    return energy / norm2;
}

static sb_seedlm_scan_fn recorded;

/* Runs a scan that records every position and improves nothing; the last segment's records stay in the group. */
static void record_all(sb_seedlm_group *g)
{
    for (int k = 0; k < SB_SEEDLM_LANES; k++) {
        g->threshold[k] = -INFINITY;
        g->best[k].err = -1;
    }
    recorded(g);
    for (int k = 0; k < SB_SEEDLM_LANES; k++)
        g->threshold[k] = INFINITY; /* and nothing for the stiff seeds */
}

/* The pruning's proof: at the end of 65535 float32 steps the energy plus margin is an upper bound, and a tight one. */
START_TEST(energy_is_a_bound)
{
    static const sb_seedlm_scan_fn scans[] = {
        sb_seedlm_scan_plain,
#ifdef SB_SEEDLM_HAVE_AVX2
        sb_seedlm_scan_avx2,
#endif
    };
    static sb_seedlm_group g;
    uint64_t seed = 8;
    for (int i = 0; i < 2 * (int)(sizeof scans / sizeof scans[0]); i++) {
        const sb_seedlm_shape shape = shapes[i % 2];
        const sb_seedlm_table *t = sb_seedlm_table_get(shape);
        recorded = scans[i / 2];
        g.table = t;
        g.rounding = SB_ROUND_NEAREST;
        for (int k = 0; k < SB_SEEDLM_LANES; k++)
            for (int c = 0; c < shape.c; c++)
                g.w[k][c] = random_normal(&seed) * (k % 4 && c == k % shape.c ? 20 : 1);
        sb_seedlm_scan(&g, SB_SEEDLM_LANES, record_all);
        ck_assert_uint_eq(g.evaluations, (uint64_t)SB_SEEDLM_LANES * SB_SEEDLM_SEEDS);
        for (int h = 0; h < SB_SEEDLM_SEGMENT; h++) {
            int j = g.hit_j[h];
            double margin = (double)t->factor[j * t->row];
            ck_assert_int_eq(j, SB_SEEDLM_SEEDS - SB_SEEDLM_SEGMENT + h);
            for (int k = 0; margin > 0 && k < SB_SEEDLM_LANES; k++) {
                double over = (double)(g.hit_energy[h][k] - exact_energy(shape, t->cycle + j + 1, g.w[k]));
                if (over < 0 || over > 2 * margin)
                    ck_abort_msg("scan %d, position %d, lane %d: %g above the energy, margin %g", i, j, k, over,
                                 margin);
            }
        }
    }
}
END_TEST

/* The same for the seeds judged in binary64: their stored factors against long double. */
START_TEST(stiff_energy_is_a_bound)
{
    uint64_t seed = 9;
    for (int s = 0; s < 2; s++) {
        const sb_seedlm_table *t = sb_seedlm_table_get(shapes[s]);
        for (int i = 0; i < t->stiff_count; i++) {
            const sb_seedlm_stiff *f = &t->stiff[i];
            const uint16_t *states = t->cycle + f->j + 1;
            double w[SB_SEEDLM_MAX_C];
            double norm2 = 0;
            for (int c = 0; c < shapes[s].c; c++) {
                w[c] = random_normal(&seed);
                norm2 += w[c] * w[c];
            }
            const double *inv = f->inv;
            double energy = f->margin;
            for (int p = 0; p < shapes[s].p; p++) {
                double z = 0;
                for (int m = 0; m <= p; m++) {
                    double a = 0;
                    for (int c = 0; c < shapes[s].c; c++)
                        a += w[c] * ((states[c * shapes[s].p + m] - 32768) / 32767.0);
                    z += *inv++ * a;
                }
                energy += z * z / norm2;
            }
            double over = (double)(energy - exact_energy(shapes[s], states, w));
            if (over < 0 || over > 2 * f->margin)
                ck_abort_msg("position %d: %g above the energy, margin %g", f->j, over, f->margin);
        }
    }
}
END_TEST

/* Facts the scan is built on: which seeds float32 cannot judge, and that no basis is singular. */
START_TEST(stiff_seeds)
{
    static const int count[2] = {511, 93};
    for (int s = 0; s < 2; s++) {
        const sb_seedlm_table *t = sb_seedlm_table_get(shapes[s]);
        ck_assert_int_eq(t->stiff_count, count[s]);
        for (int i = 0; i < t->stiff_count; i++)
            ck_assert_double_lt(t->stiff[i].margin, 0.01);
        int never = 0;
        float widest = 0;
        for (int j = 0; j < SB_SEEDLM_SEEDS; j++) {
            float m = t->factor[j * t->row];
            never += m < 0;
            widest = m > widest ? m : widest;
        }
        ck_assert_int_eq(never, t->stiff_count);
        ck_assert_float_lt(widest, 0.001f);
    }
}
END_TEST

/* Encodes, decodes the packed words, compares with the weights. */
static double nmse(const sb_codec *c, sb_rounding rounding, double sigma, size_t rows, size_t cols)
{
    float *w = random_weights(77, rows * cols, sigma);
    size_t n = sb_codec_row_words(c, cols);
    uint32_t *words = malloc(rows * n * sizeof *words);
    float *row = malloc(cols * sizeof *row);
    sb_encode_options opt = {.rounding = rounding};
    sb_error err = {""};
    int e = c->choose_scale_exp(w, rows * cols);
    ck_assert_int_eq(e, (int)floor(log2(sigma * 1.02)) + 1); /* the sample's rms is within 2% of sigma */
    ck_assert_int_eq(c->encode(w, rows, cols, e, &opt, words, &err), SB_OK);
    double sum = 0;
    double bad = 0;
    for (size_t r = 0; r < rows; r++) {
        sb_codec_decode_row_f32(c, words + r * n, cols, e, row);
        for (size_t i = 0; i < cols; i++) {
            double v = (double)w[r * cols + i];
            sum += v * v;
            bad += (v - (double)row[i]) * (v - (double)row[i]);
        }
    }
    free(w);
    free(words);
    free(row);
    return bad / sum;
}

START_TEST(error_bounds)
{
    const size_t rows = 64 / SLOW;
    const sb_codec *c4 = sb_codec_by_id(SB_CODEC_SEEDLM4);
    const sb_codec *c3 = sb_codec_by_id(SB_CODEC_SEEDLM3);
    const double slack = SLOW > 1 ? 1.03 : 1; /* statistical error of the smaller sample */
    double n4 = nmse(c4, SB_ROUND_NEAREST, 0.9, rows, 768);
    double n3 = nmse(c3, SB_ROUND_NEAREST, 0.9, rows, 768);
    ck_assert_double_ge(n4 * slack, 0.0146);
    ck_assert_double_le(n4, 0.0152 * slack);
    ck_assert_double_ge(n3 * slack, 0.0492);
    ck_assert_double_le(n3, 0.0512 * slack);
    ck_assert_double_le(nmse(c4, SB_ROUND_SEARCH, 0.9, rows, 768), 0.0142 * slack);
    ck_assert_double_le(nmse(c3, SB_ROUND_SEARCH, 0.9, rows, 768), 0.0482 * slack);
}
END_TEST

/* The pre-scale makes the words of w and of 2^k w the same. */
START_TEST(scale_invariance)
{
    float w[96];
    float v[96];
    uint64_t seed = 4;
    for (int i = 0; i < 96; i++) {
        w[i] = (float)(0.8 * random_normal(&seed));
        v[i] = ldexpf(w[i], -40);
    }
    for (int id = SB_CODEC_SEEDLM4; id <= SB_CODEC_SEEDLM3; id++) {
        const sb_codec *c = sb_codec_by_id(id);
        uint32_t a[16];
        uint32_t b[16];
        sb_encode_options opt = {.rounding = SB_ROUND_NEAREST};
        int e = c->choose_scale_exp(w, 96);
        int f = c->choose_scale_exp(v, 96);
        ck_assert_int_eq(f, e - 40);
        ck_assert_int_eq(c->encode(w, 1, 96, e, &opt, a, NULL), SB_OK);
        ck_assert_int_eq(c->encode(v, 1, 96, f, &opt, b, NULL), SB_OK);
        ck_assert_mem_eq(a, b, sb_codec_row_words(c, 96) * sizeof a[0]);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("seedlm");
    TCase *t = tcase_create("seedlm");
    tcase_set_timeout(t, 600);
    tcase_add_test(t, golden_encode);
    tcase_add_loop_test(t, scan_is_naive, 0, 4);
    tcase_add_test(t, energy_is_a_bound);
    tcase_add_test(t, stiff_energy_is_a_bound);
    tcase_add_test(t, stiff_seeds);
    tcase_add_test(t, error_bounds);
    tcase_add_test(t, scale_invariance);
    suite_add_tcase(s, t);
    return run_suite(s);
}
