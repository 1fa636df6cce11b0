/* An executor in a process of its own, and the runtime's end of its control socket. */
#ifndef TSR_EXECUTOR_H
#define TSR_EXECUTOR_H

#include "plan_bytes.h"
#include <stdbool.h>
#include <sys/types.h>

struct executor {
    pid_t pid;
    int socket;
};

struct message {
    /* 0 at the end of file. */
    uint32_t type;
    uint32_t plan_index;
    int32_t value;
    char detail[4096];
    /* SPAWNED's pidfd, or -1. */
    int fd;
};

struct executor start_executor(const struct plan_bytes *plan);
struct message hear(int socket);
void say_go(int socket);
/* The exit status, -signal when killed; closes the socket. */
int finish_executor(struct executor *executor);
int exit_status(pid_t pid);

#endif
