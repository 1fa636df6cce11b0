/* The loop and the control messages. */
#include "../machine.h"
#include "check.h"
#include "executor.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct plan_bytes plan;

static void add_chdir(const char *path, uint8_t flags, int32_t ignored)
{
    begin_step(&plan, OP_chdir, TSR_OUTER, flags, ignored);
    put_str(&plan, path);
    end_step(&plan);
}

/* Leaves a trace: the directory path/name. */
static void add_trace(const char *path, const char *name, uint8_t flags)
{
    begin_step(&plan, OP_openat, TSR_OUTER, 0, 0);
    put_u32(&plan, TSR_NO_SLOT);
    put_str(&plan, path);
    put_u32(&plan, O_PATH);
    put_u32(&plan, 0);
    put_u32(&plan, 0);
    end_step(&plan);
    begin_step(&plan, OP_mkdir_in_root, TSR_OUTER, flags, 0);
    put_u32(&plan, 0);
    put_str(&plan, name);
    put_u32(&plan, 0777);
    put_u32(&plan, geteuid());
    put_u32(&plan, getegid());
    end_step(&plan);
}

static bool has_trace(const char *path, const char *name)
{
    char full[600];
    struct stat status;

    snprintf(full, sizeof full, "%s/%s", path, name);
    return stat(full, &status) == 0 && (status.st_mode & 07777) == 0777;
}

static void yields(void)
{
    const char *directory = fresh_directory();
    struct executor executor;
    struct message message;

    begin_plan(&plan, 1, 0, NULL);
    add_trace(directory, "made", TSR_YIELD);
    end_plan(&plan);
    executor = start_executor(&plan);
    message = hear(executor.socket);
    CHECK_EQUAL(message.type, TSR_SAY_YIELD);
    CHECK_EQUAL(message.plan_index, 101);
    usleep(20000);
    CHECK(!has_trace(directory, "made"));
    say_go(executor.socket);
    CHECK_EQUAL(hear(executor.socket).type, 0);
    CHECK_EQUAL(finish_executor(&executor), 0);
    CHECK(has_trace(directory, "made"));
}

static void hears_what_was_said_before(void)
{
    const char *directory = fresh_directory();
    struct executor executor;

    begin_plan(&plan, 2, 0, NULL);
    add_trace(directory, "made", TSR_YIELD);
    add_trace(directory, "next", TSR_YIELD);
    end_plan(&plan);
    executor = start_executor(&plan);
    CHECK_EQUAL(hear(executor.socket).type, TSR_SAY_YIELD);
    kill(executor.pid, SIGSTOP);
    waitpid(executor.pid, NULL, WUNTRACED);
    say_go(executor.socket);
    say_go(executor.socket);
    kill(executor.pid, SIGCONT);
    CHECK_EQUAL(hear(executor.socket).type, 0);
    CHECK_EQUAL(finish_executor(&executor), 0);
    CHECK(has_trace(directory, "next"));
}

static void ends_with_the_runtime(void)
{
    const char *directory = fresh_directory();
    struct executor executor;

    begin_plan(&plan, 1, 0, NULL);
    add_trace(directory, "made", TSR_YIELD);
    end_plan(&plan);
    executor = start_executor(&plan);
    CHECK_EQUAL(hear(executor.socket).type, TSR_SAY_YIELD);
    CHECK_EQUAL(finish_executor(&executor), 1);
    CHECK(!has_trace(directory, "made"));
}

static void faults(void)
{
    const char *directory = fresh_directory();
    struct executor executor;
    struct message message;

    begin_plan(&plan, 1, 0, NULL);
    add_chdir("/", 0, 0);
    add_chdir("/nonexistent", 0, EACCES);
    add_trace(directory, "made", 0);
    end_plan(&plan);
    executor = start_executor(&plan);
    message = hear(executor.socket);
    CHECK_EQUAL(message.type, TSR_SAY_FAULT);
    CHECK_EQUAL(message.plan_index, 101);
    CHECK_EQUAL(message.value, ENOENT);
    CHECK_EQUAL(hear(executor.socket).type, 0);
    CHECK_EQUAL(finish_executor(&executor), 1);
    CHECK(!has_trace(directory, "made"));
}

static void ignores(void)
{
    const char *directory = fresh_directory();
    struct executor executor;
    struct message message;

    begin_plan(&plan, 1, 0, NULL);
    add_chdir("/nonexistent", 0, ENOENT);
    add_chdir("/nonexistent", TSR_WARN, ENOENT);
    add_trace(directory, "made", 0);
    end_plan(&plan);
    executor = start_executor(&plan);
    message = hear(executor.socket);
    CHECK_EQUAL(message.type, TSR_SAY_WARNING);
    CHECK_EQUAL(message.plan_index, 101);
    CHECK_EQUAL(message.value, ENOENT);
    CHECK_EQUAL(hear(executor.socket).type, 0);
    CHECK_EQUAL(finish_executor(&executor), 0);
    CHECK(has_trace(directory, "made"));
}

static void add_open(const char *path, uint32_t slot, int32_t ignored)
{
    begin_step(&plan, OP_openat, TSR_OUTER, 0, ignored);
    put_u32(&plan, TSR_NO_SLOT);
    put_str(&plan, path);
    put_u32(&plan, O_RDONLY);
    put_u32(&plan, 0);
    put_u32(&plan, slot);
    end_step(&plan);
}

static void skips(void)
{
    struct executor executor;

    begin_plan(&plan, 1, 0, NULL);
    add_open("/nonexistent", 0, ENOENT);
    begin_step(&plan, OP_fchdir, TSR_OUTER, TSR_YIELD, 0);
    put_u32(&plan, 0);
    end_step(&plan);
    end_plan(&plan);
    executor = start_executor(&plan);
    /* The yield belongs to the place, not to what is skipped there. */
    CHECK_EQUAL(hear(executor.socket).type, TSR_SAY_YIELD);
    say_go(executor.socket);
    CHECK_EQUAL(hear(executor.socket).type, 0);
    CHECK_EQUAL(finish_executor(&executor), 0);
}

static void reuses_slots(void)
{
    struct rlimit limit, small;
    struct executor executor;

    begin_plan(&plan, 1, 0, NULL);
    for (int i = 0; i < 200; i++)
        add_open("/", 0, 0);
    end_plan(&plan);
    getrlimit(RLIMIT_NOFILE, &limit);
    small = (struct rlimit){.rlim_cur = 64, .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &small);
    executor = start_executor(&plan);
    CHECK_EQUAL(hear(executor.socket).type, 0);
    CHECK_EQUAL(finish_executor(&executor), 0);
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void add_clone(void)
{
    begin_step(&plan, OP_clone3, TSR_OUTER, 0, 0);
    put_u64(&plan, 0);
    put_u32(&plan, TSR_NO_SLOT);
    end_step(&plan);
}

static void clones(void)
{
    struct executor executor;
    struct message spawned;

    begin_plan(&plan, 1, 0, NULL);
    add_clone();
    begin_step(&plan, OP_setsid, TSR_INIT, TSR_YIELD, 0);
    end_step(&plan);
    end_plan(&plan);
    executor = start_executor(&plan);
    spawned = hear(executor.socket);
    CHECK_EQUAL(spawned.type, TSR_SAY_SPAWNED);
    CHECK(spawned.value > 0 && spawned.value != executor.pid);
    CHECK(spawned.fd >= 0);
    /* Outer ends, init goes on and is our child, not outer's. */
    CHECK_EQUAL(exit_status(executor.pid), 0);
    CHECK_EQUAL(hear(executor.socket).type, TSR_SAY_YIELD);
    CHECK(getsid(spawned.value) != spawned.value);
    say_go(executor.socket);
    CHECK_EQUAL(hear(executor.socket).type, 0);
    CHECK_EQUAL(exit_status(spawned.value), 0);
    close(spawned.fd);
    close(executor.socket);
}

/* EXECUTING, or a YIELD of it: either tells the runtime. */
static void tells_once_that_it_executes(void)
{
    for (uint8_t flags = 0; flags <= TSR_YIELD; flags++) {
        struct executor executor;
        struct message spawned;

        begin_plan(&plan, 1, 0, NULL);
        add_clone();
        begin_step(&plan, OP_executing, TSR_INIT, flags, 0);
        end_step(&plan);
        end_plan(&plan);
        executor = start_executor(&plan);
        spawned = hear(executor.socket);
        CHECK_EQUAL(exit_status(executor.pid), 0);
        CHECK_EQUAL(hear(executor.socket).type, flags == 0 ? TSR_SAY_EXECUTING : TSR_SAY_YIELD);
        if (flags != 0)
            say_go(executor.socket);
        CHECK_EQUAL(hear(executor.socket).type, 0);
        CHECK_EQUAL(exit_status(spawned.value), 0);
        close(spawned.fd);
        close(executor.socket);
    }
}

const struct test run_tests[] = {
    {"waits for GO where a step yields", yields},
    {"does not ask for the GO that is there", hears_what_was_said_before},
    {"ends, doing nothing more, when the runtime is gone", ends_with_the_runtime},
    {"a failing step is a fault, and the last one", faults},
    {"an errno the plan ignores is passed over, or warned about", ignores},
    {"a step whose slot is empty is skipped, its yield is not", skips},
    {"a slot written again closes what it held", reuses_slots},
    {"behind clone3 init is the runtime's child and reports itself first", clones},
    {"tells once that nothing but execve is left", tells_once_that_it_executes},
    {NULL, NULL},
};
