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

int tsr_make_in_root(int root, const char *path, const struct tsr_make *make)
{
    int fd = tsr_open_in_root(root, path, O_PATH);

    return fd == -ENOENT ? tsr_walk_in_root(root, path, O_PATH, make) : fd;
}

int tsr_open_parent(int root, const char *path, char ret_last[NAME_MAX + 1])
{
    static const struct tsr_make directories = {.mode = 0755};
    char parent[PATH_MAX];
    size_t length = strlen(path), start;

    while (length > 0 && path[length - 1] == '/')
        length--;
    for (start = length; start > 0 && path[start - 1] != '/'; start--)
        ;
    if (length - start > NAME_MAX || start >= sizeof parent - 1)
        return -ENAMETOOLONG;
    memcpy(ret_last, path + start, length - start);
    ret_last[length - start] = '\0';
    if (length == start || strcmp(ret_last, ".") == 0 || strcmp(ret_last, "..") == 0)
        return -EINVAL;
    parent[0] = '/';
    memcpy(parent + 1, path, start);
    parent[start + 1] = '\0';
    return tsr_make_in_root(root, parent, &directories);
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
