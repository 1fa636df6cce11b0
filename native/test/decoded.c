#include "decoded.h"
#include "../generated/ops_shapes.h"
#include "../plan.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct range {
    const unsigned char *start, *end;
};

/* What is read must be used, or it is not read. */
static volatile size_t sum;

static void read_text(const struct range *plan, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    if (text == NULL)
        return;
    /* "" stands for a text that could not be read, and such a plan is refused. */
    if (at < plan->start || at >= plan->end)
        abort();
    sum += strlen(text);
}

static size_t size_of(char letter)
{
    switch (letter) {
    case 'b':
    case 'w':
        return sizeof(struct tsr_bytes);
    case 's':
    case 'S':
    case 'v':
    case 'U':
        return 8;
    default:
        return 4;
    }
}

static void read_field(const struct range *plan, char letter, const unsigned char *field, uint32_t slots)
{
    uint32_t number;
    struct tsr_bytes bytes;
    struct tsr_u32s numbers;
    char *text, **texts;

    memcpy(&number, field, sizeof number);
    if (letter == 's' || letter == 'S') {
        memcpy(&text, field, sizeof text);
        if (letter == 's' && text == NULL)
            abort();
        read_text(plan, text);
    } else if (letter == 'v') {
        memcpy(&texts, field, sizeof texts);
        for (; *texts != NULL; texts++)
            read_text(plan, *texts);
        /* Room for HOME, see execute.c. */
        if (texts[1] != NULL)
            abort();
    } else if (letter == 'b') {
        memcpy(&bytes, field, sizeof bytes);
        for (uint32_t i = 0; i < bytes.length; i++)
            sum += bytes.data[i];
    } else if (letter == 'w') {
        memcpy(&numbers, field, sizeof numbers);
        for (uint32_t i = 0; i < numbers.count; i++)
            sum += numbers.values[i];
    } else if ((letter == 'l' && number >= slots) ||
               (letter == 'L' && number >= slots && number != TSR_NO_SLOT)) {
        abort();
    }
}

static void read_step(const struct range *plan, const struct tsr_step *step, uint32_t slots)
{
    const unsigned char *fields = (const unsigned char *)&step->op;
    size_t offset = 0, shape = 0;
    uint32_t required[4];

    for (uint32_t i = 0; i < step->ignored_count; i++)
        sum += (size_t)step->ignored[i];
    while (tsr_shapes[shape].opcode != step->opcode)
        shape++;
    for (const char *letter = tsr_shapes[shape].fields; *letter != '\0'; letter++) {
        size_t size = size_of(*letter), align = size > 8 ? 8 : size;

        offset = (offset + align - 1) & ~(align - 1);
        read_field(plan, *letter, fields + offset, slots);
        offset += size;
    }
    if (tsr_required_slots(step->opcode, &step->op, required) > 4)
        abort();
}

int decode_and_read(const unsigned char *bytes, size_t length)
{
    size_t size = tsr_arena_size(bytes, length);
    unsigned char *copy = malloc(length == 0 ? 1 : length);
    struct tsr_arena arena = {.memory = malloc(size == 0 ? 1 : size), .size = size};
    struct range range = {copy, copy + length};
    struct tsr_plan plan;
    int error;

    if (copy == NULL || arena.memory == NULL)
        abort();
    memcpy(copy, bytes, length);
    error = tsr_decode_plan(copy, length, &arena, &plan);
    if (error != 0 && error != -EPROTO)
        abort();
    for (uint32_t i = 0; error == 0 && i < plan.step_count; i++)
        read_step(&range, &plan.steps[i], plan.slot_count);
    free(arena.memory);
    free(copy);
    return error;
}
