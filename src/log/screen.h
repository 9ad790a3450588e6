/*
 * Text on the firmware's framebuffer, for reports that end everything. The first page is there as the lines come; the whole
 * report can be paged through, by a key where there is a keyboard controller, else by time.
 */
#ifndef TRAPLINE_SCREEN_H
#define TRAPLINE_SCREEN_H

#include <stdbool.h>

/* Maps the framebuffer that boot_info names. Without one, or with `screen = off`, the rest does nothing. */
void screen_init(void);

/* Clears it. From here on screen_line() writes: the guest has had its last picture. */
void screen_take(void);

/* One line, without its end; wraps. */
void screen_line(const char *line);

/*
 * Polls keyboard and clock once, and turns the page if one says so. The CPU that has reported calls it in a loop.
 * Returns false where the whole report fits on the screen.
 */
bool screen_browse(void);

#endif
