# SPDX-License-Identifier: MIT
# What leaves this folder: make install and uninstall, make dist, make deb.
SHIP := $(BUILD)/ship

# Where things go, as the GNU coding standards name the folders. DESTDIR is put in front of each.
prefix      ?= /usr/local
exec_prefix ?= $(prefix)
bindir      ?= $(exec_prefix)/bin
sbindir     ?= $(exec_prefix)/sbin
libdir      ?= $(exec_prefix)/lib
includedir  ?= $(prefix)/include
datadir     ?= $(prefix)/share
mandir      ?= $(datadir)/man
docdir      ?= $(datadir)/doc/trapline
completions ?= $(datadir)/bash-completion/completions
pkglibdir   := $(exec_prefix)/lib/trapline
# DKMS looks for sources here, whatever the prefix is.
dkmsdir     ?= /usr/src/trapline-$(VERSION)

# MODE:SOURCE:DESTINATION of each file; a destination that ends in / keeps the name.
MAN_PAGES   := $(wildcard guest-tools/*/*.[1-8] docs/man/*.[1-8])
GUEST_FILES := 755:$(TOOLS)/bin/trapctl:$(bindir)/ 755:$(TOOLS)/bin/trapline-decode:$(bindir)/ \
               644:$(TOOLS)/libtrapline.a:$(libdir)/ 644:$(SHIP)/trapline.pc:$(libdir)/pkgconfig/ \
               644:guest-tools/lib/trapline.h:$(includedir)/ \
               $(foreach f,$(wildcard include/trapline/*.h),644:$(f):$(includedir)/trapline/) \
               $(foreach f,$(MAN_PAGES),644:$(f):$(mandir)/man$(subst .,,$(suffix $(f)))/) \
               644:guest-tools/trapctl/trapctl.bash:$(completions)/trapctl \
               644:guest-tools/decode/trapline-decode.bash:$(completions)/trapline-decode \
               644:guest-tools/formats/trapline.lnav.json:$(datadir)/trapline/ \
               755:tools/kernel-map:$(pkglibdir)/ \
               $(foreach f,LICENSE NOTICE README.md CHANGELOG.md SECURITY.md CONTRIBUTING.md $(wildcard docs/*.md),644:$(f):$(docdir)/$(dir $(filter docs/%,$(f)))) \
               $(foreach f,$(wildcard docs/pictures/*.svg),644:$(f):$(docdir)/docs/pictures/)
HOST_FILES  := 644:$(BUILD)/trapline.efi:$(pkglibdir)/ 644:boot/trapline.conf.example:$(pkglibdir)/ \
               755:$(SHIP)/trapline-install:$(sbindir)/ 644:ship/trapline-install.bash:$(completions)/trapline-install
DKMS_FILES  := $(foreach f,$(filter-out %/dkms.conf,$(wildcard guest-tools/module/*)) $(BUILD)/version.h,644:$(f):$(dkmsdir)/) \
               644:$(SHIP)/dkms.conf:$(dkmsdir)/ 644:LICENSE:$(dkmsdir)/ \
               $(foreach f,$(wildcard include/trapline/*.h),644:$(f):$(dkmsdir)/include/trapline/)

$(SHIP)/%: ship/%.in $(BUILD)/version.h
	@mkdir -p $(@D)
	$(Q)sed 's#@VERSION@#$(VERSION)#; s#@prefix@#$(prefix)#; s#@libdir@#$(libdir)#; s#@includedir@#$(includedir)#' $< > $@
	$(Q)$(if $(findstring trapline-install,$@),chmod 755 $@)

# The version as dh_dkms writes it there.
$(SHIP)/dkms.conf: guest-tools/module/dkms.conf $(BUILD)/version.h
	@mkdir -p $(@D)
	$(Q)sed 's/#MODULE_VERSION#/$(VERSION)/' $< > $@

.PHONY: install install-guest-tools install-dkms uninstall
install: all $(SHIP)/trapline-install install-guest-tools ## install all of it: prefix=/usr/local, DESTDIR=
	$(Q)ship/files install "$(DESTDIR)" $(HOST_FILES)

install-guest-tools: guest-tools $(SHIP)/trapline.pc ## install what a guest needs: trapctl, trapline-decode, the library
	$(Q)ship/files install "$(DESTDIR)" $(GUEST_FILES)

install-dkms: $(SHIP)/dkms.conf $(BUILD)/version.h ## copy the kernel module's source to /usr/src/trapline-VERSION, for DKMS
	$(Q)ship/files install "$(DESTDIR)" $(DKMS_FILES)

uninstall: ## remove what make install has installed, with the same prefix= and DESTDIR=
	$(Q)ship/files uninstall "$(DESTDIR)" $(GUEST_FILES) $(HOST_FILES) $(DKMS_FILES)

# The source that a tarball takes along: Zydis' own tarball, as Debian has it.
$(BUILD)/zydis_4.0.0.orig.tar.gz: tools/fetch-zydis.sh
	$(call say,FETCH,$@)
	$(Q)tools/fetch-zydis.sh --tarball $@

TARBALL := $(BUILD)/dist/trapline-$(VERSION).tar.xz

.PHONY: dist
dist: $(BUILD)/zydis_4.0.0.orig.tar.gz ## build/dist/trapline-VERSION.tar.xz, the source; twice the same bytes
	$(Q)ship/dist $(TARBALL) $<

.PHONY: deb
deb: dist ## build/deb/*.deb: trapline, trapline-dkms, libtrapline-dev
	$(Q)ship/deb $(TARBALL) $(BUILD)/deb

.PHONY: test-deb
test-deb: deb ## install, use and purge the packages in a Debian root (downloads 150 MB once; 3 minutes, then 2)
	$(Q)ship/test-deb $(BUILD)/deb $(TARBALL)
