// SPDX-License-Identifier: MIT
/* What Zydis wants of a C library (ZYAN_CUSTOM_LIBC): the compiler's own, because Zycore's replacements go byte by byte. */
#ifndef TRAPLINE_ZYDIS_LIBC_H
#define TRAPLINE_ZYDIS_LIBC_H

#define ZYAN_MEMCPY __builtin_memcpy
#define ZYAN_MEMSET __builtin_memset
#define ZYAN_STRLEN __builtin_strlen

#endif
