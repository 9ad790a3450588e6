// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <inttypes.h>
#include <sys/mman.h>
// http://stackoverflow.com/a/28987409
uintptr_t vtop(uintptr_t vaddr) {
FILE *pagemap;
intptr_t paddr = 0;
int offset = (vaddr / sysconf(_SC_PAGESIZE)) * sizeof(uint64_t);
uint64_t e;
// https://www.kernel.org/doc/Documentation/vm/pagemap.txt
if ((pagemap = fopen("/proc/self/pagemap", "r"))) {
if (lseek(fileno(pagemap), offset, SEEK_SET) == offset) {
if (fread(&e, sizeof(uint64_t), 1, pagemap)) {
if (e & (1ULL << 63)) { // page present ?
paddr = e & ((1ULL << 54) - 1); // pfn mask
paddr = paddr * sysconf(_SC_PAGESIZE);
// add offset within page
paddr = paddr | (vaddr & (sysconf(_SC_PAGESIZE) - 1));
}
}
}
fclose(pagemap);
}
return paddr;
}
int main(){
char *buf;
unsigned callnum;
uintptr_t phys;
unsigned len = sysconf(_SC_PAGESIZE);
buf = (char *)malloc(len);
if(buf == NULL){
printf("malloc failed\n");
return 1;
}
mlock(buf, len);
phys = vtop((uintptr_t)buf);
buf[0] = 'a'; buf[1] = 'b'; buf[2] = 'c'; buf[3] = '\0';
printf("buf: %s\n",buf);
asm volatile ("vmcall"
: "=a" (callnum)
: "a" (0), "b" ("foo"));
if (callnum == 0) {
printf ("vmcall foo failed.\n");
return 1;
}
asm volatile ("vmcall"
:
: "a" (callnum), "b" (phys)
, "c" (len));
printf("buf: %s\n",buf);
munlock(buf, len);
free(buf);
return 0;
}
