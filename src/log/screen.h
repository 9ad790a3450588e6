/*
 * Text on the firmware's framebuffer, for reports that end everything. Only from the top down: what comes
 * first matters most, and nobody is there to scroll.
 */
#ifndef TRAPLINE_SCREEN_H
#define TRAPLINE_SCREEN_H

#include <stdbool.h>

/* Maps the framebuffer that boot_info names. Without one, or with `screen = off`, the rest does nothing. */
void screen_init(void);

/* Clears it. From here on screen_line() writes: the guest has had its last picture. */
void screen_take(void);

/* One line, without its end; wraps. What is below the last row is dropped, and the last row says so. */
void screen_line(const char *line);

#endif
