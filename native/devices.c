/* Device nodes and symlinks in the container's root. */
#include "kernel.h"
#include "machine.h"
#include "resolve.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_device(const struct stat *status, const struct op_mknodat *op)
{
    if ((status->st_mode & S_IFMT) != (op->mode & S_IFMT))
        return false;
    return S_ISFIFO(status->st_mode) || status->st_rdev == (dev_t)op->dev;
}

/* chmod(2) of a descriptor opened O_PATH: fchmodat2(2) since Linux 6.6, before by way of procfs. */
static int chmod_node(int node, mode_t mode)
{
    char path[TSR_FD_PATH_MAX];
    int error = tsr_result(syscall(SYS_fchmodat2, node, "", mode, AT_EMPTY_PATH));

    if (error != -ENOSYS)
        return error;
    error = tsr_fd_path(node, path);
    return error < 0 ? error : tsr_result(chmod(path, mode));
}

/* Mode and owner, of the very node that was looked at: the name may be another's by now. */
static int correct_node(int parent, const char *name, const struct op_mknodat *op)
{
    int node TSR_CLOSED = tsr_result(openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status;

    if (node < 0)
        return node;
    if (fstat(node, &status) < 0)
        return -errno;
    if (!is_device(&status, op))
        return -EEXIST;
    if ((status.st_uid != op->uid || status.st_gid != op->gid) &&
        fchownat(node, "", op->uid, op->gid, AT_EMPTY_PATH) < 0)
        return -errno;
    return (status.st_mode & 07777) == (op->mode & 07777) ? 0 : chmod_node(node, op->mode & 07777);
}

int op_mknodat(struct tsr_machine *m, const struct op_mknodat *op)
{
    char name[NAME_MAX + 1];
    int parent TSR_CLOSED = tsr_open_parent(tsr_slot(m, op->root), op->path, name);
    struct stat status;
    int made;

    if (parent < 0)
        return parent;
    made = tsr_result(mknodat(parent, name, (mode_t)op->mode, (dev_t)op->dev));
    if (made < 0 && made != -EEXIST)
        return made;
    if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (!is_device(&status, op)) {
        tsr_text_add(&m->detail, "something else is there");
        return -EEXIST;
    }
    /* One that was there may be the host's, by a bind mount: it keeps its mode and owner. */
    if (made == -EEXIST || (status.st_uid == op->uid && status.st_gid == op->gid &&
                            (status.st_mode & 07777) == (op->mode & 07777)))
        return 0;
    return correct_node(parent, name, op);
}

int op_symlinkat(struct tsr_machine *m, const struct op_symlinkat *op)
{
    char name[NAME_MAX + 1], target[PATH_MAX];
    int parent TSR_CLOSED = tsr_open_parent(tsr_slot(m, op->root), op->path, name);
    ssize_t length;

    if (parent < 0)
        return parent;
    if (symlinkat(op->target, parent, name) == 0)
        return 0;
    if (errno != EEXIST)
        return -errno;
    length = readlinkat(parent, name, target, sizeof target);
    if (length == (ssize_t)strlen(op->target) && memcmp(target, op->target, (size_t)length) == 0)
        return 0;
    return -EEXIST;
}
