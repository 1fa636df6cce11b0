/* execve and what it needs to know: HOME and the file. */
#include "machine.h"
#include "passwd.h"
#include "start.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int op_find_home(struct tsr_machine *m, const struct op_find_home *op)
{
    /* The image's file: were it a FIFO, opening it would otherwise wait. */
    int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd TSR_CLOSED = openat(AT_FDCWD, "/etc/passwd", flags);
    struct stat status;

    strcpy(m->home, "/");
    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        tsr_find_home(fd, op->uid, m->home, sizeof m->home);
    return 0;
}

/* faccessat2(2) since Linux 5.8; profiles older than that refuse it, and have access(2). */
static int may_execute(const char *path)
{
    int result = tsr_result(syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS));

    return result == -ENOSYS || result == -EPERM ? tsr_result(access(path, X_OK)) : result;
}

/* 0 when path can be executed, ENOENT, ENOTDIR, EACCES … otherwise. */
static int check_executable(const char *path)
{
    int fd TSR_CLOSED = tsr_result(openat(AT_FDCWD, path, O_PATH | O_CLOEXEC));
    struct stat status;

    if (fd < 0)
        return fd;
    if (fstat(fd, &status) < 0)
        return -errno;
    return S_ISREG(status.st_mode) ? may_execute(path) : -EACCES;
}

/* directory/file into m->executable; an empty directory is the working directory. */
static int join(struct tsr_machine *m, const char *directory, size_t length, const char *file)
{
    size_t file_length = strlen(file);

    if (length + 1 + file_length >= sizeof m->executable)
        return -ENAMETOOLONG;
    memcpy(m->executable, directory, length);
    if (length > 0)
        m->executable[length++] = '/';
    memcpy(m->executable + length, file, file_length + 1);
    return 0;
}

static int search(struct tsr_machine *m, const char *path, const char *file)
{
    int result = -ENOENT;

    while (path != NULL) {
        const char *colon = strchr(path, ':');
        size_t length = colon == NULL ? strlen(path) : (size_t)(colon - path);
        int error = join(m, path, length, file);

        if (error == 0)
            error = check_executable(m->executable);
        if (error == 0)
            return 0;
        /* As shells do: what was found and may not be executed is remembered, the search goes on. */
        if (error == -EACCES)
            result = error;
        path = colon == NULL ? NULL : colon + 1;
    }
    return result;
}

int op_find_executable(struct tsr_machine *m, const struct op_find_executable *op)
{
    int error;

    if (op->file[0] == '\0')
        return -ENOENT;
    if (strchr(op->file, '/') == NULL)
        return op->search == NULL || op->search[0] == '\0' ? -ENOENT : search(m, op->search, op->file);
    error = join(m, "", 0, op->file);
    return error < 0 ? error : check_executable(m->executable);
}

/* Puts HOME where env has none or an empty one: decoding left room for one string. */
static void add_home(char **env, const char *home)
{
    static char entry[PATH_MAX + sizeof "HOME="] = "HOME=";

    strcat(entry, home);
    for (; *env != NULL; env++) {
        if (strncmp(*env, "HOME=", 5) == 0) {
            if ((*env)[5] == '\0')
                *env = entry;
            return;
        }
    }
    *env = entry;
}

/* A runtime that let this step begin knows it already. */
int op_executing(struct tsr_machine *m)
{
    if ((m->step->flags & TSR_YIELD) != 0)
        return 0;
    return tsr_say(m, TSR_SAY_EXECUTING, m->step->plan_index, 0, -1);
}

int op_execve(struct tsr_machine *m, const struct op_execve *op)
{
    int error;

    if (m->executable[0] == '\0')
        return -ENOENT;
    if (m->home[0] != '\0')
        add_home(op->env, m->home);
    if (!m->has_reset_signals)
        tsr_restore_signals();
    execve(m->executable, op->args, op->env);
    error = -errno;
    tsr_text_add(&m->detail, m->executable);
    return error;
}
