/* SPDX-License-Identifier: Apache-2.0
 * Every command on every back end at hand against cpu, bit for bit, over random shapes and data. Prints a matrix: how
 * many commands were equal, and how many of them the host did because the device does not take them ("host": all); then
 * which back ends are absent and why.
 *
 * usage: parity [--cases N] [--seed S] [--op NAME] [--device SPEC]...      exit status 1 if anything differs */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cases.h"
#include "device/device_internal.h"

/* The back ends; %s is the build directory; core: it asks for whole lines; slow: it gets a quarter of the cases. A new
 * one joins by its line. */
static const struct {
    const char *name, *spec;
    bool core, slow;
} back_ends[] = {{"sim", "sim:bus=64", true, false},
                 {"sim, attention", "sim:bus=64,units=a", true, false},
                 {"sim, all units", "sim:bus=64,units=av", true, true},
                 {"xrt", "xrt:xclbin=%s/sim/xrt/w64.xclbin", true, false},
                 {"opencl-xrt", "opencl-xrt:xclbin=%s/sim/xrt/w64.xclbin", true, false},
                 {"uart", "uart", true, false},
                 {"opencl", "opencl", false, false},
                 {"opencl, as a GPU", "opencl:width=1,slices=8,scratch=64", false, false},
                 {"cuda", "cuda", false, false}};
enum { MAX_DEVICES = 16, ARENA = 24 << 20 };

typedef struct {
    const char *name;
    char spec[256];
    bool core, slow;
    char absent[300];                                                    /* why, if it is */
    unsigned equal[SB_OP_COUNT], differ[SB_OP_COUNT], host[SB_OP_COUNT]; /* host: of them not taken by the device */
    bool tried[SB_OP_COUNT];
} column;

/* A device with a region that each case uses from its beginning. */
typedef struct {
    sb_device *dev;
    uint64_t arena, used, list;
} place;

static sb_error err;

static uint64_t take(place *p, const parity_blob *b, uint8_t poison, sb_status *st)
{
    if (!b->bytes || *st)
        return 0;
    uint64_t at = p->arena + p->used;
    p->used += (b->bytes + 127) / 64 * 64; /* a line of poison behind each: nothing may write there */
    if (p->used > ARENA) {
        *st = sb_fail(&err, SB_ERR_NOMEM, "parity: a case larger than the arena");
        return 0;
    }
    uint8_t *fill = malloc(p->arena + p->used - at);
    memset(fill, poison, p->arena + p->used - at);
    if (b->data)
        memcpy(fill, b->data, b->bytes);
    *st = sb_device_write(p->dev, at, fill, p->arena + p->used - at, &err);
    free(fill);
    return at;
}

/* Runs the case on one device; everything that it can write, behind one another, in *out. */
static sb_status run(place *p, const parity_case *k, uint8_t poison, uint8_t **out, size_t *bytes)
{
    sb_command c = k->c;
    sb_status st = SB_OK;
    p->used = 0;
    if (k->matrix.words)
        st = sb_device_load_matrix(p->dev, &k->matrix, &c.weights, &err);
    else
        c.weights = take(p, &k->weights, poison, &st);
    c.src = take(p, &k->src, poison, &st);
    c.aux = take(p, &k->aux, poison, &st);
    c.dst = take(p, &k->dst, poison, &st);
    if (!st)
        st = sb_device_write(p->dev, p->list, &c, sizeof c, &err);
    if (!st)
        st = sb_device_submit(p->dev, p->list, 1, &err);
    /* Inputs too: a kernel that writes beside its output is seen wherever it does. */
    *bytes = p->used;
    *out = malloc(*bytes ? *bytes : 1);
    return st ? st : sb_device_read(p->dev, p->arena, *out, *bytes, &err);
}

static sb_status open_place(const char *spec, place *p)
{
    *p = (place){0};
    sb_status st = sb_device_open(spec, &(sb_device_options){.threads = 1}, &p->dev, &err);
    (void)(st || (st = sb_device_alloc(p->dev, ARENA, &p->arena, &err)) ||
           (st = sb_device_alloc(p->dev, 64, &p->list, &err)));
    return st;
}

static void compare(sb_op op, uint32_t n, uint64_t seed, place *cpu, place *dev, column *col)
{
    col->tried[op] = true;
    parity_make_fn make = parity_maker(op);
    for (uint32_t i = 0; i < n; i++) {
        parity_case k = {0};
        parity_seed(seed * 1000003 + op * 7919 + i, col->core);
        make(&k);
        k.c.op = (uint8_t)op;
        if (col->core && k.no_core) {
            parity_free(&k);
            continue;
        }
        uint8_t poison = (uint8_t)(0x5a + i), *a = NULL, *b = NULL;
        size_t na, nb, at = 0;
        sb_status sa = run(cpu, &k, poison, &a, &na);
        char why[300] = "";
        if ((sa != SB_OK) != k.must_fail) {
            snprintf(why, sizeof why, "cpu: %.200s", sa ? err.msg : "did not refuse it");
        } else {
            sb_status sd = run(dev, &k, poison, &b, &nb);
            if (sa != sd)
                snprintf(why, sizeof why, "%.200s", sd ? err.msg : "did not refuse it");
            else if (!sa && (na != nb || memcmp(a, b, na))) {
                while (a[at] == b[at])
                    at++;
                snprintf(why, sizeof why, "byte %zu of %zu: expected %02x, got %02x", at, na, a[at], b[at]);
            }
        }
        if (*why && ++col->differ[op] <= 3)
            printf("%s: %s (%s), seed %llu, case %u: %s\n", col->name, sb_op_name(op), k.what, (unsigned long long)seed,
                   i, why);
        col->equal[op] += !*why;
        free(a);
        free(b);
        parity_free(&k);
    }
    sb_op_stats s;
    sb_device_op_stats(dev->dev, op, &s);
    col->host[op] = (unsigned)s.host;
}

static bool wanted(unsigned op, const char *only)
{
    return parity_maker((sb_op)op) && (!only || !strcasecmp(only, sb_op_name(op)));
}

static void run_device(column *col, const char *only, uint32_t n, uint64_t seed)
{
    for (unsigned op = 1; op < SB_OP_COUNT; op++) {
        if (!wanted(op, only))
            continue;
        /* Afresh for each operation: memory is only ever handed out. */
        place cpu, dev;
        sb_status st = open_place(col->spec, &dev);
        if (st) {
            snprintf(col->absent, sizeof col->absent, "%.290s", err.msg);
            sb_device_close(dev.dev);
            return;
        }
        if (sb_device_place(dev.dev, (sb_op)op) == SB_PLACE_DEVICE && !open_place("cpu", &cpu)) {
            compare((sb_op)op, n, seed, &cpu, &dev, col);
            sb_device_close(cpu.dev);
        }
        sb_device_close(dev.dev);
    }
}

static bool print_matrix(const column *cols, int n, const char *only)
{
    bool ok = true;
    printf("%-14s", "against cpu");
    for (int d = 0; d < n; d++)
        if (!cols[d].absent[0])
            printf("%20s", cols[d].name);
    putchar('\n');
    for (unsigned op = 1; op < SB_OP_COUNT; op++) {
        if (!wanted(op, only))
            continue;
        printf("%-14s", sb_op_name(op));
        for (int d = 0; d < n; d++) {
            char cell[32];
            if (cols[d].absent[0])
                continue;
            if (!cols[d].tried[op])
                snprintf(cell, sizeof cell, "host");
            else if (cols[d].differ[op])
                snprintf(cell, sizeof cell, "%u DIFFER of %u", cols[d].differ[op],
                         cols[d].differ[op] + cols[d].equal[op]);
            else if (cols[d].host[op])
                snprintf(cell, sizeof cell, "%u equal, %u host", cols[d].equal[op], cols[d].host[op]);
            else
                snprintf(cell, sizeof cell, "%u equal", cols[d].equal[op]);
            printf("%20s", cell);
            ok = ok && !cols[d].differ[op];
        }
        putchar('\n');
    }
    for (int d = 0; d < n; d++)
        if (cols[d].absent[0])
            printf("absent: %s: %s\n", cols[d].name, cols[d].absent);
    return ok;
}

int main(int argc, char **argv)
{
    static column cols[MAX_DEVICES];
    const char *only = NULL;
    unsigned long cases = 40;
    uint64_t seed = 1;
    int n = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--cases"))
            cases = strtoul(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--seed"))
            seed = strtoull(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--op"))
            only = argv[i + 1];
        else if (!strcmp(argv[i], "--device") && n < MAX_DEVICES) {
            cols[n].name = argv[i + 1];
            cols[n].core =
                strncmp(argv[i + 1], "opencl:", 7) && strncmp(argv[i + 1], "cuda", 4) && strcmp(argv[i + 1], "opencl");
            snprintf(cols[n++].spec, sizeof cols->spec, "%s", argv[i + 1]);
        } else
            return fprintf(stderr, "parity: unknown option %s\n", argv[i]), 2;
    }
    bool all = !n;
    const char *build = getenv("BUILD");
    for (size_t d = 0; all && d < sizeof back_ends / sizeof *back_ends; d++) {
        const char *spec = back_ends[d].spec, *at = strstr(spec, "%s");
        cols[n].name = back_ends[d].name;
        cols[n].core = back_ends[d].core;
        cols[n].slow = back_ends[d].slow;
        snprintf(cols[n++].spec, sizeof cols->spec, "%.*s%s%s", (int)(at ? at - spec : (long)strlen(spec)), spec,
                 !at     ? ""
                 : build ? build
                         : "build",
                 at ? at + 2 : "");
    }
    for (int d = 0; d < n; d++)
        run_device(&cols[d], only, (uint32_t)(cols[d].slow ? (cases + 3) / 4 : cases), seed);
    bool ok = print_matrix(cols, n, only);
    printf(ok ? "PASS parity: seed %llu\n" : "FAIL parity: seed %llu\n", (unsigned long long)seed);
    return ok ? 0 : 1;
}
