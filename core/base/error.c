/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* error.c - see error.h. */
#include "core/base/error.h"

#include <stdio.h>
#include <string.h>

const char *tct_code_text(int code)
{
	switch (code) {
	case TCT_OK:
		return "no error";
	case TCT_EINVAL:
		return "not acceptable";
	case TCT_ENOENT:
		return "no such thing";
	case TCT_EEXIST:
		return "there is one already";
	case TCT_EIO:
		return "the system or the store failed";
	case TCT_EFULL:
		return "a limit is reached";
	case TCT_EBUSY:
		return "somebody else holds it";
	case TCT_EPERM:
		return "not allowed";
	case TCT_EABI:
		return "the module does not fit this server";
	case TCT_ETIMEOUT:
		return "no answer in time";
	case TCT_ECONFLICT:
		return "changed by somebody else";
	case TCT_EPROTO:
		return "the peer broke the protocol";
	case TCT_ECANCELED:
		return "the server is stopping";
	default:
		return "unknown error";
	}
}

int tct_error_set(struct tct_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return code;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	return code;
}

const char *tct_error_text(const struct tct_error *err)
{
	return err->text;
}

void error_clear(struct tct_error *err)
{
	memset(err, 0, sizeof *err);
}

void error_prefix(struct tct_error *err, const char *fmt, ...)
{
	char old[sizeof err->text];
	va_list ap;
	size_t len;

	memcpy(old, err->text, sizeof old);
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	len = strlen(err->text);
	snprintf(err->text + len, sizeof err->text - len, ": %s", old);
}
