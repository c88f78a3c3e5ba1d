// SPDX-License-Identifier: GPL-2.0-only
/* The definitions of the trace points. */

#define CREATE_TRACE_POINTS
#include "trace.h"
