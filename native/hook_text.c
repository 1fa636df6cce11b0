/* What a hook said, and the words for how it failed. */
#include "hook.h"
#include <ctype.h>
#include <string.h>
#include <sys/wait.h>

void tsr_output_add(struct tsr_output *output, const char *bytes, size_t length)
{
    if (length > TSR_OUTPUT_MAX) {
        bytes += length - TSR_OUTPUT_MAX;
        length = TSR_OUTPUT_MAX;
        output->length = 0;
        output->is_cut = true;
    }
    if (output->length + length > TSR_OUTPUT_MAX) {
        size_t lost = output->length + length - TSR_OUTPUT_MAX;

        memmove(output->bytes, output->bytes + lost, output->length - lost);
        output->length -= lost;
        output->is_cut = true;
    }
    memcpy(output->bytes + output->length, bytes, length);
    output->length += length;
}

static void add_output(struct tsr_text *text, const char *name, const struct tsr_output *output)
{
    size_t length = output->length;

    tsr_text_add(text, name);
    if (output->is_cut)
        tsr_text_add(text, "...");
    while (length > 0 && isspace((unsigned char)output->bytes[length - 1]))
        length--;
    tsr_text_add_bytes(text, output->bytes, length);
}

static void add_end(struct tsr_text *text, int status)
{
    const char *name = "";
    char first;

    if (WIFEXITED(status)) {
        tsr_text_add(text, "exit status ");
        tsr_text_add_number(text, (uint64_t)WEXITSTATUS(status));
        return;
    }
    name = strsignal(WTERMSIG(status));
    first = (char)tolower((unsigned char)*name);
    tsr_text_add(text, "signal: ");
    tsr_text_add_bytes(text, &first, 1);
    tsr_text_add(text, name + 1);
}

void tsr_describe_hook(struct tsr_text *text, int status, uint32_t timeout_ms,
                       const struct tsr_output output[2])
{
    if (timeout_ms == 0) {
        add_end(text, status);
    } else {
        uint64_t tenths = ((uint64_t)timeout_ms + 50) / 100;

        tsr_text_add(text, "hook ran past specified timeout of ");
        tsr_text_add_number(text, tenths / 10);
        tsr_text_add(text, ".");
        tsr_text_add_number(text, tenths % 10);
        tsr_text_add(text, "s");
    }
    add_output(text, ", stdout: ", &output[0]);
    add_output(text, ", stderr: ", &output[1]);
}
