/*
 * create --trace: when each step began and ended, in a file that tsrun has made and reads. It stays mapped
 * in outer and init until execve, and costs nothing where it is not asked for.
 *
 *   | u32 records | u32 bytes of text | u32 text used | u32 0 | record … | text … |
 *   record: | u64 begin ns | u64 end ns | i32 errno | u32 length of text | u32 offset of text | u32 0 |
 *
 * A record a step of the plan; begin 0: not performed; end 0: not ended, or ended by execve. Times are of
 * CLOCK_REALTIME, the one clock that is the same in a time namespace.
 */
#ifndef TSR_TRACE_H
#define TSR_TRACE_H

#include "text.h"
#include <stdint.h>

struct tsr_trace_record {
    uint64_t begin, end;
    int32_t error;
    uint32_t length, offset, unused;
};

struct tsr_trace {
    uint32_t records, text_size, text_used, unused;
    struct tsr_trace_record record[];
};

/* Maps the file at fd and closes it; NULL when it is none. */
struct tsr_trace *tsr_trace_map(int fd);
void tsr_trace_begin(struct tsr_trace *trace, uint32_t step);
/* With what the step had to say: an error's detail, a hook's output. */
void tsr_trace_end(struct tsr_trace *trace, uint32_t step, int error, const struct tsr_text *detail);

#endif
