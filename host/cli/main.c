/* SPDX-License-Identifier: Apache-2.0
 * The seedbed program: one command a file. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "seedbed/version.h"

static const cli_command *const commands[] = {&cli_compress,   &cli_inspect, &cli_generate,
                                              &cli_perplexity, &cli_verify,  &cli_devices};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static volatile sig_atomic_t stop;
static void on_signal(int sig)
{
    stop = 1;
    signal(sig, SIG_DFL); /* a second one ends the program at once */
}
bool cli_interrupted(void)
{
    return stop != 0;
}

static int usage(FILE *f)
{
    fprintf(f, "usage: seedbed COMMAND [ARGUMENTS]\n\nTransformer inference in which weights grow from seeds.\n\n");
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(f, "  %-11s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(f, "\n`seedbed COMMAND --help` explains a command; `seedbed --version` prints the version.\n");
    return f == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit is a write error with a message, not a death */
    if (argc < 2)
        return usage(stderr);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
        return usage(stdout);
    if (!strcmp(argv[1], "--version")) {
        puts("seedbed " SB_VERSION);
        return 0;
    }
    for (int i = 0; i < N_COMMANDS; i++) {
        if (!strcmp(argv[1], commands[i]->name)) {
            char name[32]; /* getopt starts its messages with argv[0] */
            snprintf(name, sizeof name, "seedbed %s", commands[i]->name);
            argv[1] = name;
            int rc = commands[i]->run(argc - 1, argv + 1);
            bool lost = fflush(stdout) || ferror(stdout);
            if (rc || !lost)
                return rc;
            fprintf(stderr, "seedbed: cannot write to standard output\n");
            return 1;
        }
    }
    fprintf(stderr, "seedbed: unknown command '%s' (see `seedbed --help`)\n", argv[1]);
    return 2;
}
