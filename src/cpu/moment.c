#include "cpu/moment.h"
#include "vendor.h"

/* Before the first CPU is beneath the guest what is held back is the firmware's business. */
static void let_in(bool on)
{
	if (vendor && vendor->let_in && atomic_load(&cpus_active))
		vendor->let_in(on);
}

void moment_open(void)
{
	let_in(true);
}

void moment_close(void)
{
	let_in(false);
}

void moment(void)
{
	moment_open();
	cpu_pause();
	moment_close();
}
