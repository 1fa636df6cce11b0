/*
 * For the host on Node: it has threads of its own, which block no signal. What one of them gets is passed
 * on to the thread that does, where it stays pending, also across the execve(2) into the supervisor.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

int tsr_keep_signals(void);

static long keeper;

static void pass_on(int signal)
{
    int saved = errno;

    syscall(SYS_tgkill, getpid(), keeper, signal);
    errno = saved;
}

/* What a thread brings on itself is its own: passed on, it would come again without end. */
static int is_fault(int signal)
{
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL || signal == SIGTRAP ||
           signal == SIGABRT || signal == SIGSYS;
}

/* From now on the calling thread, which has all signals blocked, keeps those that are for the process. */
int tsr_keep_signals(void)
{
    struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};

    keeper = syscall(SYS_gettid);
    sigfillset(&action.sa_mask);
    for (int signal = 1; signal <= SIGRTMAX; signal++) {
        /* SIGCHLD is not: who waits for children does not wait for it. Others refuse: SIGKILL, libc's own. */
        if (!is_fault(signal) && signal != SIGCHLD)
            sigaction(signal, &action, NULL);
    }
    return 0;
}
