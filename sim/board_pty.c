/* SPDX-License-Identifier: Apache-2.0
 * A Verilated board behind a pseudo-terminal, in place of the board behind a serial port.
 *   board [--link PATH] [--unplug CYCLES] [--reset CYCLES] [--flip BYTES]
 * Prints the terminal's name; PATH becomes a link to it. --unplug: ends after so many cycles of work; --reset: presses
 * the button then, once; --flip: inverts a bit in every so many bytes, in both directions. Ends on SIGTERM, or when
 * standard input is closed. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "board_model.h"

static volatile sig_atomic_t stop;
static void on_signal(int s)
{
    (void)s;
    stop = 1;
}

static int fail(const char *what)
{
    fprintf(stderr, "board: %s: %s\n", what, strerror(errno));
    return 1;
}

/* A terminal of its own: the master, and a slave held open so that the master never sees a hang-up. */
static int open_pty(int *slave, const char **name)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || grantpt(fd) || unlockpt(fd) || !(*name = ptsname(fd)))
        return -1;
    *slave = open(*name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios t;
    if (*slave < 0 || tcgetattr(*slave, &t))
        return -1;
    cfmakeraw(&t);
    if (tcsetattr(*slave, TCSANOW, &t) || fcntl(fd, F_SETFL, O_NONBLOCK))
        return -1;
    return fd;
}

/* Numerical Recipes' generator: which bit of which byte is hit, the same each time. */
static uint8_t flip(uint8_t byte, uint64_t every, uint64_t *count, uint32_t *rng)
{
    if (!every || ++*count % every)
        return byte;
    *rng = *rng * 1664525u + 1013904223u;
    return byte ^ (uint8_t)(1u << (*rng >> 29));
}

int main(int argc, char **argv)
{
    const char *link_path = NULL, *name = NULL;
    uint64_t unplug = 0, reset = 0, every = 0, count = 0;
    uint32_t rng = 1;
    for (int i = 1; i < argc; i++) {
        uint64_t *number = !strcmp(argv[i], "--unplug")  ? &unplug
                           : !strcmp(argv[i], "--reset") ? &reset
                           : !strcmp(argv[i], "--flip")  ? &every
                                                         : NULL;
        if (i + 1 < argc && number) {
            *number = strtoull(argv[++i], NULL, 0);
        } else if (i + 1 < argc && !strcmp(argv[i], "--link")) {
            link_path = argv[++i];
        } else {
            fprintf(stderr, "usage: %s [--link PATH] [--unplug CYCLES] [--reset CYCLES] [--flip BYTES]\n", argv[0]);
            return 2;
        }
    }
    struct sigaction sa = {.sa_handler = on_signal};
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    int slave = -1, fd = open_pty(&slave, &name);
    if (fd < 0)
        return fail("pseudo-terminal");
    if (link_path && ((unlink(link_path) && errno != ENOENT) || symlink(name, link_path)))
        return fail(link_path);
    printf("%s\n", name);
    fflush(stdout);

    board_model *m = board_model_open();
    uint64_t work = 0, in = 0, out = 0;
    uint8_t held[4096];
    size_t n_held = 0;
    bool leave_on_eof = true;
    while (!stop && !(unplug && work >= unplug)) {
        bool idle = board_model_idle(m) && !n_held;
        struct pollfd f[2] = {{.fd = fd, .events = POLLIN}, {.fd = leave_on_eof ? 0 : -1, .events = POLLIN}};
        if (poll(f, 2, idle ? 20 : 0) < 0 && errno != EINTR)
            return fail("poll");
        uint8_t buf[4096];
        if (f[1].revents && read(0, buf, sizeof buf) <= 0)
            break;
        size_t room = board_model_room(m);
        if (room && f[0].revents & POLLIN) {
            ssize_t k = read(fd, buf, room < sizeof buf ? room : sizeof buf);
            for (ssize_t i = 0; i < k; i++)
                buf[i] = flip(buf[i], every, &count, &rng);
            if (k > 0) {
                board_model_send(m, buf, (size_t)k);
                in += (uint64_t)k;
            }
        }
        if (board_model_idle(m) && !n_held) {
            board_model_run(m, 200, true);
        } else {
            uint64_t before = board_model_cycles(m);
            board_model_run(m, 4000, false);
            work += board_model_cycles(m) - before;
        }
        if (reset && work >= reset) {
            board_model_reset(m);
            reset = 0;
        }
        size_t got = board_model_receive(m, held + n_held, sizeof held - n_held);
        for (size_t i = 0; i < got; i++)
            held[n_held + i] = flip(held[n_held + i], every, &count, &rng);
        n_held += got;
        ssize_t k = n_held ? write(fd, held, n_held) : 0;
        if (k > 0) {
            n_held -= (size_t)k;
            out += (uint64_t)k;
            memmove(held, held + k, n_held);
        }
    }
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    fprintf(stderr,
            "board: %s, %u clocks a bit: %llu cycles, of these %llu with work, %llu bytes in, %llu out, %.1f s CPU\n",
            board_model_name(), board_model_clks_per_bit(), (unsigned long long)board_model_cycles(m),
            (unsigned long long)work, (unsigned long long)in, (unsigned long long)out,
            (double)t.tv_sec + (double)t.tv_nsec / 1e9);
    board_model_close(m);
    if (link_path)
        unlink(link_path);
    return 0;
}
