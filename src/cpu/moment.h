/*
 * The VMM's waits, on a CPU that is beneath the guest. AMD-V holds SMIs, NMIs and machine checks back while the VMM runs (APM vol. 2
 * 15.17): the firmware's SMM handlers wait for all CPUs, and what a wait would keep from them stops the machine.
 */
#ifndef TRAPLINE_MOMENT_H
#define TRAPLINE_MOMENT_H

/* What the vendor holds back is let in, and held back again. Nothing else comes: interrupts stay off. */
void moment_open(void);
void moment_close(void);

/* One turn of a loop that waits for another CPU, or for a device. */
void moment(void);

#endif
