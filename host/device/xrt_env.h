/* SPDX-License-Identifier: Apache-2.0
 * Before the first call into XRT: it ends the process, or hangs, where its environment is not what it expects
 * (docs/xrt.md, "What can go wrong"), so that is looked at here and told in one line. */
#ifndef SEEDBED_XRT_ENV_H
#define SEEDBED_XRT_ENV_H

#include "seedbed/status.h"

typedef enum {
    SB_XRT_BOARD,  /* XCL_EMULATION_MODE unset: the driver of a card */
    SB_XRT_HW_EMU, /* a simulated card: Seedbed's own (build/sim/xrt) or Vitis' */
    SB_XRT_NOOP,   /* XRT's driver that does nothing */
} sb_xrt_mode;

/* device begins the messages ("device xrt"). SB_ERR_UNSUPPORTED if XRT must not be called. */
sb_status sb_xrt_env_check(const char *device, sb_xrt_mode *mode, sb_error *err);
/* The xclbin to use: asked (a parameter's value, or ""), else $SEEDBED_XCLBIN, else seedbed.xclbin in $XILINX_XRT. */
sb_status sb_xrt_env_xclbin(const char *device, const char *asked, char *path, unsigned long size, sb_error *err);
const char *sb_xrt_mode_name(sb_xrt_mode mode);

#endif
