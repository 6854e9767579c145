/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* internal/component.h - the service "components" of mod_component: what an administrator may
 * see of them. Not installed. */
#pragma once

#include <tercet/module.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Valid for the call. */
struct tcti_component_row {
	uint32_t size;
	const char *domain;
	const char *address;     /* the peer's, numeric; NULL: it is not connected */
	bool secured;            /* TLS */
	int64_t since;           /* tct_now() of the connection, or of its end; 0: it never was */
	uint64_t received, sent; /* stanzas since the server started */
	uint32_t waiting;        /* for it */
	const char *problem;     /* why the last connection ended or was refused; "" */
};
typedef void tcti_component_fn(const struct tcti_component_row *row, void *data);
struct tcti_components_ops {
	uint32_t size;
	/* In the order of the configuration. `m`: as tct_service() gave it. */
	void (*each)(struct tct_mod *m, tcti_component_fn *fn, void *data);
};

#ifdef __cplusplus
}
#endif
