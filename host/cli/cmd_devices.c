/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"

static const char help[] = "usage: seedbed devices [--json]\n"
                           "\n"
                           "Lists the devices that this build knows, whether each can be opened here, and with what.\n";

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
        sb_device *dev = NULL;
        sb_error err = {{0}};
        bool ok = sb_device_open(k->name, NULL, &dev, &err) == SB_OK;
        const char *detail = ok ? sb_device_describe(dev) : err.msg;
        if (json) {
            json_object *o = json_object_new_object();
            json_object_object_add(o, "name", json_object_new_string(k->name));
            json_object_object_add(o, "summary", json_object_new_string(k->summary));
            json_object_object_add(o, "parameters", json_object_new_string(k->params));
            json_object_object_add(o, "available", json_object_new_boolean(ok));
            json_object_object_add(o, "detail", json_object_new_string(detail));
            json_object_array_add(list, o);
        } else {
            printf("%-12s%s\n            %s%s\n", k->name, k->summary, ok ? "" : "not available: ", detail);
            if (k->params[0])
                printf("            parameters: %s\n", k->params);
        }
        sb_device_close(dev);
    }
    if (json)
        cli_print_json(list);
    return 0;
}

const cli_command cli_devices = {"devices", "list the devices and whether they work here", help, run};
