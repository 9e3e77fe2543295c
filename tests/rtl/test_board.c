/* SPDX-License-Identifier: Apache-2.0
 * The uart device on a Verilated board, with faults on the line between them: bytes flipped, dropped, doubled, whole
 * stretches lost, the reset button at any moment, the line unplugged. Time is the board's, so nothing here depends on
 * the machine. test_board [FAULTS] [SEED] A call may fail, with a message; it may not give another number than the sum
 * over the decoded weights, and it must end. Whatever happened, the same call without faults must then be right. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/board.h"
#include "board/frame.h"
#include "board_model.h"
#include "device/device_internal.h"
#include "device/uart.h"

enum { CYCLES_A_MS = 1000, TIMEOUT = 20, RETRIES = 4 };

typedef enum { FLIP, DROP, DOUBLE, STRETCH, RESET, UNPLUG, KINDS } kind;
static const char *const kind_name[KINDS] = {"flipped", "dropped", "doubled", "stretch lost", "reset", "unplugged"};

typedef struct {
    board_model *model;
    uint32_t rng;
    uint64_t countdown; /* bytes, of both directions, until the next fault; 0: none */
    uint64_t every;     /* mean bytes between faults */
    uint64_t lost;      /* of a stretch still to be lost */
    bool unplugged;
    uint64_t injected[KINDS];
    bool kinds[KINDS];
} line;

static uint32_t draw(line *l)
{
    l->rng ^= l->rng << 13;
    l->rng ^= l->rng >> 17;
    l->rng ^= l->rng << 5;
    return l->rng;
}

static void arm(line *l)
{
    l->countdown = l->every ? 1 + draw(l) % (2 * l->every) : 0;
    l->lost = 0;
}

/* What arrives of a byte: 0, 1 or 2 of them in out. */
static size_t pass(line *l, uint8_t byte, uint8_t out[2])
{
    out[0] = out[1] = byte;
    if (l->lost) {
        l->lost--;
        return 0;
    }
    if (!l->countdown || --l->countdown)
        return 1;
    arm(l);
    kind k;
    do
        k = draw(l) % KINDS;
    while (!l->kinds[k]);
    l->injected[k]++;
    switch (k) {
    case FLIP:
        out[0] ^= (uint8_t)(1 << draw(l) % 8);
        return 1;
    case DROP:
        return 0;
    case DOUBLE:
        return 2;
    case STRETCH:
        l->lost = draw(l) % (draw(l) % 4 ? 30 : 3000);
        return 0;
    case RESET:
        board_model_reset(l->model);
        return 1;
    default:
        l->unplugged = true;
        return 0;
    }
}

static sb_status line_send(void *ctx, const uint8_t *data, size_t n, int timeout_ms, sb_error *err)
{
    line *l = ctx;
    (void)timeout_ms;
    for (size_t i = 0; i < n && !l->unplugged; i++) {
        while (!board_model_room(l->model))
            board_model_run(l->model, 100, false);
        uint8_t out[2];
        board_model_send(l->model, out, pass(l, data[i], out));
    }
    return l->unplugged ? sb_fail(err, SB_ERR_IO, "line: gone") : SB_OK;
}

static sb_status line_receive(void *ctx, uint8_t *data, size_t room, size_t *got, int timeout_ms, sb_error *err)
{
    line *l = ctx;
    *got = 0;
    for (int ms = 0; ms < timeout_ms && !*got && !l->unplugged; ms++) {
        uint8_t in[128];
        board_model_run(l->model, CYCLES_A_MS, true);
        size_t n = board_model_receive(l->model, in, room / 2 < sizeof in ? room / 2 : sizeof in);
        for (size_t i = 0; i < n; i++) {
            uint8_t out[2];
            size_t k = pass(l, in[i], out);
            memcpy(data + *got, out, k);
            *got += k;
        }
    }
    return l->unplugged ? sb_fail(err, SB_ERR_IO, "line: gone") : SB_OK;
}

static int64_t line_now(void *ctx)
{
    return (int64_t)(board_model_cycles(((line *)ctx)->model) / CYCLES_A_MS);
}

static uint32_t line_random(void *ctx)
{
    return draw(ctx);
}

/* --- devices and jobs
 * ----------------------------------------------------------------------------------------------------- */

static line *opening; /* whose line the next device is on */

static sb_status open_on_line(sb_device *dev, const char *params, sb_error *err)
{
    (void)params;
    sb_stream s = {opening, "line", line_send, line_receive, line_now, line_random};
    return sb_uart_open_stream(dev, &s, TIMEOUT, RETRIES, err);
}

static sb_device *open_device(line *l, sb_error *err)
{
    static sb_backend be;
    sb_device *dev = NULL;
    be = sb_backend_uart;
    be.open = open_on_line;
    opening = l;
    sb_device_open_backend(&be, "", NULL, &dev, err);
    return dev;
}

typedef struct {
    const sb_codec *codec;
    uint32_t rows, cols, batch;
    uint32_t *words;
    int16_t *acts;
    int64_t *want; /* [batch][rows] */
} job;

static job make_job(line *l, unsigned codecs)
{
    job j = {0};
    do
        j.codec = sb_codec_by_id((int)(draw(l) % SB_CODEC_COUNT));
    while (!(codecs >> j.codec->id & 1));
    j.rows = 1 + draw(l) % 40;
    j.cols = 1 + draw(l) % 150;
    j.batch = 1 + draw(l) % 3;
    size_t row_words = sb_codec_row_words(j.codec, j.cols), elems = sb_codec_act_elems(j.codec, j.cols);
    j.words = calloc(j.rows * row_words, 4);
    j.acts = calloc(j.batch * elems, 2);
    j.want = calloc((size_t)j.batch * j.rows, 8);
    int64_t *w = calloc(j.cols, 8);
    if (!j.words || !j.acts || !j.want || !w)
        exit(1);
    for (size_t i = 0; i < j.rows * row_words; i++)
        j.words[i] = draw(l) % 8 ? draw(l) : 0x7e7d7d7eu; /* bytes that the framing must escape */
    for (size_t v = 0; v < j.batch; v++)
        for (size_t c = 0; c < j.cols; c++)
            j.acts[v * elems + c / (size_t)j.codec->act_block * (size_t)j.codec->act_stride +
                   c % (size_t)j.codec->act_block] = (int16_t)(draw(l) % 65535 - 32767);
    for (size_t r = 0; r < j.rows; r++) {
        sb_codec_decode_row_int(j.codec, j.words + r * row_words, j.cols, w);
        for (size_t v = 0; v < j.batch; v++) {
            uint64_t sum = 0;
            for (size_t c = 0; c < j.cols; c++) {
                size_t at =
                    c / (size_t)j.codec->act_block * (size_t)j.codec->act_stride + c % (size_t)j.codec->act_block;
                sum += (uint64_t)w[c] * (uint64_t)(int64_t)j.acts[v * elems + at];
            }
            j.want[v * j.rows + r] = (int64_t)sum;
        }
    }
    free(w);
    return j;
}

static void free_job(job *j)
{
    free(j->words);
    free(j->acts);
    free(j->want);
}

typedef struct {
    uint64_t list, dst;
} placed;

/* Puts the job into device memory once; submitting the list again is the same job again. */
static sb_status place(sb_device *dev, const job *j, placed *p, sb_error *err)
{
    sb_command c = {.op = SB_OP_MATVEC,
                    .codec = (uint8_t)j->codec->id,
                    .batch = (uint16_t)j->batch,
                    .rows = j->rows,
                    .cols = j->cols};
    sb_matrix m = {.codec = j->codec, .rows = j->rows, .cols = j->cols, .words = j->words};
    size_t acts = j->batch * sb_codec_act_elems(j->codec, j->cols) * 2;
    sb_status st = sb_device_load_matrix(dev, &m, &c.weights, err);
    if (!st)
        st = sb_device_alloc(dev, acts, &c.src, err);
    if (!st)
        st = sb_device_write(dev, c.src, j->acts, acts, err);
    if (!st)
        st = sb_device_alloc(dev, j->batch * sb_acc_stride(j->rows), &c.dst, err);
    if (!st)
        st = sb_device_alloc(dev, sizeof c, &p->list, err);
    if (!st)
        st = sb_device_write(dev, p->list, &c, sizeof c, err);
    p->dst = c.dst;
    return st;
}

static bool right(sb_device *dev, const job *j, const placed *p)
{
    for (size_t v = 0; v < j->batch; v++)
        if (memcmp(sb_ptr(dev, p->dst + v * sb_acc_stride(j->rows)), j->want + v * j->rows, 8ull * j->rows))
            return false;
    return true;
}

/* --- the tests
 * -------------------------------------------------------------------------------------------------------------- */

static int failures;
#define EXPECT(cond, ...)                                                                                              \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            printf("%s:%d: %s: ", __FILE__, __LINE__, #cond);                                                          \
            printf(__VA_ARGS__);                                                                                       \
            putchar('\n');                                                                                             \
            failures++;                                                                                                \
        }                                                                                                              \
    } while (0)

/* A few orders of magnitude more than any call needs, repeats included. */
enum { CALL_CYCLES = 200000000 };

typedef struct {
    uint64_t calls, right_despite, failed, reopened;
} tally;

/* One call under faults; then, if it failed, once more without. */
static sb_device *faulty_call(line *l, sb_device *dev, const job *j, tally *t)
{
    sb_error err = {{0}};
    placed p;
    EXPECT(place(dev, j, &p, &err) == SB_OK, "%s", err.msg);
    for (int round = 0; round < 2; round++) { /* twice: the second time the matrix may be on the board */
        memset(sb_ptr(dev, p.dst), 0xAA, j->batch * sb_acc_stride(j->rows));
        uint64_t began = board_model_cycles(l->model);
        arm(l);
        sb_status st = sb_device_submit(dev, p.list, 1, &err);
        l->countdown = l->lost = 0;
        t->calls++;
        EXPECT(board_model_cycles(l->model) - began < CALL_CYCLES, "a call of %" PRIu64 " cycles",
               board_model_cycles(l->model) - began);
        if (!st) {
            t->right_despite++;
            EXPECT(right(dev, j, &p), "codec %s, %u x %u, batch %u: WRONG RESULT", j->codec->name, j->rows, j->cols,
                   j->batch);
            continue;
        }
        t->failed++;
        EXPECT(err.msg[0] && !strchr(err.msg, '\n'), "no message");
        if (l->unplugged) { /* plugged in again: another session on the same board */
            l->unplugged = false;
            dev->be->close(dev);
            sb_stream s = {l, "line", line_send, line_receive, line_now, line_random};
            st = sb_uart_open_stream(dev, &s, TIMEOUT, RETRIES, &err);
            EXPECT(!st, "after unplugging: %s", err.msg);
            t->reopened++;
        }
        st = sb_device_submit(dev, p.list, 1, &err);
        EXPECT(!st, "repeated without faults: %s", err.msg);
        EXPECT(st || right(dev, j, &p), "repeated without faults: WRONG RESULT");
    }
    return dev;
}

static void faults(line *l, uint64_t wanted)
{
    sb_error err = {{0}};
    tally t = {0};
    uint64_t total = 0;
    sb_device *dev = open_device(l, &err);
    EXPECT(dev, "%s", err.msg);
    for (unsigned i = 0; dev && total < wanted && failures < 5; i++) {
        job j = make_job(l, 15);
        /* From a fault in each frame to one in several calls. */
        static const uint64_t rates[] = {150, 600, 2000, 6000};
        l->every = rates[i % 4];
        for (int k = 0; k < KINDS; k++)
            l->kinds[k] = true;
        dev = faulty_call(l, dev, &j, &t);
        free_job(&j);
        total = 0;
        for (int k = 0; k < KINDS; k++)
            total += l->injected[k];
        if (i % 64 == 63) { /* device memory is never given back */
            sb_device_close(dev);
            dev = open_device(l, &err);
            EXPECT(dev, "%s", err.msg);
        }
    }
    sb_device_close(dev);
    printf("%s: %" PRIu64 " faults (", board_model_name(), total);
    for (int k = 0; k < KINDS; k++)
        printf("%s%" PRIu64 " %s", k ? ", " : "", l->injected[k], kind_name[k]);
    printf(") in %" PRIu64 " calls: %" PRIu64 " right, %" PRIu64
           " failed with a message and were right when repeated\n",
           t.calls, t.right_despite, t.failed);
    EXPECT(total >= wanted, "%" PRIu64 " faults", total);
}

/* Without faults: no repeats, and what a matrix costs the second time shows that it stayed on the board. */
static void clean(line *l, int n)
{
    sb_error err = {{0}};
    uint64_t rows = 0;
    const int before = failures;
    sb_device *dev = open_device(l, &err);
    EXPECT(dev, "%s", err.msg);
    for (int i = 0; dev && i < n; i++) {
        job j = make_job(l, 15);
        placed p;
        EXPECT(place(dev, &j, &p, &err) == SB_OK, "%s", err.msg);
        for (int round = 0; round < 2; round++) {
            memset(sb_ptr(dev, p.dst), 0xAA, j.batch * sb_acc_stride(j.rows));
            sb_status st = sb_device_submit(dev, p.list, 1, &err);
            EXPECT(!st, "%s", err.msg);
            EXPECT(st || right(dev, &j, &p), "codec %s, %u x %u, batch %u", j.codec->name, j.rows, j.cols, j.batch);
        }
        rows += (uint64_t)j.rows * j.batch;
        free_job(&j);
    }
    sb_device_close(dev);
    printf("%s: %d jobs of all codecs, %" PRIu64 " rows times vectors, twice each: %s\n", board_model_name(), n, rows,
           failures == before ? "right" : "NOT right");
}

/* Requests that a board must refuse, by the status it gives; and a frame cut in the middle that time alone ends. */
static void refusals(line *l)
{
    static const struct {
        sb_request r;
        size_t words;
        uint8_t status;
        const char *what;
    } cases[] = {
        {{.op = 9}, 0, 4, "an unknown operation without a session"},
        {{.op = 3, .arg = {0, 1}}, 1, 4, "a write without a session"},
        {{.op = 5, .codec = 2, .arg = {0, 1, 1}}, 0, 4, "a run without a session"},
        {{.op = 2, .session = 0}, 0, 3, "a session of number 0"},
        {{.op = 2, .session = 77}, 0, 0, "a session"},
        {{.op = 9, .session = 77}, 0, 1, "an unknown operation"},
        {{.op = 3, .session = 76, .arg = {0, 1}}, 1, 4, "a write of another session"},
        {{.op = 3, .session = 77, .arg = {0, 0}}, 0, 3, "a write of nothing"},
        {{.op = 3, .session = 77, .arg = {0xfffff, 1}}, 1, 3, "a write past the end"},
        {{.op = 3, .session = 77, .arg = {0x1000000, 1}}, 1, 3, "a write far past the end"},
        {{.op = 4, .session = 77, .arg = {0xfff, 2}}, 2, 3, "activations past the end"},
        {{.op = 5, .session = 77, .codec = 4, .arg = {0, 1, 1}}, 0, 2, "a codec that is none"},
        {{.op = 5, .session = 77, .codec = 2, .arg = {0, 0, 1}}, 0, 3, "a run of no rows"},
        {{.op = 5, .session = 77, .codec = 2, .arg = {0, 1, 0}}, 0, 3, "a run of no words"},
        {{.op = 3, .session = 77, .arg = {0, 2}}, 1, 5, "a payload that is too short"},
        {{.op = 5, .session = 77, .codec = 2, .arg = {0, 1, 1}}, 0, 6, "a run on what that left"},
        {{.op = 2, .session = 78}, 0, 0, "another session"},
        {{.op = 3, .session = 78, .arg = {0, 1}}, 2, 5, "a payload that is too long"},
        {{.op = 3, .session = 78, .arg = {0, 1}}, 0, 5, "a write without its payload"},
    };
    board_model_reset(l->model);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t frame[SB_FRAME_LINE], in[64];
        uint32_t data[2] = {1, 2}, echo;
        static sb_frame_parser parser;
        sb_request r = cases[i].r;
        sb_answer a = {0};
        bool came = false;
        r.seq = (uint16_t)(i * 7);
        size_t n = sb_frame_request(&r, data, cases[i].words, frame, &echo);
        board_model_send(l->model, frame, n);
        for (int k = 0; k < 100 && !came; k++) {
            board_model_run(l->model, 1000, true);
            size_t got = board_model_receive(l->model, in, sizeof in);
            for (size_t b = 0; b < got; b++)
                came = sb_frame_push(&parser, in[b], &a) || came;
        }
        EXPECT(came && a.status == cases[i].status && a.op == (r.op | 0x80) && a.seq == r.seq && a.echo == echo,
               "%s: answer %d, status %u, expected %u", cases[i].what, came, a.status, cases[i].status);
        /* Half of a frame, then silence: dropped by time, so the rest of it means nothing. */
        if (i % 4 == 3) {
            board_model_send(l->model, frame, n / 2);
            board_model_run(l->model, 400000, false);
            board_model_send(l->model, frame + n / 2, n - n / 2);
            board_model_run(l->model, 20000, false);
            EXPECT(board_model_receive(l->model, in, sizeof in) == 0, "%s: half a frame was answered", cases[i].what);
        }
    }
    printf("%s: %zu refusals\n", board_model_name(), sizeof cases / sizeof *cases);
}

int main(int argc, char **argv)
{
    uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000;
    line l = {.model = board_model_open(), .rng = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 0) | 1 : 1};
    refusals(&l);
    clean(&l, 40);
    if (!failures)
        faults(&l, wanted);
    printf("%s: %s, %" PRIu64 " cycles, pins %016" PRIx64 "\n", board_model_name(), failures ? "FAILED" : "ok",
           board_model_cycles(l.model), board_model_pins(l.model));
    board_model_close(l.model);
    return failures != 0;
}
