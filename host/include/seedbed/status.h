/* SPDX-License-Identifier: Apache-2.0
 * Errors: a status code plus one message that names the file, the tensor, the offset and what was expected. */
#ifndef SEEDBED_STATUS_H
#define SEEDBED_STATUS_H

typedef enum {
    SB_OK = 0,
    SB_ERR_IO,          /* the operating system said no: open, read, write, rename, disk full */
    SB_ERR_FORMAT,      /* a file's content breaks its own format */
    SB_ERR_UNSUPPORTED, /* well-formed, but not something we do */
    SB_ERR_ARG,         /* the caller's argument is out of range */
    SB_ERR_NOMEM,
    SB_ERR_DEVICE,  /* the device refused or failed */
    SB_ERR_TIMEOUT, /* the device did not answer in time */
    SB_ERR_INTERRUPTED
} sb_status;

typedef struct {
    char msg[2048]; /* one line, no newline; a hang's diagnosis is the longest */
} sb_error;

/* Formats the message into err (which may be NULL) and returns status, so that a failing function ends in
 * `return sb_fail(err, SB_ERR_FORMAT, "%s: tensor %s: ...", ...)`. */
sb_status sb_fail(sb_error *err, sb_status status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
