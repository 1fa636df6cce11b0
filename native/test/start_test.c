/* From the created state to the container's program. */
#include "../machine.h"
#include "check.h"
#include "executor.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct plan_bytes plan;

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, path);
    CHECK_EQUAL(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, path);
    CHECK_EQUAL(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    CHECK_EQUAL(listen(fd, 8), 0);
    return fd;
}

/* accept, then execve of file with args. */
static struct executor create(const char *path, const char *file, const char *const *args)
{
    static const char *const environment[] = {"A=1", NULL};
    int32_t inherited[] = {0, listen_at(path)};
    struct executor executor;

    begin_plan(&plan, 1, 1, inherited);
    begin_step(&plan, OP_find_executable, TSR_OUTER, 0, 0);
    put_str(&plan, file);
    put_str(&plan, "/usr/bin:/bin");
    end_step(&plan);
    begin_step(&plan, OP_accept, TSR_OUTER, 0, 0);
    put_u32(&plan, 0);
    end_step(&plan);
    begin_step(&plan, OP_close_range, TSR_OUTER, 0, 0);
    put_u32(&plan, 3);
    put_u32(&plan, TSR_NO_SLOT);
    end_step(&plan);
    begin_step(&plan, OP_execve, TSR_OUTER, 0, 0);
    put_strs(&plan, args);
    put_strs(&plan, environment);
    end_step(&plan);
    end_plan(&plan);
    executor = start_executor(&plan);
    close(inherited[1]);
    return executor;
}

static void starts(void)
{
    static const char *const args[] = {"name", "-c", "test $0$A = name1 && exit 7", NULL};
    char path[300];
    struct executor executor;
    int visitor, start;

    snprintf(path, sizeof path, "%s/start", fresh_directory());
    executor = create(path, "sh", args);
    /* The runtime hears that the container is created, and is no longer needed. */
    CHECK_EQUAL(hear(executor.socket).type, 0);
    close(executor.socket);
    /* Neither who leaves again nor who says something else starts it. */
    visitor = connect_to(path);
    close(visitor);
    visitor = connect_to(path);
    CHECK_EQUAL(send(visitor, "\2\0\0\0", 4, 0), 4);
    CHECK_EQUAL(hear(visitor).type, 0);
    close(visitor);
    start = connect_to(path);
    say_go(start);
    CHECK_EQUAL(hear(start).type, 0);
    close(start);
    CHECK_EQUAL(exit_status(executor.pid), 7);
}

static void reports_execve_to_start(void)
{
    static const char *const args[] = {"script", NULL};
    char path[320], script[300];
    struct executor executor;
    struct message fault;
    int start, fd;

    snprintf(script, sizeof script, "%s", fresh_directory());
    snprintf(path, sizeof path, "%s/start", script);
    strcat(script, "/script");
    fd = open(script, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    CHECK_EQUAL(write(fd, "#!/no/such/interpreter\n", 23), 23);
    close(fd);
    executor = create(path, script, args);
    CHECK_EQUAL(hear(executor.socket).type, 0);
    start = connect_to(path);
    say_go(start);
    fault = hear(start);
    CHECK_EQUAL(fault.type, TSR_SAY_FAULT);
    CHECK_EQUAL(fault.plan_index, 103);
    CHECK_EQUAL(fault.value, ENOENT);
    CHECK_TEXT(fault.detail, script);
    close(start);
    CHECK_EQUAL(finish_executor(&executor), 1);
}

const struct test start_tests[] = {
    {"created, it waits for the one who says go", starts},
    {"behind accept a fault goes to start", reports_execve_to_start},
    {NULL, NULL},
};
