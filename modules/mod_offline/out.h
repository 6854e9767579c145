/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* out.h - a set of ids of rows; all zero is an empty one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct offline_ids {
	uint64_t *items; /* 0: free */
	size_t count, room;
};

/* Ids are not 0. What is there already, or not there, changes nothing. */
void offline_ids_add(struct offline_ids *ids, uint64_t id);
void offline_ids_remove(struct offline_ids *ids, uint64_t id);
bool offline_ids_have(const struct offline_ids *ids, uint64_t id);
void offline_ids_fini(struct offline_ids *ids);
