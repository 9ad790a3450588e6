/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VICTIM_H
#define VICTIM_H

char *victim_name(void); /* 16 bytes */

#endif
