/* open_target: the place where something will be mounted, and the places where nothing may be. */
#include "machine.h"
#include "kernel.h"
#include "resolve.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* The last component is a directory itself, not a symlink to one; made when missing. */
static int open_directory(int root, const char *path)
{
    int flags = O_PATH | O_NOFOLLOW | O_DIRECTORY;
    int fd = tsr_open_in_root(root, path, flags);
    char name[NAME_MAX + 1];
    int parent TSR_CLOSED = -1;

    if (fd != -ENOENT)
        return fd;
    parent = tsr_open_parent(root, path, name);
    if (parent < 0)
        return parent;
    if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
        return -errno;
    return tsr_result(openat(parent, name, flags | O_CLOEXEC));
}

/*
 * A mount over the root itself would not be seen; one on a procfs could stand in for what the runtime
 * relies on (CVE-2019-16884).
 */
static int check_place(int root, int fd, uint32_t flags)
{
    struct stat top, place;
    struct statfs fs;

    if (fstat(root, &top) < 0 || fstat(fd, &place) < 0)
        return -errno;
    if (top.st_dev == place.st_dev)
        return top.st_ino == place.st_ino ? -EPERM : 0;
    if ((flags & TARGET_PROC) != 0)
        return 0;
    if (fstatfs(fd, &fs) < 0)
        return -errno;
    return fs.f_type == KERNEL_PROC_SUPER_MAGIC ? -EPERM : 0;
}

int op_open_target(struct tsr_machine *m, const struct op_open_target *op)
{
    int root = tsr_slot(m, op->root), fd, error;
    struct tsr_make make = {.mode = 0755};
    struct stat like;

    if (op->like != TSR_NO_SLOT) {
        if (fstat(tsr_slot(m, op->like), &like) < 0)
            return -errno;
        make.is_file = !S_ISDIR(like.st_mode);
    }
    if ((op->flags & TARGET_DIRECTORY) != 0)
        fd = open_directory(root, op->path);
    else
        fd = tsr_make_in_root(root, op->path, &make);
    error = fd < 0 ? fd : check_place(root, fd, op->flags);
    if (error == 0)
        return tsr_fill_slot_with(m, op->out, fd);
    tsr_close_fd(&fd);
    return error;
}
