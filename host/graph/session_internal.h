/* SPDX-License-Identifier: Apache-2.0
 * The session's own part, open to tests and benches. */
#ifndef SEEDBED_SESSION_INTERNAL_H
#define SEEDBED_SESSION_INTERNAL_H

#include "graph/graph.h"
#include "seedbed/session.h"

struct sb_session {
    sb_placed_model placed;
    int last_rows; /* rows of logits of the last step; 0 before the first */
};

#endif
