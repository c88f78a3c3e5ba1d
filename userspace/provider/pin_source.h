/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The PIN of a store, from where the attribute pin-source of its URI (RFC 7512) says. */
#pragma once

#include "base/secret.h"
#include "custody/provider_wire.h"

/*
 * Read the PIN, which is the whole file without the end of its line, from what @source names:
 * file:PATH, PATH, or credential:NAME of the systemd service that we run in. One that a header
 * names has to lie where those for headers do. False, with @answer filled in: it cannot be had.
 */
bool pin_source_read(const char *source, bool from_header, struct provider_answer *answer,
		     struct secret **ret);
