/* From the created state to the container's own program. */
#include "start.h"
#include "kernel.h"
#include "machine.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* fs.nr_open's default: more descriptors than that take a machine configured for it. */
enum { NR_OPEN = 1 << 20, BATCH = 512 };

/* poll(2) tells what is open of many numbers at once: a million calls of close(2) take a second. It takes no more
 * numbers than RLIMIT_NOFILE; where it fails they are all closed. */
static void close_open(unsigned first, unsigned last)
{
    struct rlimit limit = {.rlim_cur = BATCH};
    struct pollfd fds[BATCH];
    unsigned batch;

    (void)getrlimit(RLIMIT_NOFILE, &limit);
    batch = limit.rlim_cur > 0 && limit.rlim_cur < BATCH ? (unsigned)limit.rlim_cur : BATCH;
    for (unsigned fd = first; fd <= last && fd < NR_OPEN; fd += batch) {
        unsigned count = 0;
        bool known;

        for (; count < batch && fd + count <= last; count++)
            fds[count] = (struct pollfd){.fd = (int)(fd + count)};
        known = poll(fds, count, 0) >= 0;
        for (unsigned i = 0; i < count; i++) {
            if (!known || (fds[i].revents & POLLNVAL) == 0)
                close(fds[i].fd);
        }
    }
}

/* Both ends included; nothing when they have crossed. */
static int close_between(unsigned first, unsigned last)
{
    int error;

    if (first > last)
        return 0;
    error = tsr_result(syscall(SYS_close_range, first, last, 0));
    if (error != -ENOSYS)
        return error;
    close_open(first, last);
    return 0;
}

int tsr_close_but(unsigned first, int kept)
{
    int error = 0;

    if (kept < (int)first)
        return close_between(first, ~0u);
    error = close_between(first, (unsigned)kept - 1);
    return error == 0 ? close_between((unsigned)kept + 1, ~0u) : error;
}

void tsr_reset_signals(void)
{
    /* A struct sigaction of the kernel: SIG_DFL, no flags. The libraries refuse their own signals. */
    static const unsigned long initial[4];
    static const unsigned long empty;

    for (int signal = 1; signal < _NSIG; signal++)
        syscall(SYS_rt_sigaction, signal, initial, NULL, sizeof empty);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &empty, NULL, sizeof empty);
}

void tsr_restore_signals(void)
{
    signal(SIGPIPE, SIG_DFL);
}

int op_close_range(struct tsr_machine *m, const struct op_close_range *op)
{
    int kept[2] = {m->control, tsr_slot_or(m, op->keep, -1)};
    unsigned first = op->first;
    int error = 0;

    if (kept[0] > kept[1])
        memcpy(kept, (int[2]){kept[1], kept[0]}, sizeof kept);
    for (unsigned i = 0; i < 2 && error == 0; i++) {
        if (kept[i] < (int)first)
            continue;
        error = close_between(first, (unsigned)kept[i] - 1);
        first = (unsigned)kept[i] + 1;
        /* What came from the runtime is not. */
        if (error == 0)
            error = tsr_result(fcntl(kept[i], F_SETFD, FD_CLOEXEC));
    }
    if (error == 0)
        error = close_between(first, ~0u);
    for (uint32_t i = 0; i < m->plan.slot_count; i++) {
        if (i != op->keep)
            m->plan.slots[i] = -1;
    }
    return error;
}

/* Behind the last `..` the working directory may be one of the host's: then it has no path here. */
int op_check_cwd(struct tsr_machine *m, const struct op_check_cwd *op)
{
    char path[PATH_MAX];

    (void)m;
    /* getcwd(3) of the libraries hides what the kernel says. */
    if (syscall(SYS_getcwd, path, sizeof path) < 0)
        return -errno;
    if (path[0] != '/')
        return -ENOENT;
    if (strcmp(path, "/") != 0 || strcmp(op->path, "/") == 0)
        return 0;
    if (chdir(op->path) < 0)
        return -errno;
    if (syscall(SYS_getcwd, path, sizeof path) < 0)
        return -errno;
    return path[0] == '/' ? 0 : -ENOENT;
}

/*
 * Who may connect is a matter of the socket's directory and mode: the peer's uid seen from inside a user
 * namespace says nothing.
 */
int op_accept(struct tsr_machine *m, const struct op_accept *op)
{
    int connection;

    /* The end of file tells the runtime that this is the created state. */
    close(m->control);
    m->control = -1;
    m->is_released = true;
    for (;;) {
        connection = accept4(tsr_slot(m, op->socket), NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (connection < 0)
            return -errno;
        if (tsr_hear_go(connection))
            break;
        close(connection);
    }
    m->control = connection;
    return 0;
}
