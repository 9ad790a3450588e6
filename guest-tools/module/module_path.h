/* SPDX-License-Identifier: GPL-2.0 */
/* What fits of a path into a mark. Tested on the host, so it includes nothing of the kernel's. */
#ifndef TRAPLINE_MODULE_PATH_H
#define TRAPLINE_MODULE_PATH_H

#define PATH_CUT "..."

/* The end of a path names the file: of `length` bytes, how many at the front are left out behind PATH_CUT so that `room` are not exceeded. */
static inline unsigned long path_left_out(unsigned long length, unsigned long room)
{
	const unsigned long cut = sizeof(PATH_CUT) - 1;

	if (length <= room)
		return 0;
	return room > cut ? length - (room - cut) : length;
}

#endif
