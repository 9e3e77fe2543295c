/* SPDX-License-Identifier: Apache-2.0
 * The host's end of the board protocol. Every request may be repeated: writes store the same words again, a run
 * computes the same numbers again, and an answer counts only for the request whose sequence number and header CRC it
 * repeats. */
#include "board/board.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "board/frame.h"

enum { OP_IDENTIFY = 1, OP_OPEN = 2, OP_RUN = 5, ANSWER = 0x80 };
enum { OK, NO_OP, NO_CODEC, BAD_RANGE, NO_SESSION, DAMAGED, DIRTY };
enum { PROTOCOL = 1, MAGIC = 0x53, IDENTITY_BYTES = 24, TRAILER_BYTES = 16 };
enum { WINDOW = 8 }; /* requests on the way */

struct sb_board {
    sb_stream s;
    int timeout, retries;
    sb_board_info info;
    sb_board_stats stats;
    uint32_t session;
    uint16_t seq;
    bool lost;
    sb_frame_parser parser;
    uint8_t line[SB_FRAME_LINE];
};

const sb_board_info *sb_board_get_info(const sb_board *b)
{
    return &b->info;
}
const sb_board_stats *sb_board_get_stats(const sb_board *b)
{
    return &b->stats;
}
bool sb_board_lost(const sb_board *b)
{
    return b->lost;
}

const char *sb_board_name(uint8_t board)
{
    return board == 1 ? "iCEBreaker" : board == 2 ? "ULX3S" : "unknown board";
}

static const char *op_name(unsigned op)
{
    static const char *const name[] = {"?", "identify", "open", "write weights", "write activations", "run"};
    return op < sizeof name / sizeof *name ? name[op] : "?";
}

/* What a series of requests is made of: request i, its payload, and what to do with the body of its answer. */
typedef struct series {
    size_t count;
    void (*make)(const struct series *t, size_t i, sb_request *r, const uint32_t **payload, size_t *words);
    size_t body;     /* bytes that each answer must have */
    uint8_t *answer; /* where the last body goes, or NULL */
    sb_request fixed;
    const uint32_t *data;
    size_t words;
} series;

typedef struct {
    bool used;
    size_t index;
    uint16_t seq;
    uint32_t echo;
    uint8_t op;
    int tries;
} slot;

static sb_status transmit(sb_board *b, const series *t, slot *k, sb_error *err)
{
    sb_request r = t->fixed;
    const uint32_t *payload = NULL;
    size_t words = 0;
    if (t->make)
        t->make(t, k->index, &r, &payload, &words);
    r.seq = k->seq;
    r.session = b->session;
    if (k->tries++)
        b->stats.repeats++;
    else
        b->stats.requests++;
    k->op = r.op;
    size_t n = sb_frame_request(&r, payload, words, b->line, &k->echo);
    b->stats.bytes_out += n;
    return b->s.send(b->s.ctx, b->line, n, b->timeout, err);
}

static sb_status refused(sb_board *b, const sb_answer *a, sb_error *err)
{
    unsigned op = a->op & 0x7f;
    if (a->status == NO_SESSION) {
        b->lost = true;
        return sb_fail(err, SB_ERR_DEVICE, "%s: %s: the board was reset, or somebody else uses it", b->s.name,
                       op_name(op));
    }
    if (a->status == DIRTY) {
        b->lost = true;
        return sb_fail(err, SB_ERR_DEVICE, "%s: %s: what was written to the board was damaged on the way", b->s.name,
                       op_name(op));
    }
    static const char *const why[] = {"no error", "it does not know the operation", "it has not got the codec",
                                      "the request is out of its range"};
    return sb_fail(err, SB_ERR_DEVICE, "%s: %s: the board refuses: %s (status %u)", b->s.name, op_name(op),
                   a->status < sizeof why / sizeof *why ? why[a->status] : "?", a->status);
}

static sb_status again(sb_board *b, const series *t, slot *k, const char *why, sb_error *err)
{
    if (k->tries > b->retries)
        return sb_fail(err, SB_ERR_TIMEOUT, "%s: %s: %s, %d times (timeout %d ms)", b->s.name, op_name(k->op), why,
                       k->tries, b->timeout);
    return transmit(b, t, k, err);
}

static slot *asked(slot *window, const sb_answer *a)
{
    for (int i = 0; i < WINDOW; i++)
        if (window[i].used && window[i].seq == a->seq && window[i].echo == a->echo && (window[i].op | ANSWER) == a->op)
            return &window[i];
    return NULL;
}

/* Sends all requests of a series, up to WINDOW at a time, until each has its answer. */
static sb_status run_series(sb_board *b, const series *t, sb_error *err)
{
    slot window[WINDOW] = {0};
    size_t next = 0, done = 0;
    int64_t quiet = b->s.now(b->s.ctx); /* since when nothing came */
    uint64_t noise = 0; /* bytes since the last right frame: a babbling line is no better than a dead one */
    while (done < t->count) {
        for (int i = 0; i < WINDOW && next < t->count; i++) {
            if (window[i].used)
                continue;
            window[i] = (slot){.used = true, .index = next++, .seq = b->seq++};
            sb_status st = transmit(b, t, &window[i], err);
            if (st)
                return st;
            quiet = b->s.now(b->s.ctx);
        }
        uint8_t in[512];
        size_t got = 0;
        int64_t left = quiet + b->timeout - b->s.now(b->s.ctx);
        sb_status st = b->s.receive(b->s.ctx, in, sizeof in, &got, left > 0 ? (int)left : 0, err);
        if (st)
            return st;
        b->stats.bytes_in += got;
        noise += got;
        if (got && noise < 4 * SB_FRAME_MAX)
            quiet = b->s.now(b->s.ctx);
        for (size_t i = 0; i < got; i++) {
            sb_answer a;
            if (!sb_frame_push(&b->parser, in[i], &a))
                continue;
            noise = 0;
            slot *k = asked(window, &a);
            if (!k) {
                b->stats.strays++;
            } else if (a.status == DAMAGED) {
                if ((st = again(b, t, k, "it arrives damaged", err)))
                    return st;
            } else if (a.status != OK) {
                return refused(b, &a, err);
            } else if (a.bytes != t->body) {
                return sb_fail(err, SB_ERR_DEVICE, "%s: %s: an answer of %zu bytes, expected %zu", b->s.name,
                               op_name(k->op), a.bytes, t->body);
            } else {
                if (t->answer)
                    memcpy(t->answer, a.body, a.bytes);
                k->used = false;
                done++;
            }
        }
        if (b->s.now(b->s.ctx) - quiet >= b->timeout) {
            for (int i = 0; i < WINDOW; i++)
                if (window[i].used && (st = again(b, t, &window[i], "no answer", err)))
                    return st;
            quiet = b->s.now(b->s.ctx);
            noise = 0;
        }
    }
    return SB_OK;
}

static sb_status identify(sb_board *b, sb_error *err)
{
    uint8_t id[IDENTITY_BYTES];
    series t = {.count = 1, .fixed = {.op = OP_IDENTIFY}, .body = sizeof id, .answer = id};
    sb_status st = run_series(b, &t, err);
    if (st)
        return st;
    b->info = (sb_board_info){.protocol = (uint16_t)(id[0] | id[1] << 8),
                              .version = (uint16_t)(id[2] | id[3] << 8),
                              .board = id[5],
                              .lanes = id[6],
                              .codecs = id[7],
                              .weight_words = sb_get32(id + 8),
                              .act_words = sb_get32(id + 12),
                              .core_version = sb_get32(id + 16),
                              .clock_hz = sb_get32(id + 20)};
    const sb_board_info *n = &b->info;
    if (id[4] != MAGIC || n->protocol != PROTOCOL)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: board protocol %u, expected %u", b->s.name, n->protocol, PROTOCOL);
    if (!n->lanes || n->lanes > 64 || n->act_words < 16 || n->act_words > 1 << 20 || n->weight_words > 1 << 24 ||
        n->weight_words < 64u * n->lanes)
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: a board of %u lanes, %u words of weights, %u of activations",
                       b->s.name, n->lanes, n->weight_words, n->act_words);
    return SB_OK;
}

static uint32_t draw(const sb_board *b)
{
    uint32_t v;
    if (b->s.random)
        return b->s.random(b->s.ctx);
    return getrandom(&v, sizeof v, 0) == (ssize_t)sizeof v ? v : b->session * 1664525u + 1013904223u;
}

sb_status sb_board_reopen(sb_board *b, sb_error *err)
{
    uint32_t before = b->session;
    do
        b->session = draw(b);
    while (!b->session || b->session == before);
    series t = {.count = 1, .fixed = {.op = OP_OPEN}};
    sb_status st = run_series(b, &t, err);
    if (!st)
        b->lost = false;
    return st;
}

sb_status sb_board_open(const sb_stream *s, int timeout_ms, int retries, sb_board **out, sb_error *err)
{
    sb_board *b = calloc(1, sizeof *b);
    *out = NULL;
    if (!b)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    b->s = *s;
    b->timeout = timeout_ms;
    b->retries = retries;
    /* So that answers to whoever was here before are strays. */
    b->seq = (uint16_t)draw(b);
    sb_status st = identify(b, err);
    if (!st)
        st = sb_board_reopen(b, err);
    if (st) {
        sb_board_close(b);
        return st;
    }
    *out = b;
    return SB_OK;
}

void sb_board_close(sb_board *b)
{
    free(b);
}

static void make_write(const series *t, size_t i, sb_request *r, const uint32_t **payload, size_t *words)
{
    size_t from = i * SB_FRAME_MAX_WORDS;
    *words = t->words - from < SB_FRAME_MAX_WORDS ? t->words - from : SB_FRAME_MAX_WORDS;
    *payload = t->data + from;
    r->arg[0] += (uint32_t)from;
    r->arg[1] = (uint32_t)*words;
}

sb_status sb_board_write(sb_board *b, sb_board_memory m, uint32_t word, const uint32_t *data, size_t words,
                         sb_error *err)
{
    series t = {.count = (words + SB_FRAME_MAX_WORDS - 1) / SB_FRAME_MAX_WORDS,
                .make = make_write,
                .fixed = {.op = (uint8_t)m, .arg = {word}},
                .data = data,
                .words = words};
    return run_series(b, &t, err);
}

sb_status sb_board_run(sb_board *b, int codec, uint32_t weights, uint32_t groups, uint32_t words, uint32_t act,
                       int64_t *out, sb_board_cycles *cycles, sb_error *err)
{
    size_t rows = (size_t)groups * b->info.lanes;
    uint8_t body[SB_BOARD_MAX_ROWS * 8 + TRAILER_BYTES];
    if (!groups || rows > SB_BOARD_MAX_ROWS || act % 32 || act / 32 > UINT16_MAX)
        return sb_fail(err, SB_ERR_ARG, "%s: run: %zu rows, activations at %u", b->s.name, rows, act);
    series t = {.count = 1,
                .fixed = {.op = OP_RUN, .codec = (uint8_t)codec, .arg = {weights, groups | act / 32 << 16, words}},
                .body = rows * 8 + TRAILER_BYTES,
                .answer = body};
    sb_status st = run_series(b, &t, err);
    if (st)
        return st;
    const uint8_t *tail = body + rows * 8;
    if (sb_get32(tail + 12) & 1)
        return sb_fail(err, SB_ERR_DEVICE, "%s: run: %zu rows of %u words from word %u on go past the board's memory",
                       b->s.name, rows, words, weights);
    for (size_t i = 0; i < rows; i++)
        out[i] = (int64_t)sb_get64(body + 8 * i);
    *cycles = (sb_board_cycles){sb_get32(tail), sb_get32(tail + 4), sb_get32(tail + 8)};
    return SB_OK;
}
