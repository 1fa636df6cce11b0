/* The container's word that it is ready, passed on to whoever started tsrun: sd_notify(3). */
#ifndef TSR_NOTIFY_H
#define TSR_NOTIFY_H

#include <poll.h>
#include <sys/types.h>

struct tsr_notify {
    /* Where the container sends to; of a relay that was not asked for, -1 as all that follows. */
    int socket;
    /* Connected to NOTIFY_SOCKET. */
    int host;
    /* The pipe of who reads the container's messages; -1 once it has spoken, or is gone. */
    int reader;
    /* The pipe whose other end the host closes when it has come to BARRIER=1. */
    int barrier;
    /* What is said to be the service's main process. */
    pid_t main_pid;
    enum { TSR_NOTIFY_DONE, TSR_NOTIFY_WAITING, TSR_NOTIFY_READY, TSR_NOTIFY_MAINPID, TSR_NOTIFY_BARRIER } next;
};

/* Has the messages read. A reader that cannot be had is as one that is gone: nobody is told anything. */
void tsr_notify_open(struct tsr_notify *n, int socket, int host, pid_t main_pid);
/* What to poll; moves what poll found. */
struct pollfd tsr_notify_polled(const struct tsr_notify *n);
void tsr_notify_move(struct tsr_notify *n);
/* The container has ended: what it said before is passed on still, if that takes no longer than a second. */
void tsr_notify_finish(struct tsr_notify *n);
/* `tsrun-init notify PIDFD SOCKET HOST MAINPID`: until the container is ready, or has ended; the exit status. */
int tsr_notify_alone(int count, char **arguments);

#endif
