/* The loop: yield, skip, perform, ignore or report. */
#include "machine.h"
#include <errno.h>
#include <sys/socket.h>

/* True when the runtime said go; false when it is gone, and so is the reason to go on. */
static bool wait_for_go(const struct tsr_machine *m)
{
    uint32_t word = 0;
    ssize_t got;

    do
        got = recv(m->control, &word, sizeof word, 0);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof word && word == TSR_GO;
}

/* The step that should have filled a slot failed, and the plan said that is fine. */
static bool lacks_slot(const struct tsr_machine *m, const struct tsr_step *step)
{
    uint32_t slots[4];
    unsigned count = tsr_required_slots(step->opcode, &step->op, slots);

    for (unsigned i = 0; i < count; i++) {
        if (m->plan.slots[slots[i]] < 0)
            return true;
    }
    return false;
}

static bool is_ignored(const struct tsr_step *step, int error)
{
    for (uint32_t i = 0; i < step->ignored_count; i++) {
        if (step->ignored[i] == -error)
            return true;
    }
    return false;
}

int tsr_run(struct tsr_machine *m)
{
    for (uint32_t i = 0; i < m->plan.step_count && !m->is_done; i++) {
        const struct tsr_step *step = &m->plan.steps[i];
        int error;

        m->step = step;
        if ((step->flags & TSR_YIELD) != 0) {
            tsr_say(m, TSR_SAY_YIELD, step->plan_index, 0, -1);
            if (!wait_for_go(m))
                return 1;
        }
        if (lacks_slot(m, step))
            continue;
        m->detail.length = 0;
        error = tsr_perform_op(m, step->opcode, &step->op);
        if (error < 0 && !is_ignored(step, error)) {
            tsr_say(m, TSR_SAY_FAULT, step->plan_index, -error, -1);
            return 1;
        }
        if (error < 0 && (step->flags & TSR_WARN) != 0)
            tsr_say(m, TSR_SAY_WARNING, step->plan_index, -error, -1);
    }
    return 0;
}
