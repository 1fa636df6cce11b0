/* A machine of a few files, on which whatever is asked for is done. Only what a verb goes on for matters: that
 * it reads what it would read, and that its calls succeed as they would. */
#include "stand_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { DIRECTORY = 100, SINK, STATE, SOCKET, PEER, CONFIG, SAVED, FILES = 200 }; /* descriptors */
enum { INIT = 4242, RUNTIME = 4241 };						  /* pids */
enum { FILE_BYTES = 32 << 10 };
enum { TMPFS = 0x01021994, CGROUP2 = 0x63677270 }; /* statfs(2) */

struct file {
	size_t length;
	char text[FILE_BYTES];
};

static struct file config;
static struct file *state; /* state.json, shared with the processes of the verbs to come */
static int cgroup_version;
static size_t offset; /* one file is read at a time */
static unsigned packets;

static const struct {
	const char *path;
	const char *text[3]; /* by the version of cgroups */
} files[] = {
	{ "/proc/self/uid_map", { NULL, "0 0 4294967295\n", "0 0 4294967295\n" } },
	{ "/proc/sys/kernel/cap_last_cap", { NULL, "40\n", "40\n" } },
	{ "/proc/4242/stat",
	  { NULL, "4242 (tsrun-init) S 4241 4242 4242 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100 0 0\n",
	    "4242 (tsrun-init) S 4241 4242 4242 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100 0 0\n" } },
	{ "/proc/self/cgroup",
	  { NULL, "6:name=systemd:/\n5:pids:/\n4:cpu,cpuacct:/\n3:cpuset:/\n2:memory:/\n1:devices:/\n", "0::/\n" } },
	{ "/proc/self/mountinfo",
	  { NULL,
	    "20 1 8:1 / / rw,relatime - ext4 /dev/root rw\n"
	    "21 20 0:21 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n"
	    "22 21 0:22 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	    "23 21 0:23 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n"
	    "24 21 0:24 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
	    "25 21 0:25 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
	    "26 21 0:26 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
	    "27 21 0:27 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n",
	    "20 1 8:1 / / rw,relatime - ext4 /dev/root rw\n"
	    "21 20 0:21 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n" } },
	{ "cpuset.cpus", { NULL, "0-1\n", NULL } },
	{ "cpuset.mems", { NULL, "0\n", NULL } },
	{ "cgroup.controllers", { NULL, NULL, "cpuset cpu memory pids\n" } },
	{ "cgroup.subtree_control", { NULL, NULL, "cpuset cpu memory pids\n" } },
};

static long failed(int error)
{
	errno = error;
	return -1;
}

static const char *text_at(long address)
{
	return (const char *)(intptr_t)address;
}

static void *memory_at(long address)
{
	return (void *)(intptr_t)address;
}

static int ends_with(const char *path, const char *end)
{
	size_t length = strlen(path), tail = strlen(end);

	return length >= tail && strcmp(path + length - tail, end) == 0;
}

static long open_file(const char *path, long flags)
{
	offset = 0;
	if ((flags & (O_DIRECTORY | O_PATH)) != 0)
		return DIRECTORY;
	if ((flags & O_ACCMODE) != O_RDONLY) {
		if (!ends_with(path, "state.json"))
			return SINK;
		state->length = 0;
		return STATE;
	}
	if (ends_with(path, "config.json"))
		return CONFIG;
	if (ends_with(path, "state.json"))
		return state->length > 0 ? SAVED : failed(ENOENT);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (ends_with(path, files[i].path) && files[i].text[cgroup_version] != NULL)
			return FILES + (long)i;
	return failed(ENOENT);
}

static long read_file(long fd, char *buffer, size_t size)
{
	const char *text = "";
	size_t length = 0;

	if (fd == CONFIG || fd == SAVED) {
		text = fd == CONFIG ? config.text : state->text;
		length = fd == CONFIG ? config.length : state->length;
	} else if (fd >= FILES) {
		text = files[fd - FILES].text[cgroup_version];
		length = strlen(text);
	}
	length = length - offset < size ? length - offset : size;
	memcpy(buffer, text + offset, length);
	offset += length;
	return (long)length;
}

static long write_file(long fd, const char *text, size_t length)
{
	if (fd == STATE && length <= FILE_BYTES - state->length) {
		memcpy(state->text + state->length, text, length);
		state->length += length;
	}
	return (long)length;
}

/* What the executor says (native/README.md): init is there, it is the runtime's turn, execve comes next, the end. */
static long receive(struct msghdr *message)
{
	static const uint32_t said[][4] = { { 3, 0, INIT, 0 }, { 1, 1000, 0, 0 }, { 5, 1001, 0, 0 } };

	message->msg_controllen = 0;
	if (packets == sizeof said / sizeof said[0])
		return 0;
	memcpy(message->msg_iov[0].iov_base, said[packets], sizeof said[0]);
	packets++;
	return sizeof said[0];
}

static long look_at(const char *path, struct statfs *ret_status)
{
	if (!ends_with(path, "/sys/fs/cgroup"))
		return failed(ENOENT);
	ret_status->f_type = cgroup_version == 2 ? CGROUP2 : TMPFS;
	return 0;
}

static long copy_text(const char *text, char *ret_text)
{
	memcpy(ret_text, text, strlen(text) + 1);
	return (long)(intptr_t)ret_text;
}

static long set_pair(int *ret_fds)
{
	ret_fds[0] = SOCKET;
	ret_fds[1] = PEER;
	return 0;
}

static long set_integer(int *ret_integer, int value, long result)
{
	*ret_integer = value;
	return result;
}

/* Calls with a result of their own; -1 in *ret_known when there is none of the name. */
static long call_with_result(const char *name, const long *a, int *ret_known)
{
	*ret_known = 1;
	if (strcmp(name, "openat") == 0)
		return open_file(text_at(a[1]), a[2]);
	if (strcmp(name, "read") == 0)
		return read_file(a[0], memory_at(a[1]), (size_t)a[2]);
	if (strcmp(name, "write") == 0 || strcmp(name, "pwrite") == 0)
		return write_file(a[0], text_at(a[1]), (size_t)a[2]);
	if (strcmp(name, "recvmsg") == 0)
		return receive(memory_at(a[1]));
	if (strcmp(name, "sendmsg") == 0)
		return (long)((struct msghdr *)memory_at(a[1]))->msg_iov[0].iov_len;
	if (strcmp(name, "socketpair") == 0)
		return set_pair(memory_at(a[3]));
	if (strcmp(name, "posix_spawn") == 0)
		return set_integer(memory_at(a[0]), INIT, 0);
	if (strcmp(name, "waitpid") == 0)
		return set_integer(memory_at(a[1]), 0, a[0]);
	if (strcmp(name, "statfs") == 0)
		return look_at(text_at(a[0]), memory_at(a[1]));
	if (strcmp(name, "getcwd") == 0)
		return copy_text("/bundle", memory_at(a[0]));
	if (strcmp(name, "realpath") == 0)
		return copy_text(text_at(a[0]), memory_at(a[1]));
	if (strcmp(name, "uname") == 0)
		return copy_text("6.1.0", ((struct utsname *)memory_at(a[0]))->release) != 0 ? 0 : -1;
	*ret_known = 0;
	return 0;
}

long stand_in_call(const char *name, const long *arguments)
{
	int is_known;
	long result = call_with_result(name, arguments, &is_known);

	if (is_known)
		return result;
	if (strcmp(name, "execve") == 0)
		_exit(0); /* the supervisor is no part of the snapshot */
	if (strcmp(name, "faccessat") == 0)
		return ends_with(text_at(arguments[1]), "config.json") ? 0 : failed(ENOENT);
	if (strcmp(name, "syscall") == 0)
		return failed(EINVAL);
	if (strcmp(name, "readlinkat") == 0)
		return failed(ENOENT);
	if (strcmp(name, "ioctl") == 0)
		return failed(ENOTTY);
	if (strcmp(name, "socket") == 0 || strcmp(name, "memfd_create") == 0)
		return SOCKET;
	return strcmp(name, "getpid") == 0 ? RUNTIME : 0;
}

void stand_in_set_cgroups(int version)
{
	cgroup_version = version;
}

int stand_in_begin(const char *path)
{
	state = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	FILE *file = fopen(path, "rbe");
	if (state == MAP_FAILED || file == NULL)
		return -1;
	config.length = fread(config.text, 1, FILE_BYTES, file);
	fclose(file);
	return config.length > 0 && config.length < FILE_BYTES ? 0 : -1;
}
