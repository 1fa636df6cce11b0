/* Mounts by descriptor, the new mount API, and the change of root. */
#include "kernel.h"
#include "machine.h"
#include "mount2.h"
#include "resolve.h"
#include "target.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int op_open_tree(struct tsr_machine *m, const struct op_open_tree *op)
{
    int dirfd = tsr_slot_or(m, op->dirfd, AT_FDCWD);

    return tsr_fill_slot(
        m, op->out, syscall(SYS_open_tree, dirfd, op->path, op->flags | KERNEL_OPEN_TREE_CLOEXEC));
}

/* In two calls: kernels before 6.15, and filters that do not know the one. */
static int open_tree_then_attr(struct tsr_machine *m, const struct op_open_tree_attr *op,
                               struct kernel_mount_attr *attr)
{
    int fd = tsr_result(syscall(SYS_open_tree, AT_FDCWD, op->path, op->flags | KERNEL_OPEN_TREE_CLOEXEC));
    int error = fd;

    if (fd >= 0)
        error = tsr_result(syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, attr, sizeof *attr));
    if (error >= 0)
        return tsr_fill_slot_with(m, op->out, fd);
    if (fd >= 0)
        tsr_text_add(&m->detail, "mount_setattr");
    tsr_close_fd(&fd);
    return error;
}

int op_open_tree_attr(struct tsr_machine *m, const struct op_open_tree_attr *op)
{
    struct kernel_mount_attr attr = {.attr_set = op->attr_set, .attr_clr = op->attr_clr};
    unsigned flags = op->flags | KERNEL_OPEN_TREE_CLOEXEC;
    int fd = tsr_result(syscall(SYS_open_tree_attr, AT_FDCWD, op->path, flags, &attr, sizeof attr));

    if (fd == -ENOSYS || fd == -EPERM)
        return open_tree_then_attr(m, op, &attr);
    return tsr_fill_slot_with(m, op->out, fd);
}

/* What the file system has to say: lines like `e tmpfs: Bad value for 'mode'`. */
static void add_messages(struct tsr_machine *m, int context)
{
    char line[512];
    ssize_t length;

    while ((length = read(context, line, sizeof line)) > 0) {
        size_t skip = length > 2 && line[1] == ' ' ? 2 : 0;

        if (m->detail.length > 0)
            tsr_text_add(&m->detail, "; ");
        while (length > 0 && line[length - 1] == '\n')
            length--;
        if ((size_t)length > skip)
            tsr_text_add_bytes(&m->detail, line + skip, (size_t)length - skip);
    }
}

/* The kernel takes values of up to 255 bytes (fsconfig(2)). */
enum { FSCONFIG_VALUE_MAX = 255 };

/* One option, `key` or `key=value`. */
static int configure(struct tsr_machine *m, int context, const char *option)
{
    char key[FSCONFIG_VALUE_MAX + 1];
    size_t length = strcspn(option, "=");
    const char *value = option[length] == '=' ? option + length + 1 : NULL;
    unsigned command = value == NULL ? KERNEL_FSCONFIG_SET_FLAG : KERNEL_FSCONFIG_SET_STRING;
    int error = -E2BIG;

    if (length < sizeof key && (value == NULL || strlen(value) <= FSCONFIG_VALUE_MAX)) {
        memcpy(key, option, length);
        key[length] = '\0';
        error = tsr_result(syscall(SYS_fsconfig, context, command, key, value, 0));
    }
    if (error < 0) {
        tsr_text_add(&m->detail, "option ");
        tsr_text_add(&m->detail, option);
    }
    return error;
}

/* A tmpfs has the mode of the directory it will cover; mode= in the options comes later and wins. */
static int copy_mode(int context, int directory)
{
    char digits[24];
    struct stat status;

    if (fstat(directory, &status) < 0)
        return -errno;
    return tsr_result(syscall(SYS_fsconfig, context, KERNEL_FSCONFIG_SET_STRING, "mode",
                              tsr_format_number(digits, status.st_mode & 07777, 8), 0));
}

static int create(struct tsr_machine *m, const struct op_fsmount *op, int context)
{
    int covered = tsr_slot_or(m, op->mode_of, -1);
    int error = covered < 0 ? 0 : copy_mode(context, covered);

    if (error == 0 && op->source != NULL)
        error = tsr_result(
            syscall(SYS_fsconfig, context, KERNEL_FSCONFIG_SET_STRING, "source", op->source, 0));
    for (char **option = op->options; error == 0 && *option != NULL; option++)
        error = configure(m, context, *option);
    if (error == 0)
        error = tsr_result(syscall(SYS_fsconfig, context, KERNEL_FSCONFIG_CMD_CREATE, NULL, NULL, 0));
    return error;
}

int op_fsmount(struct tsr_machine *m, const struct op_fsmount *op)
{
    int context TSR_CLOSED = tsr_result(syscall(SYS_fsopen, op->fstype, KERNEL_FSOPEN_CLOEXEC));
    int error = context < 0 ? context : create(m, op, context);

    if (error == 0)
        error = tsr_fill_slot(
            m, op->out, syscall(SYS_fsmount, context, KERNEL_FSMOUNT_CLOEXEC, op->attributes));
    if (error < 0 && context >= 0)
        add_messages(m, context);
    return error;
}

int op_mount_setattr(struct tsr_machine *m, const struct op_mount_setattr *op)
{
    struct kernel_mount_attr attr = {
        .attr_set = op->attr_set,
        .attr_clr = op->attr_clr,
        .propagation = op->propagation,
        .userns_fd = op->userns == TSR_NO_SLOT ? 0 : (uint64_t)(int64_t)tsr_slot(m, op->userns),
    };

    return tsr_result(syscall(SYS_mount_setattr, tsr_slot(m, op->fd), "", op->flags | AT_EMPTY_PATH,
                              &attr, sizeof attr));
}

/* move_mount(2) has one errno for all it refuses; mount(2) tells a directory over a file from the rest. */
static int say_kinds(struct tsr_machine *m, int from, int to)
{
    struct stat source, target;

    if (fstat(from, &source) < 0 || fstat(to, &target) < 0)
        return -EINVAL;
    if (S_ISDIR(source.st_mode) == S_ISDIR(target.st_mode))
        return -EINVAL;
    tsr_text_add(&m->detail, S_ISDIR(source.st_mode)
                                 ? "the source is a directory, the destination is none"
                                 : "the destination is a directory, the source is none");
    return -ENOTDIR;
}

int op_move_mount(struct tsr_machine *m, const struct op_move_mount *op)
{
    int from = tsr_slot(m, op->from), to = tsr_slot_or(m, op->to, AT_FDCWD), error;
    const char *path = op->path == NULL ? "" : op->path;
    unsigned flags = KERNEL_MOVE_MOUNT_F_EMPTY_PATH;

    if (op->path == NULL)
        flags |= KERNEL_MOVE_MOUNT_T_EMPTY_PATH;
    error = tsr_result(syscall(SYS_move_mount, from, "", to, path, flags));
    return error == -EINVAL && op->path == NULL ? say_kinds(m, from, to) : error;
}

int op_attach(struct tsr_machine *m, const struct op_attach *op)
{
    int from = tsr_slot(m, op->from);
    int target TSR_CLOSED = tsr_open_target(tsr_slot(m, op->root), op->path, op->flags, from);
    int error;

    if (target < 0)
        return target;
    error = tsr_result(syscall(SYS_move_mount, from, "", target, "",
                               KERNEL_MOVE_MOUNT_F_EMPTY_PATH | KERNEL_MOVE_MOUNT_T_EMPTY_PATH));
    if (error == -EINVAL)
        return say_kinds(m, from, target);
    if (error < 0)
        tsr_text_add(&m->detail, "move_mount");
    return error;
}

/* Read-only at the path itself; what is mounted below keeps its own way. */
static int cover_readonly(int target)
{
    struct kernel_mount_attr attr = {.attr_set = KERNEL_MOUNT_ATTR_RDONLY};
    unsigned flags = KERNEL_OPEN_TREE_CLONE | KERNEL_OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE;
    int clone TSR_CLOSED = tsr_result(syscall(SYS_open_tree, target, "", flags));

    if (clone < 0)
        return clone;
    if (syscall(SYS_mount_setattr, clone, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0)
        return -errno;
    return tsr_result(syscall(SYS_move_mount, clone, "", target, "",
                              KERNEL_MOVE_MOUNT_F_EMPTY_PATH | KERNEL_MOVE_MOUNT_T_EMPTY_PATH));
}

/* Kernels before 5.12. The descriptor stays below the bind, so the path is opened again. */
static int bind_readonly(int root, const char *path, int target)
{
    char target_path[TSR_FD_PATH_MAX];
    int error = tsr_fd_path(target, target_path);
    int bound TSR_CLOSED = -1;

    if (error == 0)
        error = tsr_result(mount(target_path, target_path, NULL, MS_BIND | MS_REC, NULL));
    if (error < 0)
        return error;
    bound = tsr_open_in_root(root, path, O_PATH);
    return bound < 0 ? bound : tsr_remount_readonly(bound);
}

int op_readonly_path(struct tsr_machine *m, const struct op_readonly_path *op)
{
    int root = tsr_slot(m, op->root);
    int target TSR_CLOSED = tsr_open_in_root(root, op->path, O_PATH);
    int error = target < 0 ? target : cover_readonly(target);

    return error == -ENOSYS ? bind_readonly(root, op->path, target) : error;
}

int op_pivot_root(struct tsr_machine *m, const struct op_pivot_root *op)
{
    (void)m;
    return tsr_result(syscall(SYS_pivot_root, op->new_root, op->put_old));
}

int op_chroot(struct tsr_machine *m, const struct op_chroot *op)
{
    (void)m;
    return tsr_result(chroot(op->path));
}
