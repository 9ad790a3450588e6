/* What shim asks of an image, with Secure Boot or without: the generation of each component. */
	.section .sbat, "a", @progbits
	.incbin "boot/sbat.csv"
	.section .note.GNU-stack, "", @progbits
