/*
 * READY=1 of the container becomes READY=1, MAINPID= and BARRIER=1 of ours; all else it says is dropped.
 *
 * What it sends is hostile, the descriptors that come along most of all: to close the last descriptor of a
 * socket with SO_LINGER takes as long as its owner likes. So a child reads, which can be killed, at most a
 * message a millisecond, for its time is not the container's. It ends with READY=1; from then on the kernel
 * drops what is sent, in the sender's own time. Were it killed before, the socket is closed: nobody waits.
 */
#include "notify.h"
#include "kernel.h"
#include "text.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* systemd's own limit (NOTIFY_BUFFER_MAX); how long the host may take to come to BARRIER=1: sd_notify(3). */
enum { MESSAGE_BYTES = 4096, PAUSE_NS = 1000000, BARRIER_MS = 30000, FINISH_MS = 1000, USAGE = 2 };

static bool says_ready(const char *message, size_t length)
{
    static const char ready[] = "READY=1";

    for (;;) {
        const char *end = memchr(message, '\n', length);
        size_t line = end == NULL ? length : (size_t)(end - message);

        if (line == sizeof ready - 1 && memcmp(message, ready, line) == 0)
            return true;
        if (end == NULL)
            return false;
        message += line + 1;
        length -= line + 1;
    }
}

/* Of one instruction: no byte of a message is kept. Whoever waits for room in the queue asks it again. */
static void drop_all(int socket)
{
    static const struct kernel_sock_filter nothing = {.code = 0x06 /* BPF_RET | BPF_K */};
    static const struct kernel_sock_fprog program = {.len = 1, .filter = &nothing};

    if (setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0)
        shutdown(socket, SHUT_RD);
}

/* Standard input is the socket, standard output the pipe; nothing else is open. */
static _Noreturn void read_messages(void)
{
    static char message[MESSAGE_BYTES];
    struct pollfd polled = {.events = POLLIN | POLLRDHUP};
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    bool is_ready = false;

    for (;;) {
        /* Without room for descriptors: the kernel takes in none. */
        ssize_t got = recv(STDIN_FILENO, message, sizeof message, MSG_DONTWAIT);

        if (got < 0 && errno == EAGAIN) {
            if (is_ready && write(STDOUT_FILENO, "", 1) == 1)
                _exit(0);
            if (is_ready || (polled.revents & POLLRDHUP) != 0)
                _exit(1);
            poll(&polled, 1, -1);
        } else if (is_ready) {
            continue;
        } else if (got > 0 && says_ready(message, (size_t)got)) {
            is_ready = true;
            drop_all(STDIN_FILENO);
        } else {
            nanosleep(&pause, NULL);
        }
    }
}

static _Noreturn void become_reader(int socket, int out, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* The container's output ends with the container, whoever reads its messages. */
    if (getppid() != parent || dup2(socket, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
        _exit(1);
    (void)syscall(SYS_close_range, STDERR_FILENO, ~0u, 0);
    read_messages();
}

void tsr_notify_open(struct tsr_notify *n, int socket, int host, pid_t main_pid)
{
    int ends[2] = {-1, -1};
    pid_t parent = getpid(), child;

    *n = (struct tsr_notify){socket, host, -1, -1, main_pid, TSR_NOTIFY_WAITING};
    fcntl(socket, F_SETFD, FD_CLOEXEC);
    fcntl(host, F_SETFD, FD_CLOEXEC);
    child = pipe2(ends, O_CLOEXEC) < 0 ? -1 : fork();
    if (child == 0)
        become_reader(socket, ends[1], parent);
    n->reader = ends[0];
    close(ends[1]);
}

struct pollfd tsr_notify_polled(const struct tsr_notify *n)
{
    if (n->next == TSR_NOTIFY_WAITING)
        return (struct pollfd){.fd = n->reader, .events = POLLIN};
    return (struct pollfd){.fd = n->next == TSR_NOTIFY_DONE ? -1 : n->host, .events = POLLOUT};
}

/* The end of the pipe without a word: there is nobody to read any more. */
static void hear_reader(struct tsr_notify *n)
{
    char word;

    n->next = read(n->reader, &word, 1) == 1 ? TSR_NOTIFY_READY : TSR_NOTIFY_DONE;
    close(n->reader);
    n->reader = -1;
    if (n->next == TSR_NOTIFY_DONE) {
        close(n->socket);
        n->socket = -1;
    }
}

/* True when it is sent, or never can be. */
static bool tell(int host, const char *text, int fd)
{
    struct iovec data = {(void *)(uintptr_t)text, strlen(text)};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};

    if (fd >= 0) {
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
        message.msg_control = &control;
        message.msg_controllen = sizeof control.bytes;
    }
    return sendmsg(host, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno != EAGAIN;
}

static bool tell_barrier(struct tsr_notify *n)
{
    int ends[2];
    bool is_told;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return true;
    is_told = tell(n->host, "BARRIER=1", ends[1]);
    close(ends[1]);
    if (is_told)
        n->barrier = ends[0];
    else
        close(ends[0]);
    return is_told;
}

static bool tell_next(struct tsr_notify *n)
{
    char text[40] = "MAINPID=", number[24];

    if (n->next == TSR_NOTIFY_READY)
        return tell(n->host, "READY=1\n", -1);
    if (n->next == TSR_NOTIFY_BARRIER)
        return tell_barrier(n);
    strcat(strcat(text, tsr_format_number(number, (uint64_t)n->main_pid, 10)), "\n");
    return tell(n->host, text, -1);
}

void tsr_notify_move(struct tsr_notify *n)
{
    if (n->next == TSR_NOTIFY_WAITING)
        hear_reader(n);
    else if (n->next != TSR_NOTIFY_DONE && tell_next(n))
        n->next = n->next == TSR_NOTIFY_BARRIER ? TSR_NOTIFY_DONE : n->next + 1;
}

void tsr_notify_finish(struct tsr_notify *n)
{
    if (n->next == TSR_NOTIFY_WAITING)
        shutdown(n->socket, SHUT_RD);
    while (n->next != TSR_NOTIFY_DONE) {
        struct pollfd polled = tsr_notify_polled(n);

        if (poll(&polled, 1, FINISH_MS) <= 0)
            return;
        tsr_notify_move(n);
    }
}

int tsr_notify_alone(int count, char **arguments)
{
    struct tsr_notify notify;
    struct pollfd polled[2] = {{.events = POLLIN}};
    int numbers[4];

    for (int i = 0; i < 4; i++) {
        if (count != 4 || (numbers[i] = tsr_parse_number(arguments[i])) < 0)
            return USAGE;
    }
    polled[0].fd = numbers[0];
    tsr_notify_open(&notify, numbers[1], numbers[2], numbers[3]);
    while (notify.next != TSR_NOTIFY_DONE && polled[0].revents == 0) {
        polled[1] = tsr_notify_polled(&notify);
        if (poll(polled, 2, -1) > 0 && polled[1].revents != 0)
            tsr_notify_move(&notify);
    }
    tsr_notify_finish(&notify);
    /* The host looks us up by our number to know whose word it is: not before it has, may we end. */
    polled[0] = (struct pollfd){.fd = notify.barrier};
    if (notify.barrier >= 0)
        poll(polled, 1, BARRIER_MS);
    return 0;
}
