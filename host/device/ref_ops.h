/* SPDX-License-Identifier: Apache-2.0
 * Operations in which ref differs from the exact contract (ref_ops.c). */
#ifndef SEEDBED_REF_OPS_H
#define SEEDBED_REF_OPS_H

#include "device/device_internal.h"

sb_status sb_ref_embed(sb_device *dev, const sb_command *c, sb_error *err);
sb_status sb_ref_norm(sb_device *dev, const sb_command *c, sb_error *err); /* RMSNORM and LAYERNORM */
sb_status sb_ref_gate(sb_device *dev, const sb_command *c, sb_error *err); /* SILU_MUL and GELU_MUL */
sb_status sb_ref_kv_append(sb_device *dev, const sb_command *c, sb_error *err);
sb_status sb_ref_attention(sb_device *dev, const sb_command *c, sb_error *err);

#endif
