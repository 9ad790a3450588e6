// SPDX-License-Identifier: MIT
/* trapline.efi: the order of its steps. */
#include "loader.h"
#include "hw/asm.h"
#include "version.h"

#define READ_US 3000000 /* time to read why Trapline does not run, before the next image clears the screen */

static struct loader loader;

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table);

/* Returns false if the VMM does not run, after saying why. */
static bool start_vmm(struct loader *l)
{
	if (cpu_is_guest()) {
		say("already active; not started a second time");
		return true;
	}
	screen_find(&l->screen);
	console_settle(l);
	bool active = vmm_start(l);
	if (active)
		say_through_vmm();
	else
		say_release();
	return active;
}

/* The shell puts its parameters on the handle of each image that it starts (UEFI shell specification 2.1). */
static bool from_shell(const struct loader *l)
{
	void *parameters;

	return !EFI_ERROR(BS->HandleProtocol(l->image, &ShellParametersProtocolGuid, &parameters));
}

/*
 * Without a next image the result tells the firmware what to do next. On success its boot manager stays in
 * its menu. On an error it tries the next boot option (UEFI specification 3.1.1), which then boots under Trapline.
 */
static EFI_STATUS finish(const struct loader *l, bool active)
{
	if (l->config.next[0])
		return chain_start(l);
	if (!active)
		return EFI_ABORTED;
	if (from_shell(l)) {
		say("no next image configured; returning to the shell");
		return EFI_SUCCESS;
	}
	say("no next image configured; the firmware boots its next option, with Trapline beneath it");
	return EFI_ABORTED;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table)
{
	struct loader *l = &loader;

	l->tsc_start = rdtsc();
	l->image = image;
	InitializeLib(image, table);
	say("loader version=%s", TRAPLINE_VERSION);
	config_defaults(&l->config);
	EFI_STATUS status = BS->HandleProtocol(image, &LoadedImageProtocol, (void **)&l->loaded);
	if (!EFI_ERROR(status))
		settings_load(l);
	console_find(l);
	say_open(l);
	if (EFI_ERROR(status))
		say("the firmware does not say how it loaded us (%s); booting without Trapline",
			say_status(status));
	else /* checked before the VMM takes memory, which is useless without an image to boot */
		status = chain_check(l);
	bool active = !EFI_ERROR(status) && start_vmm(l);
	if (!active)
		BS->Stall(READ_US);
	if (!EFI_ERROR(status))
		return finish(l, active);
	say_release();
	return status;
}
