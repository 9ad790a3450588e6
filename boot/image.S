// SPDX-License-Identifier: MIT
/* The VMM's image, as data of the loader. VMM_BIN comes from boot/build.mk. */
	.section .rodata
	.balign 4096
	.globl vmm_blob, vmm_blob_end
	.hidden vmm_blob, vmm_blob_end
vmm_blob:
	.incbin VMM_BIN
vmm_blob_end:

	.section .note.GNU-stack, "", @progbits
