/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* control_accounts.h - the commands of tercetctl that are about accounts and their devices. */
#pragma once

#include "core/server/control.h"

control_fn accounts_add;
control_fn accounts_passwd;
control_fn accounts_delete;
control_fn accounts_devices;
control_fn accounts_revoke;
control_fn accounts_disable;
control_fn accounts_enable;
control_fn accounts_undelete;
control_fn accounts_show;
control_fn accounts_list;
control_fn accounts_import;
