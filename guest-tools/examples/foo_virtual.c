// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include "../common/call_vmm.h"
int main (int argc, char **argv)
{
call_vmm_function_t f;
call_vmm_arg_t a;
call_vmm_ret_t r;
char buf[] = "abc";
printf("buf: %s\n",buf);
CALL_VMM_GET_FUNCTION ("foo", &f);
if (!call_vmm_function_callable (&f)) {
fprintf (stderr, "vmmcall \"foo\" failed\n");
exit (1);
}
a.rbx = (unsigned long)buf;
a.rcx = 3;
call_vmm_call_function (&f, &a, &r);
printf("buf: %s\n",buf);
return 0;
}
