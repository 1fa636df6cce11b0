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
/* A page is watched for so many stores only: what hides on a busy one is found once the blocks that were found
 * before have left it. A third round has found ten more, of 2,700. */
enum { ROUNDS = 2 };
/* What is larger stays where it is: little of a table is written to. */
enum { CHOSEN_BYTES = 4096 };

/* What the processes of a rehearsal have found. */
static struct found {
	size_t count;
	struct heap_kept kept;
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
enum { VERBS = sizeof verbs / sizeof verbs[0] };
_Static_assert(sizeof verbs / sizeof verbs[0] <= HEAP_GROUPS, "a group for each verb");

/* Which of the verbs runs: what only a later one writes to lies behind what the earlier ones do. */
static unsigned char verb;

static bool note(const void *address)
{
	const void *block;
	uint32_t number = heap_number_at(address, &block);

	if (number == 0 || found->kept.group[number] != 0 || heap_size(block) > CHOSEN_BYTES)
		return false;
	found->kept.group[number] = (unsigned char)(verb + 1);
	found->kept.bytes[verb] += heap_size(block) + HEAP_BLOCK_BYTES;
	found->count++;
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

/* Numbers the blocks to come, and has those that were found lie together. */
static int keep_found(void)
{
	if (heap_number_blocks() < 0)
		return -1;
	return found->count == 0 ? 0 : heap_keep_together(&found->kept);
}

/* In a process of its own. */
static int run_verbs(const struct rehearsed *rehearsed)
{
	if (stand_in_begin(rehearsed->config) < 0 || keep_found() < 0 ||
	    rehearsed->load(rehearsed->program) != EXIT_SUCCESS)
		return EXIT_FAILURE;
	heap_seal();
	for (verb = 0; verb < VERBS; verb++) {
		stand_in_set_cgroups(verb == 0 ? 1 : 2);
		pid_t child = fork();
		if (child == 0)
			run_verb(rehearsed, verbs[verb]);
		if (child < 0 || waitpid(child, NULL, 0) < 0)
			return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

static bool run_round(const struct rehearsed *rehearsed)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(run_verbs(rehearsed));
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

bool rehearse(const struct rehearsed *rehearsed)
{
	found = mmap(NULL, sizeof *found, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (found == MAP_FAILED)
		return false;
	for (int round = 0; round < ROUNDS; round++) {
		size_t before = found->count;
		if (!run_round(rehearsed))
			return false;
		if (found->count == before)
			break;
	}
	return found->count > 0 && keep_found() == 0;
}
