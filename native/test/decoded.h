/* Decodes bytes in memory of exactly their size, so that sanitizers see every step beyond it. */
#ifndef TSR_DECODED_H
#define TSR_DECODED_H

#include <stddef.h>

/* What tsr_decode_plan returned. An accepted plan is read to its last byte; what it holds is checked. */
int decode_and_read(const unsigned char *bytes, size_t length);

#endif
