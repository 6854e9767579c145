# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
#
# tercet.mk - builds modules outside of Tercet's tree. A whole Makefile is
#
#   MODULES = mod_motd
#   include $(shell pkg-config --variable=makefile tercet)
#
# mod_motd.c (or the files in mod_motd_SOURCES) becomes mod_motd.so. Targets: all, install
# (honours DESTDIR), uninstall, check (plays the *.xt scripts against the installed server),
# clean, dist. "make check SANITIZE=1" builds the modules with AddressSanitizer and
# UndefinedBehaviorSanitizer. CFLAGS, CPPFLAGS and LDFLAGS are yours.

PKG_CONFIG ?= pkg-config
TERCET_MODULEDIR ?= $(shell $(PKG_CONFIG) --variable=moduledir tercet)
TERCET_CFLAGS := $(shell $(PKG_CONFIG) --cflags tercet)
TERCET_TEST := $(shell $(PKG_CONFIG) --variable=tercettest tercet)
# sbindir:bindir:pkglibdir:moduledir, for the scripts that start the installed server.
empty :=
TERCET_FOLDERS := $(subst $(empty) $(empty),:,$(foreach folder,sbindir bindir pkglibdir \
	moduledir,$(shell $(PKG_CONFIG) --variable=$(folder) tercet)))
INSTALL ?= install
CFLAGS ?= -O2 -g
# A module has no mutable variables at file scope and exports nothing but its descriptor.
TERCET_FLAGS = $(TERCET_CFLAGS) -std=gnu11 -fPIC -fvisibility=hidden \
	-Wall -Wextra -Wno-unused-parameter -Wmissing-prototypes

ifdef SANITIZE
TERCET_FLAGS += -fsanitize=address,undefined -fno-omit-frame-pointer
endif

tercet_so = $(addsuffix .so,$(MODULES))

all: $(tercet_so)

define tercet_module
$(1)_SOURCES ?= $(1).c
$(1)_objects = $$(patsubst %.c,%.o,$$($(1)_SOURCES))
tercet_objects += $$($(1)_objects)
$(1).so: $$($(1)_objects)
	$$(CC) $$(TERCET_FLAGS) $$(CFLAGS) $$(LDFLAGS) -shared -o $$@ $$($(1)_objects) $$($(1)_LIBS)
endef
$(foreach module,$(MODULES),$(eval $(call tercet_module,$(module))))

%.o: %.c
	$(CC) $(TERCET_FLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(wildcard *.d)

install: all
	$(INSTALL) -d "$(DESTDIR)$(TERCET_MODULEDIR)"
	$(INSTALL) -m 644 $(tercet_so) "$(DESTDIR)$(TERCET_MODULEDIR)"

uninstall:
	rm -f $(addprefix "$(DESTDIR)$(TERCET_MODULEDIR)"/,$(tercet_so))

# What the installed server is started with: the usual modules, and those of this folder.
# Others that they need: MODULE_NEEDS = ping time
TERCET_CHECK_MODULES = $(MODULE_NEEDS) $(patsubst mod_%,%,$(MODULES))
check: all
	@set -e; for script in $(sort $(wildcard *.xt)); do \
		echo "  XT      $$script"; \
		TERCET_INSTALLED='$(TERCET_FOLDERS)' TERCET_EXTRA_MODULES='$(CURDIR)' \
		TERCET_DEVSERVER_MODULES='$(TERCET_CHECK_MODULES)' TERCET_DEVSERVER_STORE=mem \
		$(TERCET_TEST) "$$script"; \
	done

clean:
	rm -f $(tercet_so) $(tercet_objects) $(tercet_objects:.o=.d)

dist_name = $(or $(DIST_NAME),$(firstword $(MODULES)))
dist:
	tar -cJf $(dist_name).tar.xz --exclude='*.o' --exclude='*.d' --exclude='*.so' \
		--exclude=$(dist_name).tar.xz --transform='s,^\./,$(dist_name)/,' ./*

.PHONY: all install uninstall check clean dist
