/* Writes the bytes of plans, by hand as README.md draws them. */
#ifndef TSR_PLAN_BYTES_H
#define TSR_PLAN_BYTES_H

#include <stddef.h>
#include <stdint.h>

struct plan_bytes {
    unsigned char bytes[65536];
    size_t length;
    size_t step;
    uint32_t steps;
};

void put_bytes(struct plan_bytes *p, const void *bytes, size_t length);
void put_u16(struct plan_bytes *p, uint16_t value);
void put_u32(struct plan_bytes *p, uint32_t value);
void put_u64(struct plan_bytes *p, uint64_t value);
/* NULL: absent. */
void put_str(struct plan_bytes *p, const char *text);
/* NULL-terminated. */
void put_strs(struct plan_bytes *p, const char *const *texts);

/* The header; inherited: pairs of slot and descriptor. */
void begin_plan(struct plan_bytes *p, uint32_t slots, uint32_t inherited, const int32_t *pairs);
/* ignored: an errno, or 0 for none. Fields follow, then end_step. The plan index is 100 and up. */
void begin_step(struct plan_bytes *p, uint16_t opcode, uint8_t actor, uint8_t flags, int32_t ignored);
void end_step(struct plan_bytes *p);
/* Fills in the header's counts. */
void end_plan(struct plan_bytes *p);

/* A plan with one step of every operation; variant changes what the fields hold. */
void build_every_operation(struct plan_bytes *p, unsigned variant);

#endif
