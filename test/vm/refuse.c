/*
 * refuse ERRNO NAME COMMAND...: runs a command that gets ERRNO when it opens a file of that name. What it has
 * started must have ended by its own end: the others wait for an answer then (seccomp_unotify(2)).
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* The filter, in place from here on; the descriptor on which it asks. */
static int listen_for_openat(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        err(125, "no_new_privs");
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                        &program);
}

/* Whether the last part of the path at an address of a process is the name. */
static int is_named(pid_t pid, unsigned long address, const char *name)
{
    char path[4097] = "";
    struct iovec here = {path, sizeof path - 1}, there[2];
    size_t first = 4096 - address % 4096; /* the next page may not be mapped */
    const char *last;

    there[0] = (struct iovec){(void *)address, first};
    there[1] = (struct iovec){(void *)(address + first), 4096 - first};
    if (process_vm_readv(pid, &here, 1, there, 2, 0) < 0)
        return 0;
    last = strrchr(path, '/');
    return strcmp(last ? last + 1 : path, name) == 0;
}

static void answer(int listener, int error, const char *name)
{
    struct seccomp_notif asked = {0};
    struct seccomp_notif_resp told = {0};

    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0)
        return; /* it has ended meanwhile */
    told.id = asked.id;
    if (is_named((pid_t)asked.pid, (unsigned long)asked.data.args[1], name))
        told.error = -error;
    else
        told.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &told);
}

static void run(int parent, char **command)
{
    int listener = listen_for_openat();

    /* Closed by execve(2): not before the parent has one of its own. */
    if (listener < 0 || write(parent, &listener, sizeof listener) != sizeof listener ||
        read(parent, &listener, sizeof listener) != sizeof listener)
        err(125, "seccomp");
    execvp(command[0], command);
    err(125, "%s", command[0]);
}

int main(int count, char **arguments)
{
    int error = count < 4 ? 0 : atoi(arguments[1]);
    int pair[2], pidfd, listener, status;
    pid_t child;

    if (error <= 0)
        errx(125, "refuse ERRNO NAME COMMAND...");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 || (child = fork()) < 0)
        err(125, "fork");
    if (child == 0)
        run(pair[1], arguments + 3);
    pidfd = (int)syscall(SYS_pidfd_open, child, 0);
    if (read(pair[0], &listener, sizeof listener) != sizeof listener)
        err(125, "read");
    listener = (int)syscall(SYS_pidfd_getfd, pidfd, listener, 0);
    if (listener < 0 || write(pair[0], &listener, sizeof listener) != sizeof listener)
        err(125, "pidfd_getfd");
    for (;;) {
        struct pollfd either[2] = {{listener, POLLIN, 0}, {pidfd, POLLIN, 0}};

        if (poll(either, 2, -1) < 0)
            err(125, "poll");
        if (either[0].revents & POLLIN)
            answer(listener, error, arguments[2]);
        else if (either[1].revents)
            break;
    }
    if (waitpid(child, &status, 0) < 0)
        err(125, "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
