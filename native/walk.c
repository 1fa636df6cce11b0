/*
 * Path resolution one component at a time. Only single names are given to the kernel, never a symlink to
 * follow and never `..`: the way back is a stack of the directories come through, so that neither a
 * symlink nor a directory renamed meanwhile leads out of the root.
 */
#include "machine.h"
#include "resolve.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Directories below root; MAXSYMLINKS of the kernel is 40. */
enum { DEPTH_MAX = 128, LINKS_MAX = 40, REST_MAX = 2 * PATH_MAX };

struct walk {
    const struct tsr_make *make;
    int flags;
    int root;
    int directories[DEPTH_MAX];
    int depth;
    int links;
    /* What is still to be walked. */
    char rest[REST_MAX];
    const char *at;
};

static int here(const struct walk *w)
{
    return w->depth == 0 ? w->root : w->directories[w->depth - 1];
}

static void climb_to(struct walk *w, int depth)
{
    while (w->depth > depth)
        close(w->directories[--w->depth]);
}

/* Takes the next name: 1, 0 at the end, or -ENAMETOOLONG. */
static int next_name(struct walk *w, char ret_name[NAME_MAX + 1])
{
    size_t length;

    while (*w->at == '/')
        w->at++;
    length = strcspn(w->at, "/");
    if (length > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(ret_name, w->at, length);
    ret_name[length] = '\0';
    w->at += length;
    return length > 0;
}

int tsr_make_node(int directory, const char *name, const struct tsr_make *make, bool is_last)
{
    int made;

    if (make->is_file && is_last)
        made = mknodat(directory, name, S_IFREG | 0644, 0);
    else
        made = mkdirat(directory, name, make->mode);
    if (made < 0)
        return -errno;
    if (make->uid == 0 && make->gid == 0)
        return 0;
    return tsr_result(fchownat(directory, name, make->uid, make->gid, AT_SYMLINK_NOFOLLOW));
}

static int open_name(const struct walk *w, const char *name)
{
    int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    int fd = tsr_result(openat(here(w), name, flags));

    if (fd == -ENOENT && w->make != NULL) {
        int error = tsr_make_node(here(w), name, w->make, *w->at == '\0');

        /* Somebody was faster. */
        if (error < 0 && error != -EEXIST)
            return error;
        fd = tsr_result(openat(here(w), name, flags));
    }
    return fd;
}

/* The target of the symlink takes its place in front of what is still to be walked. */
static int follow(struct walk *w, int link)
{
    char rest[REST_MAX];
    ssize_t length = readlinkat(link, "", rest, PATH_MAX);
    size_t rest_length = strlen(w->at);

    if (length < 0)
        return -errno;
    if (++w->links > LINKS_MAX)
        return -ELOOP;
    if ((size_t)length + rest_length + 1 > sizeof rest)
        return -ENAMETOOLONG;
    if (length > 0 && rest[0] == '/')
        climb_to(w, 0);
    /* The rest is empty or begins with a slash. */
    memcpy(rest + length, w->at, rest_length + 1);
    memcpy(w->rest, rest, (size_t)length + rest_length + 1);
    w->at = w->rest;
    return 0;
}

/* A file at the end of the path: 0 and *ret, or -errno. */
static int finish(const struct walk *w, const char *name, int fd, int *ret)
{
    int opened;

    if (*w->at != '\0')
        return -ENOTDIR;
    if ((w->flags & O_DIRECTORY) != 0)
        return -ENOTDIR;
    if ((w->flags & O_PATH) != 0)
        opened = tsr_result(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    else
        opened = tsr_result(openat(here(w), name, w->flags | O_NOFOLLOW | O_CLOEXEC));
    *ret = opened;
    return opened < 0 ? opened : 0;
}

/* One name further. *ret becomes the result when the path ends at something that is no directory. */
static int step(struct walk *w, const char *name, int *ret)
{
    int fd TSR_CLOSED = open_name(w, name);
    struct stat status;

    if (fd < 0)
        return fd;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (S_ISDIR(status.st_mode)) {
        if (w->depth == DEPTH_MAX)
            return -ENAMETOOLONG;
        w->directories[w->depth++] = fd;
        fd = -1;
        return 0;
    }
    if (S_ISLNK(status.st_mode) && !(*w->at == '\0' && (w->flags & O_NOFOLLOW) != 0))
        return follow(w, fd);
    if (S_ISLNK(status.st_mode) && (w->flags & O_PATH) == 0)
        return -ELOOP;
    return finish(w, name, fd, ret);
}

static int walk(struct walk *w)
{
    char name[NAME_MAX + 1];
    int result = -1, more;

    while ((more = next_name(w, name)) > 0) {
        int error = 0;

        if (strcmp(name, "..") == 0)
            climb_to(w, w->depth > 0 ? w->depth - 1 : 0);
        else if (strcmp(name, ".") != 0)
            error = step(w, name, &result);
        if (error < 0 || result >= 0)
            return error < 0 ? error : result;
    }
    if (more < 0)
        return more;
    return tsr_result(openat(here(w), ".", (w->flags & ~O_NOFOLLOW) | O_CLOEXEC));
}

int tsr_walk_in_root(int root, const char *path, int flags, const struct tsr_make *make)
{
    struct walk w = {.make = make, .flags = flags, .root = root};
    size_t length = strlen(path);
    int result;

    if (length == 0)
        return -ENOENT;
    if (length >= PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(w.rest, path, length + 1);
    w.at = w.rest;
    result = walk(&w);
    climb_to(&w, 0);
    return result;
}
