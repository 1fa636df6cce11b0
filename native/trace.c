/* When each step began and ended, for create --trace. */
#include "trace.h"
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct tsr_trace *tsr_trace_map(int fd)
{
    struct stat status;
    struct tsr_trace *trace;
    size_t size;

    if (fstat(fd, &status) < 0 || status.st_size < (off_t)sizeof *trace)
        return NULL;
    size = (size_t)status.st_size;
    trace = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (trace == MAP_FAILED)
        return NULL;
    close(fd);
    if (trace->records <= size / sizeof *trace->record && trace->text_size <= size &&
        sizeof *trace + trace->records * sizeof *trace->record + trace->text_size <= size)
        return trace;
    munmap(trace, size);
    return NULL;
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void tsr_trace_begin(struct tsr_trace *trace, uint32_t step)
{
    if (step < trace->records)
        trace->record[step].begin = now();
}

void tsr_trace_end(struct tsr_trace *trace, uint32_t step, int error, const struct tsr_text *detail)
{
    char *text = (char *)&trace->record[trace->records];
    uint32_t length = (uint32_t)detail->length;
    struct tsr_trace_record *record;

    if (step >= trace->records)
        return;
    record = &trace->record[step];
    record->end = now();
    record->error = -error;
    if (length > trace->text_size - trace->text_used)
        length = trace->text_size - trace->text_used;
    memcpy(text + trace->text_used, detail->bytes, length);
    record->offset = trace->text_used;
    record->length = length;
    trace->text_used += length;
}
