/* SPDX-License-Identifier: Apache-2.0
 * Shared by the commands of the seedbed program. Exit status: 0 done, 1 failed (one line says why), 2 wrong usage,
 * 130 interrupted. */
#ifndef SEEDBED_CLI_H
#define SEEDBED_CLI_H

#include <getopt.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seedbed/device.h"
#include "seedbed/model.h"
#include "seedbed/session.h"
#include "seedbed/tokenizer.h"

typedef struct {
    const char *name, *summary, *help;
    int (*run)(int argc, char **argv);
} cli_command;

extern const cli_command cli_compress, cli_inspect, cli_generate, cli_perplexity, cli_verify, cli_devices;

/* One line on stderr; returns the exit status that fits. */
int cli_fail(sb_status st, const sb_error *err);
int cli_usage(const cli_command *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* --help of a command, on stdout. Returns 0. */
int cli_help(const cli_command *c);

/* Set by SIGINT and SIGTERM; long work looks at it through the progress callback. */
bool cli_interrupted(void);

/* A progress line on stderr, only if stderr is a terminal. */
typedef struct {
    const char *label;
    double start, last;
    bool on;
} cli_progress;
void cli_progress_start(cli_progress *p, const char *label, bool quiet);
bool cli_progress_step(void *p, size_t done, size_t total); /* an sb_progress_fn */
void cli_progress_end(cli_progress *p);
double cli_now(void); /* seconds, monotonic */

/* Option values: print a usage line and return false when out of range. */
bool cli_int(const cli_command *c, const char *option, const char *text, long min, long max, long *out);
bool cli_float(const cli_command *c, const char *option, const char *text, double min, double max, double *out);

/* --lora PATH: an adapter for every model opened from here on. */
bool cli_lora(const cli_command *c, const char *path);
/* The model with that adapter, if there is one. */
sb_status cli_model_load(const char *dir, sb_model **m, sb_error *err);
/* With the KV cache that --kv 16|8 asked for. */
sb_status cli_session_open(const sb_model *m, sb_device *dev, long context, sb_session **out, sb_error *err);

/* --place OP=device|host, once or several times: collects. */
typedef struct {
    char text[512];
    bool report; /* --report */
} cli_place;
bool cli_place_add(const cli_command *c, cli_place *p, const char *text);
/* Where each operation ran, how often, what crossed, what it took: a table on stderr with --report, or an array in o.
 */
void cli_print_places(const cli_place *p, const sb_device *dev);
void cli_json_places(json_object *o, const sb_device *dev);

/* What every command that runs a model takes. */
typedef struct {
    const char *device;
    long threads;
    bool json;
    cli_place place;
} cli_run_options;
/* The end of a command's table for getopt_long, and what these options do; false: a wrong or unknown one, and a line
 * said so. */
#define CLI_RUN_OPTIONS                                                                                                \
    {"device", 1, 0, 'd'}, {"threads", 1, 0, 't'}, {"kv", 1, 0, 'K'}, {"lora", 1, 0, 'A'}, {"place", 1, 0, 'L'},       \
        {"report", 0, 0, 'R'}, {"json", 0, 0, 'j'}, {"help", 0, 0, 'h'},                                               \
    {                                                                                                                  \
        0, 0, 0, 0                                                                                                     \
    }
bool cli_run_option(const cli_command *c, int option, cli_run_options *o);

/* Prints and frees. */
void cli_print_json(json_object *o);
void cli_json_counters(json_object *o, const sb_counters *k);
void cli_print_counters(const sb_counters *k, double steps, const char *per);

/* A model ready for a device: loaded, packed to fp16 if the device needs words and the checkpoint has none, placed. */
typedef struct {
    sb_model *model;
    sb_tokenizer *tokenizer;
    sb_device *device;
    sb_session *session;
} cli_run;
/* context 0: the model's own, at most 2^20. threads 0: all. tokenizer may be left out; place too (NULL). */
sb_status cli_run_open(cli_run *r, const char *dir, const char *device, const cli_place *place, long threads,
                       long context, bool want_tokenizer, sb_error *err);
/* A second device for the same model. */
sb_status cli_run_place(const cli_run *r, const char *device, const cli_place *place, long threads, long context,
                        sb_device **dev, sb_session **session, sb_error *err);
void cli_run_close(cli_run *r);
/* Reads a whole text file. */
sb_status cli_read_text(const char *path, char **text, size_t *size, sb_error *err);

#endif
