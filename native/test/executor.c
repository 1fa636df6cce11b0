#include "executor.h"
#include "../machine.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void perform(const struct plan_bytes *plan, int control)
{
    static struct tsr_machine m;
    size_t size = 64 + tsr_arena_size(plan->bytes, plan->length);
    struct tsr_arena arena = {.size = size, .used = 64};

    arena.memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (arena.memory == MAP_FAILED)
        _exit(99);
    m.init_pid = (int32_t *)(void *)arena.memory;
    m.control = control;
    m.umask = umask(0);
    if (tsr_decode_plan(plan->bytes, plan->length, &arena, &m.plan) != 0)
        _exit(98);
    _exit(tsr_run(&m));
}

struct executor start_executor(const struct plan_bytes *plan)
{
    struct executor executor;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        abort();
    executor.pid = fork();
    if (executor.pid == 0) {
        close(ends[0]);
        perform(plan, ends[1]);
    }
    close(ends[1]);
    executor.socket = ends[0];
    return executor;
}

struct message hear(int socket)
{
    struct message message = {.fd = -1};
    uint32_t head[4] = {0};
    struct iovec parts[2] = {{head, sizeof head}, {message.detail, sizeof message.detail - 1}};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr packet = {
        .msg_iov = parts,
        .msg_iovlen = 2,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes,
    };
    ssize_t got = recvmsg(socket, &packet, MSG_CMSG_CLOEXEC);

    if (got < (ssize_t)sizeof head || (size_t)got != sizeof head + head[3])
        return message;
    message.type = head[0];
    message.plan_index = head[1];
    message.value = (int32_t)head[2];
    if (packet.msg_controllen > 0)
        memcpy(&message.fd, CMSG_DATA(&control.align), sizeof message.fd);
    return message;
}

void say_go(int socket)
{
    uint32_t go = TSR_GO;

    if (send(socket, &go, sizeof go, MSG_NOSIGNAL) != (ssize_t)sizeof go)
        abort();
}

int exit_status(pid_t pid)
{
    int status;

    if (waitpid(pid, &status, 0) != pid)
        return -1000;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int finish_executor(struct executor *executor)
{
    close(executor->socket);
    return exit_status(executor->pid);
}
