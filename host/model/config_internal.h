/* SPDX-License-Identifier: Apache-2.0
 * Pieces shared by the parsers of config.json. All leave *out as it was when the key is absent or null. */
#ifndef SEEDBED_MODEL_CONFIG_INTERNAL_H
#define SEEDBED_MODEL_CONFIG_INTERNAL_H

#include "model/json_util.h"
#include "seedbed/config.h"

sb_status sb_config_int(const char *what, json_object *j, const char *key, int lo, int hi, int *out, sb_error *err);
sb_status sb_config_f32(const char *what, json_object *j, const char *key, double lo, double hi, float *out,
                        sb_error *err);
/* The value (dflt when absent) must be `want`. */
sb_status sb_config_want_bool(const char *what, json_object *j, const char *key, bool dflt, bool want, sb_error *err);
sb_status sb_config_want_str(const char *what, json_object *j, const char *key, const char *dflt, const char *want,
                             sb_error *err);
sb_status sb_config_alloc_layers(const char *what, sb_model_config *c, sb_error *err);

sb_status sb_config_parse_llama(const char *what, json_object *j, sb_model_config *c, sb_error *err);
sb_status sb_config_parse_openelm(const char *what, json_object *j, sb_model_config *c, sb_error *err);
sb_status sb_config_parse_quant(const char *what, json_object *j, sb_quant_config *q, sb_error *err);

#endif
