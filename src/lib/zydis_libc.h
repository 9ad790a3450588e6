// SPDX-License-Identifier: MIT
/*
 * The functions of a C library that Zydis needs (ZYAN_CUSTOM_LIBC). These are the compiler's own, because Zycore's replacements copy byte
 * by byte.
 */
#ifndef TRAPLINE_ZYDIS_LIBC_H
#define TRAPLINE_ZYDIS_LIBC_H

#define ZYAN_MEMCPY __builtin_memcpy
#define ZYAN_MEMSET __builtin_memset
#define ZYAN_STRLEN __builtin_strlen

#endif
