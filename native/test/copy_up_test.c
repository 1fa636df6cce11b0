/* copy_up: everything arrives as it was, and nothing hostile is opened. */
#include "../machine.h"
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static char top[300], path[400], other[400];

static const char *from(const char *name)
{
    snprintf(path, sizeof path, "%s/from/%s", top, name);
    return path;
}

static const char *to(const char *name)
{
    snprintf(other, sizeof other, "%s/to/%s", top, name);
    return other;
}

static void make_file(const char *name, mode_t mode, size_t length)
{
    static char content[100000];
    int fd = open(from(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    for (size_t i = 0; i < length; i++)
        content[i] = (char)(i * 7);
    CHECK_EQUAL(write(fd, content, length), (long long)length);
    CHECK_EQUAL(fchmod(fd, mode), 0);
    close(fd);
}

static int copy(void)
{
    static struct tsr_machine machine;
    int32_t slots[2] = {open(from(""), O_PATH | O_CLOEXEC), open(to(""), O_PATH | O_CLOEXEC)};
    struct op_copy_up op = {.from = 0, .to = 1};
    int error;

    machine.plan.slots = slots;
    error = op_copy_up(&machine, &op);
    close(slots[0]);
    close(slots[1]);
    return error;
}

static void make_directories(void)
{
    snprintf(top, sizeof top, "%s", fresh_directory());
    CHECK_EQUAL(mkdir(from(""), 0700), 0);
    CHECK_EQUAL(mkdir(to(""), 0755), 0);
}

static void check_same(const char *name)
{
    struct stat a, b;

    check_case(name);
    CHECK_EQUAL(lstat(from(name), &a), 0);
    CHECK_EQUAL(lstat(to(name), &b), 0);
    CHECK_EQUAL(b.st_mode, a.st_mode);
    CHECK_EQUAL(b.st_uid, a.st_uid);
    CHECK_EQUAL(b.st_gid, a.st_gid);
    CHECK_EQUAL(b.st_rdev, a.st_rdev);
    if (!S_ISDIR(a.st_mode))
        CHECK_EQUAL(b.st_size, a.st_size);
    if (S_ISREG(a.st_mode) || S_ISDIR(a.st_mode)) {
        CHECK_EQUAL(b.st_mtim.tv_sec, a.st_mtim.tv_sec);
        CHECK_EQUAL(b.st_mtim.tv_nsec, a.st_mtim.tv_nsec);
    }
    check_case(NULL);
}

static void copies_all(void)
{
    static const char *const names[] = {"",     "file", "program", "sub", "sub/empty", "sub/large",
                                        "link", "fifo", "null",    "name with\nnewline"};
    const struct timespec times[2] = {{1000, 5}, {2000, 7}};
    char target[64] = "", value[8] = "";

    make_directories();
    make_file("file", 0640, 10);
    make_file("program", 04755, 100);
    make_file("name with\nnewline", 0600, 0);
    CHECK_EQUAL(mkdir(from("sub"), 0711), 0);
    make_file("sub/empty", 0600, 0);
    make_file("sub/large", 0600, 100000);
    CHECK_EQUAL(symlink("/etc/../nowhere", from("link")), 0);
    CHECK_EQUAL(mkfifo(from("fifo"), 0610), 0);
    if (geteuid() == 0) {
        CHECK_EQUAL(mknod(from("null"), S_IFCHR | 0604, makedev(1, 3)), 0);
        CHECK_EQUAL(lchown(from("file"), 12, 34), 0);
        CHECK_EQUAL(lchown(from("link"), 56, 78), 0);
    }
    CHECK_EQUAL(setxattr(from("file"), "user.kept", "yes", 3, 0) == 0 || errno == ENOTSUP, 1);
    CHECK_EQUAL(utimensat(AT_FDCWD, from("sub"), times, 0), 0);
    CHECK_EQUAL(utimensat(AT_FDCWD, from("file"), times, 0), 0);
    CHECK_EQUAL(copy(), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (geteuid() == 0 || strcmp(names[i], "null") != 0)
            check_same(names[i]);
    }
    CHECK_EQUAL(readlink(to("link"), target, sizeof target - 1), 15);
    CHECK_TEXT(target, "/etc/../nowhere");
    if (getxattr(from("file"), "user.kept", value, sizeof value) == 3) {
        CHECK_EQUAL(getxattr(to("file"), "user.kept", value, sizeof value), 3);
        CHECK_TEXT(value, "yes");
    }
}

static void refuses_bottomless_trees(void)
{
    make_directories();
    CHECK_EQUAL(chdir(from("")), 0);
    for (int i = 0; i < 250; i++)
        CHECK_EQUAL(mkdir("d", 0700) == 0 && chdir("d") == 0, 1);
    CHECK_EQUAL(chdir("/"), 0);
    CHECK_EQUAL(copy(), -ELOOP);
}

const struct test copy_up_tests[] = {
    {"copies files, directories, symlinks and nodes with all they have", copies_all},
    {"gives up on a tree without bottom", refuses_bottomless_trees},
    {NULL, NULL},
};
