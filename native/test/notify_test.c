/* The relay of sd_notify(3): which words of the container are passed on, and what then is said. */
#include "../notify.h"
#include "../text.h"
#include "check.h"
#include "executor.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAIN_PID = 4194303 };

struct relay {
    pid_t pid;
    /* The container's end, the host's, and what ends the container when it is closed. */
    int container, host, life;
};

static struct relay start_relay(void)
{
    struct relay r;
    int container[2], host[2], life[2];

    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, container), 0);
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, host), 0);
    CHECK_EQUAL(pipe2(life, O_CLOEXEC), 0);
    r.pid = fork();
    if (r.pid == 0) {
        char numbers[4][24];
        char *arguments[4];
        const int of[4] = {life[0], container[0], host[0], MAIN_PID};

        close(life[1]);
        close(container[1]);
        close(host[1]);
        for (int i = 0; i < 4; i++)
            arguments[i] = tsr_format_number(numbers[i], (uint64_t)of[i], 10);
        _exit(tsr_notify_alone(4, arguments));
    }
    close(life[0]);
    close(container[0]);
    close(host[0]);
    r.container = container[1];
    r.host = host[1];
    r.life = life[1];
    return r;
}

/* The messages to the host, each behind a |, up to the relay's end; descriptors are let go at once. */
static const char *end_of(struct relay *r)
{
    static char heard[4096];
    size_t length = 0;
    ssize_t got;

    while ((got = recv(r->host, heard + length + 1, sizeof heard - 2 - length, 0)) > 0) {
        heard[length] = '|';
        length += (size_t)got + 1;
    }
    heard[length] = '\0';
    close(r->host);
    close(r->container);
    CHECK_EQUAL(exit_status(r->pid), 0);
    return heard;
}

static const char all[] = "|READY=1\n|MAINPID=4194303\n|BARRIER=1";

static void tells_of_ready(void)
{
    static const struct {
        const char *said;
        bool is_ready;
    } cases[] = {
        {"READY=1", true},        {"READY=1\n", true},    {"STATUS=up\nREADY=1", true}, {"\n\nREADY=1\n\n", true},
        {"READY=1\nX=1", true},   {"", false},            {"\n", false},                {"READY=", false},
        {"READY=1 ", false},      {"READY=11", false},    {" READY=1", false},          {"READY=\n1", false},
        {"READY\n=1", false},     {"MAINPID=1", false},   {"READY=0\nREADY=2", false},  {"1", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct relay r = start_relay();

        check_case(cases[i].said);
        CHECK_EQUAL(send(r.container, cases[i].said, strlen(cases[i].said), 0), strlen(cases[i].said));
        close(r.life);
        CHECK_TEXT(end_of(&r), cases[i].is_ready ? all : "");
    }
    check_case(NULL);
}

static void bounds_messages(void)
{
    static char message[5000];
    struct relay r = start_relay();

    memset(message, 'x', sizeof message);
    memcpy(message + 4088, "\nREADY=1", 8);
    /* Cut behind READY=1, so that it is a line of its own. */
    CHECK_EQUAL(send(r.container, message, sizeof message, 0), sizeof message);
    CHECK_TEXT(end_of(&r), all);
    close(r.life);
    r = start_relay();
    message[4088] = 'x';
    CHECK_EQUAL(send(r.container, message, sizeof message, 0), sizeof message);
    close(r.life);
    CHECK_TEXT(end_of(&r), "");
}

static void drops_what_follows(void)
{
    struct relay r = start_relay();

    CHECK_EQUAL(send(r.container, "READY=1", 7, 0), 7);
    CHECK_EQUAL(poll(&(struct pollfd){.fd = r.host, .events = POLLIN}, 1, 10000), 1);
    /* While it waits for the host: more than any queue holds. */
    for (int i = 0; i < 5000; i++)
        CHECK_EQUAL(send(r.container, "READY=1", 7, 0), 7);
    CHECK_TEXT(end_of(&r), all);
    close(r.life);
}

static void refuses_bad_arguments(void)
{
    char bad[] = "-1", good[] = "0";
    char *arguments[] = {good, good, bad, good};

    CHECK_EQUAL(tsr_notify_alone(4, arguments), 2);
    CHECK_EQUAL(tsr_notify_alone(1, arguments), 2);
}

const struct test notify_tests[] = {
    {"READY=1 on a line of its own is told, as READY=1, MAINPID= and BARRIER=1; nothing else is", tells_of_ready},
    {"of a message 4,096 bytes are looked at", bounds_messages},
    {"what follows READY=1 is dropped, and whoever sends it is not held up", drops_what_follows},
    {"a command line that is wrong is status 2", refuses_bad_arguments},
    {0},
};
