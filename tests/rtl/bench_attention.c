/* SPDX-License-Identifier: Apache-2.0
 * The attention engine against attention_exact.c: random jobs with random stalls, and cycles on an ideal bus.
 *   bench_attention [cases] [seed]
 *   bench_attention --measure     one flat JSON record a line */
#include <inttypes.h>
#include <stdio.h>

#include "../unit/attention_case.h"
#include "attn_shim.h"

#ifndef ATTN_T
#error "ATTN_T, ATTN_KEYS, ATTN_MODES: the engine's parameters"
#endif

enum { TAG_Q, TAG_MASK, TAG_KEXP, TAG_K, TAG_VEXP, TAG_V };

typedef struct {
    unsigned tag;
    const uint8_t *data;
} beat;

typedef struct {
    attn_pins job;
    beat *beats;
    size_t n;
    size_t first_row; /* in the case */
} job;

typedef struct {
    uint64_t cycles, beats, kv_beats, idle, stall, empty;
} counts;

static void push(job *j, unsigned tag, const uint8_t *data)
{
    j->beats[j->n++] = (beat){tag, data};
}

/* The stream of one tile: rows row0..row0+rows-1 of KV head g. */
static job make_job(const attn_case *c, size_t g, size_t row0, unsigned rows)
{
    const sb_attn *a = &c->a;
    size_t group = a->heads / a->kv_heads, per = a->batch * group, hd = a->head_dim, qb = sb_attn_query_bytes(hd);
    bool kv8 = a->flags & SB_ATTN_KV8, sigmoid = a->flags & SB_ATTN_SIGMOID;
    size_t rb = sb_attn_kv_row(hd, kv8), lines = rb / 64;
    uint32_t lo = 0, hi = 0, first_token = (uint32_t)(row0 / group);
    uint64_t word = 0;
    bool any = false;
    for (unsigned r = 0; r < rows; r++) {
        sb_attn_header h;
        memcpy(&h, a->queries + (g * per + row0 + r) * qb, sizeof h);
        uint32_t pos = (uint32_t)h.pos, l = 0, e = a->keys;
        if ((a->flags & SB_ATTN_CAUSAL) && pos < e)
            e = pos + 1;
        if (a->window && pos >= a->window)
            l = pos - a->window + 1;
        lo = !any || l < lo ? l : lo;
        hi = !any || e > hi ? e : hi;
        any = true;
        word |= (uint64_t)((row0 + r) / group % 8) << (3 * r);
    }
    lo = lo / 64 * 64;
    uint32_t blocks = hi > lo ? (hi - lo + 63) / 64 : 0;
    if (!blocks) { /* at least one, all masked */
        blocks = 1;
        lo = lo >= a->capacity ? 0 : lo;
    }
    job j = {.job = {.sigmoid = sigmoid,
                     .kv8 = kv8,
                     .causal = a->flags & SB_ATTN_CAUSAL,
                     .bitmap = a->mask != NULL,
                     .lines = (unsigned)lines,
                     .qlines = (unsigned)((2 * hd + 63) / 64),
                     .rows = rows,
                     .blocks = blocks,
                     .key0 = lo,
                     .keys = a->keys,
                     .window = a->window,
                     .dim = (unsigned)hd,
                     .word = word},
             .first_row = g * per + row0};
    j.job.exports = a->flags & SB_ATTN_EXPORT && (row0 + rows - 1) / group + 1 == a->batch;
    j.beats = malloc(sizeof(beat) * (rows * qb / 64 + blocks * (3 + 128 * lines)));
    for (unsigned r = 0; r < rows; r++)
        for (size_t i = 0; i < qb / 64; i++)
            push(&j, TAG_Q, a->queries + (g * per + row0 + r) * qb + 64 * i);
    const uint8_t *k = a->kv + g * sb_attn_kv_bytes(hd, kv8, a->capacity), *v = k + a->capacity * rb,
                  *exps = v + a->capacity * rb;
    uint32_t b0 = lo / 64, ahead = sigmoid ? 2 : blocks; /* K blocks before the first V */
    for (uint32_t s = 0; s < 2 * blocks; s++) {
        /* step s: K0 K1 V0 K2 V1 .. (sigmoid), or all K, all V */
        uint32_t kn = 0, vn = 0;
        bool is_k;
        if (!sigmoid || blocks < 2) {
            is_k = s < blocks;
            kn = s;
            vn = s - blocks;
        } else if (s < ahead) {
            is_k = true;
            kn = s;
        } else {
            uint32_t t = s - ahead; /* V0 K2 V1 K3 .. */
            is_k = t % 2 == 1 && ahead + t / 2 < blocks;
            kn = ahead + t / 2;
            vn = t < 2 * (blocks - ahead) ? t / 2 : t - (blocks - ahead);
        }
        uint32_t b = b0 + (is_k ? kn : vn);
        if (is_k) {
            if (a->mask)
                push(&j, TAG_MASK,
                     (const uint8_t *)(a->mask + b * sb_attn_mask_tokens(a->batch) + first_token / 8 * 8));
            push(&j, TAG_KEXP, exps + 128 * b);
            for (size_t i = 0; i < 64 * lines; i++)
                push(&j, TAG_K, k + b * 64 * rb + 64 * i);
        } else {
            push(&j, TAG_VEXP, exps + 128 * b + 64);
            for (size_t i = 0; i < 64 * lines; i++)
                push(&j, TAG_V, v + b * 64 * rb + 64 * i);
        }
    }
    return j;
}

/* Tiles of the case: rows of one KV head, at most ATTN_T, within eight tokens (a mask line). */
static size_t make_jobs(const attn_case *c, job **out)
{
    const sb_attn *a = &c->a;
    size_t group = a->heads / a->kv_heads, per = a->batch * group, n = 0;
    *out = malloc(sizeof(job) * (c->rows + 1));
    for (size_t g = 0; g < a->kv_heads; g++)
        for (size_t row = 0; row < per;) {
            size_t end = (row / group / 8 + 1) * 8 * group;
            end = end < per ? end : per;
            unsigned rows = (unsigned)(end - row < ATTN_T ? end - row : ATTN_T);
            (*out)[n++] = make_job(c, g, row, rows);
            row += rows;
        }
    return n;
}

/* P of key `at` of the job, as the engine shows it, against what the definition exports for the last token's rows. */
static bool exported(const attn_case *c, const job *j, size_t at, const uint8_t *got)
{
    const sb_attn *a = &c->a;
    size_t group = a->heads / a->kv_heads, stride = sb_attn_prob_stride(a->keys), key = j->job.key0 + at;
    for (size_t r = 0; r < j->job.rows; r++) {
        size_t row = j->first_row + r, head = row / (group * a->batch) * group + row % group;
        if (row / group % a->batch + 1 != a->batch)
            continue;
        uint32_t want = key < stride ? a->probs[head * stride + key] : 0,
                 p = got[3 * r] | got[3 * r + 1] << 8 | got[3 * r + 2] << 16;
        if (p != want) {
            printf("head %zu, key %zu: exported %u, expected %u (flags %u, batch %u, heads %u/%u, dim %u, keys %u, "
                   "window %u)\n",
                   head, key, p, want, a->flags, a->batch, a->heads, a->kv_heads, a->head_dim, a->keys, a->window);
            return false;
        }
    }
    return true;
}

/* Runs all jobs; false and a message at the first wrong row. */
static bool run(void *dut, const attn_case *c, unsigned in_stall, unsigned out_stall, unsigned exp_stall,
                const uint8_t *want, counts *k)
{
    job *jobs;
    size_t n = make_jobs(c, &jobs), at = 0, out_job = 0, hd = c->a.head_dim, stride = sb_attn_row_bytes(hd);
    size_t out_row = 0, out_beat = 0, row_beats = hd / 8 + 1, pos = 0, exp_job = 0, exp_at = 0;
    bool started = false, ok = true;
    attn_pins p = {0};
    uint64_t quiet = 0;
    bool held = false; /* a beat once offered stays */
    *k = (counts){0};
    while ((out_job < n || exp_job < n) && ok) {
        if (exp_job < n && !jobs[exp_job].job.exports) {
            exp_job++;
            continue;
        }
        attn_pins j = at < n ? jobs[at].job : (attn_pins){0};
        p = j;
        p.job_valid = at < n && !started;
        bool more = at < n && started && pos < jobs[at].n;
        held = more && (held || case_below(1000) >= in_stall);
        p.beat_valid = held;
        if (held) {
            p.tag = jobs[at].beats[pos].tag;
            p.data = jobs[at].beats[pos].data;
        }
        p.out_ready = case_below(1000) >= out_stall;
        p.exp_ready = case_below(1000) >= exp_stall;
        attn_dut_cycle(dut, &p);
        k->cycles++;
        bool progress = false;
        if (p.job_valid && p.job_ready) {
            started = true;
            pos = 0;
            progress = true;
        } else if (p.beat_valid && p.beat_ready) {
            k->beats++;
            k->kv_beats += p.useful;
            held = false;
            progress = true;
            if (++pos == jobs[at].n) {
                at++;
                started = false;
            }
        } else if (p.beat_valid) {
            k->stall++;
        } else if (at < n) {
            k->empty++;
        } else {
            k->idle++;
        }
        if (p.out_valid && p.out_ready) {
            progress = true;
            size_t row = jobs[out_job].first_row + out_row;
            const uint8_t *w = want + row * stride + 64 * out_beat;
            size_t bytes = out_beat + 1 == row_beats ? 8 : 64;
            if (memcmp(w, p.out, bytes) || p.out_one != (bytes == 8)) {
                printf("row %zu, beat %zu: wrong (flags %u, batch %u, heads %u/%u, dim %zu, keys %u, window %u)\n", row,
                       out_beat, c->a.flags, c->a.batch, c->a.heads, c->a.kv_heads, hd, c->a.keys, c->a.window);
                for (size_t e = 0; e < bytes / 8; e++) {
                    int64_t x, y;
                    memcpy(&x, w + 8 * e, 8);
                    memcpy(&y, p.out + 8 * e, 8);
                    printf("  %" PRId64 " %" PRId64 "\n", x, y);
                }
                ok = false;
            }
            if (++out_beat == row_beats) {
                out_beat = 0;
                if (++out_row == jobs[out_job].job.rows) {
                    out_row = 0;
                    out_job++;
                }
            }
        }
        if (p.exp_valid && p.exp_ready) {
            progress = true;
            if (exp_job == n) {
                printf("P exported that nobody asked for\n");
                ok = false;
            } else {
                ok = ok && exported(c, &jobs[exp_job], exp_at, p.exp);
                if (++exp_at == 64 * (size_t)jobs[exp_job].job.blocks)
                    exp_at = 0, exp_job++;
            }
        }
        quiet = progress ? 0 : quiet + 1;
        if (quiet > 20000) {
            printf("hangs: job %zu of %zu, beat %zu (tag %u) of %zu\n", at, n, pos, p.tag, at < n ? jobs[at].n : 0);
            ok = false;
        }
    }
    for (size_t i = 0; i < n; i++)
        free(jobs[i].beats);
    free(jobs);
    return ok;
}

static void reset(void *dut)
{
    attn_pins p = {.reset = true};
    for (int i = 0; i < 5; i++)
        attn_dut_cycle(dut, &p);
}

static unsigned fit_mode(unsigned flags)
{
    return ATTN_MODES == 1 ? flags | SB_ATTN_SIGMOID : ATTN_MODES == 2 ? flags & ~(unsigned)SB_ATTN_SIGMOID : flags;
}

static int test(int cases)
{
    static const uint32_t dims[] = {8, 16, 32, 40, 64, 72, 96, 128, 256};
    void *dut = attn_dut_new();
    reset(dut);
    uint64_t jobs_cycles = 0;
    for (int i = 0; i < cases; i++) {
        attn_case c;
        attn_case_random(&c, i % 20 ? 200 : ATTN_KEYS < 1500 ? ATTN_KEYS : 1500, i % 7 ? 3 : 12, dims, 9);
        c.a.flags = fit_mode(c.a.flags);
        uint8_t *want = malloc(c.dst_bytes);
        c.a.dst = want;
        c.a.probs = c.prob_bytes ? malloc(c.prob_bytes) : NULL;
        sb_attention_exact(sb_attn_best(), &c.a, 1);
        unsigned in = case_below(3) ? case_below(900) : 0, out = case_below(3) ? case_below(900) : 0;
        counts k;
        if (!run(dut, &c, in, out, case_below(2) ? case_below(900) : 0, want, &k)) {
            printf("case %d: FAILED\n", i);
            return 1;
        }
        jobs_cycles += k.cycles;
        free(c.a.probs);
        free(want);
        attn_case_free(&c);
    }
    printf("attention engine, T %d, modes %d: %d random cases equal to the definition, %" PRIu64 " cycles\n", ATTN_T,
           ATTN_MODES, cases, jobs_cycles);
    attn_dut_free(dut);
    return 0;
}

static int measure_one(void *dut, unsigned flags, bool prefill, uint32_t heads, uint32_t kv_heads, uint32_t dim,
                       uint32_t keys)
{
    attn_case c = {.a = {.flags = flags | SB_ATTN_CAUSAL,
                         .batch = prefill ? keys : 1,
                         .heads = heads,
                         .kv_heads = kv_heads,
                         .head_dim = dim,
                         .keys = keys,
                         .capacity = (keys + 63) / 64 * 64}};
    attn_case_fill(&c, false);
    uint8_t *want = malloc(c.dst_bytes);
    c.a.dst = want;
    sb_attention_exact(sb_attn_best(), &c.a, 1);
    counts k;
    if (!run(dut, &c, 0, 0, 0, want, &k))
        return 1;
    printf("{\"mode\":\"%s\",\"phase\":\"%s\",\"kv_bits\":%d,\"heads\":%u,\"kv_heads\":%u,\"head_dim\":%u,\"context\":%"
           "u,\"rows\":%d,"
           "\"modes_built\":%d,\"cycles\":%" PRIu64 ",\"beats\":%" PRIu64 ",\"kv_beats\":%" PRIu64 ",\"stall\":%" PRIu64
           ",\"no_beat\":%" PRIu64 ",\"drain\":%" PRIu64 ",\"utilisation\":%.4f,\"kv_utilisation\":%.4f}\n",
           flags & SB_ATTN_SIGMOID ? "sigmoid" : "softmax", prefill ? "prefill" : "decode",
           flags & SB_ATTN_KV8 ? 8 : 16, heads, kv_heads, dim, keys, ATTN_T, ATTN_MODES, k.cycles, k.beats, k.kv_beats,
           k.stall, k.empty, k.idle, (double)k.beats / (double)k.cycles, (double)k.kv_beats / (double)k.cycles);
    fflush(stdout);
    free(want);
    attn_case_free(&c);
    return 0;
}

static int measure(void)
{
    void *dut = attn_dut_new();
    reset(dut);
    int bad = 0;
    for (unsigned sigmoid = 0; sigmoid < 2; sigmoid++) {
        if (!(ATTN_MODES & (sigmoid ? 1 : 2)))
            continue;
        for (unsigned kv8 = 0; kv8 < 2; kv8++)
            for (uint32_t keys = 1024; keys <= 16384; keys *= 4)
                if (sigmoid || keys <= ATTN_KEYS)
                    bad |= measure_one(dut, sigmoid | kv8 * SB_ATTN_KV8, false, 2 * ATTN_T, 2, 64, keys);
        bad |= measure_one(dut, sigmoid, true, ATTN_T, 1, 64, 512);
        bad |= measure_one(dut, sigmoid, true, 1, 1, 64, 512);
        bad |= measure_one(dut, sigmoid, true, ATTN_T, 1, 128, 512);
    }
    attn_dut_free(dut);
    return bad;
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--measure"))
        return measure();
    if (argc > 2)
        case_rng ^= strtoull(argv[2], NULL, 0) * 0x9e3779b97f4a7c15u;
    return test(argc > 1 ? atoi(argv[1]) : 500);
}
