/* What a process is: session, limits, ids, scheduling, memory policy, keyring. */
#include "kernel.h"
#include "machine.h"
#include <errno.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Ids go to the kernel directly: the C libraries' functions first look for other threads to change along,
 * and there are none.
 */

int op_setsid(struct tsr_machine *m)
{
    (void)m;
    return tsr_result(setsid()) < 0 ? -errno : 0;
}

int op_prctl(struct tsr_machine *m, const struct op_prctl *op)
{
    (void)m;
    return tsr_result(syscall(SYS_prctl, op->option, op->arg2, op->arg3, op->arg4, op->arg5));
}

int op_prlimit(struct tsr_machine *m, const struct op_prlimit *op)
{
    uint64_t limit[2] = {op->soft, op->hard};

    return tsr_result(syscall(SYS_prlimit64, tsr_slot_or(m, op->pid, 0), op->resource, limit, NULL));
}

int op_umask(struct tsr_machine *m, const struct op_umask *op)
{
    m->umask = (mode_t)op->mask;
    umask(m->umask);
    return 0;
}

int op_setgroups(struct tsr_machine *m, const struct op_setgroups *op)
{
    (void)m;
    return tsr_result(syscall(SYS_setgroups, (size_t)op->gids.count, op->gids.values));
}

/*
 * With CAP_SETGID and CAP_SETUID setgid(2) and setuid(2) set all three ids. They are called rather than setresgid
 * and setresuid, because a filter that is in force already, and was made for runc, may know these alone.
 */
int op_setgid(struct tsr_machine *m, const struct op_setgid *op)
{
    (void)m;
    return tsr_result(syscall(SYS_setgid, op->gid));
}

int op_setuid(struct tsr_machine *m, const struct op_setuid *op)
{
    (void)m;
    return tsr_result(syscall(SYS_setuid, op->uid));
}

int op_ioprio_set(struct tsr_machine *m, const struct op_ioprio_set *op)
{
    (void)m;
    return tsr_result(syscall(SYS_ioprio_set, KERNEL_IOPRIO_WHO_PGRP, 0, op->ioprio));
}

int op_sched_setattr(struct tsr_machine *m, const struct op_sched_setattr *op)
{
    struct kernel_sched_attr attr = {
        .size = sizeof attr,
        .sched_policy = op->policy,
        .sched_flags = op->flags,
        .sched_nice = op->nice,
        .sched_priority = op->priority,
        .sched_runtime = op->runtime,
        .sched_deadline = op->deadline,
        .sched_period = op->period,
    };

    (void)m;
    return tsr_result(syscall(SYS_sched_setattr, 0, &attr, 0));
}

int op_sched_setaffinity(struct tsr_machine *m, const struct op_sched_setaffinity *op)
{
    unsigned char every[1024]; /* the 8,192 CPUs of the largest kernel */

    (void)m;
    if (op->mask.length > 0)
        return tsr_result(
            syscall(SYS_sched_setaffinity, 0, (size_t)op->mask.length, op->mask.data));
    memset(every, 0xff, sizeof every);
    return tsr_result(syscall(SYS_sched_setaffinity, 0, sizeof every, every));
}

int op_personality(struct tsr_machine *m, const struct op_personality *op)
{
    (void)m;
    return tsr_result(personality(op->persona)) < 0 ? -errno : 0;
}

int op_set_mempolicy(struct tsr_machine *m, const struct op_set_mempolicy *op)
{
    /* The kernel reads whole longs, and one bit less than it is told (set_mempolicy(2), BUGS). */
    unsigned long nodes[1024 / sizeof(long)] = {0};
    size_t length = op->nodes.length;

    (void)m;
    if (length > sizeof nodes)
        return -EINVAL;
    memcpy(nodes, op->nodes.data, length);
    return tsr_result(syscall(SYS_set_mempolicy, op->mode, length == 0 ? NULL : nodes,
                              length == 0 ? 0ul : length * 8 + 1));
}

int op_keyctl_session(struct tsr_machine *m, const struct op_keyctl_session *op)
{
    /*
     * KEY_POS_ALL, KEY_USR_VIEW, READ, LINK: what the kernel gives a new session keyring. And
     * KEY_USR_SEARCH: `exec` finds it by name.
     */
    const uint32_t permissions = 0x3f000000 | 0x00130000 | 0x00080000;
    long ring = syscall(SYS_keyctl, KERNEL_KEYCTL_JOIN_SESSION_KEYRING, op->name, 0, 0, 0);
    int error;

    (void)m;
    if (ring < 0)
        return -errno;
    error = tsr_result(syscall(SYS_keyctl, KERNEL_KEYCTL_SETPERM, ring, permissions, 0, 0));
    /* A ring that was there and is another user's got its permissions when it was made. */
    return error == -EACCES ? 0 : error;
}
