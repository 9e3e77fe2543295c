/* SPDX-License-Identifier: Apache-2.0
 * flash_forward.cu hands the cases to it for which flash_hopper.cu has a kernel. */
#ifndef SEEDBED_CUDA_FLASH_HOPPER_HPP
#define SEEDBED_CUDA_FLASH_HOPPER_HPP

#ifndef SB_CUDA_EMULATED
#include <cuda_runtime.h>
#endif
#include "sb_flash.h"

bool flash_hopper_takes(const sb_flash &f);
cudaError_t flash_hopper_forward(const sb_flash &f, cudaStream_t stream);

#endif
