/* SPDX-License-Identifier: Apache-2.0
 * What the emulator's parts know of each other. */
#ifndef SEEDBED_TESTS_EMULATOR_INTERNAL_HPP
#define SEEDBED_TESTS_EMULATOR_INTERNAL_HPP

#include "emulator.hpp"

namespace emu {
enum { MaxThreads = 1024 };
[[noreturn]] void fail(const char *what); /* names block and thread */
void pause(const char *why);              /* lets the others run; called in a loop until what it waits for has come */
void progress();                          /* something happened that others may wait for */
unsigned thread_number();
/* emulator_hopper.cpp */
void hopper_start(unsigned threads, const uint8_t *shared); /* of a block */
bool hopper_land();                                         /* one tensor copy under way lands; false: there is none */
const char *hopper_left(unsigned thread);                   /* what a thread that ends has forgotten, or NULL */
} // namespace emu

#endif
