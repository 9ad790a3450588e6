/* SPDX-License-Identifier: MIT */
/* What guest-tools/module uses of Linux's headers, for the host. */
#ifndef FAKE_LINUX_KERNEL_H
#define FAKE_LINUX_KERNEL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

typedef uint64_t u64;
typedef int64_t s64;

#define scnprintf    snprintf /* no text is cut here */
#define pr_warn(...) fake_warn(__VA_ARGS__)
__attribute__((format(printf, 1, 2))) void fake_warn(const char *format, ...);

#endif
