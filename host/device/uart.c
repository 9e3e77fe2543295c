/* SPDX-License-Identifier: Apache-2.0
 * The uart device: MATVEC on a board at a serial port (docs/board-protocol.md), everything else by the host. The
 * board's weight memory is cut in two: what fits stays there from its first use on, the rest goes through a window, row
 * groups at a time. */
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/board.h"
#include "device/device_internal.h"
#include "device/uart.h"

enum { SESSIONS = 4, PROBE_TIMEOUT = 250 };

/* A matrix, from its first use on: its first row groups stay on the board. */
typedef struct {
    uint64_t addr;             /* in the host's copy of device memory */
    uint32_t all, group_words; /* of the whole matrix */
    uint32_t at;               /* word on the board */
    uint32_t groups;           /* there */
    bool there;
} resident;

typedef struct {
    sb_stream stream;
    sb_board *board;
    unsigned lanes;
    uint32_t window; /* words at 0 that matrices go through */
    uint32_t free;   /* first word that no matrix has */
    resident *list;
    size_t n, room;
} uart_device;

static void uart_close(sb_device *dev)
{
    uart_device *u = dev->priv;
    if (!u)
        return;
    sb_board_close(u->board);
    sb_serial_close(&u->stream);
    free(u->list);
    free(u);
    dev->priv = NULL;
}

static sb_status attach(uart_device *u, const char *path, uint64_t baud, int timeout, int retries, sb_error *err)
{
    sb_status st = sb_serial_open(path, (unsigned long)baud, &u->stream, err);
    if (!st)
        st = sb_board_open(&u->stream, timeout, retries, &u->board, err);
    if (st)
        sb_serial_close(&u->stream);
    return st;
}

/* The machine's USB serial lines. $SEEDBED_UART_PORTS, a glob pattern, stands in for those. */
static void lines(glob_t *g)
{
    const char *own = getenv("SEEDBED_UART_PORTS");
    *g = (glob_t){0};
    if (own) {
        glob(own, 0, NULL, g);
    } else {
        glob("/dev/ttyUSB*", 0, NULL, g);
        glob("/dev/ttyACM*", GLOB_APPEND, NULL, g);
    }
}

static bool uart_candidate(size_t i, char *params, size_t size)
{
    glob_t g;
    lines(&g);
    bool there = i < g.gl_pathc;
    if (there)
        snprintf(params, size, "%s,timeout=%d,retries=1", g.gl_pathv[i], PROBE_TIMEOUT);
    globfree(&g);
    return there;
}

/* The first board among those lines. */
static sb_status find(uart_device *u, uint64_t baud, int timeout, int retries, char *path, size_t size, sb_error *err)
{
    glob_t g;
    sb_status st = SB_ERR_IO;
    char tried[400] = "";
    lines(&g);
    for (size_t i = 0; i < g.gl_pathc && st; i++) {
        sb_error why = {{0}};
        snprintf(path, size, "%s", g.gl_pathv[i]);
        st = attach(u, path, baud, timeout < PROBE_TIMEOUT ? timeout : PROBE_TIMEOUT, retries < 1 ? retries : 1, &why);
        size_t n = strlen(tried);
        if (st)
            snprintf(tried + n, sizeof tried - n, "%s%.120s", n ? "; " : "", why.msg);
        if (!st) { /* from here on with the patience that was asked for */
            sb_board_close(u->board);
            u->board = NULL;
            st = sb_board_open(&u->stream, timeout, retries, &u->board, &why);
        }
    }
    size_t n = g.gl_pathc;
    globfree(&g);
    if (!st)
        return SB_OK;
    return sb_fail(err, SB_ERR_UNSUPPORTED, "device uart: no board found%s%s%s; name its line as uart:/dev/tty...",
                   n ? " (" : ": no serial line at /dev/ttyUSB* or /dev/ttyACM*", tried, n ? ")" : "");
}

/* A board is there: how its memory is cut, and what it is called. */
static void start(sb_device *dev, const char *path, uint64_t baud)
{
    uart_device *u = dev->priv;
    const sb_board_info *n = sb_board_get_info(u->board);
    u->lanes = n->lanes;
    u->window = n->weight_words / 4 / n->lanes * n->lanes;
    u->free = u->window;
    dev->counters.bus_bytes = u->lanes * 4;
    dev->counters.ports = 1;
    snprintf(
        dev->describe, sizeof dev->describe,
        "%s at %.60s, %llu baud: %u lane%s, %u.%u MHz, %u KiB of weights, %u activations, design %u.%u, core %u.%u",
        sb_board_name(n->board), path, (unsigned long long)baud, n->lanes, n->lanes == 1 ? "" : "s",
        n->clock_hz / 1000000, n->clock_hz / 100000 % 10, n->weight_words / 256, n->act_words * 2, n->version >> 8,
        n->version & 255, n->core_version >> 16, n->core_version & 65535);
}

sb_status sb_uart_open_stream(sb_device *dev, const sb_stream *s, int timeout_ms, int retries, sb_error *err)
{
    uart_device *u = calloc(1, sizeof *u);
    if (!u)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    dev->priv = u;
    sb_status st = sb_board_open(s, timeout_ms, retries, &u->board, err);
    if (st)
        uart_close(dev);
    else
        start(dev, s->name, 0);
    return st;
}

static sb_status uart_open(sb_device *dev, const char *params, sb_error *err)
{
    uart_device *u = calloc(1, sizeof *u);
    if (!u)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    dev->priv = u;
    char path[PATH_MAX] = "";
    uint64_t baud = 1000000, timeout = 2000, retries = 5;
    const sb_param p[] = {{"baud", &baud, 1200, 12000000, NULL, 0},
                          {"timeout", &timeout, 10, 600000, NULL, 0},
                          {"retries", &retries, 0, 1000, NULL, 0}};
    if (params[0] == '/' || params[0] == '.') {
        size_t n = strcspn(params, ",");
        snprintf(path, sizeof path, "%.*s", (int)n, params);
        params += n + (params[n] == ',');
    }
    sb_status st = sb_params_parse("uart", params, p, sizeof p / sizeof *p, err);
    if (!st && path[0])
        st = attach(u, path, baud, (int)timeout, (int)retries, err);
    else if (!st)
        st = find(u, baud, (int)timeout, (int)retries, path, sizeof path, err);
    if (st) {
        uart_close(dev);
        return st;
    }
    start(dev, path, baud);
    return SB_OK;
}

static uint64_t uart_matrix_bytes(const sb_device *dev, const sb_command *c)
{
    const uart_device *u = dev->priv;
    return sb_lane_bytes(sb_codec_by_id(c->codec), c->rows, c->cols, u->lanes, 1);
}

static sb_status uart_load_matrix(sb_device *dev, const sb_matrix *m, uint64_t *addr, sb_error *err)
{
    const uart_device *u = dev->priv;
    sb_status st = sb_device_alloc(dev, sb_lane_bytes(m->codec, m->rows, m->cols, u->lanes, 1), addr, err);
    if (!st)
        sb_lane_pack(m, u->lanes, 1, sb_ptr(dev, *addr));
    return st;
}

/* The matrix's entry; a new one gets what room is left. */
static resident *entry(uart_device *u, uint64_t addr, uint32_t groups, uint32_t group_words)
{
    for (size_t i = 0; i < u->n; i++)
        if (u->list[i].addr == addr && u->list[i].all == groups && u->list[i].group_words == group_words)
            return &u->list[i];
    if (u->n == u->room) {
        size_t room = u->room ? 2 * u->room : 64;
        resident *p = realloc(u->list, room * sizeof *p);
        if (!p)
            return NULL;
        u->list = p;
        u->room = room;
    }
    uint32_t fit = (sb_board_get_info(u->board)->weight_words - u->free) / group_words;
    resident *r = &u->list[u->n++];
    *r = (resident){
        .addr = addr, .all = groups, .group_words = group_words, .at = u->free, .groups = fit < groups ? fit : groups};
    u->free += r->groups * group_words;
    return r;
}

typedef struct {
    sb_device *dev;
    const sb_command *c;
    uint32_t words, group_words, groups; /* main words a row; words a row group; row groups */
    uint32_t elems;                      /* of a vector */
    uint32_t v0, vectors;                /* those on the board */
} job;

/* Row groups g0 .. g0+n-1, which are at word `at` of the board: all vectors of the block. */
static sb_status run_groups(const job *j, uint32_t g0, uint32_t n, uint32_t at, sb_error *err)
{
    uart_device *u = j->dev->priv;
    uint32_t most = SB_BOARD_MAX_ROWS / u->lanes;
    for (uint32_t g = 0; g < n; g += most) {
        uint32_t k = n - g < most ? n - g : most;
        for (uint32_t v = 0; v < j->vectors; v++) {
            int64_t out[SB_BOARD_MAX_ROWS];
            sb_board_cycles cy;
            sb_status st =
                sb_board_run(u->board, j->c->codec, at + g * j->group_words, k, j->words, v * j->elems, out, &cy, err);
            if (st)
                return st;
            uint32_t row = (g0 + g) * u->lanes, rows = k * u->lanes;
            if (rows > j->c->rows - row)
                rows = j->c->rows - row;
            uint64_t dst = j->c->dst + (j->v0 + v) * sb_acc_stride(j->c->rows) + 8ull * row;
            memcpy(sb_ptr(j->dev, dst), out, 8ull * rows);
            sb_counters *n_c = &j->dev->counters;
            n_c->total += cy.cycles;
            n_c->useful += cy.useful;
            n_c->stall += cy.stall;
            n_c->drain += cy.cycles - cy.useful - cy.stall;
            n_c->read_beats += (uint64_t)k * (j->group_words / u->lanes);
        }
    }
    return SB_OK;
}

static sb_status run_block(const job *j, sb_error *err)
{
    uart_device *u = j->dev->priv;
    const uint32_t *weights = sb_ptr(j->dev, j->c->weights);
    const uint8_t *acts = sb_ptr(j->dev, j->c->src);
    sb_status st = sb_board_write(u->board, SB_BOARD_ACTS, 0, (const uint32_t *)(acts + 2ull * j->v0 * j->elems),
                                  (size_t)j->vectors * j->elems / 2, err);
    resident *r = entry(u, j->c->weights, j->groups, j->group_words);
    if (!r)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    if (!st && r->groups && !r->there) {
        st = sb_board_write(u->board, SB_BOARD_WEIGHTS, r->at, weights, (size_t)r->groups * j->group_words, err);
        r->there = !st;
    }
    if (!st && r->groups)
        st = run_groups(j, 0, r->groups, r->at, err);
    uint32_t most = u->window / j->group_words;
    for (uint32_t g = r->groups; !st && g < j->groups; g += most) {
        uint32_t n = j->groups - g < most ? j->groups - g : most;
        st = sb_board_write(u->board, SB_BOARD_WEIGHTS, 0, weights + (size_t)g * j->group_words,
                            (size_t)n * j->group_words, err);
        if (!st)
            st = run_groups(j, g, n, 0, err);
    }
    return st;
}

static sb_status uart_matvec(sb_device *dev, const sb_command *c, sb_error *err)
{
    uart_device *u = dev->priv;
    const sb_codec *codec = sb_codec_by_id(c->codec);
    const sb_board_info *n = sb_board_get_info(u->board);
    job j = {.dev = dev,
             .c = c,
             .words = (uint32_t)sb_codec_main_words(codec, c->cols),
             .group_words = (uint32_t)sb_codec_row_words(codec, c->cols) * u->lanes,
             .groups = (c->rows + u->lanes - 1) / u->lanes,
             .elems = (uint32_t)sb_codec_act_elems(codec, c->cols)};
    if (!(n->codecs >> c->codec & 1))
        return sb_fail(err, SB_ERR_UNSUPPORTED, "MATVEC: the board has not got codec %s", codec->name);
    if (j.elems > 2 * n->act_words || j.group_words > u->window)
        return sb_fail(err, SB_ERR_UNSUPPORTED,
                       "MATVEC: %u columns of %s: the board holds %u activations and %u words of a row group", c->cols,
                       codec->name, 2 * n->act_words, u->window);
    uint32_t most = 2 * n->act_words / j.elems;
    sb_status st = SB_OK;
    for (int session = 0; session < SESSIONS; session++) {
        if (sb_board_lost(u->board)) { /* it was reset: begin anew, this command from its start */
            for (size_t i = 0; i < u->n; i++)
                u->list[i].there = false;
            st = sb_board_reopen(u->board, err);
        }
        for (j.v0 = 0; !st && j.v0 < c->batch; j.v0 += j.vectors) {
            j.vectors = c->batch - j.v0 < most ? c->batch - j.v0 : most;
            st = run_block(&j, err);
        }
        if (!st) {
            dev->counters.commands++;
            return SB_OK;
        }
        if (!sb_board_lost(u->board))
            return st;
    }
    return st;
}

/* One command after another: the line is slower than anything that could be overlapped. */
static sb_status uart_run(sb_device *dev, uint64_t addr, uint32_t count, uint32_t *failed, sb_error *err)
{
    const sb_command *c = sb_ptr(dev, addr);
    for (uint32_t i = 0; i < count; i++) {
        sb_status st = uart_matvec(dev, &c[i], err);
        if (st) {
            *failed = i;
            return st;
        }
    }
    return SB_OK;
}

const sb_backend sb_backend_uart = {
    .kind = {"uart", "a board at a serial port: ULX3S, iCEBreaker",
             "/dev/tty... (default: the first board found), baud=1000000, "
             "timeout=MILLISECONDS, retries=N"},
    .exact = true,
    .candidate = uart_candidate,
    .open = uart_open,
    .close = uart_close,
    .load_matrix = uart_load_matrix,
    .matrix_bytes = uart_matrix_bytes,
    .run = uart_run,
    .op = {SB_HOST_OPS, SB_EXACT_OPS},
    .on_device = {[SB_OP_MATVEC] = true},
};
