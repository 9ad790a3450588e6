// SPDX-License-Identifier: MIT
/* Shim needs this of every image, with or without Secure Boot: the generation of each component. */
	.section .sbat, "a", @progbits
	.incbin "boot/sbat.csv"
	.section .note.GNU-stack, "", @progbits
