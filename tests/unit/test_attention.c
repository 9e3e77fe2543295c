/* SPDX-License-Identifier: Apache-2.0
 * Exact attention: every engine of the library against a second, naive writing of docs/numerics.md section 6; against
 * binary64; masks, partial sums, and the error of the functions over their whole input range. */
#include <check.h>
#include <math.h>
#include <stdio.h>

#include "attention_case.h"
#include "test_support.h"

static const uint32_t dims[] = {8, 16, 24, 32, 40, 64, 72, 96, 100, 128, 256};
enum { N_DIMS = sizeof dims / sizeof *dims };

static const sb_attn_kernel *const kernels[] = {&sb_attn_portable,
#ifdef __AVX2__
                                                &sb_attn_avx2
#endif
};
enum { N_KERNELS = sizeof kernels / sizeof *kernels };

/* ---- the naive writing: one key at a time, 128-bit integers, floor by division ---- */
static __int128 floor_shift(__int128 v, int by)
{
    __int128 d = (__int128)1 << by;
    __int128 q = v / d;
    return v % d < 0 ? q - 1 : q;
}
static __int128 sat(__int128 v, __int128 lo, __int128 hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

static uint32_t naive_p(bool sigmoid, int32_t y, int32_t max)
{
    int64_t u = sigmoid ? llabs((long long)y) : (int64_t)max - y;
    int n = (int)(u / 16384), f = (int)(u % 16384), row = sigmoid && n < 15 ? n : 15;
    uint32_t e = sb_attn_table[row * 64 + f / 256];
    int64_t mant = (int64_t)(e / 1024) - ((int64_t)(e % 1024) * (f % 256) + 128) / 256;
    uint32_t p = n > 23 ? 0 : (uint32_t)(mant * 256 / ((int64_t)1 << n));
    return sigmoid && y > 0 ? 0xffffff - p : p;
}

static bool naive_sees(const sb_attn *a, uint32_t token, int32_t pos, uint32_t j)
{
    bool v = true;
    if (a->flags & SB_ATTN_CAUSAL)
        v = v && (int64_t)j <= pos;
    if (a->window)
        v = v && (int64_t)pos - j < a->window;
    if (a->flags & SB_ATTN_BITMAP)
        v = v && (a->mask[(j / 64) * ((a->batch + 7) / 8 * 8) + token] & (1ull << (j % 64)));
    return v;
}

/* Element i of row j of K (which 0) or V (1), and the exponent. */
static int naive_kv(const sb_attn *a, size_t g, int which, size_t j, size_t i, int *k)
{
    size_t e = a->flags & SB_ATTN_KV8 ? 1 : 2, rb = (a->head_dim * e + 63) / 64 * 64,
           region = 2 * a->capacity * rb + 2 * a->capacity;
    const uint8_t *base = a->kv + g * region, *at = base + j * rb + i * e;
    if (which) /* [block][line of 64 bytes][64 keys] */
        at = base + a->capacity * rb + (j / 64 * (rb / 64) + i * e / 64) * 4096 + j % 64 * 64 + i * e % 64;
    *k = (int8_t)base[2 * a->capacity * rb + j / 64 * 128 + which * 64 + j % 64];
    return e == 1 ? (int8_t)at[0] : (int16_t)(at[0] | at[1] << 8);
}

static void naive_row(const sb_attn *a, size_t row, int64_t *acc, uint32_t *probs)
{
    size_t group = a->heads / a->kv_heads, g = row / group / a->batch, token = row / group % a->batch, hd = a->head_dim;
    const uint8_t *rec = a->queries + row * (64 + (hd * 2 + 63) / 64 * 64);
    int32_t f[6];
    memcpy(f, rec, sizeof f);
    int64_t max = -((int64_t)1 << 40);
    int32_t *y = malloc(a->keys * 4 + 4);
    bool sigmoid = a->flags & SB_ATTN_SIGMOID;
    for (uint32_t j = a->first_key; j < a->keys; j++) {
        __int128 s = 0;
        int k;
        for (size_t i = 0; i < hd; i++)
            s += (__int128)(int16_t)(rec[64 + 2 * i] | rec[65 + 2 * i] << 8) * naive_kv(a, g, 0, j, i, &k);
        (void)naive_kv(a, g, 0, j, 0, &k);
        __int128 t = sat(floor_shift(s * 256, (int)sat(f[1] + k + 8, 0, 63)), -8388608, 8388607);
        __int128 z = floor_shift(t * f[5] + 131072, 18);
        __int128 dist = (__int128)f[0] - j, slope = (uint32_t)f[4];
        __int128 alibi = sat(floor_shift(slope * (dist < 0 ? -dist : dist), 10), 0, 4194304);
        y[j] = (int32_t)sat(z + f[3] - alibi, -2097152, 2097151);
        if (naive_sees(a, (uint32_t)token, f[0], j) && y[j] > max)
            max = y[j];
    }
    memset(acc, 0, 8 * (hd + 1));
    for (uint32_t j = a->first_key; j < a->keys; j++) {
        uint32_t p = naive_sees(a, (uint32_t)token, f[0], j) ? naive_p(sigmoid, y[j], (int32_t)max) : 0;
        if (probs)
            probs[j] = p;
        for (size_t i = 0; i < hd; i++) {
            int k, v = naive_kv(a, g, 1, j, i, &k), d = k - f[2];
            acc[i] += (int64_t)floor_shift(p, d < 0 ? 0 : d > 31 ? 31 : d) * v;
        }
        acc[hd] += sigmoid ? 0 : p;
    }
    free(y);
}

static void check_case(attn_case *c, int n)
{
    sb_attn *a = &c->a;
    size_t hd = a->head_dim, rb = sb_attn_row_bytes(hd), ps = sb_attn_prob_stride(a->keys),
           group = a->heads / a->kv_heads;
    int64_t *want = malloc(8 * (hd + 1));
    uint32_t *want_p = malloc(ps * 4);
    for (int e = 0; e < N_KERNELS; e++) {
        a->dst = malloc(c->dst_bytes);
        memset(a->dst, 0xa5, c->dst_bytes);
        a->probs = c->prob_bytes ? malloc(c->prob_bytes) : NULL;
        if (a->probs)
            memset(a->probs, 0xa5, c->prob_bytes);
        ck_assert(sb_attention_exact(kernels[e], a, 1 + (int)case_below(2)));
        for (size_t r = 0; r < c->rows; r++) {
            bool probs = a->probs && r / group % a->batch == a->batch - 1;
            naive_row(a, r, want, want_p);
            ck_assert_msg(!memcmp(a->dst + r * rb, want, 8 * (hd + 1)),
                          "case %d, %s: row %zu of batch %u, heads %u/%u, head_dim %u, keys %u, flags %u, window %u", n,
                          kernels[e]->name, r, a->batch, a->heads, a->kv_heads, a->head_dim, a->keys, a->flags,
                          a->window);
            for (size_t i = 8 * (hd + 1); i < rb; i++)
                ck_assert_uint_eq(a->dst[r * rb + i], 0xa5); /* the gap is left alone */
            const uint32_t *got = probs ? a->probs + (r / group / a->batch * group + r % group) * ps : NULL;
            if (got)
                ck_assert_msg(!memcmp(got, want_p, a->keys * 4), "case %d, %s: probabilities of row %zu", n,
                              kernels[e]->name, r);
        }
        free(a->dst);
        free(a->probs);
        a->dst = NULL;
        a->probs = NULL;
    }
    free(want);
    free(want_p);
}

START_TEST(random_shapes)
{
    for (int n = 0; n < 600; n++) {
        attn_case c;
        attn_case_random(&c, n % 10 ? 150 : 700, 9, dims, N_DIMS);
        check_case(&c, n);
        attn_case_free(&c);
    }
}
END_TEST

/* Sigmoid: the sums over the parts of any split of the keys add up to the whole, bit for bit. */
START_TEST(partial_sums)
{
    for (int n = 0; n < 100; n++) {
        attn_case c;
        attn_case_random(&c, 400, 4, dims, N_DIMS);
        sb_attn *a = &c.a;
        a->flags = (a->flags | SB_ATTN_SIGMOID) & ~(unsigned)SB_ATTN_EXPORT;
        size_t words = c.dst_bytes / 8, hd = a->head_dim, rw = sb_attn_row_bytes(hd) / 8;
        int64_t *whole = malloc(c.dst_bytes), *part = malloc(c.dst_bytes), *sum = calloc(words, 8);
        a->dst = (uint8_t *)whole;
        ck_assert(sb_attention_exact(sb_attn_best(), a, 1));
        uint32_t keys = a->keys, at = 0;
        a->dst = (uint8_t *)part;
        while (at < keys) {
            a->first_key = at;
            a->keys = at = at + 1 + case_below(keys - at);
            ck_assert(sb_attention_exact(sb_attn_best(), a, 1));
            for (size_t i = 0; i < words; i++)
                if (i % rw <= hd)
                    sum[i] += part[i];
        }
        for (size_t i = 0; i < words; i++)
            if (i % rw <= hd)
                ck_assert_msg(sum[i] == whole[i], "case %d, word %zu", n, i);
        free(whole);
        free(part);
        free(sum);
        attn_case_free(&c);
    }
}
END_TEST

START_TEST(all_masked)
{
    for (unsigned f = 0; f < 4; f++) {
        attn_case c = {.a = {.flags = f | SB_ATTN_BITMAP | SB_ATTN_EXPORT,
                             .batch = 3,
                             .heads = 4,
                             .kv_heads = 2,
                             .head_dim = 40,
                             .keys = 130,
                             .capacity = 192}};
        attn_case_fill(&c, false);
        memset(c.mask, 0, 3 * 8 * 8);
        c.a.dst = malloc(c.dst_bytes);
        c.a.probs = malloc(c.prob_bytes);
        memset(c.a.dst, 0xff, c.dst_bytes);
        memset(c.a.probs, 0xff, c.prob_bytes);
        ck_assert(sb_attention_exact(sb_attn_best(), &c.a, 1));
        for (size_t r = 0; r < c.rows; r++)
            for (size_t i = 0; i < 8 * 41; i++)
                ck_assert_uint_eq(c.a.dst[r * sb_attn_row_bytes(40) + i], 0);
        for (size_t i = 0; i < c.prob_bytes / 4; i++)
            ck_assert_uint_eq(c.a.probs[i], 0);
        free(c.a.dst);
        free(c.a.probs);
        attn_case_free(&c);
    }
}
END_TEST

/* Every value of y that can occur, against binary64. The limits are those of docs/numerics.md 6.4. */
START_TEST(function_error)
{
    for (int sigmoid = 0; sigmoid < 2; sigmoid++) {
        double worst = 0, mean = 0, worst_rel = 0;
        size_t n = 0;
        for (int32_t y = sigmoid ? -(1 << 21) : -(1 << 22) + 1; y <= (sigmoid ? SB_ATTN_Y_MAX : 0); y++) {
            double got = sigmoid ? sb_attn_sigmoid(y) : sb_attn_decay(15, (uint32_t)-y);
            double x = exp2((double)y / 16384), want = 16777216 * (sigmoid ? x / (1 + x) : x);
            if (sigmoid && y > 300000)
                want = 16777216;
            double e = fabs(got - want),
                   unit = want < 65536 ? 1 : want / 65536; /* 16 significant bits, never below 2^-24 */
            worst = e > worst ? e : worst;
            if (abs(y) <= 16 << 14) { /* beyond, it is 0 or 1 and the mean would flatter */
                mean += e;
                n++;
            }
            worst_rel = e / unit > worst_rel ? e / unit : worst_rel;
        }
        mean /= (double)n;
        printf("%s: error max %.1f of 2^-24, mean %.1f over %zu inputs within 16 (max %.2f, mean %.3f of 2^-16); "
               "relative to 16 significant bits max "
               "%.2f\n",
               sigmoid ? "sigmoid" : "2^y", worst, mean, n, worst / 256, mean / 256, worst_rel);
        ck_assert_msg(worst <= (sigmoid ? 350 : 430), "max %.1f", worst);
        ck_assert_msg(worst_rel <= 3.5, "relative %.2f", worst_rel);
        fflush(stdout);
        ck_assert_uint_eq(sb_attn_sigmoid(0), 1u << 23);
        ck_assert_uint_eq(sb_attn_sigmoid(SB_ATTN_Y_MAX), 0xffffff);
        ck_assert_uint_eq(sb_attn_sigmoid(-SB_ATTN_Y_MAX - 1), 0);
    }
}
END_TEST

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int b = 0; b < 8; b++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

START_TEST(table_checksum)
{
    ck_assert_uint_eq(crc32_of((const uint8_t *)sb_attn_table, sizeof sb_attn_table), SB_ATTN_TABLE_CRC32);
}
END_TEST

/* Real queries, keys and values quantised as section 6.1 says, against binary64 attention on the unquantised numbers.
 */
START_TEST(against_binary64)
{
    double worst[2][2] = {{0}};
    for (int n = 0; n < 60; n++) {
        bool sigmoid = n & 1, kv8 = n & 2;
        uint32_t hd = dims[case_below(N_DIMS)], keys = 1 + case_below(300);
        uint64_t seed = (uint64_t)n + 1;
        float *q = random_weights(seed, hd, 1), *k = random_weights(seed + 1000, (size_t)keys * hd, 1);
        float *v = random_weights(seed + 2000, (size_t)keys * hd, 0.5);
        attn_case c = {.a = {.flags = (sigmoid ? SB_ATTN_SIGMOID : 0u) | (kv8 ? SB_ATTN_KV8 : 0u) | SB_ATTN_CAUSAL,
                             .batch = 1,
                             .heads = 1,
                             .kv_heads = 1,
                             .head_dim = hd,
                             .keys = keys,
                             .capacity = (keys + 63) / 64 * 64}};
        attn_case_fill(&c, false);
        size_t rb = sb_attn_kv_row(hd, kv8);
        int8_t *exps = (int8_t *)(c.kv + 2 * c.a.capacity * rb);
        int v_exp = 127, top = kv8 ? 6 : 14, lim = kv8 ? 127 : 32767;
        for (size_t j = 0; j < keys; j++)
            for (size_t w = 0; w < 2; w++) {
                const float *x = (w ? v : k) + j * hd;
                float a = 0;
                for (size_t i = 0; i < hd; i++)
                    a = fabsf(x[i]) > a ? fabsf(x[i]) : a;
                int e = top - ilogbf(a);
                exps[j / 64 * 128 + w * 64 + j % 64] = (int8_t)e;
                v_exp = w && e < v_exp ? e : v_exp;
                for (size_t i = 0; i < hd; i++) {
                    double t = rint(ldexp(x[i], e));
                    int16_t s = (int16_t)(t > lim ? lim : t < -lim ? -lim : t);
                    size_t o = i * (kv8 ? 1 : 2);
                    uint8_t *at =
                        w ? c.kv + c.a.capacity * rb + sb_attn_v_line(rb, j, o / 64) + o % 64 : c.kv + j * rb + o;
                    memcpy(at, &s, kv8 ? 1 : 2);
                }
            }
        double bias = sigmoid ? -log((double)keys) : 0;
        float aq = 0;
        for (size_t i = 0; i < hd; i++)
            aq = fabsf(q[i]) > aq ? fabsf(q[i]) : aq;
        int kq = 14 - ilogbf(aq);
        sb_attn_constants t = sb_attn_constants_make(hd, bias, 0);
        sb_attn_header h = {
            .pos = (int32_t)keys - 1, .shift = kq - t.scale_exp - 16, .v_exp = v_exp, .bias = t.bias, .scale = t.scale};
        memcpy(c.queries, &h, sizeof h);
        for (size_t i = 0; i < hd; i++)
            ((int16_t *)(c.queries + 64))[i] = (int16_t)fmin(32767, rint(ldexp(q[i], kq)));
        c.a.dst = malloc(c.dst_bytes);
        ck_assert(sb_attention_exact(sb_attn_best(), &c.a, 1));
        double *o = calloc(hd, sizeof *o), sum = 0, scale = 0;
        for (size_t j = 0; j < keys; j++) {
            double s = 0;
            for (size_t i = 0; i < hd; i++)
                s += (double)q[i] * k[j * hd + i];
            s = s / sqrt(hd) + bias;
            double p = sigmoid ? 1 / (1 + exp(-s)) : exp(s);
            sum += p;
            for (size_t i = 0; i < hd; i++)
                o[i] += p * v[j * hd + i];
        }
        const int64_t *acc = (const int64_t *)(const void *)c.a.dst;
        double e = 0;
        for (size_t i = 0; i < hd; i++) {
            double want = sigmoid ? o[i] : o[i] / sum;
            double got = sigmoid ? ldexp((double)acc[i], -24 - v_exp) : ldexp((double)acc[i] / (double)acc[hd], -v_exp);
            e += (got - want) * (got - want);
            scale += want * want;
        }
        e = sqrt(e / scale);
        worst[kv8][sigmoid] = e > worst[kv8][sigmoid] ? e : worst[kv8][sigmoid];
        free(c.a.dst);
        free(o);
        free(q);
        free(k);
        free(v);
        attn_case_free(&c);
    }
    printf(
        "relative rms error against binary64: 16-bit softmax %.2e sigmoid %.2e, 8-bit KV softmax %.2e sigmoid %.2e\n",
        worst[0][0], worst[0][1], worst[1][0], worst[1][1]);
    ck_assert_msg(worst[0][0] < 5e-4 && worst[0][1] < 5e-4, "16-bit: %.2e %.2e", worst[0][0], worst[0][1]);
    ck_assert_msg(worst[1][0] < 3e-2 && worst[1][1] < 3e-2, "8-bit: %.2e %.2e", worst[1][0], worst[1][1]);
}
END_TEST

START_TEST(head_mean)
{
    uint32_t p[2 * 16] = {1 << 23, 1 << 22, [16] = 1 << 22, 0};
    uint64_t sums[2] = {1 << 24, 1 << 22};
    float out[3];
    sb_attn_mean(p, sums, true, 2, 3, out);
    ck_assert_float_eq(out[0], 0.375f);
    ck_assert_float_eq(out[1], 0.125f);
    ck_assert_float_eq(out[2], 0);
    sb_attn_mean(p, sums, false, 2, 3, out);
    ck_assert_float_eq(out[0], 0.75f);
    ck_assert_float_eq(out[1], 0.125f);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("attention");
    TCase *t = tcase_create("exact");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, table_checksum);
    tcase_add_test(t, function_error);
    tcase_add_test(t, random_shapes);
    tcase_add_test(t, partial_sums);
    tcase_add_test(t, all_masked);
    tcase_add_test(t, against_binary64);
    tcase_add_test(t, head_mean);
    suite_add_tcase(s, t);
    return run_suite(s);
}
