/* Namespaces: joining, leaving, naming, and the user namespace of an id-mapped mount. */
#include "kernel.h"
#include "machine.h"
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int op_setns(struct tsr_machine *m, const struct op_setns *op)
{
    return tsr_result(setns(tsr_slot(m, op->fd), (int)op->nstype));
}

int op_unshare(struct tsr_machine *m, const struct op_unshare *op)
{
    (void)m;
    return tsr_result(unshare((int)op->flags));
}

int op_sethostname(struct tsr_machine *m, const struct op_sethostname *op)
{
    (void)m;
    return tsr_result(sethostname(op->name, strlen(op->name)));
}

int op_setdomainname(struct tsr_machine *m, const struct op_setdomainname *op)
{
    (void)m;
    return tsr_result(setdomainname(op->name, strlen(op->name)));
}

int op_link_up(struct tsr_machine *m, const struct op_link_up *op)
{
    struct ifreq request = {0};
    /* Any socket carries these requests (netdevice(7)), and AF_UNIX is always there. */
    int fd TSR_CLOSED = tsr_result(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));

    (void)m;
    if (fd < 0)
        return fd;
    if (strlen(op->name) >= sizeof request.ifr_name)
        return -ENODEV;
    strcpy(request.ifr_name, op->name);
    if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
        return -errno;
    request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
    return tsr_result(ioctl(fd, SIOCSIFFLAGS, &request));
}

/* Opens /proc/PID/NAME of the throw-away child. */
static int open_proc(pid_t pid, const char *name, int flags)
{
    char path[64] = "/proc/", digits[24];

    strcat(path, tsr_format_number(digits, (uint64_t)pid, 10));
    strcat(path, name);
    return tsr_result(openat(AT_FDCWD, path, flags | O_CLOEXEC));
}

static int write_map(pid_t pid, const char *name, const char *map)
{
    int fd TSR_CLOSED = open_proc(pid, name, O_WRONLY);

    if (fd < 0)
        return fd;
    return tsr_result(write(fd, map, strlen(map))) < 0 ? -errno : 0;
}

/* The child lives until the pipe's writing end is closed: by us, or because we ended. */
static pid_t spawn_in_userns(int pipe_fds[2])
{
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    char byte;

    if (pid != 0)
        return pid;
    close(pipe_fds[1]);
    while (read(pipe_fds[0], &byte, 1) < 0 && errno == EINTR)
        ;
    _exit(0);
}

int op_create_userns(struct tsr_machine *m, const struct op_create_userns *op)
{
    int ends[2], error;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pid = spawn_in_userns(ends);
    error = pid < 0 ? -errno : write_map(pid, "/uid_map", op->uid_map);
    if (error == 0)
        error = write_map(pid, "/gid_map", op->gid_map);
    if (error == 0)
        error = tsr_fill_slot_with(m, op->out, open_proc(pid, "/ns/user", O_RDONLY));
    close(ends[0]);
    close(ends[1]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return error;
}
