#ifndef TRAPLINE_ARRAY_H
#define TRAPLINE_ARRAY_H

/* How many elements an array has; not for pointers. */
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
