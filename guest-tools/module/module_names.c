// SPDX-License-Identifier: GPL-2.0
/*
 * Says where this kernel and its modules are, as marks, so that whoever has the log alone can name addresses (trapline-decode):
 *
 *   kernel release=6.1.0-32-amd64 build=0123...       its build id, from /sys/kernel/notes
 *   kernel panic=0x... schedule=0x... kfree=0x...     what tells how far it is from where it was linked
 *   modules ext4=0xffffffffc0a00000+0x8b000 ...       code: base and size; NAME.init: that of its initialisation
 *   modules gone=ext4
 *   process pid=77 base=0x7f0012340000+0x1000 offset=0x1000 file=/lib/libx.so      an exception ends it there
 *   process pid=77 base=... offset=... file=.../of/a/long/path/libx.so             a mark has 120 bytes
 *
 * The parameter `names` (on) turns it off.
 */
#include <linux/elf.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/ratelimit.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/utsname.h>
#include <linux/version.h>

#include "module_path.h"
#include "trapline_module.h"

#define NOTES_FILE "/sys/kernel/notes"
#define NOTES_MAX  4096
#define ID_MAX     20

static bool says = true;
module_param_named(names, says, bool, 0644);
MODULE_PARM_DESC(names, "report the addresses of the kernel and its modules as marks (default: on)");

struct line {
	char text[TRAPLINE_TEXT_MAX + 1];
	size_t length, head; /* head: the length of the word that begins each line */
};

static void line_say(struct line *l)
{
	struct trapline_call_registers r = {.rax = TRAPLINE_CALL_mark, .rbx = (u64)l->text, .rcx = l->length};

	if (l->length > l->head)
		trapline_vmcall(&r);
	l->length = l->head;
}

static void line_begin(struct line *l, const char *word)
{
	l->length = l->head = scnprintf(l->text, sizeof(l->text), "%s", word);
}

/* Adds a word. If it does not fit, the line is written first. A word that is too long for any line is left out. */
static __printf(2, 3) void line_add(struct line *l, const char *format, ...)
{
	int turn;

	for (turn = 0; turn < 2; turn++) {
		size_t room = sizeof(l->text) - l->length, n;
		va_list list;

		va_start(list, format);
		n = vsnprintf(l->text + l->length, room, format, list);
		va_end(list);
		if (n < room) {
			l->length += n;
			return;
		}
		line_say(l);
	}
}

/* Writes the build id of a note (elf(5), NT_GNU_BUILD_ID) in hexadecimal, "" if there is none. */
static void find_id(const u8 *notes, size_t length, char *text)
{
	size_t at = 0;

	while (length - at >= sizeof(struct elf64_note)) {
		const struct elf64_note *n = (const void *)(notes + at);
		size_t name = at + sizeof(*n), id = name + ALIGN((size_t)n->n_namesz, 4),
		       end = id + ALIGN((size_t)n->n_descsz, 4);

		if (end > length)
			return;
		if (n->n_type == 3 && n->n_namesz == 4 && !memcmp(notes + name, "GNU", 4) &&
			n->n_descsz <= ID_MAX) {
			*bin2hex(text, notes + id, n->n_descsz) = '\0';
			return;
		}
		at = end;
	}
}

static void read_id(char *text)
{
	struct file *file = filp_open(NOTES_FILE, O_RDONLY, 0);
	u8 *notes = kmalloc(NOTES_MAX, GFP_KERNEL);
	loff_t position = 0;
	ssize_t n = IS_ERR(file) || !notes ? 0 : kernel_read(file, notes, NOTES_MAX, &position);

	if (n > 0)
		find_id(notes, n, text);
	if (!IS_ERR(file))
		filp_close(file, NULL);
	kfree(notes);
}

static void say_kernel(void)
{
	char id[2 * ID_MAX + 1] = "";
	struct line l;

	read_id(id);
	line_begin(&l, "kernel");
	line_add(&l, " release=%s", utsname()->release);
	if (*id)
		line_add(&l, " build=%s", id);
	line_say(&l);
	line_add(&l, " panic=0x%lx", (unsigned long)panic);
	line_add(&l, " schedule=0x%lx", (unsigned long)schedule);
	line_add(&l, " kfree=0x%lx", (unsigned long)kfree);
	line_say(&l);
}

static void add_code(struct line *l, const char *name, const char *part, const void *base, unsigned int size)
{
	if (size)
		line_add(l, " %s%s=0x%lx+0x%x", name, part, (unsigned long)base, size);
}

static void add_module(struct line *l, const struct module *m, bool begins)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	add_code(l, m->name, "", m->mem[MOD_TEXT].base, m->mem[MOD_TEXT].size);
	if (begins)
		add_code(l, m->name, ".init", m->mem[MOD_INIT_TEXT].base, m->mem[MOD_INIT_TEXT].size);
#else
	add_code(l, m->name, "", m->core_layout.base, m->core_layout.text_size);
	if (begins)
		add_code(l, m->name, ".init", m->init_layout.base, m->init_layout.text_size);
#endif
}

/* The list of modules is a ring that begins here. Its head is not a module, but data of the kernel. */
static bool is_module(const struct module *m)
{
	return (unsigned long)m >= MODULES_VADDR && (unsigned long)m < MODULES_END;
}

static void say_modules(void)
{
	struct module *m;
	struct line l;

	line_begin(&l, "modules");
	add_module(&l, THIS_MODULE, false);
	preempt_disable();
	list_for_each_entry_rcu(m, &THIS_MODULE->list,
		list) if (is_module(m) && (m->state == MODULE_STATE_LIVE || m->state == MODULE_STATE_COMING))
		add_module(&l, m, m->state == MODULE_STATE_COMING);
	preempt_enable();
	line_say(&l);
}

static int on_module(struct notifier_block *block, unsigned long state, void *data)
{
	const struct module *m = data;
	struct line l;

	if (!says || (state != MODULE_STATE_COMING && state != MODULE_STATE_GOING))
		return NOTIFY_DONE;
	line_begin(&l, "modules");
	if (state == MODULE_STATE_COMING)
		add_module(&l, m, true);
	else
		line_add(&l, " gone=%s", m->name);
	line_say(&l);
	return NOTIFY_DONE;
}

/* Runs before the other notifiers, because their code may be what faults. */
static struct notifier_block module_block = {.notifier_call = on_module, .priority = INT_MAX};

static void add_path(struct line *l, const char *path)
{
	static const char word[] = " file=";
	size_t out = path_left_out(strlen(path), TRAPLINE_TEXT_MAX - l->length - (sizeof(word) - 1));

	line_add(l, "%s%s%s", word, out ? PATH_CUT : "", path + out);
}

/* At most ten in five seconds, so that a program that faults repeatedly does not fill the ring. */
void trapline_names_process(pid_t pid, unsigned long base, unsigned long bytes, u64 offset, const char *path)
{
	static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 10);
	struct line l;

	ratelimit_set_flags(&limit, RATELIMIT_MSG_ON_RELEASE);
	if (!says || !*path || !__ratelimit(&limit))
		return;
	line_begin(&l, "process");
	line_add(&l, " pid=%d base=0x%lx+0x%lx offset=0x%llx", pid, base, bytes, offset);
	add_path(&l, path);
	line_say(&l);
}

void trapline_names_begin(void)
{
	if (!says)
		return;
	say_kernel();
	register_module_notifier(&module_block);
	say_modules();
}

/* Without `names` there is no notifier. */
void trapline_names_stop(void)
{
	unregister_module_notifier(&module_block);
}
