/* The terminal and the standard streams. */
#include "kernel.h"
#include "machine.h"
#include "resolve.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * /dev/pts must be a devpts, where nobody but the kernel makes nodes, and ptmx its own: the image, or a
 * container that shares the mount, could have put another terminal there (CVE-2025-52565).
 */
static int open_ptmx(int root)
{
    int pts TSR_CLOSED = tsr_open_in_root(root, "/dev/pts", O_PATH | O_DIRECTORY);
    int master TSR_CLOSED = -1;
    struct statfs fs;
    struct stat status;
    int opened;

    if (pts < 0)
        return pts;
    if (fstatfs(pts, &fs) < 0)
        return -errno;
    if (fs.f_type != KERNEL_DEVPTS_SUPER_MAGIC)
        return -ENODEV;
    master = tsr_result(openat(pts, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC));
    if (master < 0)
        return master;
    if (fstat(master, &status) < 0 || fstatfs(master, &fs) < 0)
        return -errno;
    if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(5, 2) ||
        fs.f_type != KERNEL_DEVPTS_SUPER_MAGIC)
        return -ENODEV;
    opened = master;
    master = -1;
    return opened;
}

static int open_peer(int master, const struct op_console *op)
{
    struct winsize size = {.ws_row = (unsigned short)op->rows, .ws_col = (unsigned short)op->columns};
    int unlocked = 0;

    if (op->rows != 0 && op->columns != 0 && ioctl(master, TIOCSWINSZ, &size) < 0)
        return -errno;
    if (ioctl(master, TIOCSPTLCK, &unlocked) < 0)
        return -errno;
    /* The peer of this very master, whatever name leads to it (Linux 4.13). */
    return tsr_result(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
}

/* The container's /dev/console, made when missing; never what a symlink there points to. */
static int open_console_target(int root)
{
    char name[NAME_MAX + 1];
    int parent TSR_CLOSED = tsr_open_parent(root, "/dev/console", name);
    struct stat status;
    int target;

    if (parent < 0)
        return parent;
    if (mknodat(parent, name, S_IFREG | 0600, 0) < 0 && errno != EEXIST)
        return -errno;
    target = tsr_result(openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (target < 0 || (fstat(target, &status) == 0 && !S_ISLNK(status.st_mode)))
        return target;
    close(target);
    return -ELOOP;
}

static int mount_peer(int root, int peer)
{
    unsigned clone_flags = KERNEL_OPEN_TREE_CLONE | KERNEL_OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
    unsigned move_flags = KERNEL_MOVE_MOUNT_F_EMPTY_PATH | KERNEL_MOVE_MOUNT_T_EMPTY_PATH;
    int target TSR_CLOSED = open_console_target(root);
    int clone TSR_CLOSED = target < 0 ? target : tsr_result(syscall(SYS_open_tree, peer, "", clone_flags));
    char peer_path[TSR_FD_PATH_MAX], target_path[TSR_FD_PATH_MAX];
    int error;

    if (clone >= 0)
        return tsr_result(syscall(SYS_move_mount, clone, "", target, "", move_flags));
    if (target < 0 || clone != -ENOSYS)
        return clone;
    error = tsr_fd_path(peer, peer_path);
    if (error == 0)
        error = tsr_fd_path(target, target_path);
    return error < 0 ? error : tsr_result(mount(peer_path, target_path, NULL, MS_BIND, NULL));
}

int op_console(struct tsr_machine *m, const struct op_console *op)
{
    int root = tsr_slot(m, op->root);
    int master = open_ptmx(root);
    int error = tsr_fill_slot_with(m, op->out, master);
    int peer TSR_CLOSED = error < 0 ? error : open_peer(master, op);

    if (peer < 0)
        return peer;
    if (op->mount != 0) {
        error = mount_peer(root, peer);
        if (error < 0)
            return error;
    }
    for (int fd = 0; fd <= 2; fd++) {
        if (dup2(peer, fd) < 0)
            return -errno;
    }
    return tsr_result(ioctl(0, TIOCSCTTY, 0));
}

/* 1 for the null device, 0 for anything else; -errno. */
static int is_null(int fd)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return -errno;
    return S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
}

/* Looked at before it is opened for use: opening the wrong device can have effects. */
static int open_null(int root)
{
    int looked TSR_CLOSED = tsr_open_in_root(root, "/dev/null", O_PATH | O_NOFOLLOW);
    int null, is;

    if (looked < 0)
        return looked;
    is = is_null(looked);
    if (is <= 0)
        return is < 0 ? is : -ENODEV;
    null = tsr_open_in_root(root, "/dev/null", O_RDWR | O_NOFOLLOW | O_NOCTTY);
    if (null < 0)
        return null;
    is = is_null(null);
    if (is > 0)
        return null;
    close(null);
    return is < 0 ? is : -ENODEV;
}

/* At `directory`, which is a tmpfs nobody else has. */
static int make_null_at(int directory)
{
    if (mknodat(directory, "null", S_IFCHR | 0666, makedev(1, 3)) < 0)
        return -errno;
    return tsr_result(openat(directory, "null", O_RDWR | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC));
}

/*
 * In a mount namespace of the caller's own: a tmpfs over the root, the one directory that is there in any. `/` is
 * still what is below it; `/..` is the tmpfs.
 */
static int make_null_on_root(void)
{
    int made TSR_CLOSED = -1;
    struct statfs fs;

    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", "/", "tmpfs", MS_NOSUID | MS_NOEXEC, NULL) < 0)
        return -errno;
    made = tsr_result(open("/..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (made < 0 || fstatfs(made, &fs) < 0)
        return -errno;
    return fs.f_type == KERNEL_TMPFS_MAGIC ? make_null_at(made) : -ENODEV;
}

/*
 * Where there is no fsopen, before Linux 5.2 or behind a filter: a child does it that shares the descriptors and
 * so leaves it open here, in the place of one that is open already.
 */
static int make_null_in_child(void)
{
    int null = tsr_result(open("/", O_PATH | O_CLOEXEC));
    int status = 0;
    pid_t pid;

    if (null < 0)
        return null;
    pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        int made = make_null_on_root();

        if (made >= 0 && dup3(made, null, O_CLOEXEC) < 0)
            made = -errno;
        close(made);
        _exit(made < 0 ? -made : 0);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (pid > 0 && status == 0 && is_null(null) == 1)
        return null;
    close(null);
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) != 0 ? -WEXITSTATUS(status) : -ENODEV;
}

/* A null device on a tmpfs that hangs nowhere and nobody else has; not for the root of a user namespace. */
static int make_null(void)
{
    unsigned attributes = KERNEL_MOUNT_ATTR_NOSUID | KERNEL_MOUNT_ATTR_NOEXEC;
    int fs TSR_CLOSED = tsr_result(syscall(SYS_fsopen, "tmpfs", KERNEL_FSOPEN_CLOEXEC));
    int made TSR_CLOSED = -1;

    if (fs == -ENOSYS || fs == -EPERM)
        return make_null_in_child();
    if (fs < 0 || syscall(SYS_fsconfig, fs, KERNEL_FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -errno;
    made = tsr_result(syscall(SYS_fsmount, fs, KERNEL_FSMOUNT_CLOEXEC, attributes));
    return made < 0 ? made : make_null_at(made);
}

/* What stands for the host's null device. A container that has spoilt its own does not get the host's. */
static int other_null(int root)
{
    int null = open_null(root);
    int made = null < 0 ? make_null() : null;

    return made < 0 ? null : made;
}

int op_reopen_null(struct tsr_machine *m, const struct op_reopen_null *op)
{
    int null TSR_CLOSED = -1;

    for (int fd = 0; fd <= 2; fd++) {
        int is = is_null(fd);

        /* A closed stream is none of the host's devices. */
        if (is == 0 || is == -EBADF)
            continue;
        if (is < 0)
            return is;
        if (null < 0)
            null = other_null(tsr_slot(m, op->root));
        if (null < 0)
            return null;
        if (dup2(null, fd) < 0)
            return -errno;
    }
    return 0;
}

int op_chown_stdio(struct tsr_machine *m, const struct op_chown_stdio *op)
{
    (void)m;
    for (int fd = 0; fd <= 2; fd++) {
        struct stat status;

        if (fstat(fd, &status) < 0) {
            /* A closed stream has no owner. */
            if (errno == EBADF)
                continue;
            return -errno;
        }
        if (status.st_uid == op->uid)
            continue;
        /* The host's own /dev/null would be another's for everybody. Major 1 are the memory devices. */
        if (S_ISCHR(status.st_mode) && major(status.st_rdev) == 1)
            continue;
        if (fchown(fd, op->uid, (gid_t)-1) < 0 && errno != EINVAL && errno != EPERM && errno != EROFS)
            return -errno;
    }
    return 0;
}
