/* Decodes a plan. Every length is checked against what is left before it is used. */
#include "wire.h"
#include "plan.h"
#include <errno.h>
#include <stdalign.h>
#include <stdbool.h>
#include <string.h>

enum { HEADER_BYTES = 24, STEP_HEAD_BYTES = 16 };

static void fail(struct tsr_reader *r)
{
    r->error = -EPROTO;
    r->at = r->end;
}

static size_t left(const struct tsr_reader *r)
{
    return (size_t)(r->end - r->at);
}

/* The next length bytes of the plan, or NULL when there are fewer. */
static const unsigned char *take(struct tsr_reader *r, size_t length)
{
    const unsigned char *taken = r->at;

    if (r->error != 0 || length > left(r)) {
        fail(r);
        return NULL;
    }
    r->at += length;
    return taken;
}

static void *allocate(struct tsr_reader *r, size_t count, size_t size)
{
    struct tsr_arena *arena = r->arena;
    size_t start = (arena->used + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);

    /* Cannot fail for an arena of tsr_arena_size: count was checked against the bytes left. */
    if (start > arena->size || count > (arena->size - start) / size) {
        fail(r);
        return NULL;
    }
    arena->used = start + count * size;
    return arena->memory + start;
}

static void read_word(struct tsr_reader *r, void *ret, size_t size)
{
    const unsigned char *bytes = take(r, size);

    /* The wire is little-endian, and so is every machine this runs on (see the check below). */
    if (bytes == NULL)
        memset(ret, 0, size);
    else
        memcpy(ret, bytes, size);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the wire is little-endian");

void tsr_read_u32(struct tsr_reader *r, uint32_t *ret)
{
    read_word(r, ret, sizeof *ret);
}

void tsr_read_i32(struct tsr_reader *r, int32_t *ret)
{
    read_word(r, ret, sizeof *ret);
}

void tsr_read_u64(struct tsr_reader *r, uint64_t *ret)
{
    read_word(r, ret, sizeof *ret);
}

void tsr_read_str_or_null(struct tsr_reader *r, const char **ret)
{
    uint32_t length;
    const unsigned char *bytes;

    *ret = NULL;
    tsr_read_u32(r, &length);
    if (length == 0)
        return;
    bytes = take(r, length);
    /* The NUL is the last byte and the only one: what is checked is what the kernel will see. */
    if (bytes == NULL || memchr(bytes, '\0', length) != bytes + length - 1) {
        fail(r);
        return;
    }
    *ret = (const char *)bytes;
}

void tsr_read_str(struct tsr_reader *r, const char **ret)
{
    tsr_read_str_or_null(r, ret);
    if (*ret == NULL) {
        fail(r);
        *ret = "";
    }
}

/* A count of elements of at least `bytes` bytes each. */
static uint32_t read_count(struct tsr_reader *r, size_t bytes)
{
    uint32_t count;

    tsr_read_u32(r, &count);
    if (count > left(r) / bytes) {
        fail(r);
        return 0;
    }
    return count;
}

void tsr_read_strs(struct tsr_reader *r, char ***ret)
{
    static char *none[2];
    uint32_t count = read_count(r, 5);
    const char **strings = allocate(r, (size_t)count + 2, sizeof *strings);

    *ret = none;
    if (strings == NULL)
        return;
    for (uint32_t i = 0; i < count; i++)
        tsr_read_str(r, &strings[i]);
    strings[count] = NULL;
    strings[count + 1] = NULL;
    /* execve(2) takes char *const *, and writes to none of them. */
    memcpy(ret, &(void *){strings}, sizeof *ret);
}

void tsr_read_bytes(struct tsr_reader *r, struct tsr_bytes *ret)
{
    tsr_read_u32(r, &ret->length);
    ret->data = take(r, ret->length);
    if (ret->data == NULL)
        ret->length = 0;
}

void tsr_read_u32s(struct tsr_reader *r, struct tsr_u32s *ret)
{
    uint32_t count = read_count(r, sizeof(uint32_t));
    uint32_t *values = allocate(r, count, sizeof *values);

    *ret = (struct tsr_u32s){.values = values, .count = values == NULL ? 0 : count};
    for (uint32_t i = 0; i < ret->count; i++)
        tsr_read_u32(r, &values[i]);
}

void tsr_read_slot_or_none(struct tsr_reader *r, uint32_t *ret)
{
    tsr_read_u32(r, ret);
    if (*ret != TSR_NO_SLOT && *ret >= r->slots)
        fail(r);
}

void tsr_read_slot(struct tsr_reader *r, uint32_t *ret)
{
    tsr_read_slot_or_none(r, ret);
    if (*ret == TSR_NO_SLOT)
        fail(r);
}

size_t tsr_arena_size(const unsigned char *bytes, size_t length)
{
    uint32_t steps = 0, slots = 0;

    if (length < HEADER_BYTES)
        return 0;
    memcpy(&steps, bytes + 12, sizeof steps);
    memcpy(&slots, bytes + 16, sizeof slots);
    if (steps > length / STEP_HEAD_BYTES || slots > TSR_MAX_SLOTS)
        return 0;
    /*
     * The dearest array is an empty strs: 4 bytes of plan become two pointers and, with alignment, 32
     * bytes. The kernel gives memory only where it is touched.
     */
    return steps * sizeof(struct tsr_step) + slots * sizeof(int32_t) + 8 * length + 64;
}

static void read_slots(struct tsr_reader *r, struct tsr_plan *plan, uint32_t inherited)
{
    plan->slots = allocate(r, plan->slot_count, sizeof *plan->slots);
    for (uint32_t i = 0; r->error == 0 && i < plan->slot_count; i++)
        plan->slots[i] = -1;
    for (uint32_t i = 0; r->error == 0 && i < inherited; i++) {
        uint32_t slot;
        int32_t value;

        tsr_read_slot(r, &slot);
        tsr_read_i32(r, &value);
        if (r->error != 0 || value < 0)
            fail(r);
        else
            plan->slots[slot] = value;
    }
}

static void read_step_head(struct tsr_reader *r, struct tsr_step *step)
{
    int32_t *ignored;

    read_word(r, &step->opcode, sizeof step->opcode);
    read_word(r, &step->actor, sizeof step->actor);
    read_word(r, &step->flags, sizeof step->flags);
    tsr_read_u32(r, &step->plan_index);
    step->ignored_count = read_count(r, sizeof(int32_t));
    ignored = allocate(r, step->ignored_count, sizeof *ignored);
    for (uint32_t i = 0; r->error == 0 && i < step->ignored_count; i++)
        tsr_read_i32(r, &ignored[i]);
    step->ignored = ignored;
    if ((step->actor != TSR_OUTER && step->actor != TSR_INIT) ||
        (step->flags & ~(TSR_YIELD | TSR_WARN)) != 0)
        fail(r);
}

/* One step must fill exactly the bytes it claims. */
static void read_step(struct tsr_reader *r, struct tsr_step *step)
{
    const unsigned char *start = r->at;
    struct tsr_reader fields = *r;
    uint32_t length;

    tsr_read_u32(r, &length);
    if (r->error != 0 || length < STEP_HEAD_BYTES || length > (size_t)(r->end - start)) {
        fail(r);
        return;
    }
    fields.at = r->at;
    fields.end = start + length;
    r->at = fields.end;
    read_step_head(&fields, step);
    if (fields.error != 0 || tsr_decode_op(&fields, step->opcode, &step->op) != 0 ||
        fields.at != fields.end)
        fail(r);
}

/* Steps of outer come first, clone3 is the last of them, and init's follow. */
static bool is_in_order(const struct tsr_plan *plan)
{
    uint8_t actor = TSR_OUTER;

    for (uint32_t i = 0; i < plan->step_count; i++) {
        const struct tsr_step *step = &plan->steps[i];

        if (step->actor != actor)
            return false;
        if (step->opcode == OP_clone3)
            actor = TSR_INIT;
    }
    return true;
}

int tsr_decode_plan(const unsigned char *bytes, size_t length, struct tsr_arena *arena,
                    struct tsr_plan *ret_plan)
{
    struct tsr_reader reader = {.at = bytes, .end = bytes + length, .arena = arena};
    struct tsr_reader *r = &reader;
    struct tsr_plan plan = {0};
    uint32_t magic, version, total, inherited;

    tsr_read_u32(r, &magic);
    tsr_read_u32(r, &version);
    tsr_read_u32(r, &total);
    tsr_read_u32(r, &plan.step_count);
    tsr_read_u32(r, &plan.slot_count);
    tsr_read_u32(r, &inherited);
    if (r->error != 0 || magic != TSR_MAGIC || version != TSR_WIRE_VERSION || total != length ||
        plan.step_count > length / STEP_HEAD_BYTES || plan.slot_count > TSR_MAX_SLOTS)
        return -EPROTO;
    r->slots = plan.slot_count;
    read_slots(r, &plan, inherited);
    plan.steps = allocate(r, plan.step_count, sizeof *plan.steps);
    for (uint32_t i = 0; r->error == 0 && i < plan.step_count; i++)
        read_step(r, &plan.steps[i]);
    if (r->error != 0 || left(r) != 0 || !is_in_order(&plan))
        return -EPROTO;
    *ret_plan = plan;
    return 0;
}
