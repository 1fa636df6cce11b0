/*
 * Relays a terminal. The master is not blocking; standard input and output stay as they are, since their
 * open files are shared with the caller's shell: they are read and written when poll(2) says they are
 * ready, no more at a time than a pipe takes at once (PIPE_BUF).
 */
#include "relay.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { INPUT, OUTPUT, MASTER };

static bool is_empty(const struct tsr_flow *flow)
{
    return flow->start == flow->end;
}

void tsr_relay_open(struct tsr_relay *r, int master)
{
    int flags;

    r->master = master;
    r->own = -1;
    if (master < 0)
        return;
    flags = fcntl(master, F_GETFL);
    if (flags >= 0)
        fcntl(master, F_SETFL, flags | O_NONBLOCK);
    fcntl(master, F_SETFD, FD_CLOEXEC);
    for (int fd = 0; fd <= 2 && r->own < 0; fd++) {
        if (isatty(fd))
            r->own = fd;
    }
    tsr_relay_take_terminal(r);
}

void tsr_relay_take_terminal(struct tsr_relay *r)
{
    struct termios raw;

    if (r->master < 0)
        return;
    r->may_read = !isatty(0) || tcgetpgrp(0) == getpgrp();
    if (r->own < 0 || tcgetpgrp(r->own) != getpgrp())
        return;
    if (!r->is_raw && tcgetattr(r->own, &r->saved) == 0) {
        raw = r->saved;
        cfmakeraw(&raw);
        r->is_raw = tcsetattr(r->own, TCSADRAIN, &raw) == 0;
    }
    tsr_relay_resize(r);
}

void tsr_relay_release_terminal(struct tsr_relay *r)
{
    if (r->is_raw)
        tcsetattr(r->own, TCSADRAIN, &r->saved);
    r->is_raw = false;
}

void tsr_relay_resize(struct tsr_relay *r)
{
    struct winsize size;

    if (r->own >= 0 && ioctl(r->own, TIOCGWINSZ, &size) == 0)
        ioctl(r->master, TIOCSWINSZ, &size);
}

void tsr_relay_prepare(const struct tsr_relay *r, struct pollfd polled[TSR_RELAY_POLLED])
{
    bool reads = !r->input_ended && r->may_read && is_empty(&r->input);
    short master = 0;

    if (is_empty(&r->output))
        master = (short)(master | POLLIN);
    if (!is_empty(&r->input))
        master = (short)(master | POLLOUT);
    /* A descriptor that is not asked for is left out: poll would report its hang-up for ever. */
    polled[INPUT] = (struct pollfd){.fd = r->master < 0 || !reads ? -1 : 0, .events = POLLIN};
    polled[OUTPUT] = (struct pollfd){.fd = r->master < 0 || is_empty(&r->output) ? -1 : 1,
                                     .events = POLLOUT};
    polled[MASTER] = (struct pollfd){
        .fd = r->master_ended || master == 0 ? -1 : r->master, .events = master};
}

/* Reads into an empty flow; false at the end of file. */
static bool fill(int fd, struct tsr_flow *flow)
{
    ssize_t got = read(fd, flow->bytes, sizeof flow->bytes);

    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    flow->start = 0;
    flow->end = (size_t)got;
    return got > 0;
}

/* Writes what it can; false when nobody will ever read it. */
static bool empty(int fd, struct tsr_flow *flow)
{
    ssize_t written = write(fd, flow->bytes + flow->start, flow->end - flow->start);

    if (written < 0)
        return errno == EAGAIN || errno == EINTR;
    flow->start += (size_t)written;
    return true;
}

/*
 * The end of our input becomes the container's: ^D, and one more before it to send off a line without
 * newline (termios(3), VEOF).
 */
static void end_input(struct tsr_relay *r)
{
    struct termios terminal;
    char end = tcgetattr(r->master, &terminal) == 0 ? (char)terminal.c_cc[VEOF] : 4;
    bool is_in_line = r->last_input != '\0' && r->last_input != '\n';

    r->input_ended = true;
    memset(r->input.bytes, end, 2);
    r->input.start = 0;
    r->input.end = is_in_line ? 2 : 1;
}

static void take_input(struct tsr_relay *r)
{
    if (!fill(0, &r->input))
        end_input(r);
    else if (!is_empty(&r->input))
        r->last_input = r->input.bytes[r->input.end - 1];
}

void tsr_relay_move(struct tsr_relay *r, const struct pollfd polled[TSR_RELAY_POLLED])
{
    if (polled[INPUT].revents != 0)
        take_input(r);
    if ((polled[MASTER].revents & POLLOUT) != 0 && !empty(r->master, &r->input))
        r->input.start = r->input.end;
    /* Reading, not POLLHUP, tells that nobody has the terminal open any more: EIO, behind all output. */
    if ((polled[MASTER].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && is_empty(&r->output))
        r->master_ended = !fill(r->master, &r->output);
    if (polled[OUTPUT].revents != 0 && !r->output_broken)
        r->output_broken = !empty(1, &r->output);
    /* Nobody reads our output: the container must not block on it. */
    if (r->output_broken)
        r->output.start = r->output.end;
}

void tsr_relay_drain(struct tsr_relay *r)
{
    while (r->master >= 0 && !r->output_broken) {
        struct pollfd output = {.fd = 1, .events = POLLOUT};

        if (is_empty(&r->output)) {
            /* EIO: all is read. EAGAIN, an empty flow: somebody else has it open, and wrote no more. */
            if (!fill(r->master, &r->output) || is_empty(&r->output))
                return;
        }
        /* Standard output may be another's and not blocking. */
        if (poll(&output, 1, -1) >= 0)
            r->output_broken = !empty(1, &r->output);
    }
}
