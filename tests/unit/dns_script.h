/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* dns_script.h - the functions of dns.h as a unit test wants them: answers are written down
 * beforehand, and given when the test says so. A program that links it does not get dns.c. */
#pragma once

#include "core/net/dns.h"

/* "SRV", RDATA of one record more; the answer is DNS_FOUND from then on. */
void script_srv(const char *name, uint16_t priority, uint16_t port, const char *target);
void script_address(const char *name, const char *address);
void script_tlsa(const char *name, const void *rdata, size_t len);
/* Its answers are at another name. */
void script_alias(const char *name, enum dns_type type, const char *to);
void script_status(const char *name, enum dns_type type, enum dns_status status);
void script_secure(const char *name, enum dns_type type);
/* From now on questions about it wait. */
void script_hold(const char *name, enum dns_type type);
/* Answers what waits. */
void script_release(const char *name, enum dns_type type);
/* Forgets everything. */
void script_clear(void);
/* How many questions were asked about it. */
unsigned script_asked(const char *name, enum dns_type type);
