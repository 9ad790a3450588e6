// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include "../common/call_vmm.h"
int
main (int argc, char **argv)
{
call_vmm_function_t f;
call_vmm_arg_t a;
call_vmm_ret_t r;
CALL_VMM_GET_FUNCTION ("foo", &f);
if (!call_vmm_function_callable (&f)) {
fprintf (stderr, "vmmcall \"foo\" failed\n");
exit (1);
}
a.rbx = (long)1;
a.rcx = (long)2;
a.rdx = (long)3;
call_vmm_call_function (&f, &a, &r);
printf("ret: %ld\n", r.rax);
return 0;
}
