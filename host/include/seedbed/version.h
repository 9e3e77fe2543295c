/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEEDBED_VERSION_H
#define SEEDBED_VERSION_H
#define SB_VERSION "0.1.0"
#endif
