/*
 * Paths of the container: resolved below a root descriptor whatever symlinks the image holds, by
 * openat2(2) or, on kernels before 5.6, by a walk that opens one component at a time. All functions
 * return a descriptor (O_CLOEXEC) or -errno.
 */
#ifndef TSR_RESOLVE_H
#define TSR_RESOLVE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

/* What to make where a component is missing. */
struct tsr_make {
    mode_t mode;
    uid_t uid;
    gid_t gid;
    /* The last component becomes an empty file (0644), not a directory. */
    bool is_file;
};

/* open(2) with root as /. flags: O_… without O_CREAT. */
int tsr_open_in_root(int root, const char *path, int flags);
/* The same, making what is missing; O_PATH. */
int tsr_make_in_root(int root, const char *path, const struct tsr_make *make);
/* The same for who has just found that something is missing; what has come since is opened. */
int tsr_make_missing(int root, const char *path, const struct tsr_make *make);
/* The directory that will hold path's last component, made 0755 where missing; O_PATH. */
int tsr_open_parent(int root, const char *path, char ret_last[NAME_MAX + 1]);
/* Opens path beneath directory, never crossing to another file system nor following magic links. */
int tsr_open_beneath(int directory, const char *path, int flags);

/* Makes one name in a directory; 0 or -errno, EEXIST included. */
int tsr_make_node(int directory, const char *name, const struct tsr_make *make, bool is_last);
/* The walk behind the first two, for tests and old kernels; make may be NULL. */
int tsr_walk_in_root(int root, const char *path, int flags, const struct tsr_make *make);

#endif
