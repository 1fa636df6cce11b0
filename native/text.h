/* A short text that is put together piece by piece in memory that is always there. */
#ifndef TSR_TEXT_H
#define TSR_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* A control message is at most 4,096 bytes, 16 of them its header. */
#define TSR_TEXT_MAX 4080

struct tsr_text {
    size_t length;
    char bytes[TSR_TEXT_MAX];
};

/* What does not fit is cut off. */
void tsr_text_add_bytes(struct tsr_text *text, const char *bytes, size_t length);
void tsr_text_add(struct tsr_text *text, const char *string);
/* In decimal. */
void tsr_text_add_number(struct tsr_text *text, uint64_t number);
/* Writes the digits of number in base (8 or 10) and a NUL; returns the first digit, inside buffer. */
char *tsr_format_number(char buffer[24], uint64_t number, unsigned base);
/* Reads a decimal number that is the whole string; -1 when it is none or does not fit an int. */
int tsr_parse_number(const char *string);

#endif
