// SPDX-License-Identifier: GPL-2.0
/*
 * The newest processes that an exception of their own has ended: name, page tables and executable mappings. When
 * somebody reads the record of the exception, /proc/PID/maps is gone.
 */
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/tracepoint.h>
#include <linux/version.h>
#include <linux/vmalloc.h>

#include "trapline_module.h"

#define ENDED          16
#define PATH_SHOWN_MAX 512

static struct trapline_ended *ended; /* ENDED entries; count is the number ever */
static unsigned int count;
static char path_room[PATH_SHOWN_MAX];
static DEFINE_SPINLOCK(lock);
static struct tracepoint *delivers;

/* Appends one line in the format of /proc/PID/maps; false: no room. A path that is too long is omitted. */
static bool add_map(struct trapline_ended *e, size_t *length, const struct vm_area_struct *vma)
{
	size_t room = sizeof(e->maps) - *length;
	char *path = vma->vm_file ? file_path(vma->vm_file, path_room, sizeof(path_room)) : "";
	int n;

	if (IS_ERR(path))
		path = "";
	if (KSTK_EIP(current) >= vma->vm_start && KSTK_EIP(current) < vma->vm_end)
		trapline_names_process(e->pid, vma->vm_start, vma->vm_end - vma->vm_start,
			(u64)vma->vm_pgoff << PAGE_SHIFT, path);
	n = snprintf(e->maps + *length, room, "%lx-%lx r-xp %llx 0:0 0 %s\n", vma->vm_start, vma->vm_end,
		(u64)vma->vm_pgoff << PAGE_SHIFT, path);
	if (n >= room) {
		e->maps[*length] = '\0';
		return false;
	}
	*length += n;
	return true;
}

/* Only executable mappings, because RIP is in one of them. */
static void add_maps(struct trapline_ended *e, struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	size_t length = 0;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)
	VMA_ITERATOR(each, mm, 0);

	for_each_vma(each, vma)
#else
	for (vma = mm->mmap; vma; vma = vma->vm_next)
#endif
		if (vma->vm_flags & VM_EXEC && !add_map(e, &length, vma)) return;
}

static void note(int sig, struct mm_struct *mm)
{
	struct trapline_ended *e;
	unsigned long flags;

	spin_lock_irqsave(&lock, flags);
	e = &ended[count++ % ENDED];
	memset(e, 0, sizeof(*e));
	e->pid = task_tgid_nr(current);
	e->signal = sig;
	e->cr3 = __pa(mm->pgd);
	memcpy(e->name, current->comm, sizeof(e->name) - 1);
	add_maps(e, mm);
	spin_unlock_irqrestore(&lock, flags);
}

static bool is_of_an_exception(int sig)
{
	return sig == SIGSEGV || sig == SIGILL || sig == SIGBUS || sig == SIGFPE || sig == SIGTRAP;
}

/*
 * Called when the kernel delivers a signal to the running process. The kernel holds a lock, so nothing here may sleep: if
 * another thread is changing the maps, they are not noted.
 */
static void on_signal(void *data, int sig, struct kernel_siginfo *info, struct k_sigaction *action)
{
	struct mm_struct *mm = current->mm;

	if (!is_of_an_exception(sig) || info->si_code <= 0 || action->sa.sa_handler != SIG_DFL || !mm ||
		!mmap_read_trylock(mm))
		return;
	note(sig, mm);
	mmap_read_unlock(mm);
}

long trapline_ended_get(struct trapline_ended *e)
{
	u32 back = e->index;
	long error = 0;

	spin_lock_irq(&lock);
	if (back < ENDED && back < count) {
		*e = ended[(count - 1 - back) % ENDED];
		e->index = back;
	} else {
		error = -ENOENT;
	}
	spin_unlock_irq(&lock);
	return error;
}

static void find(struct tracepoint *point, void *data)
{
	if (!strcmp(point->name, "signal_deliver"))
		delivers = point;
}

static int hook(void)
{
	for_each_kernel_tracepoint(find, NULL);
	return delivers ? tracepoint_probe_register(delivers, on_signal, NULL) : -ENOENT;
}

/* A kernel without tracepoints has none of their functions: only this feature is missing then. */
int trapline_ended_begin(void)
{
	int error;

	ended = vzalloc(ENDED * sizeof(*ended));
	if (!ended)
		return -ENOMEM;
	error = IS_ENABLED(CONFIG_TRACEPOINTS) ? hook() : -ENOENT;
	if (error) {
		delivers = NULL;
		pr_info("trapline: the list of ended processes is off (%d)\n", error);
	}
	return 0;
}

void trapline_ended_stop(void)
{
	if (IS_ENABLED(CONFIG_TRACEPOINTS) && delivers) {
		tracepoint_probe_unregister(delivers, on_signal, NULL);
		tracepoint_synchronize_unregister();
	}
	vfree(ended);
}
