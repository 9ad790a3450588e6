// SPDX-License-Identifier: MIT
/*
 * Text on the firmware's framebuffer, for reports after which the machine stops. The first page appears line by line. Then the whole
 * report can be paged through, by keys if there is a keyboard controller, otherwise by time.
 */
#ifndef TRAPLINE_SCREEN_H
#define TRAPLINE_SCREEN_H

#include <stdbool.h>

/* Maps the framebuffer of boot_info. Without one, or with `screen = off`, the other functions do nothing. */
void screen_init(void);

/* Clears the screen. From here on screen_line() draws, and the guest's picture is gone. */
void screen_take(void);

/* Draws one line, without its newline; long lines wrap. */
void screen_line(const char *line);

/*
 * Polls keyboard and clock once, and turns the page if needed. The CPU that has reported calls it in a loop.
 * Returns false if the whole report fits on the screen.
 */
bool screen_browse(void);

#endif
