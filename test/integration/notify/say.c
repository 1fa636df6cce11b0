/*
 * say ACTION…: what a container says to NOTIFY_SOCKET, one action after another.
 *   TEXT          one message; \n in it is a newline
 *   fds           from now on each message carries three descriptors
 *   linger        a message with a TCP socket, closed nowhere else, that takes a minute to close
 *   flood=COUNT   that many messages STATUS=; prints the milliseconds they took
 *   sleep=MS      nothing for so long
 * Ends with 1 at the first message that cannot be sent.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 3 };

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static int to, null;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void say(const char *text, const int *fds, int count)
{
    struct iovec data = {(void *)text, strlen(text)};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(MOST * sizeof(int))];
    } control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct msghdr message = {
        .msg_name = &address, .msg_namelen = sizeof address, .msg_iov = &data, .msg_iovlen = 1};

    if (count > 0) {
        control.header.cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
        memcpy(CMSG_DATA(&control.header), fds, (size_t)count * sizeof(int));
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
    }
    if (sendmsg(to, &message, 0) < 0)
        fail("say");
}

/* Full of what nobody reads: a close waits for it to be acknowledged. */
static int lingering(void)
{
    static char much[1 << 16];
    struct linger minute = {.l_onoff = 1, .l_linger = 60};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    int listening = socket(AF_INET, SOCK_STREAM, 0), from = socket(AF_INET, SOCK_STREAM, 0);

    if (bind(listening, (void *)&at, sizeof at) < 0 || listen(listening, 1) < 0 ||
        getsockname(listening, (void *)&at, &length) < 0 || connect(from, (void *)&at, sizeof at) < 0 ||
        setsockopt(from, SOL_SOCKET, SO_LINGER, &minute, sizeof minute) < 0)
        fail("linger");
    while (send(from, much, sizeof much, MSG_DONTWAIT) > 0)
        ;
    return from;
}

/*
 * Behind messages that keep the reader busy, so that it is the last to close the socket. By a process of its own:
 * should the reader be faster all the same, that one takes the minute.
 */
static void linger(void)
{
    enum { BEFORE = 6 };
    int from = lingering();

    if (fork() > 0) {
        close(from);
        return;
    }
    for (int i = 0; i < BEFORE; i++)
        say("STATUS=waits", NULL, 0);
    say("STATUS=lingers", &from, 1);
    close(from);
    _exit(0);
}

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void act(char *action)
{
    static int fds[MOST], count = 0;
    char *newline;

    if (strcmp(action, "fds") == 0) {
        for (count = 0; count < MOST; count++)
            fds[count] = null;
    } else if (strcmp(action, "linger") == 0) {
        linger();
    } else if (strncmp(action, "flood=", 6) == 0) {
        long long begin = now_ms();

        for (int left = atoi(action + 6); left > 0; left--)
            say("STATUS=flood", fds, count);
        printf("%lld\n", now_ms() - begin);
        fflush(stdout);
    } else if (strncmp(action, "sleep=", 6) == 0) {
        usleep((useconds_t)atoi(action + 6) * 1000);
    } else {
        while ((newline = strstr(action, "\\n")) != NULL) {
            *newline = '\n';
            memmove(newline + 1, newline + 2, strlen(newline + 2) + 1);
        }
        say(action, fds, count);
    }
}

int main(int count, char **actions)
{
    const char *path = getenv("NOTIFY_SOCKET");

    if (path == NULL || strlen(path) >= sizeof address.sun_path) {
        fputs("say: no NOTIFY_SOCKET\n", stderr);
        return 1;
    }
    strcpy(address.sun_path, path);
    to = socket(AF_UNIX, SOCK_DGRAM, 0);
    null = open("/dev/null", O_RDWR);
    for (int i = 1; i < count; i++)
        act(actions[i]);
    return 0;
}
