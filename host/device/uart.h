/* SPDX-License-Identifier: Apache-2.0
 * The uart device on a stream of the caller's, in place of a serial line: for tests. */
#ifndef SEEDBED_UART_H
#define SEEDBED_UART_H

#include "board/board.h"
#include "device/device_internal.h"

/* dev->mem must be there and dev->be be sb_backend_uart. The stream is the caller's and outlives dev. */
sb_status sb_uart_open_stream(sb_device *dev, const sb_stream *s, int timeout_ms, int retries, sb_error *err);

#endif
