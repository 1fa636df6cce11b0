/* floor NAME ROOTFS PROGRAM: the least a kernel must be asked for to run PROGRAM in the container the runtimes
 * are measured with: the same six namespaces, a cgroup NAME in every hierarchy, the same mounts (the cgroup
 * hierarchies too), pivot_root, exec, and all of it removed again. No configuration, no state, no device nodes
 * or rules, no capabilities, no checks. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
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

/* A hierarchy of cgroups: where it is mounted, our cgroup there, and what mounts it once more. */
static struct hierarchy {
	char *place, *cgroup, *type, *controllers;
} hierarchies[HIERARCHIES];
static int hierarchy_count;

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

/* What of a mount's options names the hierarchy: its controllers, or name=…; the rest are flags. */
static char *controllers_of(char *options)
{
	static const char *const flags[] = { "rw",	"ro",	    "nosuid",	   "nodev",
					     "noexec",	"relatime", "clone_children", "xattr" };
	char *list = calloc(1, strlen(options) + 2), *option;

	while ((option = strsep(&options, ",")) != NULL) {
		bool is_flag = strncmp(option, "release_agent=", 14) == 0;
		for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
			is_flag = is_flag || strcmp(option, flags[i]) == 0;
		if (!is_flag)
			strcat(strcat(list, *list == '\0' ? "" : ","), option);
	}
	return list;
}

/* Every v1 hierarchy that is mounted, or the one of v2 where there is none: as runtimes do. */
static void find_hierarchies(void)
{
	static char table[1 << 16];
	char *rest = table, *line;
	int v1_count = 0;

	must(read_file("/proc/self/mounts", table, sizeof table - 1), "/proc/self/mounts");
	while ((line = strsep(&rest, "\n")) != NULL && hierarchy_count < HIERARCHIES) {
		char place[256], type[32], options[256];
		if (sscanf(line, "%*s %255s %31s %255s", place, type, options) != 3 ||
		    strncmp(type, "cgroup", 6) != 0)
			continue;
		bool is_v1 = type[6] == '\0';
		if (!is_v1 && hierarchy_count > 0)
			continue;
		if (is_v1 && v1_count++ == 0)
			hierarchy_count = 0;
		hierarchies[hierarchy_count++] = (struct hierarchy){
			.place = strdup(place),
			.type = strdup(type),
			.controllers = is_v1 ? controllers_of(options) : NULL,
		};
	}
}

static void make_cgroups(const char *name)
{
	for (int i = 0; i < hierarchy_count; i++) {
		struct hierarchy *hierarchy = &hierarchies[i];
		must(asprintf(&hierarchy->cgroup, "%s/%s", hierarchy->place, name), "asprintf");
		must(mkdir(hierarchy->cgroup, 0755), hierarchy->cgroup);
		if (hierarchy->controllers != NULL && strstr(hierarchy->controllers, "cpuset") != NULL)
			copy_cpuset(hierarchy->cgroup);
	}
}

static bool is_unified(void)
{
	return hierarchy_count == 1 && hierarchies[0].controllers == NULL;
}

/*
 * To move a process with all its threads holds up every fork of the host for milliseconds: into v2's cgroup it is
 * cloned, into those of v1 its one thread moves.
 */
static void join_cgroups(void)
{
	char path[PATH_BYTES + 32];

	for (int i = 0; i < hierarchy_count && !is_unified(); i++) {
		snprintf(path, sizeof path, "%s/tasks", hierarchies[i].cgroup);
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
};

/* Read-only: on v1 a tmpfs that holds a mount of every hierarchy, on v2 the hierarchy itself. */
static void mount_cgroups(void)
{
	const unsigned long flags = MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RELATIME;
	const char *top = "sys/fs/cgroup";
	char target[PATH_BYTES];

	if (is_unified()) {
		must(mount("cgroup", top, hierarchies[0].type, flags | MS_RDONLY, NULL), top);
		return;
	}
	must(mount("tmpfs", top, "tmpfs", flags, "mode=755"), top);
	for (int i = 0; i < hierarchy_count; i++) {
		const struct hierarchy *hierarchy = &hierarchies[i];
		snprintf(target, sizeof target, "%s/%s", top, basename(hierarchy->place));
		must(mkdir(target, 0755), target);
		must(mount("cgroup", target, "cgroup", flags | MS_RDONLY, hierarchy->controllers), target);
	}
	must(mount(NULL, top, NULL, flags | MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), top);
}

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
	mount_cgroups();
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

	if (argc < 4)
		return 2;
	find_hierarchies();
	make_cgroups(argv[1]);
	if (is_unified()) {
		int cgroup = open(hierarchies[0].cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);
		must(cgroup, hierarchies[0].cgroup);
		clone_arguments.flags |= CLONE_INTO_CGROUP;
		clone_arguments.cgroup = (uint64_t)cgroup;
	}
	long child = syscall(SYS_clone3, &clone_arguments, sizeof clone_arguments);
	must(child, "clone3");
	if (child == 0)
		become_container(argv[2], argv + 3);
	must(waitpid((pid_t)child, &status, 0), "waitpid");
	for (int i = 0; i < hierarchy_count; i++)
		must(rmdir(hierarchies[i].cgroup), hierarchies[i].cgroup);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
