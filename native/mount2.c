/* mount(2) and umount2(2): what is said by path. */
#include "kernel.h"
#include "machine.h"
#include "mount2.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* mount(2) reads one page. */
enum { DATA_MAX = 4096 };

/* The text of a path, or of a descriptor that stands for one. */
static int path_or_fd(const char *path, int fd, char buffer[TSR_FD_PATH_MAX], const char **ret)
{
    *ret = path;
    if (fd < 0)
        return 0;
    *ret = buffer;
    return tsr_fd_path(fd, buffer);
}

/* A tmpfs has the mode of the directory it will cover; mode= in data comes later and wins. */
static int add_mode(int directory, const char **data, char buffer[DATA_MAX])
{
    char digits[24];
    const char *rest = *data == NULL ? "" : *data;
    struct stat status;

    if (fstat(directory, &status) < 0)
        return -errno;
    if (strlen(rest) + sizeof "mode=7777," > DATA_MAX)
        return -E2BIG;
    strcpy(buffer, "mode=");
    strcat(buffer, tsr_format_number(digits, status.st_mode & 07777, 8));
    if (*rest != '\0')
        strcat(buffer, ",");
    strcat(buffer, rest);
    *data = buffer;
    return 0;
}

int op_mount(struct tsr_machine *m, const struct op_mount *op)
{
    char source_buffer[TSR_FD_PATH_MAX], target_buffer[TSR_FD_PATH_MAX], data_buffer[DATA_MAX];
    const char *source = NULL, *target = NULL, *data = op->data;
    int covered = tsr_slot_or(m, op->mode_of, -1);
    int error = path_or_fd(op->source, tsr_slot_or(m, op->source_fd, -1), source_buffer, &source);

    if (error == 0)
        error = path_or_fd(op->target, tsr_slot_or(m, op->target_fd, -1), target_buffer, &target);
    if (error == 0 && covered >= 0)
        error = add_mode(covered, &data, data_buffer);
    if (error < 0)
        return error;
    return tsr_result(mount(source, target, op->fstype, (unsigned long)op->flags, data));
}

int op_umount2(struct tsr_machine *m, const struct op_umount2 *op)
{
    (void)m;
    return tsr_result(umount2(op->path, (int)op->flags));
}

/* A mount over the root directory is one that no path leads to: 0 or -errno. */
static int refuse_root(struct tsr_machine *m)
{
    struct stat here, root;

    if (stat(".", &here) < 0 || stat("/", &root) < 0)
        return -errno;
    if (here.st_dev != root.st_dev || here.st_ino != root.st_ino)
        return 0;
    tsr_text_add(&m->detail, "it is the host's root directory");
    return -EBUSY;
}

int op_private_parent(struct tsr_machine *m, const struct op_private_parent *op)
{
    char path[3 * 1024] = ".";
    int error = op->not_root != 0 ? refuse_root(m) : 0;

    if (error < 0)
        return error;
    while ((error = tsr_result(mount(NULL, path, NULL, MS_PRIVATE, NULL))) == -EINVAL) {
        if (strlen(path) + sizeof "/.." > sizeof path)
            break;
        if (strcmp(path, ".") == 0)
            strcpy(path, "..");
        else
            strcat(path, "/..");
    }
    return error;
}

/* The flags of the mount a descriptor stands on, as far as statfs(2) shows them. */
static int flags_of(int fd, unsigned long *ret_flags)
{
    static const struct {
        unsigned long shown, flag;
    } flags[] = {
        {ST_RDONLY, MS_RDONLY},     {ST_NOSUID, MS_NOSUID},         {ST_NODEV, MS_NODEV},
        {ST_NOEXEC, MS_NOEXEC},     {ST_NOATIME, MS_NOATIME},       {ST_NODIRATIME, MS_NODIRATIME},
        {ST_RELATIME, MS_RELATIME},
    };
    struct statvfs fs;

    if (fstatvfs(fd, &fs) < 0)
        return -errno;
    *ret_flags = 0;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if ((fs.f_flag & flags[i].shown) != 0)
            *ret_flags |= flags[i].flag;
    }
    return 0;
}

static int remount_bind(int fd, unsigned long flags)
{
    char path[TSR_FD_PATH_MAX];
    int error = tsr_fd_path(fd, path);

    return error < 0 ? error : tsr_result(mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | flags, NULL));
}

int op_remount_bind(struct tsr_machine *m, const struct op_remount_bind *op)
{
    int fd = tsr_slot(m, op->fd);
    int error = remount_bind(fd, (unsigned long)op->flags);
    unsigned long locked;

    if (error != -EPERM)
        return error;
    /* Flags a user namespace has locked must stay: mount_namespaces(7). */
    error = flags_of(fd, &locked);
    if (error < 0)
        return error;
    return (locked & op->cleared) != 0 ? -EPERM : remount_bind(fd, (unsigned long)op->flags | locked);
}

int tsr_remount_readonly(int fd)
{
    unsigned long flags;
    int error = flags_of(fd, &flags);

    return error < 0 ? error : remount_bind(fd, flags | MS_RDONLY);
}
