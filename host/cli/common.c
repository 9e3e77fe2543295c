/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int cli_fail(sb_status st, const sb_error *err)
{
    fprintf(stderr, "seedbed: %s\n", err->msg[0] ? err->msg : "failed");
    return st == SB_ERR_INTERRUPTED ? 130 : 1;
}

int cli_usage(const cli_command *c, const char *fmt, ...)
{
    fprintf(stderr, "seedbed %s: ", c->name);
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, " (see `seedbed %s --help`)\n", c->name);
    return 2;
}

int cli_help(const cli_command *c)
{
    fputs(c->help, stdout);
    return 0;
}

double cli_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void cli_progress_start(cli_progress *p, const char *label, bool quiet)
{
    *p = (cli_progress){.label = label, .start = cli_now(), .on = !quiet && isatty(2)};
}

bool cli_progress_step(void *ctx, size_t done, size_t total)
{
    cli_progress *p = ctx;
    double now = cli_now();
    if (p->on && total && (now - p->last > 0.2 || done == total)) {
        p->last = now;
        double f = (double)done / (double)total, spent = now - p->start;
        fprintf(stderr, "\r%s %3.0f %%  %.0f s", p->label, 100 * f, spent);
        if (f > 0.02 && f < 1)
            fprintf(stderr, ", about %.0f s left  ", spent / f - spent);
        else
            fprintf(stderr, "                      ");
    }
    return !cli_interrupted();
}

void cli_progress_end(cli_progress *p)
{
    if (p->on && p->last > 0)
        fprintf(stderr, "\r%*s\r", 70, "");
}

bool cli_int(const cli_command *c, const char *option, const char *text, long min, long max, long *out)
{
    char *end;
    errno = 0;
    *out = strtol(text, &end, 10);
    if (!errno && end != text && !*end && *out >= min && *out <= max)
        return true;
    cli_usage(c, "%s %s: expected a whole number from %ld to %ld", option, text, min, max);
    return false;
}

bool cli_float(const cli_command *c, const char *option, const char *text, double min, double max, double *out)
{
    char *end;
    *out = strtod(text, &end);
    if (end != text && !*end && *out >= min && *out <= max)
        return true;
    cli_usage(c, "%s %s: expected a number from %g to %g", option, text, min, max);
    return false;
}

void cli_print_json(json_object *o)
{
    puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                               JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
}

static double share(uint64_t part, const sb_counters *k)
{
    return k->total ? (double)part / (double)k->total : 0;
}

/* Of the ports together. */
static double bus_share(const sb_counters *k)
{
    return k->ports ? share(k->read_beats, k) / k->ports : 0;
}

void cli_json_counters(json_object *o, const sb_counters *k)
{
    if (!k->total)
        return;
    json_object *c = json_object_new_object();
    json_object_object_add(o, "counters", c);
    const struct {
        const char *name;
        uint64_t value;
    } field[] = {{"cycles", k->total},      {"useful", k->useful},         {"wait_read", k->wait_read},
                 {"stall", k->stall},       {"act_load", k->act_load},     {"drain", k->drain},
                 {"control", k->control},   {"read_beats", k->read_beats}, {"write_beats", k->write_beats},
                 {"commands", k->commands}, {"bus_bytes", k->bus_bytes},   {"bytes_read", k->read_beats * k->bus_bytes},
                 {"compute", k->compute},   {"ports", k->ports},           {"attend", k->attend},
                 {"vector", k->vector}};
    for (size_t i = 0; i < sizeof field / sizeof *field; i++)
        json_object_object_add(c, field[i].name, json_object_new_int64((int64_t)field[i].value));
    json_object_object_add(c, "utilisation", json_object_new_double(share(k->useful, k)));
    json_object_object_add(c, "bus_utilisation", json_object_new_double(bus_share(k)));
}

void cli_print_counters(const sb_counters *k, double steps, const char *per)
{
    if (!k->total || steps <= 0)
        return;
    double t = (double)k->total;
    fprintf(stderr, "core: %.0f cycles and %.0f bytes read per %s; read bus busy %.1f %% of cycles\n", t / steps,
            (double)(k->read_beats * k->bus_bytes) / steps, per, 100 * bus_share(k));
    fprintf(stderr,
            "      cycles: useful %.1f %%, further vectors %.1f %%, waiting for reads %.1f %%, stalled %.1f %%, "
            "activations %.1f %%, "
            "draining %.1f %%, control %.1f %%, attention %.1f %%, vector %.1f %%\n",
            100 * (double)k->useful / t, 100 * (double)k->compute / t, 100 * (double)k->wait_read / t,
            100 * (double)k->stall / t, 100 * (double)k->act_load / t, 100 * (double)k->drain / t,
            100 * (double)k->control / t, 100 * (double)k->attend / t, 100 * (double)k->vector / t);
}

sb_status cli_read_text(const char *path, char **text, size_t *size, sb_error *err)
{
    *text = NULL;
    *size = 0;
    FILE *f = fopen(path, "rb");
    if (!f)
        return sb_fail(err, SB_ERR_IO, "%s: %s", path, strerror(errno));
    size_t cap = 0, n = 0;
    for (;;) {
        if (n + 65536 > cap) {
            cap = cap ? cap * 2 : 1 << 17;
            char *p = cap <= (1u << 31) ? realloc(*text, cap) : NULL;
            if (!p) {
                fclose(f);
                return sb_fail(err, SB_ERR_NOMEM, "%s: too large to read", path);
            }
            *text = p;
        }
        size_t got = fread(*text + n, 1, cap - n - 1, f);
        n += got;
        if (!got)
            break;
    }
    bool bad = ferror(f);
    fclose(f);
    if (bad)
        return sb_fail(err, SB_ERR_IO, "%s: %s", path, strerror(errno));
    (*text)[n] = 0;
    *size = n;
    return SB_OK;
}
