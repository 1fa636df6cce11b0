/* openat2(2) first; the walk of walk.c where it is missing or something has to be made. */
#include "resolve.h"
#include "kernel.h"
#include "machine.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The kernel answers EAGAIN when a rename or a mount anywhere on the system raced with a `..` in the
 * path; trying again is the remedy (openat2(2)). Somebody who races on purpose shall not hold us forever.
 */
enum { EAGAIN_TRIES = 1000 };

static int open_how(int directory, const char *path, int flags, uint64_t resolve)
{
    struct kernel_open_how how = {.flags = (unsigned)(flags | O_CLOEXEC), .resolve = resolve};
    int fd;

    for (int i = 0; i < EAGAIN_TRIES; i++) {
        fd = tsr_result(syscall(SYS_openat2, directory, path, &how, sizeof how));
        if (fd != -EAGAIN && fd != -EINTR)
            break;
    }
    return fd;
}

int tsr_open_in_root(int root, const char *path, int flags)
{
    int fd = open_how(root, path, flags, KERNEL_RESOLVE_IN_ROOT | KERNEL_RESOLVE_NO_MAGICLINKS);

    return fd == -ENOSYS ? tsr_walk_in_root(root, path, flags, NULL) : fd;
}

/* Cuts path into what leads to the parent and the last name, which must be one: 0 or -errno. */
static int split(const char *path, char ret_parent[PATH_MAX], char ret_last[NAME_MAX + 1])
{
    size_t length = strlen(path), start;

    while (length > 0 && path[length - 1] == '/')
        length--;
    for (start = length; start > 0 && path[start - 1] != '/'; start--)
        ;
    if (length - start > NAME_MAX || start >= PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(ret_last, path + start, length - start);
    ret_last[length - start] = '\0';
    if (length == start || strcmp(ret_last, ".") == 0 || strcmp(ret_last, "..") == 0)
        return -EINVAL;
    while (start > 1 && path[start - 1] == '/')
        start--;
    memcpy(ret_parent, start == 0 ? "." : path, start == 0 ? 1 : start);
    ret_parent[start == 0 ? 1 : start] = '\0';
    return 0;
}

/* The common case, in as few calls as it takes: the last name is missing, its parent is there. */
static int make_last(int root, const char *path, const struct tsr_make *make)
{
    char parent_path[PATH_MAX], name[NAME_MAX + 1];
    int error = split(path, parent_path, name);
    int parent TSR_CLOSED = error < 0 ? error : tsr_open_in_root(root, parent_path, O_PATH | O_DIRECTORY);

    if (parent < 0)
        return parent;
    error = tsr_make_node(parent, name, make, true);
    return error < 0 ? error : tsr_result(openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
}

int tsr_make_in_root(int root, const char *path, const struct tsr_make *make)
{
    int fd = tsr_open_in_root(root, path, O_PATH);

    return fd == -ENOENT ? tsr_make_missing(root, path, make) : fd;
}

int tsr_make_missing(int root, const char *path, const struct tsr_make *make)
{
    int fd = make_last(root, path, make);

    /* EEXIST: a symlink to nowhere is in the way, and the walk makes what it points to. */
    if (fd == -ENOENT || fd == -EEXIST || fd == -EINVAL)
        return tsr_walk_in_root(root, path, O_PATH, make);
    return fd;
}

int tsr_open_parent(int root, const char *path, char ret_last[NAME_MAX + 1])
{
    static const struct tsr_make directories = {.mode = 0755};
    char parent[PATH_MAX];
    int error = split(path, parent, ret_last);

    return error < 0 ? error : tsr_make_in_root(root, parent, &directories);
}

/* For kernels without openat2: the walk does not follow magic links and cannot leave; compare devices. */
static int walk_beneath(int directory, const char *path, int flags)
{
    struct stat above, below;
    int fd = tsr_walk_in_root(directory, path, flags, NULL);

    if (fd < 0)
        return fd;
    if (fstat(directory, &above) == 0 && fstat(fd, &below) == 0 && above.st_dev == below.st_dev)
        return fd;
    close(fd);
    return -EXDEV;
}

int tsr_open_beneath(int directory, const char *path, int flags)
{
    int fd = open_how(directory, path, flags,
                      KERNEL_RESOLVE_BENEATH | KERNEL_RESOLVE_NO_MAGICLINKS | KERNEL_RESOLVE_NO_XDEV);

    return fd == -ENOSYS ? walk_beneath(directory, path, flags) : fd;
}
