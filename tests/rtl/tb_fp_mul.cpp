// SPDX-License-Identifier: Apache-2.0
// fp_mul: the bench of fp_add with the other operation.
#define TB_MUL
#include "tb_fp_add.cpp"
