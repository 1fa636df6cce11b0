/* timer SECONDS SETTLE RESULTS COMMAND [-- COMMAND]…: runs each command with its standard input and output on
 * /dev/null and writes to the file RESULTS, a line each, `start-ns end-ns peak-KiB status`. The first command
 * that fails ends it, unless it begins with @try. The command @wait waits for an orphan of those before it:
 * the timer is a subreaper, so a container's process becomes its child. What takes longer than SECONDS is
 * killed, as is what runs when the timer is told to stop: status 137, and the timer's own is 124. Before each
 * other command it waits SETTLE milliseconds: a container's network and cgroups are freed by the kernel in the
 * background, for milliseconds that belong to whoever made them.
 * Small and static, because a child's peak memory is never less than its parent's. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_STOPPED = 124 };

extern char **environ;

static volatile sig_atomic_t stopped;
static volatile pid_t running;
static long limit_seconds;
static struct timespec settling;

static void stop(int number)
{
	(void)number;
	stopped = 1;
	if (running > 0)
		kill(running, SIGKILL);
}

/* Without SA_RESTART: a wait ends with EINTR. */
static void stop_on(int number)
{
	struct sigaction action = { .sa_handler = stop };

	sigaction(number, &action, NULL);
}

static void set_alarm(long seconds)
{
	struct itimerval interval = { .it_value.tv_sec = seconds };

	setitimer(ITIMER_REAL, &interval, NULL);
}

static long long nanoseconds(const struct timespec *time)
{
	return time->tv_sec * 1000000000LL + time->tv_nsec;
}

/* 0, or what the timer is to exit with. */
static int run(char **command, const posix_spawn_file_actions_t *actions, FILE *results)
{
	struct timespec start, end;
	struct rusage usage = { 0 };
	pid_t pid = -1, ended;
	int status, tries, waits = strcmp(command[0], "@wait") == 0;

	tries = waits || strcmp(command[0], "@try") == 0;
	if (tries && !waits)
		command++;
	if (!waits)
		nanosleep(&settling, NULL);
	set_alarm(limit_seconds);
	clock_gettime(CLOCK_MONOTONIC, &start);
	if (!waits && posix_spawn(&pid, command[0], actions, NULL, command, environ) != 0) {
		perror(command[0]);
		return EXIT_FAILURE;
	}
	running = pid;
	if (stopped)
		kill(pid, SIGKILL);
	do
		ended = wait4(pid, &status, 0, &usage);
	while (ended < 0 && !waits);
	clock_gettime(CLOCK_MONOTONIC, &end);
	running = -1;
	set_alarm(0);
	if (ended < 0) {
		perror("timer: no orphan ended");
		return stopped ? EXIT_STOPPED : EXIT_FAILURE;
	}
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	fprintf(results, "%lld %lld %ld %d\n", nanoseconds(&start), nanoseconds(&end), usage.ru_maxrss, status);
	if (stopped)
		return EXIT_STOPPED;
	return status == 0 || tries ? 0 : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t actions;
	int exit_status = 0;

	FILE *results = argc < 5 ? NULL : fopen(argv[3], "we");
	if (results == NULL) {
		perror("timer");
		return EXIT_FAILURE;
	}
	limit_seconds = strtol(argv[1], NULL, 10);
	settling.tv_nsec = strtol(argv[2], NULL, 10) * 1000000;
	stop_on(SIGALRM);
	stop_on(SIGINT);
	stop_on(SIGTERM);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	for (int first = 4, i = 4; i <= argc && exit_status == 0; i++) {
		if (i < argc && strcmp(argv[i], "--") != 0)
			continue;
		argv[i] = NULL;
		exit_status = i == first ? EXIT_FAILURE : run(argv + first, &actions, results);
		first = i + 1;
	}
	return fclose(results) == 0 ? exit_status : EXIT_FAILURE;
}
