/* SPDX-License-Identifier: Apache-2.0
 * The operations that still run on the host, in binary32, in the device's memory. One implementation for every device, no
 * contraction, fixed order of summation (docs/numerics.md, section 5). Threads split independent heads only. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "device/device_internal.h"

static float f32_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

sb_status sb_nop(sb_device *dev, const sb_command *c, sb_error *err)
{
    (void)dev, (void)c, (void)err;
    return SB_OK;
}

sb_status sb_embed(sb_device *dev, const sb_command *c, sb_error *err)
{
    const uint32_t *id = sb_ptr(dev, c->src); /* (batch,) */
    float *x = sb_ptr(dev, c->dst);           /* (batch, cols) */
    const sb_codec *codec = sb_codec_by_id(c->codec);
    for (size_t v = 0; v < c->batch; v++, x += c->cols) {
        if (id[v] >= c->rows)
            return sb_fail(err, SB_ERR_DEVICE, "EMBED: token id %u of vector %zu, the table has %u rows", id[v], v, c->rows);
        if (c->p[1]) { /* plain fp32 table */
            memmove(x, (const float *)sb_ptr(dev, c->weights) + (size_t)id[v] * c->cols, c->cols * sizeof *x);
        } else {
            const uint32_t *table = sb_ptr(dev, c->weights); /* (rows, row_words) */
            sb_codec_decode_row_f32(codec, table + id[v] * sb_codec_row_words(codec, c->cols), c->cols, (int32_t)c->p[0], x);
        }
    }
    return SB_OK;
}

/* y = x / sqrt(mean(x^2) + eps) * gain. Zhang and Sennrich, arXiv 1910.07467, eq. 4. */
sb_status sb_rmsnorm(sb_device *dev, const sb_command *c, sb_error *err)
{
    (void)err;
    const float *gain = sb_ptr(dev, c->weights); /* (cols,) */
    float eps = f32_bits(c->p[0]);
    for (size_t v = 0; v < c->batch; v++) {
        for (size_t r = 0; r < c->rows; r++) {
            const float *x = (const float *)sb_ptr(dev, c->src) + v * c->p[1] + r * c->cols;
            float *y = (float *)sb_ptr(dev, c->dst) + v * c->p[1] + r * c->cols;
            float ss = 0;
            for (size_t i = 0; i < c->cols; i++)
                ss += x[i] * x[i];
            float inv = 1.0f / sqrtf(ss / (float)c->cols + eps);
            for (size_t i = 0; i < c->cols; i++)
                y[i] = x[i] * inv * gain[i];
        }
    }
    return SB_OK;
}

/* Half-split rotary embedding: (x_i, x_{i+h/2}) turned by pos * freq_i; freq is a table so that scaled variants need no code
 * here. Su et al., arXiv 2104.09864, eq. 34; positions are real numbers. */
sb_status sb_rope(sb_device *dev, const sb_command *c, sb_error *err)
{
    (void)err;
    const float *pos = sb_ptr(dev, c->aux);      /* (batch,) */
    const float *freq = sb_ptr(dev, c->weights); /* (cols/2,) */
    size_t half = c->cols / 2;
    for (size_t v = 0; v < c->batch; v++) {
        float *base = (float *)sb_ptr(dev, c->dst) + v * c->p[1]; /* (rows, cols) */
        for (size_t i = 0; i < half; i++) {
            double angle = (double)pos[v] * (double)freq[i];
            float co = (float)cos(angle), si = (float)sin(angle);
            for (size_t r = 0; r < c->rows; r++) {
                float *x = base + r * c->cols;
                float a = x[i], b = x[i + half];
                x[i] = a * co - b * si;
                x[i + half] = b * co + a * si;
            }
        }
    }
    return SB_OK;
}

sb_status sb_kv_append(sb_device *dev, const sb_command *c, sb_error *err)
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
static void attend_sigmoid(const float *q, const float *k, const float *v, size_t lo, size_t n, size_t hd, float bias, float slope,
                           float *out)
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
static void attend(const float *q, const float *k, const float *v, size_t lo, size_t n, size_t hd, float slope, float *score,
                   float *out)
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

sb_status sb_attention(sb_device *dev, const sb_command *c, sb_error *err)
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

sb_status sb_silu_mul(sb_device *dev, const sb_command *c, sb_error *err)
{
    (void)err;
    for (size_t v = 0; v < c->batch; v++) {
        const float *g = (const float *)sb_ptr(dev, c->src) + v * c->p[0];
        const float *u = (const float *)sb_ptr(dev, c->aux) + v * c->p[0];
        float *y = (float *)sb_ptr(dev, c->dst) + v * c->cols; /* (batch, cols) */
        for (size_t i = 0; i < c->cols; i++)
            y[i] = g[i] / (1.0f + expf(-g[i])) * u[i];
    }
    return SB_OK;
}

sb_status sb_add(sb_device *dev, const sb_command *c, sb_error *err)
{
    (void)err;
    const float *x = sb_ptr(dev, c->src);
    float *y = sb_ptr(dev, c->dst);
    for (size_t i = 0; i < (size_t)c->batch * c->cols; i++)
        y[i] += x[i];
    return SB_OK;
}
