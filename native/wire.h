/*
 * The plan's bytes, drawn in README.md, to structures. All of a plan is checked and decoded before its
 * first step is performed; strings stay in the plan's own memory, arrays are put into an arena.
 */
#ifndef TSR_WIRE_H
#define TSR_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define TSR_MAGIC 0x4e525354u /* the bytes T S R N */
#define TSR_NO_SLOT 0xffffffffu
/* A plan holds a few slots for each mount; more is a broken plan. */
#define TSR_MAX_SLOTS 65536u
/* The largest plans hold a seccomp filter (32 KiB) and some thousand mounts. */
#define TSR_MAX_PLAN (16u << 20)

enum tsr_actor { TSR_OUTER = 1, TSR_INIT = 2 };
enum tsr_step_flag { TSR_YIELD = 1, TSR_WARN = 2 };

struct tsr_bytes {
    const unsigned char *data;
    uint32_t length;
};

struct tsr_u32s {
    const uint32_t *values;
    uint32_t count;
};

/* Memory for what decoding makes: used from the front, never given back. */
struct tsr_arena {
    unsigned char *memory;
    size_t size, used;
};

/* Reads a plan front to back. The first error stays in `error` (-EPROTO); reads behind it give zero. */
struct tsr_reader {
    const unsigned char *at, *end;
    struct tsr_arena *arena;
    uint32_t slots;
    int error;
};

void tsr_read_u32(struct tsr_reader *r, uint32_t *ret);
void tsr_read_i32(struct tsr_reader *r, int32_t *ret);
void tsr_read_u64(struct tsr_reader *r, uint64_t *ret);
void tsr_read_str(struct tsr_reader *r, const char **ret);
void tsr_read_str_or_null(struct tsr_reader *r, const char **ret);
/* NULL-terminated like argv, with room for one more string before the NULL. */
void tsr_read_strs(struct tsr_reader *r, char ***ret);
void tsr_read_bytes(struct tsr_reader *r, struct tsr_bytes *ret);
void tsr_read_u32s(struct tsr_reader *r, struct tsr_u32s *ret);
void tsr_read_slot(struct tsr_reader *r, uint32_t *ret);
void tsr_read_slot_or_none(struct tsr_reader *r, uint32_t *ret);

struct tsr_plan {
    struct tsr_step *steps;
    uint32_t step_count;
    /* What each slot holds: a descriptor or a pid, -1 when empty. */
    int32_t *slots;
    uint32_t slot_count;
};

/* How much arena decoding a plan of this many bytes and steps can need. */
size_t tsr_arena_size(const unsigned char *bytes, size_t length);
/* 0 or -EPROTO. The plan points into bytes and arena. */
int tsr_decode_plan(const unsigned char *bytes, size_t length, struct tsr_arena *arena,
                    struct tsr_plan *ret_plan);

#endif
