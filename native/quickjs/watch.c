/* The pages are read-only. A store faults, is noted, has its page made writable and is performed with the
 * trap flag set; the trap behind it makes the page read-only again. */
#include "watch.h"

#ifndef __x86_64__
int watch_stores(const unsigned char *begin, const unsigned char *end, watcher *written)
{
	(void)begin, (void)end, (void)written;
	return -1;
}
#else
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum {
	PAGE = 4096,
	OPEN_PAGES = 4,	  /* an instruction writes to two at most */
	TRAP_FLAG = 0x100, /* of RFLAGS */
	STACK_BYTES = 64 << 10,
};

static struct {
	uintptr_t begin, end;
	watcher *written;
	unsigned char *patience; /* by page */
	uintptr_t open[OPEN_PAGES];
	unsigned open_count;
} watched;

static void protect(uintptr_t page, int protection)
{
	/* cppcheck-suppress intToPointerCast */
	mprotect((void *)page, PAGE, protection);
}

static void on_fault(int number, siginfo_t *info, void *state)
{
	uintptr_t address = (uintptr_t)info->si_addr;
	ucontext_t *context = state;

	if (address < watched.begin || address >= watched.end || watched.open_count == OPEN_PAGES) {
		signal(number, SIG_DFL); /* it faults again, and ends the process */
		return;
	}
	uintptr_t page = address & ~(uintptr_t)(PAGE - 1);
	unsigned char *patience = &watched.patience[(page - watched.begin) / PAGE];
	*patience = watched.written(info->si_addr) ? WATCH_PATIENCE : *patience - 1;
	if (*patience > 0)
		watched.open[watched.open_count++] = page;
	protect(page, PROT_READ | PROT_WRITE);
	context->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void on_trap(int number, siginfo_t *info, void *state)
{
	ucontext_t *context = state;
	(void)number, (void)info;

	while (watched.open_count > 0)
		protect(watched.open[--watched.open_count], PROT_READ);
	context->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
}

int watch_stores(const unsigned char *begin, const unsigned char *end, watcher *written)
{
	static _Alignas(16) unsigned char memory[STACK_BYTES];
	const stack_t stack = { .ss_sp = memory, .ss_size = sizeof memory };
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	struct sigaction trap = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	watched.begin = (uintptr_t)begin;
	watched.end = (uintptr_t)end;
	watched.written = written;
	watched.patience = malloc((size_t)(end - begin) / PAGE);
	if (watched.patience == NULL)
		return -1;
	memset(watched.patience, WATCH_PATIENCE, (size_t)(end - begin) / PAGE);
	if (sigaltstack(&stack, NULL) < 0 || sigaction(SIGSEGV, &fault, NULL) < 0 ||
	    sigaction(SIGTRAP, &trap, NULL) < 0)
		return -1;
	return mprotect((void *)watched.begin, (size_t)(end - begin), PROT_READ);
}
#endif
