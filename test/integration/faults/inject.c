/*
 * inject [-l LOG] [-a PID] [-f PROCESS:CALL:ERRNO | -k PROCESS:CALL] COMMAND…: runs a command and makes one
 * system call of it, or of a process it starts, fail; or kills that process at that call. With -a a process
 * that runs already is traced too. Ends as the command does (128+N for signal N).
 *
 * Processes are numbered in the order they come to be: 0 is the command, 1 the one of -a where there is one.
 * CALL counts the system calls of that process alone from 1 on, so that what runs beside it shifts nothing;
 * the command's own begin behind its execve(2). A call that is to fail is not carried out, but for close(2),
 * which frees the descriptor whatever it returns.
 *
 * LOG, one line each: `call PROCESS N PARENT PROGRAM NUMBER OBJECT` every call while nothing is to fail, else
 * the one that did; PARENT is the process it was forked from (-1: none), PROGRAM the base name of what it runs.
 * At the end `alive PROCESS PID` whatever still runs when the command has ended and nothing has moved for a
 * while; `hang 0 0` when nothing moved MOST_LOOKS times in a row, and all that was traced has been killed.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/ptrace.h>

enum { MOST = 256, GRACE_MS = 1000, QUIET_MS = 40, LOOK_SECONDS = 5, MOST_LOOKS = 3, FAILURE = 125 };
enum action { LOG_ALL, FAIL, KILL };

struct tracee {
	pid_t pid;
	/* Held: seen before the event that tells whose it is. */
	bool is_alive, is_known, is_held;
	int parent;
	/* Empty until its calls are the command's and no longer this program's own. */
	char program[64];
	long calls;
	int error;
};

static struct tracee tracees[MOST];
static int count;
static enum action action = LOG_ALL;
static int wanted_process;
static long wanted_call;
static int wanted_errno;
static bool is_done;
/* Looks in a row at which nothing had moved. Not a time alone: this program may have been stopped with the rest. */
static volatile sig_atomic_t silent_looks;
static FILE *out;

static void die(const char *what)
{
	perror(what);
	exit(FAILURE);
}

static struct tracee *find(pid_t pid)
{
	for (int i = 0; i < count; i++) {
		if (tracees[i].pid == pid && tracees[i].is_alive)
			return &tracees[i];
	}
	if (count == MOST) {
		fprintf(stderr, "inject: more than %d processes\n", MOST);
		exit(FAILURE);
	}
	tracees[count] = (struct tracee){.pid = pid, .is_alive = true, .parent = -1};
	return &tracees[count++];
}

static int index_of(const struct tracee *t)
{
	return (int)(t - tracees);
}

/* What a descriptor that is a call's first argument is: a path, `pipe`, `socket`; false for other calls. */
static bool name_descriptor(const struct tracee *t, const struct ptrace_syscall_info *info, char ret[256])
{
	static const long calls[] = {
		SYS_read, SYS_write, SYS_writev, SYS_close, SYS_fstat, SYS_fcntl, SYS_lseek, SYS_getdents64,
		SYS_flock, SYS_fchmod, SYS_fchown, SYS_ioctl, SYS_sendmsg, SYS_recvmsg, SYS_recvfrom, SYS_accept4,
		SYS_connect, SYS_bind, SYS_listen, SYS_fstatfs, SYS_dup3, SYS_ftruncate,
#ifdef SYS_dup2
		SYS_dup2,
#endif
	};
	char link[64];
	ssize_t length;

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		if ((uint64_t)calls[i] != info->entry.nr)
			continue;
		snprintf(link, sizeof link, "/proc/%d/fd/%d", t->pid, (int)info->entry.args[0]);
		length = readlink(link, ret, 255);
		ret[length < 0 ? 0 : length] = '\0';
		/* pipe:[123] */
		if (ret[0] != '/')
			ret[strcspn(ret, ":")] = '\0';
		return true;
	}
	return false;
}

/* What a call is about, of its arguments; "-" for nothing that can be told. */
static void object_of(const struct tracee *t, const struct ptrace_syscall_info *info, char ret[256])
{
	static const struct { long number; int argument; } paths[] = {
		{SYS_openat, 1}, {SYS_mkdirat, 1}, {SYS_unlinkat, 1}, {SYS_renameat, 3}, {SYS_faccessat, 1},
		{SYS_readlinkat, 1}, {SYS_newfstatat, 1}, {SYS_execve, 0}, {SYS_statfs, 0}, {SYS_chdir, 0},
		{SYS_mknodat, 1}, {SYS_symlinkat, 2}, {437, 1}, {428, 1}, {430, 0}, {439, 1},
#ifdef SYS_open
		{SYS_open, 0}, {SYS_access, 0}, {SYS_stat, 0}, {SYS_mkdir, 0}, {SYS_readlink, 0}, {SYS_unlink, 0},
		{SYS_rmdir, 0}, {SYS_rename, 1},
#endif
	};
	struct iovec local = {ret, 255}, remote = {0};
	ssize_t got = -1;

	ret[0] = '\0';
	if (name_descriptor(t, info, ret))
		goto named;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		if ((uint64_t)paths[i].number == info->entry.nr)
			remote = (struct iovec){(void *)(uintptr_t)info->entry.args[paths[i].argument], 255};
	}
	if (remote.iov_base != NULL) {
		/* A read that would leave the page of the string fails as a whole. */
		size_t in_page = 4096 - ((uintptr_t)remote.iov_base & 4095);

		if (remote.iov_len > in_page)
			remote.iov_len = in_page;
		got = process_vm_readv(t->pid, &local, 1, &remote, 1, 0);
	}
	ret[got < 0 ? 0 : got] = '\0';
named:
	for (char *c = ret; *c != '\0'; c++) {
		if (*c == '\n' || *c == ' ')
			*c = '?';
	}
	if (ret[0] == '\0')
		strcpy(ret, "-");
}

static void note(const struct tracee *t, const struct ptrace_syscall_info *info)
{
	char object[256];

	object_of(t, info, object);
	fprintf(out, "call %d %ld %d %s %llu %s\n", index_of(t), t->calls, t->parent, t->program,
		(unsigned long long)info->entry.nr, object);
}

static void set_number(pid_t pid, int number)
{
#if defined(__x86_64__)
	if (ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), (long)number) < 0)
		die("inject: orig_rax");
#else
	struct iovec part = {&number, sizeof number};

	if (ptrace(PTRACE_SETREGSET, pid, (void *)NT_ARM_SYSTEM_CALL, &part) < 0)
		die("inject: NT_ARM_SYSTEM_CALL");
#endif
}

static void set_result(pid_t pid, long result)
{
	struct user_regs_struct registers;
	struct iovec part = {&registers, sizeof registers};

	if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &part) < 0)
		return;
#if defined(__x86_64__)
	registers.rax = (unsigned long long)result;
#else
	registers.regs[0] = (unsigned long long)result;
#endif
	ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &part);
}

static void at_call(struct tracee *t)
{
	struct ptrace_syscall_info info = {0};

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, sizeof info, &info) < 0)
		return;
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY) {
		if (info.op == PTRACE_SYSCALL_INFO_EXIT && t->error != 0)
			set_result(t->pid, -t->error);
		t->error = 0;
		return;
	}
	/* What the command does before its execve is this program's own. */
	if (t->program[0] == '\0')
		return;
	t->calls++;
	if (action == LOG_ALL) {
		note(t, &info);
		return;
	}
	if (is_done || index_of(t) != wanted_process || t->calls != wanted_call)
		return;
	is_done = true;
	note(t, &info);
	if (action == KILL) {
		kill(t->pid, SIGKILL);
		return;
	}
	t->error = wanted_errno;
	if (info.entry.nr != SYS_close)
		set_number(t->pid, -1);
}

static void name_program(struct tracee *t)
{
	char link[64], path[256];
	ssize_t length;
	char *name;

	snprintf(link, sizeof link, "/proc/%d/exe", t->pid);
	length = readlink(link, path, sizeof path - 1);
	path[length < 0 ? 0 : length] = '\0';
	name = strrchr(path, '/');
	snprintf(t->program, sizeof t->program, "%s", name == NULL ? "?" : name + 1);
	/* `memfd:tsrun-init (deleted)` */
	t->program[strcspn(t->program, " ")] = '\0';
}

static void on_event(struct tracee *t, int event)
{
	unsigned long message = 0;
	struct tracee *child;

	switch (event) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		if (ptrace(PTRACE_GETEVENTMSG, t->pid, NULL, &message) < 0)
			break;
		child = find((pid_t)message);
		child->parent = index_of(t);
		strcpy(child->program, t->program);
		child->is_known = true;
		if (child->is_held)
			ptrace(PTRACE_SYSCALL, child->pid, NULL, NULL);
		break;
	case PTRACE_EVENT_EXEC:
		name_program(t);
		break;
	}
}

/* Handles one change of one process; false when there was none (with WNOHANG) or nobody is left. */
static bool handle(int options, int *ret_status)
{
	int status, signal = 0;
	pid_t pid = waitpid(-1, &status, __WALL | options);
	struct tracee *t;

	if (pid <= 0)
		return pid < 0 && errno == EINTR;
	silent_looks = 0;
	t = find(pid);
	if (WIFEXITED(status) || WIFSIGNALED(status)) {
		t->is_alive = false;
		if (t == tracees)
			*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		return true;
	}
	if (!WIFSTOPPED(status))
		return true;
	if (!t->is_known) {
		t->is_held = true;
		return true;
	}
	if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
		at_call(t);
	} else if (status >> 16 != 0) {
		on_event(t, status >> 16);
		if (status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP) {
			ptrace(PTRACE_LISTEN, pid, 0, 0);
			return true;
		}
	} else {
		signal = WSTOPSIG(status);
	}
	/* Behind the failure only who comes and goes is of interest. */
	ptrace(is_done && t->error == 0 ? PTRACE_CONT : PTRACE_SYSCALL, pid, NULL, (long)signal);
	return true;
}

static struct tracee *seize(pid_t pid)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			     PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;

	if (ptrace(PTRACE_SEIZE, pid, NULL, options) < 0 || ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
		die("inject: PTRACE_SEIZE");
	find(pid)->is_known = true;
	return find(pid);
}

/* Starts the command, which waits before its execve until it is traced. */
static void start(char **command)
{
	int gate[2];
	char byte = 0;
	pid_t pid;

	if (pipe(gate) < 0)
		die("inject: pipe");
	pid = fork();
	if (pid < 0)
		die("inject: fork");
	if (pid == 0) {
		close(gate[1]);
		if (read(gate[0], &byte, 1) < 0)
			_exit(FAILURE);
		close(gate[0]);
		execvp(command[0], command);
		perror(command[0]);
		_exit(FAILURE);
	}
	close(gate[0]);
	seize(pid);
	close(gate[1]);
}

/* The processes that wait for one another in vain. */
static void on_alarm(int signal)
{
	static const char message[] = "hang 0 0\n";

	(void)signal;
	silent_looks++;
	alarm(LOOK_SECONDS);
	if (silent_looks < MOST_LOOKS)
		return;
	if (write(fileno(out), message, sizeof message - 1) < 0)
		_exit(FAILURE);
	for (int i = 0; i < count; i++) {
		if (tracees[i].is_alive)
			kill(tracees[i].pid, SIGKILL);
	}
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_any_alive(void)
{
	for (int i = 0; i < count; i++) {
		if (tracees[i].is_alive)
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	pid_t attached = 0;
	int option, status = -1;
	long deadline;
	char *rest;

	out = stderr;
	while ((option = getopt(argc, argv, "+l:a:f:k:")) >= 0) {
		switch (option) {
		case 'l':
			out = fopen(optarg, "we");
			if (out == NULL)
				die(optarg);
			break;
		case 'a':
			attached = atoi(optarg);
			break;
		case 'f':
		case 'k':
			action = option == 'f' ? FAIL : KILL;
			wanted_process = (int)strtol(optarg, &rest, 10);
			wanted_call = *rest == ':' ? strtol(rest + 1, &rest, 10) : 0;
			wanted_errno = *rest == ':' ? atoi(rest + 1) : 0;
			break;
		default:
			return FAILURE;
		}
	}
	if (argv[optind] == NULL)
		return FAILURE;
	/* Orphans of the command are this program's to reap. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	start(argv + optind);
	if (attached != 0)
		name_program(seize(attached));
	signal(SIGALRM, on_alarm);
	alarm(LOOK_SECONDS);
	while (status < 0 && handle(0, &status))
		;
	deadline = now_ms() + GRACE_MS;
	for (long moved = now_ms(); is_any_alive() && now_ms() < deadline && now_ms() - moved < QUIET_MS;) {
		if (handle(WNOHANG, &status))
			moved = now_ms();
		else
			usleep(1000);
	}
	for (int i = 0; i < count; i++) {
		if (tracees[i].is_alive)
			fprintf(out, "alive %d %d\n", i, tracees[i].pid);
	}
	/* The end of the tracer lets go of whom it traces, as if they had never been. */
	return status < 0 ? FAILURE : status;
}
