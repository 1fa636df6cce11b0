/*
 * copy_up: what a directory of the image holds, into the file system that will cover it. The image is
 * hostile: nothing is opened through a symlink, nothing but regular files and directories is opened at all.
 * Hard links become separate files; sockets are left out, for nobody listens behind them.
 */
#include "kernel.h"
#include "machine.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Each level keeps two descriptors and a buffer on the stack. */
enum { DEPTH_MAX = 200, LIST_BYTES = 2048 };

struct kernel_dirent {
    uint64_t ino;
    int64_t off;
    unsigned short length;
    unsigned char type;
    char name[];
};

static int copy_directory(int from, int to, int depth);

static int copy_xattr(int from, int to, const char *name)
{
    static char value[65536]; /* XATTR_SIZE_MAX */
    ssize_t length = fgetxattr(from, name, value, sizeof value);

    if (length < 0)
        return -errno;
    return tsr_result(fsetxattr(to, name, value, (size_t)length, 0));
}

static int copy_xattrs(int from, int to)
{
    static char names[65536]; /* XATTR_LIST_MAX */
    ssize_t length = flistxattr(from, names, sizeof names);

    if (length < 0)
        return errno == ENOTSUP ? 0 : -errno;
    for (const char *name = names; name < names + length; name += strlen(name) + 1) {
        int error = copy_xattr(from, to, name);

        /* tmpfs keeps no user.* before Linux 6.6, and no ACL where it is configured so. */
        if (error < 0 && error != -ENOTSUP)
            return error;
    }
    return 0;
}

/* Owner first: chown(2) clears the set-user-ID bits that chmod then sets. Times last. */
static int copy_attributes(int from, int to)
{
    struct stat status;
    struct timespec times[2];
    int error;

    if (fstat(from, &status) < 0 || fchown(to, status.st_uid, status.st_gid) < 0 ||
        fchmod(to, status.st_mode & 07777) < 0)
        return -errno;
    error = copy_xattrs(from, to);
    times[0] = status.st_atim;
    times[1] = status.st_mtim;
    return error < 0 ? error : tsr_result(futimens(to, times));
}

static int copy_file(int from_dir, int to_dir, const char *name)
{
    /* O_NONBLOCK: a FIFO that took the file's place must not hold us. */
    int from TSR_CLOSED =
        tsr_result(openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    int to TSR_CLOSED =
        tsr_result(openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    ssize_t sent;

    if (from < 0 || to < 0)
        return from < 0 ? from : to;
    do
        sent = sendfile(to, from, NULL, 1 << 20);
    while (sent > 0 || (sent < 0 && errno == EINTR));
    return sent < 0 ? -errno : copy_attributes(from, to);
}

static int copy_symlink(int from_dir, int to_dir, const char *name, const struct stat *status)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(from_dir, name, target, sizeof target - 1);

    if (length < 0)
        return -errno;
    target[length] = '\0';
    if (symlinkat(target, to_dir, name) < 0)
        return -errno;
    return tsr_result(fchownat(to_dir, name, status->st_uid, status->st_gid, AT_SYMLINK_NOFOLLOW));
}

static int copy_node(int to_dir, const char *name, const struct stat *status)
{
    if (mknodat(to_dir, name, status->st_mode, status->st_rdev) < 0)
        return -errno;
    return tsr_result(fchownat(to_dir, name, status->st_uid, status->st_gid, AT_SYMLINK_NOFOLLOW));
}

static int copy_subdirectory(int from_dir, int to_dir, const char *name, int depth)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int from TSR_CLOSED = tsr_result(openat(from_dir, name, flags));
    int to TSR_CLOSED = -1;

    if (from < 0)
        return from;
    if (mkdirat(to_dir, name, 0700) < 0)
        return -errno;
    to = tsr_result(openat(to_dir, name, flags));
    return to < 0 ? to : copy_directory(from, to, depth + 1);
}

static int copy_entry(int from_dir, int to_dir, const char *name, int depth)
{
    struct stat status;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    if (fstatat(from_dir, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    switch (status.st_mode & S_IFMT) {
    case S_IFDIR:
        return copy_subdirectory(from_dir, to_dir, name, depth);
    case S_IFREG:
        return copy_file(from_dir, to_dir, name);
    case S_IFLNK:
        return copy_symlink(from_dir, to_dir, name, &status);
    case S_IFSOCK:
        return 0;
    default:
        return copy_node(to_dir, name, &status);
    }
}

static int copy_directory(int from, int to, int depth)
{
    _Alignas(struct kernel_dirent) char list[LIST_BYTES];
    long length;

    if (depth > DEPTH_MAX)
        return -ELOOP;
    while ((length = syscall(SYS_getdents64, from, list, sizeof list)) > 0) {
        for (long at = 0; at < length;) {
            const struct kernel_dirent *entry = (const void *)(list + at);
            int error = copy_entry(from, to, entry->name, depth);

            if (error < 0)
                return error;
            at += entry->length;
        }
    }
    return length < 0 ? -errno : copy_attributes(from, to);
}

int op_copy_up(struct tsr_machine *m, const struct op_copy_up *op)
{
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    int from TSR_CLOSED = tsr_result(openat(tsr_slot(m, op->from), ".", flags));
    int to TSR_CLOSED = tsr_result(openat(tsr_slot(m, op->to), ".", flags));

    if (from < 0 || to < 0)
        return from < 0 ? from : to;
    return copy_directory(from, to, 0);
}
