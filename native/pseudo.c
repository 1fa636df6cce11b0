/* umount_pseudo: with --no-pivot the host's mounts stay; its whole procfs and sysfs must not. */
#include "machine.h"
#include "kernel.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A line holds two paths, in which one byte may be written as four, and the file system's options. */
enum { LINE_MAX_BYTES = 8 * PATH_MAX + 8192 };

/* mountinfo writes space, tab, newline and backslash as \040 and so on: proc_pid_mountinfo(5). */
static void unescape(char *text)
{
    char *out = text;

    for (; *text != '\0'; text++) {
        if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' && text[2] <= '7' &&
            text[3] >= '0' && text[3] <= '7') {
            *out++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
            text += 3;
        } else {
            *out++ = *text;
        }
    }
    *out = '\0';
}

static bool is_below(const char *path, const char *top)
{
    size_t length = strlen(top);

    return strncmp(path, top, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

/* The mount point when the line is a whole proc or sysfs; else NULL. The line is cut up. */
static const char *whole_pseudo(char *line)
{
    char *field[5] = {0}, *rest = strstr(line, " - "), *type, *end;

    if (rest == NULL)
        return NULL;
    type = rest + 3;
    end = strchr(type, ' ');
    if (end != NULL)
        *end = '\0';
    if (strcmp(type, "proc") != 0 && strcmp(type, "sysfs") != 0)
        return NULL;
    for (int i = 0; i < 5; i++) {
        field[i] = line;
        line += strcspn(line, " ");
        if (*line == '\0')
            return NULL;
        *line++ = '\0';
    }
    unescape(field[4]);
    return strcmp(field[3], "/") == 0 ? field[4] : NULL;
}

static int take_away(const char *path)
{
    /* Else the host's own would go too. */
    int error = tsr_result(mount(NULL, path, NULL, MS_SLAVE | MS_REC, NULL));

    if (error == 0)
        error = tsr_result(umount2(path, MNT_DETACH));
    /* Locked by a user namespace: it cannot be taken away, but covered. */
    if (error == -EINVAL || error == -EPERM)
        error = tsr_result(mount("tmpfs", path, "tmpfs", 0, ""));
    return error == -ENOENT ? 0 : error;
}

static int take_line(struct tsr_machine *m, char *line, const char *except)
{
    const char *path = whole_pseudo(line);
    int error;

    if (path == NULL || is_below(path, except))
        return 0;
    error = take_away(path);
    if (error < 0)
        tsr_text_add(&m->detail, path);
    return error;
}

int op_umount_pseudo(struct tsr_machine *m, const struct op_umount_pseudo *op)
{
    static char lines[LINE_MAX_BYTES + 1];
    int fd TSR_CLOSED = tsr_result(openat(tsr_slot(m, op->proc), "self/mountinfo", O_RDONLY | O_CLOEXEC));
    size_t kept = 0;
    ssize_t got;

    if (fd < 0)
        return fd;
    while ((got = read(fd, lines + kept, LINE_MAX_BYTES - kept)) > 0) {
        char *line = lines, *newline;

        lines[kept + (size_t)got] = '\0';
        while ((newline = strchr(line, '\n')) != NULL) {
            int error;

            *newline = '\0';
            error = take_line(m, line, op->except);
            if (error < 0)
                return error;
            line = newline + 1;
        }
        kept = strlen(line);
        if (kept == LINE_MAX_BYTES)
            return -EOVERFLOW;
        memmove(lines, line, kept);
    }
    return tsr_result(got);
}
