/*
 * The foreground supervisor: `tsrun-init supervise …` stands in for tsrun while the container runs. It
 * passes signals on, relays the terminal, reaps, at the end removes the container or runs COMMAND, which
 * does (neither with --keep), and ends with the container's status.
 *
 * The caller has blocked all signals, so that none is lost between its execve(2) and the signalfd here.
 */
#include "supervise.h"
#include "notify.h"
#include "relay.h"
#include "removal.h"
#include "start.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { USAGE = 2, FAILURE = 1, SIGNALLED = 128, LOOK_AGAIN_MS = 50 };

struct supervisor {
    pid_t container;
    bool has_ended;
    /* waitpid(2) has failed and told nothing: no signal may come again for who has ended. */
    bool must_look;
    int status;
    int signals;
    /* The socket of a seccomp agent, -1 where there is none. */
    int agent;
    struct tsr_notify notify;
    struct tsr_relay relay;
};

/* Orphans of the container come to us too where tsrun made itself their subreaper, as execve keeps it. */
static void reap(struct supervisor *s)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == s->container) {
            s->has_ended = true;
            s->status = WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
        }
    }
    s->must_look = pid < 0 && errno != ECHILD;
    /* Not our child, or reaped by somebody else: its status is lost. */
    if (pid < 0 && errno == ECHILD && !s->has_ended) {
        s->has_ended = true;
        s->status = FAILURE;
    }
}

/* ^Z where the terminal is the caller's own: the container is told, then we stop as any program does. */
static void suspend(struct supervisor *s)
{
    tsr_relay_release_terminal(&s->relay);
    kill(getpid(), SIGSTOP);
    tsr_relay_take_terminal(&s->relay);
}

static void on_signal(struct supervisor *s, const struct signalfd_siginfo *info)
{
    int signal = (int)info->ssi_signo;

    switch (signal) {
    case SIGCHLD:
        reap(s);
        return;
    case SIGURG:
        return;
    case SIGWINCH:
        tsr_relay_resize(&s->relay);
        return;
    case SIGPIPE:
        /* Our own, of writing where nobody reads any more. */
        if ((pid_t)info->ssi_pid == getpid())
            return;
        break;
    case SIGCONT:
        tsr_relay_take_terminal(&s->relay);
        break;
    default:
        break;
    }
    if (!s->has_ended)
        kill(s->container, signal);
    if (signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU)
        suspend(s);
}

static void take_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;

    while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info)
        on_signal(s, &info);
}

/* Every call that it would have answered fails from now on, exit perhaps too: the container cannot go on. */
static void lose_agent(struct supervisor *s)
{
    static const char message[] = "tsrun: the seccomp agent has ended: the container is killed\n";

    (void)!write(STDERR_FILENO, message, sizeof message - 1);
    close(s->agent);
    s->agent = -1;
    kill(s->container, SIGKILL);
}

/* Asks the agent for its report, which is written when it has ended. */
static void dismiss_agent(struct supervisor *s)
{
    char answer;

    if (s->agent < 0)
        return;
    send(s->agent, "", 1, MSG_NOSIGNAL);
    while (read(s->agent, &answer, 1) < 0 && errno == EINTR)
        ;
    close(s->agent);
}

static void attend(struct supervisor *s)
{
    reap(s);
    while (!s->has_ended) {
        struct pollfd polled[3 + TSR_RELAY_POLLED] = {{.fd = s->signals, .events = POLLIN},
                                                      {.fd = s->agent},
                                                      tsr_notify_polled(&s->notify)};

        tsr_relay_prepare(&s->relay, polled + 3);
        if (poll(polled, 3 + TSR_RELAY_POLLED, s->must_look ? LOOK_AGAIN_MS : -1) < 0)
            continue;
        if (polled[0].revents != 0)
            take_signals(s);
        if (s->must_look)
            reap(s);
        if (polled[1].revents != 0 && !s->has_ended)
            lose_agent(s);
        if (polled[2].revents != 0)
            tsr_notify_move(&s->notify);
        tsr_relay_move(&s->relay, polled + 3);
    }
    tsr_notify_finish(&s->notify);
    dismiss_agent(s);
    tsr_relay_drain(&s->relay);
    tsr_relay_release_terminal(&s->relay);
}

/* DIRFD DIRECTORY CGROUP… up to `--` or the end. True when nothing is left of the container. */
static bool remove_listed(char **list)
{
    int count = 0;

    while (list[count] != NULL && strcmp(list[count], "--") != 0)
        count++;
    return count >= 2 && tsr_remove_container(tsr_parse_number(list[0]), list[1], count - 2, list + 2);
}

/* It reports its own failures; the status stays the container's. */
static void run_command(char **command)
{
    pid_t pid = *command == NULL ? -1 : fork();

    if (pid == 0) {
        tsr_reset_signals();
        execve(command[0], command, environ);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static int open_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Nobody would pass on a signal or see its end: the container ends here. */
static int give_up(struct supervisor *s, char **command)
{
    static const char message[] = "tsrun: supervise: signalfd: cannot be had\n";

    (void)!write(STDERR_FILENO, message, sizeof message - 1);
    kill(s->container, SIGKILL);
    run_command(command);
    return FAILURE;
}

/* `notify SOCKET HOST` at the begin of the arguments; what is behind it. */
static char **open_notify(struct supervisor *s, char **arguments)
{
    if (*arguments == NULL || strcmp(*arguments, "notify") != 0 || arguments[1] == NULL || arguments[2] == NULL)
        return arguments;
    tsr_notify_open(&s->notify, tsr_parse_number(arguments[1]), tsr_parse_number(arguments[2]), getpid());
    return arguments + 3;
}

int tsr_supervise(int count, char **arguments)
{
    static struct supervisor supervisor;
    struct supervisor *s = &supervisor;
    char **removal = NULL;
    int terminal;

    if (count < 2)
        return USAGE;
    s->container = tsr_parse_number(arguments[0]);
    terminal = strcmp(arguments[1], "-1") == 0 ? -1 : tsr_parse_number(arguments[1]);
    if (s->container <= 0 || (terminal < 0 && strcmp(arguments[1], "-1") != 0))
        return USAGE;
    arguments += 2;
    s->agent = -1;
    if (*arguments != NULL && strcmp(*arguments, "agent") == 0 && arguments[1] != NULL) {
        s->agent = tsr_parse_number(arguments[1]);
        arguments += 2;
    }
    arguments = open_notify(s, arguments);
    if (*arguments != NULL && strcmp(*arguments, "remove") == 0)
        removal = ++arguments;
    while (*arguments != NULL && strcmp(*arguments, "--") != 0)
        arguments++;
    if (*arguments != NULL)
        arguments++;
    /* Run from a descriptor, the kernel would name us by its number. */
    prctl(PR_SET_NAME, "tsrun");
    s->signals = open_signals();
    if (s->signals < 0)
        return give_up(s, arguments);
    tsr_relay_open(&s->relay, terminal);
    attend(s);
    if (removal == NULL || !remove_listed(removal))
        run_command(arguments);
    return s->status;
}
