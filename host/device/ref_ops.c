/* SPDX-License-Identifier: Apache-2.0
 * The vector operations and the attention of the ref device: plain binary32 and binary64 with the mathematical library.
 * The accuracy oracle; the exact contract is vector_ops.c, row_ops.c and attention_ops.c. Threads split independent
 * heads only. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "device/device_internal.h"
#include "device/ref_ops.h"
#include "device/vector_math.h"

sb_status sb_ref_embed(sb_device *dev, const sb_command *c, sb_error *err)
{
    const uint32_t *id = sb_ptr(dev, c->src), *table = sb_ptr(dev, c->weights); /* (batch,), (rows, p2 words) */
    float *x = sb_ptr(dev, c->dst);                                             /* (batch, cols) */
    const sb_codec *codec = sb_codec_by_id(c->codec);
    for (size_t v = 0; v < c->batch; v++, x += c->cols) {
        if (id[v] >= c->rows)
            return sb_fail(err, SB_ERR_DEVICE, "EMBED: index %u of vector %zu, the table has %u rows (error %d)", id[v],
                           v, c->rows, SB_ERROR_INDEX);
        const uint32_t *row = table + (size_t)id[v] * c->p[2];
        if (c->p[1])
            memmove(x, row, c->cols * sizeof *x);
        else
            sb_codec_decode_row_f32(codec, row, c->cols, (int32_t)c->p[0], x);
    }
    return SB_OK;
}

/* Zhang and Sennrich, arXiv 1910.07467, eq. 4; with a mean, Ba, Kiros and Hinton, arXiv 1607.06450, eq. 4. */
static void norm(const float *x, float *y, size_t n, bool mean, float eps, const float *gain, const float *bias)
{
    double mu = 0, ss = 0;
    for (size_t i = 0; mean && i < n; i++)
        mu += (double)x[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        ss += ((double)x[i] - mu) * ((double)x[i] - mu);
    double inv = 1 / sqrt(ss / (double)n + (double)eps);
    for (size_t i = 0; i < n; i++)
        y[i] = (float)(((double)x[i] - mu) * inv * (double)gain[i] + (bias ? (double)bias[i] : 0));
}

sb_status sb_ref_norm(sb_device *dev, const sb_command *c, sb_error *err)
{
    (void)err;
    bool mean = c->op == SB_OP_LAYERNORM;
    const float *bias = mean && c->aux ? sb_ptr(dev, c->aux) : NULL;
    for (size_t v = 0; v < c->batch; v++)
        for (size_t r = 0; r < c->rows; r++)
            norm((const float *)sb_ptr(dev, c->src) + v * c->p[1] + r * c->cols,
                 (float *)sb_ptr(dev, c->dst) + v * c->p[1] + r * c->cols, c->cols, mean, sb_f32_of_bits(c->p[0]),
                 sb_ptr(dev, c->weights), bias);
    return SB_OK;
}

sb_status sb_ref_kv_append(sb_device *dev, const sb_command *c, sb_error *err)
{
    (void)err;
    float *cache = sb_ptr(dev, c->dst); /* (rows, capacity, cols) */
    size_t pos = c->p[0], capacity = c->p[1];
    for (size_t v = 0; v < c->batch; v++) {
        const float *x = (const float *)sb_ptr(dev, c->src) + v * c->p[2]; /* (rows, cols) */
        for (size_t r = 0; r < c->rows; r++)
            memmove(cache + (r * capacity + pos + v) * c->cols, x + r * c->cols, c->cols * sizeof *x);
    }
    return SB_OK;
}

/* One query row of sigmoid attention over keys lo..n-1: out = sum of sigmoid(q.k / sqrt(hd) + bias - slope |i-j|) v.
 * arXiv 2409.04431, eq. 2. */
static void attend_sigmoid(const float *q, const float *k, const float *v, size_t lo, size_t n, size_t hd, float bias,
                           float slope, float *out)
{
    float scale = 1.0f / sqrtf((float)hd);
    memset(out, 0, hd * sizeof *out);
    for (size_t t = lo; t < n; t++) {
        float s = 0;
        for (size_t i = 0; i < hd; i++)
            s += q[i] * k[t * hd + i];
        float p = 1.0f / (1.0f + expf(-(s * scale + bias - slope * (float)(n - 1 - t))));
        for (size_t i = 0; i < hd; i++)
            out[i] += p * v[t * hd + i];
    }
}

/* One query row of causal softmax attention over keys lo..n-1. score is scratch of n. */
static void attend(const float *q, const float *k, const float *v, size_t lo, size_t n, size_t hd, float slope,
                   float *score, float *out)
{
    float scale = 1.0f / sqrtf((float)hd), m = -INFINITY, sum = 0;
    for (size_t t = lo; t < n; t++) {
        float s = 0;
        for (size_t i = 0; i < hd; i++)
            s += q[i] * k[t * hd + i];
        score[t] = s * scale - slope * (float)(n - 1 - t);
        m = score[t] > m ? score[t] : m;
    }
    memset(out, 0, hd * sizeof *out);
    for (size_t t = lo; t < n; t++) {
        float p = expf(score[t] - m);
        sum += p;
        for (size_t i = 0; i < hd; i++)
            out[i] += p * v[t * hd + i];
    }
    for (size_t i = 0; i < hd; i++)
        out[i] /= sum;
}

sb_status sb_ref_attention(sb_device *dev, const sb_command *c, sb_error *err)
{
    size_t hd = c->cols, heads = c->rows, pos = c->p[0], capacity = c->p[1], kv_heads = c->p[3];
    const float *kc = sb_ptr(dev, c->weights); /* (kv_heads, capacity, hd), as vc */
    const float *vc = c->codec ? kc + kv_heads * capacity * hd : sb_ptr(dev, c->aux);
    const sb_attention_params softmax = {0}, *par = c->codec ? sb_ptr(dev, c->aux) : &softmax;
    size_t group = heads / kv_heads;
    bool oom = false;
    /* Small ones are done before the threads would have started. */
    bool large = (size_t)c->batch * heads * (pos + c->batch) * hd > 1 << 20;
    int threads = large ? dev->opt.threads : 1;
#pragma omp parallel for num_threads(threads) collapse(2) schedule(static) reduction(|| : oom)
    for (size_t v = 0; v < c->batch; v++) {
        for (size_t h = 0; h < heads; h++) {
            float *score = malloc((pos + v + 1) * sizeof *score);
            if (!score) {
                oom = true;
                continue;
            }
            const float *q = (const float *)sb_ptr(dev, c->src) + v * c->p[2] + h * hd;
            float *out = (float *)sb_ptr(dev, c->dst) + (v * heads + h) * hd; /* (batch, heads, hd) */
            size_t at = h / group * capacity * hd;
            size_t n = pos + v + 1, lo = par->window && n > par->window ? n - par->window : 0;
            float slope = par->alibi ? ((const float *)(par + 1))[h] : 0;
            if (par->sigmoid)
                attend_sigmoid(q, kc + at, vc + at, lo, n, hd, par->bias, slope, out);
            else
                attend(q, kc + at, vc + at, lo, n, hd, slope, score, out);
            free(score);
        }
    }
    return oom ? sb_fail(err, SB_ERR_NOMEM, "ATTENTION: out of memory for %zu scores", pos + c->batch) : SB_OK;
}

static double silu(double g)
{
    return g / (1 + exp(-g));
}
/* Hendrycks and Gimpel, arXiv 1606.08415, the tanh form. */
static double gelu(double g)
{
    return 0.5 * g * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (g + 0.044715 * g * g * g)));
}

sb_status sb_ref_gate(sb_device *dev, const sb_command *c, sb_error *err)
{
    (void)err;
    double (*f)(double) = c->op == SB_OP_SILU_MUL ? silu : gelu;
    for (size_t v = 0; v < c->batch; v++) {
        const float *g = (const float *)sb_ptr(dev, c->src) + v * c->p[0];
        const float *u = (const float *)sb_ptr(dev, c->aux) + v * c->p[0];
        float *y = (float *)sb_ptr(dev, c->dst) + v * c->cols; /* (batch, cols) */
        for (size_t i = 0; i < c->cols; i++)
            y[i] = (float)(f((double)g[i]) * (double)u[i]);
    }
    return SB_OK;
}
