/* Operations on files, directories and the working directory. */
#include "kernel.h"
#include "machine.h"
#include "resolve.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

int op_openat(struct tsr_machine *m, const struct op_openat *op)
{
    int dirfd = tsr_slot_or(m, op->dirfd, AT_FDCWD);

    return tsr_fill_slot(m, op->out, openat(dirfd, op->path, (int)op->flags | O_CLOEXEC, op->mode));
}

int op_openat2(struct tsr_machine *m, const struct op_openat2 *op)
{
    int root = tsr_slot(m, op->root);

    return tsr_fill_slot_with(m, op->out, tsr_open_in_root(root, op->path, (int)op->flags));
}

int op_mkdir_in_root(struct tsr_machine *m, const struct op_mkdir_in_root *op)
{
    struct tsr_make make = {.mode = (mode_t)op->mode, .uid = op->uid, .gid = op->gid};
    int fd TSR_CLOSED = tsr_make_in_root(tsr_slot(m, op->root), op->path, &make);

    return fd < 0 ? fd : 0;
}

int op_write(struct tsr_machine *m, const struct op_write *op)
{
    int directory = tsr_slot_or(m, op->dirfd, AT_FDCWD);
    int flags = O_WRONLY | O_CLOEXEC;
    size_t length = strlen(op->data);
    ssize_t written;
    int fd TSR_CLOSED = -1;

    if (op->dirfd == TSR_NO_SLOT)
        fd = tsr_result(openat(AT_FDCWD, op->path, flags));
    else
        fd = directory < 0 ? -EBADF : tsr_open_beneath(directory, op->path, flags);
    if (fd < 0)
        return fd;
    written = write(fd, op->data, length);
    if (written < 0)
        return -errno;
    return (size_t)written == length ? 0 : -EIO;
}

/* 0 when fd stands in a procfs: what is written there must reach the kernel (CVE-2019-16884). */
static int check_procfs(int fd)
{
    struct statfs fs;

    if (fstatfs(fd, &fs) < 0)
        return -errno;
    return fs.f_type == KERNEL_PROC_SUPER_MAGIC ? 0 : -EXDEV;
}

/* Opens self/attr/DIRECTORY/NAME; the path is the detail of whatever fails from here. */
static int open_attr(struct tsr_machine *m, const struct op_write_attr *op, const char *directory)
{
    char path[64] = "self/attr/";

    if (strlen(directory) + strlen(op->name) + sizeof "self/attr//" > sizeof path)
        return -ENAMETOOLONG;
    strcat(path, directory);
    if (*directory != '\0')
        strcat(path, "/");
    strcat(path, op->name);
    m->detail.length = 0;
    tsr_text_add(&m->detail, path);
    return tsr_open_beneath(tsr_slot(m, op->proc), path, O_WRONLY | O_CLOEXEC);
}

int op_write_attr(struct tsr_machine *m, const struct op_write_attr *op)
{
    int error = check_procfs(tsr_slot(m, op->proc));
    int fd TSR_CLOSED = -ENOENT;
    size_t length = strlen(op->data);
    ssize_t written;

    if (error < 0)
        return error;
    if (op->directory != NULL)
        fd = open_attr(m, op, op->directory);
    /* A directory for each security module: Linux 5.8. */
    if (fd == -ENOENT)
        fd = open_attr(m, op, "");
    if (fd < 0)
        return fd;
    written = write(fd, op->data, length);
    if (written < 0)
        return -errno;
    return (size_t)written == length ? 0 : -EIO;
}

int op_setxattr(struct tsr_machine *m, const struct op_setxattr *op)
{
    char path[TSR_FD_PATH_MAX];
    int error = tsr_fd_path(tsr_slot(m, op->fd), path);

    return error < 0 ? error : tsr_result(setxattr(path, op->name, op->value, strlen(op->value), 0));
}

int op_close(struct tsr_machine *m, const struct op_close *op)
{
    int fd = tsr_slot(m, op->fd);

    m->plan.slots[op->fd] = -1;
    return tsr_result(close(fd));
}

int op_fchdir(struct tsr_machine *m, const struct op_fchdir *op)
{
    return tsr_result(fchdir(tsr_slot(m, op->fd)));
}

int op_chdir(struct tsr_machine *m, const struct op_chdir *op)
{
    (void)m;
    return tsr_result(chdir(op->path));
}

int op_send_fd(struct tsr_machine *m, const struct op_send_fd *op)
{
    int fd = tsr_slot(m, op->fd);
    struct iovec payload = {(void *)(uintptr_t)op->payload, strlen(op->payload)};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.align = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct msghdr message = {
        .msg_iov = &payload,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes,
    };
    ssize_t sent;

    control.align.cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(&control.align), &fd, sizeof fd);
    sent = sendmsg(tsr_slot(m, op->socket), &message, MSG_NOSIGNAL);
    if (sent < 0)
        return -errno;
    return (size_t)sent == payload.iov_len ? 0 : -EIO;
}
