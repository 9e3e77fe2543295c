/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEEDBED_OPENCL_RUN_H
#define SEEDBED_OPENCL_RUN_H

#include "device/opencl_common.h"

/* sb_backend.run */
sb_status sb_cl_run(sb_device *dev, uint64_t addr, uint32_t count, uint32_t *failed, sb_error *err);

#endif
