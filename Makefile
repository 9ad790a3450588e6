# SPDX-License-Identifier: MIT
# Trapline. `make help` lists the targets for people; each folder's build.mk builds its part.
BUILD   := build
VERSION := $(shell tools/version)

CC      := gcc
HOSTCC  := gcc
NASM    := nasm
LD      := ld
OBJCOPY := objcopy

# The headers of two packages.
EFI_H    := /usr/include/efi/efi.h
ZYCORE_H := /usr/include/Zycore/Zycore.h

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla \
        -Wpointer-arith -Wwrite-strings -Wno-unused-parameter

# Output in two columns: the action and its target.
ifeq ($(V),1)
  Q :=
  say = @:
else
  Q := @
  say = @printf '  %-8s %s\n' $(1) $(2)
endif

# Without the packages the first error would be a missing header. These targets need none of them, or install what is missing.
SELF_SUFFICIENT := deps run test usb bench help clean dist uninstall install-dkms
# These run in guests as well, where nobody wants the packages that build the VMM.
FOR_GUESTS := guest-tools trapline-decode install-guest-tools
GOALS      := $(filter-out $(SELF_SUFFICIENT),$(or $(MAKECMDGOALS),all))
MISSING    := $(if $(GOALS),$(if $(wildcard /usr/include/elfutils/libdwfl.h),,libdw-dev))
ifneq ($(filter-out $(FOR_GUESTS),$(GOALS)),)
  MISSING += $(if $(wildcard $(EFI_H)),,gnu-efi) $(if $(shell command -v $(NASM)),,nasm) \
             $(if $(wildcard $(ZYCORE_H)),,libzycore-dev)
endif
ifneq ($(strip $(MISSING)),)
  $(error not installed: $(strip $(MISSING)). `make deps` installs all that is needed)
endif

.PHONY: all
all: efi guest-tools ## build build/trapline.efi and the guest tools, which `make` alone does as well

include src/build.mk
include boot/build.mk
include guest-tools/build.mk
include ship/build.mk
include docs/build.mk
include tests/unit/build.mk
include tests/fuzz/build.mk
include tests/guests/build.mk
include tests/machine/build.mk

.PHONY: help clean
help: ## list these targets
	@tools/help $(MAKEFILE_LIST)

clean: ## remove what was built
	$(Q)rm -rf $(BUILD)
