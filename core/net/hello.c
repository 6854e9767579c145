/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* hello.c - see hello.h. */
#include "core/net/hello.h"

#include <gnutls/gnutls.h>
#include <string.h>

#define RECORD_HEADER 5
#define MESSAGE_HEADER 4
#define HELLO_MAX (16 * 1024)
#define HANDSHAKE 22
#define CLIENT_HELLO 1
#define EXT_SERVER_NAME 0
#define EXT_PRE_SHARED_KEY 41

/* RFC 6066 section 3: list length, then type, length, name. */
static void read_name(struct hello *hello, const unsigned char *data, unsigned len)
{
	unsigned size;

	if (len < 5 || data[2] != 0)
		return;
	size = (unsigned)data[3] << 8 | data[4];
	if (size > len - 5 || size == 0 || size >= sizeof hello->name ||
		memchr(data + 5, '\0', size) != NULL)
		return;
	for (unsigned i = 0; i < size; i++) {
		char c = (char)data[5 + i];

		hello->name[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	hello->name[size] = '\0';
}

static int read_extension(void *ctx, unsigned id, const unsigned char *data, unsigned len)
{
	struct hello *hello = ctx;

	if (id == EXT_SERVER_NAME)
		read_name(hello, data, len);
	else if (id == EXT_PRE_SHARED_KEY)
		hello->resumes = true;
	return 0;
}

enum hello_result hello_read(struct span records, struct hello *hello)
{
	unsigned char message[HELLO_MAX];
	size_t len = 0, want = 0;

	memset(hello, 0, sizeof *hello);
	while (records.len >= RECORD_HEADER) {
		const unsigned char *r = (const unsigned char *)records.data;
		size_t size = (size_t)r[3] << 8 | r[4];

		if (r[0] != HANDSHAKE || size == 0 || size > records.len - RECORD_HEADER ||
			size > sizeof message - len)
			return HELLO_NONE;
		memcpy(message + len, r + RECORD_HEADER, size);
		len += size;
		records.data += RECORD_HEADER + size;
		records.len -= RECORD_HEADER + size;
		if (message[0] != CLIENT_HELLO)
			return HELLO_NONE;
		if (len < MESSAGE_HEADER)
			continue;
		want = (size_t)message[1] << 16 | (size_t)message[2] << 8 | message[3];
		if (want > sizeof message - MESSAGE_HEADER)
			return HELLO_NONE;
		if (len - MESSAGE_HEADER >= want) {
			gnutls_datum_t body = { message + MESSAGE_HEADER, (unsigned)want };

			gnutls_ext_raw_parse(hello, read_extension, &body,
				GNUTLS_EXT_RAW_FLAG_TLS_CLIENT_HELLO);
			return HELLO_READ;
		}
	}
	return HELLO_MORE;
}
