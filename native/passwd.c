/* Reads name:password:uid:gid:gecos:home:shell a byte at a time: lines may be longer than any buffer. */
#include "passwd.h"
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { UID = 2, HOME = 5 };

struct line {
    unsigned field;
    uint64_t uid;
    bool has_uid;
    size_t home_length;
};

static void take(struct line *line, char byte, char *home, size_t size)
{
    if (byte == ':') {
        line->field++;
    } else if (line->field == UID) {
        if (byte < '0' || byte > '9' || line->uid > UINT32_MAX)
            line->uid = UINT64_MAX / 16; /* never a uid again */
        else
            line->uid = line->uid * 10 + (uint64_t)(byte - '0');
        line->has_uid = true;
    } else if (line->field == HOME) {
        if (line->home_length < size)
            home[line->home_length] = byte;
        line->home_length++;
    }
}

/* The line is uid's and names a home that fits. */
static bool is_found(const struct line *line, uint32_t uid, size_t size)
{
    return line->has_uid && line->uid == uid && line->field >= HOME && line->home_length > 0 &&
           line->home_length < size;
}

void tsr_find_home(int fd, uint32_t uid, char *ret_home, size_t size)
{
    static char home[4096];
    struct line line = {0};
    char bytes[4096];
    ssize_t got;

    if (size > sizeof home)
        size = sizeof home;
    while ((got = read(fd, bytes, sizeof bytes)) >= 0) {
        bool is_end = got == 0;

        /* A last line need not have a newline. */
        if (is_end)
            bytes[got++] = '\n';
        for (ssize_t i = 0; i < got; i++) {
            if (bytes[i] != '\n') {
                take(&line, bytes[i], home, size);
                continue;
            }
            if (is_found(&line, uid, size)) {
                memcpy(ret_home, home, line.home_length);
                ret_home[line.home_length] = '\0';
                return;
            }
            line = (struct line){0};
        }
        if (is_end)
            return;
    }
}
