/*
 * The plain case of `tsrun delete`, without JavaScript: init was PID 1 of its own namespace and has been
 * reaped, so nothing of the container runs. Same order as there: the directory goes last, so that what is
 * killed in between can be repeated.
 */
#include "removal.h"
#include "kernel.h"
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Somebody may have deleted the container meanwhile, and created another of that name. */
static bool is_at(int directory, const char *path)
{
    struct stat opened, found;

    return fstat(directory, &opened) == 0 && stat(path, &found) == 0 && opened.st_dev == found.st_dev &&
           opened.st_ino == found.st_ino;
}

static bool is_gone(int result)
{
    return result == 0 || errno == ENOENT;
}

static bool unlink_entries(int directory)
{
    _Alignas(struct dirent) char entries[1024];
    long length;

    while ((length = syscall(SYS_getdents64, directory, entries, sizeof entries)) > 0) {
        for (long at = 0; at < length;) {
            const struct dirent *entry = (const struct dirent *)(const void *)(entries + at);

            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
                !is_gone(unlinkat(directory, entry->d_name, 0)))
                return false;
            at += entry->d_reclen;
        }
    }
    return length == 0;
}

static bool remove_all(int directory, const char *path, int count, char *const *cgroups)
{
    for (int i = 0; i < count; i++) {
        if (!is_gone(rmdir(cgroups[i])))
            return false;
    }
    return unlink_entries(directory) && is_gone(rmdir(path));
}

bool tsr_remove_container(int directory, const char *path, int count, char *const *cgroups)
{
    if (!is_at(directory, path))
        return true;
    if (flock(directory, LOCK_EX | LOCK_NB) < 0)
        return false;
    if (!is_at(directory, path) || remove_all(directory, path, count, cgroups))
        return true;
    /* For `tsrun delete`, which is then asked to. */
    flock(directory, LOCK_UN);
    return false;
}
