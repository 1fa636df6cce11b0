/* The loop: yield, skip, perform, ignore or report. */
#include "machine.h"
#include "trace.h"
#include <errno.h>
#include <signal.h>

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

/* The runtime is mostly ahead of outer, and has told it to go on before it asks. */
static bool may_go_on(const struct tsr_machine *m)
{
    if (m->step->actor == TSR_OUTER && tsr_has_go(m->control))
        return true;
    return tsr_say(m, TSR_SAY_YIELD, m->step->plan_index, 0, -1) == 0 && tsr_hear_go(m->control);
}

/* How the steps are gone through, with or without a trace: one text, two functions. */
static inline __attribute__((always_inline)) int run(struct tsr_machine *m, struct tsr_trace *trace)
{
    /* What is said to a runtime that is gone ends nobody; execve and hooks start with the default again. */
    signal(SIGPIPE, SIG_IGN);
    for (uint32_t i = 0; i < m->plan.step_count && !m->is_done; i++) {
        const struct tsr_step *step = &m->plan.steps[i];
        int error;

        m->step = step;
        if ((step->flags & TSR_YIELD) != 0 && !may_go_on(m))
            return 1;
        if (lacks_slot(m, step))
            continue;
        m->detail.length = 0;
        if (trace != NULL)
            tsr_trace_begin(trace, step->plan_index);
        error = tsr_perform_op(m, step->opcode, &step->op);
        if (trace != NULL)
            tsr_trace_end(trace, step->plan_index, error, &m->detail);
        if (error < 0 && !is_ignored(step, error)) {
            (void)tsr_say(m, TSR_SAY_FAULT, step->plan_index, -error, -1);
            return 1;
        }
        if (error < 0 && (step->flags & TSR_WARN) != 0)
            (void)tsr_say(m, TSR_SAY_WARNING, step->plan_index, -error, -1);
    }
    return 0;
}

int tsr_run(struct tsr_machine *m)
{
    return run(m, NULL);
}

int tsr_run_traced(struct tsr_machine *m, struct tsr_trace *trace)
{
    m->is_traced = true;
    return run(m, trace);
}
