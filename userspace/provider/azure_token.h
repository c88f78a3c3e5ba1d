/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A token for a vault, from Microsoft Entra or from the metadata service of an Azure machine. */
#pragma once

#include "provider/identity.h"

/*
 * Give the header line that shows the token for the vault @host, owned by the caller. What is asked
 * and how this machine proves itself stands in the files of its identity alone. NULL: failed, and
 * the answer of @identity says why.
 */
struct secret *azure_token(const struct identity *identity, const char *host);
