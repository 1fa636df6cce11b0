/* clone3: the step behind which the executor is init, inside the container's namespaces. */
#include "kernel.h"
#include "machine.h"
#include <errno.h>
#include <unistd.h>

/*
 * CLONE_PARENT: init is the runtime's child, so that the runtime, conmon or a shim can wait for it. Its
 * exit signal is then outer's own and must be 0 here (clone3(2)).
 *
 * CLONE_PARENT_SETTID, into memory both share: the kernel writes init's pid as outer sees it before init
 * runs, so that init itself can report it, ahead of everything else it says.
 */
static long clone_init(struct tsr_machine *m, uint64_t flags, int cgroup)
{
    struct kernel_clone_args args = {
        .flags = flags | CLONE_PARENT | CLONE_PARENT_SETTID,
        .parent_tid = (uint64_t)(uintptr_t)m->init_pid,
    };
    long pid;

    if (cgroup >= 0) {
        args.flags |= KERNEL_CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup;
    }
    pid = syscall(SYS_clone3, &args, sizeof args);
    /* The low byte of clone(2)'s flags is the exit signal: CLONE_NEWTIME cannot be said there. */
    if (pid < 0 && errno == ENOSYS && cgroup < 0 && (args.flags & 0xff) == 0)
        pid = syscall(SYS_clone, (unsigned long)args.flags, NULL, m->init_pid, NULL, NULL);
    return pid;
}

int op_clone3(struct tsr_machine *m, const struct op_clone3 *op)
{
    long pid = clone_init(m, op->flags, tsr_slot_or(m, op->cgroup, -1));
    int pidfd TSR_CLOSED = -1;

    if (pid != 0) {
        m->is_done = pid > 0;
        return pid < 0 ? -errno : 0;
    }
    /* Where pidfd_open(2) is missing (before 5.3) the runtime goes by the pid. */
    pidfd = tsr_result(syscall(SYS_pidfd_open, getpid(), 0));
    return tsr_say(m, TSR_SAY_SPAWNED, m->step->plan_index, *m->init_pid, pidfd < 0 ? -1 : pidfd);
}
