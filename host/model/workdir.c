/* SPDX-License-Identifier: Apache-2.0 */
#include "model/workdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/file.h"

struct sb_workdir {
    char *out, *path;
    int lock; /* the open directory path, locked; -1 */
    bool force, committed;
};

enum { MAX_COPY = 256 << 20 };

/* A symbolic link is not followed: what it points to is not ours. */
static DIR *open_directory(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d && fd >= 0)
        close(fd);
    return d;
}

/* The directory holds plain files only; anything else in it makes rmdir fail, and it stays. */
static void remove_files(const char *dir, bool pieces_only)
{
    DIR *d = open_directory(dir);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        size_t len = strlen(e->d_name);
        bool piece = (len > 6 && !strcmp(e->d_name + len - 6, ".words")) || !strcmp(e->d_name, "identity");
        if (pieces_only && !piece)
            continue;
        unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d)
        closedir(d);
}

static void remove_directory(const char *dir)
{
    remove_files(dir, false);
    if (rmdir(dir))
        unlink(dir); /* a symbolic link */
}

/* True unless dir could be listed and holds nothing. */
static bool has_files(const char *dir)
{
    DIR *d = open_directory(dir);
    struct dirent *e;
    bool any = !d;
    while (!any && (e = readdir(d)))
        any = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    if (d)
        closedir(d);
    return any;
}

static bool has_identity(const char *dir)
{
    char *path = sb_file_join(dir, "identity");
    bool is = path && access(path, F_OK) == 0;
    free(path);
    return is;
}

static void sync_directory(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

static sb_status put_file(const sb_workdir *w, const char *name, const void *data, size_t bytes, sb_error *err)
{
    char *path = sb_file_join(w->path, name);
    sb_file_out f = {.fd = -1};
    sb_status st = path ? sb_file_out_open(&f, path, err) : sb_fail(err, SB_ERR_NOMEM, "out of memory");
    if (!st)
        st = sb_file_out_write(&f, 0, data, bytes, err);
    if (!st)
        st = sb_file_out_commit(&f, err);
    else
        sb_file_out_abort(&f);
    free(path);
    return st;
}

static bool same_identity(const sb_workdir *w, const char *identity)
{
    char *path = sb_file_join(w->path, "identity"), *data = NULL;
    size_t size = 0;
    bool same = path && sb_file_read(path, 4096, &data, &size, NULL) == SB_OK && !strcmp(data, identity);
    free(data);
    free(path);
    return same;
}

sb_status sb_workdir_open(const char *out, const char *identity, bool force, sb_workdir **res, sb_error *err)
{
    *res = NULL;
    struct stat s;
    size_t len = strlen(out);
    while (len > 1 && out[len - 1] == '/')
        len--;
    if (!len)
        return sb_fail(err, SB_ERR_ARG, "the output directory has no name");
    sb_workdir *w = calloc(1, sizeof *w);
    if (w) {
        w->lock = -1;
        w->out = strndup(out, len);
        w->path = malloc(len + sizeof ".partial");
    }
    if (!w || !w->out || !w->path) {
        sb_workdir_close(w, true);
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    }
    snprintf(w->path, len + sizeof ".partial", "%s.partial", w->out);
    w->force = force;
    sb_status st = SB_OK;
    if (!force && lstat(w->out, &s) == 0)
        st = sb_fail(err, SB_ERR_ARG, "%s: exists already (--force replaces it)", w->out);
    else if (mkdir(w->path, 0777) && errno != EEXIST)
        st = sb_fail(err, SB_ERR_IO, "%s: cannot create the directory: %s", w->path, strerror(errno));
    if (st) {
        sb_workdir_close(w, true);
        return st;
    }
    w->lock = open(w->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (w->lock < 0)
        st = sb_fail(err, SB_ERR_IO, "%s: cannot open the directory: %s", w->path, strerror(errno));
    else if (flock(w->lock, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        st = sb_fail(err, SB_ERR_ARG, "%s: another run is writing it", w->path);
    else if (has_files(w->path) && !has_identity(w->path))
        st = sb_fail(err, SB_ERR_ARG, "%s: exists and is not what an interrupted run left; remove or rename it",
                     w->path);
    if (st) {
        sb_workdir_close(w, true);
        return st;
    }
    if (!same_identity(w, identity)) {
        remove_files(w->path, false);
        st = put_file(w, "identity", identity, strlen(identity), err);
    }
    if (st) {
        sb_workdir_close(w, false);
        return st;
    }
    *res = w;
    return SB_OK;
}

const char *sb_workdir_path(const sb_workdir *w)
{
    return w->path;
}

static void piece_name(size_t i, char buf[32])
{
    snprintf(buf, 32, "%05zu.words", i);
}

bool sb_workdir_take(const sb_workdir *w, size_t i, void *data, size_t bytes)
{
    char name[32];
    piece_name(i, name);
    char *path = sb_file_join(w->path, name);
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    free(path);
    if (fd < 0)
        return false;
    struct stat s;
    bool ok = fstat(fd, &s) == 0 && (size_t)s.st_size == bytes;
    for (size_t at = 0; ok && at < bytes;) {
        ssize_t n = read(fd, (char *)data + at, bytes - at);
        if (n <= 0)
            ok = false;
        else
            at += (size_t)n;
    }
    close(fd);
    return ok;
}

sb_status sb_workdir_put(sb_workdir *w, size_t i, const void *data, size_t bytes, sb_error *err)
{
    char name[32];
    piece_name(i, name);
    return put_file(w, name, data, bytes, err);
}

sb_status sb_workdir_copy(sb_workdir *w, const char *in, const char *name, bool required, sb_error *err)
{
    char *src = sb_file_join(in, name), *data = NULL;
    size_t size = 0;
    if (!src)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    sb_status st = SB_OK;
    if (required || access(src, F_OK) == 0)
        st = sb_file_read(src, MAX_COPY, &data, &size, err);
    if (!st && data)
        st = put_file(w, name, data, size, err);
    free(src);
    free(data);
    return st;
}

sb_status sb_workdir_commit(sb_workdir *w, sb_error *err)
{
    remove_files(w->path, true);
    sync_directory(w->path);
    char *old = NULL;
    struct stat s;
    if (w->force && lstat(w->out, &s) == 0) {
        size_t n = strlen(w->out) + 32;
        old = malloc(n);
        if (!old)
            return sb_fail(err, SB_ERR_NOMEM, "out of memory");
        snprintf(old, n, "%s.old-%ld", w->out, (long)getpid());
        if (rename(w->out, old)) {
            sb_status st = sb_fail(err, SB_ERR_IO, "%s: cannot be moved aside: %s", w->out, strerror(errno));
            free(old);
            return st;
        }
    }
    if (rename(w->path, w->out)) {
        sb_status st = sb_fail(err, SB_ERR_IO, "%s: cannot be renamed to %s: %s", w->path, w->out, strerror(errno));
        if (old)
            (void)rename(old, w->out);
        free(old);
        return st;
    }
    w->committed = true;
    char *parent = strdup(w->out), *slash = parent ? strrchr(parent, '/') : NULL;
    if (slash)
        slash[slash == parent ? 1 : 0] = 0;
    sync_directory(slash ? parent : ".");
    free(parent);
    if (old)
        remove_directory(old);
    free(old);
    return SB_OK;
}

void sb_workdir_close(sb_workdir *w, bool keep)
{
    if (!w)
        return;
    if (!keep && !w->committed && w->path)
        remove_directory(w->path);
    if (w->lock >= 0)
        close(w->lock);
    free(w->out);
    free(w->path);
    free(w);
}
