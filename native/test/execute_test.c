/* Which file is executed, with which HOME, and where from. */
#include "../machine.h"
#include "../start.h"
#include "check.h"
#include "executor.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct tsr_machine machine;

static void make(const char *path, mode_t mode)
{
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode));
}

static const struct {
    const char *claim, *file, *search;
    int error;
    const char *found;
} lookups[] = {
    {"a path as it is", "./one/tool", "/bin", 0, "./one/tool"},
    {"the first directory that has it", "tool", "none:one:two", 0, "one/tool"},
    {"not what may not be executed", "data", "one:two", 0, "two/data"},
    {"not a directory", "dir", "one:two", 0, "two/dir"},
    {"found, but nowhere executable", "data", "one", EACCES, NULL},
    {"found, but nowhere a file", "dir", "one", EACCES, NULL},
    {"an empty directory is the working directory", "tool", "::none", ENOENT, NULL},
    {"nothing", "tool", "none:also-none", ENOENT, NULL},
    {"no PATH", "tool", NULL, ENOENT, NULL},
    {"an empty PATH", "tool", "", ENOENT, NULL},
    {"no name", "", "one", ENOENT, NULL},
    {"a path that is a directory", "/", "one", EACCES, NULL},
    {"a path to nothing", "./one/none", "one", ENOENT, NULL},
    {"a path through a file", "one/tool/x", "one", ENOTDIR, NULL},
    {"a path that may not be executed", "one/data", "one", EACCES, NULL},
};

static void finds_executables(void)
{
    CHECK_EQUAL(chdir(fresh_directory()), 0);
    mkdir("one", 0755);
    mkdir("two", 0755);
    mkdir("one/dir", 0755);
    make("one/tool", 0700);
    make("two/tool", 0700);
    make("one/data", 0600);
    make("two/data", 0700);
    make("two/dir", 0700);
    for (size_t i = 0; i < sizeof lookups / sizeof *lookups; i++) {
        struct op_find_executable op = {.file = lookups[i].file, .search = lookups[i].search};

        check_case(lookups[i].claim);
        memset(&machine, 0, sizeof machine);
        CHECK_EQUAL(-op_find_executable(&machine, &op), lookups[i].error);
        if (lookups[i].found != NULL)
            CHECK_TEXT(machine.executable, lookups[i].found);
    }
    CHECK_EQUAL(chdir("/"), 0);
}

/* env and home given, what env(1) prints of it. */
static void check_environment(char *first, char *second, const char *home, const char *expected)
{
    char *args[] = {"env", NULL, NULL}, *environment[] = {first, second, NULL, NULL};
    struct op_execve op = {.args = args, .env = environment};
    char got[256] = "";
    int ends[2];
    pid_t pid;

    memset(&machine, 0, sizeof machine);
    strcpy(machine.executable, "/usr/bin/env");
    strcpy(machine.home, home);
    CHECK_EQUAL(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        dup2(ends[1], 1);
        op_execve(&machine, &op);
        _exit(1);
    }
    close(ends[1]);
    CHECK_EQUAL(exit_status(pid), 0);
    CHECK(read(ends[0], got, sizeof got - 1) > 0);
    close(ends[0]);
    CHECK_TEXT(got, expected);
}

static void sets_home(void)
{
    check_environment("A=1", "B=2", "/h", "A=1\nB=2\nHOME=/h\n");
    check_environment("HOME=", "B=2", "/h", "HOME=/h\nB=2\n");
    check_environment("HOME=/own", "B=2", "/h", "HOME=/own\nB=2\n");
    check_environment("HOME2=/own", NULL, "/h", "HOME2=/own\nHOME=/h\n");
    check_environment("A=1", NULL, "", "A=1\n");
}

static int check_cwd_from(const char *directory, const char *asked)
{
    struct op_check_cwd op = {.path = asked};

    CHECK_EQUAL(chdir(directory), 0);
    return op_check_cwd(&machine, &op);
}

static void knows_where_it_is(void)
{
    char gone[300];

    snprintf(gone, sizeof gone, "%s/gone", fresh_directory());
    CHECK_EQUAL(check_cwd_from("/", "/"), 0);
    CHECK_EQUAL(check_cwd_from("/usr", "/usr"), 0);
    CHECK_EQUAL(check_cwd_from("/", "/nonexistent"), -ENOENT);
    CHECK_EQUAL(check_cwd_from("/", "/usr"), 0);
    mkdir(gone, 0700);
    CHECK_EQUAL(chdir(gone), 0);
    rmdir(gone);
    CHECK_EQUAL(op_check_cwd(&machine, &(struct op_check_cwd){.path = gone}), -ENOENT);
    CHECK_EQUAL(chdir("/"), 0);
}

/* In a child: 0 when of the descriptors 20 (preserved), 31, 40 to 43 the right ones are open. */
static int close_and_look(int control, int kept)
{
    static int32_t slots[2];
    struct tsr_machine m = {.control = control, .plan = {.slots = slots, .slot_count = 2}};
    struct op_close_range op = {.first = 30, .keep = kept < 0 ? TSR_NO_SLOT : 1};

    slots[0] = 43;
    slots[1] = kept;
    if (op_close_range(&m, &op) != 0)
        return 1;
    if (fcntl(20, F_GETFD) < 0 || slots[0] != -1 || (kept >= 0 && slots[1] != kept))
        return 2;
    for (int fd = 30; fd < 64; fd++) {
        bool is_open = fcntl(fd, F_GETFD) >= 0;

        if (is_open != (fd == control || fd == kept))
            return 3;
    }
    return 0;
}

static void closes_descriptors(void)
{
    static const int cases[][2] = {{31, -1}, {-1, -1}, {40, 42}, {42, 40}, {40, 41}, {31, 43}, {20, 40}};
    int low = open("/", O_RDONLY | O_CLOEXEC);

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            for (int fd = 40; fd < 44; fd++)
                dup2(low, fd);
            dup2(low, 20);
            dup2(low, 31);
            _exit(close_and_look(cases[i][0], cases[i][1]));
        }
        CHECK_EQUAL(exit_status(pid), 0);
    }
    close(low);
}

const struct test execute_tests[] = {
    {"find_executable finds what a shell would", finds_executables},
    {"execve gives HOME where it is missing or empty", sets_home},
    {"check_cwd knows a directory without a path", knows_where_it_is},
    {"close_range spares what is preserved, and what init waits on", closes_descriptors},
    {NULL, NULL},
};
