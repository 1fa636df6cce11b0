/* Paths of a hostile image stay in the image, by openat2 and by the walk alike. */
#include "../resolve.h"
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[300];
static int root = -1;

static const char *inside(const char *path)
{
    static char full[600];

    snprintf(full, sizeof full, "%s/root/%s", top, path);
    return full;
}

static void make_file(const char *path)
{
    close(open(inside(path), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static void make_link(const char *target, const char *path)
{
    CHECK_EQUAL(symlink(target, inside(path)), 0);
}

/* top/secret stands for the host; top/root is the container's. */
static void make_tree(void)
{
    static const char *const directories[] = {"", "etc", "a", "a/b", "a/b/c", "usr"};
    char path[600];

    snprintf(top, sizeof top, "%s", fresh_directory());
    snprintf(path, sizeof path, "%s/secret", top);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
        CHECK_EQUAL(mkdir(inside(directories[i]), 0755), 0);
    make_file("etc/passwd");
    make_link("/etc", "absolute");
    make_link("etc/../a/../etc", "relative");
    make_link("../../../../../../../..", "up");
    make_link("../secret", "escape");
    make_link("/etc/passwd", "a/file");
    make_link("../../usr", "a/b/usr");
    make_link("loop", "loop");
    make_link("/made/by/link", "dangling");
    make_link(".", "here");
    root = open(inside(""), O_PATH | O_DIRECTORY | O_CLOEXEC);
    CHECK(root >= 0);
}

static void done(void)
{
    close(root);
    root = -1;
}

/* A path, flags, and what it leads to in the root, or the error. */
static const struct {
    const char *path;
    int flags;
    const char *leads_to;
    int error;
} opened[] = {
    {"/", O_PATH, "", 0},
    {"etc/passwd", O_RDONLY, "etc/passwd", 0},
    {"/etc//./passwd", O_PATH, "etc/passwd", 0},
    {"/absolute/passwd", O_PATH, "etc/passwd", 0},
    {"relative", O_PATH, "etc", 0},
    {"up/etc/passwd", O_RDONLY, "etc/passwd", 0},
    {"../../../../etc", O_RDONLY | O_DIRECTORY, "etc", 0},
    {"a/b/c/../../../..", O_PATH, "", 0},
    {"a/b/usr", O_PATH, "usr", 0},
    {"a/b/usr/../etc", O_PATH, "etc", 0},
    {"a/file", O_RDONLY, "etc/passwd", 0},
    {"here/here/here/etc/", O_PATH, "etc", 0},
    {"absolute", O_PATH | O_NOFOLLOW, "absolute", 0},
    {"absolute", O_PATH | O_NOFOLLOW | O_DIRECTORY, NULL, ENOTDIR},
    {"absolute/", O_PATH | O_NOFOLLOW, "etc", 0},
    {"a/file", O_RDONLY | O_NOFOLLOW, NULL, ELOOP},
    {"escape", O_PATH, NULL, ENOENT},
    {"up/escape/../../secret", O_PATH, NULL, ENOENT},
    {"loop", O_PATH, NULL, ELOOP},
    {"dangling", O_PATH, NULL, ENOENT},
    {"etc/passwd/", O_PATH, NULL, ENOTDIR},
    {"etc/passwd/x", O_PATH, NULL, ENOTDIR},
    {"etc/passwd", O_PATH | O_DIRECTORY, NULL, ENOTDIR},
    {"", O_PATH, NULL, ENOENT},
};

static void check_opened(int fd, const char *leads_to, int error)
{
    struct stat got, expected;

    CHECK_EQUAL(fd < 0 ? -fd : 0, error);
    if (fd < 0 || leads_to == NULL)
        return;
    CHECK_EQUAL(fstat(fd, &got), 0);
    CHECK_EQUAL(lstat(inside(leads_to), &expected), 0);
    CHECK(got.st_ino == expected.st_ino && got.st_dev == expected.st_dev);
    CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    close(fd);
}

static void stays_inside(void)
{
    make_tree();
    for (size_t i = 0; i < sizeof opened / sizeof *opened; i++) {
        check_case(opened[i].path);
        check_opened(tsr_open_in_root(root, opened[i].path, opened[i].flags), opened[i].leads_to,
                     opened[i].error);
        check_opened(tsr_walk_in_root(root, opened[i].path, opened[i].flags, NULL), opened[i].leads_to,
                     opened[i].error);
    }
    done();
}

static const struct {
    const char *path;
    bool is_file;
    const char *made;
    int error;
} making[] = {
    {"new/deep/directory", false, "new/deep/directory", 0},
    {"new/deep/file", true, "new/deep/file", 0},
    {"/absolute/new", false, "etc/new", 0},
    {"up/../new2", false, "new2", 0},
    {"dangling", false, "made/by/link", 0},
    {"dangling/below", false, "made/by/link/below", 0},
    {"none/../beside", false, "beside", 0},
    {"etc/passwd", false, "etc/passwd", 0},
    {"etc/passwd/below", false, NULL, ENOTDIR},
    {"loop/x", false, NULL, ELOOP},
    {"../../../climbed", true, "climbed", 0},
};

static void makes_inside(void)
{
    struct stat outside;

    make_tree();
    for (size_t i = 0; i < sizeof making / sizeof *making; i++) {
        struct tsr_make make = {.mode = 0750, .is_file = making[i].is_file, .uid = 0, .gid = 0};
        struct stat status;

        check_case(making[i].path);
        check_opened(tsr_make_in_root(root, making[i].path, &make), making[i].made, making[i].error);
        if (making[i].made == NULL || strcmp(making[i].made, "etc/passwd") == 0)
            continue;
        CHECK_EQUAL(lstat(inside(making[i].made), &status), 0);
        CHECK(making[i].is_file ? S_ISREG(status.st_mode) : S_ISDIR(status.st_mode));
    }
    check_case(NULL);
    CHECK(lstat(inside("../climbed"), &outside) < 0);
    CHECK(lstat("/climbed", &outside) < 0);
    done();
}

static void finds_parents(void)
{
    char name[NAME_MAX + 1];

    make_tree();
    check_opened(tsr_open_parent(root, "/absolute/new//", name), "etc", 0);
    CHECK_TEXT(name, "new");
    check_opened(tsr_open_parent(root, "plain", name), "", 0);
    CHECK_TEXT(name, "plain");
    check_opened(tsr_open_parent(root, "/missing/too/node", name), "missing/too", 0);
    CHECK_TEXT(name, "node");
    CHECK_EQUAL(tsr_open_parent(root, "/", name), -EINVAL);
    CHECK_EQUAL(tsr_open_parent(root, "a/..", name), -EINVAL);
    CHECK_EQUAL(tsr_open_parent(root, "a/.", name), -EINVAL);
    CHECK_EQUAL(tsr_open_parent(root, "", name), -EINVAL);
    done();
}

static void walks_have_limits(void)
{
    char deep[PATH_MAX + 64] = "";

    make_tree();
    for (int i = 0; i < 200; i++)
        strcat(deep, "here/a/../");
    check_case("back and forth");
    check_opened(tsr_walk_in_root(root, deep, O_PATH, NULL), NULL, ELOOP);
    memset(deep, 'x', NAME_MAX + 1);
    deep[NAME_MAX + 1] = '\0';
    check_case("a name too long");
    check_opened(tsr_walk_in_root(root, deep, O_PATH, NULL), NULL, ENAMETOOLONG);
    memset(deep, '/', PATH_MAX);
    deep[PATH_MAX] = '\0';
    check_case("a path too long");
    check_opened(tsr_walk_in_root(root, deep, O_PATH, NULL), NULL, ENAMETOOLONG);
    check_case("too deep");
    deep[0] = '\0';
    for (int i = 0; i < 300; i++)
        strcat(deep, "d/");
    check_opened(tsr_walk_in_root(root, deep, O_PATH, &(struct tsr_make){.mode = 0700}), NULL,
                 ENAMETOOLONG);
    done();
}

/* Somebody in the container swaps a directory for a symlink out of the root while we walk. */
static void survives_a_race(void)
{
    char directory[600], other[600];
    int followed = 0;
    pid_t racer;

    make_tree();
    CHECK_EQUAL(mkdir(inside("flip"), 0755), 0);
    make_file("flip/secret");
    make_link("..", "flop");
    snprintf(directory, sizeof directory, "%s", inside("flip"));
    snprintf(other, sizeof other, "%s", inside("flop"));
    racer = fork();
    while (racer == 0)
        syscall(SYS_renameat2, AT_FDCWD, directory, AT_FDCWD, other, 2 /* RENAME_EXCHANGE */);
    for (int i = 0; i < 3000; i++) {
        struct stat got, secret;
        int fd = i % 2 == 0 ? tsr_walk_in_root(root, "flip/secret", O_RDONLY, NULL)
                            : tsr_open_in_root(root, "flip/secret", O_RDONLY);

        if (fd < 0)
            continue;
        followed++;
        if (fstat(fd, &got) == 0 && stat(inside("../secret"), &secret) == 0)
            CHECK(got.st_ino != secret.st_ino);
        close(fd);
    }
    CHECK(followed > 0);
    kill(racer, SIGKILL);
    waitpid(racer, NULL, 0);
    done();
}

static const struct {
    const char *path;
    int error;
} leading_out[] = {
    {"../etc/passwd", EXDEV},
    {"/etc/passwd", EXDEV},
    {"self/exe", ELOOP},
    {"self/root/etc/passwd", ELOOP},
};

static void writes_stay_beneath(void)
{
    int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = tsr_open_beneath(proc, "self/attr/current", O_RDONLY);

    CHECK(fd >= 0 || fd == -ENOENT);
    if (fd >= 0)
        close(fd);
    /* The walk of old kernels finds nothing where openat2 refuses. */
    for (size_t i = 0; i < sizeof leading_out / sizeof *leading_out; i++) {
        check_case(leading_out[i].path);
        fd = tsr_open_beneath(proc, leading_out[i].path, O_RDONLY);
        CHECK(fd == -leading_out[i].error || fd == -ENOENT);
    }
    check_case(NULL);
    CHECK_EQUAL(tsr_open_beneath(host, "proc/version", O_RDONLY), -EXDEV);
    close(proc);
    close(host);
}

const struct test resolve_tests[] = {
    {"a path of the container leads nowhere outside its root", stays_inside},
    {"what is missing is made inside, through symlinks too", makes_inside},
    {"the parent of a path is found or made", finds_parents},
    {"loops, depth and length have limits", walks_have_limits},
    {"a directory swapped for a symlink meanwhile leads nowhere outside", survives_a_race},
    {"a write beneath a directory follows no magic link and leaves no file system", writes_stay_beneath},
    {NULL, NULL},
};
