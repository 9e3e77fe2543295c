/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEEDBED_OPENCL_PROGRAM_H
#define SEEDBED_OPENCL_PROGRAM_H

#include "device/opencl_common.h"

/* Builds kernels/opencl for the device and makes the kernels. */
sb_status sb_cl_build(sb_cl *s, sb_error *err);

#endif
