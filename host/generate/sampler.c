/* SPDX-License-Identifier: Apache-2.0
 * Greedy and nucleus sampling (Holtzman et al., arXiv 1904.09751) with a counter-free PCG32 stream. */
#include <math.h>
#include <stdlib.h>

#include "seedbed/generate.h"

typedef struct {
    float p;
    uint32_t id;
} candidate;

struct sb_sampler {
    sb_sampler_options opt;
    int vocab;
    uint64_t state;
    candidate *c; /* (vocab,) */
};

/* PCG-XSH-RR 64/32, O'Neill 2014. */
static uint32_t pcg32(uint64_t *state)
{
    uint64_t old = *state;
    *state = old * 6364136223846793005u + 1442695040888963407u;
    uint32_t x = (uint32_t)(((old >> 18) ^ old) >> 27);
    unsigned r = (unsigned)(old >> 59);
    return x >> r | x << (-r & 31);
}

sb_status sb_sampler_new(int vocab, const sb_sampler_options *opt, sb_sampler **out, sb_error *err)
{
    *out = NULL;
    if (!(opt->temperature >= 0 && opt->temperature <= 100))
        return sb_fail(err, SB_ERR_ARG, "temperature %g: expected 0 to 100", (double)opt->temperature);
    if (!(opt->top_p > 0 && opt->top_p <= 1))
        return sb_fail(err, SB_ERR_ARG, "top-p %g: expected more than 0, at most 1", (double)opt->top_p);
    sb_sampler *s = calloc(1, sizeof *s);
    if (s)
        s->c = calloc((size_t)vocab, sizeof *s->c);
    if (!s || !s->c) {
        free(s);
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    }
    s->opt = *opt;
    s->vocab = vocab;
    s->state = opt->seed + 1442695040888963407u;
    (void)pcg32(&s->state);
    *out = s;
    return SB_OK;
}

void sb_sampler_free(sb_sampler *s)
{
    if (s)
        free(s->c);
    free(s);
}

bool sb_sampler_is_greedy(const sb_sampler *s)
{
    return s->opt.temperature == 0;
}

static int by_probability(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->p != y->p)
        return x->p < y->p ? 1 : -1;
    return x->id < y->id ? -1 : 1;
}

uint32_t sb_sampler_next(sb_sampler *s, const float *logits)
{
    int best = 0;
    for (int i = 1; i < s->vocab; i++)
        if (logits[i] > logits[best])
            best = i;
    if (s->opt.temperature == 0)
        return (uint32_t)best;

    double sum = 0;
    for (int i = 0; i < s->vocab; i++) {
        s->c[i] = (candidate){expf((logits[i] - logits[best]) / s->opt.temperature), (uint32_t)i};
        sum += s->c[i].p;
    }
    int n = s->vocab;
    if (s->opt.top_p < 1) {
        qsort(s->c, (size_t)n, sizeof *s->c, by_probability);
        double kept = 0;
        for (n = 0; n < s->vocab && (n == 0 || kept < s->opt.top_p * sum); n++)
            kept += s->c[n].p;
        sum = kept;
    }
    double u = pcg32(&s->state) * 0x1p-32 * sum;
    for (int i = 0; i < n; i++) {
        u -= s->c[i].p;
        if (u < 0)
            return s->c[i].id;
    }
    return s->c[n - 1].id;
}
