/* The supervisor: statuses, signals, the terminal, the command at the end. */
#include "../supervise.h"
#include "check.h"
#include "executor.h"
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* What stands in for tsrun, the container behind it, and the outer ends of its standard streams. */
struct foreground {
    pid_t pid;
    int in, out;
};

static void become_container(const char *script, int terminal)
{
    setsid();
    if (terminal >= 0) {
        ioctl(terminal, TIOCSCTTY, 0);
        for (int fd = 0; fd <= 2; fd++)
            dup2(terminal, fd);
    }
    execl("/bin/sh", "sh", "-c", script, (char *)NULL);
    _exit(127);
}

static void become_supervisor(const char *script, bool has_terminal, const char *command)
{
    char pid[16], master_number[16];
    char *arguments[] = {pid, master_number, "--", "/bin/sh", "-c", (char *)(uintptr_t)command, NULL};
    int master = -1, slave = -1;
    sigset_t all;
    pid_t container;

    if (has_terminal && openpty(&master, &slave, NULL, NULL, NULL) < 0)
        _exit(99);
    container = fork();
    if (container == 0)
        become_container(script, slave);
    if (slave >= 0)
        close(slave);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    snprintf(pid, sizeof pid, "%d", container);
    snprintf(master_number, sizeof master_number, "%d", master);
    if (command == NULL)
        arguments[2] = NULL;
    _exit(tsr_supervise(command == NULL ? 2 : 6, arguments));
}

static struct foreground run(const char *script, bool has_terminal, const char *command)
{
    struct foreground f;
    int in[2], out[2];

    CHECK_EQUAL(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
    f.pid = fork();
    if (f.pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        become_supervisor(script, has_terminal, command);
    }
    close(in[0]);
    close(out[1]);
    f.in = in[1];
    f.out = out[0];
    return f;
}

static const char *read_all(int fd)
{
    static char text[65536];
    size_t length = 0;
    ssize_t got;

    while ((got = read(fd, text + length, sizeof text - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = '\0';
    close(fd);
    return text;
}

static int status_of(const char *script, bool has_terminal, const char *command, const char *output)
{
    struct foreground f = run(script, has_terminal, command);

    CHECK_TEXT(read_all(f.out), output);
    close(f.in);
    return exit_status(f.pid);
}

static void ends_as_the_container(void)
{
    CHECK_EQUAL(status_of("exit 0", false, NULL, ""), 0);
    CHECK_EQUAL(status_of("exit 7", false, NULL, ""), 7);
    CHECK_EQUAL(status_of("kill -9 $$", false, NULL, ""), 137);
    CHECK_EQUAL(status_of("exit 7", true, NULL, ""), 7);
    CHECK_EQUAL(status_of("exit 7", false, "echo removed; exit 3", "removed\n"), 7);
    CHECK_EQUAL(status_of("echo last words", true, "echo removed", "last words\r\nremoved\n"), 0);
}

/* Reads until the text has been seen. */
static bool await(int fd, const char *text)
{
    char seen[1024] = "";
    size_t length = 0;

    while (length < sizeof seen - 1 && strstr(seen, text) == NULL) {
        if (read(fd, seen + length, 1) != 1)
            return false;
        length++;
    }
    return strstr(seen, text) != NULL;
}

static void passes_signals_on(void)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGQUIT};

    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        char script[200];
        struct foreground f;

        snprintf(script, sizeof script, "trap 'exit 99' URG; trap 'exit %d' %d; echo ready; while :; do sleep 0.01; done",
                 20 + (int)i, signals[i]);
        f = run(script, i % 2 == 0, NULL);
        CHECK(await(f.out, "ready"));
        /* These are for the supervisor alone. */
        kill(f.pid, SIGURG);
        kill(f.pid, SIGCHLD);
        kill(f.pid, SIGWINCH);
        /* Long enough for the trap, were it passed on. */
        usleep(50000);
        kill(f.pid, signals[i]);
        read_all(f.out);
        close(f.in);
        CHECK_EQUAL(exit_status(f.pid), 20 + (long long)i);
    }
}

static void relays(void)
{
    struct foreground f = run("stty -echo; echo ready; cat; echo bye", true, NULL);

    CHECK(await(f.out, "ready\r\n"));
    CHECK_EQUAL(write(f.in, "one\ntwo", 7), 7);
    close(f.in);
    CHECK_TEXT(read_all(f.out), "one\r\ntwobye\r\n");
    CHECK_EQUAL(exit_status(f.pid), 0);
}

static void loses_nothing(void)
{
    struct foreground f = run("i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done", true, NULL);
    char expected[65536] = "", *end = expected;

    for (int i = 0; i < 5000; i++)
        end += sprintf(end, "%d\r\n", i);
    usleep(100000);
    CHECK_TEXT(read_all(f.out), expected);
    close(f.in);
    CHECK_EQUAL(exit_status(f.pid), 0);
}

static void outlives_its_reader(void)
{
    struct foreground f = run("i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done; exit 5", true,
                              NULL);

    close(f.out);
    close(f.in);
    CHECK_EQUAL(exit_status(f.pid), 5);
}

/* A supervisor with an agent, whose end of the socket is ours. */
static struct foreground run_watched(const char *script, int *ret_agent)
{
    struct foreground f = {.in = -1};
    int out[2], pair[2];

    CHECK_EQUAL(pipe2(out, O_CLOEXEC) | socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    f.pid = fork();
    if (f.pid == 0) {
        char pid[16], agent[16];
        char *arguments[] = {pid, "-1", "agent", agent, "--", "/bin/sh", "-c", "echo removed", NULL};
        sigset_t all;
        pid_t container;

        dup2(out[1], 1);
        dup2(out[1], 2);
        close(pair[1]);
        container = fork();
        if (container == 0) {
            close(pair[0]);
            become_container(script, -1);
        }
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, NULL);
        snprintf(pid, sizeof pid, "%d", container);
        snprintf(agent, sizeof agent, "%d", pair[0]);
        _exit(tsr_supervise(8, arguments));
    }
    close(out[1]);
    close(pair[0]);
    f.out = out[0];
    *ret_agent = pair[1];
    return f;
}

static void waits_for_its_agent(void)
{
    int agent;
    struct foreground f = run_watched("echo ended; exit 3", &agent);
    char asked;

    CHECK(await(f.out, "ended\n"));
    CHECK_EQUAL(read(agent, &asked, 1), 1);
    close(agent);
    CHECK_TEXT(read_all(f.out), "removed\n");
    CHECK_EQUAL(exit_status(f.pid), 3);
}

static void ends_what_lost_its_agent(void)
{
    int agent;
    struct foreground f = run_watched("echo ready; exec sleep 1000", &agent);

    CHECK(await(f.out, "ready\n"));
    close(agent);
    CHECK_TEXT(read_all(f.out), "tsrun: the seccomp agent has ended: the container is killed\nremoved\n");
    CHECK_EQUAL(exit_status(f.pid), 137);
}

static void refuses_wrong_arguments(void)
{
    char *none[] = {NULL}, *no_pid[] = {"x", "-1", NULL}, *no_terminal[] = {"1", "x", NULL};

    CHECK_EQUAL(tsr_supervise(0, none), 2);
    CHECK_EQUAL(tsr_supervise(2, no_pid), 2);
    CHECK_EQUAL(tsr_supervise(2, no_terminal), 2);
}

const struct test supervise_tests[] = {
    {"ends with the container's status, or 128 and its signal, the command behind it", ends_as_the_container},
    {"passes signals on but those meant for itself", passes_signals_on},
    {"relays the terminal, and the end of input as ^D", relays},
    {"loses no output", loses_nothing},
    {"a container nobody listens to goes on", outlives_its_reader},
    {"asks a seccomp agent for its report, and waits until that is written", waits_for_its_agent},
    {"kills a container that has lost its seccomp agent", ends_what_lost_its_agent},
    {"refuses wrong arguments", refuses_wrong_arguments},
    {NULL, NULL},
};
