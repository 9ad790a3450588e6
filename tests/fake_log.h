// SPDX-License-Identifier: MIT
/* A log for the tests on the host of what is printed in it: nobody else prints, and it has room. */
#ifndef TRAPLINE_FAKE_LOG_H
#define TRAPLINE_FAKE_LOG_H

#include "log/log.h"

void log_lock(void)
{
}

void log_unlock(void)
{
}

bool log_waits(void)
{
	return false;
}

uint32_t log_room(void)
{
	return UINT32_MAX;
}

#endif
