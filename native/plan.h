/* A decoded plan's step. Apart from wire.h, which the generated operations need before they are known. */
#ifndef TSR_PLAN_H
#define TSR_PLAN_H

#include "generated/ops.h"

struct tsr_step {
    union tsr_op op;
    const int32_t *ignored;
    uint32_t ignored_count;
    uint32_t plan_index;
    uint16_t opcode;
    uint8_t actor;
    uint8_t flags;
};

#endif
