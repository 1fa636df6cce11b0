/* The place where something will be mounted, and the places where nothing may be. */
#include "machine.h"
#include "kernel.h"
#include "resolve.h"
#include "target.h"
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

/* What is missing is made like the file `like` is of; like a directory when it is -1. */
static int open_or_make(int root, const char *path, int like)
{
    struct tsr_make make = {.mode = 0755};
    int fd = tsr_open_in_root(root, path, O_PATH);
    struct stat status;

    if (fd != -ENOENT)
        return fd;
    if (like >= 0) {
        if (fstat(like, &status) < 0)
            return -errno;
        make.is_file = !S_ISDIR(status.st_mode);
    }
    return tsr_make_missing(root, path, &make);
}

int tsr_open_target(int root, const char *path, uint32_t flags, int like)
{
    int fd = (flags & TARGET_DIRECTORY) != 0 ? open_directory(root, path) : open_or_make(root, path, like);
    int error = fd < 0 ? fd : check_place(root, fd, flags);

    if (error == 0)
        return fd;
    tsr_close_fd(&fd);
    return error;
}

int op_open_target(struct tsr_machine *m, const struct op_open_target *op)
{
    int like = tsr_slot_or(m, op->like, -1);

    return tsr_fill_slot_with(m, op->out, tsr_open_target(tsr_slot(m, op->root), op->path, op->flags, like));
}
