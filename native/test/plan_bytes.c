#include "plan_bytes.h"
#include "../generated/ops_shapes.h"
#include "../plan.h"
#include <stdlib.h>
#include <string.h>

enum { STEPS_AT = 12, TOTAL_AT = 8 };

void put_bytes(struct plan_bytes *p, const void *bytes, size_t length)
{
    if (p->length + length > sizeof p->bytes)
        abort();
    memcpy(p->bytes + p->length, bytes, length);
    p->length += length;
}

void put_u16(struct plan_bytes *p, uint16_t value)
{
    put_bytes(p, &value, sizeof value);
}

void put_u32(struct plan_bytes *p, uint32_t value)
{
    put_bytes(p, &value, sizeof value);
}

void put_u64(struct plan_bytes *p, uint64_t value)
{
    put_bytes(p, &value, sizeof value);
}

void put_str(struct plan_bytes *p, const char *text)
{
    uint32_t length = text == NULL ? 0 : (uint32_t)strlen(text) + 1;

    put_u32(p, length);
    put_bytes(p, text == NULL ? "" : text, length);
}

void put_strs(struct plan_bytes *p, const char *const *texts)
{
    uint32_t count = 0;

    while (texts[count] != NULL)
        count++;
    put_u32(p, count);
    for (uint32_t i = 0; i < count; i++)
        put_str(p, texts[i]);
}

void begin_plan(struct plan_bytes *p, uint32_t slots, uint32_t inherited, const int32_t *pairs)
{
    *p = (struct plan_bytes){0};
    put_u32(p, TSR_MAGIC);
    put_u32(p, TSR_WIRE_VERSION);
    put_u32(p, 0);
    put_u32(p, 0);
    put_u32(p, slots);
    put_u32(p, inherited);
    for (uint32_t i = 0; i < 2 * inherited; i++)
        put_u32(p, (uint32_t)pairs[i]);
}

void begin_step(struct plan_bytes *p, uint16_t opcode, uint8_t actor, uint8_t flags, int32_t ignored)
{
    p->step = p->length;
    put_u32(p, 0);
    put_u16(p, opcode);
    put_bytes(p, &actor, 1);
    put_bytes(p, &flags, 1);
    put_u32(p, 100 + p->steps);
    put_u32(p, ignored != 0);
    if (ignored != 0)
        put_u32(p, (uint32_t)ignored);
    p->steps++;
}

void end_step(struct plan_bytes *p)
{
    uint32_t length = (uint32_t)(p->length - p->step);

    memcpy(p->bytes + p->step, &length, sizeof length);
}

void end_plan(struct plan_bytes *p)
{
    uint32_t total = (uint32_t)p->length;

    memcpy(p->bytes + TOTAL_AT, &total, sizeof total);
    memcpy(p->bytes + STEPS_AT, &p->steps, sizeof p->steps);
}

static void put_field(struct plan_bytes *p, char letter, unsigned variant)
{
    static const char *const texts[] = {"", "a", "/dev/null", "mode=755,size=65536k"};
    static const char *const lists[][4] = {{NULL}, {"x", NULL}, {"", "PATH=/bin", "HOME=", NULL}};

    switch (letter) {
    case 's':
        put_str(p, texts[variant % 4]);
        break;
    case 'S':
        put_str(p, variant % 2 == 0 ? NULL : texts[variant % 4]);
        break;
    case 'v':
        put_strs(p, lists[variant % 3]);
        break;
    case 'b':
    case 'w':
        put_u32(p, variant % 3);
        put_bytes(p, "\1\2\3\4\5\6\7\10", (letter == 'w' ? 4 : 1) * (variant % 3));
        break;
    case 'U':
        put_u64(p, 0xfedcba9876543210u + variant);
        break;
    case 'l':
        put_u32(p, variant % 3);
        break;
    case 'L':
        put_u32(p, variant % 2 == 0 ? TSR_NO_SLOT : variant % 3);
        break;
    default:
        put_u32(p, variant);
    }
}

void build_every_operation(struct plan_bytes *p, unsigned variant)
{
    static const int32_t inherited[] = {0, 5, 2, 7};
    uint8_t actor = TSR_OUTER;

    begin_plan(p, 3, 2, inherited);
    for (size_t i = 0; i < sizeof tsr_shapes / sizeof *tsr_shapes; i++) {
        begin_step(p, tsr_shapes[i].opcode, actor, (uint8_t)(variant % 4), variant % 2 == 0 ? 0 : 2);
        for (const char *letter = tsr_shapes[i].fields; *letter != '\0'; letter++)
            put_field(p, *letter, variant++);
        end_step(p);
        if (tsr_shapes[i].opcode == OP_clone3)
            actor = TSR_INIT;
    }
    end_plan(p);
}
