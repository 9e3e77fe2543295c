/* SPDX-License-Identifier: Apache-2.0 */
#include "model/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static sb_status os_fail(sb_error *err, const char *path, const char *verb)
{
    return sb_fail(err, SB_ERR_IO, "%s: cannot %s: %s", path, verb, strerror(errno));
}

/* O_NONBLOCK: opening a FIFO must not wait for a writer. */
static sb_status open_regular(const char *path, int *fd, size_t *size, sb_error *err)
{
    struct stat s;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0)
        return os_fail(err, path, "open");
    sb_status st = SB_OK;
    if (fstat(*fd, &s) != 0)
        st = os_fail(err, path, "stat");
    else if (!S_ISREG(s.st_mode))
        st = sb_fail(err, SB_ERR_IO, "%s: not a regular file", path);
    else if (s.st_size < 0 || (uint64_t)s.st_size > SIZE_MAX / 2)
        st = sb_fail(err, SB_ERR_IO, "%s: too large for this machine", path);
    else
        *size = (size_t)s.st_size;
    if (st != SB_OK) {
        close(*fd);
        *fd = -1;
    }
    return st;
}

sb_status sb_file_read(const char *path, size_t max, char **data, size_t *size, sb_error *err)
{
    int fd;
    *data = NULL;
    sb_status st = open_regular(path, &fd, size, err);
    if (st != SB_OK)
        return st;
    size_t got = 0;
    if (*size > max)
        st = sb_fail(err, SB_ERR_FORMAT, "%s: %zu bytes, larger than the limit of %zu", path, *size, max);
    else if (!(*data = malloc(*size + 1)))
        st = sb_fail(err, SB_ERR_NOMEM, "%s: out of memory for %zu bytes", path, *size);
    while (st == SB_OK && got < *size) {
        ssize_t n = read(fd, *data + got, *size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            st = os_fail(err, path, "read");
        else if (n == 0)
            break;
        else
            got += (size_t)n;
    }
    close(fd);
    if (st != SB_OK) {
        free(*data);
        *data = NULL;
        return st;
    }
    *size = got;
    (*data)[got] = 0;
    return SB_OK;
}

sb_status sb_file_map(const char *path, const void **data, size_t *size, sb_error *err)
{
    int fd;
    *data = NULL;
    sb_status st = open_regular(path, &fd, size, err);
    if (st != SB_OK)
        return st;
    if (*size) {
        void *p = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
            st = os_fail(err, path, "map");
        else
            *data = p;
    }
    close(fd);
    return st;
}

char *sb_file_join(const char *dir, const char *name)
{
    char *s = NULL;
    size_t n = strlen(dir);
    const char *sep = n && dir[n - 1] == '/' ? "" : "/";
    return asprintf(&s, "%s%s%s", dir, sep, name) < 0 ? NULL : s;
}

sb_status sb_file_out_open(sb_file_out *f, const char *path, sb_error *err)
{
    *f = (sb_file_out){.fd = -1};
    struct stat s;
    if (lstat(path, &s) == 0 &&
        !S_ISREG(s.st_mode)) /* the rename would put a file in the place of a device or a link */
        return sb_fail(err, SB_ERR_IO, "%s: exists and is not a regular file", path);
    f->path = strdup(path);
    if (!f->path || asprintf(&f->tmp, "%s.tmp-%ld", path, (long)getpid()) < 0) {
        f->tmp = NULL;
        sb_file_out_abort(f);
        return sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", path);
    }
    /* A leftover of a dead process with our pid is ours to replace; O_EXCL then keeps a planted link from being
     * followed. */
    unlink(f->tmp);
    f->fd = open(f->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (f->fd < 0) {
        sb_status st = os_fail(err, f->tmp, "create");
        free(f->tmp);
        f->tmp = NULL;
        sb_file_out_abort(f);
        return st;
    }
    return SB_OK;
}

sb_status sb_file_out_write(sb_file_out *f, uint64_t offset, const void *data, size_t bytes, sb_error *err)
{
    const char *p = data;
    while (bytes) {
        ssize_t n = pwrite(f->fd, p, bytes, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sb_fail(err, SB_ERR_IO, "%s: cannot write at offset %llu: %s", f->tmp, (unsigned long long)offset,
                           strerror(errno));
        p += n;
        bytes -= (size_t)n;
        offset += (uint64_t)n;
    }
    return SB_OK;
}

static sb_status sync_dir(const char *path, sb_error *err)
{
    char *dir = strdup(path);
    if (!dir)
        return sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", path);
    char *slash = strrchr(dir, '/');
    if (slash)
        slash[slash == dir] = 0;
    const char *name = slash ? dir : ".";
    sb_status st = SB_OK;
    int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        st = os_fail(err, name, "open");
    else if (fsync(fd) != 0 && errno != EINVAL) /* EINVAL: a file system that cannot */
        st = os_fail(err, name, "fsync");
    if (fd >= 0)
        close(fd);
    free(dir);
    return st;
}

sb_status sb_file_out_commit(sb_file_out *f, sb_error *err)
{
    sb_status st = SB_OK;
    if (fsync(f->fd) != 0 && errno != EINVAL)
        st = os_fail(err, f->tmp, "fsync");
    int fd = f->fd;
    f->fd = -1;
    if (close(fd) != 0 && st == SB_OK)
        st = os_fail(err, f->tmp, "close");
    if (st == SB_OK && rename(f->tmp, f->path) != 0)
        st = sb_fail(err, SB_ERR_IO, "%s: cannot rename to %s: %s", f->tmp, f->path, strerror(errno));
    if (st == SB_OK) {
        free(f->tmp);
        f->tmp = NULL;
        st = sync_dir(f->path, err);
    }
    sb_file_out_abort(f);
    return st;
}

void sb_file_out_abort(sb_file_out *f)
{
    if (f->fd >= 0)
        close(f->fd);
    if (f->tmp)
        unlink(f->tmp);
    free(f->tmp);
    free(f->path);
    *f = (sb_file_out){.fd = -1};
}
