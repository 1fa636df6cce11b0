/* timer COMMAND [-- COMMAND]…: runs each command with its standard input and output on /dev/null and prints
 * `nanoseconds peak-KiB status` for it. The command @wait waits for an orphan of those before it: the timer
 * is a subreaper, so a container's process becomes its child. Small and static, because a child's peak
 * memory is never less than its parent's. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static int run(char **command, const posix_spawn_file_actions_t *actions)
{
	struct timespec start, end;
	struct rusage usage = { 0 };
	int status, waits = strcmp(command[0], "@wait") == 0;
	pid_t pid = -1;

	clock_gettime(CLOCK_MONOTONIC, &start);
	if (!waits && posix_spawn(&pid, command[0], actions, NULL, command, environ) != 0)
		return -1;
	if (wait4(pid, &status, 0, &usage) < 0)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &end);
	long long nanoseconds =
		(end.tv_sec - start.tv_sec) * 1000000000LL + (end.tv_nsec - start.tv_nsec);
	printf("%lld %ld %d\n", nanoseconds, usage.ru_maxrss,
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t actions;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	for (int first = 1, i = 1; i <= argc; i++) {
		if (i < argc && strcmp(argv[i], "--") != 0)
			continue;
		argv[i] = NULL;
		if (i == first || run(argv + first, &actions) < 0) {
			perror("timer");
			return 1;
		}
		first = i + 1;
	}
	return 0;
}
