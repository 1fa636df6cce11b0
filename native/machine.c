/* Slots, results, control messages. */
#include "machine.h"
#include "kernel.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

int tsr_result(long returned)
{
    return returned < 0 ? -errno : (int)returned;
}

void tsr_close_fd(int *fd)
{
    if (*fd >= 0) {
        int saved = errno;

        close(*fd);
        errno = saved;
    }
}

int tsr_slot(const struct tsr_machine *m, uint32_t slot)
{
    return m->plan.slots[slot];
}

int tsr_slot_or(const struct tsr_machine *m, uint32_t slot, int absent)
{
    return slot == TSR_NO_SLOT ? absent : tsr_slot(m, slot);
}

int tsr_fill_slot(struct tsr_machine *m, uint32_t slot, long returned)
{
    return tsr_fill_slot_with(m, slot, tsr_result(returned));
}

int tsr_fill_slot_with(struct tsr_machine *m, uint32_t slot, int fd_or_error)
{
    if (fd_or_error < 0)
        return fd_or_error;
    tsr_close_fd(&m->plan.slots[slot]);
    m->plan.slots[slot] = fd_or_error;
    return 0;
}

static int send_with(const struct tsr_machine *m, const void *packet, size_t length, int fd)
{
    struct iovec part = {(void *)(uintptr_t)packet, length};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.align = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes,
    };

    control.align.cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(&control.align), &fd, sizeof fd);
    while (sendmsg(m->control, &message, MSG_NOSIGNAL) < 0) {
        if (errno != EINTR)
            return -errno;
    }
    return 0;
}

/*
 * By write(2), which every program needs: a seccomp filter that is in force already may refuse the calls of
 * sockets, or end who makes them.
 */
int tsr_say(const struct tsr_machine *m, enum tsr_message type, uint32_t plan_index, int32_t value,
            int fd)
{
    uint32_t length = type == TSR_SAY_FAULT || type == TSR_SAY_WARNING ? (uint32_t)m->detail.length : 0;
    uint32_t head[4] = {type, plan_index, (uint32_t)value, length};
    char packet[sizeof head + TSR_TEXT_MAX];

    memcpy(packet, head, sizeof head);
    memcpy(packet + sizeof head, m->detail.bytes, length);
    if (fd >= 0)
        return send_with(m, packet, sizeof head + length, fd);
    while (write(m->control, packet, sizeof head + length) < 0) {
        if (errno != EINTR)
            return -errno;
    }
    return 0;
}

bool tsr_hear_go(int socket)
{
    uint32_t word = 0;
    ssize_t got;

    do
        got = read(socket, &word, sizeof word);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof word && word == TSR_GO;
}

bool tsr_has_go(int socket)
{
    uint32_t word = 0;

    return recv(socket, &word, sizeof word, MSG_DONTWAIT) == (ssize_t)sizeof word && word == TSR_GO;
}

int tsr_fd_path(int fd, char ret_path[TSR_FD_PATH_MAX])
{
    struct statfs fs;
    char digits[24];

    /* Behind pivot_root /proc is the container's: a directory of the image must not stand in for it. */
    if (statfs("/proc/self/fd", &fs) < 0)
        return -errno;
    if (fs.f_type != KERNEL_PROC_SUPER_MAGIC)
        return -ENOTSUP;
    strcpy(ret_path, "/proc/self/fd/");
    strcat(ret_path, tsr_format_number(digits, (uint64_t)fd, 10));
    return 0;
}
