// SPDX-License-Identifier: MIT
#include "trapctl.h"

#include <stdio.h>
#include <string.h>
#include "version.h"

const char *about(const char *name, char value[ABOUT_MAX])
{
	char text[TRAPLINE_TEXT_MAX + 1];
	size_t length = strlen(name);
	char *rest = text;

	*value = '\0';
	if (trapline_about(text, sizeof(text)) < 0)
		return value;
	for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		if (!strncmp(word, name, length) && word[length] == '=')
			snprintf(value, ABOUT_MAX, "%s", word + length + 1);
	return value;
}

const char *trapctl_version(void)
{
	return TRAPLINE_VERSION;
}

int command_version(int argc, char **argv)
{
	char version[ABOUT_MAX], backend[ABOUT_MAX];

	if (argc > 1)
		return usage(argv[0]);
	about("version", version);
	about("backend", backend);
	if (json) {
		print_fields("version trapctl=\"%s\" trapline=\"%s\" backend=\"%s\"", TRAPLINE_VERSION,
			version, backend);
		return STATUS_OK;
	}
	printf("trapctl %s\n", TRAPLINE_VERSION);
	if (*version)
		printf("trapline %s, backend %s\n", version, backend);
	else
		printf("%s\n", trapline_present() ? "trapline of another version" : "no trapline");
	return STATUS_OK;
}
