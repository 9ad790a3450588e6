// SPDX-License-Identifier: MIT
#include <efi.h>
#include <trapline/services.h>

#include "lib/array.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/printf.h"
#include "lib/string.h"

EFI_SYSTEM_TABLE *guest_firmware;
EFI_HANDLE guest_image;

#define OPTIONS_MAX 512

static char options[OPTIONS_MAX];

/*
 * The firmware passes load options as UCS-2, or anything if it made the boot entry itself: a
 * character that is not ASCII ends them.
 */
static void options_read(void)
{
	EFI_GUID guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
	EFI_LOADED_IMAGE *image = NULL;
	EFI_STATUS status;
	size_t count;

	status = guest_firmware->BootServices->HandleProtocol(guest_image, &guid, (void **)&image);
	if (EFI_ERROR(status) || !image->LoadOptions)
		return;
	count = image->LoadOptionsSize / sizeof(CHAR16);
	for (size_t i = 0; i < count && i < OPTIONS_MAX - 1; i++) {
		CHAR16 c = ((const CHAR16 *)image->LoadOptions)[i];

		if (c < 0x20 || c > 0x7e)
			break;
		options[i] = c;
	}
}

/* The length of `word` up to one of the characters in `stops`, or up to its end. */
static size_t span(const char *text, char stop)
{
	size_t n = 0;

	while (text[n] && text[n] != stop)
		n++;
	return n;
}

static bool starts(const char *text, const char *with)
{
	while (*with)
		if (*text++ != *with++)
			return false;
	return true;
}

static const char *find(const char *list, const char *word, char separator, char after)
{
	size_t length = span(word, '\0');

	while (*list) {
		if (starts(list, word) && (list[length] == after || (!after && list[length] == separator)))
			return list + length;
		list += span(list, separator);
		list += *list != '\0';
	}
	return NULL;
}

bool guest_option(const char *word)
{
	return find(options, word, ' ', '\0') != NULL;
}

const char *guest_value(const char *key)
{
	static char value[OPTIONS_MAX];
	const char *at = find(options, key, ' ', '=');
	size_t n;

	if (!at)
		return NULL;
	n = span(at + 1, ' ');
	for (size_t i = 0; i < n; i++)
		value[i] = at[1 + i];
	value[n] = '\0';
	return value;
}

bool guest_listed(const char *list, const char *name)
{
	return list && find(list, name, ',', '\0');
}

void guest_reset(EFI_RESET_TYPE how)
{
	guest_firmware->RuntimeServices->ResetSystem(how, EFI_SUCCESS, 0, NULL);
}

static void brand_read(char brand[49])
{
	for (unsigned i = 0; i < 3; i++) {
		struct cpuid r = cpuid(0x80000002 + i, 0);
		const uint32_t words[] = {r.eax, r.ebx, r.ecx, r.edx};

		for (unsigned j = 0; j < 16; j++)
			brand[i * 16 + j] = words[j / 4] >> (j % 4 * 8);
	}
	brand[48] = '\0';
}

unsigned guest_emulator(void)
{
	static const struct {
		const char *brand;
		unsigned emulator;
	} known[] = {
		{"QEMU", EMU_QEMU},
		{"AMD EPYC Processor", EMU_QEMU},
		{"AMD Ryzen 7 1700", EMU_BOCHS_SVM},
		{"Intel(R) Core(TM) i7-7800X", EMU_BOCHS_VMX},
	};
	char brand[49];

	brand_read(brand);
	for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
		if (starts(brand, known[i].brand))
			return known[i].emulator;
	return 0;
}

bool guest_under_trapline(void)
{
	struct cpuid r = cpuid(0x40000000, 0);

	/* "TraplineVMM\0" in EBX, ECX, EDX */
	return r.ebx == 0x70617254 && r.ecx == 0x656e696c && r.edx == 0x004d4d56;
}

void *guest_page_at(uint64_t address, const void *otherwise)
{
	EFI_PHYSICAL_ADDRESS at = address;

	return EFI_ERROR(guest_firmware->BootServices->AllocatePages(AllocateAddress, EfiLoaderData, 1, &at))
		       ? (void *)otherwise
		       : (void *)address;
}

#define LINE_MAX 200
#define DONE_OK  " status=ok"

static int64_t call(int64_t number, const void *at, uint64_t size, int64_t answer)
{
	uint64_t rdx = 0, rdi = 0;

	__asm__ volatile("vmcall"
			 : "+a"(number), "+b"(at), "+c"(size), "+d"(rdx), "+S"(answer), "+D"(rdi)
			 :
			 : "memory");
	return number;
}

/* The pieces of an answer end anywhere. Keeps the last line, which is the status. */
static void take_answer(const char *word, const char *text, size_t n, char *line, size_t *used)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\n') {
			line[*used] = '\0';
			if (word && *used)
				print("%s %s\n", word, line);
			*used = 0;
		} else if (*used < LINE_MAX - 1) {
			line[(*used)++] = text[i];
		}
	}
}

bool guest_command(const char *word, const char *command)
{
	static char text[256], line[LINE_MAX];
	int64_t answer, n;
	size_t used = 0;

	if (!guest_under_trapline())
		return false;
	answer = call(TRAPLINE_CALL_command, command, strlen(command), 0);
	line[0] = '\0';
	while (answer > 0 && (n = call(TRAPLINE_CALL_answer, text, sizeof(text), answer)) > 0)
		take_answer(word, text, (size_t)n, line, &used);
	used = strlen(line);
	return used > strlen(DONE_OK) && !strcmp(line + used - strlen(DONE_OK), DONE_OK);
}

static bool told;

static void tell_watch(const char *access, size_t length, const void *at, uint64_t size)
{
	char letters[8] = "", command[80];

	memcpy(letters, access, length < sizeof(letters) ? length : sizeof(letters) - 1);
	snprintf(command, sizeof(command), "watch add %s 0x%lx/%lu rate=5", letters, (uint64_t)at, size);
	print("watched command=\"%s\"\n", command);
	told = guest_option("operator");
	if (!told && guest_under_trapline() && !guest_command(NULL, command))
		print("watched status=refused\n");
}

#define COM1_STATUS     0x3fd
#define COM1_DATA       0x3f8
#define DATA_READY      1
#define KEYBOARD_STATUS 0x64

void guest_wait_for_watches(void)
{
	if (!told)
		return;
	print("watch ready\n");
	while (!(inb(COM1_STATUS) & DATA_READY))
		inb(KEYBOARD_STATUS); /* exits, so that the console answers: interrupts may be off here */
	inb(COM1_DATA);
	print("watch go\n");
}

void guest_watch(const char *what, const void *at, uint64_t size)
{
	const char *list = guest_value("watched");
	size_t n = strlen(what);

	for (; list && *list; list++) {
		size_t end = 0;

		while (list[end] && list[end] != ',' && list[end] != ' ')
			end++;
		if (end > n && !strncmp(list, what, n) && list[n] == ':')
			tell_watch(list + n + 1, end - n - 1, at, size);
		list += end;
		if (*list != ',')
			break;
	}
}

void guest_freeze(void)
{
	int64_t result = TRAPLINE_CALL_freeze;

	if (!guest_option("freeze"))
		return;
	__asm__ volatile("vmcall" : "+a"(result) : "b"(60ull) : "memory");
	print("freeze result=%ld\n", result);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *firmware);

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *firmware)
{
	EFI_STATUS status;

	guest_image = image;
	guest_firmware = firmware;
	options_read();
	print("start name=%s\n", guest_name);
	status = guest_main();
	print("end name=%s\n", guest_name);
	if (guest_option("poweroff"))
		guest_reset(EfiResetShutdown);
	return status;
}
