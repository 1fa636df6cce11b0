/* hook: runs one program to its end, feeding it the state and keeping what it says. */
#include "hook.h"
#include "machine.h"
#include "start.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { IN, OUT, ERR, EXEC, STREAMS };

struct hook {
    const struct op_hook *op;
    mode_t umask;
    pid_t pid;
    /* The pipes' ends that are ours, and the hook's. EXEC carries the errno of its execve. */
    int ours[STREAMS];
    int theirs[STREAMS];
    /* What is still to be fed. */
    struct iovec state[3];
    int fed;
    struct tsr_output output[2];
    int64_t began_ms;
    int status;
};

static void close_all(int fds[STREAMS])
{
    for (int i = 0; i < STREAMS; i++) {
        tsr_close_fd(&fds[i]);
        fds[i] = -1;
    }
}

static int open_pipes(struct hook *hook)
{
    memset(hook->ours, -1, sizeof hook->ours);
    memset(hook->theirs, -1, sizeof hook->theirs);
    for (int i = 0; i < STREAMS; i++) {
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
            return -errno;
        hook->ours[i] = i == IN ? ends[1] : ends[0];
        hook->theirs[i] = i == IN ? ends[0] : ends[1];
        /* EXEC is waited for: it closes when execve succeeds. */
        if (i != EXEC && fcntl(hook->ours[i], F_SETFL, O_NONBLOCK) < 0)
            return -errno;
    }
    return 0;
}

/* The hook's own process; never returns. */
static void become_hook(const struct hook *hook)
{
    const struct op_hook *op = hook->op;
    /* Its group is what kill_hook ends. */
    int error = tsr_result(setpgid(0, 0));

    /* It is not to outlive who waits for it. What it has forked may. */
    if (error == 0)
        error = tsr_result(prctl(PR_SET_PDEATHSIG, SIGKILL, 0ul, 0ul, 0ul));
    umask(hook->umask);
    for (int i = IN; i <= ERR && error == 0; i++)
        error = dup2(hook->theirs[i], i) < 0 ? -errno : 0;
    /* A hook has no business with our descriptors, nor with those the container is to inherit. */
    if (error == 0)
        error = tsr_close_but(3, hook->theirs[EXEC]);
    tsr_reset_signals();
    if (error == 0) {
        execve(op->path, op->args, op->inherit_env != 0 ? environ : op->env);
        error = -errno;
    }
    (void)!write(hook->theirs[EXEC], &error, sizeof error);
    _exit(127);
}

/* Starts it; -errno when it could not be executed. */
static int start(struct hook *hook)
{
    int error = 0;

    hook->pid = fork();
    if (hook->pid < 0)
        return -errno;
    if (hook->pid == 0)
        become_hook(hook);
    close_all(hook->theirs);
    while (read(hook->ours[EXEC], &error, sizeof error) < 0) {
        if (errno == EINTR)
            continue;
        error = -errno;
        kill(hook->pid, SIGKILL);
        break;
    }
    close(hook->ours[EXEC]);
    hook->ours[EXEC] = -1;
    if (error < 0)
        waitpid(hook->pid, NULL, 0);
    return error;
}

static void end_stream(struct hook *hook, int stream)
{
    tsr_close_fd(&hook->ours[stream]);
    hook->ours[stream] = -1;
}

/* A hook need not read its state: EPIPE is no failure. 0 or -errno. */
static int feed(struct hook *hook)
{
    ssize_t written = writev(hook->ours[IN], hook->state + hook->fed, 3 - hook->fed);

    if (written < 0 && errno != EPIPE)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    for (; written >= 0 && hook->fed < 3; hook->fed++) {
        struct iovec *part = &hook->state[hook->fed];
        size_t taken = (size_t)written < part->iov_len ? (size_t)written : part->iov_len;

        part->iov_base = (char *)part->iov_base + taken;
        part->iov_len -= taken;
        written -= (ssize_t)taken;
        if (part->iov_len > 0)
            return 0;
    }
    end_stream(hook, IN);
    return 0;
}

static void listen_to(struct hook *hook, int stream)
{
    char bytes[4096];
    ssize_t got;

    while ((got = read(hook->ours[stream], bytes, sizeof bytes)) > 0)
        tsr_output_add(&hook->output[stream - OUT], bytes, (size_t)got);
    /* One that cannot be read any more costs a hook's words, not the hook. */
    if (got == 0 || (errno != EAGAIN && errno != EINTR))
        end_stream(hook, stream);
}

static int64_t now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Kills all the hook started that is still in its process group. */
static int kill_hook(struct hook *hook, int error)
{
    kill(-hook->pid, SIGKILL);
    while (waitpid(hook->pid, &hook->status, 0) < 0 && errno == EINTR)
        ;
    return error;
}

/* Waits for its end, with SIGCHLD let through only inside ppoll, so that none is missed. */
static int attend(struct hook *hook, int control, const sigset_t *unblocked)
{
    int64_t deadline = hook->began_ms + hook->op->timeout_ms;

    for (;;) {
        struct pollfd polled[] = {
            {.fd = hook->ours[IN], .events = POLLOUT},
            {.fd = hook->ours[OUT], .events = POLLIN},
            {.fd = hook->ours[ERR], .events = POLLIN},
            {.fd = control},
        };
        int64_t rest = deadline - now_ms();
        pid_t ended;
        int error;
        struct timespec timeout = {.tv_sec = rest / 1000, .tv_nsec = rest % 1000 * 1000000};

        if (hook->op->timeout_ms != 0 && rest <= 0)
            return kill_hook(hook, -ETIMEDOUT);
        if (ppoll(polled, 4, hook->op->timeout_ms == 0 ? NULL : &timeout, unblocked) < 0 &&
            errno != EINTR)
            return kill_hook(hook, -errno);
        error = polled[IN].revents != 0 ? feed(hook) : 0;
        if (error < 0)
            return kill_hook(hook, error);
        for (int stream = OUT; stream <= ERR; stream++) {
            if (polled[stream].revents != 0)
                listen_to(hook, stream);
        }
        ended = waitpid(hook->pid, &hook->status, WNOHANG);
        if (ended == hook->pid)
            return 0;
        if (ended < 0 && errno != EINTR)
            return kill_hook(hook, -errno);
        /* The runtime is gone. */
        if (polled[3].revents != 0)
            return kill_hook(hook, -EPIPE);
    }
}

/* Catching SIGCHLD makes it interrupt ppoll; a hook that closes its input early must not end us. */
static void on_child(int signal)
{
    (void)signal;
}

static int run(struct hook *hook, int control)
{
    struct sigaction child = {.sa_handler = on_child}, broken = {.sa_handler = SIG_IGN}, old[2];
    sigset_t blocked, before, unblocked;
    int error;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    unblocked = before;
    sigdelset(&unblocked, SIGCHLD);
    /* Without its handler the hook's end would wake nobody. */
    if (sigaction(SIGCHLD, &child, &old[0]) < 0 || sigaction(SIGPIPE, &broken, &old[1]) < 0)
        return -errno;
    error = start(hook);
    if (error == 0) {
        error = attend(hook, control, &unblocked);
        /* What it said last; children it left behind may hold the pipes open, so no end is waited for. */
        for (int stream = OUT; stream <= ERR; stream++) {
            if (hook->ours[stream] >= 0)
                listen_to(hook, stream);
        }
    }
    sigaction(SIGCHLD, &old[0], NULL);
    sigaction(SIGPIPE, &old[1], NULL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return error;
}

int op_hook(struct tsr_machine *m, const struct op_hook *op)
{
    static struct hook hook;
    char pid[24];
    const char *parts[3] = {
        op->state_head,
        tsr_format_number(pid, (uint64_t)tsr_slot_or(m, op->pid, (int)getpid()), 10),
        op->state_tail,
    };
    int error;

    hook = (struct hook){.op = op, .umask = m->umask, .began_ms = now_ms()};
    /* A container without a process (poststop) has no pid, and head is all of its state. */
    for (int i = 0; i < (op->state_tail[0] == '\0' ? 1 : 3); i++)
        hook.state[i] = (struct iovec){(void *)(uintptr_t)parts[i], strlen(parts[i])};
    error = open_pipes(&hook);
    if (error == 0)
        error = run(&hook, m->is_released ? -1 : m->control);
    close_all(hook.ours);
    close_all(hook.theirs);
    if (error == 0 && hook.status != 0)
        error = -ECHILD;
    if (error == -ECHILD || error == -ETIMEDOUT || (error == 0 && m->is_traced)) {
        tsr_describe_hook(&m->detail, hook.status, error == -ETIMEDOUT ? op->timeout_ms : 0, hook.output);
        tsr_text_add(&m->detail, ", took ");
        tsr_text_add_number(&m->detail, (uint64_t)(now_ms() - hook.began_ms));
        tsr_text_add(&m->detail, " ms");
    }
    return error;
}
