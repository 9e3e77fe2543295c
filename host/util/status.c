/* SPDX-License-Identifier: Apache-2.0 */
#include "seedbed/status.h"

#include <stdarg.h>
#include <stdio.h>

sb_status sb_fail(sb_error *err, sb_status status, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(err->msg, sizeof err->msg, fmt, ap);
        va_end(ap);
    }
    return status;
}
