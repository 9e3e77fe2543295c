/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>

#include "cli/cli.h"

static const char help[] = "usage: seedbed devices [--json]\n"
                           "\n"
                           "Lists the devices that this build knows, whether each can be opened here, and with what;\n"
                           "of boards at serial lines, each.\n";

enum { MOST = 16 };

typedef struct {
    sb_error line[MOST]; /* what was found, or why not */
    size_t n;
} found_list;

static bool look(const char *spec, sb_error *line)
{
    sb_device *dev = NULL;
    bool ok = sb_device_open(spec, NULL, &dev, line) == SB_OK;
    if (ok)
        snprintf(line->msg, sizeof line->msg, "%s", sb_device_describe(dev));
    sb_device_close(dev);
    return ok;
}

/* All that can be opened of a kind; if none, why, in the first entry. */
static bool find(size_t kind, const char *name, found_list *f)
{
    char params[PATH_MAX + 64], spec[PATH_MAX + 128];
    f->n = 0;
    for (size_t i = 0; f->n < MOST && sb_device_candidate(kind, i, params, sizeof params); i++) {
        snprintf(spec, sizeof spec, "%s:%s", name, params);
        f->n += look(spec, &f->line[f->n]);
    }
    if (f->n)
        return true;
    f->n = 1;
    return look(name, &f->line[0]);
}

static json_object *entry(const sb_device_kind *k, bool ok, const found_list *f)
{
    json_object *o = json_object_new_object(), *all = json_object_new_array();
    json_object_object_add(o, "name", json_object_new_string(k->name));
    json_object_object_add(o, "summary", json_object_new_string(k->summary));
    json_object_object_add(o, "parameters", json_object_new_string(k->params));
    json_object_object_add(o, "available", json_object_new_boolean(ok));
    json_object_object_add(o, "detail", json_object_new_string(f->line[0].msg));
    for (size_t i = 0; ok && i < f->n; i++)
        json_object_array_add(all, json_object_new_string(f->line[i].msg));
    json_object_object_add(o, "found", all);
    return o;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"json", 0, 0, 'j'}, {"help", 0, 0, 'h'}, {0, 0, 0, 0}};
    bool json = false;
    int c;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'h')
            return cli_help(&cli_devices);
        if (c != 'j')
            return 2;
        json = true;
    }
    if (optind != argc)
        return cli_usage(&cli_devices, "no arguments expected");
    json_object *list = json ? json_object_new_array() : NULL;
    const sb_device_kind *k;
    for (size_t i = 0; (k = sb_device_kind_at(i)); i++) {
        found_list f;
        bool ok = find(i, k->name, &f);
        if (json) {
            json_object_array_add(list, entry(k, ok, &f));
            continue;
        }
        printf("%-12s%s\n", k->name, k->summary);
        for (size_t d = 0; d < f.n; d++)
            printf("            %s%s\n", ok ? "" : "not available: ", f.line[d].msg);
        if (k->params[0])
            printf("            parameters: %s\n", k->params);
    }
    if (json)
        cli_print_json(list);
    return 0;
}

const cli_command cli_devices = {"devices", "list the devices and whether they work here", help, run};
