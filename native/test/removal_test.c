/* The removal at the end of a foreground run: plain containers alone, and never somebody else's. */
#include "../removal.h"
#include "../supervise.h"
#include "check.h"
#include "executor.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char state[300], groups[2][300], file[400];
static char *const cgroups[] = {groups[0], groups[1], NULL};

static const char *in_state(const char *name)
{
    snprintf(file, sizeof file, "%s/%s", state, name);
    return file;
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* A state directory of two files and two directories that stand for cgroups. Returns the first, open. */
static int make_container(void)
{
    const char *top = fresh_directory();
    int fd;

    snprintf(state, sizeof state, "%s/state", top);
    snprintf(groups[0], sizeof groups[0], "%s/cpu", top);
    snprintf(groups[1], sizeof groups[1], "%s/pids", top);
    CHECK_EQUAL(mkdir(state, 0700) | mkdir(groups[0], 0700) | mkdir(groups[1], 0700), 0);
    CHECK_EQUAL(close(open(in_state("state.json"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
    CHECK_EQUAL(close(open(in_state("config.json"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
    fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

static void removes_all(void)
{
    int fd = make_container();

    CHECK(tsr_remove_container(fd, state, 2, cgroups));
    CHECK(!exists(state) && !exists(groups[0]) && !exists(groups[1]));
    /* Nothing is left to do. */
    CHECK(tsr_remove_container(fd, state, 2, cgroups));
    close(fd);
}

static void leaves_what_is_in_the_way(void)
{
    int fd = make_container(), other;
    char below[320];

    other = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK_EQUAL(flock(other, LOCK_EX), 0);
    CHECK(!tsr_remove_container(fd, state, 2, cgroups));
    CHECK(exists(groups[0]) && exists(in_state("state.json")));
    close(other);

    snprintf(below, sizeof below, "%s/below", groups[1]);
    CHECK_EQUAL(mkdir(below, 0700), 0);
    CHECK(!tsr_remove_container(fd, state, 2, cgroups));
    CHECK(!exists(groups[0]) && exists(groups[1]) && exists(in_state("state.json")));
    CHECK_EQUAL(rmdir(below), 0);

    CHECK_EQUAL(mkdir(in_state("odd"), 0700), 0);
    CHECK(!tsr_remove_container(fd, state, 2, cgroups));
    CHECK(exists(in_state("odd")));
    close(fd);
}

static void knows_its_own(void)
{
    int fd = make_container();
    char moved[320];

    snprintf(moved, sizeof moved, "%s.old", state);
    CHECK_EQUAL(rename(state, moved), 0);
    CHECK_EQUAL(mkdir(state, 0700), 0);
    CHECK(tsr_remove_container(fd, state, 2, cgroups));
    CHECK(exists(state) && exists(groups[0]));
    close(fd);
}

/* The status of the supervisor, whose command leaves a file behind. */
static int supervise(int fd, const char *directory)
{
    pid_t pid = fork();

    if (pid == 0) {
        char container[16], number[16];
        char *arguments[] = {container, "-1", "remove", number, (char *)(uintptr_t)directory, groups[0],
                             groups[1], "--", "/bin/touch", groups[1], NULL};
        sigset_t all;
        pid_t child = fork();

        if (child == 0)
            _exit(7);
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, NULL);
        snprintf(container, sizeof container, "%d", child);
        snprintf(number, sizeof number, "%d", fd);
        _exit(tsr_supervise(10, arguments));
    }
    return exit_status(pid);
}

static void spares_the_command(void)
{
    int fd = make_container(), other;

    CHECK_EQUAL(supervise(fd, state), 7);
    CHECK(!exists(state) && !exists(groups[0]) && !exists(groups[1]));
    close(fd);

    fd = make_container();
    CHECK_EQUAL(rmdir(groups[1]), 0);
    other = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK_EQUAL(flock(other, LOCK_EX), 0);
    CHECK_EQUAL(supervise(fd, state), 7);
    CHECK(exists(state) && exists(groups[1]));
    close(other);
    close(fd);
}

const struct test removal_tests[] = {
    {"takes away cgroups, files and the directory", removes_all},
    {"leaves to delete what is locked, busy or no file", leaves_what_is_in_the_way},
    {"touches nothing of another container of that name", knows_its_own},
    {"stands in for the command, which runs when something is in the way", spares_the_command},
    {NULL, NULL},
};
