/* Capabilities and the seccomp filter. */
#include "kernel.h"
#include "machine.h"
#include "start.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { CAPABILITIES = 64 };

static bool has(uint64_t set, unsigned capability)
{
    return (set >> capability & 1) != 0;
}

int op_capbset_drop(struct tsr_machine *m, const struct op_capbset_drop *op)
{
    (void)m;
    for (unsigned capability = 0; capability < CAPABILITIES; capability++) {
        if (has(op->keep, capability))
            continue;
        if (prctl(PR_CAPBSET_DROP, (unsigned long)capability, 0ul, 0ul, 0ul) == 0)
            continue;
        /* Behind the last one the kernel knows. */
        return errno == EINVAL && capability > 0 ? 0 : -errno;
    }
    return 0;
}

int op_capset(struct tsr_machine *m, const struct op_capset *op)
{
    struct kernel_cap_header header = {.version = KERNEL_CAPABILITY_VERSION_3};
    struct kernel_cap_data data[2];

    (void)m;
    for (unsigned i = 0; i < 2; i++) {
        data[i].effective = (uint32_t)(op->effective >> 32 * i);
        data[i].permitted = (uint32_t)(op->permitted >> 32 * i);
        data[i].inheritable = (uint32_t)(op->inheritable >> 32 * i);
    }
    return tsr_result(syscall(SYS_capset, &header, data));
}

int op_cap_ambient(struct tsr_machine *m, const struct op_cap_ambient *op)
{
    if (prctl(PR_CAP_AMBIENT, (unsigned long)PR_CAP_AMBIENT_CLEAR_ALL, 0ul, 0ul, 0ul) < 0)
        return -errno;
    for (unsigned capability = 0; capability < CAPABILITIES; capability++) {
        if (!has(op->set, capability))
            continue;
        if (prctl(PR_CAP_AMBIENT, (unsigned long)PR_CAP_AMBIENT_RAISE, (unsigned long)capability, 0ul,
                  0ul) < 0) {
            tsr_text_add(&m->detail, "capability ");
            tsr_text_add_number(&m->detail, capability);
            return -errno;
        }
    }
    return 0;
}

/*
 * The filter is in force: the runtime takes the listener out of this process, so that only write(2) must be
 * allowed, and read(2) allowed or answered by the agent, as with runc.
 */
static int hand_over(const struct tsr_machine *m, int listener)
{
    uint32_t message[4] = {TSR_SAY_LISTENER, m->step->plan_index, (uint32_t)listener, 0};
    ssize_t done;

    do
        done = write(m->control, message, sizeof message);
    while (done < 0 && errno == EINTR);
    if (done != (ssize_t)sizeof message)
        return done < 0 ? -errno : -EIO;
    return tsr_hear_go(m->control) ? 0 : -ECONNRESET;
}

/*
 * Signals are reset before a filter that may refuse it, for one made for runc may. But a hook that does not read
 * its standard input must not end init by SIGPIPE; hooks take calls enough besides.
 */
static bool has_hook_behind(const struct tsr_machine *m)
{
    const struct tsr_step *end = m->plan.steps + m->plan.step_count;

    for (const struct tsr_step *step = m->step; step < end; step++) {
        if (step->opcode == OP_hook)
            return true;
    }
    return false;
}

int op_seccomp(struct tsr_machine *m, const struct op_seccomp *op)
{
    uint32_t count = op->filter.length / (uint32_t)sizeof(struct kernel_sock_filter);
    struct kernel_sock_fprog program = {.len = (unsigned short)count, .filter = op->filter.data};
    int listener TSR_CLOSED = -1;
    int result;

    if (!has_hook_behind(m)) {
        tsr_restore_signals();
        m->has_reset_signals = true;
    }
    if (count > KERNEL_BPF_MAXINSNS || op->filter.length % sizeof(struct kernel_sock_filter) != 0)
        return -EINVAL;
    result = tsr_result(syscall(SYS_seccomp, KERNEL_SECCOMP_SET_MODE_FILTER, op->flags, &program));
    if (result < 0 || (op->flags & KERNEL_SECCOMP_FILTER_FLAG_NEW_LISTENER) == 0)
        return result;
    listener = result;
    /* Nothing but this may come between: any other call may wait for an agent that has no listener yet. */
    if (m->marker != 0)
        return tsr_result(syscall(SYS_seccomp, m->marker, 0u, NULL));
    return hand_over(m, listener);
}

/* Descriptors are numbered from the lowest that is free, and nothing is opened before the filter. */
int op_announce_listener(struct tsr_machine *m, const struct op_announce_listener *op)
{
    int listener = fcntl(m->control, F_DUPFD_CLOEXEC, 0);
    int error;

    if (listener < 0)
        return -errno;
    close(listener);
    m->marker = op->marker;
    error = tsr_say(m, TSR_SAY_LISTENER, m->step->plan_index, listener, -1);
    if (error < 0)
        return error;
    return tsr_hear_go(m->control) ? 0 : -ECONNRESET;
}
