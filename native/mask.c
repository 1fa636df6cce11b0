/* mask: hides a path of the container behind /dev/null or an empty directory. */
#include "kernel.h"
#include "machine.h"
#include "resolve.h"
#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Kernels before 5.2. */
static int bind_by_path(int cover, int target)
{
    char source_path[TSR_FD_PATH_MAX], target_path[TSR_FD_PATH_MAX];
    int error = tsr_fd_path(cover, source_path);

    if (error == 0)
        error = tsr_fd_path(target, target_path);
    return error < 0 ? error : tsr_result(mount(source_path, target_path, NULL, MS_BIND, NULL));
}

static int move_onto(int from, int target)
{
    return tsr_result(syscall(SYS_move_mount, from, "", target, "",
                              KERNEL_MOVE_MOUNT_F_EMPTY_PATH | KERNEL_MOVE_MOUNT_T_EMPTY_PATH));
}

/*
 * Before Linux 6.15 a mount that hangs nowhere cannot be cloned (EINVAL). The first use then attaches the
 * cover itself, and from there on it can.
 */
static int cover_with(int cover, int target)
{
    unsigned flags = KERNEL_OPEN_TREE_CLONE | KERNEL_OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
    int clone TSR_CLOSED = tsr_result(syscall(SYS_open_tree, cover, "", flags));

    if (clone == -ENOSYS)
        return bind_by_path(cover, target);
    if (clone == -EINVAL)
        return move_onto(cover, target);
    return clone < 0 ? clone : move_onto(clone, target);
}

/* Without a directory to clone: a tmpfs for each, on kernels without the new mount API. */
static int cover_directory(int cover, int target)
{
    char target_path[TSR_FD_PATH_MAX];
    int error;

    if (cover >= 0)
        return cover_with(cover, target);
    error = tsr_fd_path(target, target_path);
    return error < 0 ? error : tsr_result(mount("tmpfs", target_path, "tmpfs", MS_RDONLY, "size=0"));
}

int op_mask(struct tsr_machine *m, const struct op_mask *op)
{
    int target TSR_CLOSED = tsr_open_in_root(tsr_slot(m, op->root), op->path, O_PATH);
    int file = tsr_slot(m, op->file);
    struct stat status;

    if (target < 0)
        return target;
    if (fstat(target, &status) < 0)
        return -errno;
    if (S_ISDIR(status.st_mode))
        return cover_directory(tsr_slot_or(m, op->directory, -1), target);
    /* What hides a file must be the null device, or a writable file is put there (CVE-2025-31133). */
    if (fstat(file, &status) < 0)
        return -errno;
    if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3)) {
        tsr_text_add(&m->detail, "the cover is not /dev/null");
        return -ENODEV;
    }
    return cover_with(file, target);
}
