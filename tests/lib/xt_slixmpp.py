# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""What slixmpp 1.8 needs to log in where channel binding is offered: it knows tls-unique alone,
asks for it under TLS 1.3 too, where it does not exist (RFC 9266 4), and then says that it could
have bound the login, which a server has to refuse (RFC 5802 6) unless it has seen that try. So a
test that wants one mechanism from it needs this; later versions do not."""
import ssl

_real = ssl.SSLObject.get_channel_binding


def _get_channel_binding(self, cb_type="tls-unique"):
    return _real(self, cb_type) if self.version() != "TLSv1.3" else None


ssl.SSLObject.get_channel_binding = _get_channel_binding
