/* SPDX-License-Identifier: Apache-2.0
 * The arithmetic vector operations of the exact contract (docs/numerics.md, section 5.4): norms, rope, gates, residual.
 */
#include "device/device_internal.h"
#include "device/vector_math.h"

sb_status sb_not_finite(const sb_command *c, const char *what, size_t i, size_t vector, sb_error *err)
{
    return sb_fail(err, SB_ERR_DEVICE, "%s: %s %zu of vector %zu is not finite (error %d)", sb_op_name(c->op), what, i,
                   vector, SB_ERROR_NOT_FINITE);
}

/* The result y of vector v, n numbers. */
static sb_status check_result(const sb_command *c, const float *y, size_t n, size_t v, sb_error *err)
{
    size_t bad = sb_first_not_finite(y, n);
    return bad < n ? sb_not_finite(c, "result", bad, v, err) : SB_OK;
}

/* y = x / sqrt(mean(x^2) + eps) * gain. Zhang and Sennrich, arXiv 1910.07467, eq. 4. */
sb_status sb_rmsnorm(sb_device *dev, const sb_command *c, sb_error *err)
{
    const float *gain = sb_ptr(dev, c->weights); /* (cols,) */
    float eps = sb_f32_of_bits(c->p[0]), inv_n = sb_f32_of_bits(c->p[2]);
    size_t n = c->cols;
    for (size_t v = 0; v < c->batch; v++) {
        const float *x = (const float *)sb_ptr(dev, c->src) + v * c->p[1]; /* (rows, cols) */
        float *y = (float *)sb_ptr(dev, c->dst) + v * c->p[1];
        for (size_t r = 0; r < c->rows; r++) {
            float m = sb_sum64_squares(x + r * n, n) * inv_n;
            float inv = sb_rsqrt32(m + eps);
            for (size_t i = 0; i < n; i++)
                y[r * n + i] = x[r * n + i] * inv * gain[i];
        }
        sb_status st = check_result(c, y, c->rows * n, v, err);
        if (st)
            return st;
    }
    return SB_OK;
}

/* y = (x - mean) / sqrt(variance + eps) * gain + bias. Ba, Kiros and Hinton, arXiv 1607.06450, eq. 4. */
sb_status sb_layernorm(sb_device *dev, const sb_command *c, sb_error *err)
{
    const float *gain = sb_ptr(dev, c->weights), *bias = c->aux ? sb_ptr(dev, c->aux) : NULL; /* (cols,) */
    float eps = sb_f32_of_bits(c->p[0]), inv_n = sb_f32_of_bits(c->p[2]);
    size_t n = c->cols;
    for (size_t v = 0; v < c->batch; v++) {
        const float *x = (const float *)sb_ptr(dev, c->src) + v * c->p[1]; /* (rows, cols) */
        float *y = (float *)sb_ptr(dev, c->dst) + v * c->p[1];
        for (size_t r = 0; r < c->rows; r++) {
            float mu = sb_sum64(x + r * n, n) * inv_n;
            float m = sb_sum64_deviations(x + r * n, mu, n) * inv_n;
            float inv = sb_rsqrt32(m + eps);
            for (size_t i = 0; i < n; i++)
                y[r * n + i] = (x[r * n + i] - mu) * inv * gain[i];
            for (size_t i = 0; bias && i < n; i++)
                y[r * n + i] = y[r * n + i] + bias[i];
        }
        sb_status st = check_result(c, y, c->rows * n, v, err);
        if (st)
            return st;
    }
    return SB_OK;
}

/* Pairs turned by the angle whose cosine and sine the host wrote for the token. Su et al., arXiv 2104.09864, eq. 34. */
sb_status sb_rope(sb_device *dev, const sb_command *c, sb_error *err)
{
    size_t half = c->cols / 2, apart = c->p[0] ? 1 : half, step = c->p[0] ? 2 : 1;
    for (size_t v = 0; v < c->batch; v++) {
        float *base = (float *)sb_ptr(dev, c->dst) + v * c->p[1]; /* (rows, cols) */
        const float *co = (const float *)sb_ptr(dev, c->aux) + v * c->p[2], *si = co + half;
        for (size_t r = 0; r < c->rows; r++) {
            float *x = base + r * c->cols;
            for (size_t i = 0; i < half; i++) {
                float a = x[i * step], b = x[i * step + apart];
                x[i * step] = a * co[i] - b * si[i];
                x[i * step + apart] = b * co[i] + a * si[i];
            }
        }
        sb_status st = check_result(c, base, (size_t)c->rows * c->cols, v, err);
        if (st)
            return st;
    }
    return SB_OK;
}

/* Shazeer, arXiv 2002.05202, eq. 6 (SwiGLU) and eq. 5 (GEGLU). */
static inline sb_status gate(sb_device *dev, const sb_command *c, float (*f)(float), sb_error *err)
{
    for (size_t v = 0; v < c->batch; v++) {
        const float *g = (const float *)sb_ptr(dev, c->src) + v * c->p[0];
        const float *u = (const float *)sb_ptr(dev, c->aux) + v * c->p[0];
        float *y = (float *)sb_ptr(dev, c->dst) + v * c->cols; /* (batch, cols) */
        for (size_t i = 0; i < c->cols; i++)
            y[i] = f(g[i]) * u[i];
        sb_status st = check_result(c, y, c->cols, v, err);
        if (st)
            return st;
    }
    return SB_OK;
}

sb_status sb_silu_mul(sb_device *dev, const sb_command *c, sb_error *err)
{
    return gate(dev, c, sb_silu32, err);
}
sb_status sb_gelu_mul(sb_device *dev, const sb_command *c, sb_error *err)
{
    return gate(dev, c, sb_gelu32, err);
}

sb_status sb_add(sb_device *dev, const sb_command *c, sb_error *err)
{
    const float *x = sb_ptr(dev, c->src);
    float *y = sb_ptr(dev, c->dst), s = sb_f32_of_bits(c->p[0]);
    size_t n = (size_t)c->batch * c->cols;
    if (c->codec)
        for (size_t i = 0; i < n; i++)
            y[i] = y[i] + s * x[i];
    else
        for (size_t i = 0; i < n; i++)
            y[i] = y[i] + x[i];
    size_t bad = sb_first_not_finite(y, n);
    return bad < n ? sb_not_finite(c, "result", bad % c->cols, bad / c->cols, err) : SB_OK;
}
