# The guest's side of the VMCALL interface.
.PHONY: guest-tools
guest-tools:
