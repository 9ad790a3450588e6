// SPDX-License-Identifier: MIT
/* Included by every unit test: cmocka, which needs these four headers before its own. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "lib/array.h"

#endif
