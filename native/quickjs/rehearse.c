/* Runs the program with calls that reach no kernel (stand_in.c), and notes what it writes to. */
#include "rehearse.h"
#include "ffi.h"
#include "heap.h"
#include "host.h"
#include "stand_in.h"
#include "watch.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 30 }; /* of processor time, for each verb: one is needed at most */
/* What is larger stays where it is: little of a table is written to. */
enum { CHOSEN_BYTES = 2048 };

/* What the processes of a rehearsal have found. */
static struct found {
	size_t count;
	size_t bytes;
	unsigned char chosen[HEAP_NUMBERS];
} *found;

/* The first on cgroup v1, the others on v2; they are about the same container. */
static char *const verbs[][8] = {
	{ "tsrun", "run", "--bundle", "/bundle", "rehearsed", NULL },
	{ "tsrun", "run", "--bundle", "/bundle", "rehearsed", NULL },
	{ "tsrun", "start", "rehearsed", NULL },
	{ "tsrun", "state", "rehearsed", NULL },
	{ "tsrun", "exec", "rehearsed", "/bin/true", NULL },
	{ "tsrun", "kill", "rehearsed", "KILL", NULL },
	{ "tsrun", "delete", "--force", "rehearsed", NULL },
	{ "tsrun", "--version", NULL },
};

static bool note(const void *address)
{
	const void *block;
	uint32_t number = heap_number_at(address, &block);

	if (number == 0 || found->chosen[number] != 0 || heap_size(block) > CHOSEN_BYTES)
		return false;
	found->chosen[number] = 1;
	found->count++;
	found->bytes += heap_size(block);
	return true;
}

static int count_of(char *const *arguments)
{
	int count = 0;

	while (arguments[count] != NULL)
		count++;
	return count;
}

static _Noreturn void run_verb(const struct rehearsed *rehearsed, char *const *arguments)
{
	const struct rlimit limit = { SECONDS, SECONDS };

	setrlimit(RLIMIT_CPU, &limit);
	host_set_arguments(count_of(arguments), (char **)(uintptr_t)arguments);
	ffi_set_stand_in(stand_in_call);
	if (watch_stores(heap_begin(), heap_end(), note) == 0)
		rehearsed->start();
	_exit(EXIT_FAILURE);
}

/* In a process of its own. */
static int run_verbs(const struct rehearsed *rehearsed)
{
	if (stand_in_begin(rehearsed->config) < 0 || heap_number_blocks() < 0 ||
	    rehearsed->load(rehearsed->program) != EXIT_SUCCESS)
		return EXIT_FAILURE;
	heap_seal();
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		stand_in_set_cgroups(i == 0 ? 1 : 2);
		pid_t child = fork();
		if (child == 0)
			run_verb(rehearsed, verbs[i]);
		if (child < 0 || waitpid(child, NULL, 0) < 0)
			return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

bool rehearse(const struct rehearsed *rehearsed)
{
	int status;

	found = mmap(NULL, sizeof *found, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (found == MAP_FAILED)
		return false;
	pid_t child = fork();
	if (child == 0)
		_exit(run_verbs(rehearsed));
	if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0 || found->count == 0)
		return false;
	return heap_number_blocks() == 0 && heap_keep_together(found->chosen, found->count, found->bytes) == 0;
}
