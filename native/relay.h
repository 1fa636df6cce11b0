/* Standard input and output on one side, the master of the container's terminal on the other. */
#ifndef TSR_RELAY_H
#define TSR_RELAY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

/* Bytes on their way; nothing more is read before all are written. */
struct tsr_flow {
    size_t start, end;
    char bytes[4096];
};

struct tsr_relay {
    /* The master; -1: there is no terminal, and nothing is relayed. */
    int master;
    /* The caller's own terminal, -1 when none of the standard streams is one. */
    int own;
    struct termios saved;
    bool is_raw;
    /* In the background a terminal must not be read. */
    bool may_read;
    bool input_ended, output_broken, master_ended;
    char last_input;
    struct tsr_flow input, output;
};

enum { TSR_RELAY_POLLED = 3 };

void tsr_relay_open(struct tsr_relay *r, int master);
/* Raw mode, when we are in the foreground; and back to what it was. */
void tsr_relay_take_terminal(struct tsr_relay *r);
void tsr_relay_release_terminal(struct tsr_relay *r);
/* The window's size of our terminal to the container's. */
void tsr_relay_resize(struct tsr_relay *r);
/* Fills what to poll; moves what poll found. */
void tsr_relay_prepare(const struct tsr_relay *r, struct pollfd polled[TSR_RELAY_POLLED]);
void tsr_relay_move(struct tsr_relay *r, const struct pollfd polled[TSR_RELAY_POLLED]);
/* What the container wrote before it ended. */
void tsr_relay_drain(struct tsr_relay *r);

#endif
