/* SPDX-License-Identifier: GPL-2.0 */
/* Shortens a path so that it fits into a mark. Tested on the host, so it includes no header of the kernel. */
#ifndef TRAPLINE_MODULE_PATH_H
#define TRAPLINE_MODULE_PATH_H

#define PATH_CUT "..."

/*
 * The end of a path names the file, so the front is cut. Returns how many of `length` bytes PATH_CUT replaces, so that the rest fits into
 * `room`.
 */
static inline unsigned long path_left_out(unsigned long length, unsigned long room)
{
	const unsigned long cut = sizeof(PATH_CUT) - 1;

	if (length <= room)
		return 0;
	return room > cut ? length - (room - cut) : length;
}

#endif
