/* What the operations of one run share: the plan, its slots, the line to the runtime. */
#ifndef TSR_MACHINE_H
#define TSR_MACHINE_H

#include "plan.h"
#include "text.h"
#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

enum tsr_message { TSR_SAY_YIELD = 1, TSR_SAY_FAULT = 2, TSR_SAY_SPAWNED = 3, TSR_SAY_WARNING = 4,
                   TSR_SAY_EXECUTING = 5, TSR_SAY_LISTENER = 6 };
enum { TSR_GO = 1 };
/* The plan index of a fault that no step caused. */
#define TSR_NO_STEP 0xffffffffu

struct tsr_machine {
    struct tsr_plan plan;
    /* The step being performed. */
    const struct tsr_step *step;
    /* The socket to the runtime; behind accept, to `start`. */
    int control;
    /* Behind accept: the container belongs to nobody, the end of `start` means nothing. */
    bool is_released;
    /* Set in the outer executor once init runs: there is nothing left to do. */
    bool is_done;
    /* Of announce_listener: what the agent is asked by once the filter is in force; 0 when there was none. */
    uint32_t marker;
    /* Signals are as execve wants them: a filter may refuse to change them. */
    bool has_reset_signals;
    /* What hooks say is wanted although they succeed. */
    bool is_traced;
    /* Memory shared by outer and init: the kernel writes init's pid here as outer would see it. */
    int32_t *init_pid;
    /* The umask of hooks: the one inherited, or the one of the plan. The executor's own is 0. */
    mode_t umask;
    /* What a failing operation adds to its errno. */
    struct tsr_text detail;
    /* HOME from find_home, "" before; what execve runs, from find_executable. */
    char home[PATH_MAX];
    char executable[PATH_MAX];
};

/* Performs the plan: 0 when all is done, 1 when a fault was reported or the runtime is gone. */
int tsr_run(struct tsr_machine *m);
struct tsr_trace;
int tsr_run_traced(struct tsr_machine *m, struct tsr_trace *trace);
/*
 * Sends one control message, with a descriptor unless fd is -1; 0 or -errno. Who then waits for an answer, or
 * leaves something to the runtime, must not go on: nobody has heard of it.
 */
int tsr_say(const struct tsr_machine *m, enum tsr_message type, uint32_t plan_index, int32_t value,
            int fd);
/* Waits for one word; true when it is GO. A runtime that is gone, or says anything else, has not said it. */
bool tsr_hear_go(int socket);
/* The same without waiting: for outer, whom no seccomp filter holds yet. */
bool tsr_has_go(int socket);

/* What a slot holds; absent for TSR_NO_SLOT. An empty slot is -1, which the kernel refuses. */
int tsr_slot_or(const struct tsr_machine *m, uint32_t slot, int absent);
int tsr_slot(const struct tsr_machine *m, uint32_t slot);
/* Puts the descriptor that a call returned into a slot, closing what was there; -errno when it is -1. */
int tsr_fill_slot(struct tsr_machine *m, uint32_t slot, long returned);
/* The same for a descriptor or -errno. */
int tsr_fill_slot_with(struct tsr_machine *m, uint32_t slot, int fd_or_error);
/* A call's result: -errno for -1. */
int tsr_result(long returned);

/* A descriptor closed at the end of its scope; -1 and errors are left alone. */
#define TSR_CLOSED __attribute__((cleanup(tsr_close_fd)))
void tsr_close_fd(int *fd);

/* For mount(2), which takes no descriptor: writes /proc/self/fd/N, after a look that /proc is procfs. */
#define TSR_FD_PATH_MAX 40
int tsr_fd_path(int fd, char ret_path[TSR_FD_PATH_MAX]);

#endif
