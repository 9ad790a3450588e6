// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/trapline: Trapline's services for the processes of a Linux guest. It makes calls that only kernel mode may
 * make, keeps the pages of shares in place while they are in use, and maps the rings of the
 * trace. include/trapline/device.h is the interface to processes, trapline_module.h the one to other modules.
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <trapline/device.h>

#include "trapline_module.h"
#include "version.h"

#define ARGUMENTS 5

/* The kinds of arguments, from the list of services. */
#define X(kind, errors) KIND_##kind,
enum argument_kind {
	TRAPLINE_ARGUMENTS(X)
};
#undef X

#define X(number, name, who, rbx, rcx, rdx, rsi, rdi, errors)                                                \
	[number] = {true, {KIND_##rbx, KIND_##rcx, KIND_##rdx, KIND_##rsi, KIND_##rdi}},
static const struct {
	bool there;
	u8 kind[ARGUMENTS];
} services[TRAPLINE_CALL_LIMIT] = {TRAPLINE_SERVICES(X)};
#undef X

/* What an open file refers to, once an ioctl has set it. */
struct opened {
	struct mutex lock;
	struct trapline_shared *share;
	bool owner;           /* it made the share, which ends with this file */
	u64 ring, ring_bytes; /* 0 bytes: none */
	struct trapline_cred_held held;
};

/* The argument that is a buffer to copy, and its length; -1: none. */
struct buffer_argument {
	int at;
	bool into; /* Trapline writes to it */
	u64 bytes;
};

static int find_buffer(const struct trapline_call_registers *r, struct buffer_argument *b)
{
	const u64 arg[ARGUMENTS] = {r->rbx, r->rcx, r->rdx, r->rsi, r->rdi};
	u64 number = r->rax;
	int i;

	b->at = -1;
	if (number >= TRAPLINE_CALL_LIMIT || !services[number].there)
		return -ENOSYS;
	/* Numbers are reused: only the file that has a share may close it. */
	if (number == TRAPLINE_CALL_share_close)
		return -EPERM;
	for (i = 0; i < ARGUMENTS; i++) {
		u8 kind = services[number].kind[i];

		if (kind == KIND_LIST || kind == KIND_PHYSICAL || kind == KIND_NAME)
			return -EPERM;
		if (kind == KIND_FROM || kind == KIND_INTO) {
			b->at = i;
			b->into = kind == KIND_INTO;
			b->bytes = arg[i + 1];
		}
	}
	return b->at >= 0 && b->bytes > TRAPLINE_CALL_BYTES ? -E2BIG : 0;
}

static u64 *argument(struct trapline_call_registers *r, int i)
{
	u64 *const all[ARGUMENTS] = {&r->rbx, &r->rcx, &r->rdx, &r->rsi, &r->rdi};

	return all[i];
}

/*
 * Makes the call with a kernel buffer in place of the caller's. An address in the kernel buffer is converted back to the
 * caller's, moved by the same distance; a result in the same register stays.
 */
static int call_with_buffer(struct trapline_call_registers *r, const struct buffer_argument *b)
{
	void __user *user = (void __user *)*argument(r, b->at);
	void *buffer = kvzalloc(b->bytes ? b->bytes : 1, GFP_KERNEL);
	u64 *address = argument(r, b->at);
	int error = 0;

	if (!buffer)
		return -ENOMEM;
	if (copy_from_user(buffer, user, b->bytes)) {
		error = -EFAULT;
	} else {
		*address = (u64)buffer;
		trapline_vmcall(r);
		if (*address - (u64)buffer <= b->bytes)
			*address = (u64)user + (*address - (u64)buffer);
		if (b->into && copy_to_user(user, buffer, b->bytes))
			error = -EFAULT;
	}
	kvfree(buffer);
	return error;
}

static long ioctl_call(void __user *argument_address)
{
	struct trapline_call_registers r;
	struct buffer_argument b;
	int error;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&r, argument_address, sizeof(r)))
		return -EFAULT;
	error = find_buffer(&r, &b);
	if (error)
		return error;
	if (b.at >= 0)
		error = call_with_buffer(&r, &b);
	else
		trapline_vmcall(&r);
	if (error)
		return error;
	return copy_to_user(argument_address, &r, sizeof(r)) ? -EFAULT : 0;
}

/* Called with the file's lock held. mmap() takes it under the memory map's lock, so nothing here may touch user memory. */
static long take_share(struct opened *o, struct trapline_share_request *request, bool create)
{
	struct trapline_shared *share;

	if (o->share || o->ring_bytes)
		return -EBUSY;
	share = create ? trapline_share_create(request->name, request->bytes)
		       : trapline_share_attach(request->name);
	if (IS_ERR(share))
		return PTR_ERR(share);
	o->share = share;
	o->owner = create;
	request->bytes = trapline_share_bytes(share);
	return 0;
}

static long ioctl_share(struct opened *o, void __user *argument_address, bool create)
{
	struct trapline_share_request request;
	long error;

	if (copy_from_user(&request, argument_address, sizeof(request)))
		return -EFAULT;
	if (strnlen(request.name, sizeof(request.name)) == sizeof(request.name))
		return -EINVAL;
	mutex_lock(&o->lock);
	error = take_share(o, &request, create);
	mutex_unlock(&o->lock);
	if (error)
		return error;
	return copy_to_user(argument_address, &request, sizeof(request)) ? -EFAULT : 0;
}

/* The same locking rule as take_share(). */
static long take_ring(struct opened *o, struct trapline_ring_request *request)
{
	struct trapline_call_registers r = {.rax = TRAPLINE_CALL_trace_map, .rbx = request->cpu};

	if (o->share || o->ring_bytes)
		return -EBUSY;
	if (trapline_vmcall(&r) < 0)
		return -ENODEV;
	o->ring = r.rbx;
	o->ring_bytes = request->bytes = r.rcx;
	return 0;
}

static long ioctl_ring(struct opened *o, void __user *argument_address)
{
	struct trapline_ring_request request;
	long error;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&request, argument_address, sizeof(request)))
		return -EFAULT;
	if (request.reserved)
		return -EINVAL;
	mutex_lock(&o->lock);
	error = take_ring(o, &request);
	mutex_unlock(&o->lock);
	if (error)
		return error;
	return copy_to_user(argument_address, &request, sizeof(request)) ? -EFAULT : 0;
}

static long ioctl_ended(void __user *argument_address)
{
	struct trapline_ended *e = kmalloc(sizeof(*e), GFP_KERNEL);
	long error;

	if (!e)
		return -ENOMEM;
	if (!capable(CAP_SYS_ADMIN))
		error = -EPERM;
	else if (copy_from_user(&e->index, argument_address, sizeof(e->index)))
		error = -EFAULT;
	else
		error = trapline_ended_get(e);
	if (!error && copy_to_user(argument_address, e, sizeof(*e)))
		error = -EFAULT;
	kfree(e);
	return error;
}

static long ioctl_cred(struct opened *o, void __user *argument_address)
{
	struct trapline_cred_held held, before;
	struct trapline_cred c;
	long error;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&c, argument_address, sizeof(c)))
		return -EFAULT;
	if (c.reserved)
		return -EINVAL;
	error = trapline_cred_get(&c, &held);
	if (error)
		return error;
	mutex_lock(&o->lock);
	before = o->held;
	o->held = held;
	mutex_unlock(&o->lock);
	trapline_cred_drop(&before);
	return copy_to_user(argument_address, &c, sizeof(c)) ? -EFAULT : 0;
}

static long device_ioctl(struct file *file, unsigned int command, unsigned long value)
{
	void __user *argument_address = (void __user *)value;
	struct opened *o = file->private_data;

	switch (command) {
	case TRAPLINE_IOCTL_CALL:
		return ioctl_call(argument_address);
	case TRAPLINE_IOCTL_SHARE_CREATE:
	case TRAPLINE_IOCTL_SHARE_ATTACH:
		return ioctl_share(o, argument_address, command == TRAPLINE_IOCTL_SHARE_CREATE);
	case TRAPLINE_IOCTL_RING:
		return ioctl_ring(o, argument_address);
	case TRAPLINE_IOCTL_ENDED:
		return ioctl_ended(argument_address);
	case TRAPLINE_IOCTL_CRED:
		return ioctl_cred(o, argument_address);
	default:
		return -ENOTTY;
	}
}

/* Trapline makes the ring read-only; a writable mapping would only fault later. */
static int map_ring(struct opened *o, struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_WRITE)
		return -EACCES;
	if (vma->vm_pgoff || vma->vm_end - vma->vm_start > o->ring_bytes)
		return -EINVAL;
	trapline_forbid_write(vma);
	return remap_pfn_range(
		vma, vma->vm_start, o->ring >> PAGE_SHIFT, vma->vm_end - vma->vm_start, vma->vm_page_prot);
}

/* The mapping holds the file, and the file holds the share: so its pages outlive every mapping. */
static int device_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct opened *o = file->private_data;
	int result = -ENXIO;

	mutex_lock(&o->lock);
	if (o->share)
		result = trapline_share_mmap(o->share, vma);
	else if (o->ring_bytes)
		result = map_ring(o, vma);
	mutex_unlock(&o->lock);
	return result;
}

static int device_open(struct inode *inode, struct file *file)
{
	struct opened *o = kzalloc(sizeof(*o), GFP_KERNEL);

	if (!o)
		return -ENOMEM;
	mutex_init(&o->lock);
	file->private_data = o;
	return 0;
}

static int device_release(struct inode *inode, struct file *file)
{
	struct opened *o = file->private_data;

	if (o->share && o->owner)
		trapline_share_end(o->share);
	if (o->share)
		trapline_share_put(o->share);
	trapline_cred_drop(&o->held);
	kfree(o);
	return 0;
}

static const struct file_operations device_operations = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl, /* the structures are the same for 32-bit processes */
	.mmap = device_mmap,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "trapline",
	.mode = 0600,
	.fops = &device_operations,
};

/* The next kernel will own this kernel's pages: Trapline must have none of them by then. */
static int before_reboot(struct notifier_block *block, unsigned long action, void *data)
{
	trapline_share_end_all();
	return NOTIFY_DONE;
}

static struct notifier_block reboot_notifier = {.notifier_call = before_reboot};

static int __init trapline_init(void)
{
	int error;

	if (!trapline_present()) {
		pr_err("trapline: there is no Trapline beneath this system\n");
		return -ENODEV;
	}
	trapline_share_forget();
	error = trapline_ended_begin();
	if (error)
		return error;
	error = misc_register(&device);
	if (error) {
		trapline_ended_stop();
		return error;
	}
	register_reboot_notifier(&reboot_notifier);
	trapline_panic_begin();
	trapline_exec_begin();
	trapline_names_begin();
	trapline_process_begin();
	return 0;
}

static void __exit trapline_exit(void)
{
	trapline_names_stop();
	trapline_exec_stop();
	trapline_process_stop();
	trapline_panic_stop();
	unregister_reboot_notifier(&reboot_notifier);
	misc_deregister(&device);
	trapline_ended_stop();
	trapline_share_end_all();
}

module_init(trapline_init);
module_exit(trapline_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_VERSION(TRAPLINE_VERSION);
MODULE_DESCRIPTION("Trapline's services: the trace, statistics, shares and the operator's console");
