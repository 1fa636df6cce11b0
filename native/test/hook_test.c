/* hook: what it gets, what is said of it, and that it cannot outstay. */
#include "../machine.h"
#include "check.h"
#include "executor.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct plan_bytes plan;

struct hook {
    const char *path, *script, *tail;
    uint32_t timeout_ms;
};

static struct executor start_hook(const struct hook *hook)
{
    const char *args[] = {"the-hook", "-c", hook->script, NULL};
    const char *environment[] = {"ONLY=this", NULL};

    begin_plan(&plan, 1, 0, NULL);
    begin_step(&plan, OP_hook, TSR_OUTER, 0, 0);
    put_str(&plan, hook->path == NULL ? "/bin/sh" : hook->path);
    put_strs(&plan, args);
    put_strs(&plan, environment);
    put_u32(&plan, 0);
    put_u32(&plan, hook->timeout_ms);
    put_str(&plan, "{\"pid\":");
    put_str(&plan, hook->tail == NULL ? "}" : hook->tail);
    put_u32(&plan, TSR_NO_SLOT);
    end_step(&plan);
    end_plan(&plan);
    return start_executor(&plan);
}

/* How long it took stands last, and is never the same. */
static void cut_time(struct message *message)
{
    char *time = NULL;

    for (char *next = message->detail; (next = strstr(next, ", took ")) != NULL; next++)
        time = next;
    if (time != NULL) {
        CHECK(strstr(time, " ms") != NULL);
        *time = '\0';
    }
}

/* The fault, or type 0 when all went well. */
static struct message run_hook(struct hook hook)
{
    struct executor executor = start_hook(&hook);
    struct message message = hear(executor.socket);

    CHECK_EQUAL(finish_executor(&executor), message.type == 0 ? 0 : 1);
    cut_time(&message);
    return message;
}

static void gets_its_state(void)
{
    struct message said;

    CHECK_EQUAL(run_hook((struct hook){.script = "exit 0"}).type, 0);
    said = run_hook((struct hook){.script = "echo $0 $ONLY $HOME $(cat | tr 0-9 n | tr -s n); exit 1"});
    CHECK_EQUAL(said.type, TSR_SAY_FAULT);
    CHECK_EQUAL(said.value, ECHILD);
    CHECK_TEXT(said.detail, "exit status 1, stdout: the-hook this {\"pid\":n}, stderr: ");
    /* poststop: there is no process any more. */
    said = run_hook((struct hook){.script = "cat; exit 1", .tail = ""});
    CHECK_TEXT(said.detail, "exit status 1, stdout: {\"pid\":, stderr: ");
}

static void has_clean_surroundings(void)
{
    struct message said;
    int leaked = open("/", O_RDONLY);
    sigset_t blocked, before;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    signal(SIGHUP, SIG_IGN);
    said = run_hook((struct hook){.script = "ls /proc/self/fd | tr '\\n' ' ' >&2;"
                                            "grep -E 'Sig(Blk|Ign)' /proc/self/status; umask; exit 1"});
    signal(SIGHUP, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(leaked);
    /* 3 is the directory that ls reads. */
    CHECK_TEXT(said.detail, "exit status 1, stdout: SigBlk:\t0000000000000000\n"
                            "SigIgn:\t0000000000000000\n0022, stderr: 0 1 2 3");
}

static void fails_in_its_words(void)
{
    struct message said = run_hook((struct hook){.script = "kill -9 $$"});

    CHECK_TEXT(said.detail, "signal: killed, stdout: , stderr: ");
    said = run_hook((struct hook){.path = "/no/such/hook", .script = ""});
    CHECK_EQUAL(said.value, ENOENT);
    CHECK_TEXT(said.detail, "");
    said = run_hook((struct hook){.path = "/etc/passwd", .script = ""});
    CHECK_EQUAL(said.value, EACCES);
}

static void need_not_read(void)
{
    static char large[60000];

    memset(large, ' ', sizeof large - 1);
    CHECK_EQUAL(run_hook((struct hook){.script = "exit 0", .tail = large}).type, 0);
    CHECK_EQUAL(run_hook((struct hook){.script = "exec <&-; sleep 0.1", .tail = large}).type, 0);
    CHECK_EQUAL(run_hook((struct hook){.script = "test $(wc -c) -gt 60000", .tail = large}).type, 0);
}

static double seconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void cannot_outstay(void)
{
    double begun = seconds();
    struct message said;
    int child = 0;

    prctl(PR_SET_CHILD_SUBREAPER, 1ul);
    said = run_hook((struct hook){.script = "sleep 60 & echo $!; wait", .timeout_ms = 200});
    CHECK_EQUAL(said.value, ETIMEDOUT);
    CHECK_EQUAL(sscanf(said.detail, "hook ran past specified timeout of 0.2s, stdout: %d, stderr: ",
                       &child), 1);
    CHECK(seconds() - begun >= 0.2);
    CHECK(seconds() - begun < 5);
    CHECK_EQUAL(exit_status(child), -SIGKILL);
    prctl(PR_SET_CHILD_SUBREAPER, 0ul);
    CHECK_EQUAL(run_hook((struct hook){.script = "exit 0", .timeout_ms = 10000}).type, 0);
}

static void may_leave_a_daemon(void)
{
    double begun = seconds();

    CHECK_EQUAL(run_hook((struct hook){.script = "sleep 3 & exit 0"}).type, 0);
    CHECK(seconds() - begun < 2);
}

static void says_more_than_fits(void)
{
    struct message said =
        run_hook((struct hook){.script = "i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done;"
                                         "echo the end >&2; exit 3"});

    CHECK(strstr(said.detail, "exit status 3, stdout: ...") == said.detail);
    CHECK(strstr(said.detail, "line 29999, stderr: the end") != NULL);
}

/* Waits until the file holds a pid. */
static pid_t read_pid(const char *path)
{
    for (int i = 0; i < 500; i++) {
        char digits[32] = "";
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t got = fd < 0 ? 0 : read(fd, digits, sizeof digits - 1);

        if (fd >= 0)
            close(fd);
        if (got > 1)
            return (pid_t)atoi(digits);
        usleep(10000);
    }
    return -1;
}

static void ends_with_the_runtime(void)
{
    char script[400], path[300];
    struct hook hook = {.script = script};
    struct executor executor;
    pid_t pid;

    snprintf(path, sizeof path, "%s/pid", fresh_directory());
    snprintf(script, sizeof script, "echo $$ >%s; exec sleep 60", path);
    executor = start_hook(&hook);
    pid = read_pid(path);
    CHECK(pid > 0);
    CHECK_EQUAL(finish_executor(&executor), 1);
    CHECK(kill(pid, 0) < 0 && errno == ESRCH);
}

const struct test hook_tests[] = {
    {"gets its arguments, environment and state", gets_its_state},
    {"gets no descriptor, no signal mask, no umask of ours", has_clean_surroundings},
    {"its end is told in runc's words", fails_in_its_words},
    {"need not read its state", need_not_read},
    {"is killed with all its children when its time is over", cannot_outstay},
    {"may leave a child that holds its pipes", may_leave_a_daemon},
    {"may say more than fits", says_more_than_fits},
    {"ends with the runtime", ends_with_the_runtime},
    {NULL, NULL},
};
