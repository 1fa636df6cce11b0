/* UTF-8 as the WHATWG encoding standard reads and writes it. */
#ifndef TSRUN_UTF8_H
#define TSRUN_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The length of the well-formed UTF-8 that text begins with. */
size_t utf8_valid_prefix(const unsigned char *text, size_t length);

/* Whether C can be told the text as it is: well-formed, and without NUL. */
bool utf8_speakable(const unsigned char *text, size_t length);

/* Copies text with every maximal ill-formed part replaced by U+FFFD. Returns the bytes written; repaired
 * must hold three times length. */
size_t utf8_repair(const unsigned char *text, size_t length, unsigned char *repaired);

/* Replaces, in place, the three bytes of every encoded surrogate by U+FFFD. */
void utf8_replace_surrogates(unsigned char *text, size_t length);

#endif
