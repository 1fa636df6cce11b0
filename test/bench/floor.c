/* floor ROOTFS PROGRAM: the least a kernel must be asked for to run PROGRAM in a container of runc's default
 * configuration: six namespaces, a cgroup in every hierarchy, seven mounts, pivot_root, exec, and all of it
 * removed again. No configuration, no state, no capabilities, no device nodes, no checks. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HIERARCHIES = 32, PATH_BYTES = 512 };

static char *cgroups[HIERARCHIES];
static int cgroup_count;

static void must(long result, const char *what)
{
	if (result >= 0)
		return;
	perror(what);
	_exit(1);
}

static ssize_t read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t length = read(fd, text, size);
	close(fd);
	return length;
}

static int write_file(const char *path, const char *text, size_t length)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t written = write(fd, text, length);
	close(fd);
	return written < 0 ? -1 : 0;
}

/* A v1 cpuset takes no process before it has CPUs and memory nodes. */
static void copy_cpuset(const char *cgroup)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
	char path[PATH_BYTES + 32], text[4096];

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		snprintf(path, sizeof path, "%s/../%s", cgroup, files[i]);
		ssize_t length = read_file(path, text, sizeof text);
		snprintf(path, sizeof path, "%s/%s", cgroup, files[i]);
		if (length > 0)
			must(write_file(path, text, (size_t)length), path);
	}
}

/* A cgroup of its own directly below the root of every hierarchy that is mounted. */
static void make_cgroups(void)
{
	static char table[1 << 16];
	char *rest = table, *line;

	ssize_t length = read_file("/proc/self/mounts", table, sizeof table - 1);
	must(length, "/proc/self/mounts");
	while ((line = strsep(&rest, "\n")) != NULL && cgroup_count < HIERARCHIES) {
		char place[256], type[32], options[256];
		if (sscanf(line, "%*s %255s %31s %255s", place, type, options) != 3 ||
		    strncmp(type, "cgroup", 6) != 0)
			continue;
		char *path;
		must(asprintf(&path, "%s/floor-%d", place, getpid()), "asprintf");
		cgroups[cgroup_count++] = path;
		must(mkdir(path, 0755), path);
		if (strstr(options, "cpuset") != NULL)
			copy_cpuset(path);
	}
}

static void join_cgroups(void)
{
	char path[PATH_BYTES + 32];

	for (int i = 0; i < cgroup_count; i++) {
		snprintf(path, sizeof path, "%s/cgroup.procs", cgroups[i]);
		must(write_file(path, "0", 1), path);
	}
}

static const struct {
	const char *source, *target, *type;
	unsigned long flags;
	const char *data;
} mounts[] = {
	{ "proc", "proc", "proc", 0, NULL },
	{ "tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k" },
	{ "devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
	  "newinstance,ptmxmode=0666,mode=0620,gid=5" },
	{ "shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, "mode=1777,size=65536k" },
	{ "mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL },
	{ "sysfs", "sys", "sysfs", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, NULL },
	{ "tmpfs", "sys/fs/cgroup", "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, "mode=755" },
};

static void become_container(const char *rootfs, char *const *program)
{
	static char *const environment[] = { "PATH=/bin", NULL };

	join_cgroups();
	must(unshare(CLONE_NEWCGROUP), "unshare");
	must(setsid(), "setsid");
	must(sethostname("floor", 5), "sethostname");
	must(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "mount /");
	must(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL), rootfs);
	must(chdir(rootfs), rootfs);
	for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
		if (strncmp(mounts[i].target, "dev/", 4) == 0)
			must(mkdir(mounts[i].target, 0755), mounts[i].target);
		must(mount(mounts[i].source, mounts[i].target, mounts[i].type, mounts[i].flags,
			   mounts[i].data),
		     mounts[i].target);
	}
	must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "umount2");
	must(chdir("/"), "chdir");
	execve(program[0], program, environment);
	must(-1, program[0]);
}

int main(int argc, char **argv)
{
	struct clone_args clone_arguments = {
		.flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS,
		.exit_signal = SIGCHLD,
	};
	int status;

	if (argc < 3)
		return 2;
	make_cgroups();
	long child = syscall(SYS_clone3, &clone_arguments, sizeof clone_arguments);
	must(child, "clone3");
	if (child == 0)
		become_container(argv[1], argv + 2);
	must(waitpid((pid_t)child, &status, 0), "waitpid");
	for (int i = 0; i < cgroup_count; i++)
		must(rmdir(cgroups[i]), cgroups[i]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
