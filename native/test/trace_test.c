/* create --trace: what is written, and that a file which is none is refused. */
#include "../trace.h"
#include "check.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int file_of(uint32_t records, uint32_t text_size, size_t size)
{
    struct tsr_trace head = {.records = records, .text_size = text_size};
    int fd = memfd_create("trace", MFD_CLOEXEC);

    if (fd < 0 || ftruncate(fd, (off_t)size) < 0 || (size >= sizeof head && pwrite(fd, &head, sizeof head, 0) < 0))
        abort();
    return fd;
}

static void writes_records(void)
{
    static struct tsr_text text;
    struct tsr_trace *trace = tsr_trace_map(file_of(3, 8, sizeof *trace + 3 * sizeof *trace->record + 8));

    CHECK(trace != NULL);
    tsr_trace_begin(trace, 1);
    CHECK(trace->record[1].begin > 0 && trace->record[1].end == 0 && trace->record[0].begin == 0);
    tsr_text_add(&text, "hello");
    tsr_trace_end(trace, 1, -7, &text);
    CHECK(trace->record[1].end >= trace->record[1].begin);
    CHECK_EQUAL(trace->record[1].error, 7);
    CHECK_EQUAL(trace->record[1].length, 5);
    /* What does not fit any more is cut. */
    tsr_trace_end(trace, 2, 0, &text);
    CHECK_EQUAL(trace->record[2].length, 3);
    CHECK(memcmp(&trace->record[3], "hellohel", 8) == 0);
    /* A step beyond the file is nobody's. */
    tsr_trace_begin(trace, 3);
    tsr_trace_end(trace, 3, 0, &text);
    CHECK_EQUAL(trace->text_used, 8);
}

static void refuses_other_files(void)
{
    CHECK(tsr_trace_map(-1) == NULL);
    CHECK(tsr_trace_map(file_of(0, 0, 0)) == NULL);
    CHECK(tsr_trace_map(file_of(4, 0, sizeof(struct tsr_trace) + 3 * sizeof(struct tsr_trace_record))) == NULL);
    CHECK(tsr_trace_map(file_of(UINT32_MAX, UINT32_MAX, 4096)) == NULL);
    CHECK(tsr_trace_map(file_of(1, 4096, 4096)) == NULL);
}

const struct test trace_tests[] = {
    {"a trace has begin, end, error and text of each step", writes_records},
    {"a file that is shorter than it says is refused", refuses_other_files},
    {NULL, NULL},
};
