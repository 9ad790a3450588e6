/* SPDX-License-Identifier: MIT */
/* The test says which kernel it is. */
#ifndef FAKE_LINUX_VERSION_H
#define FAKE_LINUX_VERSION_H

#define KERNEL_VERSION(major, minor, patch) (((major) << 16) + ((minor) << 8) + (patch))
#define LINUX_VERSION_CODE                  FAKE_LINUX

#endif
