/* What a hook said, and the words for how it failed (runc's, which people know). */
#ifndef TSR_HOOK_H
#define TSR_HOOK_H

#include "text.h"
#include <stdbool.h>

/* The last bytes of a stream: what went wrong stands at its end. Two of them fit a control message. */
#define TSR_OUTPUT_MAX 1900

struct tsr_output {
    size_t length;
    bool is_cut;
    char bytes[TSR_OUTPUT_MAX];
};

void tsr_output_add(struct tsr_output *output, const char *bytes, size_t length);
/*
 * `exit status 1, stdout: …, stderr: …`, `signal: killed, …` from a wait status; with timeout_ms
 * `hook ran past specified timeout of 1.0s, …`. output[0] is standard output, [1] standard error.
 */
void tsr_describe_hook(struct tsr_text *text, int status, uint32_t timeout_ms,
                       const struct tsr_output output[2]);

#endif
