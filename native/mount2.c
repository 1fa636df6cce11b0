/* mount(2) and umount2(2): what is said by path. */
#include "kernel.h"
#include "machine.h"
#include "mount2.h"
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The text of a path, or of a descriptor that stands for one. */
static int path_or_fd(const char *path, int fd, char buffer[TSR_FD_PATH_MAX], const char **ret)
{
    *ret = path;
    if (fd < 0)
        return 0;
    *ret = buffer;
    return tsr_fd_path(fd, buffer);
}

int op_mount(struct tsr_machine *m, const struct op_mount *op)
{
    char source_buffer[TSR_FD_PATH_MAX], target_buffer[TSR_FD_PATH_MAX];
    const char *source, *target;
    int error = path_or_fd(op->source, tsr_slot_or(m, op->source_fd, -1), source_buffer, &source);

    if (error == 0)
        error = path_or_fd(op->target, tsr_slot_or(m, op->target_fd, -1), target_buffer, &target);
    if (error < 0)
        return error;
    return tsr_result(mount(source, target, op->fstype, (unsigned long)op->flags, op->data));
}

int op_umount2(struct tsr_machine *m, const struct op_umount2 *op)
{
    (void)m;
    return tsr_result(umount2(op->path, (int)op->flags));
}

int op_private_parent(struct tsr_machine *m)
{
    char path[3 * 1024] = ".";
    int error;

    (void)m;
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

/* Kernels before 5.12: bind, then remount the bind with the flags it has. */
static unsigned long flags_of(int fd, int *ret_error)
{
    static const struct {
        unsigned long shown, flag;
    } flags[] = {
        {ST_RDONLY, MS_RDONLY},   {ST_NOSUID, MS_NOSUID},         {ST_NODEV, MS_NODEV},
        {ST_NOEXEC, MS_NOEXEC},   {ST_NOATIME, MS_NOATIME},       {ST_NODIRATIME, MS_NODIRATIME},
        {ST_RELATIME, MS_RELATIME},
    };
    struct statvfs fs;
    unsigned long result = 0;

    *ret_error = tsr_result(fstatvfs(fd, &fs));
    for (size_t i = 0; *ret_error == 0 && i < sizeof flags / sizeof *flags; i++) {
        if ((fs.f_flag & flags[i].shown) != 0)
            result |= flags[i].flag;
    }
    return result;
}

int tsr_remount_readonly(int fd)
{
    char path[TSR_FD_PATH_MAX];
    int error = tsr_fd_path(fd, path);
    unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY;

    if (error == 0)
        flags |= flags_of(fd, &error);
    return error < 0 ? error : tsr_result(mount(NULL, path, NULL, flags, NULL));
}
