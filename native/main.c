/* `tsrun-init PLANFD CONTROLFD [TRACEFD]` performs a plan; `tsrun-init supervise …` is in supervise.c. */
#include "machine.h"
#include "notify.h"
#include "supervise.h"
#include "trace.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(struct tsr_machine *m, int error, const char *detail)
{
    tsr_text_add(&m->detail, detail);
    (void)tsr_say(m, TSR_SAY_FAULT, TSR_NO_STEP, -error, -1);
    return 1;
}

/* Maps the plan; 0 or -errno. */
static int map_plan(int fd, const unsigned char **ret_bytes, size_t *ret_length)
{
    struct stat status;
    void *bytes;

    if (fstat(fd, &status) < 0)
        return -errno;
    if (status.st_size <= 0 || status.st_size > TSR_MAX_PLAN)
        return -EPROTO;
    bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return -errno;
    close(fd);
    *ret_bytes = bytes;
    *ret_length = (size_t)status.st_size;
    return 0;
}

/* Memory that init shares with outer, so that the kernel can tell it init's pid (see clone.c). */
static int map_arena(size_t size, struct tsr_arena *ret_arena)
{
    void *memory;

    if (size == 0)
        return -EPROTO;
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return -errno;
    *ret_arena = (struct tsr_arena){.memory = memory, .size = size};
    return 0;
}

static int perform(int plan_fd, int control, int trace_fd)
{
    static struct tsr_machine machine;
    struct tsr_machine *m = &machine;
    const unsigned char *bytes = NULL;
    struct tsr_arena arena;
    size_t length = 0;
    int error;

    m->control = control;
    if (fcntl(control, F_SETFD, FD_CLOEXEC) < 0)
        return refuse(m, -errno, "the control socket");
    error = map_plan(plan_fd, &bytes, &length);
    if (error < 0)
        return refuse(m, error, "the plan cannot be mapped");
    error = map_arena(tsr_arena_size(bytes, length), &arena);
    if (error < 0)
        return refuse(m, error, error == -EPROTO ? "bad plan" : "memory for the plan");
    m->init_pid = (int32_t *)(void *)arena.memory;
    arena.used = sizeof *m->init_pid;
    error = tsr_decode_plan(bytes, length, &arena, &m->plan);
    if (error < 0)
        return refuse(m, error, "bad plan");
    /* Modes in the plan are exact. */
    m->umask = umask(0);
    if (trace_fd >= 0) {
        struct tsr_trace *trace = tsr_trace_map(trace_fd);

        return trace == NULL ? refuse(m, -EINVAL, "no trace") : tsr_run_traced(m, trace);
    }
    return tsr_run(m);
}

int main(int argc, char **argv)
{
    int plan_fd, control;

    if (argc > 1 && strcmp(argv[1], "supervise") == 0)
        return tsr_supervise(argc - 2, argv + 2);
    if (argc > 1 && strcmp(argv[1], "notify") == 0)
        return tsr_notify_alone(argc - 2, argv + 2);
    if (argc != 3 && argc != 4)
        return 2;
    plan_fd = tsr_parse_number(argv[1]);
    control = tsr_parse_number(argv[2]);
    if (plan_fd < 0 || control < 0)
        return 2;
    return perform(plan_fd, control, argc == 4 ? tsr_parse_number(argv[3]) : -1);
}
