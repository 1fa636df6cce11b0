/* The decoder takes what README.md draws, to the byte, and nothing else. */
#include "../generated/ops_shapes.h"
#include "../plan.h"
#include "check.h"
#include "decoded.h"
#include "plan_bytes.h"
#include <errno.h>
#include <string.h>

static struct plan_bytes plan;

static void takes_every_operation(void)
{
    for (unsigned variant = 0; variant < 24; variant++) {
        build_every_operation(&plan, variant);
        CHECK_EQUAL(decode_and_read(plan.bytes, plan.length), 0);
    }
}

static void fields_arrive(void)
{
    static const char *const options[] = {"ro", "mode=755", NULL};
    static const int32_t inherited[] = {1, 9};
    static unsigned char memory[8192];
    struct tsr_arena arena = {.memory = memory, .size = sizeof memory};
    struct tsr_plan decoded;
    const struct op_fsmount *op;

    begin_plan(&plan, 3, 1, inherited);
    begin_step(&plan, OP_fsmount, TSR_OUTER, TSR_YIELD | TSR_WARN, EBUSY);
    put_str(&plan, "tmpfs");
    put_str(&plan, NULL);
    put_strs(&plan, options);
    put_u32(&plan, 15);
    put_u32(&plan, TSR_NO_SLOT);
    put_u32(&plan, 2);
    end_step(&plan);
    end_plan(&plan);
    CHECK(tsr_arena_size(plan.bytes, plan.length) <= sizeof memory);
    CHECK_EQUAL(tsr_decode_plan(plan.bytes, plan.length, &arena, &decoded), 0);
    CHECK_EQUAL(decoded.step_count, 1);
    CHECK_EQUAL(decoded.slots[0], -1);
    CHECK_EQUAL(decoded.slots[1], 9);
    CHECK_EQUAL(decoded.steps[0].plan_index, 100);
    CHECK_EQUAL(decoded.steps[0].flags, TSR_YIELD | TSR_WARN);
    CHECK_EQUAL(decoded.steps[0].ignored_count, 1);
    CHECK_EQUAL(decoded.steps[0].ignored[0], EBUSY);
    op = &decoded.steps[0].op.fsmount;
    CHECK_TEXT(op->fstype, "tmpfs");
    CHECK(op->source == NULL);
    CHECK_TEXT(op->options[0], "ro");
    CHECK_TEXT(op->options[1], "mode=755");
    CHECK(op->options[2] == NULL);
    CHECK_EQUAL(op->attributes, 15);
    CHECK_EQUAL(op->mode_of, TSR_NO_SLOT);
    CHECK_EQUAL(op->out, 2);
}

static void refuses_every_truncation(void)
{
    build_every_operation(&plan, 1);
    for (size_t length = 0; length < plan.length; length++) {
        CHECK_EQUAL(decode_and_read(plan.bytes, length), -EPROTO);
        /* Also when the header does not tell. */
        memcpy(plan.bytes + 8, &(uint32_t){(uint32_t)length}, sizeof(uint32_t));
        if (length >= 12)
            CHECK_EQUAL(decode_and_read(plan.bytes, length), -EPROTO);
        memcpy(plan.bytes + 8, &(uint32_t){(uint32_t)plan.length}, sizeof(uint32_t));
    }
}

static void survives_every_flipped_bit(void)
{
    for (unsigned variant = 0; variant < 3; variant++) {
        build_every_operation(&plan, variant);
        for (size_t bit = 0; bit < 8 * plan.length; bit++) {
            plan.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
            decode_and_read(plan.bytes, plan.length);
            plan.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
    }
    CHECK_EQUAL(decode_and_read(plan.bytes, plan.length), 0);
}

/* A word of the header, or of the first step behind two inherited slots, and a value it must not have. */
static const struct {
    const char *claim;
    size_t at;
    uint32_t value;
} wrong_words[] = {
    {"another magic", 0, 0x54535253},
    {"another version", 4, TSR_WIRE_VERSION ^ 1},
    {"too short a total", 8, 40},
    {"more steps than bytes", 12, 0x10000000},
    {"no steps, but bytes of them", 12, 0},
    {"more slots than there may be", 16, TSR_MAX_SLOTS + 1},
    {"a slot out of range inherited", 24, 3},
    {"the absent slot inherited", 24, TSR_NO_SLOT},
    {"no descriptor inherited", 28, 0xffffffff},
    {"more inherited than there is", 20, 1000},
    {"a step shorter than its head", 40, 15},
    {"a step longer than the plan", 40, 0x7fffffff},
    {"an unknown opcode", 44, 0x01010fff},
    {"no actor", 44, 0x00000000},
    {"an actor nobody is", 44, 0x00030000},
    {"an init step before clone3", 44, 0x00020000},
    {"an unknown flag", 44, 0x04010000},
    {"more ignored errnos than bytes", 52, 0x40000000},
};

static void refuses_wrong_words(void)
{
    for (size_t i = 0; i < sizeof wrong_words / sizeof *wrong_words; i++) {
        build_every_operation(&plan, 0);
        memcpy(plan.bytes + wrong_words[i].at, &wrong_words[i].value, sizeof(uint32_t));
        check_case(wrong_words[i].claim);
        CHECK_EQUAL(decode_and_read(plan.bytes, plan.length), -EPROTO);
    }
}

static void refuses(const char *claim)
{
    end_step(&plan);
    end_plan(&plan);
    check_case(claim);
    CHECK_EQUAL(decode_and_read(plan.bytes, plan.length), -EPROTO);
    begin_plan(&plan, 1, 0, NULL);
}

static void refuses_wrong_fields(void)
{
    begin_plan(&plan, 1, 0, NULL);
    begin_step(&plan, OP_chdir, TSR_OUTER, 0, 0);
    put_str(&plan, NULL);
    refuses("an absent string that is required");
    begin_step(&plan, OP_chdir, TSR_OUTER, 0, 0);
    put_u32(&plan, 3);
    put_bytes(&plan, "abc", 3);
    refuses("a string without its NUL");
    begin_step(&plan, OP_chdir, TSR_OUTER, 0, 0);
    put_u32(&plan, 4);
    put_bytes(&plan, "a\0b", 4);
    refuses("a NUL inside a string");
    begin_step(&plan, OP_chdir, TSR_OUTER, 0, 0);
    put_u32(&plan, 0xfffffff0);
    refuses("a string longer than the address space");
    begin_step(&plan, OP_chdir, TSR_OUTER, 0, 0);
    put_str(&plan, "/");
    put_u32(&plan, 0);
    refuses("bytes left over in a step");
    begin_step(&plan, OP_fchdir, TSR_OUTER, 0, 0);
    put_u32(&plan, 1);
    refuses("a slot out of range");
    begin_step(&plan, OP_fchdir, TSR_OUTER, 0, 0);
    put_u32(&plan, TSR_NO_SLOT);
    refuses("an absent slot that is required");
    begin_step(&plan, OP_setgroups, TSR_OUTER, 0, 0);
    put_u32(&plan, 0x40000000);
    refuses("more numbers than bytes");
    begin_step(&plan, OP_sched_setaffinity, TSR_OUTER, 0, 0);
    put_u32(&plan, 1);
    refuses("more bytes than there are");
    begin_step(&plan, OP_clone3, TSR_OUTER, 0, 0);
    put_u64(&plan, 0);
    put_u32(&plan, TSR_NO_SLOT);
    end_step(&plan);
    begin_step(&plan, OP_fchdir, TSR_OUTER, 0, 0);
    put_u32(&plan, 0);
    refuses("an outer step behind clone3");
}

static void refuses_operations_of_the_runtime(void)
{
    for (uint16_t opcode = 0; opcode < 200; opcode++) {
        bool is_ours = false;

        for (size_t i = 0; i < sizeof tsr_shapes / sizeof *tsr_shapes; i++)
            is_ours = is_ours || tsr_shapes[i].opcode == opcode;
        if (is_ours)
            continue;
        begin_plan(&plan, 1, 0, NULL);
        begin_step(&plan, opcode, TSR_OUTER, 0, 0);
        end_step(&plan);
        end_plan(&plan);
        CHECK_EQUAL(decode_and_read(plan.bytes, plan.length), -EPROTO);
    }
}

static void takes_an_empty_plan(void)
{
    begin_plan(&plan, 0, 0, NULL);
    end_plan(&plan);
    CHECK_EQUAL(decode_and_read(plan.bytes, plan.length), 0);
    put_bytes(&plan, "", 1);
    CHECK_EQUAL(decode_and_read(plan.bytes, plan.length), -EPROTO);
}

const struct test wire_tests[] = {
    {"takes a plan with every operation", takes_every_operation},
    {"fields arrive as they were written", fields_arrive},
    {"takes a plan of no steps, and no byte behind it", takes_an_empty_plan},
    {"refuses a plan cut short anywhere", refuses_every_truncation},
    {"survives any flipped bit", survives_every_flipped_bit},
    {"refuses wrong words in the header and in a step", refuses_wrong_words},
    {"refuses wrong fields", refuses_wrong_fields},
    {"refuses what only the runtime performs", refuses_operations_of_the_runtime},
    {NULL, NULL},
};
