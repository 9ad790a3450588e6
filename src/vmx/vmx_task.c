#include "vmx/vmx.h"
void vmx_task_switch(struct cpu *cpu)
{
}
