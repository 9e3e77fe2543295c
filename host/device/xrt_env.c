/* SPDX-License-Identifier: Apache-2.0
 * The environment that XRT needs, checked. */
#include "device/xrt_env.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *sb_xrt_mode_name(sb_xrt_mode mode)
{
    static const char *const name[] = {"a card", "hw_emu", "noop"};
    return name[mode];
}

/* What XRT would say on standard error comes as our one line; whoever brings an xrt.ini decides that himself. */
static void silence(const char *root)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/lib/libxrt_coreutil.so.2", root);
    void *lib = dlopen(access(path, R_OK) ? "libxrt_coreutil.so.2" : path, RTLD_NOW | RTLD_GLOBAL);
    void *symbol = lib ? dlsym(lib, "xrtIniStringSet") : NULL;
    int (*set)(const char *, const char *);
    memcpy(&set, &symbol, sizeof set); /* POSIX's way from object to function pointer */
    if (symbol && !getenv("XRT_INI_PATH"))
        set("Runtime.runtime_log", "null");
}

sb_status sb_xrt_env_check(const char *device, sb_xrt_mode *mode, sb_error *err)
{
    static const char *const driver[] = {"xrt_core", "xrt_hwemu", "xrt_noop"};
    const char *root = getenv("XILINX_XRT"), *emulation = getenv("XCL_EMULATION_MODE");
    char path[PATH_MAX];
    if (!emulation || !*emulation)
        *mode = SB_XRT_BOARD;
    else if (!strcmp(emulation, "hw_emu"))
        *mode = SB_XRT_HW_EMU;
    else if (!strcmp(emulation, "noop"))
        *mode = SB_XRT_NOOP;
    else if (!strcmp(emulation, "sw_emu"))
        return sb_fail(
            err, SB_ERR_UNSUPPORTED,
            "%s: XCL_EMULATION_MODE=sw_emu never returns from its first allocation without Vitis, and has no RTL: "
            "use hw_emu, or unset it for a card",
            device);
    else
        return sb_fail(err, SB_ERR_UNSUPPORTED,
                       "%s: XCL_EMULATION_MODE=%s: expected hw_emu (a simulated card), noop, or unset (a card)", device,
                       emulation);
    if (!root || !*root)
        return sb_fail(
            err, SB_ERR_UNSUPPORTED,
            "%s: XILINX_XRT is not set: source XRT's setup.sh for a card; for the simulated one, `make xrt-sim`, then "
            "XILINX_XRT=build/sim/xrt XCL_EMULATION_MODE=hw_emu",
            device);
    snprintf(path, sizeof path, "%s/lib/lib%s.so.2", root, driver[*mode]);
    if (access(path, R_OK))
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: XILINX_XRT=%s holds no driver for %s: %s is missing%s", device,
                       root, sb_xrt_mode_name(*mode), path,
                       *mode == SB_XRT_BOARD ? " (Debian's XRT keeps it elsewhere: docs/xrt.md)" : "");
    void *core = *mode == SB_XRT_BOARD ? NULL : dlopen("libxrt_core.so.2", RTLD_NOLOAD | RTLD_NOW);
    if (core) {
        dlclose(core);
        return sb_fail(err, SB_ERR_UNSUPPORTED,
                       "%s: libxrt_core is loaded already and would be used in spite of XCL_EMULATION_MODE=%s: link "
                       "libxrt_coreutil "
                       "alone, and take it out of LD_PRELOAD",
                       device, emulation);
    }
    silence(root);
    return SB_OK;
}

sb_status sb_xrt_env_xclbin(const char *device, const char *asked, char *path, unsigned long size, sb_error *err)
{
    const char *set = getenv("SEEDBED_XCLBIN"), *root = getenv("XILINX_XRT");
    if (!*asked && set && *set)
        asked = set;
    if (*asked)
        snprintf(path, size, "%s", asked);
    else
        snprintf(path, size, "%s/seedbed.xclbin", root ? root : "");
    if (access(path, R_OK))
        return sb_fail(err, SB_ERR_IO,
                       "%s: no xclbin%s%s%s: name one with xclbin=FILE or SEEDBED_XCLBIN (docs/xrt.md builds them)",
                       device, *asked ? ": " : " at ", path, *asked ? " cannot be read" : "");
    return SB_OK;
}
