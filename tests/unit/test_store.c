/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_store.c - core/store over mod_storage_mem. */
#include "tests/unit/store_kit.h"

extern const struct tct_module_info tct_module_storage_mem;
const struct tct_module_info *const backend_info = &tct_module_storage_mem;

const void *backend_config(void)
{
	return NULL;
}

int main(void)
{
	return store_suite_run(NULL, 0);
}
