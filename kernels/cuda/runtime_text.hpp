/* SPDX-License-Identifier: Apache-2.0
 * One line for what went wrong on the device. */
#ifndef SEEDBED_CUDA_RUNTIME_TEXT_HPP
#define SEEDBED_CUDA_RUNTIME_TEXT_HPP

#include <stddef.h>
#include <stdint.h>

#include "seedbed/command.h"

/* first: the word of sb_cuda_arg.first. */
void sb_cuda_error_text(const sb_command *c, unsigned long long first, char *why, size_t n);
/* begun: index + 1 of the command that began last, 0: none. */
void sb_cuda_timeout_text(const sb_command *list, uint32_t count, uint32_t begun, double seconds, char *why, size_t n);

#endif
