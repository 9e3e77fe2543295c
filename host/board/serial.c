/* SPDX-License-Identifier: Apache-2.0
 * A serial line as an sb_stream. Nothing here waits without a timeout: the line is non-blocking, poll does the waiting.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "board/board.h"

typedef struct {
    int fd;
    char name[256];
} serial;

static int64_t serial_now(void *ctx)
{
    (void)ctx;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static sb_status gone(const serial *p, const char *doing, int e, sb_error *err)
{
    return sb_fail(err, SB_ERR_IO, "%s: the line is gone while %s (%s): unplugged?", p->name, doing,
                   e ? strerror(e) : "end of file");
}

static sb_status serial_send(void *ctx, const uint8_t *data, size_t n, int timeout_ms, sb_error *err)
{
    serial *p = ctx;
    while (n) {
        struct pollfd f = {.fd = p->fd, .events = POLLOUT};
        int r = poll(&f, 1, timeout_ms);
        if (r < 0 && errno != EINTR)
            return gone(p, "sending", errno, err);
        if (r == 0)
            return sb_fail(err, SB_ERR_TIMEOUT, "%s: the line takes nothing for %d ms", p->name, timeout_ms);
        if (r > 0 && f.revents & (POLLERR | POLLHUP | POLLNVAL))
            return gone(p, "sending", EIO, err);
        ssize_t k = write(p->fd, data, n);
        if (k < 0 && errno != EAGAIN && errno != EINTR)
            return gone(p, "sending", errno, err);
        if (k > 0) {
            data += k;
            n -= (size_t)k;
        }
    }
    return SB_OK;
}

static sb_status serial_receive(void *ctx, uint8_t *data, size_t room, size_t *got, int timeout_ms, sb_error *err)
{
    serial *p = ctx;
    struct pollfd f = {.fd = p->fd, .events = POLLIN};
    *got = 0;
    int r = poll(&f, 1, timeout_ms);
    if (r < 0 && errno != EINTR)
        return gone(p, "receiving", errno, err);
    if (r <= 0)
        return SB_OK;
    ssize_t k = read(p->fd, data, room);
    if (k > 0) {
        *got = (size_t)k;
        return SB_OK;
    }
    if (k < 0 && (errno == EAGAIN || errno == EINTR) && !(f.revents & (POLLERR | POLLHUP | POLLNVAL)))
        return SB_OK;
    return gone(p, "receiving", k < 0 ? errno : 0, err);
}

static bool rate(unsigned long baud, speed_t *out)
{
    static const struct {
        unsigned long baud;
        speed_t speed;
    } known[] = {{115200, B115200},   {230400, B230400},   {460800, B460800},   {500000, B500000},
                 {921600, B921600},   {1000000, B1000000}, {1500000, B1500000}, {2000000, B2000000},
                 {2500000, B2500000}, {3000000, B3000000}, {4000000, B4000000}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].baud == baud) {
            *out = known[i].speed;
            return true;
        }
    return false;
}

static sb_status set_up(serial *p, const char *path, unsigned long baud, sb_error *err)
{
    speed_t speed;
    if (!rate(baud, &speed))
        return sb_fail(err, SB_ERR_ARG, "%s: baud=%lu: not a rate that serial lines have (1000000 is usual here)", path,
                       baud);
    p->fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (p->fd < 0)
        return sb_fail(err, SB_ERR_IO, "%s: %s%s", path, strerror(errno),
                       errno == EACCES ? " (are you in the group that owns it?)" : "");
    struct termios t;
    if (tcgetattr(p->fd, &t))
        return sb_fail(err, SB_ERR_ARG, "%s: not a serial line", path);
    if (flock(p->fd, LOCK_EX | LOCK_NB))
        return sb_fail(err, SB_ERR_IO, "%s: in use by another program", path);
    cfmakeraw(&t);
    /* No hang-up at the end: some boards take that for a reset. */
    t.c_cflag = (t.c_cflag | CLOCAL | CREAD) & (tcflag_t) ~(CSTOPB | CRTSCTS | HUPCL);
    if (cfsetspeed(&t, speed) || tcsetattr(p->fd, TCSANOW, &t))
        return sb_fail(err, SB_ERR_IO, "%s: cannot be set to %lu baud: %s", path, baud, strerror(errno));
    tcflush(p->fd, TCIOFLUSH);
    return SB_OK;
}

sb_status sb_serial_open(const char *path, unsigned long baud, sb_stream *out, sb_error *err)
{
    serial *p = calloc(1, sizeof *p);
    if (!p)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    p->fd = -1;
    strncpy(p->name, path, sizeof p->name - 1);
    sb_status st = set_up(p, path, baud, err);
    *out = (sb_stream){p, p->name, serial_send, serial_receive, serial_now, NULL};
    if (st)
        sb_serial_close(out);
    return st;
}

void sb_serial_close(sb_stream *s)
{
    serial *p = s->ctx;
    if (!p)
        return;
    if (p->fd >= 0)
        close(p->fd);
    free(p);
    *s = (sb_stream){0};
}
