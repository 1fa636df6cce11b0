/* A short text that is put together piece by piece; printf would double the size of the executor. */
#include "text.h"
#include <limits.h>
#include <string.h>

void tsr_text_add_bytes(struct tsr_text *text, const char *bytes, size_t length)
{
    size_t room = TSR_TEXT_MAX - text->length;

    if (length > room)
        length = room;
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

void tsr_text_add(struct tsr_text *text, const char *string)
{
    tsr_text_add_bytes(text, string, strlen(string));
}

void tsr_text_add_number(struct tsr_text *text, uint64_t number)
{
    char buffer[24];

    tsr_text_add(text, tsr_format_number(buffer, number, 10));
}

char *tsr_format_number(char buffer[24], uint64_t number, unsigned base)
{
    char *at = buffer + 23;

    *at = '\0';
    do {
        *--at = (char)('0' + number % base);
        number /= base;
    } while (number != 0);
    return at;
}

int tsr_parse_number(const char *string)
{
    int number = 0;

    if (*string == '\0')
        return -1;
    for (; *string != '\0'; string++) {
        if (*string < '0' || *string > '9' || number > (INT_MAX - 9) / 10)
            return -1;
        number = number * 10 + (*string - '0');
    }
    return number;
}
