// SPDX-License-Identifier: GPL-2.0
/*
 * Shares: named pages of this kernel. Trapline and its operator access them between share_open and
 * share_close. share_close comes first; the pages are freed after it.
 */
#include <linux/io.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "trapline_module.h"

#define BYTES_MAX (16u << 20)

struct trapline_shared {
	struct kref users;
	struct list_head list; /* empty: the share has ended */
	char name[TRAPLINE_SHARE_NAME];
	u64 bytes;
	unsigned int pages;
	struct page **page;
	void *address;
	s64 number; /* Trapline's number */
};

static LIST_HEAD(shares);
static DEFINE_MUTEX(lock);
static bool closed;           /* under the lock: the system is shutting down */
static unsigned int existing; /* shares with pages, including those that have ended but are still mapped */

static void free_pages_of(struct trapline_shared *s)
{
	unsigned int i;

	for (i = 0; i < s->pages; i++)
		if (s->page[i])
			__free_page(s->page[i]);
	kvfree(s->page);
	kfree(s);
}

static struct trapline_shared *make(const char *name, u64 bytes)
{
	struct trapline_shared *s = kzalloc(sizeof(*s), GFP_KERNEL);
	unsigned int i;

	if (!s)
		return NULL;
	kref_init(&s->users);
	INIT_LIST_HEAD(&s->list);
	strscpy(s->name, name, sizeof(s->name));
	s->bytes = PAGE_ALIGN(bytes);
	s->pages = s->bytes >> PAGE_SHIFT;
	s->page = kvcalloc(s->pages, sizeof(*s->page), GFP_KERNEL_ACCOUNT);
	for (i = 0; s->page && i < s->pages; i++) {
		s->page[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!s->page[i])
			break;
	}
	if (s->page && i == s->pages)
		return s;
	s->pages = s->page ? i : 0;
	free_pages_of(s);
	return NULL;
}

static int error_of(s64 error)
{
	switch (error) {
	case TRAPLINE_E_EXISTS:
		return -EEXIST;
	case TRAPLINE_E_FULL:
		return -ENOSPC;
	case TRAPLINE_E_ARGUMENT:
	case TRAPLINE_E_RANGE:
		return -EINVAL;
	default:
		return -EIO;
	}
}

static int announce(struct trapline_shared *s)
{
	u64 *list = kvmalloc_array(s->pages, sizeof(*list), GFP_KERNEL);
	struct trapline_call_registers r = {
		.rax = TRAPLINE_CALL_share_open, .rbx = (u64)s->name, .rcx = (u64)list, .rdx = s->bytes};
	unsigned int i;

	if (!list)
		return -ENOMEM;
	for (i = 0; i < s->pages; i++)
		list[i] = page_to_phys(s->page[i]);
	s->number = trapline_vmcall(&r);
	kvfree(list);
	return s->number > 0 ? 0 : error_of(s->number);
}

struct trapline_shared *trapline_share_create(const char *name, u64 bytes)
{
	struct trapline_shared *s;
	int error;

	if (!bytes || bytes > BYTES_MAX)
		return ERR_PTR(-EINVAL);
	s = make(name, bytes);
	if (!s)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&lock);
	error = closed ? -ESHUTDOWN : existing == TRAPLINE_SHARES ? -ENOSPC : announce(s);
	if (!error) {
		list_add(&s->list, &shares);
		existing++;
	}
	mutex_unlock(&lock);
	if (!error)
		return s;
	free_pages_of(s);
	return ERR_PTR(error);
}
EXPORT_SYMBOL_GPL(trapline_share_create);

struct trapline_shared *trapline_share_attach(const char *name)
{
	struct trapline_shared *s, *found = NULL;

	mutex_lock(&lock);
	list_for_each_entry(s, &shares, list) if (!strcmp(s->name, name)) found = s;
	if (found)
		kref_get(&found->users);
	mutex_unlock(&lock);
	return found ? found : ERR_PTR(-ENOENT);
}
EXPORT_SYMBOL_GPL(trapline_share_attach);

void *trapline_share_address(struct trapline_shared *s)
{
	mutex_lock(&lock);
	if (!s->address)
		s->address = vmap(s->page, s->pages, VM_MAP, PAGE_KERNEL);
	mutex_unlock(&lock);
	return s->address;
}
EXPORT_SYMBOL_GPL(trapline_share_address);

u64 trapline_share_bytes(const struct trapline_shared *s)
{
	return s->bytes;
}
EXPORT_SYMBOL_GPL(trapline_share_bytes);

/* Called with the lock held. After it Trapline does not access the pages any more. */
static void end(struct trapline_shared *s)
{
	struct trapline_call_registers r = {.rax = TRAPLINE_CALL_share_close, .rbx = s->number};

	if (list_empty(&s->list))
		return;
	list_del_init(&s->list);
	trapline_vmcall(&r);
}

void trapline_share_end(struct trapline_shared *s)
{
	mutex_lock(&lock);
	end(s);
	mutex_unlock(&lock);
}
EXPORT_SYMBOL_GPL(trapline_share_end);

static void release(struct kref *users)
{
	struct trapline_shared *s = container_of(users, struct trapline_shared, users);

	end(s);
	existing--;
	vunmap(s->address);
	free_pages_of(s);
}

void trapline_share_put(struct trapline_shared *s)
{
	mutex_lock(&lock);
	kref_put(&s->users, release);
	mutex_unlock(&lock);
}
EXPORT_SYMBOL_GPL(trapline_share_put);

int trapline_share_mmap(struct trapline_shared *s, struct vm_area_struct *vma)
{
	return vm_map_pages(vma, s->page, s->pages);
}

/* Number 0 closes all shares, even those of a former kernel. */
void trapline_share_forget(void)
{
	struct trapline_call_registers r = {.rax = TRAPLINE_CALL_share_close, .rbx = 0};

	trapline_vmcall(&r);
}

/* The next kernel will own this kernel's pages, and the numbers will be reused: from here on no share is opened or closed. */
void trapline_share_end_all(void)
{
	struct trapline_shared *s;

	mutex_lock(&lock);
	closed = true;
	while ((s = list_first_entry_or_null(&shares, struct trapline_shared, list)))
		end(s);
	trapline_share_forget();
	mutex_unlock(&lock);
}
